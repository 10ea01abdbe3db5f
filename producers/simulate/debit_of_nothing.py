"""The ledger tells of debits before anybody, or without anybody, tells of their payments."""

from __future__ import annotations

from producers.durations import MINUTE_MS
from producers.simulate.stage import Stage
from streams.contracts.payments import PaymentSucceeded


def play(stage: Stage) -> None:
    """Two debits come before their payments: one payment follows three minutes later, the other never."""
    at_ms = stage.day(stage.warm_up(), 13.0)
    for number, follows in enumerate((True, False)):
        person = stage.regular(number)
        context = stage.home(person)
        fields = stage.movement(person, context, person.mean_minor, person.terminals[0])
        stage.post(person.account_id, at_ms, "debit", fields)
        if follows:
            paid = PaymentSucceeded(**stage.envelope(person.account_id, at_ms + 3 * MINUTE_MS), **fields)
            stage.say("payments.transactions", paid)
