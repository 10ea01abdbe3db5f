"""Which promises have ended lately, and which credits has only one of ledger and payment system told of?

Messages overtake each other: the end of a movement may be here before its beginning, and a beginning may be told once
more after the end. What is remembered are hashes, the last `ARRIVED_MAX` of an account.
"""

from __future__ import annotations

from hashlib import blake2b

from streams.core.obligations import ARRIVED_MAX
from streams.core.turn import Turn

_BYTES = 6


def note(turn: Turn, *what: str | int) -> None:
    """Remembers it, as the newest."""
    forget(turn, *what)
    turn.obligations.arrived = (turn.obligations.arrived + _key(what))[-ARRIVED_MAX * _BYTES :]


def knows(turn: Turn, *what: str | int) -> bool:
    """Whether it is remembered."""
    return _key(what) in _keys(turn)


def forget(turn: Turn, *what: str | int) -> bool:
    """Whether it was remembered; from now on it is not."""
    keys, key = _keys(turn), _key(what)
    if key not in keys:
        return False
    keys.remove(key)
    turn.obligations.arrived = b"".join(keys)
    return True


def _keys(turn: Turn) -> list[bytes]:
    kept = turn.obligations.arrived
    return [kept[at : at + _BYTES] for at in range(0, len(kept), _BYTES)]


def _key(what: tuple[str | int, ...]) -> bytes:
    return blake2b("\x1f".join(map(str, what)).encode(), digest_size=_BYTES).digest()
