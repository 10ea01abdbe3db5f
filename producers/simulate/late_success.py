"""A payment fails and succeeds after all: in time, too late for peace, too late for the refund."""

from __future__ import annotations

from producers.durations import MINUTE_MS, SECOND_MS
from producers.simulate.stage import Stage
from streams.contracts.payments import Code, PaymentFailed, PaymentRequested, PaymentSucceeded


def play(stage: Stage) -> None:
    """Three customers are debited and their payments fail; of the last one the provider confirms the failure."""
    at_ms = stage.day(stage.warm_up(), 13.0)
    endings = ((40 * SECOND_MS, "~pending"), (50 * MINUTE_MS, "~pending"), (180 * MINUTE_MS, "~failed"))
    for number, (after_ms, provider_says) in enumerate(endings):
        person = stage.regular(number)
        fields = stage.movement(person, stage.home(person), person.mean_minor, person.terminals[0])
        fields["method"] = "wallet_balance"
        fields["payment_id"] += provider_says
        account_id = person.account_id
        stage.say("payments.transactions", PaymentRequested(**stage.envelope(account_id, at_ms), **fields))
        stage.post(account_id, at_ms + SECOND_MS, "debit", fields)
        codes = (Code(source="iso8583_1987", code="96"),)
        failed = PaymentFailed(**stage.envelope(account_id, at_ms + 8 * SECOND_MS), **fields, codes=codes)
        stage.say("payments.transactions", failed)
        succeeded = PaymentSucceeded(**stage.envelope(account_id, at_ms + after_ms), **fields)
        stage.say("payments.transactions", succeeded)
    stage.goes_on(at_ms, at_ms + 200 * MINUTE_MS)
