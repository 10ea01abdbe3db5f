"""Does a customer take back too much of what is bought, to another card, or for what nobody sold (F33)?

Each of the last payments that anything was refunded of leaves a mark. Whether it was a sale is asked when the marks are
counted: what is told of a payment later explains it. Refunds of ours are no customer's wish and leave none.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from streams.contracts.payments import Refund, RefundApproved, RefundCredited, RefundRequested, RefundSent
from streams.core.cases.book import Draft, open_or_join
from streams.core.money import given, refunds
from streams.core.money.references import hashed
from streams.core.obligations import DAY_MS, PAYMENTS_MAX, REFUND_MARKS_MAX, Line, PaymentState, payment_key
from streams.core.turn import Turn

FAMILY: Final = refunds.ABUSE
_KEY, _DAY = 5, 2  # bytes; the last one has these bits
_TO_ANOTHER_CARD, _TOLD = 1, 2
_MARK = _KEY + _DAY + 1
_TELLING = RefundRequested | RefundApproved | RefundSent | RefundCredited


class _Mark(NamedTuple):
    key: int
    day: int  # since 1970
    bits: int

    def to_bytes(self) -> bytes:
        return self.key.to_bytes(_KEY) + self.day.to_bytes(_DAY) + bytes([self.bits])


class _Counted(NamedTuple):
    refunded: int  # of the payments that are remembered as good
    bought: int
    to_another_card: int
    without_sale: int


def seen(turn: Turn, event: Refund) -> None:
    """Marks a refund; where the marks speak of abuse, security looks before more is given back by itself."""
    if turn.late or not isinstance(event, _TELLING) or given.is_ours(turn, event.payment_id, event.refund_id):
        return
    if not _mark(turn, event):
        return  # nothing new
    turn.ctx.trade = "refund_without_sale" if _was_never_sold(turn, event) else "refund"
    marks = _in_window(turn)
    known = next((case for case in turn.obligations.cases if case.family == FAMILY and case.is_open), None)
    if known is not None:
        known.lines[0].text = _said(turn, marks)  # the one line that is never dropped for want of room
        known.updated_ms = max(known.updated_ms, turn.at_ms)
        turn.change(known, f"timeline: {FAMILY}")
    elif _is_abuse(turn, [mark for mark in marks if not mark.bits & _TOLD]):
        _open(turn, event, marks)
    else:
        return
    _keep(turn, [mark._replace(bits=mark.bits | _TOLD) for mark in _marks(turn)])


def _is_abuse(turn: Turn, untold: list[_Mark]) -> bool:
    """What a case has told of does not open another, whether an analyst has ended it or only people follow it."""
    counted, policy = _count(turn, untold), turn.policy.money.refund_abuse
    too_many = policy.usual_share * policy.times_usual * counted.bought
    return (
        (counted.refunded >= policy.refunds and counted.refunded > too_many)
        or counted.to_another_card >= policy.to_another_card
        or counted.without_sale >= policy.without_sale
    )


def _open(turn: Turn, event: Refund, marks: list[_Mark]) -> None:
    line = Line(turn.at_ms, FAMILY, turn.cause, _said(turn, marks), event.amount_minor, event.currency)
    case = open_or_join(
        turn,
        Draft(
            case_type=FAMILY,
            flow="F33",
            family=FAMILY,
            queue="security",
            priority=3,
            lines=(line,),
            payment=event,
            payment_id=event.payment_id,
            amount_minor=event.amount_minor,
            currency=event.currency,
        ),
    )
    if isinstance(event, RefundRequested):  # what was approved is on its way, whatever is found
        refunds.tell_checked(turn, case, event.amount_minor, event.currency)


def _said(turn: Turn, marks: list[_Mark]) -> str:
    counted = _count(turn, marks)
    return (
        f"refunds of {counted.refunded} out of {counted.bought} payments; "
        f"{counted.to_another_card} to another card; {counted.without_sale} without a sale"
    )


def _count(turn: Turn, marks: list[_Mark]) -> _Counted:
    obligations = turn.obligations
    states = [obligations.recall(mark.key) for mark in marks]
    bought = sum(state.is_sale for state in obligations.payment_states())
    # Of payments that have been forgotten, or from before anybody listened, one that nobody remembers may be a sale.
    may_tell = turn.policy.money.refund_abuse.without_sale <= bought and obligations.payments_held < PAYMENTS_MAX
    return _Counted(
        refunded=sum(state is not None and state.is_sale for state in states),
        bought=bought,
        to_another_card=sum(mark.bits & _TO_ANOTHER_CARD for mark in marks),
        without_sale=sum(_is_no_sale(state) for state in states) if may_tell else 0,
    )


def _was_never_sold(turn: Turn, event: Refund) -> bool:
    """Whether its payment was no sale, as far as the account can know: it forgets the oldest of many."""
    return turn.obligations.payments_held < PAYMENTS_MAX and _is_no_sale(
        turn.obligations.recall(payment_key(event.payment_id))
    )


def _is_no_sale(state: PaymentState | None) -> bool:
    return state is not None and not state.is_sale and state.status != PaymentState.REVERSED


def _in_window(turn: Turn) -> list[_Mark]:
    first_day = (turn.at_ms - turn.policy.money.refund_abuse.window_s * 1000) // DAY_MS
    return [mark for mark in _marks(turn) if mark.day > first_day]


def _mark(turn: Turn, event: Refund) -> bool:
    """Leaves the mark of its payment as the newest one. False: it was there already, and says no more now."""
    key = payment_key(event.payment_id)
    marks = _marks(turn)
    known = next((mark for mark in marks if mark.key == key), _Mark(key, 0, 0))
    paid_by = turn.obligations.card_of(key)
    is_another = bool(event.card_token and paid_by and hashed(event.card_token) != paid_by)
    if known.day and known.bits & _TO_ANOTHER_CARD >= is_another:
        return False
    bits = known.bits & _TO_ANOTHER_CARD | is_another  # what it tells now nobody has heard
    _keep(turn, [*(each for each in marks if each.key != key), _Mark(key, turn.at_ms // DAY_MS, bits)])
    return True


def _marks(turn: Turn) -> list[_Mark]:
    kept = turn.obligations.refund_marks
    rows = (kept[at : at + _MARK] for at in range(0, len(kept), _MARK))
    return [_Mark(int.from_bytes(row[:_KEY]), int.from_bytes(row[_KEY:-1]), row[-1]) for row in rows]


def _keep(turn: Turn, marks: list[_Mark]) -> None:
    turn.obligations.refund_marks = b"".join(each.to_bytes() for each in marks[-REFUND_MARKS_MAX:])
