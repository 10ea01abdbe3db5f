"""Is an outage one incident, whatever the number of its victims: no tickets, one message at its begin and its end?

Both agents in memory over 200 gateways, issuers, merchants and releases. One gateway refuses 10,000 payments within a
minute; the simulator of this test shares no code with the detectors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Any

import pytest
from support.scenes import Scene, enforcing

from producers.feed import Outgoing, outgoing
from streams.agents.accounts import Account
from streams.contracts.base import from_ms, to_ms
from streams.contracts.payments import Code, PaymentFailed, PaymentRequested, PaymentSucceeded
from streams.contracts.registry import decode
from streams.core.obligations import payment_key

START_MS = 1_767_571_200_000
BROKEN = "gateway-3"
STEP_MS = 5_000
WARM_S, DOWN_S, AFTER_S = 1_200, 60, 1_080
PER_S, FAILING = 5, 10_000
CUSTOMERS = 6_000

# One run of 35,000 events in steps of five seconds, by one process.
pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("outage")]


class Town:
    """Customers with their banks, gateways and releases; they pay in turn, so that nobody pays twice within seconds."""

    def __init__(self, seed: int = 11) -> None:
        self.rng = Random(seed)
        self.number = 0

    def fields(self, gateway: str) -> dict[str, Any]:
        rng = self.rng
        self.number += 1
        merchant = rng.randrange(60)
        issuer = rng.randrange(40)
        return {
            "source": "test",
            "account_id": f"customer-{self.number % CUSTOMERS}",
            "payment_id": f"payment-{self.number}",
            "amount_minor": 1_000 + rng.randrange(9_000),
            "currency": "EUR",
            "gateway_id": gateway,
            "issuer_id": f"issuer-{issuer}",
            "network": ("visa", "mastercard", "unionpay")[issuer % 3],
            "merchant_id": f"merchant-{merchant}",
            "region": f"region-{merchant % 8}",
            "app_version": f"5.{rng.randrange(6)}",
        }

    def pay(self, at_ms: int, gateway: str, code: str | None) -> Iterator[Outgoing]:
        fields = self.fields(gateway)
        number = self.number
        begun = PaymentRequested(event_id=f"e{number}-1", occurred_at=from_ms(at_ms), **fields)
        yield outgoing("payments.transactions", begun)
        end_ms = at_ms + 300
        if code is None:
            ended: Any = PaymentSucceeded(event_id=f"e{number}-2", occurred_at=from_ms(end_ms), **fields)
        else:
            codes = (Code(source="iso8583_1987", code=code),)
            ended = PaymentFailed(event_id=f"e{number}-2", occurred_at=from_ms(end_ms), codes=codes, **fields)
        yield outgoing("payments.transactions", ended)


def feed() -> list[Outgoing]:
    town = Town()
    rng = town.rng
    records: list[Outgoing] = []

    def ordinary(second: int) -> None:
        for _ in range(PER_S):
            at_ms = START_MS + second * 1_000 + rng.randrange(1_000)
            code = rng.choice(("51", "96", "91", "54")) if rng.random() < 0.04 else None
            records.extend(town.pay(at_ms, f"gateway-{rng.randrange(8)}", code))

    for second in range(WARM_S):
        ordinary(second)
    for second in range(WARM_S, WARM_S + DOWN_S):
        ordinary(second)
        for _ in range(FAILING * (second - WARM_S + 1) // DOWN_S - FAILING * (second - WARM_S) // DOWN_S):
            at_ms = START_MS + second * 1_000 + rng.randrange(1_000)
            records.extend(town.pay(at_ms, BROKEN, rng.choice(("96", "91", "68"))))
    for second in range(WARM_S + DOWN_S, WARM_S + DOWN_S + AFTER_S):
        ordinary(second)
    return sorted(records, key=lambda each: each.timestamp_ms)


@cache
def played() -> Scene:
    return Scene(enforcing(), partitions=2, step_ms=STEP_MS).play(feed(), settle_ms=300_000)


def test_one_incident_with_the_right_root_that_closes_by_itself() -> None:
    incidents = [case for case in played().cases if case.owner == "entity"]
    assert [(case.subject, case.case_type, case.flow, case.status, case.finding) for case in incidents] == [
        (f"gateway:{BROKEN}", "incident.channel", "F35", "closed", "outage")
    ]
    assert incidents[0].priority == "P1"


def refused(*, while_down: bool) -> set[int]:
    """The payments that the broken gateway refused: all of the feed, or of the minute when it was down."""
    down_ms = range(START_MS + WARM_S * 1_000, START_MS + (WARM_S + DOWN_S) * 1_000 + 300)
    events = [decode(each.topic, each.value) for each in feed() if b"payment.failed" in each.value]
    return {
        payment_key(each.payment_id)
        for each in events
        if each.gateway_id == BROKEN and (not while_down or to_ms(each.occurred_at) in down_ms)
    }


def linked(incident_id: str) -> set[int]:
    """The payments that accounts remember as a part of this incident."""
    found: set[int] = set()
    for partition in played().run.accounts:
        keys = partition.states.keys()
        accounts = [state for state in map(partition.states.peek, keys) if isinstance(state, Account)]
        for membership in (each for account in accounts for each in account.obligations.memberships):
            if membership.incident_id == incident_id:
                found.update(membership.payments)
    return found


def test_nearly_every_failure_is_part_of_it_and_nothing_of_others_is() -> None:
    (incident,) = [case for case in played().cases if case.owner == "entity"]
    payments, parts = refused(while_down=True), linked(incident.case_id)
    assert len(payments) >= FAILING
    assert len(parts & payments) >= 0.99 * len(payments)
    assert parts <= refused(while_down=False)
    assert incident.counters["failures"] >= 0.99 * FAILING
    assert 0.9 * CUSTOMERS <= incident.counters["users"] <= CUSTOMERS
    assert set(incident.codes) >= {"iso8583_1987/96", "iso8583_1987/91", "iso8583_1987/68"}
    assert incident.counters["amount_minor_EUR"] > 0


def test_nobody_gets_a_ticket_and_everybody_is_told_once() -> None:
    assert [case.case_type for case in played().cases if case.owner == "account"] == []
    told = Counter((note.account_id, note.template, note.parameters.get("time")) for note in played().notifications)
    assert set(told.values()) == {1}, "of an incident once, of a payment that was to be waited for once"
    began = [account for account, template, _ in told if template == "incident.channel.began"]
    over = [account for account, template, _ in told if template == "incident.channel.over"]
    (incident,) = [case for case in played().cases if case.owner == "entity"]
    assert len(began) == incident.counters["users"]
    assert sorted(over) == sorted(began)
    assert len(set(began)) == len(began)
