"""How are the retained records of all inputs read side by side, a step of record time at a time?

Up to offsets that are fixed before the first record is read: what lies behind them is somebody else's to handle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.runtime.logic import Record
from streams.runtime.options import RuntimeOptions
from streams.runtime.reading import STUCK_S, Span, reader

# For each of a hundred partitions; a larger record still comes, alone (KIP-74).
_FETCH_BYTES: Final = 1 << 20

Place = tuple[str, int]  # logical topic and partition


class History:
    """The records of several partitions from where they begin to where they ended when they were looked at.

    Args:
        names: logical name of each physical topic.
        stretches: what to read of each partition.
    """

    def __init__(
        self, options: RuntimeOptions, names: Mapping[str, str], stretches: Mapping[TopicPartition, Span]
    ) -> None:
        self._options = msgspec.structs.replace(options, fetch_max_bytes=_FETCH_BYTES)
        self._names = names
        self._stretches = {tp: span for tp, span in stretches.items() if span.end > span.begin}
        self._heads: dict[TopicPartition, deque[Record]] = {tp: deque() for tp in self._stretches}
        self._unread = set(self._stretches)
        self._consumer: AIOKafkaConsumer | None = None

    async def __aenter__(self) -> History:
        if self._stretches:
            self._consumer = reader(self._options)
            await self._consumer.start()
            self._consumer.assign(list(self._stretches))
            for tp, span in self._stretches.items():
                self._consumer.seek(tp, span.begin)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._consumer is not None:
            await self._consumer.stop()

    async def next_ms(self) -> int | None:
        """Record time of the oldest record that was not handed out yet; None at the end."""
        await self._fill(None)
        return min((heads[0].timestamp_ms for heads in self._heads.values() if heads), default=None)

    async def before(self, at_ms: int) -> dict[Place, list[Record]]:
        """Each partition's records, in their order, up to the first that is stamped `at_ms` or later."""
        await self._fill(at_ms)
        found: dict[Place, list[Record]] = {}
        for tp, heads in self._heads.items():
            taken: list[Record] = []
            while heads and heads[0].timestamp_ms < at_ms:
                taken.append(heads.popleft())
            if taken:
                found[self._names[tp.topic], tp.partition] = taken
        return found

    async def _fill(self, at_ms: int | None) -> None:
        """Fetch until every partition has a record at or after `at_ms` (None: any record) or is read to its end."""
        consumer, waited_s = self._consumer, 0.0
        while hungry := [tp for tp in self._unread if self._is_hungry(tp, at_ms)]:
            assert consumer is not None
            fetched = await consumer.getmany(*hungry, timeout_ms=100)
            waited_s = 0.0 if fetched else waited_s + 0.1
            if waited_s > STUCK_S:
                raise TimeoutError(f"nothing of {sorted(hungry)} within {STUCK_S:.0f} s")
            for tp, batch in fetched.items():
                topic, end = self._names[tp.topic], self._stretches[tp].end
                self._heads[tp].extend(
                    Record(topic, tp.partition, each.offset, each.timestamp, each.key, each.value)
                    for each in batch
                    if each.offset < end
                )
            for tp in hungry:
                if await consumer.position(tp) >= self._stretches[tp].end:
                    self._unread.discard(tp)

    def _is_hungry(self, tp: TopicPartition, at_ms: int | None) -> bool:
        heads = self._heads[tp]
        return not heads or (at_ms is not None and heads[-1].timestamp_ms < at_ms)
