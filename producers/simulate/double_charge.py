"""Somebody is charged twice: for one order, or so it seems."""

from __future__ import annotations

from producers.durations import MINUTE_MS, SECOND_MS
from producers.simulate.stage import Stage

TRANSIT = "4111"  # merchant category where paying twice in minutes is ordinary


def play(stage: Stage) -> None:
    """One order is debited twice, one customer pays a till the same twice, and one rides the bus there and back."""
    at_ms = stage.day(stage.warm_up(), 13.0)
    for number, second in enumerate(("of the same order", "at a till", "of the next ride")):
        person = stage.regular(number)
        context = stage.home(person)
        fields = stage.movement(person, context, person.mean_minor, person.terminals[0])
        if second == "at a till":
            del fields["order_amount_minor"]  # who types the amount oneself names no order
        else:
            fields["order_id"] = f"{fields['payment_id']}-order"
        if second == "of the next ride":
            fields["mcc"] = TRANSIT
        stage.pay(person, context, at_ms, fields)
        if second == "of the same order":
            stage.post(person.account_id, at_ms + 20 * SECOND_MS, "debit", fields)
        else:
            payment_id = stage.next_payment()
            again = fields | {"payment_id": payment_id}
            if "order_id" in fields:
                again["order_id"] = f"{payment_id}-order"
            stage.pay(person, context, at_ms + 4 * MINUTE_MS, again)
