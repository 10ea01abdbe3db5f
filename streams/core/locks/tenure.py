"""How long have the locks of a partition stood, and how did those end that ended?

For the metrics about locks. A lock has ended when PayWarden takes it back: whether the payment system has heard is the
business of its acknowledgement. A longer lock in the place of a shorter one of the same kind is the same lock.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from streams.core.locks.account_states import ACCOUNT_MOVES, STATES, stands, state_of_lock
from streams.core.obligations import HeldLock

DAY_MS = 86_400_000
# What an account can be in because of a lock.
LOCKED = STATES[1:-1]
REPLACED = "replaced"  # by a stricter lock
ENDS = frozenset({move.on for move in ACCOUNT_MOVES if move.state in LOCKED} | {"closed", REPLACED})
# Days of which the locks are counted one by one; a lock that is older counts as old as the oldest day that is kept.
DAYS_MAX = 128


class Standing(NamedTuple):
    """One lock that keeps somebody out: its place, what it makes of the account, since when."""

    place: tuple[str, str, str]  # action, scope, applies to: an account has one lock of each
    state: str
    since_ms: int


class EndedLock(NamedTuple):
    """One lock that stands no more."""

    state: str
    end: str  # of ENDS
    lasted_ms: int


class Moved(NamedTuple):
    """What one turn did to the locks of an account."""

    begun: list[str]  # states
    ended: list[EndedLock]


class Tenure(msgspec.Struct, array_like=True):
    """Locks that stand in a partition, counted by the UTC day on which they began; at most 128 days of 6 states."""

    days: dict[str, list[tuple[int, int]]] = msgspec.field(default_factory=dict)  # state -> (day, locks), oldest first

    def note(self, before: Iterable[Standing], after: Iterable[Standing], trigger: str, at_ms: int) -> Moved:
        """Takes in what a turn has changed and tells what began and ended. `trigger` is what moved the account."""
        was = {(lock.place, lock.state): lock.since_ms for lock in before}
        now = {(lock.place, lock.state): lock.since_ms for lock in after}
        moved = Moved([], [])
        for (place, state), since_ms in now.items():
            old_ms = was.pop((place, state), None)
            if old_ms is None:
                moved.begun.append(state)
            elif old_ms != since_ms:
                self._remove(state, old_ms // DAY_MS)
            if old_ms != since_ms:
                self._add(state, since_ms // DAY_MS)
        for (_, state), since_ms in was.items():
            self._remove(state, since_ms // DAY_MS)
            end = trigger if trigger in ENDS else REPLACED
            moved.ended.append(EndedLock(state, end, max(0, at_ms - since_ms)))
        return moved

    def standing(self, state: str) -> int:
        """How many locks make this of their account now."""
        return sum(number for _, number in self.days.get(state, ()))

    def oldest_ms(self, state: str) -> int | None:
        """The beginning of the day on which the oldest of them began; None if there is none."""
        days = self.days.get(state)
        return days[0][0] * DAY_MS if days else None

    def _add(self, state: str, day: int) -> None:
        days = self.days.setdefault(state, [])
        at = bisect_right(days, day, key=_day)
        if at and days[at - 1][0] == day:
            days[at - 1] = (day, days[at - 1][1] + 1)
            return
        insort(days, (day, 1))
        if len(days) > DAYS_MAX:
            (oldest, number), (_, more) = days[:2]
            days[:2] = [(oldest, number + more)]

    def _remove(self, state: str, day: int) -> None:
        days = self.days.get(state)
        if not days:
            return  # it began before locks were counted
        at = max(0, bisect_right(days, day, key=_day) - 1)
        found, number = days[at]
        if number > 1:
            days[at] = (found, number - 1)
        else:
            del days[at]


def standing(locks: Iterable[HeldLock]) -> tuple[Standing, ...]:
    """The locks that keep somebody out: one that is being lifted does not count."""
    return tuple(
        Standing((held.action, held.scope, held.applies_to), state_of_lock(held), held.since_ms)
        for held in locks
        if stands(held)
    )


def _day(entry: tuple[int, int]) -> int:
    return entry[0]
