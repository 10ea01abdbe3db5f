"""Is more being given back than was taken (rule L12)?"""

from __future__ import annotations

from streams.contracts.actions import RefundCancelled
from streams.contracts.payments import Refund, RefundApproved, RefundFailed, RefundSent
from streams.core.cases.book import Draft, add_line, open_or_join, set_status
from streams.core.messages.notify import notify
from streams.core.messages.render import instant, money
from streams.core.money import charges
from streams.core.obligations import Line, Spent, payment_key
from streams.core.turn import Turn

FAMILY, STOPPED = "refund_exceeds_payment", "refund_stopped"
REMEMBERED_MAX = 3  # refunds whose sum is known; the places are shared with debits


def moved(turn: Turn, event: Refund) -> bool:
    """Adds an approved or sent refund to those of its payment; above what was paid it is stopped, for security to see.

    True: the event is the end of a refund that was stopped here, and no failure of anybody's.

    Refunds of ours are left out: what they give back was never part of the payment. So are payments of which nobody
    knows the amount.
    """
    obligations = turn.obligations
    if isinstance(event, RefundFailed):
        return _failed(turn, event)
    if not isinstance(event, RefundApproved | RefundSent) or turn.late:
        return False
    if any(owed.refund_id == event.refund_id for owed in obligations.owed):
        return False
    entry = charges.hashed(event.refund_id)
    known = [each for each in obligations.spent if each.refund]
    if any(each.entry == entry for each in known):
        return False
    paid_minor = _paid(turn, event)
    gone = known[: len(known) - REMEMBERED_MAX + 1] if len(known) >= REMEMBERED_MAX else []
    row = Spent(
        payment_key(event.payment_id), entry, 0, 0, -event.amount_minor, event.currency, turn.at_ms, refund=True
    )
    obligations.spent = [each for each in obligations.spent if each not in gone]
    charges.keep(turn, row)
    back_minor = _back(turn, event)
    if paid_minor and back_minor > paid_minor:
        _stop(turn, event, paid_minor, back_minor)
    return False


def _paid(turn: Turn, event: Refund) -> int:
    """What the payment took, as far as anybody said; 0 where nobody did, or in another currency."""
    about = charges.about_of(turn, event.payment_id)
    key = payment_key(event.payment_id)
    debits = [
        each.amount_minor
        for each in turn.obligations.spent
        if each.payment == key and each.amount_minor > 0 and each.currency == event.currency
    ]
    named = [event.order_amount_minor or 0]
    if about is not None and about.currency == event.currency:
        named.append(about.amount_minor)
    return max(*named, sum(debits))


def _back(turn: Turn, event: Refund) -> int:
    key = payment_key(event.payment_id)
    return -sum(
        each.amount_minor
        for each in turn.obligations.spent
        if each.refund and each.payment == key and each.currency == event.currency
    )


def _stop(turn: Turn, event: Refund, paid_minor: int, back_minor: int) -> None:
    currency = event.currency
    text = f"refunds of {money(back_minor, currency)} for a payment of {money(paid_minor, currency)}"
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
    answer_ms = turn.at_ms + turn.policy.cases.priority(f"P{case.priority}").resolution_s * 1000
    about = {"amount": money(event.amount_minor, currency), "eta": instant(answer_ms)}
    notify(turn, "refund_checked", about, case)


def _failed(turn: Turn, event: RefundFailed) -> bool:
    """A refund that came back or was stopped counts no more; with it the case may be over."""
    entry, obligations = charges.hashed(event.refund_id), turn.obligations
    obligations.spent = [each for each in obligations.spent if not (each.refund and each.entry == entry)]
    stopped = False
    for case in obligations.cases:
        if case.family == FAMILY and case.payment_id == event.payment_id:
            stopped = any(line.kind == STOPPED and line.text == _named(event) for line in case.lines)
            if case.is_open and not turn.late and _back(turn, event) <= _paid(turn, event):
                set_status(turn, case, "resolved", STOPPED)
    return stopped


def _named(event: Refund) -> str:
    return f"refund {event.refund_id}"[:160]
