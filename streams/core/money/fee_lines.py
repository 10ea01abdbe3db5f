"""Which fees has an account been told of, which debits of the ledger are they, and what were they taken on?

A fee that is booked under its payment's id is no part of the payment's price: rules L4 and L5 leave it out, and what of
it is above its tariff is flow F46's alone. Fee and line may come in either order; their amount joins them.
"""

from __future__ import annotations

from streams.contracts.payments import Movement, PspStatus, Refund, TopupCredited
from streams.core.familiar import find
from streams.core.obligations import (
    BASES_MAX,
    FEES_BYTES,
    FEES_MAX,
    Fee,
    Spent,
    crowded,
    payment_key,
)
from streams.core.turn import Turn

OWN = "fee:"  # before the id of a fee that names no payment, where a payment has its own
_KEY, _AMOUNT, _BASE = 5, 8, 16  # bytes: a payment's key, its amount, both and the currency


def remember(turn: Turn, fee: Fee) -> None:
    """Keeps a fee; the oldest makes room, and one that was never judged is counted."""
    fees = [*turn.obligations.fees, fee]
    while crowded(fees, FEES_MAX, FEES_BYTES):
        if fees.pop(0).tariff:
            turn.ctx.unjudged.append("no_base")
    turn.obligations.fees = fees


def known(turn: Turn, name: int) -> bool:
    """Whether this fee is one of the last."""
    return any(each.name == name for each in turn.obligations.fees)


def waiting(turn: Turn, payment_id: str) -> list[Fee]:
    """Those of a payment that nobody could judge so far."""
    if not turn.obligations.fees:
        return []
    key = payment_key(payment_id)
    return [each for each in turn.obligations.fees if each.tariff and each.payment == key]


def claim(turn: Turn, debit: Spent) -> None:
    """A debit of the ledger: if it is a fee that somebody has told of, it is so from now on."""
    fee = awaiting(turn, debit)
    if fee is not None:
        fee.line, debit.fee = debit.line, True


def awaiting(turn: Turn, debit: Spent) -> Fee | None:
    """The fee that somebody has told of and that a debit is, if none of the others was it."""
    return next((each for each in turn.obligations.fees if not each.line and _is(turn, each, debit)), None)


def claimed(turn: Turn, fee: Fee) -> Spent | None:
    """A fee: the debit that was here before it and is it, also one that is undone."""
    mine = [each for each in turn.obligations.spent if not each.fee and not each.refund and _is(turn, fee, each)]
    if not mine:
        return None
    leaving = {owed.line for owed in turn.obligations.owed}  # of several equal ones a second charge of the same may be
    debit = min(mine, key=lambda each: (each.line in leaving, not each.amount_minor, abs(each.at_ms - fee.at_ms)))
    fee.line, debit.fee = debit.line, True
    return debit


def of(turn: Turn, line: int) -> Fee | None:
    """The fee that a line of the ledger (`references.line_of`) is."""
    return next((each for each in turn.obligations.fees if line and each.line == line), None)


def excess_of(turn: Turn, debit: Spent) -> int:
    """How much of a debit goes back because it is a fee above its tariff."""
    fee = of(turn, debit.line)
    return 0 if fee is None else fee.excess_minor


def inside_minor(turn: Turn, key: int, currency: str, *, allowed: bool = False) -> int:
    """The fees of a payment that have no line of their own: its debits may have them inside.

    `allowed`: only so much of them as is not above their tariffs.
    """
    return sum(
        each.amount_minor - (max(each.excess_minor, each.above_minor) if allowed else 0)
        for each in turn.obligations.fees
        if each.payment == key and each.currency == currency and not each.line
    )


def note_base(turn: Turn, event: Movement) -> bool:
    """Keeps what a movement is about, the most that was said; whether that was not known before.

    What arrives of a top-up says nothing about what was asked for.
    """
    if isinstance(event, Refund | PspStatus):
        return False
    key = payment_key(event.payment_id).to_bytes(_KEY)
    bases = turn.obligations.bases
    at = find(bases, key, _BASE)
    entry = key + event.amount_minor.to_bytes(_AMOUNT) + event.currency.encode()
    if at < 0:
        turn.obligations.bases = (bases + entry)[-BASES_MAX * _BASE :]
        return True
    old_minor, currency = _read(bases, at)
    if currency == event.currency and event.amount_minor > old_minor and not isinstance(event, TopupCredited):
        turn.obligations.bases = bases[:at] + entry + bases[at + _BASE :]
    return False


def base_of(turn: Turn, payment_id: str) -> tuple[int, str] | None:
    """Amount and currency of a movement that is one of the last."""
    bases = turn.obligations.bases
    at = find(bases, payment_key(payment_id).to_bytes(_KEY), _BASE)
    return None if at < 0 else _read(bases, at)


def _read(bases: bytes, at: int) -> tuple[int, str]:
    return int.from_bytes(bases[at + _KEY : at + _KEY + _AMOUNT]), bases[at + _KEY + _AMOUNT : at + _BASE].decode()


def _is(turn: Turn, fee: Fee, debit: Spent) -> bool:
    """One payment and one sum. What is as much as the payment itself is its price, unless that is booked already."""
    whole = (debit.amount_minor + debit.back_minor, debit.currency)
    if debit.amount_minor < 0 or (debit.payment, *whole) != (fee.payment, fee.amount_minor, fee.currency):
        return False
    bases = turn.obligations.bases
    at = find(bases, debit.payment.to_bytes(_KEY), _BASE)
    return (at < 0 or _read(bases, at) != whole) or any(
        each.payment == debit.payment
        and each.name != debit.name
        and not each.fee
        and each.amount_minor + each.back_minor == whole[0]
        for each in turn.obligations.spent
    )
