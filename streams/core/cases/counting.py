"""How does a case count what goes on without end, without a version for each?

A version when the number doubles, and one when it has been quiet for an hour: then the case says what it came to.
"""

from __future__ import annotations

from typing import Final

from streams.core.obligations import Case
from streams.core.turn import Turn

QUIET_MS: Final = 3_600_000


def count(turn: Turn, case: Case, name: str) -> None:
    """One more of what the counter `name` counts."""
    number = case.counters[name] = case.counters.get(name, 0) + 1
    if number & (number - 1) == 0:
        turn.change(case, name)
    else:
        case.untold_ms = turn.at_ms + QUIET_MS


def tell(turn: Turn, case: Case) -> None:
    """It has been quiet since: a version with the numbers as they are."""
    turn.only_time = True
    turn.change(case, "counters")
