"""Is the other payment of what was paid twice given back as well?

That may be what was bought coming back, or what was paid twice under the other payment's name; with both refunds the
customer would have the goods for nothing. Nobody here can know, so people are asked: whether our refund is right while
it has not left, and after that whether the customer has the money twice.
"""

from __future__ import annotations

from streams.contracts.payments import RefundFailed
from streams.core.money import charges, given, refunds
from streams.core.obligations import Case, Owed, payment_key
from streams.core.turn import Turn

REFUNDED = "other_refunded"
_ASKED = f"for a person: {REFUNDED}"  # line of a duplicate: whoever gives it back then knows of the other refund
_BOTH = "given back as well: payment "  # line of what its customer may have twice


def moved(turn: Turn, payment_id: str) -> None:
    """Money of this payment went back, or is about to: an intent for the other one is held."""
    for owed in tuple(turn.obligations.owed):
        if owed.status == refunds.INTENDED and _is_refunded(turn, owed, payment_id):
            refunds.ask_people(turn, owed, REFUNDED)
    for case in tuple(turn.obligations.cases):
        sent = _sent(turn, case)
        if (
            sent is not None
            and _is_refunded(turn, sent, payment_id)
            and not _is_told(turn, case.payment_id, payment_id)
        ):
            refunds.double_benefit(turn, sent, _told_of(payment_id))


def came_back(turn: Turn, event: RefundFailed) -> None:
    """One of the two refunds never came: the customer has nothing twice by it."""
    given_minor = given.of(turn, event.payment_id, event.currency).total_minor
    for case in tuple(turn.obligations.cases):
        if case.family != refunds.DOUBLE_BENEFIT or not case.is_open:
            continue
        if event.payment_id == case.payment_id:
            is_one = given.is_ours(turn, event.payment_id, event.refund_id)
            is_one = is_one and any(each.text.startswith(_BOTH) for each in case.lines)
        else:
            is_one = _is_told(turn, case.payment_id, event.payment_id) and given_minor < (case.amount_minor or 0)
        if is_one:
            refunds.is_less(turn, case, event)


def is_refunded(turn: Turn, owed: Owed) -> bool:
    """Whether as much as this duplicate was, or is to be, given back of a payment beside which it is one too many."""
    obligations = turn.obligations
    known = {each.payment_id for each in obligations.lately} | {each.payment_id for each in obligations.expectations}
    return any(_is_refunded(turn, owed, payment_id) for payment_id in known)


def _is_refunded(turn: Turn, owed: Owed, payment_id: str) -> bool:
    if owed.family != refunds.DUPLICATE or owed.payment_id == payment_id:
        return False
    if payment_key(payment_id) not in charges.beside(turn, owed.payment_id):
        return False
    return given.of(turn, payment_id, owed.currency).total_minor >= owed.amount_minor


def _sent(turn: Turn, case: Case) -> Owed | None:
    """The refund of a duplicate that has left by itself, and is on its way or was intended lately.

    What comes back of the other payment later than that is as good as always what was bought.
    """
    line = next((each for each in case.lines if each.kind == refunds.REFUND_INTENDED), None)
    if case.family != refunds.DUPLICATE or line is None or any(each.text == _ASKED for each in case.lines):
        return None
    since_ms = turn.at_ms - turn.policy.cases.dedupe_window_s * 1000
    owed = next((each for each in turn.obligations.owed if refunds.case_of(turn, each) is case), None)
    if owed is not None:
        return owed if owed.status in (refunds.SENT, refunds.BACK) else None
    if case.is_open or case.money_state != "returned" or line.at_ms < since_ms:
        return None
    return Owed(case.payment_id, turn.cause, line.amount_minor or 0, line.currency or "", turn.at_ms, case.family)


def _is_told(turn: Turn, payment_id: str, other: str) -> bool:
    text = _told_of(other)
    return any(
        line.text == text
        for case in turn.obligations.cases
        if (case.family, case.payment_id) == (refunds.DOUBLE_BENEFIT, payment_id)
        for line in case.lines
    )


def _told_of(payment_id: str) -> str:
    return f"{_BOTH}{payment_id}"
