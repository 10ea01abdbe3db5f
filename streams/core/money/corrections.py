"""How much of a payment can still be given back once refunds of ours have taken out what was one too many (rule L12)?

The debits of an account make room after an hour of shopping, and a merchant may refund its purchase weeks later. So
what was debited for a payment is kept with each refund of ours, from the moment on at which its money is owed.
"""

from __future__ import annotations

from hashlib import blake2b

from streams.contracts.payments import Refund, RefundFailed
from streams.core.money import balance, expectations
from streams.core.obligations import CORRECTIONS_MAX, Correction, Owed, Spent, payment_key
from streams.core.turn import Turn


def owe(turn: Turn, owed: Owed, refund_id: str) -> None:
    """This refund of what was charged too much is to leave, or may.

    Nothing is kept where older debits of its payment may be forgotten. What the customer of a failed payment gets back
    is none: if it is good after all, that is asked back (`double_benefit`) and what was bought can be refunded.
    """
    if owed.family not in (expectations.DUPLICATE, expectations.MISMATCH):
        return
    name = _name(refund_id)
    for each in turn.obligations.corrections:
        if each.refund == name:
            each.amount_minor = owed.amount_minor
            return
    charged_minor = balance.charged_minor(turn, owed.payment_id, owed.currency)
    if charged_minor is None:
        return
    about = (payment_key(owed.payment_id), owed.currency, name)
    rows = [*turn.obligations.corrections, Correction(*about, owed.amount_minor, charged_minor)]
    if len(rows) > CORRECTIONS_MAX:
        rows.remove(min(rows[:-1], key=lambda each: each.has_left))
    turn.obligations.corrections = rows


def debited(turn: Turn, debit: Spent) -> None:
    """One more debit of a payment that something was given back of, or is to be."""
    for each in turn.obligations.corrections:
        if (each.payment, each.currency) == (debit.payment, debit.currency) and not debit.fee:
            each.charged_minor += debit.amount_minor + debit.back_minor


def moved(turn: Turn, event: Refund) -> None:
    """It has left, or has come back: of both the one that happened later counts."""
    _say(turn, event.refund_id, has_left=not isinstance(event, RefundFailed))


def gone(turn: Turn, refund_id: str | None) -> None:
    """What a credit of the ledger names as itself has left, whatever was told of it; so has what is known as sent."""
    if refund_id:
        _say(turn, refund_id, has_left=True)


def left_minor(turn: Turn, payment_id: str, currency: str) -> int | None:
    """What is left of a payment to refund; None of one of which no refund of ours has left, as far as is known."""
    about = (payment_key(payment_id), currency)
    mine = [each for each in turn.obligations.corrections if (each.payment, each.currency) == about and each.has_left]
    if not mine:
        return None
    return max(0, max(each.charged_minor for each in mine) - sum(each.amount_minor for each in mine))


def _say(turn: Turn, refund_id: str, *, has_left: bool) -> None:
    for each in turn.obligations.corrections:
        if each.refund == _name(refund_id) and turn.at_ms >= each.said_ms:
            each.has_left, each.said_ms = has_left, turn.at_ms


def _name(refund_id: str) -> int:
    return int.from_bytes(blake2b(refund_id.encode(), digest_size=4).digest())
