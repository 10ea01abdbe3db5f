"""A merchant promises a refund and does not send it."""

from __future__ import annotations

from producers.durations import DAY_MS, HOUR_MS
from producers.simulate.stage import Stage
from streams.contracts.payments import RefundCredited, RefundPromised, RefundSent


def play(stage: Stage) -> None:
    """Two customers are promised money back: one has it the next day, the other never."""
    day = stage.warm_up()
    at_ms = stage.day(day, 13.0)
    for number, keeps in enumerate((True, False)):
        person = stage.regular(number)
        fields = stage.movement(person, stage.home(person), person.mean_minor, person.terminals[0])
        fields["refund_id"] = f"{stage.tag}-r{number}"
        account_id = person.account_id
        stage.say("payments.transactions", RefundPromised(**stage.envelope(account_id, at_ms), **fields))
        if keeps:
            for kind, delay_ms in ((RefundSent, DAY_MS), (RefundCredited, DAY_MS + HOUR_MS)):
                stage.say("payments.transactions", kind(**stage.envelope(account_id, at_ms + delay_ms), **fields))
