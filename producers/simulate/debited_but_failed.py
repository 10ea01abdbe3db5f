"""The money left the account, and the payment failed or its outcome never came."""

from __future__ import annotations

from producers.durations import MINUTE_MS, SECOND_MS
from producers.simulate.stage import Stage
from streams.contracts.payments import Code, PaymentFailed, PaymentPending, PaymentRequested, PspStatus


def play(stage: Stage) -> None:
    """Three customers are debited: one payment fails, one stays unknown, one fails but is credited back in time.

    The provider says by itself that the first two have failed. A run in large steps hears the answers to its questions
    at the end of a step, too late to act on them.
    """
    answer_ms = stage.number("answer_minutes") * MINUTE_MS
    day = stage.warm_up()
    at_ms = stage.day(day, 13.0)
    for number, ending in enumerate(("failed", "unknown", "credited back")):
        person = stage.regular(number)
        context = stage.home(person)
        began_ms = at_ms + number * 5 * MINUTE_MS
        fields = stage.movement(person, context, person.mean_minor, person.terminals[0])
        fields["method"] = "wallet_balance"
        account_id = person.account_id
        stage.say("payments.transactions", PaymentRequested(**stage.envelope(account_id, began_ms), **fields))
        stage.post(account_id, began_ms + SECOND_MS, "debit", fields)
        kind = PaymentPending if ending == "unknown" else PaymentFailed
        stage.say(
            "payments.transactions",
            kind(
                **stage.envelope(account_id, began_ms + 8 * SECOND_MS),
                **fields,
                codes=(Code(source="iso8583_1987", code="96" if ending != "unknown" else "68"),),
            ),
        )
        if ending != "credited back" and answer_ms:
            answer = PspStatus(**stage.envelope(account_id, began_ms + answer_ms), **fields, status="failed")
            stage.say("payments.transactions", answer)
        if ending == "credited back":
            stage.post(account_id, began_ms + 40 * SECOND_MS, "credit", fields)
