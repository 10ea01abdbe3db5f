"""Does the consumer believe only what it read since the last seek?"""

from __future__ import annotations

import asyncio
from typing import Any

from faust.types.tuples import TP

from streams.runtime.transport import BatchConsumer, Reach

PARTITION = TP("payments.transactions", 0)


def reading(*, wanted: int, durable: int, fetched: int, reach: Reach) -> Any:
    """A consumer that has read as far as said; nothing of Faust's or Kafka's is needed for these verbs."""
    consumer = object.__new__(BatchConsumer)
    consumer._wanted, consumer._began, consumer._durable = {PARTITION: wanted}, {}, {PARTITION: durable}
    consumer._fetched, consumer._reach = {PARTITION: fetched}, {PARTITION: reach}
    return consumer


def test_the_groups_offset_passes_markers_behind_what_is_durable() -> None:
    consumer = reading(wanted=10, durable=10, fetched=10, reach=Reach(11, 11))
    consumer.pass_markers(PARTITION)
    assert consumer._durable == {PARTITION: 11}


def test_records_that_were_fetched_and_thrown_away_are_no_markers() -> None:
    consumer = reading(wanted=10, durable=10, fetched=15, reach=Reach(15, 15))
    consumer.pass_markers(PARTITION)
    assert consumer._durable == {PARTITION: 10}


def test_after_a_seek_nothing_is_believed_until_the_next_fetch() -> None:
    consumer = reading(wanted=10, durable=10, fetched=15, reach=Reach(15, 15))
    consumer.want(PARTITION, 10)
    assert not consumer.at_end(PARTITION)
    consumer.pass_markers(PARTITION)
    assert consumer._durable == {PARTITION: 10}
    assert consumer._wanted == {PARTITION: 10}


def test_nothing_is_remembered_of_the_offsets_inside_of_a_batch() -> None:
    consumer = reading(wanted=10, durable=10, fetched=10, reach=Reach(10, 10))
    consumer._gap, consumer._committed_offset = {}, {}
    for batch in range(1_000):
        asyncio.run(consumer._add_gap(PARTITION, batch * 200, batch * 200 + 199))
    assert consumer._gap == {}
