"""What must an agent's logic provide so that the runtime can run it exactly once?

The runtime owns order, time, duplicates, poison, state bytes and commits; a `Logic` owns meaning. Both the Kafka worker
and the backtest drive the same `Partition` with the same `Logic`, which is why their outputs are equal byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

StateT = TypeVar("StateT")
EventT = TypeVar("EventT", contravariant=True)


class Record(NamedTuple):
    """One input record as Kafka delivered it; `topic` is the logical name, without the deployment's prefix."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None


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

    event: Any
    key: bytes | None  # state key; None for watermarks and clocks, which touch no state
    at_ms: int  # event time
    dedupe: int  # 64-bit hash of (topic, event_id); 0 = never a duplicate
    moves_clock: bool = True


class Refused(NamedTuple):
    """A record that cannot be handled, and why, in the closed vocabulary of dead-letter reasons."""

    reason: str
    detail: str
    counts: bool = True  # False: outside the limit that stops the worker (a newer producer is not an attack)


class Context(NamedTuple):
    """What the shell knows at the moment of a decision."""

    partition: int
    partitions: int
    now_ms: int  # event-time clock in replay, wall clock live; only for the age of effects
    clock_ms: int  # the partition's event-time clock
    feeds: dict[str, int]  # newest event time per input topic
    next_sequence: Callable[[], int]  # numbers signals per source partition, without holes


class Input(NamedTuple):
    """One input topic of an agent."""

    topic: str
    waits: bool = True  # merging waits for it; entity risk does not take part in the merge
    required: bool = True


class Logic(Protocol[StateT]):
    """Meaning of one agent's events. Everything here is synchronous and free of I/O."""

    name: str  # part of transactional ids and of the changelog's name
    inputs: tuple[Input, ...]  # in rank order: ties in record time go to the lower rank

    def read(self, record: Record) -> Incoming | Refused:
        """Decode and check one record. Never raises for bad data."""

    def new(self, key: bytes) -> StateT: ...

    def load(self, key: bytes, raw: bytes) -> StateT: ...

    def dump(self, state: StateT) -> bytes: ...

    def due_ms(self, state: StateT) -> int | None:
        """When the next timer of this state fires, or None."""

    def forgets_ms(self, state: StateT) -> int | None:
        """From when on a state without timers may be dropped, or None for never."""

    def prepare(self, state: StateT, incoming: Incoming, peek: Callable[[bytes], StateT | None], late: bool) -> Any:
        """Features from before the event; then fold the event in. `peek` reads other states of the partition."""

    def score(self, prepared: Sequence[Any]) -> Sequence[Any]:
        """One answer per prepared event, in one call."""

    def decide(self, state: StateT, prepared: Any, score: Any, context: Context) -> Iterable[Emit]:
        """Outcome and effects of one event."""

    def fire(self, state: StateT, due_ms: int, context: Context) -> Iterable[Emit]:
        """Effects of the timers of `state` that are due at `due_ms`; must move `due_ms(state)` past it."""

    def told(self, clock_ms: int, context: Context) -> Iterable[Emit]:
        """Called once per group with the committed clock: accounts tell it to the signals partitions."""
