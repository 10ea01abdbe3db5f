"""Has more come back of a payment than the ledger has debited for it (rule L3)?

A credit may be told before its debit, and a fee's beside the price's: nothing is said until the ledger and the payment
system have told everything up to a minute behind it.
"""

from __future__ import annotations

from typing import Final

from streams.contracts.payments import Movement, RefundCredited, RefundSent
from streams.core.cases.book import add_line, set_status
from streams.core.money import (
    arrivals,
    balance,
    completeness,
    duplicates,
    expectations,
    fee_lines,
    given,
    over_refunds,
    refunds,
    remembered,
    set_off,
    shared_ids,
    undercharges,
)
from streams.core.money.completeness import postponed
from streams.core.obligations import Expectation, Line, Owed, PaymentState, payment_key
from streams.core.observations import MOVEMENTS, TOPUP
from streams.core.turn import Turn

BEYOND: Final = "beyond"  # the kind of an expectation
_GESTURE: Final = 20  # a refund of a good payment may be more by one part in as many: a gesture of goodwill
_BALANCE, _TO_BANK = "wallet_balance", "to_bank"
_BACK: Final = "credited although all that was debited is back"
_UNTAKEN: Final = "credited although it has failed and the ledger has debited nothing for it"


def look_later(turn: Turn, payment_id: str, currency: str) -> None:
    """Something came back that no debit of its payment has waited for."""
    completeness.look_later(turn, BEYOND, payment_id, 0, currency)


def is_about_a_topup(event: Movement) -> bool:
    """Whether an event may be the first to say that what was credited before is too much."""
    return MOVEMENTS.get(type(event)) == TOPUP or isinstance(event, RefundSent | RefundCredited)


def told(turn: Turn, event: Movement) -> None:
    """A movement has failed, or something is said of a top-up: what was credited before may be more than is right."""
    payment_id = event.payment_id
    if isinstance(event, RefundSent | RefundCredited) and event.method != _BALANCE:
        named = (event.refund_id, payment_id, event.amount_minor, event.currency)
        is_topup = any(arrivals.knows(turn, how, "topup", payment_id) for how in ("kept", "broken"))
        if is_topup and not arrivals.knows(turn, "here", *named):
            arrivals.note(turn, _TO_BANK, payment_id)
    early = [each for each in turn.obligations.spent if each.payment == payment_key(payment_id)]
    early = [each for each in early if each.amount_minor < 0]
    if early:
        look_later(turn, payment_id, early[-1].currency)


def due(turn: Turn, waiting: Expectation) -> None:
    """A minute later: what still waits for a debit is money twice, if no case says so and nothing else explains it."""
    if postponed(turn, waiting, expectations.NEEDS):
        return
    turn.obligations.expectations.remove(waiting)
    payment_id, currency = waiting.payment_id, waiting.currency
    if over_refunds.is_open(turn, payment_id) or shared_ids.is_shared(turn, payment_id):
        return
    key = payment_key(payment_id)
    state = turn.obligations.recall(key)
    was_taken = bool(remembered.debits_of(turn, key)) or turn.obligations.is_undone(key)
    failed = state is not None and state.status == PaymentState.FAILED
    if was_taken and not expectations.is_good_topup(turn, payment_id):
        minor, text = _beyond_minor(turn, payment_id, currency), _BACK
    elif failed and not was_taken:
        minor, text = _for_nothing_minor(turn, payment_id, currency), _UNTAKEN
    else:
        minor, currency = _more_than_asked(turn, payment_id, currency)
        text = "a top-up credited with twice as much as was asked for, or more"
    if minor <= 0:
        return
    both = Owed(payment_id, waiting.entry, minor, currency, turn.at_ms, refunds.DOUBLE_BENEFIT)
    refunds.double_benefit(turn, both, text)
    if text == _BACK:
        set_off.not_early(turn, payment_id)


def succeeded(turn: Turn, payment_id: str) -> None:
    """A top-up that had failed is good after all, and what was credited for nothing is its money."""
    if not arrivals.knows(turn, "kept", "topup", payment_id):
        return
    for case in turn.obligations.cases:
        mine = case.is_open and (case.family, case.payment_id) == (refunds.DOUBLE_BENEFIT, payment_id)
        if mine and all(line.text == _UNTAKEN for line in case.lines if line.kind == refunds.DOUBLE_BENEFIT):
            line = Line(turn.at_ms, refunds.EXPLAINED, turn.cause, "it is good after all")
            add_line(turn, case, line)
            case.money_state = "confirmed"
            set_status(turn, case, "resolved", refunds.EXPLAINED)


def _beyond_minor(turn: Turn, payment_id: str, currency: str) -> int:
    """What has come back of a payment beyond all its debits, those it shares its order with, and what rates differ."""
    key = payment_key(payment_id)
    debits, minor = remembered.debits_of(turn, key), set_off.early_minor(turn, payment_id, currency)
    if debits and balance.charged_minor(turn, payment_id, currency) is None:
        return 0  # a debit of it may be forgotten
    is_good = turn.obligations.is_good(key)
    # A refund of the whole order may name one of the payments that it was paid with.
    beside = duplicates.beside(turn, payment_id) if is_good else set()
    others = [each for each in turn.obligations.spent if each.payment in beside and each.amount_minor > 0]
    for each in (*(each for each in debits if each.currency != currency), *others):
        minor -= turn.policy.to_home(each.amount_minor, each.currency, currency, turn.at_ms) or 0
    back_minor = sum(each.back_minor for each in debits)
    about = remembered.about_of(turn, payment_id)
    if about is None or about.currency != currency:  # it may have come back at the rate of another day
        minor -= int(back_minor * turn.policy.money.fx_tolerance)
    return _of_good_minor(turn, payment_id, currency, minor, back_minor) if is_good else minor


def _of_good_minor(turn: Turn, payment_id: str, currency: str, minor: int, back_minor: int) -> int:
    """The same of a good payment: a case may tell of it with what it costs, and some of it may be meant."""
    due_minor = balance.due_minor(turn, payment_id, currency)
    if due_minor is not None:
        lacking_minor = max(0, due_minor - balance.stands_minor(turn, payment_id, currency))
        told_minor = balance.asked_minor(turn, payment_id, currency, refunds.DOUBLE_BENEFIT)
        minor = min(minor, lacking_minor + minor - told_minor)
    minor -= balance.asked_minor(turn, payment_id, currency, undercharges.FAMILY)
    if not turn.policy.money.undercharges:  # coupons that the ledger does not tell of are given back as money
        taken_minor = balance.charged_minor(turn, payment_id, currency) or 0
        minor -= max(0, (balance.price_of(turn, payment_id, currency) or 0) - taken_minor)
    return minor if minor * _GESTURE > back_minor else 0


def _for_nothing_minor(turn: Turn, payment_id: str, currency: str) -> int:
    """What was credited of a movement that has failed and was never debited, as far as its beginning is remembered.

    Of a top-up whose channel had the money, what went back to its bank as well.
    """
    state = turn.obligations.recall(payment_key(payment_id))
    minor = set_off.early_minor(turn, payment_id, currency)
    minor -= balance.asked_minor(turn, payment_id, currency, refunds.DOUBLE_BENEFIT)
    refunded_minor = given.of(turn, payment_id, currency).refunds_minor
    is_topup = arrivals.knows(turn, "broken", "topup", payment_id)
    if not arrivals.knows(turn, _TO_BANK, payment_id):
        minor -= refunded_minor  # to the balance: that is the credit
    if arrivals.knows(turn, "kept", "topup", payment_id):
        return min(minor, refunded_minor)
    is_known = is_topup or remembered.about_of(turn, payment_id) is not None
    return minor if is_known and state is not None and not state.is_debited else 0


def _more_than_asked(turn: Turn, payment_id: str, currency: str) -> tuple[int, str]:
    """What a top-up has brought above what was asked for, where that is so much that it is no bonus.

    Its debits are no price: they took a fee, a mistake or all of it away again.
    """
    base = fee_lines.base_of(turn, payment_id)
    if base is None or not arrivals.knows(turn, "kept", "topup", payment_id):
        return 0, currency
    here_minor = expectations.left_minor(turn, payment_id, base[1])
    told_minor = balance.asked_worth(turn, payment_id, base[1], refunds.DOUBLE_BENEFIT)
    return (here_minor - base[0] - told_minor if here_minor >= 2 * base[0] else 0), base[1]
