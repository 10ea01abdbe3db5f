"""Do the cases of a payment, taken together, say what its account says?

Every rule about money follows one story: a debit without its payment, a charge too much, a refund that never came.
Where several meet in one payment (a fee inside a debit that was too little, a merchant's refund of what was charged
twice) each of them is right and their sum may not be. An hour after the last word about a payment that has or had a
money case, what stands of its debits is compared with what it should have cost. What its cases ask back, less what they
ask of the customer, is the difference, or they are corrected. People see the correction; nothing is given back by it.

Nothing is said where nobody can say: while a debit waits for its payment or a refund is on its way, without a final
word, across currencies, of what was paid by several payments, or where people or the bank have dealt with it.
"""

from __future__ import annotations

from typing import Final

from streams.core.cases import clocks
from streams.core.cases.book import Draft, add_line, open_or_join, set_status
from streams.core.money import (
    balance,
    expectations,
    fee_lines,
    given,
    refunds,
    remembered,
    set_off,
    shared_ids,
    undercharges,
)
from streams.core.money.completeness import later_ms
from streams.core.obligations import Case, Line, Owed, PaymentState, payment_key
from streams.core.turn import Turn

RECKONING: Final = "reckoning"  # a line of a case
NEEDS: Final = ("payments.transactions", "ledger.entries")
QUIET_MS: Final = 3_600_000
# Which case is corrected first: what people were only asked to look at, then what a customer was told of.
_ASK_BACK: Final = (refunds.MISMATCH, refunds.FEE, refunds.DUPLICATE, refunds.NOT_CAPTURED)
_ASK_FOR: Final = (undercharges.FAMILY, refunds.DOUBLE_BENEFIT)
BOOKS_AGREE: Final = "books_agree"  # how such a case ends
_BEYOND: Final = frozenset({"operator_resolve", "duplicate_probable"})  # lines of a case


def look_later(turn: Turn, payment_id: str) -> None:
    """Something was told of a payment. If money of it is or was a case, its cases are reckoned up when it is quiet."""
    mine = _cases(turn, payment_id)
    for case in mine[1:]:
        case.reckons_s = case.reckoned_to_s = 0
    if mine:
        first = mine[0]
        first.reckons_s = first.reckoned_to_s = _after_s(first, max(turn.at_ms, turn.ctx.clock_ms) + QUIET_MS)


def due(turn: Turn, case: Case) -> None:
    """The payment has been quiet: are the sums of its cases right?"""
    payment_id = case.payment_id
    later = later_ms(turn, case.opened_ms + case.reckoned_to_s * 1000, NEEDS)
    case.reckons_s = _after_s(case, later) if later else 0
    about = remembered.about_of(turn, payment_id)
    if later or about is None or _is_under_way(turn, payment_id) or _is_beyond(turn, payment_id, about.order):
        return
    over_minor = _over_minor(turn, payment_id, about.currency)
    if over_minor is None:
        return
    twice = [each for each in _cases(turn, payment_id) if each.family == refunds.DOUBLE_BENEFIT]
    if twice:
        if over_minor == 0:
            _end_what_is_once(turn, twice)
        return
    lowered, raised = (_ASK_FOR, _ASK_BACK) if over_minor >= 0 else (_ASK_BACK, _ASK_FOR)
    left_minor = _lower(turn, payment_id, about.currency, lowered, 0)
    _bring(turn, payment_id, about.currency, raised, abs(over_minor) + left_minor)


def _after_s(case: Case, at_ms: int) -> int:
    """Seconds from the opening of a case, rounded up and never 0."""
    return max(1, -(-(at_ms - case.opened_ms) // 1000))


def _cases(turn: Turn, payment_id: str) -> list[Case]:
    families = (*_ASK_BACK, *_ASK_FOR)
    return [case for case in turn.obligations.cases if case.payment_id == payment_id and case.family in families]


def _is_under_way(turn: Turn, payment_id: str) -> bool:
    """Money of it, or the word that explains it, is still to come, and will be looked at when it has."""
    obligations = turn.obligations
    moving = (refunds.INTENDED, refunds.SENT)
    return (
        any(each.payment_id == payment_id for each in obligations.debits)
        or any(each.payment_id == payment_id for each in obligations.unknowns)
        or any(each.payment_id == payment_id and each.status in moving for each in obligations.owed)
        or any(each.payment_id == payment_id for each in obligations.expectations)
    )


def _is_beyond(turn: Turn, payment_id: str, order: int) -> bool:
    """Whether somebody else knows more about it than its own books tell."""
    key, mine = payment_key(payment_id), _cases(turn, payment_id)
    others = any(each.order == order and each.payment_id != payment_id for each in turn.obligations.lately)
    others = others or any(each.order == order and each.payment != key for each in turn.obligations.spent)
    return (
        (order != 0 and others)
        or any(each.handed_over for each in turn.obligations.ended)  # one may be about it, and is people's
        or sum(not each.amount_minor for each in turn.obligations.spent) >= set_off.BACK_MAX  # one may be forgotten
        or shared_ids.is_shared(turn, payment_id)
        or refunds.is_disputed(turn)
        or (any(case.family == refunds.DUPLICATE for case in mine) and _is_one(turn, key))
        or any(line.kind in _BEYOND for case in mine for line in case.lines)
    )


def _end_what_is_once(turn: Turn, twice: list[Case]) -> None:
    """A refund that had left is here, and the books agree all the same: another one of as much was cancelled for it.

    Of a late success only: what more was credited than debited no debit shows.
    """
    for case in twice:
        by_success = case.counters.get(refunds.BY_SUCCESS, 0) == case.amount_minor
        is_here = not expectations.is_late(turn, case.payment_id)
        if case.is_open and by_success and _is_free(case) and is_here:
            _less(turn, case, 0)


def _is_one(turn: Turn, key: int) -> bool:
    """Whether it was debited once, as far as that is remembered: it is one too many beside another payment."""
    return sum(not each.fee for each in remembered.debits_of(turn, key)) <= 1


def _over_minor(turn: Turn, payment_id: str, currency: str) -> int | None:
    """How much more stands of its debits than it should cost; below 0: less. None where nobody can say."""
    state = turn.obligations.recall(payment_key(payment_id))
    row = given.of(turn, payment_id, currency)
    due_minor = balance.due_minor(turn, payment_id, currency)
    if state is None or not state.grace_s or due_minor is None or row.bank_minor:
        return None
    if _is_captured(turn, payment_id) or _may_hold_a_fee(turn, payment_id, currency):
        return None
    stands_minor = balance.stands_minor(turn, payment_id, currency)
    if state.status in (PaymentState.FAILED, PaymentState.REVERSED):
        return stands_minor
    if state.status != PaymentState.SUCCEEDED:
        return None
    refunded_minor = _refunded_minor(turn, payment_id, currency)
    over_minor = stands_minor - due_minor + refunded_minor
    if _is_all_refunded(turn, payment_id, currency, refunded_minor):
        return max(over_minor, -set_off.early_minor(turn, payment_id, currency))
    return over_minor


def _is_all_refunded(turn: Turn, payment_id: str, currency: str, refunded_minor: int) -> bool:
    """Whether its merchant's refunds have brought back all that was taken for it: nothing of it is left to pay for.

    What a coupon or nobody has paid is not twice then, only what came back beyond the debits.
    """
    price = balance.price_of(turn, payment_id, currency) or 0
    return 0 < (balance.once_minor(turn, payment_id, currency, price) or 0) <= refunded_minor


def _is_captured(turn: Turn, payment_id: str) -> bool:
    """Whether less was captured than was asked for: nobody knows whether more captures follow."""
    about = remembered.about_of(turn, payment_id)
    return about is not None and 0 < about.good_minor < about.amount_minor


def _may_hold_a_fee(turn: Turn, payment_id: str, currency: str) -> bool:
    """Whether its debits come to what it may cost and a fee is told of that has no line: they may hold it, or not."""
    inside_minor = fee_lines.inside_minor(turn, payment_key(payment_id), currency)
    price = balance.price_of(turn, payment_id, currency) or 0
    charged_minor = balance.once_minor(turn, payment_id, currency, price) or 0
    least_minor = price if turn.policy.money.undercharges else 0
    mine = _cases(turn, payment_id)
    corrected = any(case.family == refunds.MISMATCH and expectations.BACK in case.counters for case in mine)
    return inside_minor > 0 and (corrected or least_minor <= charged_minor < price + inside_minor)


def _refunded_minor(turn: Turn, payment_id: str, currency: str) -> int:
    """What its merchant's refunds have brought back, as far as the ledger's lines tell; a correction is none."""
    lines = remembered.debits_of(turn, payment_key(payment_id))
    back_minor = sum(each.back_minor for each in lines) - balance.corrected_minor(turn, payment_id, currency)
    return max(0, min(back_minor, balance.by_merchant_minor(turn, payment_id, currency)))


def _bring(turn: Turn, payment_id: str, currency: str, families: tuple[str, ...], minor: int) -> None:
    """Open cases of these families come to `minor` together, as far as nobody was told anything else."""
    short_minor = minor - _lower(turn, payment_id, currency, families, minor)
    if short_minor > 0:
        _more(turn, payment_id, currency, families, short_minor)


def _lower(turn: Turn, payment_id: str, currency: str, families: tuple[str, ...], minor: int) -> int:
    """What open cases of these families still ask, lowered towards `minor`."""
    mine = _open(turn, payment_id, currency, families)
    total_minor = sum(balance.missing_minor(case) for case in mine)
    for case in mine:
        part_minor = min(total_minor - minor, balance.missing_minor(case))
        if part_minor > 0 and _is_free(case):
            _less(turn, case, balance.missing_minor(case) - part_minor)
            total_minor -= part_minor
    return total_minor


def _is_free(case: Case) -> bool:
    """What its customer was told of, or somebody works on, is not taken back in silence."""
    is_held = bool(case.assignee) and not clocks.is_escalated(case)  # of a group nobody works on it yet
    return not case.template and not is_held


def _open(turn: Turn, payment_id: str, currency: str, families: tuple[str, ...]) -> list[Case]:
    mine = [case for case in _cases(turn, payment_id) if case.is_open and case.family in families]
    return sorted((case for case in mine if case.currency == currency), key=lambda case: families.index(case.family))


def _less(turn: Turn, case: Case, left_minor: int) -> None:
    """No more than `left_minor` of a case is still asked for."""
    gone_minor = balance.missing_minor(case) - left_minor
    refunds.no_more_than(turn, case, left_minor)
    case.amount_minor = case.counters.get(expectations.BACK, 0) + left_minor
    text = "reckoned up: that much less is asked for" if left_minor else "reckoned up: the books agree"
    add_line(turn, case, Line(turn.at_ms, RECKONING, turn.cause, text, gone_minor, case.currency))
    if not left_minor:
        case.money_state = "confirmed"
        set_status(turn, case, "resolved", BOOKS_AGREE)


def _more(turn: Turn, payment_id: str, currency: str, families: tuple[str, ...], minor: int) -> None:
    """Cases of these families ask for `minor` less than they should: one of them does so, or a new one."""
    mine = _open(turn, payment_id, currency, families)
    if mine:
        mine[0].amount_minor = (mine[0].amount_minor or 0) + minor
        text = "reckoned up: that much more is asked for"
        add_line(turn, mine[0], Line(turn.at_ms, RECKONING, turn.cause, text, minor, currency))
        return
    if families is _ASK_FOR:
        both = Owed(payment_id, turn.cause, minor, currency, turn.at_ms, refunds.DOUBLE_BENEFIT)
        refunds.double_benefit(turn, both, "reckoned up: more is back than the payment leaves owed")
        return
    state = turn.obligations.recall(payment_key(payment_id))
    is_good = state is not None and state.status == PaymentState.SUCCEEDED
    family = refunds.MISMATCH if is_good else refunds.NOT_CAPTURED
    for case in _cases(turn, payment_id):
        if case.family == family:  # what it was about is over
            case.counters.clear()
    open_or_join(
        turn,
        Draft(
            case_type="amount_mismatch" if is_good else family,
            flow="F11" if is_good else "F10",
            family=family,
            queue="accounting",
            priority=2,
            lines=(Line(turn.at_ms, RECKONING, turn.cause, "reckoned up: more stands than is owed", minor, currency),),
            payment_id=payment_id,
            by_payment=True,
            amount_minor=minor,
            currency=currency,
            money_state="moved",
        ),
    )
