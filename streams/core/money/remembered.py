"""Which debits does the account remember, of which payment, and what may they come to?

A ledger line belongs to the payment that it names; else to the payment of the same order; else to the one of the same
payee and amount within the window. The last debits of an account are remembered for as long as that takes.
"""

from __future__ import annotations

from streams.contracts.accounts import LedgerPosted
from streams.core.money import corrections, references
from streams.core.obligations import SPENT_KEPT, SPENT_MAX, Lately, Spent, payment_key
from streams.core.turn import Turn


def joined(turn: Turn, event: LedgerPosted) -> str | None:
    """The payment that a ledger line belongs to."""
    if event.payment_id is not None:
        return event.payment_id
    lately = turn.obligations.lately
    order, payee = references.hashed(event.order_id), references.hashed(event.counterparty_id)
    if order:
        return next((each.payment_id for each in reversed(lately) if references.number_of(each.order) == order), None)
    window_ms = turn.policy.money.duplicate_window_s * 1000
    for each in reversed(lately):
        alike = each.payee == payee and each.amount_minor == event.amount_minor and each.currency == event.currency
        if payee and alike and abs(turn.at_ms - each.at_ms) <= window_ms:
            return each.payment_id
    return None


def paid(turn: Turn, payment_id: str) -> Spent | None:
    """The debit of a payment that still stands, the largest of several; None if none does."""
    key = payment_key(payment_id)
    mine = [each for each in turn.obligations.spent if each.payment == key and each.amount_minor > 0]
    return max(mine, key=lambda each: each.amount_minor, default=None)


def debits_of(turn: Turn, key: int) -> list[Spent]:
    """Every remembered debit of the payment with this `payment_key`, also one that is undone."""
    return [each for each in turn.obligations.spent if each.payment == key and each.amount_minor >= 0]


def forgotten(turn: Turn, row: Spent) -> None:
    """A debit has made room. Of a payment of which nothing stands that much is remembered longer."""
    if not row.amount_minor and not any(each.amount_minor for each in debits_of(turn, row.payment)):
        turn.obligations.undo(row.payment)


def about_of(turn: Turn, payment_id: str) -> Lately | None:
    """What is remembered of the payment, if it is one of the last."""
    return next((each for each in turn.obligations.lately if each.payment_id == payment_id), None)


def row_of(turn: Turn, event: LedgerPosted, payment_id: str, about: Lately | None) -> Spent:
    order = (about.order if about is not None else 0) or references.hashed(event.order_id)
    payee = references.hashed(event.counterparty_id) or (about.payee if about is not None else 0)
    key = payment_key(payment_id) if payment_id else 0
    entry, line = references.hashed(event.event_id), references.line_of(event)
    mine = Spent(key, entry, order, payee, event.amount_minor, event.currency, turn.at_ms, line=line)
    if about is not None:
        price(mine, about)
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
        forgotten(turn, each)
    if row.payment and row.amount_minor > 0:
        turn.obligations.debit_again(row.payment)
    if row.payment and row.amount_minor >= 0:
        corrections.debited(turn, row)


def price(mine: Spent, about: Lately) -> None:
    """Keeps with a debit what it may be, because its payment is forgotten earlier."""
    if mine.currency == about.currency:
        mine.whole_minor, mine.order_minor = max(limit(about), about.asked_minor), about.order_minor or 0


def limit(about: Lately) -> int:
    """What the debits of a payment may come to: the amount of its order, else its own."""
    return about.amount_minor if about.order_minor is None else about.order_minor


def is_known(turn: Turn, line: int) -> bool:
    """Whether this line is one of the remembered debits."""
    obligations = turn.obligations
    return any(each.line == line for each in obligations.spent) or any(each.line == line for each in obligations.debits)


def limit_of(debits: list[Spent], about: Lately | None, *, more_to_come: bool = False) -> tuple[int, str]:
    """The same and its currency, also of a payment that only its earlier debits remember; 0: nobody has said.

    Of two equal debits that are above it together, and of which one is what was captured, the other is no part of it.
    `more_to_come`: the ledger may tell of a part before its capture is told, so that it is what was asked for.
    """
    if about is not None:
        limit_minor = max(limit(about), about.asked_minor if more_to_come else 0)
        mine = [each for each in debits if each.currency == about.currency and not each.fee]
        minors = [each.amount_minor + each.back_minor for each in mine]
        is_twice = minors == [about.good_minor] * 2 and sum(minors) > limit_minor
        return min(about.good_minor, limit_minor) if is_twice else limit_minor, about.currency
    currency = debits[-1].currency
    return max(each.whole_minor for each in debits if each.currency == currency), currency
