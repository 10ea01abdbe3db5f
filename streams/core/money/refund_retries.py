"""When is a refund tried again that its merchant had no funds for (F17)?

It stays the same one, the merchant's or ours: the payment system is asked to make it again under its id, an hour behind
each failure and as often as its code allows. While nobody has said what became of a try it may be on its way:
until then that try is sent again under its key, and no other one.
"""

from __future__ import annotations

from typing import Final

from streams.contracts.actions import RefundRetry
from streams.contracts.payments import RefundFailed, RefundSent
from streams.core import ids
from streams.core.cases.book import put_line
from streams.core.declines.resolve import Resolved
from streams.core.messages.notify import notify
from streams.core.messages.render import instant, money
from streams.core.money import expectations, failed_refunds, over_refunds, refunds
from streams.core.money.completeness import postponed
from streams.core.money.over_refunds import About
from streams.core.obligations import Case, Line, Owed, Retries
from streams.core.turn import Turn

_HOUR_S: Final = 3_600
_KIND: Final = "refund_retry"  # line of a case


def ours_failed(turn: Turn, event: RefundFailed) -> None:
    """A refund of ours came back. Where its merchant had no funds it is what was intended still, and is tried again.

    Else its key is used up and the money is a person's, who asks for another account.
    """
    for owed in [each for each in turn.obligations.owed if each.refund_id == event.refund_id]:
        case, resolved = refunds.case_of(turn, owed), failed_refunds.read(turn, event)
        is_open, no_funds = case is not None and case.is_open, resolved.cause.cause == failed_refunds.NO_FUNDS
        is_told = case is not None and _is_tried(case, owed)
        if case is not None and is_open and no_funds and _waits(turn, case, owed, resolved):
            owed.status = refunds.INTENDED
        else:
            turn.obligations.owed.remove(owed)
        if case is not None and is_open and not (is_told and no_funds):
            eta = instant(turn.answer_ms(case.priority))
            about = {"amount": money(owed.amount_minor, owed.currency), "time": instant(turn.at_ms), "eta": eta}
            notify(turn, "refund_failed.funds" if no_funds else "refund_failed", about, case)


def _is_tried(case: Case, owed: Owed) -> bool:
    return case.retries is not None and case.retries.refund_id == owed.refund_id


def _waits(turn: Turn, case: Case, owed: Owed, resolved: Resolved) -> bool:
    """Whether it is tried again. Of several under one case one at a time."""
    others = case.retries is not None and case.retries.due_ms and not _is_tried(case, owed)
    if others:
        return False
    if not _is_tried(case, owed):
        case.retries = None
    failed(turn, case, resolved)
    if case.retries is not None:
        case.retries.refund_id = owed.refund_id
    return case.retries is not None and bool(case.retries.due_ms)


def failed(turn: Turn, case: Case, resolved: Resolved) -> None:
    """The refund of this case came back for want of funds; however often it does, its tries are counted once."""
    retries = case.retries
    if retries is None:
        _begin(turn, case, resolved)
    elif turn.at_ms <= max(retries.failed_ms, retries.sent_ms):
        pass  # told behind what has been heard or sent since
    elif retries.due_ms and retries.answered:
        pass  # told once more
    else:
        retries.answered, retries.failed_ms = True, turn.at_ms
        _plan(turn, retries)


def left(turn: Turn, event: RefundSent) -> None:
    """The refund has left since it failed: there is nothing to try."""
    for case in turn.obligations.cases:
        retries = case.retries
        if retries is None or turn.at_ms < retries.failed_ms:
            continue
        if (case.payment_id, retries.refund_id or case.refund_id) == (event.payment_id, event.refund_id):
            stop(case)


def stop(case: Case) -> None:
    """Somebody has said what became of it: it is tried no more, until it comes back for want of funds once more."""
    if case.retries is not None:
        case.retries.answered, case.retries.due_ms = True, 0


def settle(case: Case) -> None:
    """A case that has ended, however, tries nothing; what was tried last may still be on its way."""
    if case.retries is not None and not case.is_open:
        case.retries.due_ms = 0


def due(turn: Turn, case: Case) -> None:
    """Its hour is over: it is tried once more, unless a guard keeps it back or it was tried often enough."""
    turn.only_time = True
    retries = case.retries
    assert retries is not None
    if postponed(turn, retries, expectations.NEEDS):
        return
    ours = _ours(turn, retries)
    if retries.refund_id and ours is None:
        retries.due_ms = 0  # cancelled, or it has left
        return
    if not retries.left or turn.at_ms >= retries.until_ms:
        retries.due_ms = 0
        _say(turn, case, "for a person: its merchant still has no funds")
        if ours is not None:
            turn.obligations.owed.remove(ours)
        return
    about = _about(case, ours)
    guard = _guard(turn, case, about, ours)
    if guard is None:
        _try(turn, case, retries, about)
    else:
        _say(turn, case, f"not tried for now: {guard}")
    _plan(turn, retries)


def _begin(turn: Turn, case: Case, resolved: Resolved) -> None:
    """As the code advises; where the policy observes, and where the payment system tries by itself, not at all."""
    entry, cause = resolved.entry or resolved.cause, resolved.cause
    if turn.shadow or not entry.max_retries or not cause.retry_window_s:
        return
    every_s = max(entry.earliest_retry_s or 0, _HOUR_S)
    case.retries = Retries(every_s, entry.max_retries, turn.at_ms + cause.retry_window_s * 1000, turn.at_ms, 0, 0)
    _plan(turn, case.retries)


def _plan(turn: Turn, retries: Retries) -> None:
    retries.owed_ms = retries.due_ms = turn.at_ms + retries.every_s * 1000


def _ours(turn: Turn, retries: Retries) -> Owed | None:
    """The refund of ours that is tried again, if it is one and still what was intended."""
    mine = (each for each in turn.obligations.owed if each.refund_id == retries.refund_id)
    return next((each for each in mine if retries.refund_id and each.status == refunds.INTENDED), None)


def _about(case: Case, ours: Owed | None) -> About:
    if ours is not None:
        return About(ours.payment_id, ours.refund_id, ours.amount_minor, ours.currency)
    assert case.amount_minor is not None
    assert case.currency is not None
    return About(case.payment_id, case.refund_id, case.amount_minor, case.currency)


def _guard(turn: Turn, case: Case, about: About, ours: Owed | None) -> str | None:
    """What keeps the next try back, if anything does; a later one may go. Ours is no part of its payment."""
    left_minor = over_refunds.left_minor(turn, about) if ours is None else None
    if left_minor is not None and left_minor < about.amount_minor:
        return "exceeds_payment"
    if expectations.under_way_minor(turn, case.payment_id, about.currency) or _is_another_tried(turn, case):
        return "in_flight"  # it may have been made again under another id
    guard = refunds.guard_of_others(turn, case.payment_id, about.refund_id)
    if guard is not None or turn.may("refund"):
        return guard
    return refunds.LATE if turn.policy.mode == "enforce" else "observing"


def _is_another_tried(turn: Turn, case: Case) -> bool:
    """Whether another refund of the payment has been asked for again and nobody has said what became of it."""
    return any(
        each is not case
        and each.payment_id == case.payment_id
        and each.retries is not None
        and not each.retries.answered
        for each in turn.obligations.cases
    )


def _try(turn: Turn, case: Case, retries: Retries, about: About) -> None:
    if retries.answered:
        retries.attempt += 1
    retries.answered, retries.sent_ms = False, turn.at_ms
    retries.left -= 1
    account_id = turn.ctx.account_id
    turn.effects.append(
        RefundRetry(
            occurred_at=turn.at,
            refund_id=about.refund_id,
            account_id=account_id,
            payment_id=about.payment_id,
            amount_minor=about.amount_minor,
            currency=about.currency,
            attempt=retries.attempt,
            idempotency_key=ids.refund_retry_key(account_id, about.payment_id, about.refund_id, retries.attempt),
            case_id=case.case_id,
        )
    )
    _say(turn, case, f"try {retries.attempt}, at most {retries.left} more")


def _say(turn: Turn, case: Case, text: str) -> None:
    """In the place of what was last said of it: a day of tries must not push out what else happened."""
    if all((line.kind, line.text) != (_KIND, text) for line in case.lines):
        put_line(turn, case, Line(turn.at_ms, _KIND, turn.cause, text))
        turn.change(case, f"timeline: {_KIND}")
