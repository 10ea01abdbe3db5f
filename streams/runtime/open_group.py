"""What does the next transaction hold so far, and what of it is undone when an event turns out to be poison?"""

from __future__ import annotations

from collections import Counter as Tally
from typing import NamedTuple

from streams.metrics import Counter, Histogram
from streams.runtime.logic import Emit

CountKey = tuple[Counter, tuple[str, ...]]
SpreadKey = tuple[Histogram, float, tuple[str, ...]]


class Group(NamedTuple):
    """What one transaction must hold, and what may be told to the world when it is committed."""

    emits: list[Emit]
    rows: list[tuple[bytes, bytes | None]]
    offsets: dict[str, int]  # last offset handled of each input; the consumer group may commit it plus one
    handled: int
    event_times: list[int]
    counts: dict[CountKey, int]
    clock_ms: int
    spreads: dict[SpreadKey, int]


class Mark(NamedTuple):
    """How far a group had grown."""

    emits: int
    event_times: int
    counts: Tally[CountKey]
    spreads: Tally[SpreadKey]
    handled: int


class OpenGroup:
    """What happened in a partition since its last group was handed out."""

    def __init__(self) -> None:
        self.emits: list[Emit] = []
        self.event_times: list[int] = []
        self.counts: Tally[CountKey] = Tally()
        self.spreads: Tally[SpreadKey] = Tally()
        self.handled = 0
        self.moved = False  # there is something to commit, if only a new position

    def count(self, metric: Counter, *labels: str, by: int = 1) -> None:
        """Add to a metric once the group is committed."""
        self.counts[(metric, labels)] += by

    def observe(self, metric: Histogram, value: float, *labels: str) -> None:
        """Record a value once the group is committed."""
        self.spreads[(metric, value, labels)] += 1

    def mark(self) -> Mark:
        counts, spreads = Tally(self.counts), Tally(self.spreads)
        return Mark(len(self.emits), len(self.event_times), counts, spreads, self.handled)

    def roll_back(self, mark: Mark) -> None:
        del self.emits[mark.emits :]
        del self.event_times[mark.event_times :]
        self.counts = Tally(mark.counts)
        self.spreads = Tally(mark.spreads)
        self.handled = mark.handled

    def close(self, rows: list[tuple[bytes, bytes | None]], offsets: dict[str, int], clock_ms: int) -> Group:
        counts, spreads = dict(self.counts), dict(self.spreads)
        return Group(self.emits, rows, offsets, self.handled, self.event_times, counts, clock_ms, spreads)
