"""Is the other payment of what was paid twice given back as well?

That may be what was bought coming back, or what was paid twice under the other payment's name; with both refunds the
customer would have the goods for nothing. Nobody here can know, so while our refund has not left people are asked.
"""

from __future__ import annotations

from streams.core.money import charges, given, refunds
from streams.core.obligations import Owed, payment_key
from streams.core.turn import Turn

REFUNDED = "other_refunded"


def moved(turn: Turn, payment_id: str) -> None:
    """Money of this payment went back, or is about to: an intent for the other one is held."""
    for owed in tuple(turn.obligations.owed):
        if owed.status == refunds.INTENDED and _is_refunded(turn, owed, payment_id):
            refunds.ask_people(turn, owed, REFUNDED)


def is_refunded(turn: Turn, owed: Owed) -> bool:
    """Whether as much as this duplicate was, or is to be, given back of a payment beside which it is one too many."""
    obligations = turn.obligations
    known = {each.payment_id for each in obligations.lately} | {each.payment_id for each in obligations.expectations}
    return any(_is_refunded(turn, owed, payment_id) for payment_id in known)


def _is_refunded(turn: Turn, owed: Owed, payment_id: str) -> bool:
    if owed.family != refunds.DUPLICATE or owed.payment_id == payment_id:
        return False
    if payment_key(payment_id) not in charges.beside(turn, owed):
        return False
    return given.of(turn, payment_id, owed.currency).total_minor >= owed.amount_minor
