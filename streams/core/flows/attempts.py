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
    tried = _find(turn, event.payment_id)
    if tried is not None and type(event) in TRIES and turn.at_ms > tried.at_ms:
        tried.at_ms, tried.again, tried.told = turn.at_ms, True, False


def is_news(turn: Turn, event: Movement) -> bool:
    """Whether nobody has told of this failed attempt; from now on somebody has."""
    tried = _find(turn, event.payment_id)
    if tried is None:
        turn.obligations.tried.append(Tried(payment_key(event.payment_id), turn.at_ms))
        del turn.obligations.tried[:-TRIED_MAX]
        return True
    if not tried.again or turn.at_ms < tried.at_ms:
        return False
    tried.at_ms, tried.again = turn.at_ms, False
    return True


def is_known(turn: Turn, payment_id: str) -> bool:
    """Whether it is one of the last payments that have failed."""
    return _find(turn, payment_id) is not None


def told(turn: Turn, payment_id: str) -> None:
    """Its customer was told that it failed and where its money is: should it succeed, that has to be taken back."""
    tried = _find(turn, payment_id)
    if tried is not None:
        tried.told = True


def take_back(turn: Turn, payment_id: str) -> bool:
    """Whether its customer was told so, and has not tried it again since; from now on nothing has to be taken back."""
    tried = _find(turn, payment_id)
    if tried is None or not tried.told:
        return False
    tried.told = False
    return True


def _find(turn: Turn, payment_id: str) -> Tried | None:
    key = payment_key(payment_id)
    return next((each for each in turn.obligations.tried if each.payment == key), None)
