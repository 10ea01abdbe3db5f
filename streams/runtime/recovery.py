"""What does a new owner of a partition know: its state from the changelog, and where to read on, or why it must not?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import NamedTuple, TypeVar

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
)

from streams.runtime.clients import aiokafka_kwargs
from streams.runtime.failstop import LostInput, LostState, NewerState, WrongPartitions
from streams.runtime.options import RuntimeOptions
from streams.runtime.partition import Partition
from streams.runtime.position import ForeignPartitionCount
from streams.runtime.reading import reader
from streams.runtime.states import StateFromTheFuture

T = TypeVar("T")

# A changelog read that gets nothing for this long is a broker that does not answer, not a long changelog.
STUCK_S = 30.0


class Evidence(NamedTuple):
    """What is known about one input partition before it is read."""

    handled: int | None  # last offset in the recovered state
    told: int | None  # next offset that the consumer group was told, which follows committed transactions only
    begin: int  # first offset that still exists
    end: int  # last stable offset


def first_offset(name: str, evidence: Evidence, app_id: str) -> int:
    """Where to read on; raises a `Refusal` if that would silently lose or repeat something."""
    handled, told, begin, end = evidence
    if handled is None:
        if told is not None and told > 0:
            raise LostState(
                f"the group {app_id!r} has committed {name} up to offset {told}, but no state of it was found: the "
                "changelog topic was deleted or lost. Restore it, or run `paywarden state rebuild`, which replays the "
                f"inputs with outputs off. To start from nothing on purpose, delete the consumer group {app_id!r}."
            )
        return begin
    wanted = handled + 1
    if wanted < begin:
        if told is not None and told >= begin:
            return begin  # what retention removed behind the state were transaction markers
        raise LostInput(
            f"{name} now starts at offset {begin}, but the state ends at offset {handled}: retention deleted records "
            "before they were read. Restore them from an archive, or run `paywarden state rebuild` and accept the hole."
        )
    if wanted > end:
        raise LostInput(
            f"{name} ends at offset {end}, but the state has read up to offset {handled}: the topic was deleted or cut "
            "off. Restore it, or run `paywarden state rebuild` on what is left."
        )
    return wanted


async def read_changelog(partitions: Mapping[int, Partition], changelog: str, options: RuntimeOptions) -> int:
    """Apply every row to its partition; returns how many.

    Correct only after the previous owners were fenced: until then the end may still move.
    """
    by_tp = {TopicPartition(changelog, number): partition for number, partition in partitions.items()}
    async with reader(options) as consumer:
        tps = list(by_tp)
        begins, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        consumer.assign(tps)
        for tp in tps:
            consumer.seek(tp, begins[tp])
        unread = {tp for tp in tps if ends[tp] > begins[tp]}
        rows = 0
        waited_s = 0.0
        try:
            while unread:
                fetched = await consumer.getmany(*unread, timeout_ms=100)
                waited_s = 0.0 if fetched else waited_s + 0.1
                for tp, records in fetched.items():
                    restore = by_tp[tp].restore
                    rows += len(records)
                    for record in records:
                        restore(record.key, record.value)
                unread = {tp for tp in unread if await consumer.position(tp) < ends[tp]}
                if waited_s > STUCK_S:
                    raise TimeoutError(f"no rows of {sorted(unread)} within {STUCK_S:.0f} s")
        except ForeignPartitionCount as error:
            raise WrongPartitions(f"{error}; restore the old count, or run `paywarden state rebuild`.") from error
        except StateFromTheFuture as error:
            raise NewerState(f"{changelog}: {error}. Deploy the newer release again; keep the changelog.") from error
    for partition in partitions.values():
        partition.restored()
    return rows


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask about a consumer group. A new cluster has no coordinator until it has made the topic of its offsets."""
    until_s = monotonic() + STUCK_S
    while True:
        try:
            return await ask()
        except (
            GroupCoordinatorNotAvailableError,
            GroupLoadInProgressError,
            NotCoordinatorForGroupError,
        ):
            if monotonic() > until_s:
                raise
        await asyncio.sleep(0.2)


async def gather_evidence(
    inputs: Mapping[TopicPartition, int | None], options: RuntimeOptions
) -> dict[TopicPartition, Evidence]:
    """`inputs`: last offset handled of each input partition, None where the state knows nothing."""
    tps = list(inputs)
    async with reader(options) as consumer:
        begins, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
    admin = AIOKafkaAdminClient(**aiokafka_kwargs(options))
    await admin.start()
    try:
        told = await patiently(lambda: admin.list_consumer_group_offsets(options.app_id, partitions=tps))
    finally:
        await admin.close()
    evidence = {}
    for tp, handled in inputs.items():
        offset = told[tp].offset if tp in told else -1
        evidence[tp] = Evidence(handled, None if offset < 0 else offset, begins[tp], ends[tp])
    return evidence
