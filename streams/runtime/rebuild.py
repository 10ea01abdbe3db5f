"""How is the state of a partition made again from its inputs, with outputs off?

The same engine that the worker runs reads the retained log up to where a worker had come, and what it says is thrown
away; then one row per key and the position replace what the changelog held. Nothing that a worker has not handled is
touched, because its effects are still owed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from streams.contracts.topics import physical
from streams.runtime.clients import aiokafka_kwargs
from streams.runtime.commit import commit_group, producer_for
from streams.runtime.logic import Emit, Input, Logic, Record
from streams.runtime.open_group import Group
from streams.runtime.options import AgentOptions, RuntimeOptions
from streams.runtime.partition import Partition
from streams.runtime.position import POSITION_KEY, SHARED_KEY, UNFINISHED, UNFINISHED_KEY, Position, read_position
from streams.runtime.reading import STUCK_S, reader, scan, spans
from streams.runtime.recovery import Evidence, gather_evidence, patiently
from streams.runtime.states import read_row

Rows = dict[bytes, bytes]
Verdict = Literal["intact", "lost", "hole", "foreign", "fresh"]

# Ahead of a merge that waits for another input; 20,000 records of 500 bytes are 10 MB an input.
_LOOK_AHEAD: Final = 20_000
_SLICE: Final = 5_000
# Well within the transaction timeout of 15 s at the 85,000 rows/s that this client writes.
_ROWS_PER_TRANSACTION: Final = 50_000


async def read_rows(options: RuntimeOptions, changelog: str, number: int) -> Rows:
    """What partition `number` of the changelog (physical name) holds now: the newest row of every key."""
    tp = TopicPartition(changelog, number)
    spanned = await spans(options, {changelog: number + 1})
    rows: Rows = {}
    async for record in scan(options, {tp: spanned[tp].begin}):
        if record.value is None:
            rows.pop(record.key, None)
        else:
            rows[record.key] = record.value
    return rows


def position_of(rows: Mapping[bytes, bytes]) -> Position | None:
    """Where the state of these rows stands; raises `StateFromTheFuture` for a newer format."""
    raw = rows.get(POSITION_KEY)
    return None if raw is None else read_position(raw)


class Diagnosis(NamedTuple):
    """What is wrong with the state of one partition, and up to where its inputs were handled."""

    verdict: Verdict
    why: str
    until: dict[str, int]  # per input topic (logical) the offset at which the part that nobody handled begins


def diagnose(position: Position | None, partitions: int, evidence: Mapping[str, Evidence]) -> Diagnosis:
    """Compare what the changelog says with what the log holds and the consumer group was told."""
    if position is not None and position.partitions != partitions:
        until = {topic: each.end for topic, each in evidence.items()}
        return Diagnosis("foreign", f"the state is of {position.partitions} partitions, there are {partitions}", until)
    if position is None:
        told = {topic: each.told or 0 for topic, each in evidence.items()}
        until = {topic: min(told[topic], each.end) for topic, each in evidence.items()}
        if any(told.values()):
            return Diagnosis("lost", "the inputs were handled, but the changelog has no position", until)
        return Diagnosis("fresh", "nothing was handled yet", until)
    until = {
        topic: min(max(position.offsets.get(topic, -1) + 1, each.begin), each.end) for topic, each in evidence.items()
    }
    for topic, each in evidence.items():
        handled = position.offsets.get(topic)
        if handled is None:
            continue
        if handled + 1 > each.end:
            why = f"{topic} ends before offset {handled}, which was handled: it is another log"
            return Diagnosis("hole", why, until)
        if handled + 1 < each.begin and not (each.told is not None and each.told >= each.begin):
            missing = each.begin - handled - 1
            return Diagnosis("hole", f"{missing:,} records of {topic} were deleted before they were read", until)
    return Diagnosis("intact", "state, position and inputs agree", until)


def moved(position: Position, evidence: Mapping[str, Evidence]) -> Position:
    """The same state, reading on where the log goes on: what was deleted is accepted as lost.

    An input that ends before the position is a new log under the old name, and is read from its start.
    """
    offsets = dict(position.offsets)
    for topic, handled in position.offsets.items():
        each = evidence[topic]
        if handled + 1 > each.end or handled + 1 < each.begin:
            offsets[topic] = each.begin - 1
    return msgspec.structs.replace(position, offsets=offsets)


class Rebuilt(NamedTuple):
    """A state made again."""

    rows: Rows
    handled: int
    poison: int


async def replayed(
    options: RuntimeOptions,
    logic: Logic,
    agent: AgentOptions,
    inputs: tuple[Input, ...],
    number: int,
    partitions: int,
    until: Mapping[str, int],
    *,
    clock_ms: int = 0,
    told: Callable[[int], None] = lambda _: None,
    enough: Callable[[], bool] = lambda: False,
) -> Rebuilt:
    """Run the inputs of one partition from the start of the log to `until` and keep only the states.

    Args:
        clock_ms: where the event-time clock had come by idling; timers up to there fired and must not fire again.
        told: called with the number of records handled so far.
        enough: stop when it says so: what was looked for has been seen.
    """
    # Entity risk, which live merging hands out at once, is merged by time: here it is all there from the start, and a
    # value must not be overwritten before the events that saw it.
    ordered = tuple(each._replace(waits=True) for each in inputs)
    how = msgspec.structs.replace(agent.partition, merge="live", clock="replay")
    engine = Partition(logic, number, partitions, how, inputs=ordered)
    engine.restored()
    rows: Rows = {}
    handled = poison = 0
    async with reader(options) as consumer:
        feeding = _Feeding(options, consumer, engine, number, until)
        await feeding.begin()
        while True:
            await feeding.more()
            while not enough() and (count := engine.run(_SLICE, ends=feeding.ends, now_ms=0)):
                handled += count
                _keep(engine, rows)
                told(handled)
            poison += len(engine.poison)
            engine.poison.clear()
            if feeding.done or enough():
                break
    engine.tick(clock_ms + how.lateness_ms)
    _keep(engine, rows)
    return Rebuilt(_with_ends(rows, until, number, partitions), handled, poison)


class _Feeding:
    """Fetches the inputs of one engine, no further ahead than its merge can use."""

    def __init__(
        self,
        options: RuntimeOptions,
        consumer: AIOKafkaConsumer,
        engine: Partition,
        number: int,
        until: Mapping[str, int],
    ) -> None:
        self._consumer = consumer
        self._engine = engine
        self._until = until
        self._tps = {topic: TopicPartition(physical(options.names, topic), number) for topic in until}
        self._topics = {tp: topic for topic, tp in self._tps.items()}
        self._unread: set[str] = set()
        self._waited_s = 0.0

    async def begin(self) -> None:
        begins = await self._consumer.beginning_offsets(list(self._topics))
        self._consumer.assign(list(self._topics))
        for tp, topic in self._topics.items():
            self._consumer.seek(tp, begins[tp])
            if begins[tp] < self._until[topic]:
                self._unread.add(topic)

    @property
    def done(self) -> bool:
        return not self._unread

    @property
    def ends(self) -> dict[str, bool]:
        """An input that was read to where its replay ends holds nobody up."""
        return {topic: topic not in self._unread for topic in self._until}

    async def more(self) -> None:
        """Fetch for the inputs that the merge may be waiting for."""
        engine = self._engine
        hungry = [t for t in self._unread if engine.logic.by_source or engine.buffered(t) < _LOOK_AHEAD]
        if not hungry:
            return
        fetched = await self._consumer.getmany(*(self._tps[topic] for topic in hungry), timeout_ms=100)
        self._waited_s = 0.0 if fetched else self._waited_s + 0.1
        if self._waited_s > STUCK_S:
            raise TimeoutError(f"nothing of {', '.join(sorted(hungry))} within {STUCK_S:.0f} s")
        for tp, batch in fetched.items():
            topic = self._topics[tp]
            end = self._until[topic]
            records = [
                Record(topic, tp.partition, each.offset, each.timestamp, each.key, each.value)
                for each in batch
                if each.offset < end
            ]
            engine.feed(topic, records)
        for topic in hungry:
            if await self._consumer.position(self._tps[topic]) >= self._until[topic]:
                self._unread.discard(topic)


def _keep(engine: Partition, rows: Rows) -> None:
    """What would have been committed, without what would have been said."""
    group = engine.group(0)
    if group is None:
        return
    for key, value in group.rows:
        if value is None:
            rows.pop(key, None)
        else:
            rows[key] = value
    engine.committed()


def _with_ends(rows: Rows, until: Mapping[str, int], number: int, partitions: int) -> Rows:
    """Every input has a position, also one whose records were all deleted since: else it would look lost."""
    position = position_of(rows) or Position(1, partitions, 0, 0, {}, {})
    offsets = {topic: end - 1 for topic, end in until.items() if end > 0} | position.offsets
    return {**rows, POSITION_KEY: msgspec.msgpack.encode(msgspec.structs.replace(position, offsets=offsets))}


class Difference(NamedTuple):
    """How two states of a partition compare; keys of accounts or entities."""

    same: int
    changed: list[bytes]
    missing: list[bytes]  # in the present state only
    added: list[bytes]  # in the rebuilt state only

    @property
    def none(self) -> bool:
        return not (self.changed or self.missing or self.added)


def compare(present: Mapping[bytes, bytes], rebuilt: Mapping[bytes, bytes]) -> Difference:
    """By what the states say; when a row was last touched and which duplicates it remembers is left out."""
    keys = {POSITION_KEY, SHARED_KEY, UNFINISHED_KEY}
    here, there = present.keys() - keys, rebuilt.keys() - keys
    both = sorted(here & there)
    changed = [key for key in both if read_row(present[key]).state != read_row(rebuilt[key]).state]
    return Difference(len(both) - len(changed), changed, sorted(here - there), sorted(there - here))


async def write_rows(
    options: RuntimeOptions,
    agent_name: str,
    changelog: str,
    number: int,
    present: Mapping[bytes, bytes],
    rows: Rows,
    emits: Sequence[Emit] = (),
) -> int:
    """Replace what the changelog holds for `number`; returns how many rows were written.

    Opening the producer fences whoever still owns the partition. The position goes first as a tombstone and last as a
    row, in one transaction with `emits`: if this is interrupted, workers refuse the half-written state instead of
    running on it.
    """
    changes: list[tuple[bytes, bytes | None]] = [(key, None) for key in present if key not in rows]
    changes += [(key, raw) for key, raw in rows.items() if key != POSITION_KEY and present.get(key) != raw]
    producer = producer_for(options, agent_name, number)
    await producer.start()
    try:
        batches: list[list[tuple[bytes, bytes | None]]] = [
            changes[at : at + _ROWS_PER_TRANSACTION] for at in range(0, len(changes), _ROWS_PER_TRANSACTION)
        ] or [[]]
        if len(batches) > 1:
            batches[0].insert(0, (POSITION_KEY, None))
        batches[-1].append((POSITION_KEY, rows[POSITION_KEY]))
        for batch in batches:
            group = Group(list(emits) if batch is batches[-1] else [], batch, {}, 0, [], {}, 0, {})
            await commit_group(producer, group, number=number, changelog=changelog, names=options.names)
    finally:
        await producer.stop()
    return len(changes) + 1


async def mark_unfinished(
    options: RuntimeOptions, agent_name: str, changelog: str, number: int, *, unfinished: bool
) -> None:
    """Say that the state of `number` is being made, or is not any more; workers refuse to start on it meanwhile.

    `write_rows` takes the mark away with everything else that it was told of as present.
    """
    producer = producer_for(options, agent_name, number)
    await producer.start()
    try:
        row = (UNFINISHED_KEY, UNFINISHED if unfinished else None)
        await commit_group(
            producer,
            Group([], [row], {}, 0, [], {}, 0, {}),
            number=number,
            changelog=changelog,
            names=options.names,
        )
    finally:
        await producer.stop()


async def evidence_of(
    options: RuntimeOptions, inputs: tuple[Input, ...], number: int, position: Position | None
) -> dict[str, Evidence]:
    """What the log and the consumer group say about each input of one partition, by logical topic."""
    handled = {} if position is None else position.offsets
    tps = {TopicPartition(physical(options.names, each.topic), number): each.topic for each in inputs}
    gathered = await gather_evidence({tp: handled.get(topic) for tp, topic in tps.items()}, options)
    return {tps[tp]: evidence for tp, evidence in gathered.items()}


async def members_of(options: RuntimeOptions) -> int:
    """How many workers the consumer group has right now."""
    admin = AIOKafkaAdminClient(**aiokafka_kwargs(options))
    await admin.start()
    try:
        answers = await patiently(lambda: admin.describe_consumer_groups([options.app_id]))
    finally:
        await admin.close()
    return sum(len(group[5]) for answer in answers for group in answer.groups)
