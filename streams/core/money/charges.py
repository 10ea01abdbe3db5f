"""Was the customer charged twice, or another amount than the order's (rules L4 and L5)? And whose debit is this line?

A ledger line belongs to the payment that it names; else to the payment of the same order; else to the one of the same
payee and amount within the window. The last debits of an account are remembered for as long as that takes, and so are
credits that came before the debit that they undo.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

import msgspec

from streams.contracts.accounts import LedgerPosted
from streams.contracts.payments import (
    BillpayPosted,
    BillpayRequested,
    Movement,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentRequested,
    PaymentSucceeded,
    PspStatus,
    Refund,
    WithdrawalCredited,
    WithdrawalRequested,
)
from streams.core.cases.book import Draft, add_line, open_or_join, set_status
from streams.core.cases.samples import sample
from streams.core.flows.movements import TRIES
from streams.core.messages.notify import notify
from streams.core.messages.render import instant, money
from streams.core.money import (
    arrivals,
    balance,
    corrections,
    expectations,
    fee_lines,
    orders,
    refunds,
    shared_ids,
    times,
)
from streams.core.money.asking import ask
from streams.core.money.completeness import postponed
from streams.core.obligations import (
    LATELY_BYTES,
    LATELY_KEPT,
    LATELY_MAX,
    SPENT_KEPT,
    SPENT_MAX,
    UNPRICED_MAX,
    Captured,
    Case,
    Expectation,
    Fee,
    Lately,
    Line,
    Owed,
    PaymentState,
    Spent,
    crowded,
    payment_key,
)
from streams.core.observations import MOVEMENTS, PAYMENT, TRANSFER
from streams.core.turn import Turn

BACK = expectations.BACK
CHARGE = "charge"  # the kind of an expectation: that the debits of a payment are what its order says
UNDERCHARGE = "undercharge"  # another one: that they come to its amount (`undercharges`)
ONE_TOO_MANY = "one_too_many"  # the same of a debit that was told late, and goes back once the ledger has caught up
ATTEMPT = "attempt"  # one more: that the bank gives back by itself what an attempt took that has failed
NEEDS = ("ledger.entries",)
LAGS_MS = 14_400_000  # a ledger that is further behind is not waited for
_SOURCES_MAX = 4  # of captures of one payment
_TRIED_AGAIN = "tried_again"
_NOT_COMPARED = "integration.debit_not_compared"
# Whose amount is what was taken. The provider's answer is not one of them: it may repeat what it was asked about.
CAPTURES = frozenset({PaymentCaptured, PaymentSucceeded})
TRANSFERS = frozenset(kind for kind, movement in MOVEMENTS.items() if movement == TRANSFER)
ASKED = frozenset({PaymentRequested, PaymentAuthorized})  # whose amount may be captured in parts
# Whose amount is what the ledger's debits should come to.
WHOLES = CAPTURES | ASKED | {WithdrawalRequested, BillpayRequested}
_REMEMBERED = WHOLES | TRANSFERS | {WithdrawalCredited, BillpayPosted}  # also where they name neither order nor payee
_NUMBER_BITS = 48  # of what is remembered of an order; above them is the kind of movement that it is one of
EARLY_MAX = 4  # credits that wait for their debit
BACK_MAX = 4  # debits that are wholly undone and still remembered, because money that comes once more is too much


class Returned(NamedTuple):
    """What a credit undid nothing with: it waits for its debit, and so much of it was back before."""

    early_minor: int
    twice_minor: int
    forgotten: bool  # no debit of its payment is remembered


def requested(turn: Turn, event: Movement) -> None:
    """Remembers what a payment is about, so that ledger lines can be joined to it and compared with it."""
    if isinstance(event, Refund):
        return  # its amount is not the payment's
    payee = payee_of(event)
    named = event.order_id is not None or payee is not None or event.order_amount_minor is not None
    if not named and type(event) not in _REMEMBERED:
        return
    policy = turn.policy.money
    about = Lately(
        event.payment_id,
        _order_of(event),
        hashed(payee),
        event.amount_minor,
        event.order_amount_minor,
        event.currency,
        turn.at_ms,
        event.mcc in policy.repeat_ok_mccs or event.merchant_id in policy.repeat_ok_merchants,
        how=times.how_of(event, is_transfer=type(event) in TRANSFERS),
    )
    known = about_of(turn, event.payment_id)
    if known is not None and known.currency == about.currency and (known.good_minor or type(event) in CAPTURES):
        _keep_amounts(about, known)
    lately = [*(each for each in turn.obligations.lately if each.payment_id != event.payment_id), about]
    while len(lately) > LATELY_KEPT and _is_compared(turn, lately[0]):
        lately.pop(0)
    while crowded(lately, LATELY_MAX, LATELY_BYTES):
        _unpriced(turn, lately.pop(0))
    turn.obligations.lately = lately
    told_more(turn, event)


def _keep_amounts(about: Lately, known: Lately) -> None:
    """What a payment costs is said by its captures and successes, whatever its request says behind them."""
    if about.order_minor is None:
        about.order_minor = known.order_minor
    elif about.order_minor == about.amount_minor > known.good_minor > 0:
        about.order_minor = None  # it was to be the whole order, and is not
    about.amount_minor, about.good_minor = known.amount_minor, known.good_minor
    about.asked_minor, about.captures = known.asked_minor, known.captures


def told_more(turn: Turn, event: Movement) -> None:
    """One more event of a payment that is remembered: does it say what was asked for, or what was taken?"""
    if type(event) in CAPTURES:
        _captured(turn, event)
    elif type(event) in ASKED:
        _asked(turn, event)


def tells_price(turn: Turn, event: Movement) -> bool:
    """Whether debits of a payment have been here, and this is the first event that may say what they should be.

    The provider's answer may have been here before, which says nothing about it.
    """
    if isinstance(event, PspStatus | Refund) or about_of(turn, event.payment_id) is not None:
        return False
    return any(
        each.amount_minor > 0 and not each.whole_minor for each in debits_of(turn, payment_key(event.payment_id))
    )


def names_more(turn: Turn, event: Movement) -> bool:
    """Whether the order or the payee of a payment is told only now: what was heard of it first named none.

    Of a request also where that left nothing to remember: it was a debit or a word of waiting, without names.
    """
    about = about_of(turn, event.payment_id)
    if about is None:
        return type(event) in TRIES
    if isinstance(event, PspStatus | Refund):
        return False
    payee = payee_of(event)
    return (event.order_id is not None and not about.order) or (payee is not None and not about.payee)


def named_late(turn: Turn, event: Movement) -> None:
    """A good payment's order and payee are known at last: is another good one of the same order debited as well?"""
    about = about_of(turn, event.payment_id)
    for mine in debits_of(turn, payment_key(event.payment_id)):
        if mine.amount_minor and not mine.fee and not refunds.was_intended(turn, event.payment_id, mine.line):
            _paid_twice(turn, turn.cause, event.payment_id, mine, about)
            return  # of several debits the others were compared with this one when they came


def _is_compared(turn: Turn, about: Lately) -> bool:
    """Its debit was here, or will hardly come any more."""
    key = payment_key(about.payment_id)
    state = turn.obligations.recall(key)
    is_debited = state is None or state.is_debited or bool(debits_of(turn, key))
    return is_debited or about.at_ms < turn.at_ms - LAGS_MS


def _unpriced(turn: Turn, about: Lately) -> None:
    if not _is_compared(turn, about):
        obligations = turn.obligations
        obligations.unpriced = [*obligations.unpriced, payment_key(about.payment_id)][-UNPRICED_MAX:]
        obligations.unpriced_ms = turn.at_ms


def _uncompared(turn: Turn, event: LedgerPosted, payment_id: str) -> None:
    """The first debit of a payment that so many others have followed that nobody knows its amount: people compare.

    One example per partition and week, because whoever pays so much at once does it all day.
    """
    turn.obligations.unpriced.remove(payment_key(payment_id))
    text = f"debit of {payment_id} not compared with its payment: too many newer ones were asked for before it came"
    line = Line(turn.at_ms, "ledger_debit", turn.cause, text[:160], event.amount_minor, event.currency)
    sample(turn, "ledger", _NOT_COMPARED, case_type=_NOT_COMPARED, flow="F11", line=line)


def _captured(turn: Turn, event: Movement) -> None:
    """What the payment turned out to be. Where that is more (a tip, a tank of petrol) its debits may be so too."""
    about = about_of(turn, event.payment_id)
    if about is None or about.currency != event.currency:
        return
    is_success, told_minor = type(event) is PaymentSucceeded, event.amount_minor
    if not is_success:
        _capture(turn, event, about)
    about.good_minor = told_minor
    if is_success or about.asked_minor:  # in whatever order captures and successes are heard
        told_minor = max(told_minor, _in_parts_minor(about))
    if told_minor < about.amount_minor and is_success:  # perhaps of a part, whose capture may be heard behind it
        about.asked_minor = about.asked_minor or about.amount_minor
        if about.order_minor == about.amount_minor:
            about.order_minor = None  # it was to be the whole order, and is not
        about.amount_minor = told_minor
        _check_later(turn, event.payment_id, about)
    elif told_minor < about.amount_minor:
        _captured_once(turn, event.payment_id, about)
    else:
        _costs(turn, event.payment_id, about, told_minor)


def _asked(turn: Turn, event: Movement) -> None:
    """How much was asked for is heard behind the success of a part of it: its other parts may follow."""
    about = about_of(turn, event.payment_id)
    if about is None or about.currency != event.currency or not about.good_minor:
        return
    if event.amount_minor <= max(about.amount_minor, about.asked_minor):
        return
    about.asked_minor = event.amount_minor
    for debit in debits_of(turn, payment_key(event.payment_id)):
        _price(debit, about)
    _costs(turn, event.payment_id, about, _in_parts_minor(about))


def _costs(turn: Turn, payment_id: str, about: Lately, told_minor: int) -> None:
    """It costs as much, if that is more than was known."""
    if told_minor <= about.amount_minor:
        return
    about.amount_minor = told_minor
    for debit in debits_of(turn, payment_key(payment_id)):
        _price(debit, about)
    if about.order_minor is not None:
        return
    for each in turn.obligations.expectations:
        if each.kind == CHARGE and each.payment_id == payment_id:
            each.amount_minor = told_minor
    look_again_now(turn, payment_id)


def _in_parts_minor(about: Lately) -> int:
    """What the captures of a payment come to, and no more than was asked for.

    Several sources may tell of the same captures, one of them none twice.
    """
    captured_minor = max((each.minor for each in about.captures), default=0)
    return min(captured_minor, about.asked_minor or about.amount_minor)


def _capture(turn: Turn, event: Movement, about: Lately) -> None:
    source, name = hashed(event.source) & 0xFFFF, hashed(event.event_id) & 0xFFFF_FFFF
    mine = next((each for each in about.captures if each.source == source), None)
    if mine is None:
        about.captures = [*about.captures, Captured(source, event.amount_minor, name)][:_SOURCES_MAX]
    elif mine.last != name:
        mine.minor, mine.last = mine.minor + event.amount_minor, name


def _captured_once(turn: Turn, payment_id: str, about: Lately) -> None:
    """Less was captured than was asked for: has the ledger debited that twice before anybody told of it?"""
    debits = [each for each in debits_of(turn, payment_key(payment_id)) if each.amount_minor and not each.fee]
    if _mismatch_case(turn, payment_id) is None and _limit_of(debits, about)[0] < _limit(about):
        _compare(turn, turn.cause, payment_id, debits[-1], about)


def joined(turn: Turn, event: LedgerPosted) -> str | None:
    """The payment that a ledger line belongs to."""
    if event.payment_id is not None:
        return event.payment_id
    lately = turn.obligations.lately
    order, payee = hashed(event.order_id), hashed(event.counterparty_id)
    if order:
        return next((each.payment_id for each in reversed(lately) if number_of(each.order) == order), None)
    window_ms = turn.policy.money.duplicate_window_s * 1000
    for each in reversed(lately):
        alike = each.payee == payee and each.amount_minor == event.amount_minor and each.currency == event.currency
        if payee and alike and abs(turn.at_ms - each.at_ms) <= window_ms:
            return each.payment_id
    return None


def debited(turn: Turn, event: LedgerPosted, payment_id: str) -> int:
    """A debit: is it the second of its kind, and is its amount that of the order? How much of it has to be explained.

    Nothing of one that credits have undone already, or that is certainly one too many: that one has a case. A late line
    is compared where its payment is known. `payment_id` is empty for a line that belongs to no payment so far.
    """
    about = about_of(turn, payment_id)
    mine = _spent(turn, event, payment_id, about)
    key = mine.payment
    fee_lines.claim(turn, mine)
    if about is None and not mine.fee and key in turn.obligations.unpriced:
        _uncompared(turn, event, payment_id)
    left_minor = _undone(turn, mine)
    if not left_minor:  # it is remembered as one that has come and is back
        mine.amount_minor, mine.back_minor = 0, event.amount_minor
        keep(turn, mine)
        _forget_undone(turn)
        return 0
    known = key and (not turn.late or turn.obligations.recall(key) is not None)
    certain = known and not mine.fee and _compare(turn, event.event_id, payment_id, mine, about)
    mine.amount_minor, mine.back_minor = left_minor, event.amount_minor - left_minor
    keep(turn, mine)
    if known:
        _check_later(turn, payment_id, about)
    return 0 if certain else left_minor


def confirmed(turn: Turn, event: Movement, known: PaymentState | None) -> None:
    """The payment is good now: is another good one of its order debited as well? `known` is what it was before.

    Not asked of a debit while its payment is open or has failed: an order that is paid at the second attempt is paid
    once, and what the first attempt took is rule L1's.
    """
    key = payment_key(event.payment_id)
    about = about_of(turn, event.payment_id)
    was_not_good = known is not None and known.status != PaymentState.SUCCEEDED
    if was_not_good and _mismatch_case(turn, event.payment_id) is None:
        _check_later(turn, event.payment_id, about)  # rule L1 may have followed all of it until now
    mine_of = [each for each in turn.obligations.spent if each.payment == key and each.amount_minor > 0]
    for mine in [each for each in mine_of if not each.fee]:
        entry = _entry_of(turn, event.payment_id, mine)
        if entry is None and was_not_good and known is not None and not known.grace_s:
            entry = turn.cause  # a bill or payout has rules of its own, so that no debit of it waits
        if entry is not None:
            _paid_twice(turn, entry, event.payment_id, mine, about)
            return  # of several debits the others were compared with this one when they came
    if was_not_good:
        _left_over(turn, event.payment_id, about)


def _left_over(turn: Turn, payment_id: str, about: Lately | None) -> None:
    """What still stands of a debit whose intent was cancelled because a part of it had come back: no refund is owed."""
    mine = paid(turn, payment_id)
    if mine is None:
        return
    key, duplicate = mine.payment, _duplicate_case(turn, payment_id)
    left_minor = sum(
        each.amount_minor
        for each in turn.obligations.spent
        if each.payment == key and each.amount_minor > 0 and each.currency == mine.currency and not each.fee
    )
    if duplicate is not None and duplicate.is_open and duplicate.currency == mine.currency:
        left_minor -= (duplicate.amount_minor or 0) - duplicate.counters.get(BACK, 0)
    if left_minor <= 0:
        return
    whole_minor, left_minor = mine.amount_minor + mine.back_minor, min(left_minor, mine.amount_minor)
    rest = msgspec.structs.replace(mine, amount_minor=left_minor, back_minor=whole_minor - left_minor)
    _paid_twice(turn, "", payment_id, rest, about)


def is_paid_otherwise(turn: Turn, payment_id: str) -> bool:
    """Whether another payment of the same order is good and debited: then this one's money is the customer's."""
    about = about_of(turn, payment_id)
    return about is not None and any(
        about.order == each.order and each.payment != payment_key(payment_id) and turn.obligations.is_good(each.payment)
        for each in turn.obligations.spent
        if each.order and each.amount_minor > 0 and not each.fee
    )


def is_order_paid(turn: Turn, payment_id: str) -> bool:
    """Whether other payments of the same order are good and come to what it costs: nobody has to pay it again."""
    about = about_of(turn, payment_id)
    if about is None or not about.order:
        return False
    others = [each for each in turn.obligations.lately if each.order == about.order and each.payment_id != payment_id]
    parts = [each.good_minor or each.amount_minor for each in others if _pays_for(turn, each, about)]
    return bool(parts) and sum(parts) >= _limit(about)


def _pays_for(turn: Turn, each: Lately, about: Lately) -> bool:
    """Whether a payment of the same order number is good, to the same payee, and is not back."""
    key = payment_key(each.payment_id)
    is_back = bool(debits_of(turn, key)) and paid(turn, each.payment_id) is None
    return (
        turn.obligations.is_good(key)
        and each.currency == about.currency
        and not _are_to_two(each, about)
        and not is_back
    )


def paid(turn: Turn, payment_id: str) -> Spent | None:
    """The debit of a payment that still stands, the largest of several; None if none does."""
    key = payment_key(payment_id)
    mine = [each for each in turn.obligations.spent if each.payment == key and each.amount_minor > 0]
    return max(mine, key=lambda each: each.amount_minor, default=None)


def debits_of(turn: Turn, key: int) -> list[Spent]:
    """Every remembered debit of the payment with this `payment_key`, also one that is undone."""
    return [each for each in turn.obligations.spent if each.payment == key and each.amount_minor >= 0]


def _entry_of(turn: Turn, payment_id: str, mine: Spent) -> str | None:
    """The event that told of a debit, as long as it waits for its payment or for its money."""
    waiting = [(debit.entry, debit.line) for debit in turn.obligations.debits if debit.payment_id == payment_id]
    owed = [
        (each.entry, each.line)
        for each in turn.obligations.owed
        if each.payment_id == payment_id and each.family in refunds.FAILED
    ]
    return next((entry for entry, line in (*waiting, *owed) if entry and (hashed(entry), line) == mine.name), None)


def is_fee(turn: Turn, event: LedgerPosted, payment_id: str) -> bool:
    """Whether a debit is a fee of its payment that was told before it."""
    return fee_lines.awaiting(turn, _spent(turn, event, payment_id, about_of(turn, payment_id))) is not None


def taken_again(turn: Turn, event: LedgerPosted, payment_id: str) -> None:
    """This debit is the one that a good payment has after all: the next one would be one too many.

    What of it makes up for more credits than there were debits is no charge.
    """
    mine = _spent(turn, event, payment_id, about_of(turn, payment_id))
    due_minor = balance.due_minor(turn, payment_id, event.currency)
    if due_minor is not None:
        lacking_minor = max(0, due_minor - balance.stands_minor(turn, payment_id, event.currency))
        mine.back_minor = max(0, mine.amount_minor - lacking_minor)
        mine.amount_minor -= mine.back_minor
    keep(turn, mine)


def claimed(turn: Turn, event: Movement) -> list[Spent]:
    """Lines that named no payment and turn out to be this one's. To be asked after `requested`."""
    about, window_ms = about_of(turn, event.payment_id), turn.policy.money.duplicate_window_s * 1000
    if about is None:
        return []
    named = debits_of(turn, payment_key(event.payment_id))
    for each in named:  # they came before anybody said what they may be, and which order and payee they are of
        _price(each, about)
        each.order, each.payee = about.order or each.order, each.payee or about.payee
    mine = [
        each
        for each in turn.obligations.spent
        if not each.payment
        and (
            number_of(each.order) == number_of(about.order)
            if each.order and about.order
            else each.payee == about.payee
            and (each.amount_minor, each.currency) == (about.amount_minor, about.currency)
            and abs(each.at_ms - about.at_ms) <= window_ms
        )
    ]
    waiting = {(hashed(debit.entry), debit.line): debit for debit in turn.obligations.debits}
    for each in mine:
        each.payment, each.order = payment_key(event.payment_id), about.order or each.order
        _price(each, about)
        fee_lines.claim(turn, each)
        if each.name in waiting and not each.fee:
            debit = waiting[each.name]
            if _compare(turn, debit.entry, event.payment_id, each, about):
                turn.obligations.debits.remove(debit)
    if mine or named:
        _check_later(turn, event.payment_id, about)
    return mine


def credited(turn: Turn, event: LedgerPosted, payment_id: str) -> Returned:
    """Money came back: the newest debit of that amount did not happen, else so much of the newest ones.

    What is here before its debit waits for it; the four newest credits do.
    """
    key, obligations = payment_key(payment_id), turn.obligations
    known = [each for each in obligations.spent if each.payment == key and each.amount_minor >= 0]
    back_minor = sum(each.back_minor for each in known if each.currency == event.currency)
    mine = [each for each in known if each.amount_minor]
    exact = [each for each in mine if (each.amount_minor, each.currency) == (event.amount_minor, event.currency)]
    left_minor = event.amount_minor
    newest = [each for each in reversed(mine) if each.currency == event.currency]
    newest.sort(key=lambda each: each.fee)  # a refund is of the price before it is of a fee
    excess = [each for each in newest if each.fee and fee_lines.excess_of(turn, each) == event.amount_minor]
    for each in exact[-1:] or [*excess, *(each for each in newest if each not in excess)]:
        taken = min(left_minor, each.amount_minor)
        left_minor -= taken
        each.amount_minor -= taken
        each.back_minor += taken
    _forget_undone(turn)
    if left_minor and (left_minor < event.amount_minor or not mine):
        was_ahead(turn, event, key, left_minor)
    if not known and obligations.is_undone(key):
        back_minor = left_minor  # its debits have made room for others, and all of them were back
    return Returned(left_minor, min(left_minor, back_minor), not known)


def credited_ahead(turn: Turn, event: LedgerPosted) -> None:
    """A credit that names an order of which nobody has told yet: its payment or top-up claims it."""
    if event.order_id is not None and event.counterparty_id is None and not turn.late:
        entry, order = hashed(event.event_id), hashed(event.order_id)
        row = Spent(0, entry, order, 0, -event.amount_minor, event.currency, turn.at_ms, line=line_of(event))
        _keep_early(turn, row)


def was_ahead(turn: Turn, event: LedgerPosted, key: int, minor: int) -> None:
    """So much of a payment's money was back before the debit that is still to be counted: more than all until now."""
    _keep_early(turn, Spent(key, hashed(event.event_id), 0, 0, -minor, event.currency, turn.at_ms))


def _keep_early(turn: Turn, row: Spent) -> None:
    obligations = turn.obligations
    early = [each for each in obligations.spent if each.amount_minor < 0 and not each.refund]
    gone = early[: len(early) - EARLY_MAX + 1] if len(early) >= EARLY_MAX else []
    obligations.spent = [each for each in obligations.spent if each not in gone]
    keep(turn, row)


def _forget_undone(turn: Turn) -> None:
    undone = [each for each in turn.obligations.spent if each.amount_minor == 0]
    turn.obligations.spent = [each for each in turn.obligations.spent if each not in undone[:-BACK_MAX]]
    for each in undone[:-BACK_MAX]:
        _forgotten(turn, each)


def _forgotten(turn: Turn, row: Spent) -> None:
    """A debit has made room. Of a payment of which nothing stands that much is remembered longer."""
    if not row.amount_minor and not any(each.amount_minor for each in debits_of(turn, row.payment)):
        turn.obligations.undo(row.payment)


def early_minor(turn: Turn, payment_id: str, currency: str) -> int:
    """What has come back of a payment and waits for a debit that it could undo."""
    key = payment_key(payment_id)
    early = [each for each in turn.obligations.spent if each.payment == key and each.amount_minor < 0]
    return -sum(each.amount_minor for each in early if each.currency == currency and not each.refund)


def not_early(turn: Turn, payment_id: str) -> None:
    """Credits of the payment that wait for a debit do so no more: they were one too many."""
    key = payment_key(payment_id)
    turn.obligations.spent = [
        each for each in turn.obligations.spent if each.payment != key or each.amount_minor >= 0 or each.refund
    ]


def due(turn: Turn, waiting: Expectation) -> None:
    """A minute after a debit: are the debits of the payment together what the order says?"""
    if postponed(turn, waiting, NEEDS):
        return
    turn.obligations.expectations.remove(waiting)
    key = payment_key(waiting.payment_id)
    state = turn.obligations.recall(key)
    if state is not None and state.status in (PaymentState.FAILED, PaymentState.REVERSED):
        return  # nothing of it is right: all of it is rule L1's, unless the payment succeeds after all
    excess = _excess(turn, waiting.payment_id, waiting.amount_minor, waiting.currency)
    known = _mismatch_case(turn, waiting.payment_id)
    if excess is None or _awaits_attempt(turn, waiting.payment_id):
        return  # no rate: nobody can say; or what seems too much may still come back, and is compared then
    asked_minor = 0
    if known is not None and known.currency == waiting.currency:
        asked_minor = balance.missing_minor(known)
        if excess <= asked_minor:
            _corrected(turn, known, excess)
            return
    if not excess or balance.asked_minor(turn, waiting.payment_id, waiting.currency, refunds.DOUBLE_BENEFIT):
        return  # what the customer has twice is reckoned without what was too much
    if asked_minor and known is not None:
        known.amount_minor = (known.amount_minor or 0) + excess - asked_minor  # it is about one more debit
    total = waiting.amount_minor + excess
    about = about_of(turn, waiting.payment_id)
    told_minor = {each.order_minor for each in debits_of(turn, key)} if about is None else {about.order_minor}
    ordered = waiting.amount_minor in told_minor
    what = "an order" if ordered else "a payment"
    text = f"charged {money(total, waiting.currency)} for {what} of {money(waiting.amount_minor, waiting.currency)}"
    for each in turn.obligations.cases:
        if (each.family, each.payment_id) == (refunds.MISMATCH, waiting.payment_id) and not each.is_open:
            each.counters.pop(BACK, None)
    case = open_or_join(
        turn,
        Draft(
            case_type="amount_mismatch",
            flow="F11",
            family=refunds.MISMATCH,
            queue="accounting",
            priority=2,
            lines=(Line(turn.at_ms, "amount_mismatch", waiting.entry, text[:160], excess, waiting.currency),),
            payment_id=waiting.payment_id,
            by_payment=True,
            amount_minor=excess,
            currency=waiting.currency,
            money_state="moved",
        ),
    )
    if not ordered:
        return  # perhaps a tip that nobody has told of: people look first
    more_minor = excess - asked_minor
    owed = Owed(waiting.payment_id, waiting.entry, more_minor, waiting.currency, turn.at_ms, refunds.MISMATCH)
    # Of the debit that went above it: told again after it was forgotten, it would be given back twice.
    last = [each for each in debits_of(turn, key) if not each.fee][-1]
    owed.line = hashed(f"{refunds.MISMATCH} {last.line}")
    refunds.owe(turn, owed)
    told = {
        "order_amount": money(waiting.amount_minor, waiting.currency),
        "amount": money(total, waiting.currency),
        "difference": money(more_minor, waiting.currency),
        "case_id": case.case_id,
    }
    notify(turn, "amount_mismatch", told, case)
    ask(turn, case, waiting.payment_id, waiting.entry, total, waiting.currency)


def given_up(turn: Turn, payment_id: str, currency: str) -> int:
    """The whole debit is followed, because its payment is not good: no case needs to say that it was too much.

    How much of it is on its way back as that already.
    """
    case = _mismatch_case(turn, payment_id)
    if case is None:
        return 0
    mine = [each for each in turn.obligations.owed if (each.payment_id, each.family) == (payment_id, refunds.MISMATCH)]
    leaving_minor = sum(each.amount_minor for each in mine if each.status != refunds.OWED and each.currency == currency)
    if leaving_minor or case.currency != currency:
        return leaving_minor
    turn.obligations.owed = [each for each in turn.obligations.owed if each not in mine]
    add_line(turn, case, Line(turn.at_ms, "payment_failed", turn.cause, "its whole debit is followed as not confirmed"))
    set_status(turn, case, "resolved", "not_confirmed")
    return 0


def undone(turn: Turn, payment_id: str) -> None:
    """Nothing stands of a payment's debits any more: nothing of them was too much, and nothing more goes back."""
    case = _mismatch_case(turn, payment_id)
    if case is None or paid(turn, payment_id) is not None or not debits_of(turn, payment_key(payment_id)):
        return
    refunds.money_back(turn, payment_id, refunds.MISMATCH)
    case.money_state = "returned"
    set_status(turn, case, "resolved", "charge_undone")


def _mismatch_case(turn: Turn, payment_id: str) -> Case | None:
    for case in turn.obligations.cases:
        if case.is_open and (case.family, case.payment_id) == (refunds.MISMATCH, payment_id):
            return case
    return None


def look_again(turn: Turn, payment_id: str) -> None:
    """Something was told that may explain what an open case says was too much: a minute later it is compared again."""
    if _mismatch_case(turn, payment_id) is not None:
        _await(turn, payment_id, *_limit_of(debits_of(turn, payment_key(payment_id)), about_of(turn, payment_id)))


def look_once_more(turn: Turn, payment_id: str) -> None:
    """What seemed to be no more than the price may be more after all: a refund was told of, or has failed.

    Not where people have looked at it before.
    """
    cases = turn.obligations.cases
    if any((each.family, each.payment_id) == (refunds.MISMATCH, payment_id) for each in cases):
        return
    about = about_of(turn, payment_id)
    if about is not None or debits_of(turn, payment_key(payment_id)):
        _check_later(turn, payment_id, about)


def look_again_now(turn: Turn, payment_id: str) -> bool:
    """Compares again what an open case says was too much. False: its refund has left already."""
    case = _mismatch_case(turn, payment_id)
    debits = debits_of(turn, payment_key(payment_id))
    if case is None or not debits:
        return True
    limit_minor, currency = _limit_of(debits, about_of(turn, payment_id))
    excess = _excess(turn, payment_id, limit_minor, currency) if limit_minor else None
    return excess is None or case.currency != currency or _corrected(turn, case, excess)


def still_inside_minor(turn: Turn, payment_id: str, fee: Fee) -> int:
    """How much of what is above a fee's tariff still stands within its payment's debits.

    As far as that is known, and nothing has gone back as charged too much, all of it.
    """
    price = balance.price_of(turn, payment_id, fee.currency)
    mine = [owed for owed in turn.obligations.owed if (owed.payment_id, owed.family) == (payment_id, refunds.MISMATCH)]
    leaving_minor = sum(owed.amount_minor for owed in mine if owed.status in (refunds.INTENDED, refunds.SENT))
    known = [each for each in debits_of(turn, fee.payment) if each.currency == fee.currency and not each.fee]
    if known and not any(each.amount_minor for each in known):
        return 0  # it went back with all the rest
    parts = [each for each in debits_of(turn, fee.payment) if each.amount_minor and each.currency == fee.currency]
    by_merchant = balance.by_merchant_minor(turn, payment_id, fee.currency)
    gone_minor = leaving_minor + max(0, sum(each.back_minor for each in parts if not each.fee) - by_merchant)
    if price is None or not gone_minor:
        return fee.above_minor
    over_minor = balance.over_minor(turn, payment_id, price, fee.currency, with_fees=True) or 0
    allowed_minor = fee.amount_minor - fee.above_minor
    stands_minor = max(over_minor - leaving_minor - allowed_minor, fee.above_minor - gone_minor)
    return max(0, min(fee.above_minor, stands_minor))


def _corrected(turn: Turn, case: Case, excess: int) -> bool:
    """No more than `excess` of a case was too much and is still to come back. False: its refund has left already."""
    if excess >= balance.missing_minor(case):
        return True
    if not refunds.charged_rightly(turn, case.payment_id, excess):
        return False
    case.amount_minor = case.counters.get(BACK, 0) + excess
    text = "charged rightly after all" if not excess else "less than this was too much"
    add_line(turn, case, Line(turn.at_ms, "charge_explained", turn.cause, text, excess, case.currency))
    if not excess:
        soon = turn.at_ms <= case.opened_ms + turn.policy.lateness_s * 1000
        set_status(turn, case, "withdrawn" if soon else "resolved", "charge_explained")
    return True


def _excess(turn: Turn, payment_id: str, limit_minor: int, currency: str) -> int | None:
    """How much of a payment's debits is too much beside what goes back as a duplicate; None without a rate.

    0 where it is no more than rates differ.
    """
    excess = balance.over_minor(turn, payment_id, limit_minor, currency)
    if excess is not None:
        excess -= balance.asked_worth(turn, payment_id, currency, refunds.DUPLICATE)
    mine = debits_of(turn, payment_key(payment_id))
    foreign = any(each.currency != currency for each in mine if not each.fee)
    tolerance = int(limit_minor * turn.policy.money.fx_tolerance) if foreign else 0
    return excess if excess is None or excess > tolerance else 0


def explained(turn: Turn, payment_id: str, debit: Spent) -> bool:
    """A debit that was compared with the price of its payment is a fee: what was wrong about it is so no more.

    False: it is on its way back as a whole.
    """
    whole_minor = debit.amount_minor + debit.back_minor
    text = "a fee of its payment, no part of its price"
    line = Line(turn.at_ms, "fee_booked", turn.cause, text, whole_minor, debit.currency)
    case = _mismatch_case(turn, payment_id)
    if case is not None:
        missing_minor = balance.missing_minor(case)
        if not look_again_now(turn, payment_id):
            return False
        if balance.missing_minor(case) < missing_minor:
            add_line(turn, case, line)
    case = _duplicate_case(turn, payment_id)
    if case is None or not case.is_open or case.currency != debit.currency:
        return True
    mine = [each for each in turn.obligations.owed if (each.payment_id, each.family) == (payment_id, refunds.DUPLICATE)]
    owed = next((each for each in mine if each.line == debit.line), None)
    if owed is None and (mine or case.amount_minor != whole_minor):
        return True  # the case is about another debit
    if owed is not None and not refunds.is_none(turn, owed):
        return False
    case.amount_minor = max(case.counters.get(BACK, 0), (case.amount_minor or 0) - whole_minor)
    add_line(turn, case, line)
    if not balance.missing_minor(case):
        soon = turn.at_ms <= case.opened_ms + turn.policy.lateness_s * 1000
        set_status(turn, case, "withdrawn" if soon else "resolved", "charge_explained")
    return True


def amount_of(turn: Turn, payment_id: str | None) -> int | None:
    """The amount of a movement that is one of the last or still waited for."""
    if payment_id is None:
        return None
    about = about_of(turn, payment_id)
    if about is not None:
        return about.amount_minor
    promised = (
        each
        for each in turn.obligations.expectations
        if each.payment_id == payment_id and each.kind in expectations.PROMISES
    )
    return next((each.amount_minor for each in promised), None)


def hashed(reference: str | None) -> int:
    """48 bits of a reference; 0 for none."""
    if reference is None:
        return 0
    return int.from_bytes(blake2b(reference.encode(), digest_size=6).digest(), "big") or 1


def payee_of(event: Movement) -> str | None:
    """Who is paid, of a bill its biller."""
    return event.counterparty_id or event.merchant_id or (event.biller_id if type(event) is BillpayRequested else None)


def _order_of(event: Movement) -> int:
    """Which order a movement is of. No payment shares one with a payout, bill, top-up or transfer of the same number.

    Of a payment just the number, as a line of the ledger has it that names no movement.
    """
    number, kind = hashed(event.order_id), MOVEMENTS.get(type(event), PAYMENT)
    return number if not number or kind == PAYMENT else kind << _NUMBER_BITS | number


def number_of(order: int) -> int:
    """The number of an order without the kind of movement that it is one of."""
    return order & (1 << _NUMBER_BITS) - 1


def about_of(turn: Turn, payment_id: str) -> Lately | None:
    """What is remembered of the payment, if it is one of the last."""
    return next((each for each in turn.obligations.lately if each.payment_id == payment_id), None)


def _spent(turn: Turn, event: LedgerPosted, payment_id: str, about: Lately | None) -> Spent:
    order = (about.order if about is not None else 0) or hashed(event.order_id)
    payee = hashed(event.counterparty_id) or (about.payee if about is not None else 0)
    key = payment_key(payment_id) if payment_id else 0
    entry, line = hashed(event.event_id), line_of(event)
    mine = Spent(key, entry, order, payee, event.amount_minor, event.currency, turn.at_ms, line=line)
    if about is not None:
        _price(mine, about)
    return mine


def keep(turn: Turn, row: Spent) -> None:
    """Remembers a debit. The oldest makes room, and in a burst none that may have a duplicate yet."""
    spent = [*turn.obligations.spent, row]
    since_ms = turn.at_ms - turn.policy.money.duplicate_window_s * 1000
    gone: list[Spent] = []
    while len(spent) > SPENT_MAX or (len(spent) > SPENT_KEPT and spent[0].at_ms < since_ms):
        gone.append(spent.pop(0))
    turn.obligations.spent = spent
    for each in gone:
        _forgotten(turn, each)
    if row.payment and row.amount_minor > 0:
        turn.obligations.debit_again(row.payment)
    if row.payment and row.amount_minor >= 0:
        corrections.debited(turn, row)


def _price(mine: Spent, about: Lately) -> None:
    """Keeps with a debit what it may be, because its payment is forgotten earlier."""
    if mine.currency == about.currency:
        mine.whole_minor, mine.order_minor = max(_limit(about), about.asked_minor), about.order_minor or 0


def _limit(about: Lately) -> int:
    """What the debits of a payment may come to: the amount of its order, else its own."""
    return about.amount_minor if about.order_minor is None else about.order_minor


def line_of(event: LedgerPosted) -> int:
    """48 bits of what tells this line of the ledger from all others, whichever event told of it.

    An entry may have several lines, and the entries of two ledgers may have one number.
    """
    about = f"{event.direction} {event.amount_minor} {event.payment_id} {event.order_id}"
    return hashed(f"{event.source} {event.entry_id} {about}")


def is_known(turn: Turn, line: int) -> bool:
    """Whether this line is one of the remembered debits."""
    obligations = turn.obligations
    return any(each.line == line for each in obligations.spent) or any(each.line == line for each in obligations.debits)


def _undone(turn: Turn, mine: Spent) -> int:
    """How much of a debit is left after credits of its payment that were here first. One from before it is not its."""
    if not mine.payment:
        return mine.amount_minor
    since_ms, left_minor = mine.at_ms - turn.policy.lateness_s * 1000, mine.amount_minor
    for each in tuple(turn.obligations.spent):
        fits = each.payment == mine.payment and each.currency == mine.currency and each.at_ms >= since_ms
        if fits and not each.refund and each.amount_minor < 0 < left_minor:
            taken = min(left_minor, -each.amount_minor)
            left_minor -= taken
            each.amount_minor += taken
            if not each.amount_minor:
                turn.obligations.spent.remove(each)
    return left_minor


def _compare(turn: Turn, entry: str, payment_id: str, mine: Spent, about: Lately | None) -> bool:
    """Opens the case of a duplicate. True: it is certainly one."""
    return _is_second(turn, entry, payment_id, mine, about) or _paid_twice(turn, entry, payment_id, mine, about)


def _is_second(turn: Turn, entry: str, payment_id: str, mine: Spent, about: Lately | None) -> bool:
    """The same of a debit that is one too many beside others of its own payment."""
    others = [each for each in turn.obligations.spent if each.payment == mine.payment and _stands(each, mine)]
    # Equal parts of a payment are no twins; where they are a little too much together, the check of their sum says so.
    limit = _limit_of([*others, mine], about, more_to_come=True)
    twin = any(_is_twin(turn, each, mine) for each in others)
    is_second = twin and _too_much(turn, mine, others, *limit) == mine.amount_minor
    if not is_second or _may_come_back(turn, entry, payment_id, [*others, mine]):
        return False
    _duplicate(turn, entry, payment_id, mine, mine.amount_minor, certain=True)
    return True


def tried_again(turn: Turn, event: Movement) -> None:
    """A payment that has failed is asked for once more under its id: what it took so far is the failed attempt's."""
    arrivals.note(turn, _TRIED_AGAIN, event.payment_id)


def _may_come_back(turn: Turn, entry: str, payment_id: str, debits: list[Spent]) -> bool:
    """Whether the first of these debits is a failed attempt's in its grace: then they are compared when that is over.

    Another attempt under another id would wait for it as well, by rule L1.
    """
    state = turn.obligations.recall(payment_key(payment_id))
    if state is None or not arrivals.knows(turn, _TRIED_AGAIN, payment_id):
        return False
    until_ms = min(each.at_ms for each in debits) + state.grace_s * 1000
    if until_ms <= max(turn.at_ms, turn.ctx.clock_ms):
        return False
    if _awaits_attempt(turn, payment_id):
        return True
    money_of = (debits[-1].amount_minor, debits[-1].currency)
    return turn.obligations.expect(
        Expectation(ATTEMPT, "", payment_id, entry, turn.at_ms, until_ms, until_ms, *money_of)
    )


def _awaits_attempt(turn: Turn, payment_id: str) -> bool:
    return any((each.kind, each.payment_id) == (ATTEMPT, payment_id) for each in turn.obligations.expectations)


def attempt_due(turn: Turn, waiting: Expectation) -> None:
    """The grace of a failed attempt is over: has the bank given it back, or was a good payment debited twice?

    Of one that is not good every debit is rule L1's.
    """
    if postponed(turn, waiting, NEEDS):
        return
    turn.obligations.expectations.remove(waiting)
    key, about = payment_key(waiting.payment_id), about_of(turn, waiting.payment_id)
    standing = [each for each in debits_of(turn, key) if each.amount_minor and not each.fee]
    if standing and turn.obligations.is_good(key):
        _is_second(turn, waiting.entry, waiting.payment_id, standing[-1], about)
        _check_later(turn, waiting.payment_id, about)


def _paid_twice(turn: Turn, entry: str, payment_id: str, mine: Spent, about: Lately | None) -> bool:
    """The same by another payment. True: it is certain."""
    excess_minor, certain = _beside_others(turn, mine, about)
    if excess_minor:
        _duplicate(turn, entry, payment_id, mine, excess_minor, certain=certain)
    return certain


def _beside_others(turn: Turn, mine: Spent, about: Lately | None) -> tuple[int, bool]:
    """How much of a debit is one too many beside those of other payments, and whether that is certain.

    Of two that are good only, so it is asked of a debit, of a success, and when one of them is good no more.
    """
    if not turn.obligations.is_good(mine.payment):
        return 0, False
    standing = [each for each in turn.obligations.spent if each.payment and _stands(each, mine)]
    others = [each for each in standing if each.payment != mine.payment and turn.obligations.is_good(each.payment)]
    others = [each for each in others if not balance.pays_nothing(turn, each.payment)]
    same_order = [each for each in others if mine.order and each.order == mine.order]
    same_order = [each for each in same_order if not _is_to_another(turn, each, about)]
    if same_order:
        ordered = about is not None and about.order_minor is not None
        currency = about.currency if about is not None and ordered else mine.currency
        limit_minor = (about.order_minor or 0) if about is not None and ordered else _order_minor(mine, same_order)
        if not limit_minor:  # an order of unknown amount may be paid in parts, but not in two equal ones
            same_order = [each for each in same_order if _is_twin(turn, each, mine)]
        parts = [each for each in standing if each.payment == mine.payment]
        excess_minor = _too_much(turn, mine, [*parts, *same_order], limit_minor, currency) if same_order else 0
        return excess_minor, excess_minor > 0
    window_ms = turn.policy.money.duplicate_window_s * 1000
    repeats = about is not None and about.repeat_ok
    near = [each for each in others if abs(mine.at_ms - each.at_ms) <= window_ms and _is_alike(each, mine)]
    near = [each for each in near if not _are_of_two_orders(each, mine)]
    alike = any(mine.payee and each.payee == mine.payee for each in near) and not repeats
    return (mine.amount_minor if alike else 0), False


def _are_of_two_orders(each: Spent, mine: Spent) -> bool:
    """Whether two debits pay for an order each, and no more than it costs: nothing about them is doubtful."""
    known = all(0 < one.amount_minor + one.back_minor <= one.order_minor for one in (each, mine))
    return known and bool(each.order and mine.order) and each.order != mine.order


def _is_to_another(turn: Turn, each: Spent, about: Lately | None) -> bool:
    """Whether the payment of a debit is to another merchant or payee: they number their orders each for themselves."""
    other = next((known for known in turn.obligations.lately if payment_key(known.payment_id) == each.payment), None)
    return about is not None and other is not None and _are_to_two(about, other)


def _are_to_two(one: Lately, other: Lately) -> bool:
    return bool(one.payee and other.payee) and one.payee != other.payee


def good_no_more(turn: Turn, payment_id: str) -> None:
    """A payment that was good has failed or was reversed: what was one too many beside it may be the one that stays."""
    gone = payment_key(payment_id)
    for case in tuple(turn.obligations.cases):
        if case.family != refunds.DUPLICATE or not case.is_open or case.payment_id == payment_id:
            continue
        key = payment_key(case.payment_id)
        lines = [each for each in debits_of(turn, key) if not each.fee]
        beside = [each for each in debits_of(turn, gone) if any(_may_be_one(each, mine) for mine in lines)]
        standing = [each for each in lines if each.amount_minor]
        if not beside or not standing or not turn.obligations.is_good(key):
            continue  # it is about another payment, or all of it goes back whatever becomes of others
        if len(standing) == 1:
            excess_minor, _ = _beside_others(turn, standing[0], about_of(turn, case.payment_id))
        elif standing[0].order:
            whole_minor = standing[0].amount_minor + standing[0].back_minor
            excess_minor = orders.excess_minor(turn, case.payment_id, whole_minor, standing[0].currency)
        else:
            continue  # it is about a debit of its own as well
        if excess_minor < balance.missing_minor(case):
            _stays(turn, case, standing[0], excess_minor)


def _may_be_one(each: Spent, mine: Spent) -> bool:
    return bool((each.order and each.order == mine.order) or (each.payee and each.payee == mine.payee))


def beside(turn: Turn, payment_id: str) -> set[int]:
    """The other payments (`payment_key`) of the order of one that was debited."""
    key, about = payment_key(payment_id), about_of(turn, payment_id)
    orders = {each.order for each in turn.obligations.spent if each.payment == key} - {0}
    others = [each for each in turn.obligations.spent if each.order in orders and not each.fee]
    return {each.payment for each in others if not _is_to_another(turn, each, about)} - {0, key}


def _stays(turn: Turn, case: Case, mine: Spent, excess_minor: int) -> None:
    """No more than `excess_minor` of a debit is one too many any more."""
    told_minor = balance.missing_minor(case)
    stays = refunds.stays(turn, case.payment_id, excess_minor)
    case.amount_minor = case.counters.get(BACK, 0) + excess_minor
    text = "the other payment is good no more"
    add_line(turn, case, Line(turn.at_ms, "charge_explained", turn.cause, text, excess_minor, case.currency))
    if excess_minor:
        return
    set_status(turn, case, "resolved", "charge_explained")
    about = {"amount": money(told_minor, mine.currency), "time": instant(mine.at_ms), "case_id": case.case_id}
    if stays:
        notify(turn, "duplicate_charge.stays", about, case)


def _order_minor(mine: Spent, others: list[Spent]) -> int:
    """The amount of their order as their payments have told it; 0: none has, or in another currency."""
    return max(each.order_minor for each in (*others, mine) if each.currency == mine.currency)


def _stands(each: Spent, mine: Spent) -> bool:
    """Another debit that is not undone."""
    return each.amount_minor > 0 and each.name != mine.name and not each.fee


def _is_alike(each: Spent, mine: Spent) -> bool:
    return (each.amount_minor + each.back_minor, each.currency) == (mine.amount_minor + mine.back_minor, mine.currency)


def _is_twin(turn: Turn, each: Spent, mine: Spent) -> bool:
    """The same amount, also in another currency."""
    if each.currency == mine.currency:
        return _is_alike(each, mine)
    minor = turn.policy.to_home(each.amount_minor + each.back_minor, each.currency, mine.currency, turn.at_ms)
    whole_minor = mine.amount_minor + mine.back_minor
    return minor is not None and abs(minor - whole_minor) <= whole_minor * turn.policy.money.fx_tolerance


def _too_much(turn: Turn, mine: Spent, others: list[Spent], limit_minor: int, currency: str) -> int:
    """How much of this debit is above the limit, in its own currency: all of it, a part, nothing.

    All of it without a limit (0). A twin counts in full, also where a part of it is back.
    """
    if not limit_minor:
        return mine.amount_minor
    total = 0
    for each in (*others, mine):
        minor = each.amount_minor + (each.back_minor if _is_alike(each, mine) else 0)
        worth = turn.policy.to_home(minor, each.currency, currency, turn.at_ms)
        if worth is None:
            return 0  # no rate: nobody can say
        total += worth
    foreign = any(each.currency != currency for each in (*others, mine))
    tolerance = int(limit_minor * turn.policy.money.fx_tolerance) if foreign else 0
    excess_minor = turn.policy.to_home(total - limit_minor, currency, mine.currency, turn.at_ms)
    if excess_minor is None or total - limit_minor <= tolerance:
        return 0
    near = int(mine.amount_minor * turn.policy.money.fx_tolerance) if foreign else 0
    return mine.amount_minor if excess_minor >= mine.amount_minor - near else excess_minor


def _duplicate(turn: Turn, entry: str, payment_id: str, mine: Spent, amount_minor: int, *, certain: bool) -> None:
    """The later debit, or so much of it, is too much. What is certain goes back by itself, the rest is a question."""
    late = turn.late
    with turn.as_heard():
        _one_too_many(turn, entry, payment_id, mine, amount_minor, certain=certain, late=late)


def _one_too_many(
    turn: Turn, entry: str, payment_id: str, mine: Spent, amount_minor: int, *, certain: bool, late: bool
) -> None:
    certain = certain and not shared_ids.is_shared(turn, payment_id)
    word = "certain" if certain else "probable"
    text = f"{word} duplicate: a second debit of the same {'order' if certain else 'payee and amount'}"
    line = Line(turn.at_ms, f"duplicate_{word}", turn.cause, text, amount_minor, mine.currency)
    known = _duplicate_case(turn, payment_id)
    if known is not None and known.is_open and certain and known.currency == mine.currency:
        known.amount_minor = (known.amount_minor or 0) + amount_minor  # it is about one more debit
    elif known is not None and not known.is_open:  # what it was about is over
        known.counters.pop(BACK, None)
    case = open_or_join(
        turn,
        Draft(
            case_type="duplicate_charge",
            flow="F12",
            family=refunds.DUPLICATE,
            queue="accounting",
            priority=2,
            lines=(line,),
            payment_id=payment_id,
            by_payment=True,
            amount_minor=amount_minor,
            currency=mine.currency,
            money_state="moved",
        ),
    )
    about = {"amount": money(amount_minor, mine.currency), "time": instant(mine.at_ms), "case_id": case.case_id}
    if not certain:
        notify(turn, "duplicate_charge.probable", about, case)
        return
    if not entry:
        text = "for a person: an intent for this debit has been cancelled, and its key must not carry another amount"
        add_line(turn, case, Line(turn.at_ms, "refund_withheld", turn.cause, text))
        notify(turn, "duplicate_charge.certain", about, case)
        return
    if refunds.passes_on(turn, payment_id, mine.line):
        return  # it was being given back already, as a debit without its payment
    owed = Owed(payment_id, entry, amount_minor, mine.currency, mine.at_ms, refunds.DUPLICATE, line=mine.line)
    refunds.owe(turn, owed)
    if not late:
        _give_one_back(turn, owed, case)
    elif not look_later(turn, ONE_TOO_MANY, payment_id, 0, mine.currency):
        notify(turn, "duplicate_charge.certain", about, case)  # for people


def _give_one_back(turn: Turn, owed: Owed, case: Case) -> None:
    if refunds.give_back(turn, owed) is not None:
        about = {"amount": money(owed.amount_minor, owed.currency), "time": instant(owed.at_ms)}
        notify(turn, "duplicate_charge.certain", {**about, "case_id": case.case_id}, case)


def duplicate_due(turn: Turn, waiting: Expectation) -> None:
    """The ledger has caught up: what nobody has given back meanwhile goes back.

    One that stood still tells in a heap, and the credit that has undone a debit long ago may be the next line.
    """
    if postponed(turn, waiting, NEEDS):
        return
    turn.obligations.expectations.remove(waiting)
    case = _duplicate_case(turn, waiting.payment_id)
    if case is not None and case.is_open:
        for owed in refunds.owed_on(turn, case):
            _give_one_back(turn, owed, case)


def _duplicate_case(turn: Turn, payment_id: str) -> Case | None:
    return next(
        (each for each in turn.obligations.cases if (each.family, each.payment_id) == (refunds.DUPLICATE, payment_id)),
        None,
    )


def _limit_of(debits: list[Spent], about: Lately | None, *, more_to_come: bool = False) -> tuple[int, str]:
    """The same and its currency, also of a payment that only its earlier debits remember; 0: nobody has said.

    Of two equal debits that are above it together, and of which one is what was captured, the other is no part of it.
    `more_to_come`: the ledger may tell of a part before its capture is told, so that it is what was asked for.
    """
    if about is not None:
        limit_minor = max(_limit(about), about.asked_minor if more_to_come else 0)
        mine = [each for each in debits if each.currency == about.currency and not each.fee]
        minors = [each.amount_minor + each.back_minor for each in mine]
        is_twice = minors == [about.good_minor] * 2 and sum(minors) > limit_minor
        return min(about.good_minor, limit_minor) if is_twice else limit_minor, about.currency
    currency = debits[-1].currency
    return max(each.whole_minor for each in debits if each.currency == currency), currency


def _check_later(turn: Turn, payment_id: str, about: Lately | None) -> None:
    """Remembers to compare the debits with the order or the payment, if they are above it already.

    In the payment's own currency, whatever the ledger's is.
    """
    debits = [each for each in debits_of(turn, payment_key(payment_id)) if not each.fee]
    if not debits:
        return
    limit_minor, currency = _limit_of(debits, about)
    excess = balance.over_minor(turn, payment_id, limit_minor, currency) if limit_minor else None
    if excess is not None and excess > 0:
        _await(turn, payment_id, limit_minor, currency)


def _await(turn: Turn, payment_id: str, limit_minor: int, currency: str) -> None:
    if limit_minor:
        look_later(turn, CHARGE, payment_id, limit_minor, currency)  # without room: the next debit brings it again


def look_later(turn: Turn, kind: str, payment_id: str, amount_minor: int, currency: str) -> bool:
    """Has a payment looked at once the ledger has been heard up to a minute behind now; False: there is no room.

    What explains a line that was told late may lie right behind it: a ledger that stood still has to catch up.
    """
    if any(each.kind == kind and each.payment_id == payment_id for each in turn.obligations.expectations):
        return True
    since_ms = max(turn.at_ms, turn.ctx.clock_ms) if turn.late else turn.at_ms
    owed_ms = since_ms + turn.policy.money.amount_check_s * 1000
    return turn.obligations.expect(
        Expectation(kind, "", payment_id, turn.cause, turn.at_ms, owed_ms, owed_ms, amount_minor, currency)
    )
