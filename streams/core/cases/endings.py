"""Does what is known of a case's money bear out how somebody says that the case has ended?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from streams.core.money import given, refunds
from streams.core.obligations import Case, PaymentState, payment_key
from streams.core.turn import Turn

_IS_BACK: Final = frozenset({"returned", "double_benefit"})  # money states
STANDS: Final = frozenset({"moved", "moved_partial", "confirmed", "debit_confirmed", "held"})  # and is not back
_HAS_LEFT: Final = frozenset({refunds.REFUND_INTENDED, "refund.sent", "refund.credited"})
_CAME_TO_NOTHING: Final = frozenset({refunds.CANCELLED, "refund.failed"})
_NOTHING_TO_DO: Final = frozenset({"no_action", "not_reproduced"})

NOT_REFUNDED = (
    "not_refunded",
    "nothing shows a refund, neither the books nor one of ours: refund it, or link the case that has it",
)
_NOT_REVERSED = ("not_reversed", "the money of this case has moved, and nothing shows that it came back")
_STILL_OWED = ("still_owed", "a debit of this case waits to be given back: refund it, or say how else it ended")


def shows_refund(money_state: str | None, kinds: Iterable[str]) -> bool:
    """Whether a case with lines of these kinds says that money went back, or that a refund has left."""
    said = frozenset(kinds)
    came_to_nothing = bool(said & _CAME_TO_NOTHING) and "refund.credited" not in said
    return money_state in _IS_BACK or (bool(said & _HAS_LEFT) and not came_to_nothing)


def contradicted(turn: Turn, case: Case, resolution: str | None) -> tuple[str, str] | None:
    """(cause, sentence) if the books, or refunds of ours, say otherwise."""
    match resolution:
        case "refunded":
            return None if _is_refunded(turn, case) else NOT_REFUNDED
        case "reversed" if case.money_state in STANDS:
            return None if _is_refunded(turn, case) else _NOT_REVERSED
        case _ if resolution in _NOTHING_TO_DO:
            return _STILL_OWED if refunds.owed_on(turn, case) else None
    return None


def _is_refunded(turn: Turn, case: Case) -> bool:
    """Whether this case shows it, another one about the same or linked with it, or what is kept of their payments."""
    obligations = turn.obligations
    same = [each for each in obligations.cases if is_about_same(_about(case), _about(each))]
    if any(shows_refund(each.money_state, (line.kind for line in each.lines)) for each in same):
        return True
    payments = {each.payment_id for each in same if each.payment_id}
    keys = {payment_key(each) for each in payments}
    states = [obligations.recall(key) for key in keys]
    currencies = {each.currency for each in same if each.currency}
    return (
        any(owed.payment_id in payments and owed.status != refunds.OWED for owed in obligations.owed)
        or any(spent.payment in keys and spent.back_minor > 0 for spent in obligations.spent)
        or any(state is not None and state.status == PaymentState.REVERSED for state in states)
        or any(given.of(turn, payment, each).total_minor > 0 for payment in payments for each in currencies)
    )


class About(NamedTuple):
    """By what two cases of an account are known to be about the same."""

    case_id: str
    parent_id: str | None
    payment_id: str | None
    order_id: str | None


def is_about_same(case: About, other: About) -> bool:
    """Whether they are one, about one payment or order, or were linked by somebody."""
    return (
        case.case_id in (other.case_id, other.parent_id)
        or case.parent_id == other.case_id
        or bool(case.payment_id and case.payment_id == other.payment_id)
        or bool(case.order_id and case.order_id == other.order_id)
    )


def _about(case: Case) -> About:
    return About(case.case_id, case.parent_id, case.payment_id, case.order_id)
