"""What does a payment cost: what was asked for, captured and said of its order?"""

from __future__ import annotations

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
from streams.core.cases.samples import sample
from streams.core.flows.movements import TRIES
from streams.core.money import (
    arrivals,
    charges,
    duplicates,
    expectations,
    references,
    remembered,
    times,
)
from streams.core.money.remembered import about_of, debits_of, limit_of
from streams.core.obligations import (
    LATELY_BYTES,
    LATELY_KEPT,
    LATELY_MAX,
    UNPRICED_MAX,
    Captured,
    Lately,
    Line,
    crowded,
    payment_key,
)
from streams.core.observations import MOVEMENTS, TRANSFER
from streams.core.turn import Turn

LAGS_MS = 14_400_000  # a ledger that is further behind is not waited for
_SOURCES_MAX = 4  # of captures of one payment
TWO_ORDERS = "two_orders"  # what is remembered of a payment whose events say two amounts of its order
_NOT_COMPARED = "integration.debit_not_compared"
# Whose amount is what was taken. The provider's answer is not one of them: it may repeat what it was asked about.
CAPTURES = frozenset({PaymentCaptured, PaymentSucceeded})
TRANSFERS = frozenset(kind for kind, movement in MOVEMENTS.items() if movement == TRANSFER)
ASKED = frozenset({PaymentRequested, PaymentAuthorized})  # whose amount may be captured in parts
# Whose amount is what the ledger's debits should come to.
WHOLES = CAPTURES | ASKED | {WithdrawalRequested, BillpayRequested}
_REMEMBERED = WHOLES | TRANSFERS | {WithdrawalCredited, BillpayPosted}  # also where they name neither order nor payee


def requested(turn: Turn, event: Movement) -> None:
    """Remembers what a payment is about, so that ledger lines can be joined to it and compared with it."""
    if isinstance(event, Refund):
        return  # its amount is not the payment's
    payee = references.payee_of(event)
    named = event.order_id is not None or payee is not None or event.order_amount_minor is not None
    if not named and type(event) not in _REMEMBERED:
        return
    policy = turn.policy.money
    about = Lately(
        event.payment_id,
        references.order_of(event),
        references.hashed(payee),
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
    if known is not None and known.currency == about.currency:
        _compare_orders(turn, event, about, known)
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
    about = about_of(turn, event.payment_id)
    if about is not None and about.currency == event.currency and not isinstance(event, PspStatus | Refund):
        _compare_orders(turn, event, about, about)
    if type(event) in CAPTURES:
        _captured(turn, event)
    elif type(event) in ASKED:
        _asked(turn, event)


def _compare_orders(turn: Turn, event: Movement, about: Lately, known: Lately) -> None:
    """Two amounts of one order: nobody can say which is right, so that nothing goes back by it without a person.

    Whoever writes the amount of each event as that of its order says nothing about an order.
    """
    told_minor, known_minor = event.order_amount_minor, known.order_minor
    if told_minor is None or known_minor is None or told_minor == known_minor:
        return
    if (told_minor, known_minor) == (event.amount_minor, known.amount_minor):
        return
    arrivals.note(turn, TWO_ORDERS, event.payment_id)
    about.order_minor = min(told_minor, known_minor)
    charges.check_later(turn, event.payment_id, about)


def is_doubtful(turn: Turn, payment_id: str, order_minor: int) -> bool:
    """Whether nothing goes back by the price of an order: two amounts of it were told, or its payment is much more.

    Also where nobody remembers what the payment was for.
    """
    about = about_of(turn, payment_id)
    most_minor = order_minor + int(order_minor * turn.policy.money.overcharge_share)
    is_much_more = about is None or max(about.amount_minor, about.good_minor) > most_minor
    return is_much_more or arrivals.knows(turn, TWO_ORDERS, payment_id)


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
    payee = references.payee_of(event)
    return (event.order_id is not None and not about.order) or (payee is not None and not about.payee)


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


def uncompared(turn: Turn, event: LedgerPosted, payment_id: str) -> None:
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
        charges.check_later(turn, event.payment_id, about)
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
        remembered.price(debit, about)
    _costs(turn, event.payment_id, about, _in_parts_minor(about))


def _costs(turn: Turn, payment_id: str, about: Lately, told_minor: int) -> None:
    """It costs as much, if that is more than was known."""
    if told_minor <= about.amount_minor:
        return
    about.amount_minor = told_minor
    for debit in debits_of(turn, payment_key(payment_id)):
        remembered.price(debit, about)
    if about.order_minor is not None:
        return
    for each in turn.obligations.expectations:
        if each.kind == charges.CHARGE and each.payment_id == payment_id:
            each.amount_minor = told_minor
    charges.look_again_now(turn, payment_id)


def _in_parts_minor(about: Lately) -> int:
    """What the captures of a payment come to, and no more than was asked for.

    Several sources may tell of the same captures, one of them none twice.
    """
    captured_minor = max((each.minor for each in about.captures), default=0)
    return min(captured_minor, about.asked_minor or about.amount_minor)


def _capture(turn: Turn, event: Movement, about: Lately) -> None:
    source, name = references.hashed(event.source) & 0xFFFF, references.hashed(event.event_id) & 0xFFFF_FFFF
    mine = next((each for each in about.captures if each.source == source), None)
    if mine is None:
        about.captures = [*about.captures, Captured(source, event.amount_minor, name)][:_SOURCES_MAX]
    elif mine.last != name:
        mine.minor, mine.last = mine.minor + event.amount_minor, name


def _captured_once(turn: Turn, payment_id: str, about: Lately) -> None:
    """Less was captured than was asked for: has the ledger debited that twice before anybody told of it?"""
    debits = [each for each in debits_of(turn, payment_key(payment_id)) if each.amount_minor and not each.fee]
    if charges.case_of(turn, payment_id) is None and limit_of(debits, about)[0] < remembered.limit(about):
        duplicates.compare(turn, turn.cause, payment_id, debits[-1], about)


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
