"""How does a tool read what lies on topics: once up to the present end, or on and on?"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Iterable, Mapping
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from streams.runtime.clients import aiokafka_kwargs
from streams.runtime.options import RuntimeOptions
from streams.runtime.pace import keep_pace
from streams.runtime.rights import require

# A read that gets nothing for this long although the end was not reached: the broker does not answer.
STUCK_S = 30.0
_WAIT_MS = 20


class Span(NamedTuple):
    """What a partition holds: offsets from `begin` up to, not including, `end`."""

    begin: int
    end: int


class _Reader(AIOKafkaConsumer):  # type: ignore[misc]
    async def start(self) -> None:
        await super().start()
        keep_pace(self._fetcher, _WAIT_MS / 1000)


def reader(options: RuntimeOptions, *, committed: bool = True) -> AIOKafkaConsumer:
    """A consumer without a group, which seeks by itself."""
    return _Reader(
        isolation_level="read_committed" if committed else "read_uncommitted",
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=options.fetch_max_bytes,
        fetch_max_wait_ms=_WAIT_MS,
        **aiokafka_kwargs(options),
    )


def unread(consumer: AIOKafkaConsumer, at: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
    """How many committed records lie behind each position, as the brokers told last; unknown ones are left out."""
    ends = {tp: consumer.last_stable_offset(tp) for tp in at}
    return {tp: max(0, end - at[tp]) for tp, end in ends.items() if end is not None and end >= 0}


async def spans(
    options: RuntimeOptions, counts: Mapping[str, int], *, committed: bool = True
) -> dict[TopicPartition, Span]:
    """First and end offset of every partition of these topics (physical names); committed: the last stable end."""
    tps = [TopicPartition(name, number) for name, count in counts.items() for number in range(count)]
    if not tps:
        return {}  # and aiokafka cannot stop a consumer that was never waited for
    async with reader(options, committed=committed) as consumer:
        begins, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
    return {tp: Span(begins[tp], ends[tp]) for tp in tps}


async def stamped_from(
    options: RuntimeOptions, stretches: Mapping[TopicPartition, Span], since_ms: int
) -> dict[TopicPartition, Span]:
    """The same stretches without the records before the first that is stamped `since_ms` or later."""
    async with reader(options) as consumer:
        found = await consumer.offsets_for_times(dict.fromkeys(stretches, since_ms))
    begins = {tp: stretches[tp].end if each is None else each.offset for tp, each in found.items()}
    return {tp: Span(max(span.begin, begins[tp]), span.end) for tp, span in stretches.items()}


async def scan(
    options: RuntimeOptions,
    starts: Mapping[TopicPartition, int],
    *,
    committed: bool = True,
    ends: Mapping[TopicPartition, int] | None = None,
) -> AsyncGenerator[ConsumerRecord, None]:
    """Everything from `starts` to `ends`, by default to where the partitions end now; each partition in its order.

    Raises MissingRight, TopicAuthorizationFailedError, and TimeoutError where a broker stops to answer.
    """
    async with reader(options, committed=committed) as consumer:
        tps = list(starts)
        begins = await consumer.beginning_offsets(tps)
        until = await consumer.end_offsets(tps) if ends is None else dict(ends)
        consumer.assign(tps)
        for tp in tps:
            consumer.seek(tp, max(starts[tp], begins[tp]))
        unread = {tp for tp in tps if until[tp] > max(starts[tp], begins[tp])}
        # What holds nothing is never fetched, so no answer would tell "nothing" from "not for you".
        unseen = {tp.topic for tp in tps} - {tp.topic for tp in unread}
        await require(options, unseen, "READ")
        waited_s = 0.0
        while unread:
            fetched = await consumer.getmany(*unread, timeout_ms=100)
            waited_s = 0.0 if fetched else waited_s + 0.1
            if waited_s > STUCK_S:
                raise TimeoutError(f"nothing of {sorted(unread)} within {STUCK_S:.0f} s")
            for tp, records in fetched.items():
                for record in records:
                    if record.offset < until[tp]:
                        yield record
            unread = {tp for tp in unread if await consumer.position(tp) < until[tp]}


async def follow(
    options: RuntimeOptions, starts: Mapping[TopicPartition, int], *, committed: bool = True
) -> AsyncGenerator[ConsumerRecord, None]:
    """Everything from `starts` on, without end."""
    async with reader(options, committed=committed) as consumer:
        consumer.assign(list(starts))
        for tp, offset in starts.items():
            consumer.seek(tp, offset)
        while True:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    yield record


# Offsets that lie no further apart than this are read in one go: seeking costs a round trip, reading on costs bytes.
_NEAR = 500


def runs(offsets: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of each stretch of `offsets` without a large hole."""
    found: list[tuple[int, int]] = []
    for offset in sorted(offsets):
        if found and offset - found[-1][1] <= _NEAR:
            found[-1] = (found[-1][0], offset)
        else:
            found.append((offset, offset))
    return found


async def pick(
    options: RuntimeOptions, wanted: Mapping[TopicPartition, Collection[int]]
) -> dict[tuple[str, int, int], ConsumerRecord]:
    """The records at these offsets that still exist, by topic, partition and offset."""
    picked: dict[tuple[str, int, int], ConsumerRecord] = {}
    if not wanted:
        return picked
    async with reader(options) as consumer:
        begins, ends = await consumer.beginning_offsets(list(wanted)), await consumer.end_offsets(list(wanted))
        for tp, offsets in wanted.items():
            there = {offset for offset in offsets if begins[tp] <= offset < ends[tp]}
            consumer.assign([tp])
            for first, last in runs(there):
                consumer.seek(tp, first)
                waited_s = 0.0
                while await consumer.position(tp) <= last:
                    fetched = (await consumer.getmany(tp, timeout_ms=100, max_records=_NEAR)).get(tp, ())
                    waited_s = 0.0 if fetched else waited_s + 0.1
                    if waited_s > STUCK_S:
                        raise TimeoutError(f"nothing of {tp} from {first} within {STUCK_S:.0f} s")
                    for record in fetched:
                        if record.offset in there:
                            picked[tp.topic, tp.partition, record.offset] = record
    return picked
