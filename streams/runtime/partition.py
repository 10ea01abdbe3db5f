"""What happens to the records of one owned partition, from the buffer to the group that one transaction commits?

A `Partition` is free of Kafka, Faust and the wall clock. The worker feeds it what it fetched and commits the groups it
hands out; the backtest does the same with lists in memory.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

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
    Histogram,
)
from streams.runtime.dead_letters import Counted, dead_letter
from streams.runtime.logic import Context, Incoming, Input, Logic, Record, Refused, Shown
from streams.runtime.merge import Entry, Merge, Resume, SourceMerge, TopicMerge
from streams.runtime.open_group import Group, Mark, OpenGroup
from streams.runtime.options import PartitionOptions
from streams.runtime.position import (
    POSITION_KEY,
    SHARED_KEY,
    UNFINISHED_KEY,
    ForeignPartitionCount,
    Position,
    encode_position,
    read_position,
)
from streams.runtime.screening import WRONG_PARTITION, Screen
from streams.runtime.states import FORMAT, Slot, States

FINISH_RECORDS = 1_000  # handled at a time to make a group whole
QUARANTINE_MS = 3_600_000  # a timer that raises is tried again after this much event time


class NoWayBack(Exception):
    """The core raised on an event, its cause, in a partition that keeps nothing to go back to.

    Run it again from the beginning with `durable` options: they find the event, set it aside and go on.
    """


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

    group: Mark
    clock_ms: int
    sequence: int
    feeds: dict[str, int]
    shared: bytes
    screen: tuple[Counted, Counted]


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
        self.unfinished = False  # the changelog says that its state is being made
        self.poison: list[tuple[Record, Exception]] = []  # for the worker's log; it empties the list
        self.states = States(logic, lateness_ms=options.lateness_ms, resident=options.resident, durable=options.durable)
        self._offsets: dict[str, int] = {}
        self._resume = Resume()
        self._merge: Merge = self._new_merge()
        self._sequence = 0
        self._told_ms = 0
        self._told_at_ms = 0
        self._shared_raw: bytes | None = None
        self._context = Context(number, partitions, self._next_sequence, self._count, self._observe)
        self._context.shared = logic.new_shared()
        keyed = frozenset(each.topic for each in self.inputs if each.keyed)
        self._screen = Screen(options, number, partitions, keyed)
        self._open = OpenGroup()
        # What was taken since the last checkpoint, to be run again if some of it is poison.
        self._since: list[tuple[list[Entry], int]] = []
        self._mark = self._take_mark()
        self._now_ms = 0
        self._firing = b""  # whose timer fires, or fired last

    # -- restoring -------------------------------------------------------------------------------------------------

    def restore(self, key: bytes, raw: bytes | None) -> None:
        """Apply one changelog row; the last one of a key wins."""
        if key == POSITION_KEY:
            if raw is None:  # somebody began to write another state, whose position comes last
                self.positioned, self._offsets = False, {}
            else:
                self._restore_position(read_position(raw))
        elif key == SHARED_KEY:
            self._shared_raw = raw
        elif key == UNFINISHED_KEY:
            self.unfinished = raw is not None
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
            ahead_ms = self.options.future_ms if self.options.clock == "live" else None
            return SourceMerge(topic, self.partitions, self._offsets, self._resume, strict=strict, ahead_ms=ahead_ms)
        return TopicMerge(self.inputs, self._offsets, self._resume, strict=strict)

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
        read = self._read_signal if self.logic.by_source else self.logic.read
        screened = self._screen.read
        self._merge.add(topic, [Entry(each, screened(each, read(each))) for each in records if each.offset > done])

    def _read_signal(self, record: Record) -> Incoming | Refused:
        result = self.logic.read(record)
        if type(result) is Incoming and result.source >= self.partitions:
            return Refused("out_of_range", f"partition {result.source} of {self.partitions}")
        return result

    def buffered(self, topic: str) -> int:
        return self._merge.buffered(topic)

    @property
    def backlog(self) -> int:
        """Records of all inputs that wait to be handled."""
        return self._merge.total

    # -- running ---------------------------------------------------------------------------------------------------

    def run(self, limit: int, *, ends: dict[str, bool], now_ms: int) -> int:
        """Handle what is ready, about `limit` records; returns how many. `ends`: which topics are read to their end."""
        now_ms = self._not_back(now_ms)
        entries = self._merge.take(limit, ends, now_ms)
        if entries:
            self._handle(entries, now_ms)
        elif self._merge.read_on:
            self._open.moved = True  # told clocks were read: nothing happened, but the position is a new one
            return 1
        return len(entries)

    def _not_back(self, now_ms: int) -> int:
        """A wall clock may be set back; what was ready to be handled stays ready."""
        self._now_ms = max(self._now_ms, now_ms)
        return self._now_ms

    def tick(self, now_ms: int) -> None:
        """The partition is idle: event time follows the wall clock at the distance of the lateness bound.

        A history that is taken in says with it how far it has come, whatever the wall clock of its effects.
        """
        to_ms = now_ms - self.options.lateness_ms
        if to_ms > self.clock_ms:
            self._handle([Entry(Record("", self.number, -1, to_ms, None, None), Incoming(None, None, to_ms))], now_ms)

    def _handle(self, entries: list[Entry], now_ms: int) -> None:
        self._open.moved = True
        if self.options.durable:
            self._since.append((entries, now_ms))
        try:
            self._process(entries, now_ms)
        except Exception as error:
            if not self.options.durable:
                raise NoWayBack from error
            self._handle_one_by_one()

    def _process(self, entries: list[Entry], now_ms: int) -> None:
        """Prepare all, score in one call, decide in order. Cutting the entries differently changes nothing."""
        start = 0
        while start < len(entries):
            start = self._process_from(entries, start, now_ms)

    def _process_from(self, entries: list[Entry], start: int, now_ms: int) -> int:
        """Handle `entries[start:]` up to the first that needs the ones before it decided; returns where it stopped."""
        states, screen, logic_name = self.states, self._screen, self.logic.name
        steps: list[_Step] = []
        handled: Tally[str] = Tally()
        clock_ms, refused, strays = self.clock_ms, 0, 0
        at = start
        while at < len(entries):
            record, result = entries[at]
            refusal = screen.refusal(record, result, now_ms, states)
            if refusal is not None:
                self._set_aside(record, refusal)
                refused += refusal.counts
                strays += refusal.reason == WRONG_PARTITION
                at += 1
                continue
            assert type(result) is Incoming
            if steps and result.alone:
                break
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
                    self._arrive(next_clock_ms, result.at_ms, record.topic)
                    slot = states.open(result.key, next_clock_ms, next_clock_ms)
                    assert slot is not None
                if states.seen_before(slot, result.dedupe, next_clock_ms):
                    self._count(DUPLICATES, logic_name, record.topic)
                    steps.append(_Step(next_clock_ms, result.at_ms, record.topic, None, None, None))
                else:
                    steps.append(self._prepare(record, result, slot, clock_ms, next_clock_ms))
            handled[record.topic] += 1
            clock_ms = next_clock_ms
            at += 1
            if result.alone:
                break
        screen.count(at - start, refused, strays)
        self._open.handled += at - start
        for topic, number in handled.items():
            if topic:  # a tick is no record
                self._count(EVENTS, logic_name, topic, by=number)
        self._decide(steps, now_ms)
        if at > start and type(last := entries[at - 1].result) is Incoming and last.sweeps:
            self._sweep(last)
        return at

    def _sweep(self, incoming: Incoming) -> None:
        """An event that is about many states, whichever hold something of what it names."""
        for slot in self.states.holding(incoming.sweeps):
            emits = self.logic.sweep(slot.state, incoming.event, self._context)
            if emits is not None:
                self._open.emits.extend(emits)
                self.states.changed(slot)

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
        facts = self.logic.prepare(state, incoming, self.states.peek, late, topic, self._context.shared)
        return _Step(next_clock_ms, at_ms, topic, slot, state, facts)

    def _decide(self, steps: list[_Step], now_ms: int) -> None:
        logic, context, states = self.logic, self._context, self.states
        live = self.options.clock == "live"
        context.now_ms = now_ms
        wanted = [step.facts for step in steps if step.facts is not None]
        scores = iter(logic.score(wanted) if wanted else ())
        for clock_ms, at_ms, topic, slot, state, facts in steps:
            self._arrive(clock_ms, at_ms, topic)
            if not live:
                context.now_ms = clock_ms
            if facts is not None:
                self._open.event_times.append(at_ms)
                self._open.emits.extend(logic.decide(state, facts, next(scores), context))
            if slot is not None:
                slot.pending -= 1
                states.reschedule(slot, state)

    def _arrive(self, clock_ms: int, at_ms: int, topic: str) -> None:
        """An event is here: its feed has come as far, and what was due before it happens first.

        A duplicate does as much, or it would depend on the cut whether it did.
        """
        feeds = self._context.feeds
        if at_ms > feeds.get(topic, 0):
            feeds[topic] = at_ms
        if clock_ms > self.clock_ms:
            self._advance(clock_ms)

    def _advance(self, to_ms: int) -> None:
        """Fire what is due at or before `to_ms`, in (due, key) order, then move the clock."""
        self._fire_due(to_ms)
        self._open.emits.extend(self.logic.advance(self.clock_ms, to_ms, self._context))
        self.clock_ms = self._context.clock_ms = to_ms

    def _fire_due(self, to_ms: int) -> None:
        context, states = self._context, self.states
        while (slot := states.pop_due(to_ms)) is not None:
            due_ms = states.due_ms(slot, to_ms)
            if due_ms is None:
                continue
            self._firing = slot.key
            # An effect carries the time at which it was due, never how far this batch happened to reach.
            context.clock_ms = max(self.clock_ms, due_ms)
            if self.options.clock == "replay":
                context.now_ms = context.clock_ms
            self._open.emits.extend(self.logic.fire(slot.key, slot.state, due_ms, context))
            self._count(TIMERS, self.logic.name)
            states.reschedule(slot, slot.state)

    # -- bad records and poison --------------------------------------------------------------------------------------

    def _set_aside(self, record: Record, refused: Refused) -> None:
        self._open.emits.append(dead_letter(record, refused))
        self._count(DEAD_LETTERS, self.logic.name, record.topic, refused.reason)
        if refused.reason == "unknown_type":
            self._count(UNKNOWN_TYPES, self.logic.name, record.topic)

    def _take_mark(self) -> _Mark:
        return _Mark(
            self._open.mark(),
            self.clock_ms,
            self._sequence,
            dict(self._context.feeds),
            self.logic.dump_shared(self._context.shared),
            self._screen.mark(),
        )

    def _checkpoint(self) -> None:
        forgotten = self.states.checkpoint(self.clock_ms)
        if forgotten:
            self._count(STATE_DROPPED, self.logic.name, "idle", by=forgotten)
        self._since.clear()
        self._remember()

    def _remember(self) -> None:
        if self.options.durable:
            self._mark = self._take_mark()

    def _roll_back(self) -> None:
        mark = self._mark
        self._open.roll_back(mark.group)
        self._screen.roll_back(mark.screen)
        self.clock_ms, self._sequence = mark.clock_ms, mark.sequence
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
        self._open.handled += 1
        self._screen.count(1, 1, 0)
        self._count(POISON, self.logic.name)
        self.poison.append((entry.record, error))

    def _quarantine_timers(self, result: Incoming | Refused) -> bool:
        """Fire due timers one by one; those that raise are set aside and put off. Returns whether there were any."""
        found = False
        states = self.states
        while type(result) is Incoming and states.next_wake_ms is not None and states.next_wake_ms <= result.at_ms:
            due_ms = states.next_wake_ms
            self._checkpoint()
            try:
                self._fire_due(due_ms)
            except Exception as error:
                self._roll_back()
                found, key = True, self._firing  # of several that are due together, the one that raised
                states.put_off(key, due_ms + QUARANTINE_MS)
                record = Record("timer", self.number, 0, due_ms, key, None)
                self._set_aside(record, Refused("raised", f"{type(error).__name__} in a timer of this key"))
                self.poison.append((record, error))
        return found

    def revise(self, change: Callable[[bytes, Any], bool], shared: Callable[[Any], Any]) -> None:
        """Change states without an event, once, before anybody was told of them: the end of a bootstrap."""
        keys = self.states.keys()
        for start in range(0, len(keys), self.options.resident):
            for key in keys[start : start + self.options.resident]:
                self.states.revise(key, change)
            self._checkpoint()
            self.states.cool()
        self._context.shared = shared(self._context.shared)
        self._open.moved = True

    @property
    def gauges(self) -> Iterable[Shown]:
        """What the logic shows of its partition-wide state."""
        return self.logic.gauges(self._context.shared)

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
        now_ms = self._not_back(now_ms)
        while not self.whole:
            self._handle(self._merge.take(FINISH_RECORDS, {}, now_ms), now_ms)
        if self.waits_to_tell and now_ms - self._told_at_ms >= self.options.told_every_ms:
            self._open.emits.extend(self.logic.told(self.clock_ms, self._context))
            self._told_ms, self._told_at_ms = self.clock_ms, now_ms
        elif not self._open.moved:
            return None
        self._checkpoint()
        offsets = self.positions
        rows = self._changed_rows(offsets) if self.options.durable else []
        group = self._open.close(rows, offsets, self.clock_ms)
        self._open = OpenGroup()
        self._remember()
        return group

    def _changed_rows(self, offsets: dict[str, int]) -> list[tuple[bytes, bytes | None]]:
        """The changelog rows since the last group; the position comes last."""
        rows = self.states.take_rows()
        if self._mark.shared != self._shared_raw:
            self._shared_raw = self._mark.shared
            rows.append((SHARED_KEY, self._shared_raw))
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
        rows.append((POSITION_KEY, encode_position(position)))
        return rows

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
        return self._screen.stop_sentence(f"{self.logic.name}/{self.number}")

    def _next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence

    def _count(self, metric: Counter, *labels: str, by: int = 1) -> None:
        self._open.count(metric, *labels, by=by)

    def _observe(self, metric: Histogram, value: float, *labels: str) -> None:
        self._open.observe(metric, value, *labels)
