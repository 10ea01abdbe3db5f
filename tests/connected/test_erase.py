"""Is a person forgotten by running workers, with a receipt that is true?"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from support.product import Product
from support.waiting import wait_until

from producers.feed import Outgoing
from streams.cli.main import paywarden
from streams.contracts.accounts import UserReport
from streams.contracts.base import Event, from_ms, to_ms
from streams.contracts.payments import PaymentSucceeded
from streams.contracts.registry import TOPICS_OF_TYPE, TYPES, encode
from streams.contracts.topics import LOCKS, changelog_of, physical

TOPIC = {TYPES[tag]: topics[0] for tag, topics in TOPICS_OF_TYPE.items()}


def erase(product: Product, account: str, *more: str, second: str = "jo") -> Result:
    who = ["--actor", "mei", "--role", "supervisor", "--second", second, "--why", "letter of 10 March"]
    cluster = ["--bootstrap", product.cluster.bootstrap, "--prefix", product.prefix, "--app-id", product.name]
    return CliRunner().invoke(paywarden, ["erase", account, *who, *cluster, "--json", *more])


def locks(product: Product, *more: str) -> list[dict[str, Any]]:
    cluster = ["--bootstrap", product.cluster.bootstrap, "--prefix", product.prefix, "--app-id", product.name]
    found = CliRunner().invoke(paywarden, ["locks", *cluster, "--json", *more])
    assert found.exit_code == 0, found.output
    return [json.loads(line) for line in found.output.splitlines() if line.startswith("{")]


def payments(account: str, number: int) -> list[Event]:
    """One an hour, the last of them an hour ago."""
    at_ms = time.time_ns() // 1_000_000 - number * 3_600_000
    return [
        PaymentSucceeded(
            event_id=f"{account}-{n}",
            source="test",
            occurred_at=from_ms(at_ms + n * 3_600_000),
            account_id=account,
            payment_id=f"{account}-{n}",
            amount_minor=1_000 + n,
            currency="EUR",
            merchant_id=f"shop-{n}",
        )
        for n in range(number)
    ]


def write(product: Product, events: list[Event]) -> None:
    product.write(
        [
            Outgoing(TOPIC[type(each)], each.account_id.encode(), encode(each), to_ms(each.occurred_at))
            for each in sorted(events, key=lambda each: each.occurred_at)
        ]
    )


def newest(product: Product, topic: str) -> dict[bytes, bytes | None]:
    records = product.cluster.read(physical(product.prefix, topic), partitions=product.partitions)
    return {record.key: record.value for record in records}


@pytest.mark.timeout(240)
def test_a_person_is_forgotten_and_the_receipt_says_so(product: Product, tmp_path: Path) -> None:
    product.start("w1", merge="live", clock="live")
    changelog = changelog_of("accounts").name
    write(product, [*payments("leaver", 20), *payments("stayer", 20)])
    wait_until(lambda: {b"leaver", b"stayer"} <= newest(product, changelog).keys(), "both accounts are known")
    file = tmp_path / "receipt.json"
    done = erase(product, "leaver", "--out", str(file))
    assert done.exit_code == 0, done.output
    receipt: dict[str, Any] = json.loads(done.output)
    assert json.loads(file.read_bytes()) == receipt
    assert receipt["forgotten"]["payments"] == 20
    assert receipt["still_readable"] == []
    assert receipt["state_bytes_after"] < receipt["state_bytes_before"]
    state = newest(product, changelog)
    assert b"shop-3" not in (state[b"leaver"] or b"")
    assert len(state[b"leaver"] or b"") == receipt["state_bytes_after"] < len(state[b"stayer"] or b"")
    assert newest(product, LOCKS.name)[b"leaver"] is None

    # What happened before and is delivered again is decided about no more, and a new beginning is one.
    decided = len(decisions(product))
    (late,) = payments("leaver", 1)
    now = from_ms(time.time_ns() // 1_000_000)
    new = msgspec.structs.replace(late, event_id="new", payment_id="new", occurred_at=now)
    write(product, [msgspec.structs.replace(late, event_id="late", payment_id="late"), new])
    wait_until(lambda: b'"subject_id":"new"' in b"".join(decisions(product)), "the new payment is decided")
    assert len(decisions(product)) == decided + 1


@pytest.mark.timeout(240)
def test_what_is_open_keeps_an_account_and_a_request_without_a_worker_stands(product: Product) -> None:
    alone = erase(product, "nobody", "--within", "1")
    assert alone.exit_code == 70, alone.output
    assert "no worker answered within 1 s" in alone.output
    product.start("w1", merge="live", clock="live")
    theft = UserReport(
        event_id="report-1",
        source="test",
        occurred_at=from_ms(time.time_ns() // 1_000_000),
        account_id="victim",
        channel="app",
        kind="stolen",
    )
    write(product, [theft])
    wait_until(lambda: newest(product, LOCKS.name).get(b"victim"), "the account is frozen")
    assert [(row["account_id"], row["locks"][0]["action"]) for row in locks(product, "--action", "freeze")] == [
        ("victim", "freeze")
    ]
    assert locks(product, "--account", "stayer") == []
    frozen = erase(product, "victim")
    assert (frozen.exit_code, "freeze" in frozen.output) == (64, True), frozen.output
    same = erase(product, "victim", second="Mei")
    assert (same.exit_code, "second person" in same.output) == (64, True), same.output
    wait_until(lambda: newest(product, LOCKS.name).get(b"nobody", b"") is None, "the first request is carried out")


def decisions(product: Product) -> list[bytes]:
    records = product.cluster.read(physical(product.prefix, "fraud.decisions"), partitions=product.partitions)
    return [record.value or b"" for record in records]
