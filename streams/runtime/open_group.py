"""What does the next transaction hold so far, and what of it is undone when an event turns out to be poison?"""

from __future__ import annotations

from collections import Counter as Tally
from typing import NamedTuple

from streams.metrics import Counter
from streams.runtime.logic import Emit

CountKey = tuple[Counter, tuple[str, ...]]


class Group(NamedTuple):
    """What one transaction must hold, and what may be told to the world when it is committed."""

    emits: list[Emit]
    rows: list[tuple[bytes, bytes | None]]
    offsets: dict[str, int]  # last offset handled of each input; the consumer group may commit it plus one
    handled: int
    event_times: list[int]
    counts: dict[CountKey, int]
    clock_ms: int


class Mark(NamedTuple):
    """How far a group had grown."""

    emits: int
    event_times: int
    counts: Tally[CountKey]
    handled: int


class OpenGroup:
    """What happened in a partition since its last group was handed out."""

    def __init__(self) -> None:
        self.emits: list[Emit] = []
        self.event_times: list[int] = []
        self.counts: Tally[CountKey] = Tally()
        self.handled = 0
        self.moved = False  # there is something to commit, if only a new position

    def count(self, metric: Counter, *labels: str, by: int = 1) -> None:
        """Add to a metric once the group is committed."""
        self.counts[(metric, labels)] += by

    def mark(self) -> Mark:
        return Mark(len(self.emits), len(self.event_times), Tally(self.counts), self.handled)

    def roll_back(self, mark: Mark) -> None:
        del self.emits[mark.emits :]
        del self.event_times[mark.event_times :]
        self.counts = Tally(mark.counts)
        self.handled = mark.handled

    def close(self, rows: list[tuple[bytes, bytes | None]], offsets: dict[str, int], clock_ms: int) -> Group:
        return Group(self.emits, rows, offsets, self.handled, self.event_times, dict(self.counts), clock_ms)
