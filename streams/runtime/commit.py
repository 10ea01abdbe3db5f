"""How does a group become durable: outputs, states and position of one partition in one Kafka transaction?"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer

from streams.contracts.partitioning import partition_of
from streams.contracts.topics import Naming, physical
from streams.runtime.clients import aiokafka_kwargs
from streams.runtime.logic import Emit
from streams.runtime.open_group import Group
from streams.runtime.options import RuntimeOptions

# One produce request per partition holds one batch. Half of what a broker accepts by default (1 MiB), so that a record
# of up to 512 KiB still fits behind others; a larger one travels alone.
BATCH_BYTES: Final = 512 * 1024


class Row(NamedTuple):
    """One record on its way out."""

    key: bytes
    value: bytes | None
    timestamp_ms: int | None  # None = when it is appended
    headers: list[tuple[str, bytes]]


class Pace:
    """When may the next commit begin?

    Each commit costs the worker and the brokers about the same, whatever is in it. While there is nothing else to do
    it may follow soon, for the sake of latency; while records wait, later, for the sake of throughput.
    """

    def __init__(self, least_s: float, idle_factor: float, busy_factor: float) -> None:
        self._least_s = least_s
        self._idle_factor = idle_factor
        self._busy_factor = busy_factor
        self._ended_s = -math.inf
        self._took_s = 0.0

    def committed(self, ended_s: float, took_s: float) -> None:
        self._ended_s = ended_s
        self._took_s = took_s

    def wait_s(self, now_s: float, *, busy: bool) -> float:
        factor = self._busy_factor if busy else self._idle_factor
        return max(0.0, self._ended_s + max(self._least_s, factor * self._took_s) - now_s)


def producer_for(options: RuntimeOptions, agent: str, partition: int) -> AIOKafkaProducer:
    """The only writer of what `agent` publishes for `partition`; starting it fences whoever was that before."""
    return AIOKafkaProducer(
        transactional_id=f"{options.app_id}.{agent}.{partition}",
        transaction_timeout_ms=int(options.transaction_timeout_s * 1000),
        max_batch_size=BATCH_BYTES,
        max_request_size=options.fetch_max_bytes,
        linger_ms=0,
        **aiokafka_kwargs(options),
    )


async def commit_group(
    producer: AIOKafkaProducer,
    group: Group,
    *,
    number: int,
    changelog: str,
    names: Naming,
    spread: Mapping[str, int] = {},
    stamps: Sequence[tuple[str, bytes]] = (),
    hold_s: float = 0.0,
) -> None:
    """Publish `group` atomically.

    Args:
        number: partition that made the group; outputs go to the same number unless they name another one.
        changelog: physical name.
        names: how the output topics are called in the cluster.
        spread: partitions of the outputs (logical names) whose records go where the hash of their key says.
        stamps: wall-clock facts, added as headers so that the bytes of outputs stay a function of their input.
        hold_s: for crash tests, how long the full transaction stays open.
    """
    streams = _outgoing(group.emits, number, names, spread, stamps)
    streams[changelog, number] = [Row(key, value, None, []) for key, value in group.rows]
    await producer.begin_transaction()
    sent = await asyncio.gather(
        *(_append(producer, topic, partition, rows) for (topic, partition), rows in streams.items())
    )
    await asyncio.gather(*(delivery for deliveries in sent for delivery in deliveries))
    if hold_s:
        await asyncio.sleep(hold_s)
    await producer.commit_transaction()


def _outgoing(
    emits: Iterable[Emit],
    number: int,
    names: Naming,
    spread: Mapping[str, int],
    stamps: Sequence[tuple[str, bytes]],
) -> dict[tuple[str, int], list[Row]]:
    """Rows by physical topic and partition, in the order of the emits."""
    streams: dict[tuple[str, int], list[Row]] = defaultdict(list)
    known: dict[str, str] = {}
    for emit in emits:
        name = known.get(emit.topic)
        if name is None:
            name = known[emit.topic] = physical(names, emit.topic)
        if emit.partition is not None:
            partition = emit.partition
        elif emit.topic in spread:
            partition = partition_of(emit.key, spread[emit.topic]) if emit.key else number % spread[emit.topic]
        else:
            partition = number
        streams[name, partition].append(Row(emit.key, emit.value, emit.timestamp_ms, [*emit.headers, *stamps]))
    return streams


async def _append(producer: AIOKafkaProducer, topic: str, partition: int, rows: Iterable[Row]) -> list[Any]:
    """Send rows as few large batches, in order; returns the futures of their delivery."""
    return [await producer.send_batch(batch, topic, partition=partition) for batch in _batches(producer, rows)]


def _batches(producer: AIOKafkaProducer, rows: Iterable[Row]) -> Iterator[Any]:
    batch = producer.create_batch()
    for key, value, timestamp_ms, headers in rows:
        if batch.append(key=key, value=value, timestamp=timestamp_ms, headers=headers) is None:  # full
            yield batch
            batch = producer.create_batch()
            # The first record of a batch is always taken, however large: the topic's own limit then decides.
            batch.append(key=key, value=value, timestamp=timestamp_ms, headers=headers)
    if batch.record_count():
        yield batch
