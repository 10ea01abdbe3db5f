"""Do the operator's commands tell the truth about a cluster, and mend what they promise to mend?"""

from __future__ import annotations

import uuid
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from support.broker_client import Line
from support.product import START_MS, Product, story
from support.waiting import wait_until

from producers.feed import Outgoing, Step, expand
from producers.writer import KafkaWriter, Pace
from streams.cli.main import paywarden
from streams.cli.terminal import harmless
from streams.contracts.base import from_ms
from streams.contracts.logins import LoginSucceeded
from streams.contracts.partitioning import partition_of
from streams.contracts.payments import Code, PaymentFailed
from streams.contracts.registry import encode
from streams.contracts.topics import TOPICS
from streams.runtime.position import POSITION_KEY

LOGINS = "auth.logins"
TRANSACTIONS = "payments.transactions"
HOSTILE = "[/red]x\x1b]0;own\x07"


class Operator:
    """Types commands at one deployment."""

    def __init__(self, bootstrap: str, name: str, **environment: str) -> None:
        self._environment = {
            "PAYWARDEN_BOOTSTRAP": bootstrap,
            "PAYWARDEN_APP_ID": name,
            "PAYWARDEN_TOPIC_PREFIX": f"{name}.",
            "PAYWARDEN_PARTITIONS": "4",
            "PAYWARDEN_MERGE": "strict",
            "PAYWARDEN_CLOCK": "replay",
            **environment,
        }

    def types(self, *words: str) -> Result:
        return CliRunner().invoke(paywarden, words, env=self._environment)

    def asks(self, *words: str, exit_code: int = 0) -> Any:
        """The JSON that a command answers."""
        result = self.types(*words, "--json")
        assert result.exit_code == exit_code, (result.output, result.exception)
        return msgspec.json.decode(result.stdout)


@pytest.fixture
def operator(bootstrap: str) -> Operator:
    return Operator(bootstrap, f"o{uuid.uuid4().hex[:8]}")


def test_topics_are_created_once_and_listed(operator: Operator) -> None:
    assert all(row["partitions"] is None for row in operator.asks("topics", "list"))
    created = operator.asks("topics", "create", "--replay")
    assert len(created["created"]) == len(TOPICS)
    assert operator.asks("topics", "create") == {"created": [], "existed": len(TOPICS)}
    assert {row["partitions"] for row in operator.asks("topics", "list")} == {4}
    assert "missing" not in operator.types("topics", "list").output


def test_the_doctor_of_an_empty_and_of_a_new_cluster(operator: Operator) -> None:
    found = operator.asks("doctor", exit_code=78)
    assert not found["ok"]
    assert (
        next(check for check in found["checks"] if check["name"] == "topics")["next_step"] == "paywarden topics create"
    )
    operator.asks("topics", "create", "--replay")
    found = operator.asks("doctor")
    assert found["ok"], found["checks"]
    assert len(found["flows"]) == 46
    assert all(flow["off"] for flow in found["flows"])  # nobody sends anything yet


@pytest.mark.timeout(400)
def test_a_day_of_an_operator(product: Product) -> None:
    """Bad input is found, fed again and handled; a lost state is made again and accepted by the next worker."""
    operator = Operator(
        product.cluster.bootstrap,
        product.name,
        PAYWARDEN_POLICY_FILES=f'["{product.policy}"]',
        PAYWARDEN_BARRIER_S="86400",
    )
    write_bad_logins(product)
    product.start("w1")
    product.replay(story("account_takeover"), deadline_s=120)
    refused = operator.types("state", "rebuild", "--yes")
    assert refused.exit_code == 78
    assert "live worker" in refused.output
    assert product.end() == [0]
    assert "Traceback" not in product.logs()  # ending is nothing to be afraid of

    letters = [
        msgspec.json.decode(line) for line in operator.types("dead-letters", "list", "--json").stdout.splitlines()
    ]
    assert sorted(each["letter"]["reason"] for each in letters) == ["undecodable", "undecodable", "wrong_partition"]
    assert operator.asks("dead-letters", "replay", "--reason", "wrong_partition", "--dry-run")["replayed"] == {
        "wrong_partition": 1
    }
    assert operator.asks("dead-letters", "replay", "--reason", "wrong_partition")["replayed"] == {"wrong_partition": 1}
    again = operator.asks("dead-letters", "replay", "--topic", LOGINS)
    assert again["replayed"] == {"undecodable": 2}
    assert again["skipped"] == {"it was fed again before": 1}

    rows = operator.asks("state", "inspect")
    assert sum(row["sizes"]["keys"] for row in rows if row["agent"] == "accounts") == len(product.states("accounts"))
    account = next(key for key in product.states("accounts") if not key.startswith(b"\x01")).decode()
    assert operator.asks("state", "inspect", account)["key"] == account
    assert operator.types("state", "inspect", "nobody").exit_code == 64

    compared = operator.asks("state", "rebuild", "--compare")
    assert [(each["changed"], each["missing"], each["added"]) for each in compared] == [(0, 0, 0)] * 8, compared
    before = {agent: product.states(agent) for agent in ("accounts", "entities")}
    lose(product)
    rebuilt = operator.asks("state", "rebuild", "--agent", "accounts", "--fence")
    assert {(each["verdict"], each["done"]) for each in rebuilt} == {("lost", "rebuilt")}
    assert {agent: product.states(agent) for agent in ("accounts", "entities")} == before
    assert {each["done"] for each in operator.asks("state", "rebuild", "--fence")} == {"kept"}

    product.start("w1")
    write_watermark(product, START_MS + 60 * 86_400_000)  # strict merging waits for word from every input
    wait_until(lambda: b"stray-1" in decided(product), "a decision about the stray that was fed again", 60.0)
    made = decided(product)[b"stray-1"]
    explained = operator.asks("explain", made)
    assert explained["decision"]["event_id"] == "stray-1"
    assert explained["recomputed"]["event"]["event_id"] == "stray-1"


@pytest.mark.timeout(300)
def test_every_command_shows_a_hostile_id_and_none_obeys_it(product: Product) -> None:
    operator = Operator(
        product.cluster.bootstrap,
        product.name,
        PAYWARDEN_POLICY_FILES=f'["{product.policy}"]',
        PAYWARDEN_BARRIER_S="86400",
        COLUMNS="300",
    )
    bad = Line(HOSTILE.encode(), HOSTILE.encode(), START_MS)
    product.cluster.write(product.prefix + TRANSACTIONS, [bad], partitions=product.partitions)
    product.start("w1")
    product.replay(hostile_failures(), deadline_s=120)
    assert product.end() == [0]
    for words in (
        ("cases",),
        ("cases", "--json"),
        ("incidents", "--all"),
        ("locks", "--all"),
        ("state", "inspect"),
        ("state", "inspect", HOSTILE),
        ("state", "inspect", HOSTILE, "--json"),
        ("topics", "list"),
        ("topics", "tail", TRANSACTIONS, "--from-beginning"),
        ("topics", "tail", TRANSACTIONS, "--from-beginning", "--json"),
        ("topics", "tail", "support.cases", "--from-beginning"),
        ("dead-letters", "list"),
        ("dead-letters", "list", "--json"),
        ("doctor",),
        ("explain", decided(product)[b"[/x]e1"]),
        ("explain", decided(product)[b"[/x]e1"], "--json"),
    ):
        found = operator.types(*words)
        assert found.exception is None or isinstance(found.exception, SystemExit), (words, found.exception)
        assert found.output == harmless(found.output), words
        if words[0] in ("cases", "explain") or words[1:2] == ("tail",):
            assert "[/red]x" in found.output, words
    letters = operator.types("dead-letters", "list", "--json").output.splitlines()
    assert [msgspec.json.decode(line)["letter"]["reason"] for line in letters] == ["not_an_event"]


def hostile_failures() -> list[Outgoing]:
    """Enough refused payments for a case, each with more that is hostile."""
    found = []
    for number in range(6):
        at_ms = START_MS + number * 10_000
        event = PaymentFailed(
            event_id=f"[/x]e{number}",
            source="[/y]",
            occurred_at=from_ms(at_ms),
            account_id=HOSTILE,
            payment_id=f"[/z]\x1b[2J{number}",
            amount_minor=500 + number,
            currency="EUR",
            merchant_id="[/red]\u202e",
            codes=(Code(source="iso8583_1987", code="51"),),
        )
        found.append(Outgoing(TRANSACTIONS, HOSTILE.encode(), encode(event), at_ms))
    return found


def write_bad_logins(product: Product) -> None:
    event = LoginSucceeded(
        event_id="stray-1", source="test", occurred_at=from_ms(START_MS), account_id="stray", ip="192.0.2.1"
    )
    wrong = (partition_of(b"stray", product.partitions) + 1) % product.partitions
    lines = [
        Line(b"stray", encode(event), START_MS, wrong),
        Line(b"a", b"not json", START_MS),
        Line(b"b", b'{"type":', START_MS),
    ]
    product.cluster.write(product.prefix + LOGINS, lines, partitions=product.partitions)


def write_watermark(product: Product, at_ms: int) -> None:
    with KafkaWriter(product.cluster.bootstrap, prefix=product.prefix) as writer:
        writer.write(expand([Step(at_ms)], product.partitions), pace=Pace(None))


def lose(product: Product) -> None:
    """The accounts agent's rows of every key and the positions are deleted."""
    name = product.prefix + "paywarden.accounts.changelog"
    keys = {(record.partition, record.key) for record in product.cluster.read(name, partitions=product.partitions)}
    assert {number for number, key in keys if key == POSITION_KEY} == set(range(product.partitions))
    product.cluster.write(
        name, [Line(key, None, START_MS, number) for number, key in sorted(keys)], partitions=product.partitions
    )


def decided(product: Product) -> dict[bytes, str]:
    found = {}
    for record in product.cluster.read(product.prefix + "fraud.decisions", partitions=product.partitions):
        decision = msgspec.json.decode(record.value)
        if decision["type"] == "decision.made.v1":
            found[decision["event_id"].encode()] = decision["decision_id"]
    return found
