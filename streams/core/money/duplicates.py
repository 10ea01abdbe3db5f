"""Was the customer charged twice, within one payment or by two of one order or payee (rule L4)?"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from streams.contracts.payments import Movement
from streams.core.cases.book import Draft, add_line, open_or_join, set_status
from streams.core.messages.notify import notify
from streams.core.messages.render import instant, money
from streams.core.money import (
    arrivals,
    balance,
    charges,
    completeness,
    orders,
    prices,
    references,
    refunds,
    remembered,
    shared_ids,
)
from streams.core.money.completeness import postponed
from streams.core.money.remembered import about_of, debits_of, limit_of
from streams.core.obligations import (
    Case,
    Expectation,
    Lately,
    Line,
    Owed,
    PaymentState,
    Spent,
    payment_key,
)
from streams.core.turn import Turn

ONE_TOO_MANY = "one_too_many"  # the same of a debit that was told late, and goes back once the ledger has caught up
ATTEMPT = "attempt"  # one more: that the bank gives back by itself what an attempt took that has failed
_TRIED_AGAIN = "tried_again"


def named_late(turn: Turn, event: Movement) -> None:
    """A good payment's order and payee are known at last: is another good one of the same order debited as well?"""
    mine_of = _standing(turn, event.payment_id)
    mine_of = [each for each in mine_of if not refunds.was_intended(turn, event.payment_id, each.line)]
    _each_beside_others(turn, event.payment_id, [(turn.cause, each) for each in mine_of])


def confirmed(turn: Turn, event: Movement, known: PaymentState | None) -> None:
    """The payment is good now: is another good one of its order debited as well? `known` is what it was before.

    Not asked of a debit while its payment is open or has failed: an order that is paid at the second attempt is paid
    once, and what the first attempt took is rule L1's.
    """
    about = about_of(turn, event.payment_id)
    was_not_good = known is not None and known.status != PaymentState.SUCCEEDED
    if was_not_good and charges.case_of(turn, event.payment_id) is None:
        charges.check_later(turn, event.payment_id, about)  # rule L1 may have followed all of it until now
    named = []
    for mine in _standing(turn, event.payment_id):
        entry = _entry_of(turn, event.payment_id, mine)
        if entry is None and was_not_good and known is not None and not known.grace_s:
            entry = turn.cause  # a bill or payout has rules of its own, so that no debit of it waits
        if entry is not None:
            named.append((entry, mine))
    if named:
        _each_beside_others(turn, event.payment_id, named)
    elif was_not_good:
        _left_over(turn, event.payment_id, about)


def _standing(turn: Turn, payment_id: str) -> list[Spent]:
    """The debits of a payment that stand and are not one too many within it already."""
    gone = {
        owed.line for owed in turn.obligations.owed if (owed.payment_id, owed.family) == (payment_id, refunds.DUPLICATE)
    }
    mine_of = debits_of(turn, payment_key(payment_id))
    return [each for each in mine_of if each.amount_minor and not each.fee and each.line not in gone]


def _each_beside_others(turn: Turn, payment_id: str, named: list[tuple[str, Spent]]) -> None:
    """Compares the debits of a payment that is good, each with its event, as if they had come one behind the other."""
    about, later = about_of(turn, payment_id), [mine for _, mine in named]
    for entry, mine in named:
        later.remove(mine)
        excess_minor, certain = _beside_others(turn, mine, about, later)
        if excess_minor:
            _duplicate(turn, entry, payment_id, mine, excess_minor, certain=certain)
        if excess_minor and not certain:
            return  # the question is about all of them


def _left_over(turn: Turn, payment_id: str, about: Lately | None) -> None:
    """What still stands of a debit whose intent was cancelled because a part of it had come back: no refund is owed."""
    mine = remembered.paid(turn, payment_id)
    if mine is None:
        return
    key, duplicate = mine.payment, case_of(turn, payment_id)
    left_minor = sum(
        each.amount_minor
        for each in turn.obligations.spent
        if each.payment == key and each.amount_minor > 0 and each.currency == mine.currency and not each.fee
    )
    if duplicate is not None and duplicate.is_open and duplicate.currency == mine.currency:
        left_minor -= (duplicate.amount_minor or 0) - duplicate.counters.get(charges.BACK, 0)
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
    return bool(parts) and sum(parts) >= remembered.limit(about)


def _pays_for(turn: Turn, each: Lately, about: Lately) -> bool:
    """Whether a payment of the same order number is good, to the same payee, and is not back."""
    key = payment_key(each.payment_id)
    is_back = bool(debits_of(turn, key)) and remembered.paid(turn, each.payment_id) is None
    return (
        turn.obligations.is_good(key)
        and each.currency == about.currency
        and not _are_to_two(each, about)
        and not is_back
    )


def _entry_of(turn: Turn, payment_id: str, mine: Spent) -> str | None:
    """The event that told of a debit, as long as it waits for its payment or for its money."""
    waiting = [(debit.entry, debit.line) for debit in turn.obligations.debits if debit.payment_id == payment_id]
    owed = [
        (each.entry, each.line)
        for each in turn.obligations.owed
        if each.payment_id == payment_id and each.family in refunds.FAILED
    ]
    return next(
        (entry for entry, line in (*waiting, *owed) if entry and (references.hashed(entry), line) == mine.name), None
    )


def compare(turn: Turn, entry: str, payment_id: str, mine: Spent, about: Lately | None) -> bool:
    """Opens the case of a duplicate. True: it is certainly one."""
    return _is_second(turn, entry, payment_id, mine, about) or _paid_twice(turn, entry, payment_id, mine, about)


def _is_second(turn: Turn, entry: str, payment_id: str, mine: Spent, about: Lately | None) -> bool:
    """The same of a debit that is one too many beside others of its own payment."""
    others = [each for each in turn.obligations.spent if each.payment == mine.payment and _stands(each, mine)]
    # Equal parts of a payment are no twins; where they are a little too much together, the check of their sum says so.
    limit = limit_of([*others, mine], about, more_to_come=True)
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
    if awaits_attempt(turn, payment_id):
        return True
    money_of = (debits[-1].amount_minor, debits[-1].currency)
    return turn.obligations.expect(
        Expectation(ATTEMPT, "", payment_id, entry, turn.at_ms, until_ms, until_ms, *money_of)
    )


def awaits_attempt(turn: Turn, payment_id: str) -> bool:
    return any((each.kind, each.payment_id) == (ATTEMPT, payment_id) for each in turn.obligations.expectations)


def attempt_due(turn: Turn, waiting: Expectation) -> None:
    """The grace of a failed attempt is over: has the bank given it back, or was a good payment debited twice?

    Of one that is not good every debit is rule L1's.
    """
    if postponed(turn, waiting, completeness.LEDGER):
        return
    turn.obligations.expectations.remove(waiting)
    key, about = payment_key(waiting.payment_id), about_of(turn, waiting.payment_id)
    standing = [each for each in debits_of(turn, key) if each.amount_minor and not each.fee]
    if standing and turn.obligations.is_good(key):
        _is_second(turn, waiting.entry, waiting.payment_id, standing[-1], about)
        charges.check_later(turn, waiting.payment_id, about)


def _paid_twice(turn: Turn, entry: str, payment_id: str, mine: Spent, about: Lately | None) -> bool:
    """The same by another payment. True: it is certain."""
    excess_minor, certain = _beside_others(turn, mine, about)
    if excess_minor:
        _duplicate(turn, entry, payment_id, mine, excess_minor, certain=certain)
    return certain


def _beside_others(turn: Turn, mine: Spent, about: Lately | None, later: Sequence[Spent] = ()) -> tuple[int, bool]:
    """How much of a debit is one too many beside those of other payments, and whether that is certain.

    Of two that are good only, so it is asked of a debit, of a success, and when one of them is good no more. Debits of
    its payment that are looked at `later` do not count yet; what is only probable is all that stands of the payment.
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
        if ordered and about is not None and prices.is_doubtful(turn, about.payment_id, limit_minor):
            limit_minor = 0
            same_order = [each for each in same_order if _is_twin(turn, each, mine)]
        elif not limit_minor:  # an order of unknown amount may be paid in parts, but not in two equal ones
            twins = [each for each in same_order if _is_twin(turn, each, mine)]
            alike = [each for each in same_order if _are_of_one_price(each, mine)]
            same_order, limit_minor = twins or alike, 0 if twins else mine.whole_minor
        parts = [each for each in standing if each.payment == mine.payment and each not in later]
        excess_minor = _too_much(turn, mine, [*parts, *same_order], limit_minor, currency) if same_order else 0
        return excess_minor, excess_minor > 0
    if about is not None and about.repeat_ok:
        return 0, False
    window_ms = turn.policy.money.duplicate_window_s * 1000
    near = [each for each in others if abs(mine.at_ms - each.at_ms) <= window_ms and not _are_of_two_orders(each, mine)]
    near = [each for each in near if mine.payee and each.payee == mine.payee]
    parts = [each for each in standing if each.payment == mine.payment and each.currency == mine.currency]
    if any(_come_to_as_much(others, each, [*parts, mine]) for each in near):
        return sum(each.amount_minor for each in (*parts, mine)), False
    is_part = about is not None and mine.amount_minor + mine.back_minor < remembered.limit(about)
    if is_part or not any(_is_alike(each, mine) for each in near):
        return 0, False
    return mine.amount_minor, False


def _are_of_one_price(each: Spent, mine: Spent) -> bool:
    """Whether the payments of two debits are said to cost as much, in however many parts they are debited."""
    return each.currency == mine.currency and each.whole_minor == mine.whole_minor > 0


def _come_to_as_much(others: list[Spent], one: Spent, mine_of: list[Spent]) -> bool:
    """Whether all debits of the payment of `one` come to what those of another one do."""
    lines = [each for each in others if (each.payment, each.currency) == (one.payment, mine_of[-1].currency)]
    totals = [sum(each.amount_minor + each.back_minor for each in some) for some in (lines, mine_of)]
    return bool(lines) and totals[0] == totals[1]


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
    case.amount_minor = case.counters.get(charges.BACK, 0) + excess_minor
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
    line = Line(mine.at_ms, f"duplicate_{word}", turn.cause, text, amount_minor, mine.currency)
    known = case_of(turn, payment_id)
    if known is not None and known.is_open and certain and known.currency == mine.currency:
        known.amount_minor = (known.amount_minor or 0) + amount_minor  # it is about one more debit
    elif known is not None and not known.is_open:  # what it was about is over
        known.counters.pop(charges.BACK, None)
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
    elif not completeness.look_later(turn, ONE_TOO_MANY, payment_id, 0, mine.currency):
        notify(turn, "duplicate_charge.certain", about, case)  # for people


def _give_one_back(turn: Turn, owed: Owed, case: Case) -> None:
    if refunds.give_back(turn, owed) is not None:
        about = {"amount": money(owed.amount_minor, owed.currency), "time": instant(owed.at_ms)}
        notify(turn, "duplicate_charge.certain", {**about, "case_id": case.case_id}, case)


def due(turn: Turn, waiting: Expectation) -> None:
    """The ledger has caught up: what nobody has given back meanwhile goes back.

    One that stood still tells in a heap, and the credit that has undone a debit long ago may be the next line.
    """
    if postponed(turn, waiting, completeness.LEDGER):
        return
    turn.obligations.expectations.remove(waiting)
    case = case_of(turn, waiting.payment_id)
    if case is not None and case.is_open:
        for owed in refunds.owed_on(turn, case):
            _give_one_back(turn, owed, case)


def case_of(turn: Turn, payment_id: str) -> Case | None:
    return next(
        (each for each in turn.obligations.cases if (each.family, each.payment_id) == (refunds.DUPLICATE, payment_id)),
        None,
    )
