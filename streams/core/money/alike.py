"""Which of several refunds of one payment and one amount has arrived?

The ledger's credit does not say. The oldest is taken to be the one, and the others remember that. When the payment
system names another one, or says that the oldest has failed, the two change names: one credit is one refund, and what
is missing is waited for under its own id.
"""

from __future__ import annotations

from streams.contracts.payments import Refund
from streams.core.cases.book import add_line
from streams.core.cases.timeline import kind_of
from streams.core.obligations import Case, Expectation, Line
from streams.core.turn import Turn

_KINDS = frozenset({"refund", "promise"})
_FAMILIES = frozenset({"refund_late", "refund_dispute", "refund_request", "refund_failed"})


def guessed(turn: Turn, payment_id: str, amount_minor: int, currency: str, refund_id: str) -> None:
    """A credit was taken to be `refund_id`, and may be any other one of the same amount that is waited for."""
    money = (payment_id, amount_minor, currency)
    for each in _followed(turn, payment_id):
        if (each.payment_id, each.amount_minor, each.currency) == money and _name(each) != refund_id:
            each.alike = refund_id


def named(turn: Turn, event: Refund, *, arrived: bool) -> str:
    """The payment system says which one has arrived, or which one has not. The refund that changed names with it."""
    followed = _followed(turn, event.payment_id)
    taken = [each for each in followed if each.alike == event.refund_id]
    if arrived:
        for each in taken:
            each.alike = ""  # it was the one
        other = next((each.alike for each in followed if _name(each) == event.refund_id and each.alike), "")
    else:
        other = next((_name(each) for each in taken), "")
    if not other:
        return ""
    for each in followed:
        if isinstance(each, Expectation) and _name(each) in (event.refund_id, other):
            each.subject, each.alike = other if each.subject == event.refund_id else event.refund_id, ""
    text = f"it was not refund {other} that arrived" if arrived else f"it was refund {other} that arrived"
    for case in turn.obligations.cases:
        mine = case.family in _FAMILIES and case.payment_id == event.payment_id
        if mine and case.refund_id in (event.refund_id, other):
            case.refund_id, case.alike = other if case.refund_id == event.refund_id else event.refund_id, ""
            add_line(turn, case, Line(turn.at_ms, kind_of(event), turn.cause, text[:160]))
    return other


def _followed(turn: Turn, payment_id: str) -> list[Expectation | Case]:
    waiting = [each for each in turn.obligations.expectations if each.kind in _KINDS and each.subject]
    cases = [each for each in turn.obligations.cases if each.family in _FAMILIES and each.refund_id and each.is_open]
    followed: list[Expectation | Case] = [*waiting, *cases]
    return [each for each in followed if each.payment_id == payment_id]


def _name(each: Expectation | Case) -> str:
    return each.subject if isinstance(each, Expectation) else each.refund_id
