"""Which locks does a passed identity check lift?"""

from __future__ import annotations

from streams.contracts.accounts import IdentityVerified
from streams.core.locks.saga import lift
from streams.core.locks.transitions import IDENTITY_LEVEL
from streams.core.messages.notify import notify
from streams.core.turn import Turn


def identity_verified(turn: Turn, event: IdentityVerified) -> None:
    """Each lock has the level that lifts it; a freeze has none."""
    if not event.passed:
        return
    lifted = [
        lift(turn, held, f"identity level {event.level}")
        for held in tuple(turn.obligations.locks)
        if held.action in IDENTITY_LEVEL and event.level >= IDENTITY_LEVEL[held.action]
    ]
    if any(lifted):
        notify(turn, "unlocked", {})
