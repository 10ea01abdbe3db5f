"""Do the debits of a payment come to what it costs (rule L5)?"""

from __future__ import annotations

from streams.contracts.accounts import LedgerPosted
from streams.contracts.payments import Movement
from streams.core.cases.book import Draft, add_line, open_or_join, set_status
from streams.core.messages.notify import notify
from streams.core.messages.render import money
from streams.core.money import (
    balance,
    completeness,
    duplicates,
    expectations,
    fee_lines,
    prices,
    references,
    refunds,
    remembered,
    set_off,
)
from streams.core.money.asking import ask
from streams.core.money.completeness import postponed
from streams.core.money.remembered import about_of, debits_of, limit_of
from streams.core.obligations import (
    Case,
    Expectation,
    Fee,
    Lately,
    Line,
    Owed,
    PaymentState,
    Spent,
    payment_key,
)
from streams.core.turn import Turn

BACK = expectations.BACK
CHARGE = "charge"  # the kind of an expectation: that the debits of a payment are what its order says
UNDERCHARGE = "undercharge"  # another one: that they come to its amount (`undercharges`)


def debited(turn: Turn, event: LedgerPosted, payment_id: str) -> int:
    """A debit: is it the second of its kind, and is its amount that of the order? How much of it has to be explained.

    Nothing of one that credits have undone already, or that is certainly one too many: that one has a case. A late line
    is compared where its payment is known. `payment_id` is empty for a line that belongs to no payment so far.
    """
    about = about_of(turn, payment_id)
    mine = remembered.row_of(turn, event, payment_id, about)
    key = mine.payment
    fee_lines.claim(turn, mine)
    if about is None and not mine.fee and key in turn.obligations.unpriced:
        prices.uncompared(turn, event, payment_id)
    left_minor = set_off.undone_before(turn, mine)
    if not left_minor:  # it is remembered as one that has come and is back
        mine.amount_minor, mine.back_minor = 0, event.amount_minor
        remembered.keep(turn, mine)
        set_off.forget_undone(turn)
        return 0
    known = key and (not turn.late or turn.obligations.recall(key) is not None)
    certain = known and not mine.fee and duplicates.compare(turn, event.event_id, payment_id, mine, about)
    mine.amount_minor, mine.back_minor = left_minor, event.amount_minor - left_minor
    remembered.keep(turn, mine)
    if known:
        check_later(turn, payment_id, about)
    return 0 if certain else left_minor


def is_fee(turn: Turn, event: LedgerPosted, payment_id: str) -> bool:
    """Whether a debit is a fee of its payment that was told before it."""
    return fee_lines.awaiting(turn, remembered.row_of(turn, event, payment_id, about_of(turn, payment_id))) is not None


def taken_again(turn: Turn, event: LedgerPosted, payment_id: str) -> None:
    """This debit is the one that a good payment has after all: the next one would be one too many.

    What of it makes up for more credits than there were debits is no charge.
    """
    mine = remembered.row_of(turn, event, payment_id, about_of(turn, payment_id))
    due_minor = balance.due_minor(turn, payment_id, event.currency)
    if due_minor is not None:
        lacking_minor = max(0, due_minor - balance.stands_minor(turn, payment_id, event.currency))
        mine.back_minor = max(0, mine.amount_minor - lacking_minor)
        mine.amount_minor -= mine.back_minor
    remembered.keep(turn, mine)


def claimed(turn: Turn, event: Movement) -> list[Spent]:
    """Lines that named no payment and turn out to be this one's. To be asked after `requested`."""
    about, window_ms = about_of(turn, event.payment_id), turn.policy.money.duplicate_window_s * 1000
    if about is None:
        return []
    named = debits_of(turn, payment_key(event.payment_id))
    for each in named:  # they came before anybody said what they may be, and which order and payee they are of
        remembered.price(each, about)
        each.order, each.payee = about.order or each.order, each.payee or about.payee
    mine = [
        each
        for each in turn.obligations.spent
        if not each.payment
        and (
            references.number_of(each.order) == references.number_of(about.order)
            if each.order and about.order
            else each.payee == about.payee
            and (each.amount_minor, each.currency) == (about.amount_minor, about.currency)
            and abs(each.at_ms - about.at_ms) <= window_ms
        )
    ]
    waiting = {(references.hashed(debit.entry), debit.line): debit for debit in turn.obligations.debits}
    for each in mine:
        each.payment, each.order = payment_key(event.payment_id), about.order or each.order
        remembered.price(each, about)
        fee_lines.claim(turn, each)
        if each.name in waiting and not each.fee:
            debit = waiting[each.name]
            if duplicates.compare(turn, debit.entry, event.payment_id, each, about):
                turn.obligations.debits.remove(debit)
    if mine or named:
        check_later(turn, event.payment_id, about)
    return mine


def due(turn: Turn, waiting: Expectation) -> None:
    """A minute after a debit: are the debits of the payment together what the order says?"""
    if postponed(turn, waiting, completeness.LEDGER):
        return
    turn.obligations.expectations.remove(waiting)
    key = payment_key(waiting.payment_id)
    state = turn.obligations.recall(key)
    if state is not None and state.status in (PaymentState.FAILED, PaymentState.REVERSED):
        return  # nothing of it is right: all of it is rule L1's, unless the payment succeeds after all
    excess = _excess(turn, waiting.payment_id, waiting.amount_minor, waiting.currency)
    known = case_of(turn, waiting.payment_id)
    if excess is None or duplicates.awaits_attempt(turn, waiting.payment_id):
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
    last = [each for each in debits_of(turn, key) if not each.fee][-1]
    case = open_or_join(
        turn,
        Draft(
            case_type="amount_mismatch",
            flow="F11",
            family=refunds.MISMATCH,
            queue="accounting",
            priority=2,
            lines=(Line(last.at_ms, "amount_mismatch", waiting.entry, text[:160], excess, waiting.currency),),
            payment_id=waiting.payment_id,
            by_payment=True,
            amount_minor=excess,
            currency=waiting.currency,
            money_state="moved",
        ),
    )
    if not ordered:
        return  # perhaps a tip that nobody has told of: people look first
    if prices.is_doubtful(turn, waiting.payment_id, waiting.amount_minor):
        why = "for a person: the amount of the order is told twice and differently, or is far below the payment's"
        add_line(turn, case, Line(turn.at_ms, "refund_withheld", turn.cause, why))
        return
    more_minor = excess - asked_minor
    owed = Owed(waiting.payment_id, waiting.entry, more_minor, waiting.currency, last.at_ms, refunds.MISMATCH)
    # Of the debit that went above it: told again after it was forgotten, it would be given back twice.
    owed.line = references.hashed(f"{refunds.MISMATCH} {last.line}")
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
    case = case_of(turn, payment_id)
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
    case = case_of(turn, payment_id)
    if case is None or remembered.paid(turn, payment_id) is not None or not debits_of(turn, payment_key(payment_id)):
        return
    refunds.money_back(turn, payment_id, refunds.MISMATCH)
    case.money_state = "returned"
    set_status(turn, case, "resolved", "charge_undone")


def case_of(turn: Turn, payment_id: str) -> Case | None:
    for case in turn.obligations.cases:
        if case.is_open and (case.family, case.payment_id) == (refunds.MISMATCH, payment_id):
            return case
    return None


def look_again(turn: Turn, payment_id: str) -> None:
    """Something was told that may explain what an open case says was too much: a minute later it is compared again."""
    if case_of(turn, payment_id) is not None:
        _await(
            turn,
            payment_id,
            *limit_of(debits_of(turn, payment_key(payment_id)), about_of(turn, payment_id)),
        )


def look_once_more(turn: Turn, payment_id: str) -> None:
    """What seemed to be no more than the price may be more after all: a refund was told of, or has failed.

    Not where people have looked at it before.
    """
    cases = turn.obligations.cases
    if any((each.family, each.payment_id) == (refunds.MISMATCH, payment_id) for each in cases):
        return
    about = about_of(turn, payment_id)
    if about is not None or debits_of(turn, payment_key(payment_id)):
        check_later(turn, payment_id, about)


def look_again_now(turn: Turn, payment_id: str) -> bool:
    """Compares again what an open case says was too much. False: its refund has left already."""
    case = case_of(turn, payment_id)
    debits = debits_of(turn, payment_key(payment_id))
    if case is None or not debits:
        return True
    limit_minor, currency = limit_of(debits, about_of(turn, payment_id))
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
    case = case_of(turn, payment_id)
    if case is not None:
        missing_minor = balance.missing_minor(case)
        if not look_again_now(turn, payment_id):
            return False
        if balance.missing_minor(case) < missing_minor:
            add_line(turn, case, line)
    case = duplicates.case_of(turn, payment_id)
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


def check_later(turn: Turn, payment_id: str, about: Lately | None) -> None:
    """Remembers to compare the debits with the order or the payment, if they are above it already.

    In the payment's own currency, whatever the ledger's is.
    """
    debits = [each for each in debits_of(turn, payment_key(payment_id)) if not each.fee]
    if not debits:
        return
    limit_minor, currency = limit_of(debits, about)
    excess = balance.over_minor(turn, payment_id, limit_minor, currency) if limit_minor else None
    if excess is not None and excess > 0:
        _await(turn, payment_id, limit_minor, currency)


def _await(turn: Turn, payment_id: str, limit_minor: int, currency: str) -> None:
    if limit_minor:
        completeness.look_later(
            turn, CHARGE, payment_id, limit_minor, currency
        )  # without room: the next debit brings it again
