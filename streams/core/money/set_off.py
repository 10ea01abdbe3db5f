"""Which debits does a credit set off, and what becomes of one that is here before its debit?"""

from __future__ import annotations

from typing import NamedTuple

from streams.contracts.accounts import LedgerPosted
from streams.core.money import fee_lines, references, remembered
from streams.core.obligations import Spent, payment_key
from streams.core.turn import Turn

EARLY_MAX = 4  # credits that wait for their debit
BACK_MAX = 4  # debits that are wholly undone and still remembered, because money that comes once more is too much


class Returned(NamedTuple):
    """What a credit undid nothing with: it waits for its debit, and so much of it was back before."""

    early_minor: int
    twice_minor: int
    forgotten: bool  # no debit of its payment is remembered


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
    forget_undone(turn)
    if left_minor and (left_minor < event.amount_minor or not mine):
        was_ahead(turn, event, key, left_minor)
    if not known and obligations.is_undone(key):
        back_minor = left_minor  # its debits have made room for others, and all of them were back
    return Returned(left_minor, min(left_minor, back_minor), not known)


def credited_ahead(turn: Turn, event: LedgerPosted) -> None:
    """A credit that names an order of which nobody has told yet: its payment or top-up claims it."""
    if event.order_id is not None and event.counterparty_id is None and not turn.late:
        entry, order = references.hashed(event.event_id), references.hashed(event.order_id)
        row = Spent(0, entry, order, 0, -event.amount_minor, event.currency, turn.at_ms, line=references.line_of(event))
        _keep_early(turn, row)


def was_ahead(turn: Turn, event: LedgerPosted, key: int, minor: int) -> None:
    """So much of a payment's money was back before the debit that is still to be counted: more than all until now."""
    _keep_early(turn, Spent(key, references.hashed(event.event_id), 0, 0, -minor, event.currency, turn.at_ms))


def _keep_early(turn: Turn, row: Spent) -> None:
    obligations = turn.obligations
    early = [each for each in obligations.spent if each.amount_minor < 0 and not each.refund]
    gone = early[: len(early) - EARLY_MAX + 1] if len(early) >= EARLY_MAX else []
    obligations.spent = [each for each in obligations.spent if each not in gone]
    remembered.keep(turn, row)


def forget_undone(turn: Turn) -> None:
    undone = [each for each in turn.obligations.spent if each.amount_minor == 0]
    turn.obligations.spent = [each for each in turn.obligations.spent if each not in undone[:-BACK_MAX]]
    for each in undone[:-BACK_MAX]:
        remembered.forgotten(turn, each)


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


def undone_before(turn: Turn, mine: Spent) -> int:
    """How much of a debit is left after credits of its payment that were here first. One from before it is not its."""
    if not mine.payment:
        return mine.amount_minor
    since_ms = mine.at_ms - turn.policy.lateness_s * 1000
    return _undone(turn, mine.payment, mine.currency, mine.amount_minor, since_ms)


def taken(turn: Turn, event: LedgerPosted, payment_id: str) -> None:
    """A debit takes so much of what a top-up has brought, however long ago."""
    _undone(turn, payment_key(payment_id), event.currency, event.amount_minor, 0)


def _undone(turn: Turn, key: int, currency: str, left_minor: int, since_ms: int) -> int:
    for each in tuple(turn.obligations.spent):
        fits = each.payment == key and each.currency == currency and each.at_ms >= since_ms
        if fits and not each.refund and each.amount_minor < 0 < left_minor:
            taken = min(left_minor, -each.amount_minor)
            left_minor -= taken
            each.amount_minor += taken
            if not each.amount_minor:
                turn.obligations.spent.remove(each)
    return left_minor
