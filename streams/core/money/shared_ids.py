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
from streams.core.money import charges
from streams.core.obligations import SHARED_MAX, Line, payment_key
from streams.core.turn import Turn

_SAMPLE = "integration.shared_payment_id"


def heard(turn: Turn, event: Movement) -> None:
    """One more event of a payment that is known: is it about something else than those before?

    Of another order; or asked for again for another payee or in another currency.
    """
    about = None if isinstance(event, Refund) else charges.about_of(turn, event.payment_id)
    if about is None or is_shared(turn, event.payment_id):
        return
    order = charges.hashed(event.order_id)
    other = bool(order and about.order) and order != about.order
    if type(event) in REQUESTS:
        payee = charges.hashed(event.counterparty_id or event.merchant_id)
        other = other or (bool(payee and about.payee) and payee != about.payee) or event.currency != about.currency
    if not other:
        return
    obligations = turn.obligations
    obligations.shared = [*obligations.shared, payment_key(event.payment_id)][-SHARED_MAX:]
    text = f"another payment has the id {event.payment_id} already: source {event.source}"[:160]
    line = Line(turn.at_ms, kind_of(event), turn.cause, text, event.amount_minor, event.currency)
    sample(turn, "payments", _SAMPLE, case_type=_SAMPLE, flow="F10", line=line)


def is_shared(turn: Turn, payment_id: str) -> bool:
    """Whether money of this payment may be another one's."""
    return bool(turn.obligations.shared) and payment_key(payment_id) in turn.obligations.shared
