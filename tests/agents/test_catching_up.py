"""A worker comes back after hours and reads its ledger faster than its payments: does it see money vanish?"""

from __future__ import annotations

import json
from typing import Any

from support.happenings import HOUR, MINUTE, NOON, SECOND, event, paid
from support.scenes import enforcing

from streams.app import accounts_logic
from streams.contracts.accounts import LedgerPosted
from streams.contracts.base import Event, to_ms
from streams.contracts.payments import PaymentRequested, PaymentSucceeded
from streams.contracts.registry import encode
from streams.runtime.logic import Record
from streams.runtime.options import PartitionOptions
from streams.runtime.partition import Partition

PAYMENTS = 200
NOW = NOON + 6 * HOUR


def records(topic: str, events: list[Event]) -> list[Record]:
    return [Record(topic, 0, n, to_ms(each.occurred_at), b"a1", encode(each)) for n, each in enumerate(events)]


def debit(at_ms: int, number: int) -> Event:
    fields: dict[str, Any] = {"entry_id": f"l{number}", "direction": "debit", "amount_minor": 1000, "currency": "EUR"}
    return event(LedgerPosted, at_ms, number, payment_id=f"p{number}", **fields)


def test_a_ledger_that_runs_ahead_opens_no_money_case() -> None:
    engine = Partition(accounts_logic(enforcing()), 0, 1, PartitionOptions(merge="live", clock="live"))
    engine.restored()
    begun = [paid(NOON + n * MINUTE, f"{n}", kind=PaymentRequested) for n in range(PAYMENTS)]
    ended = [paid(NOON + n * MINUTE + 2 * SECOND, f"{n}", kind=PaymentSucceeded) for n in range(PAYMENTS)]
    payments = records("payments.transactions", sorted(begun + ended, key=lambda each: each.occurred_at))
    ledger = records("ledger.entries", [debit(NOON + n * MINUTE + SECOND, n) for n in range(PAYMENTS)])
    ends = {topic.topic: topic.topic != "payments.transactions" for topic in engine.inputs}
    engine.feed("ledger.entries", ledger)
    now_ms, read = NOW, 0
    while engine.backlog or read < len(payments):
        # A fetch of payments comes every two seconds.
        engine.feed("payments.transactions", payments[read : read + 40])
        read += 40
        ends["payments.transactions"] = read >= len(payments)
        for _ in range(4):
            while engine.run(250, ends=ends, now_ms=now_ms):
                pass
            now_ms += 500
    group = engine.group(now_ms)
    assert group is not None
    opened = {
        json.loads(emit.value)["case_type"] for emit in group.emits if emit.topic == "support.cases" and emit.value
    }
    assert opened & {"debited_not_confirmed", "orphan_debit", "unknown_outcome"} == set()
