"""Which locks does a passed identity check lift, and what do their cases say about a check or a plea?"""

from __future__ import annotations

from streams.contracts.accounts import IdentityVerified, UnlockRequested
from streams.core.cases.book import add_line
from streams.core.locks.saga import lift
from streams.core.locks.transitions import IDENTITY_LEVEL
from streams.core.messages.notify import notify
from streams.core.obligations import Line
from streams.core.turn import Turn


def identity_verified(turn: Turn, event: IdentityVerified) -> None:
    """Each lock has the level that lifts it; a freeze has none, and people see on its case that the check is done."""
    _tell_cases(turn, "identity", f"identity check level {event.level} {'passed' if event.passed else 'failed'}")
    if not event.passed:
        return
    lifted = [
        lift(turn, held, f"identity level {event.level}")
        for held in tuple(turn.obligations.locks)
        if held.action in IDENTITY_LEVEL and event.level >= IDENTITY_LEVEL[held.action]
    ]
    if any(lifted):
        notify(turn, "unlocked", {})


def unlock_requested(turn: Turn, event: UnlockRequested) -> None:
    """Asking lifts nothing; whoever works the case of a lock sees that the customer waits."""
    _tell_cases(turn, "unlock_requested", f"the customer asks for the account, by {event.channel}"[:96])


def _tell_cases(turn: Turn, kind: str, text: str) -> None:
    for case_id in dict.fromkeys(held.case_id for held in turn.obligations.locks):
        case = turn.obligations.case(case_id)
        if case is not None and case.is_open:
            add_line(turn, case, Line(turn.at_ms, kind, turn.cause, text))
