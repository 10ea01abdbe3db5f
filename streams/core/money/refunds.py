"""May this debit be given back without a person, and what becomes of the refund?

Write the intent, send, confirm: an intent leaves once per debit under a key that never changes, and is cancelled when
it is no longer right. Whatever a guard stops stays on the case, with the guard's name, for accounting.
"""

from __future__ import annotations

from hashlib import blake2b

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import RefundCancelled, RefundIntended
from streams.contracts.payments import Movement, PspStatus, Refund, RefundCredited, RefundFailed, RefundSent
from streams.core import ids
from streams.core.cases.book import FRAUD, Draft, add_line, open_or_join, set_status
from streams.core.messages.notify import notify
from streams.core.messages.render import instant, money
from streams.core.money import arrivals, balance, corrections, expectations, given, orders, other_leg, shared_ids, times
from streams.core.obligations import (
    AUTO_REFUNDS_MAX,
    CASES_DAYS,
    DAY_MS,
    GAVE_MAX,
    OWED_BYTES,
    OWED_MAX,
    REFUNDED_MAX,
    Case,
    Expectation,
    Gave,
    Line,
    Owed,
    PaymentState,
    Spent,
    crowded,
    payment_key,
)
from streams.core.turn import Turn

MONTH_MS = 30 * 86_400_000
NOT_CAPTURED = "debited_not_confirmed"
MISMATCH, DUPLICATE, FEE = expectations.MISMATCH, expectations.DUPLICATE, expectations.FEE
DOUBLE_BENEFIT = expectations.DOUBLE_BENEFIT
BILL = "bill_not_posted"
FAILED = (NOT_CAPTURED, BILL)  # what is owed because its payment has failed, so that a success ends it
REVERSED = "reversed"  # money state of a case whose debit is said to be undone, until the ledger says so
_BROKEN_PROMISE = "refund_dispute"
_DISPUTES = frozenset({"unauthorised", _BROKEN_PROMISE, "wrong_transfer", "takeover", "refund_exceeds_payment"})
# What the provider has to say before money goes back by itself. Of a duplicate the ledger is the source.
_GOES_BACK_ON = {
    NOT_CAPTURED: PaymentState.FAILED,
    MISMATCH: PaymentState.SUCCEEDED,
    BILL: PaymentState.FAILED,
}
ABUSE = "refund_abuse"  # family: whether the account's refunds are abuse, people are to say (F33)
OWED, INTENDED, SENT = "owed", "intended", "sent"
BACK = "back"  # sent, and the ledger has told of a credit that is it, or the bank's own
REFUND_INTENDED, CANCELLED = "refund_intended", "refund_cancelled"  # lines of a case
LATE_SUCCESS, MONEY_BACK, PART_BACK = "late_success", "money_back", "part_back"  # why an intent is cancelled
_HAD_LEFT = "had left when"  # a line of a double benefit, of the refund that brought it
EXPLAINED = "charge_explained"  # the same: it was charged rightly
BOTH_GAVE = "our refund came, and the bank has given as much back by itself"  # another line, and what ends it
_OF_MERCHANT = "it was a refund of the merchant's"
BY_SUCCESS = "late_success_minor"  # counter of a double benefit: so much of it is none if the payment fails after all
CANCELLED_THERE = "cancelled_there"  # the provider was told to cancel its payment
LATE = "late"  # what would let it go came too late to act on
EARLY = "early"  # the bank may still give it back by itself
CONTRADICTED = "contradicted"  # counter of a case: its payment has failed after it was good


def owe(turn: Turn, owed: Owed) -> None:
    """Remembers money that should go back once it is certain; one too many leaves the oldest to accounting."""
    held = turn.obligations.owed
    if any(each.payment_id == owed.payment_id and _named(each) == _named(owed) for each in held):
        return
    held.append(owed)
    corrections.owe(turn, owed, _refund_id(turn, owed))
    while crowded(held, OWED_MAX, OWED_BYTES):
        over = [each for each in held if each.status == BACK]
        waiting = [each for each in held if each.status == OWED]
        left = min(over or waiting or held, key=lambda each: each.at_ms)
        held.remove(left)
        case = case_of(turn, left)
        if case is not None and case.is_open and not over:
            line = Line(turn.at_ms, "refund_withheld", left.entry or turn.cause, "for a person: too many at once")
            add_line(turn, case, line)


def unposted(turn: Turn, waiting: Expectation) -> None:
    """A bill whose biller is silent (rule L10) was debited: that goes back once its provider says that it has failed.

    Of one whole debit; what else was taken for a bill is for people.
    """
    mine = _whole(turn, waiting.payment_id, waiting.amount_minor)
    if mine is not None and mine.currency == waiting.currency:
        owe(
            turn,
            Owed(waiting.payment_id, waiting.entry, mine.amount_minor, mine.currency, mine.at_ms, BILL, line=mine.line),
        )


def bill_settled(turn: Turn, payment_id: str) -> None:
    """Money of this payment came back: with the case of its bill ends what is owed under it."""
    open_ = any(
        case.is_open and (case.family, case.payment_id) == (BILL, payment_id) for case in turn.obligations.cases
    )
    if not open_:
        money_back(turn, payment_id, BILL)


def booked(turn: Turn, payment_id: str, entry: str, line: int) -> None:
    """The ledger has booked a debit that so far only a code had told of."""
    for owed in turn.obligations.owed:
        if owed.payment_id == payment_id and not owed.entry and owed.family != FEE:
            owed.entry, owed.line = entry, line


def was_intended(turn: Turn, payment_id: str, line: int) -> bool:
    """Whether this line of the ledger was given back once, or was to be."""
    return _key(payment_id, str(line)) in turn.obligations.refunded


def passes_on(turn: Turn, payment_id: str, line: int) -> bool:
    """A debit that was owed because its payment had failed is owed as a duplicate: the payment was good after all.

    True: its refund has been intended, and is right as it is. One that has not stands for the duplicate's to come.
    """
    for owed in tuple(turn.obligations.owed):
        if owed.payment_id == payment_id and owed.line == line and owed.family in FAILED:
            if owed.status == OWED:
                turn.obligations.owed.remove(owed)
                return False
            owed.family = DUPLICATE
            corrections.owe(turn, owed, owed.refund_id)
            if owed.status == SENT:
                corrections.gone(turn, owed.refund_id)
            return True
    return False


def answered(turn: Turn, payment_id: str, status: int, answer: PspStatus | None = None) -> list[Owed]:
    """The provider's final word decides whether money that is owed may go back by itself.

    `answer` is its event; none where it was asked to the end of the schedule and knows no such payment. What would go
    back if the answer had come at another time is the result.
    """
    waits: list[Owed] = []
    for owed in tuple(turn.obligations.owed):
        if owed.payment_id != payment_id or owed.status != OWED:
            continue
        if status == _GOES_BACK_ON.get(owed.family) and give_back(turn, owed, answer=answer) in (EARLY, LATE):
            waits.append(owed)
    return waits


def give_back(turn: Turn, owed: Owed, *, approved: bool = False, answer: PspStatus | None = None) -> str | None:
    """The intent, if no guard (domain 4.2) stops it; the name of the guard otherwise.

    `approved`: an operator has decided; amount and number are then their responsibility. `answer` says how the payment
    was made, and so how long its money takes back.
    """
    case = case_of(turn, owed)
    if case is None or not case.is_open:
        return "no_open_case"
    guard = _guard(turn, owed, approved=approved, answered=answer is not None)
    if guard is not None:
        add_line(turn, case, Line(turn.at_ms, "refund_withheld", turn.cause, f"for a person: {guard}"))
        return guard
    if not turn.may("refund"):
        guard = LATE if turn.policy.mode == "enforce" else "observing"
        add_line(turn, case, Line(turn.at_ms, "refund_withheld", turn.cause, f"for a person: {guard}"))
        return guard
    owed.status, owed.refund_id = INTENDED, _refund_id(turn, owed)
    corrections.owe(turn, owed, owed.refund_id)
    given.intended(turn, owed.payment_id, owed.refund_id)
    name = _key(owed.payment_id, owed.refund_id)
    gave = Gave(payment_key(owed.payment_id), name, owed.amount_minor, owed.currency)
    turn.obligations.gave = [*turn.obligations.gave, gave][-GAVE_MAX:]
    method, eta_ms = _way_back(turn, owed, answer)
    owed.how = times.short(method)
    obligations = turn.obligations
    obligations.refunded = [*obligations.refunded, _key(owed.payment_id, _named(owed))][-REFUNDED_MAX:]
    if not approved:
        obligations.auto_refunds = [*obligations.auto_refunds, turn.at_ms][-AUTO_REFUNDS_MAX:]
    turn.effects.append(
        RefundIntended(
            occurred_at=turn.at,
            refund_id=owed.refund_id,
            account_id=turn.ctx.account_id,
            payment_id=owed.payment_id,
            amount_minor=owed.amount_minor,
            currency=owed.currency,
            idempotency_key=f"refund:{owed.payment_id}:{owed.refund_id}",
            case_id=case.case_id,
            method=method or None,
        )
    )
    text = f"refund {owed.refund_id}"
    add_line(turn, case, Line(turn.at_ms, REFUND_INTENDED, turn.cause, text, owed.amount_minor, owed.currency))
    about = {"amount": money(owed.amount_minor, owed.currency), "time": instant(owed.at_ms), "eta": instant(eta_ms)}
    notify(turn, "refund_started", {**about, "case_id": case.case_id}, case)
    return None


def _way_back(turn: Turn, owed: Owed, answer: PspStatus | None) -> tuple[str, int]:
    """How money goes back (empty: by card, or nobody knows), and when it should be there.

    What was taken for a payout was taken of a balance, however it was to go on to its bank.
    """
    payment_id, currency = owed.payment_id, owed.currency
    said = answer.method if answer is not None else ""
    method = said if times.short(said) else times.method_of(turn, payment_id)
    is_wallet = method in turn.ctx.library.profiles.by_method
    if expectations.ended_as(turn, payment_id) == "withdrawal" and not is_wallet:
        return times.BALANCE, times.to_balance(turn, currency).ends_ms(turn.at_ms)
    term = times.refund(turn, answer) if answer is not None else times.of_payment(turn, payment_id, currency)
    return method, term.ends_ms(turn.at_ms)


def refund_moved(turn: Turn, event: Refund) -> None:
    """The payment system reports on an intent of ours, which may have left although it was cancelled."""
    mine = [owed for owed in turn.obligations.owed if owed.refund_id == event.refund_id]
    if not mine:
        _left_unasked(turn, event)
    for owed in mine:
        match event:
            case RefundSent() if _has_failed_since(turn, owed):
                pass  # told behind its failure
            case RefundSent() | RefundCredited() if owed.status != BACK:
                owed.status = SENT  # the ledger's credit says that it is here
            case _:
                pass  # of one that came back `refund_retries` says what follows


def _has_failed_since(turn: Turn, owed: Owed) -> bool:
    case = case_of(turn, owed)
    retries = case.retries if case is not None else None
    return retries is not None and retries.refund_id == owed.refund_id and turn.at_ms < retries.failed_ms


def _left_unasked(turn: Turn, event: Refund) -> None:
    """A refund that was cancelled has left all the same, or came back and nobody has anything twice.

    One that was cancelled because the money was back may be that money; if it is not, the ledger will tell of more.
    """
    if isinstance(event, RefundSent | RefundCredited) and _was_right(turn, event.payment_id, event.refund_id):
        if isinstance(event, RefundSent) and _was_another(turn, event):
            return
        here = expectations.is_booked(turn, event)
        _left_anyway(turn, event.payment_id, event.refund_id, event.amount_minor, event.currency, is_here=here)
        return
    for case in tuple(turn.obligations.cases):
        if (
            isinstance(event, RefundFailed)
            and (case.family, case.payment_id) == (DOUBLE_BENEFIT, event.payment_id)
            and case.is_open
            and any(line.text.startswith(f"refund {event.refund_id} ") for line in case.lines)
        ):
            is_less(turn, case, event)


def is_less(turn: Turn, case: Case, event: RefundFailed) -> None:
    """So much of what the customer has twice never came: what else is twice stays so."""
    text = f"refund {event.refund_id} came back"
    if any(line.text == text for line in case.lines):
        return  # told once more
    left_minor = (case.amount_minor or 0) - event.amount_minor
    if left_minor > 0 and case.currency == event.currency:
        case.amount_minor = left_minor
        if BY_SUCCESS in case.counters:
            case.counters[BY_SUCCESS] = min(left_minor, case.counters[BY_SUCCESS])
        add_line(turn, case, Line(turn.at_ms, DOUBLE_BENEFIT, turn.cause, text, event.amount_minor, event.currency))
        return
    case.money_state = "confirmed"
    set_status(turn, case, "resolved", "refund_failed")


def _was_right(turn: Turn, payment_id: str, refund_id: str) -> bool:
    """Whether a refund was cancelled because its payment or its charge turned out to be right, and is so still."""
    state = turn.obligations.recall(payment_key(payment_id))
    if state is not None and state.status in (PaymentState.FAILED, PaymentState.REVERSED):
        return False
    texts = {f"refund {refund_id}: {cause}" for cause in (LATE_SUCCESS, EXPLAINED)}
    return any(
        line.kind == CANCELLED and line.text in texts
        for case in turn.obligations.cases
        if case.payment_id == payment_id
        for line in case.lines
    )


def _left_anyway(turn: Turn, payment_id: str, refund_id: str, minor: int, currency: str, *, is_here: bool) -> None:
    """Such a refund has left: what it brings, or has brought (`is_here`), the customer has twice."""
    text = f"refund {refund_id} {_HAD_LEFT} it was cancelled"
    _left_too(turn, payment_id, minor, 0 if is_here else minor, currency, text)


def brought_twice(turn: Turn, event: LedgerPosted, payment_id: str) -> bool:
    """Whether a credit names a refund of ours that is known, or known now, as what the customer has twice."""
    if not event.reference:
        return False
    if _was_right(turn, payment_id, event.reference):
        _left_anyway(turn, payment_id, event.reference, event.amount_minor, event.currency, is_here=True)
    named = f"refund {event.reference} {_HAD_LEFT} "
    return any(case.is_open and _had_left_too(case, payment_id, named) for case in turn.obligations.cases)


def has_left_too(turn: Turn, payment_id: str) -> bool:
    """Whether a refund of ours left that turned out to be none: with it and the bank's own, as much is back twice."""
    return any(_had_left_too(case, payment_id, _HAD_LEFT) for case in turn.obligations.cases)


def _had_left_too(case: Case, payment_id: str, text: str) -> bool:
    is_mine = (case.family, case.payment_id) == (DOUBLE_BENEFIT, payment_id)
    return is_mine and any(text in line.text for line in case.lines)


def _was_another(turn: Turn, event: RefundSent) -> bool:
    """A refund that was cancelled too late is the money that another one of as much was cancelled for.

    Should the ledger tell of as much once more, the bank and we have both given it.
    """
    lines = [line for case in turn.obligations.cases if case.payment_id == event.payment_id for line in case.lines]
    alike = [
        line.text
        for line in lines
        if line.kind == REFUND_INTENDED and (line.amount_minor, line.currency) == (event.amount_minor, event.currency)
    ]
    if not any(line.kind == CANCELLED and line.text in {f"{each}: {MONEY_BACK}" for each in alike} for line in lines):
        return False
    expectations.stopped(turn, event.payment_id, event.refund_id)
    expectations.is_here(turn, event.payment_id, event.refund_id)
    here = Owed(event.payment_id, turn.cause, event.amount_minor, event.currency, turn.at_ms, DUPLICATE, BACK)
    here.refund_id = event.refund_id
    owe(turn, here)
    return True


def succeeded(turn: Turn, event: Movement) -> None:
    """Late success (rule L3): nothing is owed any more. A refund that has left already is a double benefit."""
    leaving_minor = 0
    for owed in tuple(turn.obligations.owed):
        if owed.payment_id != event.payment_id or owed.family not in FAILED:
            continue
        turn.obligations.owed.remove(owed)
        if owed.status == INTENDED:
            _cancel(turn, owed, LATE_SUCCESS)
        elif owed.status == SENT:
            leaving_minor += owed.amount_minor
            text = f"refund {owed.refund_id} {_HAD_LEFT} the payment succeeded"
            _left_too(turn, owed.payment_id, owed.amount_minor, leaving_minor, owed.currency, text)


def _left_too(turn: Turn, payment_id: str, minor: int, leaving_minor: int, currency: str, text: str) -> None:
    """A refund of `minor` has left for a payment that is good; `leaving_minor` with those that had left before it."""
    told = any(
        case.family == DOUBLE_BENEFIT
        and case.payment_id == payment_id
        and any(line.text == text for line in case.lines)
        for case in turn.obligations.cases
    )
    known_minor = by_success_minor(turn, payment_id)
    twice = twice_minor(turn, payment_id, known_minor + minor, currency, leaving_minor) - known_minor
    if not told and twice > 0:
        double_benefit(
            turn, Owed(payment_id, turn.cause, twice, currency, turn.at_ms, DOUBLE_BENEFIT), text, by_success=True
        )


def twice_minor(turn: Turn, payment_id: str, back_minor: int, currency: str, leaving_minor: int = 0) -> int:
    """What the customer of a good payment has twice: what it costs, less what stands of it and is not going back.

    `back_minor` is what was given back in all, which it is where nobody can say what the payment costs.
    """
    due_minor = balance.due_minor(turn, payment_id, currency)
    if due_minor is None:
        return back_minor
    going_minor = leaving_minor + balance.asked_minor(turn, payment_id, currency, DUPLICATE, FEE)
    going_minor += sum(
        owed.amount_minor
        for owed in turn.obligations.owed
        if (owed.payment_id, owed.family, owed.status, owed.currency) == (payment_id, MISMATCH, SENT, currency)
    )
    return due_minor - balance.stands_minor(turn, payment_id, currency) + going_minor


def failed_after_all(turn: Turn, payment_id: str) -> None:
    """The payment that was good when its money was back is not: nobody has anything twice by its success."""
    for case in turn.obligations.cases:
        if (case.family, case.payment_id) != (DOUBLE_BENEFIT, payment_id) or not case.is_open:
            continue
        minor = case.counters.pop(BY_SUCCESS, 0)
        left_minor = max(0, (case.amount_minor or 0) - minor)
        if minor and left_minor:
            case.amount_minor = left_minor
            turn.change(case, "payment_failed")
        elif minor:
            case.money_state = "returned"
            set_status(turn, case, "resolved", "payment_failed")


def by_success_minor(turn: Turn, payment_id: str) -> int:
    """How much of what the customer has twice is so because the payment succeeded after all."""
    return sum(
        case.counters.get(BY_SUCCESS, 0)
        for case in turn.obligations.cases
        if case.is_open and (case.family, case.payment_id) == (DOUBLE_BENEFIT, payment_id)
    )


def can_be_stopped(turn: Turn, payment_id: str) -> bool:
    """Whether a refund of this payment's failed debit is intended and has not left: then any success stops it.

    Once it has left, a success that was said before the failure makes nobody a debtor.
    """
    return any(
        (owed.payment_id, owed.family, owed.status) == (payment_id, NOT_CAPTURED, INTENDED)
        for owed in turn.obligations.owed
    )


def preferred(turn: Turn, payment_id: str, amount_minor: int, refund_id: str = "") -> str:
    """The family whose refund a credit of this amount is, or looks like; empty if it looks like none of ours."""
    for owed in turn.obligations.owed if refund_id else ():
        if owed.refund_id == refund_id:
            return owed.family
    for status in (SENT, INTENDED):
        for owed in turn.obligations.owed:
            if owed.payment_id == payment_id and owed.status == status and owed.amount_minor == amount_minor:
                return owed.family
    return ""


def arrived(turn: Turn, event: LedgerPosted) -> str:
    """The refund of ours that a credit names as its reference: it has left, whatever was heard of it so far."""
    for owed in turn.obligations.owed:
        if owed.refund_id and owed.refund_id == event.reference:
            if owed.status == INTENDED:
                owed.status = SENT
            return owed.refund_id
    return ""


def money_back(turn: Turn, payment_id: str, family: str = "", left_minor: int = 0, came_minor: int = 0) -> None:
    """What is owed under `family` (all families: empty) has come back, but for `left_minor`.

    By our refund, or by a reversal that makes our refund wrong. What came (`came_minor`) is of several refunds the one
    that it fits; what is left of an intent that has become wrong is for people: its key must not carry another amount.
    """
    mine = [
        owed
        for owed in turn.obligations.owed
        if owed.payment_id == payment_id and (not family or owed.family == family) and owed.status != BACK
    ]
    fits = [owed for owed in mine if left_minor and owed.amount_minor == came_minor and owed.status != OWED]
    if fits:
        mine, left_minor = [min(fits, key=lambda owed: (owed.status != SENT, owed.at_ms))], 0
    for owed in mine:
        if family in (DUPLICATE, *expectations.TOO_MUCH) and not left_minor and owed.status == SENT:
            owed.status = BACK  # the bank's or ours
        elif left_minor and owed.status == OWED:
            owed.amount_minor = min(owed.amount_minor, left_minor)
        elif not left_minor or owed.status == INTENDED:
            turn.obligations.owed.remove(owed)
            if owed.status == INTENDED:
                _cancel(turn, owed, PART_BACK if left_minor else MONEY_BACK)


def fee_back(turn: Turn, payment_id: str, came_minor: int, left_minor: int) -> None:
    """So much of what fees of this payment were too high is back: of several the one that it fits, else the oldest."""
    held = turn.obligations.owed
    mine = [owed for owed in held if (owed.payment_id, owed.family) == (payment_id, FEE)]
    fits = [owed for owed in mine if owed.amount_minor == came_minor]
    fits.sort(key=lambda owed: (owed.status == OWED, owed.status != SENT, owed.at_ms))
    for owed in fits[:1] or sorted(mine, key=lambda owed: owed.at_ms):
        if left_minor and came_minor <= 0:
            return
        part_minor = min(came_minor, owed.amount_minor)
        came_minor -= part_minor
        if left_minor and part_minor < owed.amount_minor and owed.status == OWED:
            owed.amount_minor -= part_minor
            return
        held.remove(owed)
        if owed.status == INTENDED:
            _cancel(turn, owed, PART_BACK if part_minor < owed.amount_minor else MONEY_BACK)


def charged_rightly(turn: Turn, payment_id: str, left_minor: int) -> bool:
    """What an order was charged too much turns out to be a fee, all but `left_minor`. False: it has left already."""
    mine = [each for each in turn.obligations.owed if (each.payment_id, each.family) == (payment_id, MISMATCH)]
    if any(each.status not in (OWED, INTENDED) for each in mine):
        return False
    for owed in mine:
        if owed.status == OWED and left_minor:
            owed.amount_minor = min(owed.amount_minor, left_minor)
        else:
            is_none(turn, owed)
    return True


def no_more_than(turn: Turn, case: Case, left_minor: int) -> None:
    """Of what is owed under a case so much may still go back once it is certain."""
    for owed in tuple(turn.obligations.owed):
        if (owed.payment_id, owed.family, owed.status) == (case.payment_id, case.family, OWED):
            owed.amount_minor = min(owed.amount_minor, left_minor)
            if not owed.amount_minor:
                turn.obligations.owed.remove(owed)


def is_disputed(turn: Turn, payment_id: str = "", refund_id: str = "") -> bool:
    """Whether people are finding out whose money some of the account's is. What is said to be undone is its own.

    That a promise is broken is no reason to keep back the refund that was promised (`refund_id`).
    """
    promised = (_BROKEN_PROMISE, payment_id, refund_id)
    return any(
        case.is_open and case.family in _DISPUTES and case.money_state != REVERSED
        for case in turn.obligations.cases
        if not refund_id or (case.family, case.payment_id, case.refund_id) != promised
    )


def stops_refunds(case: Case) -> bool:
    """Whether no refund of the account leaves by itself while people find out what this case is about."""
    return case.family in _DISPUTES or case.family == ABUSE


def is_none(turn: Turn, owed: Owed) -> bool:
    """What was to go back was charged rightly. False: it has left already."""
    if owed.status not in (OWED, INTENDED):
        return False
    turn.obligations.owed.remove(owed)
    if owed.status == INTENDED:
        _cancel(turn, owed, EXPLAINED)
    return True


def stays(turn: Turn, payment_id: str, left_minor: int) -> bool:
    """Debits that were too many are so no more, but for `left_minor`. False: a refund of them has left already.

    That one is what the customer has twice. What is left of an intent is for people: its key must not carry another
    amount.
    """
    has_left = False
    mine = [each for each in turn.obligations.owed if (each.payment_id, each.family) == (payment_id, DUPLICATE)]
    mine = [each for each in mine if each.status != BACK]
    for owed in sorted(mine, key=lambda each: each.status != SENT):  # what has left cannot be stopped
        if owed.amount_minor <= left_minor:
            left_minor -= owed.amount_minor
        elif owed.status == SENT:
            has_left = True
            _had_left(turn, owed)
        elif owed.status == OWED and left_minor:
            owed.amount_minor, left_minor = left_minor, 0
        else:
            is_none(turn, owed)
    return not has_left


def _had_left(turn: Turn, owed: Owed) -> None:
    """What it brings the customer has twice, unless a case says so already of what its order lacks."""
    text = f"refund {owed.refund_id} {_HAD_LEFT} the other payment was undone"
    order = orders.order_of(turn, owed.payment_id, owed.amount_minor, owed.currency)
    turn.obligations.owed.remove(owed)
    if order.lacking_minor > 0:
        _left_too(turn, owed.payment_id, owed.amount_minor, 0, owed.currency, text)
        return
    for case in turn.obligations.cases:
        if case.is_open and (case.family, case.payment_id) == (DOUBLE_BENEFIT, owed.payment_id):
            add_line(turn, case, Line(turn.at_ms, DOUBLE_BENEFIT, turn.cause, text))


def arrives_after_all(turn: Turn, event: LedgerPosted, payment_id: str) -> bool:
    """Whether a credit is of as much as a refund of ours whose money is back: the bank and we have both given it.

    Of a duplicate that is the whole price. What nobody names and comes much later is as good as always what was bought
    coming back.
    """
    alike = (payment_id, BACK, event.amount_minor, event.currency)
    since_ms = turn.at_ms - turn.policy.cases.dedupe_window_s * 1000
    for owed in turn.obligations.owed:
        if (owed.payment_id, owed.status, owed.amount_minor, owed.currency) != alike:
            continue
        if owed.family in expectations.TOO_MUCH or owed.refund_id == event.reference or owed.at_ms >= since_ms:
            turn.obligations.owed.remove(owed)
            return True
    return False


def was_merchants(turn: Turn, event: Refund) -> None:
    """A credit that seemed to be the bank's, beside our refund, is told of as a refund of the merchant's."""
    for case in turn.obligations.cases:
        if not case.is_open or (case.family, case.payment_id) != (DOUBLE_BENEFIT, event.payment_id):
            continue
        alike = (BOTH_GAVE, event.amount_minor, event.currency)
        if any((line.text, line.amount_minor, line.currency) == alike for line in case.lines):
            left_minor = (case.amount_minor or 0) - event.amount_minor
            line = Line(turn.at_ms, EXPLAINED, turn.cause, _OF_MERCHANT, event.amount_minor, event.currency)
            add_line(turn, case, line)
            if left_minor > 0:
                case.amount_minor = left_minor
                case.counters[BY_SUCCESS] = min(left_minor, case.counters.get(BY_SUCCESS, 0))
            else:
                case.money_state = "confirmed"
                set_status(turn, case, "resolved", EXPLAINED)
            return


def reversed_(turn: Turn, payment_id: str) -> None:
    """The payment's money is said to be on its way back: our refund would be the second one.

    What has not been intended stays owed, for people, should the ledger never tell of it.
    """
    for owed in tuple(turn.obligations.owed):
        if owed.payment_id == payment_id and owed.status not in (OWED, BACK):
            turn.obligations.owed.remove(owed)
            if owed.status == INTENDED:
                _cancel(turn, owed, MONEY_BACK)


def _guard(turn: Turn, owed: Owed, *, approved: bool, answered: bool) -> str | None:
    obligations, policy = turn.obligations, turn.policy.money
    limit = policy.auto_refund_minor.get(owed.currency)
    recent = [at_ms for at_ms in obligations.auto_refunds if at_ms > turn.at_ms - MONTH_MS]
    guards = (
        ("not_posted", not owed.entry),
        ("in_flight", owed.status != OWED or (not approved and _is_refunded_by_merchant(turn, owed))),
        (shared_ids.SHARED, not approved and shared_ids.is_shared(turn, owed.payment_id)),
        # The provider may give it back as well, now that it was told to cancel the payment.
        (CANCELLED_THERE, not approved and arrivals.knows(turn, CANCELLED_THERE, owed.payment_id)),
        (other_leg.REFUNDED, not approved and other_leg.is_refunded(turn, owed)),
        ("contradicted", not approved and _is_contradicted(turn, owed, answered=answered)),
        ("refunded_before", _key(owed.payment_id, _named(owed)) in obligations.refunded),
        (EARLY, not approved and turn.at_ms < owed.not_before_ms),
        ("reversed", not approved and _is_reversed(turn, owed.payment_id)),
        ("amount", not approved and (limit is None or together_minor(turn, owed.payment_id, owed.currency) > limit)),
        *_guards_of_account(turn, owed.payment_id, approved=approved),
        ("too_many", not approved and len(recent) >= policy.auto_refunds_per_30d),
    )
    return next((name for name, stops in guards if stops), None)


def together_minor(turn: Turn, payment_id: str, currency: str) -> int:
    """What refunds of ours give back of a payment in all, in `currency`: what waits, has left and is back already.

    A limit of what one may give back is one of this: several debits are no way around it, whenever and in whichever
    currency they come. Of an account the last `GAVE_MAX` refunds are known.
    """
    key, obligations = payment_key(payment_id), turn.obligations
    waiting = [each for each in obligations.owed if each.payment_id == payment_id and each.status == OWED]
    gave = [each for each in obligations.gave if each.payment == key]
    amounts = [(each.amount_minor, each.currency) for each in waiting]
    amounts += [(each.amount_minor, each.currency) for each in gave]
    return sum(turn.policy.to_home(minor, each, currency, turn.at_ms) or 0 for minor, each in amounts)


def guard_of_others(turn: Turn, payment_id: str, refund_id: str) -> str | None:
    """The guard that keeps a refund of the merchant's from being asked for again by itself, if one does."""
    guards = (
        (shared_ids.SHARED, shared_ids.is_shared(turn, payment_id)),
        ("reversed", _is_reversed(turn, payment_id)),
        *_guards_of_account(turn, payment_id, refund_id=refund_id, approved=False),
    )
    return next((name for name, stops in guards if stops), None)


def _guards_of_account(
    turn: Turn, payment_id: str, *, approved: bool, refund_id: str = ""
) -> tuple[tuple[str, bool], ...]:
    """What keeps any refund of the account back, whoever gives it."""
    obligations = turn.obligations
    return (
        ("frozen", any(lock.action == "freeze" for lock in obligations.locks)),
        ("dispute", is_disputed(turn, payment_id, refund_id)),
        ("handed_over", not approved and _is_with_people(turn, payment_id)),
        ("abuse", _is_abused(turn)),
        ("suspected_abuse", not approved and any(case.is_open and case.family == ABUSE for case in obligations.cases)),
    )


def _is_with_people(turn: Turn, payment_id: str) -> bool:
    """A case that only people see may be about the money of this payment."""
    return any(
        each.handed_over and (each.stops_refunds or (each.money is not None and each.money.payment_id == payment_id))
        for each in turn.obligations.ended
    )


def _is_abused(turn: Turn) -> bool:
    """A case of the account was found to be fraud, for as long as its topic remembers it, with room for it or not."""
    obligations = turn.obligations
    known = any(case.finding == FRAUD for case in obligations.cases)
    return known or 0 <= turn.at_ms - obligations.fraud_ms < CASES_DAYS * DAY_MS


def _is_refunded_by_merchant(turn: Turn, owed: Owed) -> bool:
    """A refund of the merchant's is on its way: of a payment that has failed since, it is this money."""
    return owed.family in FAILED and expectations.under_way_minor(turn, owed.payment_id, owed.currency) > 0


def _is_reversed(turn: Turn, payment_id: str) -> bool:
    state = turn.obligations.recall(payment_key(payment_id))
    return state is not None and state.status == PaymentState.REVERSED


def _is_contradicted(turn: Turn, owed: Owed, *, answered: bool) -> bool:
    """The payment was good and failed later: the word that the provider gave when it was asked once more decides.

    Of one whole debit that is still known. What of several was refunded under which key, people have to look up.
    """
    case = case_of(turn, owed)
    if case is None or CONTRADICTED not in case.counters:
        return False
    mine = _whole(turn, owed.payment_id, owed.amount_minor)
    return not (answered and mine is not None and mine.line == owed.line)


def _whole(turn: Turn, payment_id: str, amount_minor: int) -> Spent | None:
    """The one debit of a payment, if there is one only, of this amount, of which nothing is back."""
    key = payment_key(payment_id)
    mine = [each for each in turn.obligations.spent if each.payment == key and each.amount_minor >= 0]
    is_whole = [(each.amount_minor, each.back_minor) for each in mine] == [(amount_minor, 0)]
    return mine[0] if is_whole else None


def ask_people(turn: Turn, owed: Owed, guard: str) -> None:
    """An intent must not leave by itself any more: whether it is right is for people, whose case it has."""
    turn.obligations.owed.remove(owed)
    _cancel(turn, owed, guard)
    case = case_of(turn, owed)
    if case is None or not case.is_open:
        return
    add_line(turn, case, Line(turn.at_ms, "refund_withheld", turn.cause, f"for a person: {guard}"))
    tell_checked(turn, case, owed.amount_minor, owed.currency)


def tell_checked(turn: Turn, case: Case, amount_minor: int, currency: str) -> None:
    """Whoever waits for a refund hears that a person looks at it first, and by when."""
    about = {"amount": money(amount_minor, currency), "eta": instant(turn.answer_ms(case.priority))}
    notify(turn, "refund_checked", about, case)


def _cancel(turn: Turn, owed: Owed, cause: str) -> None:
    name = _key(owed.payment_id, owed.refund_id)
    turn.obligations.gave = [each for each in turn.obligations.gave if each.refund != name]
    if cause == MONEY_BACK:
        # If it has left all the same, that money may have been it.
        expectations.is_here(turn, owed.payment_id, owed.refund_id)
    turn.effects.append(
        RefundCancelled(
            occurred_at=turn.at,
            refund_id=owed.refund_id,
            account_id=turn.ctx.account_id,
            payment_id=owed.payment_id,
            cause=cause,
        )
    )
    case = case_of(turn, owed)
    if case is not None:
        add_line(turn, case, Line(turn.at_ms, CANCELLED, turn.cause, f"refund {owed.refund_id}: {cause}"))


def double_benefit(turn: Turn, owed: Owed, text: str, *, by_success: bool = False) -> None:
    """The payment is good and the money is back: accounting has to ask for one of them.

    `by_success`: nothing was given back twice, so that it is over should the payment have failed after all.
    """
    known_minor = by_success_minor(turn, owed.payment_id)
    for case in turn.obligations.cases:
        mine = (case.family, case.payment_id, case.currency) == (DOUBLE_BENEFIT, owed.payment_id, owed.currency)
        if mine and case.is_open:
            case.amount_minor = (case.amount_minor or 0) + owed.amount_minor  # it is about more money
        elif mine:
            case.counters.pop(BY_SUCCESS, None)  # what it was about is over
    open_or_join(
        turn,
        Draft(
            case_type=DOUBLE_BENEFIT,
            flow="F10",
            family=DOUBLE_BENEFIT,
            queue="accounting",
            priority=2,
            lines=(Line(turn.at_ms, "double_benefit", turn.cause, text, owed.amount_minor, owed.currency),),
            payment_id=owed.payment_id,
            by_payment=True,
            amount_minor=owed.amount_minor,
            currency=owed.currency,
            money_state="double_benefit",
            counters=((BY_SUCCESS, known_minor + owed.amount_minor),) if by_success else (),
        ),
    )


def case_of(turn: Turn, owed: Owed) -> Case | None:
    """The case that money is owed under, if the account still has it."""
    for case in turn.obligations.cases:
        if case.family == owed.family and case.payment_id == owed.payment_id:
            return case
    return None


def owed_on(turn: Turn, case: Case) -> list[Owed]:
    """What of a case waits to be given back."""
    return [
        each
        for each in turn.obligations.owed
        if each.payment_id == case.payment_id and each.family == case.family and each.status == OWED
    ]


def _refund_id(turn: Turn, owed: Owed) -> str:
    return ids.refund_id(turn.ctx.account_id, owed.payment_id, _named(owed))


def _named(owed: Owed) -> str:
    """What a refund is the refund of: the ledger's line, however often and under whatever event id it is told."""
    return str(owed.line) if owed.line else owed.entry


def _key(payment_id: str, named: str) -> int:
    raw = blake2b(f"{payment_id}\x1f{named}".encode(), digest_size=6).digest()
    return int.from_bytes(raw, "big")
