"""Money leaves for the bank and does not arrive in the promised time."""

from __future__ import annotations

from producers.durations import MINUTE_MS, SECOND_MS
from producers.simulate.stage import Stage
from streams.contracts.payments import WithdrawalCredited, WithdrawalRequested, WithdrawalReturned, WithdrawalSent


def play(stage: Stage) -> None:
    """Three real-time withdrawals: one arrives in a minute, one after two hours, one is sent back after one.

    Until then their provider knows no more than that they are on their way.
    """
    day = stage.warm_up()
    at_ms = stage.day(day, 13.0)
    ends = (
        (WithdrawalCredited, MINUTE_MS),
        (WithdrawalCredited, 120 * MINUTE_MS),
        (WithdrawalReturned, 60 * MINUTE_MS),
    )
    for number, (end, after_ms) in enumerate(ends):
        person = stage.regular(number)
        fields = stage.movement(person, stage.home(person), person.mean_minor, person.terminals[0])
        fields["method"] = "bank_card"
        fields["payment_id"] += "~pending"
        account_id = person.account_id
        requested = WithdrawalRequested(**stage.envelope(account_id, at_ms), **fields, speed="real_time")
        stage.say("payments.transactions", requested)
        for kind, delay_ms in ((WithdrawalSent, 5 * SECOND_MS), (end, after_ms)):
            stage.say("payments.transactions", kind(**stage.envelope(account_id, at_ms + delay_ms), **fields))
    stage.goes_on(at_ms, at_ms + 150 * MINUTE_MS)
