"""What happens to the records of one owned partition, from the buffer to the group that one transaction commits?

A `Partition` is free of Kafka, Faust and the wall clock. The worker feeds it what it fetched and commits the groups it
hands out; the backtest does the same with lists in memory.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import msgspec

from streams.contracts.partitioning import partition_of
from streams.metrics import (
    DEAD_LETTERS,
    DUPLICATES,
    EVENTS,
    LATE_EVENTS,
    POISON,
    STATE_DROPPED,
    TIMERS,
    UNKNOWN_TYPES,
    Counter,
)
from streams.runtime.dead_letters import Limit, dead_letter
from streams.runtime.logic import Context, Emit, Incoming, Input, Logic, Record, Refused
from streams.runtime.merge import Entry, Merge, Resume, SourceMerge, TopicMerge
from streams.runtime.states import FORMAT, Slot, StateFromTheFuture, States

POSITION_KEY = b"\x00position"  # keys of states never begin with NUL
SHARED_KEY = b"\x00shared"
FINISH_RECORDS = 1_000  # handled at a time to make a group whole
QUARANTINE_MS = 3_600_000  # a timer that raises is tried again after this much event time

CountKey = tuple[Counter, tuple[str, ...]]


class ForeignPartitionCount(Exception):
    """The position was written when the inputs had another number of partitions.

    Operator action: restore the old partition count, or run `paywarden state rebuild`, which replays the inputs.
    """


class PartitionOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How one partition treats order, time and bad records."""

    merge: Literal["live", "strict"] = "live"
    clock: Literal["live", "replay"] = "live"
    lateness_ms: int = 900_000
    # An event may be this far ahead of its record timestamp (or, live, of its arrival); beyond, its clock is wrong.
    future_ms: int = 300_000
    told_every_ms: int = 200
    dead_letter_share: float = 0.2
    dead_letter_window: int = 10_000
    # Strays come from a producer with another partitioner, which scatters nearly all of its records; 5 % of the last
    # 1,000 is far above any accident and is reached after a second of traffic.
    stray_share: float = 0.05
    stray_window: int = 1_000
    # Nothing is kept by key, so a position stays good when the inputs get more partitions.
    any_count: bool = False
    resident: int = 10_000  # decoded states kept; at 21 KiB each (docs/performance.md) 210 MB


class Position(msgspec.Struct, array_like=True):
    """Where a partition stands; committed with every group. Fields are only ever appended."""

    format: int
    partitions: int
    clock_ms: int
    sequence: int
    offsets: dict[str, int]  # last offset handled of each input
    feeds: dict[str, int]
    high: int = -1
    frontier_ms: int = 0
    clocks: tuple[int, ...] = ()


class Group(NamedTuple):
    """What one transaction must hold, and what may be told to the world when it is committed."""

    emits: list[Emit]
    rows: list[tuple[bytes, bytes | None]]
    offsets: dict[str, int]  # last offset handled of each input; the consumer group may commit it plus one
    handled: int
    event_times: list[int]
    counts: dict[CountKey, int]
    clock_ms: int


class _Step(NamedTuple):
    """One prepared event that waits for its decision; `facts` None when there is nothing to decide."""

    clock_ms: int
    at_ms: int
    topic: str
    slot: Slot | None
    state: Any
    facts: Any


class _Mark(NamedTuple):
    """What poison rolls back to, besides the states."""

    emits: int
    event_times: int
    clock_ms: int
    sequence: int
    feeds: dict[str, int]
    shared: bytes
    counts: Tally[CountKey]
    handled: int


_encode = msgspec.msgpack.Encoder().encode
_decode_position = msgspec.msgpack.Decoder(Position).decode


def read_position(raw: bytes) -> Position:
    """Decode a position row; raises `StateFromTheFuture` for a newer format."""
    position = _decode_position(raw)
    if position.format > FORMAT:
        raise StateFromTheFuture(f"position has format {position.format}, this release reads up to {FORMAT}")
    return position


class Partition:
    """The engine of one owned partition of one agent."""

    def __init__(
        self,
        logic: Logic,
        number: int,
        partitions: int,
        options: PartitionOptions,
        inputs: Iterable[Input] | None = None,
    ) -> None:
        self.logic = logic
        self.number = number
        self.partitions = partitions
        self.options = options
        self.inputs = tuple(inputs if inputs is not None else logic.inputs)
        self.clock_ms = 0
        self.positioned = False  # a position row was restored
        self.poison: list[tuple[Record, Exception]] = []  # for the worker's log; it empties the list
        self.states = States(logic, lateness_ms=options.lateness_ms, resident=options.resident)
        self._keyed = {each.topic for each in self.inputs if each.keyed}
        self._offsets: dict[str, int] = {}
        self._resume = Resume()
        self._merge: Merge = self._new_merge()
        self._sequence = 0
        self._told_ms = 0
        self._told_at_ms = 0
        self._shared_raw: bytes | None = None
        self._context = Context(number, partitions, self._next_sequence, self._count)
        self._context.shared = logic.new_shared()
        self._dead_letters = Limit(options.dead_letter_share, options.dead_letter_window)
        self._strays = Limit(options.stray_share, options.stray_window)
        # The open group: what happened since the last commit.
        self._emits: list[Emit] = []
        self._event_times: list[int] = []
        self._counts: Tally[CountKey] = Tally()
        self._handled = 0
        self._moved = False
        # What was taken since the last checkpoint, to be run again if some of it is poison.
        self._since: list[tuple[list[Entry], int]] = []
        self._mark = self._take_mark()

    # -- restoring -------------------------------------------------------------------------------------------------

    def restore(self, key: bytes, raw: bytes | None) -> None:
        """Apply one changelog row; the last one of a key wins."""
        if key == POSITION_KEY:
            if raw is not None:
                self._restore_position(read_position(raw))
        elif key == SHARED_KEY:
            self._shared_raw = raw
        else:
            self.states.restore(key, raw)

    def _restore_position(self, position: Position) -> None:
        if position.partitions != self.partitions and not self.options.any_count:
            raise ForeignPartitionCount(
                f"state of {self.logic.name}/{self.number} belongs to {position.partitions} partitions, "
                f"the inputs have {self.partitions}"
            )
        self.positioned = True
        self.clock_ms = position.clock_ms
        self._sequence = position.sequence
        self._offsets = dict(position.offsets)
        self._context.feeds = dict(position.feeds)
        self._resume = Resume(position.high, position.frontier_ms, position.clocks)

    def restored(self) -> None:
        """All rows are applied: arm the timers and be ready for `feed`."""
        self.states.arm()
        if self._shared_raw is not None:
            self._context.shared = self.logic.load_shared(self._shared_raw)
        self._context.clock_ms = self.clock_ms
        self._merge = self._new_merge()
        self._mark = self._take_mark()

    def _new_merge(self) -> Merge:
        strict = self.options.merge == "strict"
        if self.logic.by_source:
            topic = self.inputs[0].topic
            return SourceMerge(topic, self.partitions, self._offsets, self._resume, strict=strict)
        return TopicMerge(self.inputs, self._offsets, strict=strict)

    # -- input -----------------------------------------------------------------------------------------------------

    @property
    def positions(self) -> dict[str, int]:
        """Last offset handled of each input, recovered or current."""
        return dict(self._merge.positions())

    @property
    def feeds(self) -> dict[str, int]:
        """Newest event time of each input, as far as it was handled."""
        return self._context.feeds

    def feed(self, topic: str, records: list[Record]) -> None:
        """Buffer fetched records; what the recovered position covers is skipped."""
        done = self._offsets.get(topic, -1)
        read = self.logic.read
        self._merge.add(topic, [Entry(record, read(record)) for record in records if record.offset > done])

    def buffered(self, topic: str) -> int:
        return self._merge.buffered(topic)

    @property
    def backlog(self) -> int:
        """Records of all inputs that wait to be handled."""
        return self._merge.total

    # -- running ---------------------------------------------------------------------------------------------------

    def run(self, limit: int, *, ends: dict[str, bool], now_ms: int) -> int:
        """Handle what is ready, about `limit` records; returns how many. `ends`: which topics are read to their end."""
        entries = self._merge.take(limit, ends, now_ms)
        if entries:
            self._handle(entries, now_ms)
        elif self._merge.read_on:
            self._moved = True  # told clocks were read: nothing happened, but the position is a new one
            return 1
        return len(entries)

    def tick(self, now_ms: int) -> None:
        """The partition is idle: event time follows the wall clock at the distance of the lateness bound."""
        to_ms = now_ms - self.options.lateness_ms
        if to_ms > self.clock_ms:
            self._handle([Entry(Record("", self.number, -1, to_ms, None, None), Incoming(None, None, to_ms))], now_ms)

    def _handle(self, entries: list[Entry], now_ms: int) -> None:
        self._since.append((entries, now_ms))
        self._moved = True
        try:
            self._process(entries, now_ms)
        except Exception:
            self._handle_one_by_one()

    def _process(self, entries: list[Entry], now_ms: int) -> None:
        """Prepare all, score in one call, decide in order. Cutting the entries differently changes nothing."""
        start = 0
        while start < len(entries):
            start = self._process_from(entries, start, now_ms)

    def _process_from(self, entries: list[Entry], start: int, now_ms: int) -> int:
        """Handle `entries[start:]` up to the first that needs the ones before it decided; returns where it stopped."""
        states, logic_name = self.states, self.logic.name
        steps: list[_Step] = []
        handled: Tally[str] = Tally()
        clock_ms, refused, strays = self.clock_ms, 0, 0
        at = start
        while at < len(entries):
            record, result = entries[at]
            refusal = self._refusal(record, result, now_ms)
            if refusal is not None:
                self._set_aside(record, refusal)
                refused += refusal.counts
                strays += refusal.reason == "wrong_partition"
                at += 1
                continue
            assert type(result) is Incoming
            next_clock_ms = result.at_ms if result.moves_clock and result.at_ms > clock_ms else clock_ms
            if steps and next_clock_ms > self.clock_ms + self.options.lateness_ms:
                break  # so much time passes that a state of this batch could be forgotten within it
            if result.event is None:
                steps.append(_Step(next_clock_ms, result.at_ms, record.topic, None, None, None))
            elif result.key is None:
                steps.append(self._prepare(record, result, None, clock_ms, next_clock_ms))
            else:
                slot = states.open(result.key, next_clock_ms, self.clock_ms)
                if slot is None and steps:
                    break
                if slot is None:
                    self._advance(next_clock_ms)
                    slot = states.open(result.key, next_clock_ms, next_clock_ms)
                    assert slot is not None
                if states.seen_before(slot, result.dedupe, next_clock_ms):
                    self._count(DUPLICATES, logic_name, record.topic)
                    next_clock_ms = clock_ms
                else:
                    steps.append(self._prepare(record, result, slot, clock_ms, next_clock_ms))
            handled[record.topic] += 1
            clock_ms = next_clock_ms
            at += 1
        self._dead_letters.count(at - start, refused)
        self._strays.count(at - start, strays)
        self._handled += at - start
        for topic, number in handled.items():
            self._count(EVENTS, logic_name, topic, by=number)
        self._decide(steps, now_ms)
        return at

    def _refusal(self, record: Record, result: Incoming | Refused, now_ms: int) -> Refused | None:
        """Why this record is a dead letter, or None."""
        if type(result) is Refused:
            return result
        assert type(result) is Incoming
        future_ms = self.options.future_ms
        if result.at_ms > record.timestamp_ms + future_ms:
            return Refused("future", f"event time {result.at_ms} is ahead of record time {record.timestamp_ms}")
        if self.options.clock == "live" and result.at_ms > now_ms + future_ms:
            return Refused("future", f"event time {result.at_ms} is ahead of its arrival")
        if (
            result.event is not None
            and record.topic in self._keyed
            and record.key is not None
            and result.key not in self.states  # a known key was checked when it came first
            and partition_of(record.key, self.partitions) != self.number
        ):
            return Refused("wrong_partition", "the murmur2 hash of the key names another partition")
        return None

    def _prepare(
        self, record: Record, incoming: Incoming, slot: Slot | None, clock_ms: int, next_clock_ms: int
    ) -> _Step:
        topic, at_ms = record.topic, incoming.at_ms
        late = at_ms < clock_ms - self.options.lateness_ms
        if late:
            self._count(LATE_EVENTS, self.logic.name, "counted")
        elif at_ms < clock_ms:
            self._count(LATE_EVENTS, self.logic.name, "amended")
        state = None
        if slot is not None:
            slot.pending += 1
            state = slot.state
        facts = self.logic.prepare(state, incoming, self.states.peek, late, topic)
        return _Step(next_clock_ms, at_ms, topic, slot, state, facts)

    def _decide(self, steps: list[_Step], now_ms: int) -> None:
        logic, context, states = self.logic, self._context, self.states
        live = self.options.clock == "live"
        context.now_ms = now_ms
        wanted = [step.facts for step in steps if step.facts is not None]
        scores = iter(logic.score(wanted) if wanted else ())
        feeds = context.feeds
        for clock_ms, at_ms, topic, slot, state, facts in steps:
            if at_ms > feeds.get(topic, 0):
                feeds[topic] = at_ms
            if clock_ms > self.clock_ms:
                self._advance(clock_ms)
            if not live:
                context.now_ms = clock_ms
            if facts is not None:
                self._event_times.append(at_ms)
                self._emits.extend(logic.decide(state, facts, next(scores), context))
            if slot is not None:
                slot.pending -= 1
                states.reschedule(slot, state)

    def _advance(self, to_ms: int) -> None:
        """Fire what is due at or before `to_ms`, in (due, key) order, then move the clock."""
        self._fire_due(to_ms)
        self._emits.extend(self.logic.advance(self.clock_ms, to_ms, self._context))
        self.clock_ms = self._context.clock_ms = to_ms

    def _fire_due(self, to_ms: int) -> None:
        context, states = self._context, self.states
        while (slot := states.pop_due(to_ms)) is not None:
            due_ms = states.due_ms(slot, to_ms)
            if due_ms is None:
                continue
            # An effect carries the time at which it was due, never how far this batch happened to reach.
            context.clock_ms = max(self.clock_ms, due_ms)
            if self.options.clock == "replay":
                context.now_ms = context.clock_ms
            self._emits.extend(self.logic.fire(slot.key, slot.state, due_ms, context))
            self._count(TIMERS, self.logic.name)
            states.reschedule(slot, slot.state)

    # -- bad records and poison --------------------------------------------------------------------------------------

    def _set_aside(self, record: Record, refused: Refused) -> None:
        self._emits.append(dead_letter(record, refused))
        self._count(DEAD_LETTERS, self.logic.name, record.topic, refused.reason)
        if refused.reason == "unknown_type":
            self._count(UNKNOWN_TYPES, self.logic.name, record.topic)

    def _take_mark(self) -> _Mark:
        return _Mark(
            len(self._emits),
            len(self._event_times),
            self.clock_ms,
            self._sequence,
            dict(self._context.feeds),
            self.logic.dump_shared(self._context.shared),
            Tally(self._counts),
            self._handled,
        )

    def _checkpoint(self) -> None:
        forgotten = self.states.checkpoint(self.clock_ms)
        if forgotten:
            self._count(STATE_DROPPED, self.logic.name, "idle", by=forgotten)
        self._since.clear()
        self._mark = self._take_mark()

    def _roll_back(self) -> None:
        mark = self._mark
        del self._emits[mark.emits :]
        del self._event_times[mark.event_times :]
        self.clock_ms, self._sequence, self._handled = mark.clock_ms, mark.sequence, mark.handled
        self._counts = Tally(mark.counts)
        context = self._context
        context.feeds = dict(mark.feeds)
        context.shared = self.logic.load_shared(mark.shared)
        context.clock_ms = self.clock_ms
        self.states.roll_back()

    def _handle_one_by_one(self) -> None:
        """Something raised: go back to the checkpoint and find out which event it is."""
        since, self._since = self._since, []
        self._roll_back()
        for entries, now_ms in since:
            for entry in entries:
                self._checkpoint()
                try:
                    self._process([entry], now_ms)
                except Exception as error:
                    self._roll_back()
                    self._find_poison(entry, error, now_ms)
        self._checkpoint()

    def _find_poison(self, entry: Entry, error: Exception, now_ms: int) -> None:
        """Was it a timer that the event only woke, or the event itself?"""
        if self._quarantine_timers(entry.result):
            self._checkpoint()
            try:
                self._process([entry], now_ms)
                return
            except Exception as again:
                self._roll_back()
                error = again
        # The class, not the message: a message may quote the customer's data.
        self._set_aside(entry.record, Refused("raised", f"{type(error).__name__}; the worker's log has the traceback"))
        self._handled += 1
        self._count(POISON, self.logic.name)
        self.poison.append((entry.record, error))

    def _quarantine_timers(self, result: Incoming | Refused) -> bool:
        """Fire due timers one by one; those that raise are set aside and put off. Returns whether there were any."""
        found = False
        states = self.states
        while type(result) is Incoming and states.next_wake_ms is not None and states.next_wake_ms <= result.at_ms:
            due_ms, key = states.next_wake_ms, states.next_wake_key
            self._checkpoint()
            try:
                self._fire_due(due_ms)
            except Exception as error:
                self._roll_back()
                found = True
                states.put_off(key, due_ms + QUARANTINE_MS)
                record = Record("timer", self.number, 0, due_ms, key, None)
                self._set_aside(record, Refused("raised", f"{type(error).__name__} in a timer of this key"))
                self.poison.append((record, error))
        return found

    # -- committing ------------------------------------------------------------------------------------------------

    @property
    def whole(self) -> bool:
        """A group may end here. If not, `run` has more to hand out at once that belongs to it."""
        return self._merge.whole

    def group(self, now_ms: int) -> Group | None:
        """Everything since the last group, for one transaction, and begins the next; None when there is nothing.

        Handles first what is missing to make it `whole`. Call `committed` when the transaction is; what is handled
        until then belongs to the next group. A transaction that fails ends the process, so there is no way back.
        """
        while not self.whole:
            self._handle(self._merge.take(FINISH_RECORDS, {}, now_ms), now_ms)
        if self.waits_to_tell and now_ms - self._told_at_ms >= self.options.told_every_ms:
            self._emits.extend(self.logic.told(self.clock_ms, self._context))
            self._told_ms, self._told_at_ms = self.clock_ms, now_ms
        elif not self._moved:
            return None
        self._checkpoint()
        rows = self.states.take_rows()
        if self._mark.shared != self._shared_raw:
            self._shared_raw = self._mark.shared
            rows.append((SHARED_KEY, self._shared_raw))
        offsets, resume = self.positions, self._merge.resume()
        position = Position(
            FORMAT,
            self.partitions,
            self.clock_ms,
            self._sequence,
            offsets,
            self._context.feeds,
            resume.high,
            resume.frontier_ms,
            resume.clocks,
        )
        rows.append((POSITION_KEY, _encode(position)))
        group = Group(self._emits, rows, offsets, self._handled, self._event_times, dict(self._counts), self.clock_ms)
        self._emits, self._event_times = [], []
        self._counts.clear()
        self._handled = 0
        self._moved = False
        self._mark = self._take_mark()
        return group

    def committed(self) -> None:
        """The last group is durable."""
        self.states.cool()

    @property
    def waits_to_tell(self) -> bool:
        """The clock moved and its readers do not know yet: another group is due even without input."""
        return self.clock_ms > self._told_ms

    @property
    def stop_sentence(self) -> str | None:
        """Why the worker must stop after its commit, or None."""
        who, options = f"{self.logic.name}/{self.number}", self.options
        if self._strays.exceeded:
            return (
                f"{who}: more than {options.stray_share:.0%} of the last records lie on another partition than the "
                "murmur2 hash of their key: a producer uses another partitioner. Set partitioner=murmur2_random "
                "(librdkafka) or the Java-compatible hash partitioner (Sarama) there, then feed the dead letters again "
                "with `paywarden dead-letters replay`."
            )
        if self._dead_letters.exceeded:
            return (
                f"{who}: more than {options.dead_letter_share:.0%} of the last {options.dead_letter_window} records "
                "could not be handled, which is a deployment mistake and not bad data. Look at `paywarden dead-letters "
                "list`, mend the producer or deploy the matching release, then feed them again with `paywarden "
                "dead-letters replay`."
            )
        return None

    def _next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence

    def _count(self, metric: Counter, *labels: str, by: int = 1) -> None:
        self._counts[(metric, labels)] += by


__all__ = [
    "POSITION_KEY",
    "SHARED_KEY",
    "ForeignPartitionCount",
    "Group",
    "Partition",
    "PartitionOptions",
    "Position",
    "StateFromTheFuture",
    "read_position",
]
