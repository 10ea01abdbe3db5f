"""What exactly is written to the input topics, in which order and to which partition?

Everything here is pure, so that the Kafka writer and a run without Kafka consume the same sequence:

    source -> retimed (optional) -> stepped -> expand -> sink
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

import msgspec

from producers.durations import HOUR_MS
from streams.contracts.base import Event, Watermark, from_ms, to_ms
from streams.contracts.partitioning import partition_of
from streams.contracts.registry import Refusal, decode, encode
from streams.contracts.topics import MERGED, TOPICS

# A reader that merges strictly waits for every input at every step: an hour keeps its buffers small (4,000 payments of
# the largest file that we know) and costs 24 watermarks per topic, partition and day.
DEFAULT_STEP_MS: Final = HOUR_MS
# Watermarks belong to no account, but compacted topics refuse records without a key.
WATERMARK_KEY: Final = b"watermark"
RANKS: Final = {topic.name: topic.rank or 0 for topic in MERGED}


class Outgoing(NamedTuple):
    """One record for an input topic (logical name); the partition follows from the key."""

    topic: str
    key: bytes
    value: bytes
    timestamp_ms: int


class Step(NamedTuple):
    """No later record has a timestamp below `at_ms`."""

    at_ms: int


Feed: TypeAlias = Iterator[Outgoing | Step]


class Placed(NamedTuple):
    """One record with its partition, as every sink writes it."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    timestamp_ms: int


class Barrier(NamedTuple):
    """Everything before `at_ms` is written; a sink may wait here until it has been handled."""

    at_ms: int


def outgoing(topic: str, event: Event) -> Outgoing:
    """The record of an event, stamped with the time at which it happened."""
    return Outgoing(topic, event.account_id.encode(), encode(event), to_ms(event.occurred_at))


class TimeOrder:
    """Holds records back and returns them by (record timestamp, rank of the topic, order of arrival)."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, int, Outgoing]] = []
        self._arrived = 0

    def push(self, record: Outgoing) -> None:
        heapq.heappush(self._heap, (record.timestamp_ms, RANKS[record.topic], self._arrived, record))
        self._arrived += 1

    def before(self, at_ms: int) -> Iterator[Outgoing]:
        """All held records with a timestamp below `at_ms`; whoever calls this pushes no older one afterwards."""
        while self._heap and self._heap[0][0] < at_ms:
            yield heapq.heappop(self._heap)[3]

    def rest(self) -> Iterator[Outgoing]:
        while self._heap:
            yield heapq.heappop(self._heap)[3]


def merged(sources: list[Iterator[Outgoing]]) -> Iterator[Outgoing]:
    """Several time-ordered sources as one; equal times go by the rank of the topic, then by the order of `sources`."""
    if len(sources) == 1:
        return sources[0]
    return heapq.merge(*sources, key=lambda record: (record.timestamp_ms, RANKS[record.topic]))


def retimed(records: Iterable[Outgoing], anchor_ms: int, speed: float = 1.0) -> Iterator[Outgoing]:
    """Moves the first record to `anchor_ms` and compresses the time after it by `speed`, in stamps and in events.

    Every instant of an event moves along, so a label still points at its payment. What cannot be decoded stays.
    """
    origin_ms: int | None = None
    for record in records:
        if origin_ms is None:
            origin_ms = record.timestamp_ms

        moved_ms = _moved(record.timestamp_ms, origin_ms, anchor_ms, speed)
        event = decode(record.topic, record.value)
        if type(event) is Refusal:
            yield record._replace(timestamp_ms=moved_ms)
            continue
        instants = {
            name: from_ms(_moved(to_ms(value), origin_ms, anchor_ms, speed))
            for name in event.__struct_fields__
            if isinstance(value := getattr(event, name), datetime)
        }
        yield record._replace(value=encode(msgspec.structs.replace(event, **instants)), timestamp_ms=moved_ms)


def _moved(at_ms: int, origin_ms: int, anchor_ms: int, speed: float) -> int:
    return anchor_ms + int((at_ms - origin_ms) // speed)


SETTLE_STEPS = 48


def stepped(records: Iterable[Outgoing], step_ms: int = DEFAULT_STEP_MS, settle_ms: int = 0) -> Feed:
    """Inserts a `Step` at multiples of `step_ms` since 1970, and at the end `settle_ms` more of them for timers.

    The end is told in at most `SETTLE_STEPS`: a timer that waits for a feed fires when that feed has got past it, and
    in one leap the first input to be told would move the clock before all others. A gap in the input gets the first and
    the last of its steps only: whatever came before it is told apart from whatever comes after it, and one event dated
    decades ahead does not make millions of them. `step_ms` 0 makes none.
    """
    if step_ms <= 0:
        yield from records
        return
    boundary_ms: int | None = None  # the next step, not yet told
    for record in records:
        at_ms = record.timestamp_ms
        if boundary_ms is None:
            boundary_ms = (at_ms // step_ms + 1) * step_ms
        elif at_ms >= boundary_ms:
            yield Step(boundary_ms)
            last_ms = at_ms // step_ms * step_ms
            if last_ms > boundary_ms:
                yield Step(last_ms)
            boundary_ms = last_ms + step_ms
        yield record
    if boundary_ms is not None:
        yield Step(boundary_ms)
        end_ms = -(-(boundary_ms + settle_ms) // step_ms) * step_ms
        stride_ms = -(-(end_ms - boundary_ms) // (SETTLE_STEPS * step_ms)) * step_ms
        while boundary_ms < end_ms:
            boundary_ms = min(boundary_ms + stride_ms, end_ms)
            yield Step(boundary_ms)


def expand(feed: Iterable[Outgoing | Step], partitions: int) -> Iterator[Placed | Barrier]:
    """Gives every record its partition and turns every step into watermarks on all inputs, followed by a barrier."""
    for item in feed:
        if type(item) is Outgoing:
            yield Placed(item.topic, partition_of(item.key, partitions), item.key, item.value, item.timestamp_ms)
        else:
            at_ms = item.at_ms  # type: ignore[union-attr]  # mypy does not narrow on `type(...) is`
            value = encode(watermark(at_ms))
            for topic in MERGED:
                for partition in range(partitions):
                    yield Placed(topic.name, partition, WATERMARK_KEY, value, at_ms)
            yield Barrier(at_ms)


def watermark(at_ms: int) -> Watermark:
    """The watermark of a step; its id is derived, so that writing a step twice is a duplicate."""
    return Watermark(
        event_id=f"watermark-{at_ms}", source="paywarden-producer", occurred_at=from_ms(at_ms), account_id="watermark"
    )


def input_topic(name: str) -> bool:
    """Is this a topic that producers may write?"""
    return name in RANKS and name in TOPICS
