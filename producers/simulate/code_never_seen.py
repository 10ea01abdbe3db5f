"""A gateway answers with a code that nobody has told us about."""

from __future__ import annotations

from producers.durations import SECOND_MS
from producers.simulate.stage import Stage
from streams.contracts.payments import Code, PaymentFailed, PaymentRequested


def play(stage: Stage) -> None:
    """Every customer meets the same new code once, within a few minutes."""
    day = stage.warm_up()
    at_ms = stage.day(day, 13.0)
    for number in range(stage.number("customers")):
        person = stage.regular(number)
        fields = stage.movement(person, stage.home(person), person.mean_minor, person.terminals[0])
        account_id, began_ms = person.account_id, at_ms + number * 10 * SECOND_MS
        stage.say("payments.transactions", PaymentRequested(**stage.envelope(account_id, began_ms), **fields))
        codes = (Code(source="adyen", code="9999"),)
        failed = PaymentFailed(**stage.envelope(account_id, began_ms + 2 * SECOND_MS), **fields, codes=codes)
        stage.say("payments.transactions", failed)
