"""What must an agent's logic provide so that the runtime can run it exactly once?

The runtime owns order, time, duplicates, poison, state bytes and commits; a `Logic` owns meaning. Both the Kafka worker
and the backtest drive the same `Partition` with the same `Logic`, which is why their outputs are equal byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from streams.metrics import Gauge


class Record(NamedTuple):
    """One input record as Kafka delivered it; `topic` is the logical name, without the deployment's prefix."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class Emit(NamedTuple):
    """One output record of a group. `partition` None means the number of the partition that produced it."""

    topic: str
    key: bytes
    value: bytes | None
    timestamp_ms: int  # event time: outputs are functions of input, so no wall clock here
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class Incoming(NamedTuple):
    """A record that was understood: which state it touches, when it happened, how a duplicate is recognised."""

    event: Any  # None for a watermark or a told clock, which only moves time
    key: bytes | None  # state key; None for an event that touches no state
    at_ms: int  # event time
    dedupe: int = 0  # 64-bit hash of (topic, source, event_id); 0 = never a duplicate
    moves_clock: bool = True
    alone: bool = False  # its decision changes what `prepare` sees, so it is prepared and decided by itself
    source: int = -1  # source partition and sequence of a signal: the order of the second hop
    sequence: int = 0
    sweeps: bytes = b""  # with `alone`: `sweep` is asked about every state that contains these bytes


class Refused(NamedTuple):
    """A record that cannot be handled, and why, in the closed vocabulary of dead-letter reasons."""

    reason: str
    detail: str
    counts: bool = True  # False: outside the limit that stops the worker (a newer producer is not an attack)


class Context(msgspec.Struct):
    """What the shell knows at the moment of a decision. One object per partition, updated between events."""

    partition: int
    partitions: int
    next_sequence: Callable[[], int]  # numbers signals per source partition, without holes
    count: Callable[..., None]  # count(metric, *labels, by=1); lost if the event turns out to be poison
    observe: Callable[..., None]  # observe(histogram, value, *labels); the same
    shared: Any = None  # the logic's partition-wide state; what decide, fire and told touch of it, prepare does not
    now_ms: int = 0  # event-time clock in replay, wall clock live; only for the age of effects
    clock_ms: int = 0  # the partition's event-time clock
    feeds: dict[str, int] = msgspec.field(default_factory=dict)  # newest event time per input topic


class Shown(NamedTuple):
    """One gauge of one partition. The gauge's labels are these and, last, the partition."""

    gauge: Gauge
    value: float | None
    labels: tuple[str, ...] = ()


class Input(NamedTuple):
    """One input topic of an agent."""

    topic: str
    waits: bool = True  # merging waits for it; entity risk does not take part in the merge
    required: bool = True
    keyed: bool = True  # the record's partition must be the hash of its key


class Logic(Protocol):
    """Meaning of one agent's events. Everything here is synchronous and free of I/O."""

    @property
    def name(self) -> str:
        """Part of transactional ids and of the changelog's name."""

    @property
    def inputs(self) -> tuple[Input, ...]:
        """In rank order: ties in record time go to the lower rank."""

    @property
    def by_source(self) -> bool:
        """Order by (event time, source partition, sequence) of signals instead of merging topics by record time."""

    def read(self, record: Record) -> Incoming | Refused:
        """Decode and check one record. Never raises for bad data."""

    def new(self, key: bytes) -> Any: ...

    def load(self, key: bytes, raw: bytes) -> Any: ...

    def dump(self, state: Any) -> bytes: ...

    def new_shared(self) -> Any: ...

    def load_shared(self, raw: bytes) -> Any: ...

    def dump_shared(self, shared: Any) -> bytes: ...

    def due_ms(self, state: Any) -> int | None:
        """When the next timer of this state fires, or None."""

    def forgets_ms(self, state: Any) -> int | None:
        """From when on a state without timers may be dropped, or None for never."""

    def prepare(
        self, state: Any, incoming: Incoming, peek: Callable[[bytes], Any], late: bool, topic: str, shared: Any
    ) -> Any:
        """Features from before the event; then fold the event in. None: nothing to score or decide.

        `state` is None for an event without a key. `peek` reads other states of the partition. `shared` is the
        partition-wide state: what other steps change of it must be left alone, or the cut of a batch would show.
        """

    def score(self, prepared: Sequence[Any]) -> Sequence[Any]:
        """One answer per prepared event, in one call."""

    def decide(self, state: Any, prepared: Any, score: Any, context: Context) -> Iterable[Emit]:
        """Outcome and effects of one event."""

    def sweep(self, state: Any, event: Any, context: Context) -> Iterable[Emit] | None:
        """Forget in `state` what an event with `sweeps` is about; None: there is nothing of it."""

    def fire(self, key: bytes, state: Any, due_ms: int, context: Context) -> Iterable[Emit]:
        """Effects of the timers of `state` that are due at `due_ms`; must move `due_ms(state)` past it."""

    def advance(self, from_ms: int, to_ms: int, context: Context) -> Iterable[Emit]:
        """Called before the clock moves: what the partition-wide state owes up to `to_ms`."""

    def gauges(self, shared: Any) -> Iterable[Shown]:
        """What of the partition-wide state is shown: every series that it can have, None where there is nothing."""

    def told(self, clock_ms: int, context: Context) -> Iterable[Emit]:
        """Tell the clock to whoever waits for it, at most every 200 ms."""
