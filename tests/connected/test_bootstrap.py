"""Does PayWarden start with a month's memory, say nothing about it, and miss or repeat nothing at the hand-over?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from support.broker import ON_KAFKA
from support.broker_client import Cluster, Line
from support.product import PUBLISHED, Product, story
from support.waiting import wait_until

from producers.feed import Outgoing, merged, outgoing, retimed
from streams.cli.main import paywarden
from streams.contracts.base import Event, from_ms
from streams.contracts.decisions import DecisionMade
from streams.contracts.partitioning import partition_of
from streams.contracts.payments import PaymentRequested
from streams.contracts.registry import decode
from streams.contracts.topics import physical

PAYMENTS = "payments.transactions"
CUSTOMERS = 12
DAY_MS = 24 * 3_600_000


def payment(name: str, number: int, at_ms: int, amount_minor: int) -> Outgoing:
    # Live traffic leaves three customers alone, of whom the first live decision is then the one that is looked at.
    customer = 3 + number % (CUSTOMERS - 3) if name == "live" else number % CUSTOMERS
    return outgoing(
        PAYMENTS,
        PaymentRequested(
            event_id=f"{name}-{number}",
            source="test",
            occurred_at=from_ms(at_ms),
            account_id=f"customer-{customer}" if name != "stranger" else "newcomer",
            payment_id=f"{name}-{number}",
            amount_minor=amount_minor,
            currency="EUR",
            device_id=f"device-{customer}",
        ),
    )


def month(now_ms: int) -> list[Outgoing]:
    """A month of habits, and an account takeover that ends a minute before the hand-over: young enough to act on."""
    habits = [
        payment("habit", day * CUSTOMERS + customer, now_ms - (30 - day) * DAY_MS + customer * 60_000, 1_900 + 20 * day)
        for day in range(30)
        for customer in range(CUSTOMERS)
    ]
    attacks = story("account_takeover")
    lasted_ms = attacks[-1].timestamp_ms - attacks[0].timestamp_ms
    late = retimed(
        attacks[-400:], now_ms - 60_000 - (lasted_ms - (attacks[-400].timestamp_ms - attacks[0].timestamp_ms))
    )
    return [record for record in merged([iter(habits), late]) if record.timestamp_ms < now_ms]


class Started:
    """A deployment with history on its topics and no worker yet."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.environment = {
            "PAYWARDEN_BOOTSTRAP": product.cluster.bootstrap,
            "PAYWARDEN_APP_ID": product.name,
            "PAYWARDEN_TOPIC_PREFIX": product.prefix,
            "PAYWARDEN_POLICY_FILES": f'["{product.policy}"]',
        }

    def bootstraps(self, *words: str) -> Result:
        return CliRunner().invoke(paywarden, ["bootstrap", *words], env=self.environment)

    def reported(self, *words: str) -> Any:
        result = self.bootstraps(*words, "--json")
        assert result.exit_code == 0, (result.output, result.exception)
        return msgspec.json.decode(result.stdout)

    def begins(self) -> subprocess.Popen[bytes]:
        """A bootstrap in a process of its own, to be killed."""
        program = shutil.which("paywarden", path=Path(sys.executable).parent)
        assert program is not None
        return subprocess.Popen([program, "bootstrap", "--yes"], env={**os.environ, **self.environment})

    def said(self) -> dict[str, list[Event]]:
        """What subscribers find, by topic."""
        product = self.product
        found: dict[str, list[Event]] = {}
        for topic in PUBLISHED:
            records = product.cluster.read(physical(product.prefix, topic), partitions=product.partitions)
            found[topic] = [decode(topic, record.value) for record in records if record.value is not None]
        return found

    def decided(self) -> dict[str, DecisionMade]:
        return {each.event_id: each for each in self.said()["fraud.decisions"] if isinstance(each, DecisionMade)}


@pytest.fixture
def started(bootstrap: str, tmp_path: Path) -> Iterator[Started]:
    product = Product(Cluster(bootstrap), tmp_path, f"b{uuid.uuid4().hex[:8]}")
    product.create_topics()
    yield Started(product)
    product.end()


@ON_KAFKA
@pytest.mark.timeout(400)
def test_a_month_of_history_under_live_traffic(started: Started) -> None:
    product = started.product
    now_ms = time.time_ns() // 1_000_000
    history = month(now_ms)
    product.write(history)
    bad = Line(b"customer-1", b"{no json", now_ms - DAY_MS)
    product.cluster.write(physical(product.prefix, PAYMENTS), [bad], partitions=product.partitions)

    dry = started.reported("--dry-run")
    assert not dry["written"]
    assert not any(product.states(agent) for agent in ("accounts", "entities"))

    live, stop = [], threading.Event()

    def traffic() -> None:
        number = 0
        while not stop.wait(0.02):
            record = payment("live", number, time.time_ns() // 1_000_000, 2_000)
            product.write([record])
            live.append(record)
            number += 1

    writing = threading.Thread(target=traffic)
    writing.start()
    try:
        wait_until(lambda: len(live) > 2, "live traffic", 30.0)
        report = started.reported()
        assert started.bootstraps("--yes").exit_code == 78  # it has a state already
        product.start("w1", merge="live", clock="live", instance_id="")
        wait_until(lambda: len(started.decided()) > 2, "first decisions", 90.0)
    finally:
        stop.set()
        writing.join()
    usual = payment("usual", 1, time.time_ns() // 1_000_000, 2_000)
    unusual = payment("unusual", 2, time.time_ns() // 1_000_000, 90_000)
    stranger = payment("stranger", 3, time.time_ns() // 1_000_000, 90_000)
    product.write([usual, unusual, stranger])
    wait_until(lambda: {"usual-1", "unusual-2", "stranger-3"} <= started.decided().keys(), "the last decisions", 60.0)
    assert started.bootstraps("--yes").exit_code == 78  # a worker lives
    assert product.end() == [0]

    # Exact offsets: what lies before them was folded, what lies behind them was decided, each once.
    until = {
        each["partition"]: each["offsets"][PAYMENTS] for each in report["partitions"] if each["agent"] == "accounts"
    }
    records = product.cluster.read(physical(product.prefix, PAYMENTS), partitions=product.partitions)
    behind = [record for record in records if record.offset >= until[record.partition]]
    owed = {decode(PAYMENTS, record.value).event_id for record in behind}
    made = [each.event_id for each in started.said()["fraud.decisions"] if isinstance(each, DecisionMade)]
    assert sorted(made) == sorted(owed)
    folded = len(records) - len(behind)
    assert folded >= sum(record.topic == PAYMENTS for record in history) + 1

    # Nothing was said about history: every word is about an event from behind the hand-over.
    assert report["not_published"]["fraud.decisions"] > 500
    subjects = {record.key.decode() for record in behind}
    for topic, events in started.said().items():
        assert {event.account_id for event in events if hasattr(event, "account_id")} <= subjects, topic
    assert not {key for key in subjects if "takeover" in key}  # not even about the takeover of a minute ago

    # The first live decision knows the customer.
    decided = started.decided()
    assert decided["usual-1"].outcome == "allow"
    habit = {hit.rule.partition("/")[0] for hit in decided["unusual-2"].hits}
    assert "amount-habit" in habit, decided["unusual-2"]
    assert "amount-habit" not in {hit.rule.partition("/")[0] for hit in decided["stranger-3"].hits}

    # The record that could not be read is where dead letters are found.
    letters = product.cluster.read(physical(product.prefix, "paywarden.dead-letters"), partitions=product.partitions)
    assert [letter.partition for letter in letters] == [partition_of(b"customer-1", product.partitions)]
    wait_until(lambda: not product.cluster.members(product.name), "the worker to have left its group", 30.0)
    refused = started.bootstraps("--again", "--yes")
    assert refused.exit_code == 78
    assert "would make them forget" in refused.output


def test_an_empty_deployment_and_a_second_time(started: Started) -> None:
    assert started.reported()["handled"] == 0
    again = started.bootstraps("--yes")
    assert again.exit_code == 78
    assert "--again" in again.output
    now_ms = time.time_ns() // 1_000_000
    started.product.write([payment("old", n, now_ms - 9 * DAY_MS, 500) for n in range(4)])
    started.product.write([payment("new", n, now_ms - DAY_MS, 500) for n in range(4, 8)])
    since = from_ms(now_ms - 2 * DAY_MS).isoformat()
    report = started.reported("--again", "--since", since)
    assert report["handled"] == 4
    assert {key.decode() for key in started.product.states("accounts")} == {f"customer-{n}" for n in range(4, 8)}


@ON_KAFKA
def test_a_bootstrap_that_dies_before_it_writes_keeps_workers_away(started: Started) -> None:
    """Else they would start with nothing and publish decisions about all of history."""
    product = started.product
    now_ms = time.time_ns() // 1_000_000
    many = 20_000  # some seconds of folding
    product.write([payment("old", n, now_ms - DAY_MS + n * 1_000, 500) for n in range(many)])
    process = started.begins()
    changelogs = [physical(product.prefix, f"paywarden.{agent}.changelog") for agent in ("accounts", "entities")]
    marks = 2 * product.partitions

    def marked() -> bool:
        rows = [row for topic in changelogs for row in product.cluster.read(topic, partitions=product.partitions)]
        return sum(row.key == b"\x00unfinished" for row in rows) >= marks

    wait_until(marked, "the marks", 60.0)
    process.kill()
    assert process.wait() < 0, "it was done before it was killed"
    product.start("w1", merge="live", clock="live", instance_id="")
    assert product.workers["w1"].wait(60) == 78
    assert "`paywarden bootstrap" in product.logs()
    wait_until(lambda: not product.cluster.members(product.name), "the worker to have left its group", 90.0)
    assert started.reported()["handled"] == many
    product.start("w2", merge="live", clock="live")
    product.write([payment("live", n, time.time_ns() // 1_000_000, 500) for n in range(4)])
    wait_until(lambda: len(started.decided()) == 4, "decisions", 90.0)


def test_a_state_that_was_written_by_half_is_refused(started: Started) -> None:
    """A bootstrap that died while it wrote: the worker says what to do, and does it with exit code 78."""
    product = started.product
    now_ms = time.time_ns() // 1_000_000
    product.write([payment("old", n, now_ms - DAY_MS, 500) for n in range(8)])
    started.reported()
    for number in range(product.partitions):
        tombstone = Line(b"\x00position", None, now_ms, number)
        changelog = physical(product.prefix, "paywarden.accounts.changelog")
        product.cluster.write(changelog, [tombstone], partitions=product.partitions)
    product.start("w1", merge="live", clock="live", instance_id="")
    assert product.workers["w1"].wait(60) == 78
    assert "`paywarden bootstrap --again`" in product.logs()
    wait_until(lambda: not product.cluster.members(product.name), "the worker to have left its group", 90.0)
    started.reported("--again")
    product.start("w2", merge="live", clock="live")
    product.write([payment("live", n, time.time_ns() // 1_000_000, 500) for n in range(4)])
    wait_until(lambda: len(started.decided()) == 4, "decisions", 90.0)
