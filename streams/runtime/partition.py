"""What happens to the records of one owned partition, from the buffer to the group that one transaction commits?

A `Partition` is free of Kafka, Faust and the wall clock. The worker feeds it what it fetched and commits the groups it
hands out; the backtest does the same with lists in memory.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import msgspec

from streams.contracts.partitioning import partition_of
from streams.runtime.dead_letters import Limit, dead_letter
from streams.runtime.logic import Context, Emit, Incoming, Input, Logic, Record, Refused
from streams.runtime.merge import Entry, Merge, Resume, SourceMerge, TopicMerge

FORMAT = 1  # of changelog rows and of the position; a release reads the next format before any release writes it
POSITION_KEY = b"\x00position"  # keys of states never begin with NUL
SHARED_KEY = b"\x00shared"
DEDUPE_CAP = 256  # event ids remembered per state; 256 x 18 bytes encoded = 4.5 KiB at the very worst
QUARANTINE_MS = 3_600_000  # a timer that raises is tried again after this much event time

CountKey = tuple[str, tuple[str, ...]]


class StateFromTheFuture(Exception):
    """The changelog was written by a newer release than this one can read.

    Operator action: deploy the newer release again. Do not delete the changelog: locks exist nowhere else.
    """


class ForeignPartitionCount(Exception):
    """The position was written when the inputs had another number of partitions.

    Operator action: restore the old partition count, or run `paywarden state rebuild`, which replays the inputs.
    """


class PartitionOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How one partition treats order, time and bad records."""

    merge: Literal["live", "strict"] = "live"
    clock: Literal["live", "replay"] = "live"
    lateness_ms: int = 900_000
    # An event may be this far ahead of its record timestamp (or, live, of its arrival) before its clock is called wrong.
    future_ms: int = 300_000
    told_every_ms: int = 200
    dead_letter_share: float = 0.2
    dead_letter_window: int = 10_000
    # Strays come from a producer with another partitioner, which scatters nearly all of its records; 5 % of the last
    # 1,000 is far above any accident and is reached after a second of traffic.
    stray_share: float = 0.05
    stray_window: int = 1_000
    resident: int = 50_000  # decoded states kept; at 4 KiB each 200 MB


class Row(msgspec.Struct, array_like=True):
    """A state in the changelog. Fields are only ever appended."""

    format: int
    wake_ms: int  # next timer or forget time, 0 for none
    seen: list[int]  # remembered event ids: hash, clock, hash, clock, ...
    state: bytes


class Position(msgspec.Struct, array_like=True):
    """Where a partition stands; committed with every group."""

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
    offsets: dict[str, int]  # last offset handled of each input; what the consumer group may commit, plus one
    handled: int
    event_times: list[int]
    counts: dict[CountKey, int]
    clock_ms: int


class _Step(NamedTuple):
    """One prepared event that waits for its decision; `facts` None when there is nothing to decide."""

    clock_ms: int
    at_ms: int
    slot: _Slot | None
    state: Any
    facts: Any


class _Slot:
    """One key's state: its bytes as of the last checkpoint, and the decoded object while it is warm."""

    __slots__ = ("forgotten", "key", "pending", "raw", "scheduled_ms", "seen", "state", "wake_ms")

    def __init__(self, key: bytes, raw: bytes | None, wake_ms: int) -> None:
        self.key = key
        self.raw = raw
        self.state: Any = None
        self.seen: dict[int, int] | None = None
        self.wake_ms = wake_ms
        self.scheduled_ms = 0  # of the one heap entry that stands for this slot; 0 = none
        self.pending = 0  # events prepared and not yet decided
        self.forgotten = False  # becomes a tombstone at the next checkpoint unless an event comes first


_BUSY = _Slot(b"", None, 0)

_encode = msgspec.msgpack.Encoder().encode
_decode_row = msgspec.msgpack.Decoder(Row).decode
_decode_position = msgspec.msgpack.Decoder(Position).decode


def read_position(raw: bytes) -> Position:
    """Decode a position row; raises `StateFromTheFuture` for a newer format."""
    position = _decode_position(raw)
    if position.format > FORMAT:
        raise StateFromTheFuture(f"position has format {position.format}, this release reads up to {FORMAT}")
    return position


def read_row(raw: bytes) -> Row:
    """Decode a state row; raises `StateFromTheFuture` for a newer format."""
    row = _decode_row(raw)
    if row.format > FORMAT:
        raise StateFromTheFuture(f"state has format {row.format}, this release reads up to {FORMAT}")
    return row


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
        self._keyed = {each.topic for each in self.inputs if each.keyed}
        self._offsets: dict[str, int] = {}
        self._resume = Resume()
        self._merge: Merge = self._new_merge()
        self._slots: dict[bytes, _Slot] = {}
        self._warm: dict[bytes, _Slot] = {}
        self._cooling: dict[bytes, _Slot] = {}
        self._timers: list[tuple[int, bytes]] = []
        self._sequence = 0
        self._told_ms = 0
        self._told_at_ms = 0
        self._shared_raw: bytes | None = None
        self._context = Context(number, partitions, self._next_sequence, self._count)
        self._context.shared = logic.new_shared()
        self._dead_letters = Limit(options.dead_letter_share, options.dead_letter_window)
        self._strays = Limit(options.stray_share, options.stray_window)
        # The open group: what happened since the last commit ...
        self._emits: list[Emit] = []
        self._dirty: dict[bytes, None] = {}
        self._handled = 0
        self._event_times: list[int] = []
        self._counts: Counter[CountKey] = Counter()
        self._moved = False
        # ... and since the last checkpoint, to which poison rolls back.
        self._touched: dict[bytes, _Slot] = {}
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
        elif raw is None:
            self._slots.pop(key, None)
        else:
            slot = self._slots.get(key)
            if slot is None:
                self._slots[key] = _Slot(key, raw, 0)
            else:
                slot.raw = raw

    def _restore_position(self, position: Position) -> None:
        if position.partitions != self.partitions:
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
        for slot in self._slots.values():
            if slot.raw is not None:
                slot.wake_ms = read_row(slot.raw).wake_ms
                self._schedule(slot)
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
    def keys(self) -> int:
        return len(self._slots)

    def peek(self, key: bytes) -> Any:
        """The state of `key` for reading, or None."""
        slot = self._slots.get(key)
        return None if slot is None else self._state_of(slot)

    def states(self) -> Iterable[tuple[bytes, bytes]]:
        """Key and encoded state of every key, as of the last checkpoint."""
        for key, slot in self._slots.items():
            if slot.raw is not None:
                yield key, read_row(slot.raw).state

    def feed(self, topic: str, records: list[Record]) -> None:
        """Buffer fetched records; what the recovered position covers is skipped."""
        done = self._offsets.get(topic, -1)
        read = self.logic.read
        self._merge.add(topic, [Entry(record, read(record)) for record in records if record.offset > done])

    def buffered(self, topic: str) -> int:
        return self._merge.buffered(topic)

    # -- running ---------------------------------------------------------------------------------------------------

    def run(self, limit: int, *, ends: dict[str, bool], now_ms: int) -> int:
        """Handle what is ready, about `limit` records; returns how many. `ends`: which topics are read to their end."""
        entries = self._merge.take(limit, ends, now_ms)
        if entries:
            self._handle(entries, now_ms)
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
        steps: list[_Step] = []
        clock_ms, refused, strays = self.clock_ms, 0, 0
        at = start
        while at < len(entries):
            record, result = entries[at]
            refusal = self._refusal(record, result, now_ms)
            if refusal is not None:
                self._emits.append(dead_letter(record, refusal))
                self._count("paywarden_dead_letters_total", refusal.reason)
                refused += refusal.counts
                strays += refusal.reason == "wrong_partition"
                at += 1
                continue
            assert type(result) is Incoming
            next_clock_ms = result.at_ms if result.moves_clock and result.at_ms > clock_ms else clock_ms
            if result.event is None:
                self._heard(record.topic, result.at_ms)
                steps.append(_Step(next_clock_ms, result.at_ms, None, None, None))
            else:
                slot = None if result.key is None else self._slot_for(result.key, next_clock_ms)
                if slot is _BUSY:
                    break
                if slot is None or not self._seen_before(slot, result.dedupe, clock_ms):
                    steps.append(self._prepare(record, result, slot, clock_ms, next_clock_ms))
                else:
                    next_clock_ms = clock_ms
            clock_ms = next_clock_ms
            at += 1
        self._dead_letters.count(at - start, refused)
        self._strays.count(at - start, strays)
        self._handled += at - start
        self._decide(steps, now_ms)
        return at

    def _refusal(self, record: Record, result: Incoming | Refused, now_ms: int) -> Refused | None:
        """Why this record is a dead letter, or None."""
        if type(result) is Refused:
            return result
        assert type(result) is Incoming
        future_ms = self.options.future_ms
        if result.at_ms > record.timestamp_ms + future_ms:
            return Refused(
                "future", f"event time {result.at_ms} is ahead of its record timestamp {record.timestamp_ms}"
            )
        if self.options.clock == "live" and result.at_ms > now_ms + future_ms:
            return Refused("future", f"event time {result.at_ms} is ahead of its arrival")
        if (
            result.event is not None
            and record.topic in self._keyed
            and record.key is not None
            and result.key not in self._slots  # a known key was checked when it came first
            and partition_of(record.key, self.partitions) != self.number
        ):
            return Refused("wrong_partition", "the murmur2 hash of the key names another partition")
        return None

    def _slot_for(self, key: bytes, clock_ms: int) -> _Slot:
        """The slot of `key` with its state decoded; an outlived state is replaced, `_BUSY` if that must wait."""
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = _Slot(key, None, 0)
        state = self._state_of(slot)
        if 0 < slot.wake_ms <= clock_ms and self.logic.due_ms(state) is None:
            forgets_ms = self.logic.forgets_ms(state)
            if forgets_ms is not None and forgets_ms <= clock_ms:
                if slot.pending:
                    return _BUSY  # its earlier events must be decided on the state they were prepared on
                slot.state, slot.seen = self.logic.new(key), {}
        slot.forgotten = False
        self._touched[key] = slot
        return slot

    def _prepare(
        self, record: Record, incoming: Incoming, slot: _Slot | None, clock_ms: int, next_clock_ms: int
    ) -> _Step:
        topic, at_ms = record.topic, incoming.at_ms
        self._heard(topic, at_ms)
        late = at_ms < clock_ms - self.options.lateness_ms
        if late:
            self._count("paywarden_late_events_total", topic)
        state = None
        if slot is not None:
            slot.pending += 1
            state = slot.state
        return _Step(next_clock_ms, at_ms, slot, state, self.logic.prepare(state, incoming, self.peek, late, topic))

    def _heard(self, topic: str, at_ms: int) -> None:
        """Note how far the feed has come, for rules about something's absence."""
        feeds = self._context.feeds
        if at_ms > feeds.get(topic, 0):
            feeds[topic] = at_ms

    def _decide(self, steps: list[_Step], now_ms: int) -> None:
        logic, context, emits = self.logic, self._context, self._emits
        live = self.options.clock == "live"
        context.now_ms = now_ms
        scores = iter(logic.score([step.facts for step in steps if step.facts is not None]))
        for clock_ms, at_ms, slot, state, facts in steps:
            if clock_ms > self.clock_ms:
                self._advance(clock_ms)
            if not live:
                context.now_ms = clock_ms
            if facts is not None:
                self._event_times.append(at_ms)
                emits.extend(logic.decide(state, facts, next(scores), context))
            if slot is not None:
                slot.pending -= 1
                self._reschedule(slot, state)

    # -- time ------------------------------------------------------------------------------------------------------

    def _advance(self, to_ms: int) -> None:
        """Fire what is due at or before `to_ms`, in (due, key) order, then move the clock."""
        self._fire_due(to_ms)
        self._emits.extend(self.logic.advance(self.clock_ms, to_ms, self._context))
        self.clock_ms = self._context.clock_ms = to_ms

    def _fire_due(self, to_ms: int) -> None:
        timers = self._timers
        while timers and timers[0][0] <= to_ms:
            at_ms, key = heapq.heappop(timers)
            slot = self._slots.get(key)
            if slot is None or slot.scheduled_ms != at_ms:
                continue
            slot.scheduled_ms = 0
            if slot.wake_ms > at_ms:
                self._schedule(slot)
            else:
                self._wake(slot, to_ms)

    def _wake(self, slot: _Slot, to_ms: int) -> None:
        logic = self.logic
        state = self._state_of(slot)
        due_ms = logic.due_ms(state)
        if due_ms is not None and due_ms <= to_ms:
            self._touched[slot.key] = slot
            # The clock of an effect is the due time, never how far this batch happened to reach.
            self._context.clock_ms = max(self.clock_ms, due_ms)
            if self.options.clock == "replay":
                self._context.now_ms = self._context.clock_ms
            self._emits.extend(logic.fire(state, due_ms, self._context))
            self._count("paywarden_timers_fired_total")
        elif due_ms is None and not slot.pending:
            forgets_ms = logic.forgets_ms(state)
            if forgets_ms is not None and forgets_ms <= to_ms:
                self._touched[slot.key] = slot
                slot.state, slot.seen, slot.forgotten = logic.new(slot.key), {}, True
                slot.wake_ms = 0
                return
        self._reschedule(slot, state)

    def _reschedule(self, slot: _Slot, state: Any) -> None:
        wake_ms = self.logic.due_ms(state)
        if wake_ms is None:
            wake_ms = self.logic.forgets_ms(state) or 0
        slot.wake_ms = wake_ms
        if wake_ms and (slot.scheduled_ms == 0 or wake_ms < slot.scheduled_ms):
            self._schedule(slot)

    def _schedule(self, slot: _Slot) -> None:
        """Put the one heap entry that stands for this slot; an older, later one becomes void."""
        if slot.wake_ms:
            slot.scheduled_ms = slot.wake_ms
            heapq.heappush(self._timers, (slot.wake_ms, slot.key))

    # -- states ----------------------------------------------------------------------------------------------------

    def _state_of(self, slot: _Slot) -> Any:
        if slot.state is None:
            if slot.raw is None:
                slot.state, slot.seen = self.logic.new(slot.key), {}
            else:
                row = read_row(slot.raw)
                slot.state = self.logic.load(slot.key, row.state)
                slot.seen = dict(zip(row.seen[::2], row.seen[1::2], strict=True))
            self._warm[slot.key] = slot
        return slot.state

    def _seen_before(self, slot: _Slot, dedupe: int, clock_ms: int) -> bool:
        """Is this event a duplicate? Remembers it if not, for the lateness bound."""
        if not dedupe:
            return False
        seen = slot.seen
        assert seen is not None
        oldest_ms = clock_ms - self.options.lateness_ms
        if seen.get(dedupe, -1) >= oldest_ms:
            self._count("paywarden_duplicates_total")
            return True
        if len(seen) >= DEDUPE_CAP:
            slot.seen = seen = {each: at_ms for each, at_ms in seen.items() if at_ms >= oldest_ms}
            while len(seen) >= DEDUPE_CAP:
                del seen[next(iter(seen))]
        seen.pop(dedupe, None)  # so that the order of the dict is the order of age
        seen[dedupe] = clock_ms
        return False

    def _dump(self, slot: _Slot) -> bytes:
        oldest_ms = self.clock_ms - self.options.lateness_ms
        assert slot.seen is not None
        seen: list[int] = []
        for dedupe, at_ms in slot.seen.items():
            if at_ms >= oldest_ms:
                seen += (dedupe, at_ms)
        return _encode(Row(FORMAT, slot.wake_ms, seen, self.logic.dump(slot.state)))

    def _cool(self) -> None:
        """Keep between one and two times `resident` states decoded; the others stay as bytes."""
        if len(self._warm) > self.options.resident:
            for key, slot in self._cooling.items():
                if key not in self._warm:
                    slot.state = slot.seen = None
            self._cooling, self._warm = self._warm, {}

    # -- poison ----------------------------------------------------------------------------------------------------

    def _take_mark(self) -> tuple[Any, ...]:
        return (
            len(self._emits),
            self.clock_ms,
            self._sequence,
            dict(self._context.feeds),
            self.logic.dump_shared(self._context.shared),
            Counter(self._counts),
            self._handled,
            len(self._event_times),
        )

    def _checkpoint(self) -> None:
        """Make what happened so far the state that poison rolls back to."""
        for key, slot in self._touched.items():
            if slot.forgotten:
                slot.raw = None
                del self._slots[key]
                self._warm.pop(key, None)
                self._cooling.pop(key, None)
            else:
                slot.raw = self._dump(slot)
            self._dirty[key] = None
        self._touched.clear()
        self._since.clear()
        self._mark = self._take_mark()

    def _roll_back(self) -> None:
        emitted, self.clock_ms, self._sequence, feeds, shared, counts, self._handled, times = self._mark
        del self._emits[emitted:]
        del self._event_times[times:]
        self._counts = Counter(counts)
        context = self._context
        context.feeds = dict(feeds)
        context.shared = self.logic.load_shared(shared)
        context.clock_ms = self.clock_ms
        for key, slot in self._touched.items():
            slot.state = slot.seen = None
            slot.pending = 0
            slot.forgotten = False
            if slot.raw is None:
                del self._slots[key]
                self._warm.pop(key, None)
                continue
            slot.wake_ms = read_row(slot.raw).wake_ms
            self._schedule(slot)
        self._touched.clear()

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
                    self._set_aside(entry, error, now_ms)
        self._checkpoint()

    def _set_aside(self, entry: Entry, error: Exception, now_ms: int) -> None:
        """Was it a timer that the event only woke, or the event itself?"""
        if self._quarantine_timers(entry.result):
            try:
                self._process([entry], now_ms)
                return
            except Exception as again:
                self._roll_back()
                error = again
        # The class, not the message: a message may quote the customer's data.
        refused = Refused("raised", f"{type(error).__name__} while handling the event; see the worker's log")
        self._emits.append(dead_letter(entry.record, refused))
        self._count("paywarden_dead_letters_total", refused.reason)
        self._handled += 1
        self.poison.append((entry.record, error))

    def _quarantine_timers(self, result: Incoming | Refused) -> bool:
        """Fire the due timers one by one; those that raise are put off by an hour of event time and set aside."""
        found = False
        if type(result) is not Incoming or not result.moves_clock:
            return False
        while self._timers and self._timers[0][0] <= result.at_ms:
            due_ms, key = self._timers[0]
            self._checkpoint()
            try:
                self._fire_due(due_ms)
            except Exception as error:
                self._roll_back()
                found = True
                slot = self._slots[key]
                slot.wake_ms = due_ms + QUARANTINE_MS
                slot.scheduled_ms = 0
                self._schedule(slot)
                record = Record("timer", self.number, -1, due_ms, key, None)
                self._emits.append(dead_letter(record, Refused("timer_raised", type(error).__name__)))
                self._count("paywarden_dead_letters_total", "timer_raised")
                self.poison.append((record, error))
        return found

    # -- committing ------------------------------------------------------------------------------------------------

    def group(self, now_ms: int) -> Group | None:
        """Everything since the last group, for one transaction; None when there is nothing to commit.

        Call `committed` when the transaction is; a transaction that fails ends the process, so there is no way back.
        """
        if self.clock_ms > self._told_ms and now_ms - self._told_at_ms >= self.options.told_every_ms:
            self._emits.extend(self.logic.told(self.clock_ms, self._context))
            self._told_ms, self._told_at_ms = self.clock_ms, now_ms
        elif not self._moved:
            return None
        shared_before = self._mark[4]
        self._checkpoint()
        rows: list[tuple[bytes, bytes | None]] = []
        for key in self._dirty:
            slot = self._slots.get(key)
            rows.append((key, None if slot is None else slot.raw))
        if self._mark[4] != shared_before or self._shared_raw is None:
            self._shared_raw = self._mark[4]
            rows.append((SHARED_KEY, self._shared_raw))
        offsets = self.positions
        resume = self._merge.resume()
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
        return Group(self._emits, rows, offsets, self._handled, self._event_times, dict(self._counts), self.clock_ms)

    def committed(self) -> None:
        """The last group is durable; begin the next."""
        self._emits, self._event_times = [], []
        self._dirty.clear()
        self._counts.clear()
        self._handled = 0
        self._moved = False
        self._cool()
        self._mark = self._take_mark()

    @property
    def waits_to_tell(self) -> bool:
        """The clock moved and its readers do not know yet: another group is due even without input."""
        return self.clock_ms > self._told_ms

    @property
    def stop_sentence(self) -> str | None:
        """Why the worker must stop after its commit, or None."""
        if self._strays.exceeded:
            return (
                f"{self.logic.name}/{self.number}: more than {self.options.stray_share:.0%} of the last records lie on "
                "another partition than the murmur2 hash of their key: a producer uses another partitioner. Set "
                "partitioner=murmur2_random (librdkafka) or the Java-compatible hash partitioner (Sarama) there, then "
                "feed the dead letters again with `paywarden dead-letters replay`."
            )
        if self._dead_letters.exceeded:
            return (
                f"{self.logic.name}/{self.number}: more than {self.options.dead_letter_share:.0%} of the last "
                f"{self.options.dead_letter_window} records could not be handled, which is a deployment mistake and "
                "not bad data. Look at `paywarden dead-letters list`, mend the producer or deploy the matching release, "
                "then feed them again with `paywarden dead-letters replay`."
            )
        return None

    def _next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence

    def _count(self, metric: str, *labels: str, by: int = 1) -> None:
        self._counts[(metric, labels)] += by
