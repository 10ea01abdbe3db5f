"""Is the other payment of what was paid twice given back as well?

That may be what was bought coming back, or what was paid twice under the other payment's name; with both refunds the
customer would have the goods for nothing. Nobody here can know, so people are asked: whether our refund is right while
it has not left, and after that whether the customer has the money twice.
"""

from __future__ import annotations

from streams.contracts.payments import RefundFailed
from streams.core.money import duplicates, given, orders, refunds, remembered
from streams.core.obligations import Case, Owed, payment_key
from streams.core.turn import Turn

REFUNDED = "other_refunded"
_ASKED = f"for a person: {REFUNDED}"  # line of a duplicate: whoever gives it back then knows of the other refund
# Lines of what its customer has, or may have, twice.
_BOTH = "given back as well: payment "
_GONE = "good no more: payment "


def moved(turn: Turn, payment_id: str) -> None:
    """Money of this payment went back, or is about to: an intent for the other one is held."""
    for owed in tuple(turn.obligations.owed):
        if owed.status == refunds.INTENDED and _is_refunded(turn, owed, payment_id):
            refunds.ask_people(turn, owed, REFUNDED)
    for case in tuple(turn.obligations.cases):
        sent = _sent(turn, case)
        if sent is None or not turn.obligations.is_good(payment_key(sent.payment_id)):
            continue  # what was given back of it was never paid for
        if not _is_beside(turn, sent, payment_id) or _is_told(turn, case.payment_id, payment_id):
            continue
        order = orders.order_of(turn, sent.payment_id, sent.amount_minor, sent.currency, lately=True)
        if order.lacking_minor > 0:
            minor = min(sent.amount_minor, order.lacking_minor)
            twice = Owed(sent.payment_id, turn.cause, minor, sent.currency, turn.at_ms, refunds.DOUBLE_BENEFIT)
            refunds.double_benefit(turn, twice, _told_of(payment_id))


def good_no_more(turn: Turn, payment_id: str) -> None:
    """This payment has failed or was reversed: what of its order is good and went back beside it is the customer's.

    Whoever gave that back, and however long ago: nobody pays for it any more. It is over should that one fail as well.
    """
    for case in turn.obligations.cases:
        if case.is_open and case.family == refunds.DOUBLE_BENEFIT and _tells(case, payment_id):
            case.counters[refunds.BY_SUCCESS] = case.amount_minor or 0
    for mine in remembered.debits_of(turn, payment_key(payment_id)):
        minor, currency = mine.amount_minor + mine.back_minor, mine.currency
        for leg in orders.order_of(turn, payment_id, minor, currency).good:
            lacking_minor = min(leg.gone_minor, orders.order_of(turn, payment_id, minor, currency).lacking_minor)
            if leg.payment_id and lacking_minor > 0:
                twice = Owed(leg.payment_id, turn.cause, lacking_minor, currency, turn.at_ms, refunds.DOUBLE_BENEFIT)
                refunds.double_benefit(turn, twice, f"{_GONE}{payment_id}", by_success=True)


def came_back(turn: Turn, event: RefundFailed) -> None:
    """One of the two refunds never came: the customer has nothing twice by it."""
    given_minor = given.of(turn, event.payment_id, event.currency).total_minor
    for case in tuple(turn.obligations.cases):
        if case.family != refunds.DOUBLE_BENEFIT or not case.is_open:
            continue
        if event.payment_id == case.payment_id:
            is_one = given.is_ours(turn, event.payment_id, event.refund_id)
            is_one = is_one and any(each.text.startswith((_BOTH, _GONE)) for each in case.lines)
        else:
            is_one = _is_told(turn, case.payment_id, event.payment_id) and given_minor < (case.amount_minor or 0)
        if is_one:
            refunds.is_less(turn, case, event)


def is_refunded(turn: Turn, owed: Owed) -> bool:
    """Whether as much as this duplicate was, or is to be, given back of a payment beside which it is one too many.

    Of what failed: whether another payment of its order was given back while it was good, so that people decide which
    of the two the customer pays.
    """
    if owed.family == refunds.NOT_CAPTURED:
        return orders.is_lacking(turn, owed.payment_id)
    obligations = turn.obligations
    known = {each.payment_id for each in obligations.lately} | {each.payment_id for each in obligations.expectations}
    return any(_is_refunded(turn, owed, payment_id) for payment_id in known)


def _is_refunded(turn: Turn, owed: Owed, payment_id: str) -> bool:
    if owed.family != refunds.DUPLICATE or not _is_beside(turn, owed, payment_id):
        return False
    return given.of(turn, payment_id, owed.currency).total_minor >= owed.amount_minor


def _is_beside(turn: Turn, owed: Owed, payment_id: str) -> bool:
    return payment_key(payment_id) in duplicates.beside(turn, owed.payment_id)


def _sent(turn: Turn, case: Case) -> Owed | None:
    """The refund of a duplicate that has left by itself, and is on its way or was intended lately.

    What comes back of the other payment later than that is as good as always what was bought.
    """
    line = next((each for each in case.lines if each.kind == refunds.REFUND_INTENDED), None)
    if case.family != refunds.DUPLICATE or line is None or any(each.text == _ASKED for each in case.lines):
        return None
    since_ms = turn.at_ms - turn.policy.cases.dedupe_window_s * 1000
    owed = next((each for each in turn.obligations.owed if refunds.case_of(turn, each) is case), None)
    if owed is not None and owed.status != refunds.BACK:
        return owed if owed.status == refunds.SENT else None
    if case.is_open or case.money_state != "returned" or line.at_ms < since_ms:
        return None
    return Owed(case.payment_id, turn.cause, line.amount_minor or 0, line.currency or "", turn.at_ms, case.family)


def _is_told(turn: Turn, payment_id: str, other: str) -> bool:
    return any(
        _tells(case, other)
        for case in turn.obligations.cases
        if (case.family, case.payment_id) == (refunds.DOUBLE_BENEFIT, payment_id)
    )


def _tells(case: Case, payment_id: str) -> bool:
    """Whether a case was opened because this other payment of its order was given back or undone."""
    return any(line.text in (_told_of(payment_id), f"{_GONE}{payment_id}") for line in case.lines)


def _told_of(payment_id: str) -> str:
    return f"{_BOTH}{payment_id}"
