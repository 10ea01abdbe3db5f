"""Is more being given back than was taken (rule L12)?"""

from __future__ import annotations

from typing import NamedTuple

from streams.contracts.actions import RefundCancelled
from streams.contracts.payments import Refund, RefundApproved, RefundCredited, RefundFailed, RefundRequested, RefundSent
from streams.core.cases.book import Draft, add_line, open_or_join, set_status
from streams.core.messages.render import money
from streams.core.money import arrivals, balance, corrections, expectations, given, refunds, remembered
from streams.core.obligations import Line, Spent, payment_key
from streams.core.turn import Turn

FAMILY, STOPPED = "refund_exceeds_payment", "refund_stopped"


class About(NamedTuple):
    """A refund of which no event has just told."""

    payment_id: str
    refund_id: str
    amount_minor: int
    currency: str
    order_amount_minor: int | None = None


def is_open(turn: Turn, payment_id: str) -> bool:
    """Whether security has a case of this payment already."""
    mine = [case for case in turn.obligations.cases if (case.family, case.payment_id) == (FAMILY, payment_id)]
    return any(case.is_open for case in mine)


def moved(turn: Turn, event: Refund) -> bool:
    """Adds a refund to what was given back of its payment; above what was paid it is stopped, for security to see.

    True: the event is the end of a refund that was stopped here, and no failure of anybody's.

    Refunds of ours are left out: what they give back was never part of the payment. So are payments of which nobody
    knows the amount.
    """
    if isinstance(event, RefundSent | RefundCredited | RefundFailed):
        corrections.moved(turn, event)
    if isinstance(event, RefundFailed):
        return _failed(turn, event)
    refund = (event.payment_id, event.refund_id)
    if isinstance(event, RefundRequested | RefundApproved) and not given.is_of_purchase(turn, *refund):
        given.of_purchase(turn, *refund)
    if not isinstance(event, RefundApproved | RefundSent | RefundCredited):
        return False
    if given.is_ours(turn, *refund) or given.is_counted(turn, *refund):
        return False
    if arrivals.knows(turn, "broken", "refund", *refund):
        return False  # told behind its end
    before = given.of(turn, event.payment_id, event.currency)
    row = given.refund(turn, event, _told(turn, event))
    if row.bank_minor < before.bank_minor:  # its money is here
        refunds.was_merchants(turn, event)
    paid_minor = _paid(turn, event, row)
    if paid_minor is None or row.total_minor <= paid_minor:
        return False
    has_left = isinstance(event, RefundSent) and row.refunds_minor <= paid_minor
    part_minor = given.first_part_minor(turn, event) if has_left else 0
    if part_minor:
        expectations.came_before(turn, event, part_minor)
    else:
        _stop(turn, event, paid_minor, row.total_minor)
    return False


def left_minor(turn: Turn, event: Refund | About) -> int | None:
    """How much of its payment could still be given back besides this refund; None where nobody knows what it took."""
    row = given.of(turn, event.payment_id, event.currency)
    paid_minor = _paid(turn, event, row)
    if paid_minor is None:
        return None
    own_minor = event.amount_minor if given.is_counted(turn, event.payment_id, event.refund_id) else 0
    return max(0, paid_minor - row.total_minor + own_minor)


def _paid(turn: Turn, event: Refund | About, row: given.Given) -> int | None:
    """What could be given back of its payment in all; None where nobody knows what it took.

    What went back of it from here as one debit too many is none of that.
    """
    paid_minor = max(row.paid_minor, _told(turn, event), _taken(turn, event))
    left_minor = corrections.left_minor(turn, event.payment_id, event.currency)
    if left_minor is None:
        return paid_minor or None
    return min(paid_minor, left_minor) if paid_minor else left_minor


def _told(turn: Turn, event: Refund | About) -> int:
    """What the payment came to, as far as anybody said; 0 where nobody did, or in another currency.

    What its order costs others may have paid a part of: that counts only where nothing is told of the payment itself.
    """
    about, key = remembered.about_of(turn, event.payment_id), payment_key(event.payment_id)
    own = [_whole_minor(each) for each in remembered.debits_of(turn, key) if each.currency == event.currency]
    if about is not None and about.currency == event.currency:
        own.append(about.amount_minor)
    known_minor = max(own, default=0) or given.of(turn, event.payment_id, event.currency).paid_minor
    return known_minor or event.order_amount_minor or 0


def _whole_minor(debit: Spent) -> int:
    """What a debit alone tells of its payment's amount: it may be a part of its order, and more than it should be."""
    taken_minor = debit.amount_minor + debit.back_minor
    return min(taken_minor, debit.whole_minor or taken_minor) if debit.order_minor else debit.whole_minor


def _taken(turn: Turn, event: Refund | About) -> int:
    """What the ledger has debited for it and nobody has given back as one too many, as far as it is remembered."""
    debits = remembered.debits_of(turn, payment_key(event.payment_id))
    standing_minor = sum(each.amount_minor for each in debits if each.currency == event.currency)
    if not standing_minor:
        return 0
    back_minor = sum(each.back_minor for each in debits if each.currency == event.currency)
    by_merchant = min(back_minor, balance.by_merchant_minor(turn, event.payment_id, event.currency))
    return standing_minor + by_merchant + given.of(turn, event.payment_id, event.currency).bank_minor


def _stop(turn: Turn, event: Refund, paid_minor: int, back_minor: int) -> None:
    currency = event.currency
    what = f"a payment of {money(paid_minor, currency)}" if paid_minor else "what was given back as one too many"
    text = f"refunds of {money(back_minor, currency)} for {what}"
    case = open_or_join(
        turn,
        Draft(
            case_type=FAMILY,
            flow="F33",
            family=FAMILY,
            queue="security",
            priority=2,
            lines=(Line(turn.at_ms, FAMILY, turn.cause, text, back_minor - paid_minor, currency),),
            payment=event,
            payment_id=event.payment_id,
            by_payment=True,
            amount_minor=back_minor - paid_minor,
            currency=currency,
        ),
    )
    if not isinstance(event, RefundApproved):
        return  # it has left
    if turn.may("refund"):
        add_line(turn, case, Line(turn.at_ms, STOPPED, turn.cause, _named(event), event.amount_minor, currency))
        turn.effects.append(
            RefundCancelled(
                occurred_at=turn.at,
                refund_id=event.refund_id,
                account_id=turn.ctx.account_id,
                payment_id=event.payment_id,
                cause="exceeds_payment",
            )
        )
        expectations.stopped(turn, event.payment_id, event.refund_id)
    refunds.tell_checked(turn, case, event.amount_minor, currency)


def _failed(turn: Turn, event: RefundFailed) -> bool:
    """A refund that came back or was stopped counts no more; with it the case may be over."""
    given.came_to_nothing(turn, event)
    row = given.of(turn, event.payment_id, event.currency)
    stopped = False
    for case in turn.obligations.cases:
        if case.family == FAMILY and case.payment_id == event.payment_id:
            stopped = any(line.kind == STOPPED and line.text == _named(event) for line in case.lines)
            if case.is_open and row.total_minor <= (_paid(turn, event, row) or 0):
                set_status(turn, case, "resolved", STOPPED)
    return stopped


def _named(event: Refund) -> str:
    return f"refund {event.refund_id}"[:160]
