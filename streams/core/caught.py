"""How much of confirmed fraud was stopped or asked about before the money was gone?

Movements that were not simply let go are remembered by their outcome; when fraud is confirmed, by a label or by a
finding, its value is counted under the outcome that it had. What is not remembered was let go, or is long ago.
"""

from __future__ import annotations

from typing import Final

from streams.contracts.payments import Movement
from streams.core.currencies import convert, rates_at
from streams.core.familiar import find
from streams.core.money import remembered
from streams.core.obligations import DOUBTED_MAX, Case, payment_key
from streams.core.outcome import Outcome
from streams.core.turn import Turn

_REFERENCE: Final = "USD"
_KEY: Final = 5  # bytes; the last one is the outcome, or that its fraud is counted
_ROW: Final = _KEY + 1
_COUNTED: Final = 255


def decided(turn: Turn, event: Movement, outcome: Outcome) -> None:
    """Remembers what was done about a movement that was not simply let go."""
    if outcome > Outcome.ALLOW:
        _put(turn, payment_key(event.payment_id), outcome)


def is_fraud(turn: Turn, payment_id: str, value: tuple[int, str] | None) -> None:
    """Counts a confirmed fraud once, at its value in US dollars, where anybody knows that."""
    key = payment_key(payment_id)
    outcome = _of(turn, key)
    if outcome == _COUNTED or (value is None and turn.obligations.recall(key) is None):
        return  # told before, or no movement that anybody knows
    _put(turn, key, _COUNTED)
    amount_minor, currency = value or _remembered(turn, payment_id)
    cents = convert(amount_minor, currency, _REFERENCE, rates_at(turn.policy.money.rates, turn.at_ms)) or 0
    turn.ctx.frauds.append((Outcome(outcome).label, cents))


def value_in(turn: Turn, case: Case, payment_id: str) -> tuple[int, str] | None:
    """What the case says that the payment is worth."""
    held = turn.obligations.hold(payment_id)
    about = held if held is not None else case if case.payment_id == payment_id else None
    if about is None or about.amount_minor is None or about.currency is None:
        return None
    return about.amount_minor, about.currency


def _remembered(turn: Turn, payment_id: str) -> tuple[int, str]:
    about = remembered.about_of(turn, payment_id)
    if about is not None:
        return about.amount_minor, about.currency
    debits = remembered.debits_of(turn, payment_key(payment_id))
    return (debits[0].amount_minor, debits[0].currency) if debits else (0, _REFERENCE)


def _of(turn: Turn, key: int) -> int:
    doubted = turn.obligations.doubted
    at = find(doubted, key.to_bytes(_KEY), _ROW)
    return Outcome.ALLOW if at < 0 else doubted[at + _KEY]


def _put(turn: Turn, key: int, what: int) -> None:
    row, doubted = key.to_bytes(_KEY) + bytes([what]), turn.obligations.doubted
    at = find(doubted, row[:_KEY], _ROW)
    others = doubted if at < 0 else doubted[:at] + doubted[at + _ROW :]
    turn.obligations.doubted = (others + row)[-DOUBTED_MAX * _ROW :]
