"""What has been promised and not arrived: a top-up, a payout, a refund, a bill (rules L6 to L10)?

Each promise is a row of the table: which event begins it, which one keeps or breaks it, how long it may take, and what
follows when it is late. One engine waits for all of them in event time and on the completeness of the feed that would
bring the end.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import NamedTuple

from streams.contracts import payments
from streams.contracts.accounts import LedgerPosted
from streams.contracts.base import Event, to_ms
from streams.contracts.payments import Movement, PspStatus, Refund, RefundCredited, RefundFailed, RefundSent
from streams.core.cases.book import Draft, add_line, decoration, open_or_join, raise_to, set_status
from streams.core.cases.timeline import kind_of
from streams.core.messages.notify import notify
from streams.core.messages.render import instant, money
from streams.core.money import alike, arrivals, broken_promise, failed_refunds, fee_lines, given, remembered, times
from streams.core.money.asking import ask
from streams.core.money.business_days import Within
from streams.core.money.completeness import later_ms
from streams.core.obligations import (
    EXPECTATIONS_BYTES,
    EXPECTATIONS_MAX,
    Case,
    Expectation,
    Line,
    crowded,
    payment_key,
)
from streams.core.turn import Turn

_PAYMENTS = ("payments.transactions",)
NEEDS = (*_PAYMENTS, "ledger.entries")  # the ledger may bring the end as well as the payment system
_DAY_MS = 86_400_000
_CORRECTED_S = 7 * 86_400  # so old may be what takes back that a promise was broken
_RETURN = 2  # stage: it has failed, and what was taken for it should come back
# How a case ends, by its message: it came; it will not, and what was taken for it is back; or that is still to come.
_DONE, _RETURNED, _FAILED = "done", "returned", "failed"
_SPREAD = 0.1  # a provider's own rate for a movement in another currency may be worse by so much
_SOURCE = "source"  # a mark: the ledger tells of what a top-up's money was taken from
BACK = "returned_minor"  # counter of a money case: how much of its amount
# Families of cases: of a whole debit too many, of a debit above the amount, of a fee above its tariff, of money that
# the customer has twice.
DUPLICATE, MISMATCH, FEE, DOUBLE_BENEFIT = "duplicate_charge", "amount_mismatch", "fee_issue", "double_benefit"
TOO_MUCH = frozenset({MISMATCH, FEE})  # no part of the payment: what comes again is no refund of a merchant's
_UNFOLLOWED_PRIORITY = 3  # at most: nothing is late yet
# What is promised: a movement by its id, or a refund by that of its payment and its own, because merchants number
# refunds each for themselves.
_Subject = tuple[str, ...]


class Promise(NamedTuple):
    """One row of the table."""

    kind: str
    begins: frozenset[type[Event]]
    keeps: frozenset[type[Event]]
    breaks: frozenset[type[Event]]  # it will not come; what follows is said by the failure itself
    term: Callable[[Turn, Movement], Within]
    flow: str
    case_type: str
    queue: str
    priority: int
    asks: bool  # the provider is asked when it is late
    reminds: float = 0.0  # at this share of the term the customer or merchant is told that it takes long; 0: nobody


_CREDITED = frozenset({payments.RefundCredited})
PROMISES: dict[str, Promise] = {
    row.kind: row
    for row in (
        Promise(
            "topup",
            frozenset({payments.TopupRequested, payments.TopupConfirmed}),
            frozenset({payments.TopupCredited}),
            frozenset({payments.TopupFailed}),
            times.topup,
            "F13",
            "topup_not_credited",
            "accounting",
            2,
            True,
        ),
        Promise(
            "withdrawal",
            frozenset({payments.WithdrawalRequested}),
            frozenset({payments.WithdrawalCredited}),
            frozenset({payments.WithdrawalReturned, payments.WithdrawalFailed}),
            times.withdrawal,
            "F14",
            "withdrawal_delay",
            "accounting",
            2,  # P3 until the promise is broken, which is when this case opens
            True,
            0.5,
        ),
        Promise(
            "refund",
            frozenset({payments.RefundApproved, payments.RefundSent}),
            _CREDITED,
            frozenset({payments.RefundFailed}),
            times.refund,
            "F15",
            "refund_late",
            "accounting",
            3,
            True,
        ),
        Promise(
            "promise",
            frozenset({payments.RefundPromised, payments.RefundApproved}),
            frozenset({payments.RefundSent, payments.RefundCredited}),
            frozenset({payments.RefundFailed}),
            lambda turn, event: times.within(turn, turn.policy.money.refund_promise, event.currency),
            "F16",
            "refund_dispute",
            "policy",
            2,
            False,
            2 / 7,
        ),
        Promise(
            "bill",
            frozenset({payments.BillpayRequested, payments.BillpayDebited}),
            frozenset({payments.BillpayPosted}),
            frozenset({payments.BillpayFailed}),
            lambda turn, event: times.within(turn, turn.policy.money.bill, event.currency),
            "F36",
            "bill_not_posted",
            "accounting",
            2,
            True,
        ),
    )
}
# A refund that merely waits is the customer's request (F15); whoever has it as a case needs no second one.
TOUCHED = frozenset().union(*(row.begins | row.keeps | row.breaks for row in PROMISES.values())) | {payments.PspStatus}
_OF_REFUNDS = (PROMISES["refund"], PROMISES["promise"])
_REFUND_FAMILIES = frozenset(row.case_type for row in _OF_REFUNDS)
# Of a movement itself: what was taken for it has to arrive or to come back.
OF_MOVEMENTS = (PROMISES["topup"], PROMISES["withdrawal"], PROMISES["bill"])


def moved(turn: Turn, event: Movement) -> None:
    """Begins, keeps or breaks every promise that the event is about."""
    kind = type(event)
    if kind not in TOUCHED:
        return
    if isinstance(event, PspStatus):
        _answered(turn, event)
        return
    if isinstance(event, RefundCredited | RefundFailed):
        _told_apart(turn, event)
    if isinstance(event, RefundCredited):
        _told_of(turn, event)
        _refunded(turn, event)
    for row in PROMISES.values():
        if kind in row.keeps:
            _kept(turn, row, event)
        elif kind in row.breaks:
            _broken(turn, row, event)
        elif kind in row.begins:
            _begun(turn, row, event)


def _answered(turn: Turn, event: PspStatus) -> None:
    """The provider's final word on a movement that is waited for; of any other word its case has a line already."""
    for row in OF_MOVEMENTS:
        waiting, case = _find(turn, row, (event.payment_id,)), _case(turn, row, event)
        if waiting is None and (case is None or not case.is_open):
            continue
        if event.status == "failed":
            _broken(turn, row, event)
        elif event.status == "succeeded" and row.kind == "withdrawal":
            _kept(turn, row, event)
        elif event.status == "succeeded" and row.kind == "topup":
            if waiting is not None:
                waiting.taken = True
            if case is not None and case.is_open:
                text = "the channel has the money: it is to be credited, or returned to the bank"
                add_line(turn, case, Line(turn.at_ms, "topup.confirmed", turn.cause, text))
                case.money_state = "moved"
        elif event.status == "succeeded" and case is not None and case.is_open:
            text = "paid, says the provider, and the biller has not posted it: it is to be posted, or given back"
            add_line(turn, case, Line(turn.at_ms, "bill.confirmed", turn.cause, text))
            case.money_state = "moved"


def _told_apart(turn: Turn, event: RefundCredited | RefundFailed) -> None:
    """Of several refunds of one amount another one has arrived than was thought: that one ends, the other goes on."""
    arrived = isinstance(event, RefundCredited)
    other = alike.named(turn, event, arrived=arrived)
    if not other:
        return
    came, missing = (event.refund_id, other) if arrived else (other, event.refund_id)
    for row in _OF_REFUNDS:
        arrivals.forget(turn, "kept", row.kind, event.payment_id, missing)
        _note_end(turn, row, (event.payment_id, came), kept=True)


def _told_of(turn: Turn, event: RefundCredited) -> None:
    """The payment system tells of a credit: the ledger's line, before or after it, is the same money."""
    is_part = arrivals.knows(turn, "part", event.payment_id, event.amount_minor, event.currency)
    if is_part or arrivals.knows(turn, "kept", "refund", *_subject(event)):
        return
    if not _was_here(turn, event):
        arrivals.note(turn, "told", event.payment_id, event.amount_minor, event.currency)
        if given.is_of_purchase(turn, *_subject(event)):
            arrivals.note(turn, "bought", event.payment_id, event.amount_minor, event.currency)
        if given.is_ours(turn, *_subject(event)):
            arrivals.note(turn, "ours", event.payment_id, event.amount_minor, event.currency)


def _refunded(turn: Turn, event: RefundCredited) -> None:
    """A failed top-up, payout or bill is over when all that was taken for it went back to where it came from.

    A part of that ends nothing: where the ledger has told what it took, its credits say what is left.
    """
    in_ledger = any(each.payment == payment_key(event.payment_id) for each in turn.obligations.spent)
    told_before = arrivals.knows(turn, "kept", "refund", *_subject(event))

    def ends(minor: int, currency: str) -> bool:
        if in_ledger and told_before:  # it has taken this off: what stands is another debit's
            return not _missing(turn, event.payment_id, currency)
        return not _is_short(turn, event, minor, currency)

    for row in OF_MOVEMENTS:
        waiting = _find(turn, row, (event.payment_id,))
        if waiting is not None and waiting.stage == _RETURN:
            if ends(waiting.amount_minor, waiting.currency):
                turn.obligations.expectations.remove(waiting)
            elif not in_ledger and not told_before:
                waiting.amount_minor -= event.amount_minor
        for case in tuple(turn.obligations.cases):
            if not _is_about(case, row, event.payment_id) or not case.is_open:
                continue
            line = Line(turn.at_ms, kind_of(event), turn.cause, "refunded", event.amount_minor, event.currency)
            if ends(case.amount_minor or 0, case.currency or ""):
                _close(turn, row, case, line, _RETURNED)
            elif not in_ledger and not told_before:
                case.amount_minor = (case.amount_minor or 0) - event.amount_minor
                add_line(turn, case, line)


def due(turn: Turn, waiting: Expectation) -> Case | None:
    """Half of the time is over, or all of it: the case that says so. While the feed is behind, nothing is said."""
    row = PROMISES[waiting.kind]
    first_ms = _first_ms(row, waiting.since_ms, waiting.owed_ms)
    postponed_ms = later_ms(turn, first_ms if waiting.stage == 0 else waiting.owed_ms, _needs(row))
    if waiting.stage == 0 and row.reminds:
        if waiting.owed_ms <= max(turn.at_ms, turn.ctx.clock_ms):
            waiting.stage, waiting.due_ms = 1, waiting.owed_ms  # its date is past: nobody is reminded of that
            return None
        if postponed_ms:
            waiting.due_ms = min(postponed_ms, waiting.owed_ms)
            waiting.stage = int(waiting.due_ms >= waiting.owed_ms)
            return None
        waiting.stage, waiting.due_ms = 1, waiting.owed_ms
        is_unnamed = row.kind == "promise" and not waiting.merchant_id  # then there is nobody to be reminded
        _tell(turn, waiting, f"{row.case_type}.{'waits' if is_unnamed else 'slow'}", None)
        broken_promise.remind(turn, waiting)
        return None
    if postponed_ms:
        waiting.due_ms = postponed_ms
        return None
    if waiting.kind == "bill" and not waiting.taken and not _standing(turn, waiting.payment_id):
        turn.obligations.expectations.remove(waiting)  # asked for, and nothing was taken for it
        return None
    if waiting.kind == "topup" and waiting.stage != _RETURN and _is_less_by_fees(turn, waiting.payment_id):
        turn.obligations.expectations.remove(waiting)
        _note_end(turn, row, (waiting.payment_id,), kept=True)
        return None
    if waiting.kind == "refund" and _is_unsent(turn, waiting):
        return None
    return _late(turn, row, waiting)


def _is_unsent(turn: Turn, waiting: Expectation) -> bool:
    """Whether nothing of a refund has left: as long as its merchant's promise is waited for it cannot be here.

    Of one of which a part has left only that is late.
    """
    promise = _find(turn, PROMISES["promise"], _subject_of(waiting))
    if promise is None:
        return False
    if promise.amount_minor < waiting.amount_minor and promise.currency == waiting.currency:
        waiting.amount_minor -= promise.amount_minor
        return False
    waiting.due_ms = max(promise.owed_ms, promise.due_ms) + 1
    return True


def _unsent(turn: Turn, promise: Expectation) -> None:
    """A promise is broken: what of its refund has not left is that case's, and not waited for beside it."""
    waiting = _find(turn, PROMISES["refund"], _subject_of(promise))
    if waiting is None:
        return
    left_minor = waiting.amount_minor - promise.amount_minor
    if left_minor > 0 and waiting.currency == promise.currency:
        waiting.amount_minor = left_minor
    else:
        turn.obligations.expectations.remove(waiting)


def _needs(row: Promise) -> tuple[str, ...]:
    """Whose silence speaks: that a merchant has sent a refund the payment system tells, before any ledger."""
    return _PAYMENTS if row.kind == "promise" else NEEDS


def _first_ms(row: Promise, since_ms: int, owed_ms: int) -> int:
    """When to look first: at the reminder, if the promise has one."""
    return since_ms + int((owed_ms - since_ms) * row.reminds) if row.reminds else owed_ms


def credited(turn: Turn, event: LedgerPosted, payment_id: str) -> str | None:
    """The ledger has credited a payment: a refund of exactly that amount has arrived.

    The id of the refund, empty if it is none that is waited for, None if the payment system has told of it before.
    """
    money_of = (payment_id, event.amount_minor, event.currency)
    waited = [
        (waiting.since_ms, waiting.subject)
        for waiting in turn.obligations.expectations
        if waiting.kind in ("refund", "promise")
        and (waiting.payment_id, waiting.amount_minor, waiting.currency) == money_of
    ] + [
        (case.lines[0].at_ms, case.refund_id or payment_id)
        for case in turn.obligations.cases
        if case.family in _REFUND_FAMILIES
        and case.is_open
        and (case.payment_id, case.amount_minor, case.currency) == money_of
    ]
    if _is_part(turn, event, payment_id):
        return event.reference
    is_told = arrivals.knows(turn, "told", *money_of)
    if not is_told and any((each.amount_minor or 0) < event.amount_minor for each in _named(turn, event, payment_id)):
        waited.append((turn.at_ms, event.reference or ""))  # all of it is here, and more
    named = any(refund_id == event.reference for _, refund_id in waited)
    if named or given.is_counted(turn, payment_id, event.reference or ""):
        arrivals.note(turn, "here", event.reference or "", *money_of)
    another = given.is_ours(turn, payment_id, event.reference or "") and not arrivals.knows(turn, "ours", *money_of)
    if not named and not another and arrivals.forget(turn, "told", *money_of):
        return None
    if not waited or (another and not named):
        return ""  # it names a refund of ours of which nobody has told yet: what waits for as much goes on waiting
    # One credit is one refund: of several that are alike our own, of which a case waits as well, else the oldest.
    guess = min((not given.is_ours(turn, payment_id, each), since_ms, each) for since_ms, each in waited)[-1]
    refund_id = event.reference if named and event.reference else guess
    arrives(turn, event, payment_id, refund_id, event.amount_minor)
    if not named:
        alike.guessed(turn, *money_of, refund_id)
    return refund_id


def arrives(turn: Turn, event: LedgerPosted, payment_id: str, refund_id: str, minor: int) -> None:
    """So much of a refund is here, and with it all that had left of it."""
    for row in _OF_REFUNDS:
        waiting = _find(turn, row, (payment_id, refund_id))
        if waiting is not None and row.kind == "promise" and waiting.amount_minor > minor:
            continue  # less was sent than was promised: the rest is still to be
        if waiting is not None:
            turn.obligations.expectations.remove(waiting)
        _note_end(turn, row, (payment_id, refund_id), kept=True)
        for case in tuple(turn.obligations.cases):
            mine = _is_about(case, row, payment_id) and case.refund_id in ("", refund_id)
            is_part = row.kind == "promise" and (case.amount_minor or 0) > minor
            if mine and not (is_part and case.is_open):
                _close(turn, row, case, _ledger_line(turn, event, "money arrived"), _DONE)


def _is_part(turn: Turn, event: LedgerPosted, payment_id: str) -> bool:
    """Whether a credit names a refund that is waited for and is less: the rest is waited for, by whoever does."""
    named = _named(turn, event, payment_id)
    if any(each.amount_minor == event.amount_minor for each in named):
        return False
    parts = [each for each in named if event.amount_minor < (each.amount_minor or 0)]
    money_of = (payment_id, event.amount_minor, event.currency)
    was_told = bool(parts) and arrivals.forget(turn, "told", *money_of)
    if parts and not was_told:
        arrivals.note(turn, "part", *money_of)
    for each in parts:
        if not was_told:
            each.amount_minor = (each.amount_minor or 0) - event.amount_minor
        if isinstance(each, Case):
            add_line(turn, each, _ledger_line(turn, event, "a part of the money"))
    return bool(parts)


def beyond_minor(turn: Turn, event: LedgerPosted, payment_id: str) -> int:
    """How much more a credit that names a refund brings than is still to come of it; 0 also where nobody can say.

    To be asked before `credited`, and once the credit is booked. One that is here already may have come in equal parts.
    """
    money_of = (payment_id, event.amount_minor, event.currency)
    if arrivals.knows(turn, "told", *money_of):
        return 0
    if arrivals.knows(turn, "here", event.reference or "", *money_of):
        key, refunds_minor = payment_key(payment_id), given.of(turn, payment_id, event.currency).refunds_minor
        mine = [each for each in turn.obligations.spent if (each.payment, each.currency) == (key, event.currency)]
        return min(event.amount_minor, max(0, sum(each.back_minor for each in mine) - refunds_minor))
    waited = [each.amount_minor or 0 for each in _named(turn, event, payment_id)]
    return max(0, event.amount_minor - max(waited)) if waited else 0


def _named(turn: Turn, event: LedgerPosted, payment_id: str) -> list[Expectation | Case]:
    """What waits for the refund that a credit names."""
    mine = (payment_id, event.currency, event.reference)
    waits: list[Expectation | Case] = [
        each for each in turn.obligations.expectations if each.kind in ("refund", "promise")
    ]
    waits += [case for case in turn.obligations.cases if case.refund_id and case.is_open]
    return [each for each in waits if (each.payment_id, each.currency, _refund_of(each)) == mine]


def _refund_of(each: Expectation | Case) -> str:
    return each.subject if isinstance(each, Expectation) else each.refund_id


def under_way_minor(turn: Turn, payment_id: str, currency: str) -> int:
    """What refunds of the merchant's that are counted as given back have still to bring of a payment."""
    waited = {
        each.subject: each.amount_minor
        for each in turn.obligations.expectations
        if each.subject
        and each.kind in ("refund", "promise")
        and (each.payment_id, each.currency) == (payment_id, currency)
    } | {
        case.refund_id: case.amount_minor or 0
        for case in turn.obligations.cases
        if case.is_open
        and case.family in _REFUND_FAMILIES
        and (case.payment_id, case.currency) == (payment_id, currency)
    }
    return sum(minor for refund_id, minor in waited.items() if given.is_counted(turn, payment_id, refund_id))


def is_late(turn: Turn, payment_id: str) -> bool:
    """Whether a case says that a refund of this payment is not here."""
    about = [case for case in turn.obligations.cases if case.payment_id == payment_id]
    return any(case.is_open and case.family in _REFUND_FAMILIES for case in about)


def stopped(turn: Turn, payment_id: str, refund_id: str) -> None:
    """A refund was stopped here: security says what becomes of it, and nobody breaks a promise meanwhile."""
    for row in _OF_REFUNDS:
        waiting = _find(turn, row, (payment_id, refund_id))
        if waiting is not None:
            turn.obligations.expectations.remove(waiting)


class Promised(NamedTuple):
    """A refund that its merchant has promised and not sent."""

    refund_id: str
    amount_minor: int


def promised(turn: Turn, payment_id: str, currency: str) -> list[Promised]:
    """Of one payment: those that are waited for, and those about which there is a dispute."""
    about = (payment_id, currency)
    waits = [each for each in turn.obligations.expectations if each.kind == "promise"]
    cases = [case for case in turn.obligations.cases if case.family == "refund_dispute" and case.is_open]
    return [
        Promised(each.subject, each.amount_minor) for each in waits if (each.payment_id, each.currency) == about
    ] + [
        Promised(case.refund_id, case.amount_minor or 0)
        for case in cases
        if case.refund_id and (case.payment_id, case.currency) == about
    ]


def no_more_than(turn: Turn, payment_id: str, refund_id: str, left_minor: int, line: Line) -> None:
    """Of a promised refund no more than this can still come: the rest its merchant has given back under another id."""
    row, subject = PROMISES["promise"], (payment_id, refund_id)
    waiting = _find(turn, row, subject)
    if waiting is not None:
        waiting.amount_minor = left_minor
    if waiting is not None and not left_minor:
        _unsent(turn, waiting)
        turn.obligations.expectations.remove(waiting)
    if not left_minor:
        _note_end(turn, row, subject, kept=True)
    for case in tuple(turn.obligations.cases):
        if not _is_about(case, row, payment_id) or case.refund_id != refund_id or not case.is_open:
            continue
        if left_minor:
            case.amount_minor = left_minor
            add_line(turn, case, line)
        else:
            _close(turn, row, case, line, _DONE)


def was_ours(turn: Turn, event: LedgerPosted, payment_id: str) -> bool:
    """Of a credit of which the payment system has told before: whether it is a refund that was intended here."""
    return arrivals.forget(turn, "ours", payment_id, event.amount_minor, event.currency)


def was_of_purchase(turn: Turn, event: LedgerPosted, payment_id: str) -> bool:
    """The same: whether it is a refund of what was bought, which its customer asked for or its merchant approved."""
    return arrivals.forget(turn, "bought", payment_id, event.amount_minor, event.currency)


def is_here(turn: Turn, payment_id: str, refund_id: str) -> None:
    """The money of a refund of ours is here, and nothing was heard of it yet: what is told of it begins nothing."""
    for row in _OF_REFUNDS:
        _note_end(turn, row, (payment_id, refund_id), kept=True)


def is_booked(turn: Turn, event: RefundSent | RefundCredited) -> bool:
    """Whether the ledger has told of the money of this refund before. To be asked behind `moved`."""
    if isinstance(event, RefundCredited):
        return not arrivals.knows(turn, "told", event.payment_id, event.amount_minor, event.currency)
    return arrivals.knows(turn, "kept", "refund", *_subject(event))


def unclaimed(turn: Turn, event: LedgerPosted, payment_id: str, *, claimed: bool) -> None:
    """A credit that no promise has waited for: a refund of as much, of which somebody tells later, is that money.

    `claimed`: a case about what was charged too much has been given it, or a part.
    """
    money_of = (payment_id, event.amount_minor, event.currency)
    arrivals.note(turn, "claimed" if claimed else "ledger", *money_of)
    if event.reference:
        arrivals.note(turn, "named", *money_of)
        arrivals.note(turn, "is", event.reference, *money_of)


def was_another(turn: Turn, event: LedgerPosted, payment_id: str) -> None:
    """An earlier credit that was taken for this refund of ours is none: one of as much may be told of later."""
    arrivals.note(turn, "ledger", payment_id, event.amount_minor, event.currency)


def _was_here(turn: Turn, event: Refund) -> bool:
    """Whether the ledger has told of as much before anybody told what it is; from now on that is explained.

    What names another refund is not this one, if that was heard of first after it was booked. What was given to a case
    about too much is no part of what the merchant gives back of the payment.
    """
    money_of = (event.payment_id, event.amount_minor, event.currency)
    bank_s = given.of(turn, event.payment_id, event.currency).bank_s
    names_another = arrivals.knows(turn, "named", *money_of) and not arrivals.forget(
        turn, "is", event.refund_id, *money_of
    )
    if names_another and bank_s and turn.at_ms // 1000 > bank_s:
        return False
    arrivals.forget(turn, "named", *money_of)
    if arrivals.forget(turn, "claimed", *money_of):
        given.intended(turn, event.payment_id, event.refund_id)
        return True
    return arrivals.forget(turn, "ledger", *money_of) or given.is_here_in_lines(turn, event)


def came_before(turn: Turn, event: Refund, minor: int) -> None:
    """So much of a refund that has left was booked before anybody told of it: the rest is waited for."""
    waiting = _find(turn, PROMISES["refund"], _subject(event))
    cases = [case for case in turn.obligations.cases if case.is_open and case.refund_id == event.refund_id]
    mine = [case for case in cases if (case.payment_id, case.currency) == (event.payment_id, event.currency)]
    waits: list[Expectation | Case] = [*mine, *([waiting] if waiting is not None else [])]
    for each in waits:
        each.amount_minor = max(0, (each.amount_minor or 0) - minor)


def debited(turn: Turn, event: LedgerPosted, payment_id: str) -> None:
    """The ledger tells of a debit: of a bill that is asked for, or of a movement that has failed before."""
    bill = _find(turn, PROMISES["bill"], (payment_id,))
    if bill is not None:
        bill.taken = True
    debits = remembered.debits_of(turn, payment_key(payment_id))
    is_first = len(debits) == 1 and not arrived_minor(turn, payment_id, event.currency)
    if is_first and debits[0].amount_minor == event.amount_minor and is_good_topup(turn, payment_id):
        arrivals.note(turn, _SOURCE, payment_id)
    for row in OF_MOVEMENTS:
        waiting = _find(turn, row, (payment_id,))
        if waiting is not None and waiting.stage == _RETURN and _is_undone(turn, payment_id):
            turn.obligations.expectations.remove(waiting)  # its credit was here first
        if arrivals.knows(turn, "broken", row.kind, payment_id):
            _one_more_line(turn, row, event, payment_id)


def _one_more_line(turn: Turn, row: Promise, event: LedgerPosted, payment_id: str) -> None:
    """A line of a movement that has failed: what all of its lines have taken has to come back."""
    standing_minor = _missing(turn, payment_id, event.currency)
    if not standing_minor:
        return
    waiting = _find(turn, row, (payment_id,))
    case = next((each for each in turn.obligations.cases if _is_about(each, row, payment_id) and each.is_open), None)
    if waiting is not None:
        if waiting.currency == event.currency:
            waiting.amount_minor = max(waiting.amount_minor, standing_minor)
    elif case is None:
        term = times.within(turn, turn.policy.money.refund["other"], event.currency)
        _await_return(turn, row, payment_id, standing_minor, event.currency, term)
    elif case.currency == event.currency and standing_minor > (case.amount_minor or 0):
        case.amount_minor = standing_minor
        text = "one more debit of what has failed"
        add_line(turn, case, Line(turn.at_ms, "ledger_debit", turn.cause, text, event.amount_minor, event.currency))


def moved_money(turn: Turn, event: LedgerPosted, payment_id: str, *, told: bool) -> None:
    """A credit of a top-up is its end or a part of it; of a payout, a bill or a failed top-up what was taken came back.

    To be asked once the credit has been given to what is asked back of a fee. `told`: the payment system has said it.
    """
    for row in OF_MOVEMENTS:
        _moved_money(turn, row, event, payment_id, told=told)


def _moved_money(turn: Turn, row: Promise, event: LedgerPosted, payment_id: str, *, told: bool) -> None:
    waiting = _find(turn, row, (payment_id,))
    returns = waiting is not None and waiting.stage == _RETURN
    debits = [each for each in turn.obligations.spent if each.payment == payment_key(payment_id)]
    debits = [each for each in debits if each.amount_minor >= 0]
    own = any(each.currency == event.currency for each in debits)
    rest_minor = _missing(turn, payment_id, event.currency)
    kept = row.kind == "topup" and not (debits and arrivals.knows(turn, "broken", row.kind, payment_id))
    # Of what was taken all has to come back, a fee of it included; where nobody saw it taken, as much as was promised.
    over = own and not rest_minor and (returns or not kept)
    rests = rest_minor > 0 and (returns or not kept)
    short = waiting is not None and _falls_short(turn, event, waiting.amount_minor, waiting.currency)
    in_parts = (kept or not own) and not told  # no debit says what is left
    case = next((each for each in turn.obligations.cases if _is_about(each, row, payment_id) and each.is_open), None)
    if row.kind == "topup" and kept and waiting is None and case is None:
        _less_than_told(turn, row, event, payment_id)
    if waiting is not None and rests and returns and waiting.currency == event.currency:
        waiting.amount_minor = rest_minor
    elif waiting is not None and (over or not short):
        turn.obligations.expectations.remove(waiting)
        _note_end(turn, row, (payment_id,), kept=kept)
        if rests and waiting.currency == event.currency:
            _await_return(turn, row, payment_id, rest_minor, event.currency, times.to_balance(turn, event.currency))
    elif waiting is not None and in_parts:
        waiting.amount_minor -= _worth(turn, event, waiting.currency) or 0  # the rest is waited for
    if case is not None:
        is_same = case.currency == event.currency
        short = not over and (
            (rests and is_same) or _falls_short(turn, event, case.amount_minor or 0, case.currency or "")
        )
        line = _ledger_line(
            turn, event, "a part of the money" if short else "money arrived" if kept else "money is back"
        )
        if short:
            add_line(turn, case, line)
            if rests and is_same:
                case.amount_minor = rest_minor
            elif in_parts:
                case.amount_minor = (case.amount_minor or 0) - (_worth(turn, event, case.currency or "") or 0)
        else:
            _note_end(turn, row, (payment_id,), kept=kept)
            _close(turn, row, case, line, _DONE if kept else _RETURNED)


def _less_than_told(turn: Turn, row: Promise, event: LedgerPosted, payment_id: str) -> None:
    """The payment system has said that a top-up is here, and the ledger tells of less: the rest is waited for."""
    base, lacking_minor = fee_lines.base_of(turn, payment_id), _lacking_minor(turn, payment_id)
    if base is None or not lacking_minor or not arrivals.knows(turn, "kept", row.kind, payment_id):
        return
    owed_ms = times.within(turn, turn.policy.money.topup["other"], base[1]).ends_ms(turn.at_ms)
    turn.obligations.expectations.append(
        Expectation(
            row.kind, "", payment_id, turn.cause, turn.at_ms, owed_ms, owed_ms, lacking_minor, base[1], taken=True
        )
    )
    _make_room(turn)


def _lacking_minor(turn: Turn, payment_id: str) -> int:
    """How much less than was asked for the ledger has credited of a top-up, in the currency of that.

    0 where it has told of none, or it is no more than a fee that is told or as rates differ.
    """
    base = fee_lines.base_of(turn, payment_id)
    here_minor = _brought_minor(turn, payment_id, base[1]) if base is not None else None
    if base is None or not here_minor:
        return 0
    fees_minor = fee_lines.inside_minor(turn, payment_key(payment_id), base[1])
    mine = [each for each in turn.obligations.spent if each.payment == payment_key(payment_id)]
    is_foreign = any(each.currency != base[1] for each in mine if each.amount_minor < 0)
    is_less = _is_less(turn, here_minor + fees_minor, base[0], foreign=is_foreign)
    return base[0] - here_minor if is_less else 0


def _brought_minor(turn: Turn, payment_id: str, currency: str) -> int | None:
    """All that the ledger has credited of a top-up, also what debits under its id took again; None without a rate."""
    total = arrived_minor(turn, payment_id, currency)
    for each in remembered.debits_of(turn, payment_key(payment_id)):
        worth = turn.policy.to_home(each.back_minor, each.currency, currency, turn.at_ms)
        total = None if total is None or worth is None else total + worth
    return total


def arrived_minor(turn: Turn, payment_id: str, currency: str) -> int | None:
    """What the ledger's credits of a top-up come to, whatever their currencies; None without a rate."""
    key, total = payment_key(payment_id), 0
    for each in turn.obligations.spent:
        if each.payment == key and each.amount_minor < 0:
            worth = turn.policy.to_home(-each.amount_minor, each.currency, currency, turn.at_ms)
            if worth is None:
                return None
            total += worth
    return total


def left_minor(turn: Turn, payment_id: str, currency: str) -> int:
    """What a top-up has brought and no later debit under its id has taken again, whatever the currencies."""
    total = arrived_minor(turn, payment_id, currency) or 0
    for each in remembered.debits_of(turn, payment_key(payment_id)):
        minor = each.back_minor if _is_from_ledger(turn, payment_id) else -each.amount_minor
        total += turn.policy.to_home(minor, each.currency, currency, turn.at_ms) or 0
    return total


def is_good_topup(turn: Turn, payment_id: str) -> bool:
    """Whether it is a top-up that is waited for or has arrived."""
    return arrivals.knows(turn, "kept", "topup", payment_id) or (
        movement_of(turn, payment_id) == "topup" and not arrivals.knows(turn, "broken", "topup", payment_id)
    )


def _is_from_ledger(turn: Turn, payment_id: str) -> bool:
    """Whether the ledger has told of a debit before any credit: where the money of a top-up came from."""
    return arrivals.knows(turn, _SOURCE, payment_id)


def twice_minor(turn: Turn, event: LedgerPosted, payment_id: str, asked_minor: int) -> int:
    """How much more than was asked for the ledger has credited of a top-up, if it has given it or a part of it again.

    Without what is asked back already (`asked_minor`). Any other amount may be a bonus, as long as nothing is.
    """
    base = fee_lines.base_of(turn, payment_id)
    if base is None or base[1] != event.currency or not arrivals.knows(turn, "kept", "topup", payment_id):
        return 0
    here = _early(turn, payment_id, event.currency)
    again = event.amount_minor == base[0] or here.count(event.amount_minor) > 1 or asked_minor > 0
    here_minor = left_minor(turn, payment_id, event.currency)
    before_minor = here_minor - event.amount_minor
    return max(0, here_minor - base[0] - asked_minor) if again and not _is_less(turn, before_minor, base[0]) else 0


def _early(turn: Turn, payment_id: str, currency: str) -> list[int]:
    """The ledger's credits of a payment of which it has told no debit: of a top-up, what has arrived."""
    key = payment_key(payment_id)
    mine = [each for each in turn.obligations.spent if each.payment == key and each.amount_minor < 0]
    return [-each.amount_minor for each in mine if each.currency == currency]


def _is_short(turn: Turn, event: LedgerPosted | Movement, amount_minor: int, currency: str) -> bool:
    """Whether less has arrived than was promised; a fee or a rate may take as much as rates differ."""
    return event.currency == currency and _is_less(turn, event.amount_minor, amount_minor)


def _falls_short(turn: Turn, event: LedgerPosted | Movement, amount_minor: int, currency: str) -> bool:
    """The same of a top-up, payout or bill, also in another currency; without a rate nobody can say."""
    worth = _worth(turn, event, currency)
    return worth is not None and _is_less(turn, worth, amount_minor, foreign=event.currency != currency)


def _worth(turn: Turn, event: LedgerPosted | Movement, currency: str) -> int | None:
    return turn.policy.to_home(event.amount_minor, event.currency, currency, turn.at_ms)


def _is_less(turn: Turn, minor: int, promised_minor: int, *, foreign: bool = False) -> bool:
    """`foreign`: it has come in another currency, at the rate of whoever has changed it."""
    tolerance = turn.policy.money.fx_tolerance
    return minor < promised_minor * (1 - (max(tolerance, _SPREAD) if foreign else tolerance))


def _missing(turn: Turn, payment_id: str, currency: str) -> int:
    """The same without what goes back of a fee above its tariff by itself (flow F46)."""
    asked_minor = sum(
        (case.amount_minor or 0) - case.counters.get(BACK, 0)
        for case in turn.obligations.cases
        if case.is_open and case.family == FEE and (case.payment_id, case.currency) == (payment_id, currency)
    )
    return max(0, _standing(turn, payment_id, currency) - asked_minor)


def carve(turn: Turn, payment_id: str, excess_minor: int, currency: str) -> None:
    """So much of what should come back of a movement that has failed goes back as a fee above its tariff."""
    for row in OF_MOVEMENTS:
        waiting = _find(turn, row, (payment_id,))
        if waiting is not None and waiting.stage == _RETURN and waiting.currency == currency:
            waiting.amount_minor -= min(waiting.amount_minor, excess_minor)
            if not waiting.amount_minor:
                turn.obligations.expectations.remove(waiting)
        for case in turn.obligations.cases:
            mine = _is_about(case, row, payment_id) and case.currency == currency
            if mine and case.is_open and arrivals.knows(turn, "broken", row.kind, payment_id):
                case.amount_minor = max(0, (case.amount_minor or 0) - excess_minor)


def _standing(turn: Turn, payment_id: str, currency: str = "") -> int:
    """What the ledger has debited for a movement and not given back, as far as it is remembered."""
    key = payment_key(payment_id)
    mine = [each for each in turn.obligations.spent if each.payment == key and each.amount_minor > 0]
    return sum(each.amount_minor for each in mine if not currency or each.currency == currency)


def _begun(turn: Turn, row: Promise, event: Movement) -> None:
    subject = _subject(event)
    taken = isinstance(event, payments.TopupConfirmed | payments.BillpayDebited)
    if _is_over(turn, row, event):
        case = _case(turn, row, event)
        if taken and case is not None and case.is_open:
            case.money_state = "moved"
        return
    known = _find(turn, row, subject)
    if known is not None:
        if isinstance(event, RefundSent):  # it was approved before: from here on it takes its time
            known.owed_ms = known.due_ms = row.term(turn, event).ends_ms(turn.at_ms)
        if not taken or known.taken:
            return
        known.taken = True
        if row.kind != "bill" or known.stage == _RETURN:
            return
        turn.obligations.expectations.remove(known)  # from here on it takes its time
    here_minor = (arrived_minor(turn, event.payment_id, event.currency) or 0) if row.kind == "topup" else 0
    if here_minor and not _is_less(turn, here_minor, event.amount_minor):
        _note_end(turn, row, subject, kept=True)
        return
    owed_ms = row.term(turn, event).ends_ms(turn.at_ms)
    promised_by = getattr(event, "promised_by", None)
    if promised_by is not None:
        owed_ms = max(to_ms(promised_by), turn.at_ms)
    bill_due_at = getattr(event, "bill_due_at", None)
    if bill_due_at is not None and to_ms(bill_due_at) - _DAY_MS > turn.at_ms:  # else it is paid in its last hours
        owed_ms = min(owed_ms, to_ms(bill_due_at) - _DAY_MS)
    waiting = Expectation(
        row.kind,
        event.refund_id if isinstance(event, Refund) else "",
        event.payment_id,
        turn.cause,
        turn.at_ms,
        owed_ms,
        _first_ms(row, turn.at_ms, owed_ms),
        event.amount_minor - here_minor,
        event.currency,
        taken=taken,
        merchant_id=decoration(event.merchant_id) if row.kind == "promise" else "",
    )
    turn.obligations.expectations.append(waiting)
    _make_room(turn)


def _is_over(turn: Turn, row: Promise, event: Movement) -> bool:
    """Whether the end was here before this beginning, or people have a case about it."""
    subject = _subject(event)
    if arrivals.knows(turn, "kept", row.kind, *subject):
        return True
    if arrivals.knows(turn, "broken", row.kind, *subject):
        if turn.at_ms < turn.ctx.clock_ms:
            return True
        arrivals.forget(turn, "broken", row.kind, *subject)  # it is tried once more
    # Of a refund of ours its case knows what came.
    leaves = any((owed.payment_id, owed.refund_id) == subject for owed in turn.obligations.owed)
    is_refund = row in _OF_REFUNDS and not leaves
    if is_refund and isinstance(event, Refund) and _was_here(turn, event):
        for each in _OF_REFUNDS:
            _note_end(turn, each, subject, kept=True)
        return True
    case = _case(turn, row, event)
    return case is not None and case.is_open


def _note_end(turn: Turn, row: Promise, subject: _Subject, *, kept: bool) -> None:
    arrivals.forget(turn, "broken" if kept else "kept", row.kind, *subject)
    arrivals.note(turn, "kept" if kept else "broken", row.kind, *subject)


def _make_room(turn: Turn) -> None:
    """What has the longest time left is handed to people: it is not late, so the customer hears nothing of it.

    A refund goes with all that is promised of it, as one that may be late; that its merchant breaks a promise would be
    said too early. Checks that wait for a minute among the promises (of charges, of credits) are none of ours and stay.
    """
    expectations = turn.obligations.expectations
    while crowded(expectations, EXPECTATIONS_MAX, EXPECTATIONS_BYTES):
        left = max(
            (each for each in expectations if each.kind in PROMISES), key=lambda each: (each.owed_ms, each.entry)
        )
        if left.kind == "promise":
            left.kind = "refund"
        row, name = PROMISES[left.kind], _name(left)
        turn.obligations.expectations = expectations = [
            each
            for each in expectations
            if each is not left and (not left.subject or _subject_of(each) != _subject_of(left))
        ]
        text = f"{name}: one promise too many to follow, due {instant(left.owed_ms)}; it is people's now"
        _open(turn, row, left, text, max(row.priority, _UNFOLLOWED_PRIORITY))
        turn.ctx.handed_over.append(row.queue)


def _kept(turn: Turn, row: Promise, event: Movement) -> None:
    subject = _subject(event)
    waiting = _find(turn, row, subject)
    case = _case(turn, row, event)
    line = Line(turn.at_ms, kind_of(event), turn.cause, kind_of(event), event.amount_minor, event.currency)
    if row.kind == "topup":
        promised = waiting or case
        if promised is not None and _says_more(turn, event):
            if case is not None:
                add_line(turn, case, line)
            return
        if promised is not None and _falls_short(turn, event, promised.amount_minor or 0, promised.currency or ""):
            if not arrivals.forget(turn, "ledger", event.payment_id, event.amount_minor, event.currency):
                worth = _worth(turn, event, promised.currency or "") or 0
                promised.amount_minor = (promised.amount_minor or 0) - worth  # the rest is waited for
                arrivals.note(turn, "told", event.payment_id, event.amount_minor, event.currency)
            if case is not None:
                add_line(turn, case, line)
            return
    if row.kind == "refund":
        was_booked = arrivals.forget(turn, "part", event.payment_id, event.amount_minor, event.currency)
        promised = waiting or (case if case is not None and case.is_open else None)
        if promised is not None and _is_short(turn, event, promised.amount_minor or 0, promised.currency or ""):
            if not was_booked:
                promised.amount_minor = (promised.amount_minor or 0) - event.amount_minor  # the rest is waited for
            if case is not None:
                add_line(turn, case, line)
            return
    if row.kind == "promise":
        promised = waiting or (case if case is not None and case.is_open else None)
        if promised is not None and _is_short(turn, event, promised.amount_minor or 0, promised.currency or ""):
            if arrivals.knows(turn, "heard", event.event_id):
                return  # told once more
            arrivals.note(turn, "heard", event.event_id)
            part: tuple[str | int, ...] = ("sent", *subject, event.amount_minor)  # first it is sent, then it arrives
            if isinstance(event, RefundCredited) and arrivals.forget(turn, *part):
                return
            promised.amount_minor = (promised.amount_minor or 0) - event.amount_minor
            if not isinstance(event, RefundCredited):
                arrivals.note(turn, *part)
            if case is not None and case.is_open:
                add_line(turn, case, line)
            return
    if waiting is not None:
        turn.obligations.expectations.remove(waiting)
    _note_end(turn, row, subject, kept=True)
    if case is not None:
        _close(turn, row, case, line, _DONE)


def _says_more(turn: Turn, event: Movement) -> bool:
    """Whether the ledger has told of less of a top-up than is said to be here: that ends nothing.

    Where both say the same, what lacks of it is what its provider keeps.
    """
    base, worth = fee_lines.base_of(turn, event.payment_id), None
    if base is not None:
        worth = _worth(turn, event, base[1])
    lacking_minor = _lacking_minor(turn, event.payment_id)
    return base is not None and lacking_minor > 0 and (worth is None or _is_less(turn, base[0] - lacking_minor, worth))


def fee_told(turn: Turn, payment_id: str) -> None:
    """A fee is told behind a top-up that came less by it: nothing of it lacks."""
    row = PROMISES["topup"]
    for case in tuple(turn.obligations.cases):
        if _is_about(case, row, payment_id) and case.is_open and _is_less_by_fees(turn, payment_id):
            _note_end(turn, row, (payment_id,), kept=True)
            money_of = (case.amount_minor, case.currency)
            _close(
                turn, row, case, Line(turn.at_ms, "fee.charged", turn.cause, "what lacks is its fee", *money_of), _DONE
            )


def _is_less_by_fees(turn: Turn, payment_id: str) -> bool:
    """Whether the ledger has credited a top-up, and all that lacks of it are fees that are told."""
    base = fee_lines.base_of(turn, payment_id)
    is_good = is_good_topup(turn, payment_id)
    is_here = base is not None and bool(_brought_minor(turn, payment_id, base[1]))
    return is_good and is_here and not _lacking_minor(turn, payment_id)


def _broken(turn: Turn, row: Promise, event: Movement) -> None:
    """It will not come. What was taken for it has to come back, and that is waited for as well."""
    subject = _subject(event)
    waiting = _find(turn, row, subject)
    case = _case(turn, row, event)
    line = Line(turn.at_ms, kind_of(event), turn.cause, kind_of(event), event.amount_minor, event.currency)
    if case is not None and case.is_open and _goes_on(turn, row, event):
        add_line(turn, case, line)
        return
    standing_minor = _missing(turn, event.payment_id, event.currency) if row in OF_MOVEMENTS else 0
    back = _is_back(turn, event)
    taken = waiting is not None and waiting.taken and not back
    taken_minor = standing_minor or (event.amount_minor if taken else 0)
    _note_end(turn, row, subject, kept=False)
    moved_money = case is not None and case.money_state == "moved" and not back
    if case is not None and case.is_open and (standing_minor or moved_money):
        add_line(turn, case, line)  # it ends when the money is back
        if waiting is not None:
            turn.obligations.expectations.remove(waiting)
    elif taken_minor:
        if waiting is not None and waiting.stage == _RETURN:
            return
        if waiting is not None:
            turn.obligations.expectations.remove(waiting)
        term = times.to_balance(turn, event.currency) if row.kind == "withdrawal" else times.refund(turn, event)
        _await_return(turn, row, event.payment_id, taken_minor, event.currency, term, waiting)
    else:
        if waiting is not None:
            turn.obligations.expectations.remove(waiting)
        if case is not None:
            _close(turn, row, case, line, _RETURNED if back and row in OF_MOVEMENTS else _FAILED)


def _goes_on(turn: Turn, row: Promise, event: Movement) -> bool:
    """A merchant without funds for what it has promised owes it still: what is kept back of it may pay the next try."""
    return row.kind == "promise" and isinstance(event, RefundFailed) and failed_refunds.lacks_funds(turn, event)


def is_only_paid(turn: Turn, event: Movement) -> bool:
    """Whether a provider says that a bill is paid which is still to be posted: only its biller makes it good."""
    if not isinstance(event, PspStatus) or event.status != "succeeded":
        return False
    return movement_of(turn, event.payment_id) == "bill"


def movement_of(turn: Turn, payment_id: str) -> str:
    """What this id is the id of, if something of ours waits for it: topup, withdrawal or bill; else empty."""
    for row in OF_MOVEMENTS:
        if _find(turn, row, (payment_id,)) is not None or _case_open(turn, row, payment_id):
            return row.kind
    return ""


def ended_as(turn: Turn, payment_id: str) -> str:
    """The same of one whose end is remembered."""
    for row in OF_MOVEMENTS:
        if any(arrivals.knows(turn, how, row.kind, payment_id) for how in ("kept", "broken")):
            return row.kind
    return movement_of(turn, payment_id)


def said_to_fail(turn: Turn, payment_id: str) -> Case | None:
    """The case of a movement that ended with the word to its customer that it has failed."""
    for row in OF_MOVEMENTS:
        for case in turn.obligations.cases:
            words = (f"{row.case_type}.{_RETURNED}", f"{row.case_type}.{_FAILED}")
            if _is_about(case, row, payment_id) and not case.is_open and case.template in words:
                return case
    return None


def is_taken(turn: Turn, event: Movement) -> bool:
    """Whether a movement that has failed had taken money of which nobody has told that it is back."""
    if _is_back(turn, event):
        return False
    if isinstance(event, payments.WithdrawalReturned) or _standing(turn, event.payment_id):
        return True
    return any(_is_moved(turn, row, event) for row in OF_MOVEMENTS)


def _is_moved(turn: Turn, row: Promise, event: Movement) -> bool:
    waiting, case = _find(turn, row, (event.payment_id,)), _case(turn, row, event)
    is_worked = case is not None and case.is_open and case.money_state == "moved"
    return is_worked or (waiting is not None and waiting.taken)


def _is_back(turn: Turn, event: Movement) -> bool:
    """Whether what was taken for a movement came back before its failure was heard: in the ledger, or as a refund."""
    told = arrivals.knows(turn, "told", event.payment_id, event.amount_minor, event.currency)
    return told or _is_undone(turn, event.payment_id)


def _is_undone(turn: Turn, payment_id: str) -> bool:
    """Whether the ledger has told of debits of this payment, and of as many credits."""
    key = payment_key(payment_id)
    debits = [each for each in turn.obligations.spent if each.payment == key and each.amount_minor >= 0]
    return bool(debits) and not any(each.amount_minor for each in debits)


def _await_return(
    turn: Turn,
    row: Promise,
    payment_id: str,
    amount_minor: int,
    currency: str,
    term: Within,
    waited: Expectation | None = None,
) -> None:
    """What was taken has to come back. `waited`: what was waited for until it failed."""
    owed_ms = term.ends_ms(turn.at_ms)
    # Of a payout its customer hears when it failed, of others about the movement of which it knows the time.
    since_ms = turn.at_ms if row.kind == "withdrawal" else _taken_ms(turn, payment_id, waited)
    turn.obligations.expectations.append(
        Expectation(
            row.kind,
            "",
            payment_id,
            turn.cause,
            since_ms,
            owed_ms,
            owed_ms,
            amount_minor,
            currency,
            stage=_RETURN,
            taken=True,
        )
    )
    _make_room(turn)


def _taken_ms(turn: Turn, payment_id: str, waited: Expectation | None) -> int:
    """When money was taken that has to come back, by which its customer knows a movement."""
    key = payment_key(payment_id)
    times_ms = [each.at_ms for each in turn.obligations.spent if each.payment == key and each.amount_minor > 0]
    return min(times_ms, default=waited.since_ms if waited is not None else turn.at_ms)


def _ledger_line(turn: Turn, event: LedgerPosted, text: str) -> Line:
    return Line(turn.at_ms, "ledger_credit", turn.cause, text, event.amount_minor, event.currency)


def _close(turn: Turn, row: Promise, case: Case, line: Line, how: str) -> None:
    add_line(turn, case, line)
    if not case.is_open:
        return
    withdrawn = how == _DONE and turn.at_ms <= case.opened_ms + turn.policy.lateness_s * 1000
    template = f"{row.case_type}.{how}"
    case.money_state = "arrived" if how == _DONE else "returned"
    if case.template and line.amount_minor is not None and line.currency is not None:
        if row in OF_MOVEMENTS:
            whole = _whole(turn, case.payment_id, case.amount_minor or 0, line.currency)
        else:
            whole = case.lines[0].amount_minor or 0  # whatever parts or other refunds it came in
        about = {"amount": money(whole or line.amount_minor, line.currency), "time": instant(case.lines[0].at_ms)}
        is_here = how == _DONE and row.kind == "promise" and line.kind in ("ledger_credit", "refund.credited")
        # Whoever was told that it is not there hears that it was, however late that is told.
        is_corrected = turn.late and case.told_ms > 0
        with turn.standing_for(_CORRECTED_S) if is_corrected else nullcontext():
            notify(turn, "refund_late.done" if is_here else template, about, case)
    set_status(turn, case, "withdrawn" if withdrawn else "resolved", template)


def _whole(turn: Turn, payment_id: str, part_minor: int, currency: str) -> int:
    """The amount of a movement, where only a part of it is still waited for; else, or where it is forgotten, 0."""
    base = fee_lines.base_of(turn, payment_id)
    return base[0] if base is not None and base[1] == currency and part_minor < base[0] else 0


def _late(turn: Turn, row: Promise, waiting: Expectation) -> Case:
    turn.obligations.expectations.remove(waiting)
    is_return = waiting.stage == _RETURN
    text = "failed, and what was debited is not back in time" if is_return else "not there in time"
    case = _open(turn, row, waiting, f"{_name(waiting)}: {text}", row.priority)
    if row.asks:
        ask(turn, case, waiting.payment_id, waiting.entry, waiting.amount_minor, waiting.currency)
    if row.kind == "promise":
        _unsent(turn, waiting)
    merchant_ms = broken_promise.opened(turn, case, waiting) if row.kind == "promise" else 0
    template = row.case_type
    if is_return and row.kind == "withdrawal":
        template = "withdrawal_delay.not_back"
    elif (
        row.kind == "topup"
        and not is_return
        and _whole(turn, waiting.payment_id, waiting.amount_minor, waiting.currency)
    ):
        template = "topup_not_credited.part"
    _tell(turn, waiting, template, case, max(0, merchant_ms - turn.at_ms))
    return case


def _name(waiting: Expectation) -> str:
    return f"{waiting.kind} {(waiting.subject or waiting.payment_id)[:40]}"


def _open(turn: Turn, row: Promise, waiting: Expectation, text: str, priority: int) -> Case:
    case = open_or_join(
        turn,
        Draft(
            case_type=row.case_type,
            flow=row.flow,
            family=row.case_type,
            queue=row.queue,
            priority=priority,
            lines=(
                Line(
                    waiting.since_ms,
                    f"{row.kind}_promised",
                    waiting.entry,
                    text[:160],
                    waiting.amount_minor,
                    waiting.currency,
                ),
            ),
            payment_id=waiting.payment_id,
            refund_id=waiting.subject,
            by_payment=True,
            amount_minor=waiting.amount_minor,
            currency=waiting.currency,
            money_state="moved" if waiting.taken else "in_transit",
            movement=row.kind,
        ),
    )
    raise_to(turn, case, priority)
    return case


def _tell(turn: Turn, waiting: Expectation, template: str, case: Case | None, others_ms: int = 0) -> None:
    """`others_ms`: so long somebody else has time before people here answer."""
    about = {
        "amount": money(waiting.amount_minor, waiting.currency),
        "time": instant(waiting.since_ms),
        "eta": instant(waiting.owed_ms if case is None else turn.answer_ms(case.priority) + others_ms),
    }
    notify(turn, template, about, case)


def _subject(event: Movement) -> _Subject:
    return (event.payment_id, event.refund_id) if isinstance(event, Refund) else (event.payment_id,)


def _subject_of(waiting: Expectation) -> _Subject:
    return (waiting.payment_id, waiting.subject) if waiting.subject else (waiting.payment_id,)


def _find(turn: Turn, row: Promise, subject: _Subject) -> Expectation | None:
    for waiting in turn.obligations.expectations:
        if waiting.kind == row.kind and _subject_of(waiting) == subject:
            return waiting
    return None


def _case(turn: Turn, row: Promise, event: Movement) -> Case | None:
    """The case about what the event is about: of a refund its own, not that of another one of the payment."""
    for case in turn.obligations.cases:
        if not _is_about(case, row, event.payment_id):
            continue
        if not isinstance(event, Refund) or case.refund_id in ("", event.refund_id):
            return case
    return None


def _case_open(turn: Turn, row: Promise, payment_id: str) -> bool:
    return any(_is_about(case, row, payment_id) and case.is_open for case in turn.obligations.cases)


def _is_about(case: Case, row: Promise, payment_id: str) -> bool:
    return (case.family, case.payment_id) == (row.case_type, payment_id)
