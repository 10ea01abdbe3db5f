"""Is this failure an attempt of its own, or one that somebody has told of already?

The payment system, the gateway and the provider each tell that a payment has failed, under their own event ids and at
times of their own: one payment that failed is one attempt. Asked for again behind its failure it is tried once more.
"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.flows.movements import TRIES
from streams.core.obligations import TRIED_MAX, Tried, payment_key
from streams.core.turn import Turn


def asked_again(turn: Turn, event: Movement) -> None:
    """A payment that has failed is asked for once more: its next failure is another attempt."""
    tried = _find(turn, event)
    if tried is not None and type(event) in TRIES and turn.at_ms > tried.at_ms:
        tried.at_ms, tried.again = turn.at_ms, True


def is_news(turn: Turn, event: Movement) -> bool:
    """Whether nobody has told of this failed attempt; from now on somebody has."""
    tried = _find(turn, event)
    if tried is None:
        turn.obligations.tried.append(Tried(payment_key(event.payment_id), turn.at_ms))
        del turn.obligations.tried[:-TRIED_MAX]
        return True
    if not tried.again or turn.at_ms < tried.at_ms:
        return False
    tried.at_ms, tried.again = turn.at_ms, False
    return True


def _find(turn: Turn, event: Movement) -> Tried | None:
    key = payment_key(event.payment_id)
    return next((each for each in turn.obligations.tried if each.payment == key), None)
