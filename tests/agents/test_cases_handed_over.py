"""Is a case that its account can follow no more counted, and told on the topics, by the accounts agent?"""

from __future__ import annotations

from support.happenings import HOUR, MINUTE, NOON, SECOND, event, paid
from support.scenes import Scene

from producers.feed import outgoing
from streams.contracts.accounts import LedgerPosted
from streams.contracts.payments import PaymentRequested
from streams.metrics import CASES_HANDED_OVER

MONEY = {"amount_minor": 10_000, "currency": "CNY", "method": "wallet_balance"}


def test_what_is_handed_over_is_counted_by_queue() -> None:
    feed = []
    for number in range(12):
        at_ms = NOON + number * MINUTE
        feed.append(outgoing("payments.transactions", paid(at_ms, number, kind=PaymentRequested, **MONEY)))
        line = {"entry_id": f"l{number}", "direction": "debit", "amount_minor": 10_000, "currency": "CNY"}
        debit = event(LedgerPosted, at_ms + SECOND, number, payment_id=f"p{number}", **line)
        feed.append(outgoing("ledger.entries", debit))
    run = Scene(partitions=1, step_ms=MINUTE, responder=False).play(feed, HOUR)
    told = [case for case in run.cases if any(line.kind == "handed_over" for line in case.evidence)]
    counted = {labels: number for (each, labels), number in run.run.counts.items() if each is CASES_HANDED_OVER}
    assert told
    assert sum(counted.values()) == len(told)
    assert counted[("accounting",)] == sum(case.queue == "accounting" for case in told)
