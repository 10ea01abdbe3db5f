"""Do two payments of one account bear the same id?

A payment is named by its account and its `payment_id`: the ledger, the provider and the payment system each tell of it
under their own `source`, so the source cannot tell two payments apart. Where two merchants or systems hand out the same
id to one customer, nobody can say whose debit is whose: people decide, and whoever runs the integration hears of it.
"""

from __future__ import annotations

from streams.contracts.payments import Movement, Refund
from streams.core.cases.samples import sample
from streams.core.cases.timeline import kind_of
from streams.core.flows.movements import REQUESTS
from streams.core.money import references, refunds, remembered
from streams.core.obligations import SHARED_MAX, Line, payment_key
from streams.core.turn import Turn

_SAMPLE = "integration.shared_payment_id"
SHARED = "shared_id"


def heard(turn: Turn, event: Movement) -> None:
    """One more event of a payment that is known: is it about something else than those before?

    Of another order; or asked for again for another payee or in another currency.
    """
    if isinstance(event, Refund) or is_shared(turn, event.payment_id) or not _is_another(turn, event):
        return
    obligations = turn.obligations
    obligations.shared = [*obligations.shared, payment_key(event.payment_id)][-SHARED_MAX:]
    text = f"another payment has the id {event.payment_id} already: source {event.source}"[:160]
    line = Line(turn.at_ms, kind_of(event), turn.cause, text, event.amount_minor, event.currency)
    sample(turn, "payments", _SAMPLE, case_type=_SAMPLE, flow="F10", line=line)
    for owed in tuple(obligations.owed):
        if (owed.payment_id, owed.status) == (event.payment_id, refunds.INTENDED):
            refunds.ask_people(turn, owed, SHARED)


def _is_another(turn: Turn, event: Movement) -> bool:
    """Of what is forgotten with the payment its debits may still know the order."""
    about = remembered.about_of(turn, event.payment_id)
    known = [about] if about is not None else remembered.debits_of(turn, payment_key(event.payment_id))
    order, orders = references.hashed(event.order_id), {references.number_of(each.order) for each in known} - {0}
    if order and orders and order not in orders:
        return True
    if type(event) not in REQUESTS or about is None:
        return False
    payee = references.hashed(references.payee_of(event))
    return (bool(payee and about.payee) and payee != about.payee) or event.currency != about.currency


def is_shared(turn: Turn, payment_id: str) -> bool:
    """Whether money of this payment may be another one's."""
    return bool(turn.obligations.shared) and payment_key(payment_id) in turn.obligations.shared
