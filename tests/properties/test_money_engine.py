"""Is no money case missed, early or doubled when workers die in the middle, messages come twice and ledgers lag?

The engine of one partition over what its topics hold, killed at arbitrary places and restored from what it had
committed. PAYWARDEN_SOAK=1 follows 100,000 payments instead of some hundred.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

import pytest
from support.engines import Outcome, placed, run, run_killed
from support.happenings import HOUR, MINUTE, NOON, SECOND, event
from support.scenes import enforcing

from producers.feed import Outgoing, outgoing
from streams.contracts.accounts import LedgerPosted
from streams.contracts.base import to_ms
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import (
    PaymentFailed,
    PaymentRequested,
    PaymentReversed,
    PaymentSucceeded,
)
from streams.contracts.registry import decode
from streams.contracts.topics import MERGED

SOAK = bool(os.environ.get("PAYWARDEN_SOAK"))
PAYMENTS = 100_000 if SOAK else 800
PER_ACCOUNT = 20
SURE = "[unknown]\nsilent_s = 0\n"  # silence is another rule's
GRACE_MS = {"wallet_balance": 2 * MINUTE, "card": 30 * MINUTE}
_TOPICS = {kind: topic.name for topic in MERGED for kind in topic.types}


def told(at_ms: int, kind: Any, number: str, account: str, **fields: Any) -> Outgoing:
    """One message as its topic holds it; `arrives_ms` is when, if not at once."""
    arrives_ms = fields.pop("arrives_ms", at_ms)
    return outgoing(_TOPICS[kind], event(kind, at_ms, number, account_id=account, **fields))._replace(
        timestamp_ms=arrives_ms
    )


class Told(NamedTuple):
    """A message in the order in which the topics got it."""

    at_ms: int
    number: int
    record: Outgoing


class World:
    """Payments of many accounts, some debited and never confirmed; it knows which, without asking the rules."""

    def __init__(self, payments: int, seed: int) -> None:
        self.chance = Random(seed)
        self.records: list[Told] = []
        self.owed: dict[str, int] = {}  # payment -> when its case is due
        self.either: dict[str, int] = {}
        self.end_ms = NOON
        accounts = max(1, payments // PER_ACCOUNT)
        for account in range(accounts):
            self._account(f"a{account}", account)
        self.records.sort(key=lambda each: (each.at_ms, each.number))

    def _account(self, account: str, number: int) -> None:
        lost = 0
        at_ms = NOON + number * 17 * SECOND % (40 * MINUTE)
        for payment in range(PER_ACCOUNT):
            at_ms += 40 * MINUTE + self.chance.randrange(60) * SECOND
            lost += self._payment(account, f"{account}-{payment}", at_ms, may_lose=lost < 5)

    def _payment(self, account: str, payment_id: str, at_ms: int, *, may_lose: bool) -> bool:
        chance = self.chance
        method = chance.choice(list(GRACE_MS))
        about = {"payment_id": payment_id, "amount_minor": 1_000, "currency": "CNY", "method": method}
        self._say(at_ms, PaymentRequested, account, about)
        debited_ms = at_ms + chance.randrange(1, 20) * SECOND
        due_ms = debited_ms + GRACE_MS[method]
        # A moment before the end of the grace; at it; long after; never; or soon.
        after_ms = chance.choice([-1, 0, 25 * MINUTE, None, None, *[5 * SECOND - GRACE_MS[method]] * 8])
        if not may_lose and (after_ms is None or after_ms >= 0):
            after_ms = -1
        line = {"entry_id": f"l-{payment_id}", "amount_minor": 1_000, "currency": "CNY", "payment_id": payment_id}
        # The ledger lags behind by up to half a minute.
        lag_ms = chance.randrange(30) * SECOND
        self._say(debited_ms, LedgerPosted, account, {**line, "direction": "debit", "arrives_ms": debited_ms + lag_ms})
        if chance.random() < 0.3:
            self._say(at_ms + 3 * SECOND, PaymentFailed, account, about)
        if after_ms is not None:
            ends_ms = due_ms + after_ms
            how = chance.choice([PaymentSucceeded, PaymentReversed, LedgerPosted])
            if how is not LedgerPosted:
                self._say(ends_ms, how, account, about)
            if how is not PaymentSucceeded:  # a reversal is believed when the ledger gives the money back
                self._say(ends_ms, LedgerPosted, account, {**line, "direction": "credit"})
        if after_ms == 0:
            self.either[payment_id] = due_ms  # whichever feed tells first
        elif after_ms is None or after_ms > 0:
            self.owed[payment_id] = due_ms
        return after_ms is None or after_ms >= 0

    def _say(self, at_ms: int, kind: Any, account: str, fields: dict[str, Any]) -> None:
        for _ in range(1 + (self.chance.random() < 0.1)):  # one in ten comes twice
            number = len(self.records)
            name = f"{fields['payment_id']}-{kind.__name__}-{fields.get('direction', '')}"
            record = told(at_ms, kind, name, account, **fields)
            self.records.append(Told(record.timestamp_ms, number, record))
        self.end_ms = max(self.end_ms, at_ms + HOUR)


def opened(outcome: Outcome) -> Iterator[CaseVersion]:
    """First versions of the cases about debited payments."""
    for topic, _, _, value, _ in outcome.published:
        if topic == "support.cases" and value is not None and b"debited_not_confirmed" in value:
            case = decode(topic, value)
            assert isinstance(case, CaseVersion)
            if case.version == 1:
                yield case


@pytest.mark.timeout(7_200 if SOAK else 300)
def test_no_debit_is_missed_early_or_told_twice_however_often_workers_die() -> None:
    world = World(PAYMENTS, seed=20_261_126)
    (records,) = placed([each.record for each in world.records], 1, world.end_ms + HOUR, 5 * MINUTE)
    outcome, deaths = run_killed(enforcing(SURE), records, Random(7))
    cases = [case for case in opened(outcome) if case.case_type == "debited_not_confirmed"]
    found = {case.entities.payment_id or "": to_ms(case.created_at) for case in cases if case.created_at is not None}
    assert len(cases) == len(found), "each of them once"
    due = world.owed | world.either
    assert world.owed.keys() - found.keys() == set(), "missed"
    assert found.keys() - due.keys() == set(), "explained in time"
    assert {payment: at_ms for payment, at_ms in found.items() if at_ms < due[payment]} == {}, "early"
    # Both feeds have to get past the end of the grace first, and are looked at again after as long as that took.
    assert max(at_ms - due[payment] for payment, at_ms in found.items()) <= 10 * MINUTE
    assert deaths >= 5
    assert len(world.owed) > PAYMENTS // 20


def test_dying_changes_no_byte_of_what_is_published() -> None:
    """A restored value only equals what it was, and must be written as if it were the same."""
    world = World(200, seed=4)
    parts = placed([each.record for each in world.records], 1, world.end_ms + HOUR, 5 * MINUTE)
    killed, deaths = run_killed(enforcing(SURE), parts[0], Random(8))
    assert deaths >= 3
    assert sorted(killed.published, key=repr) == sorted(run(enforcing(SURE), parts).published, key=repr)
