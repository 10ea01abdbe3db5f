"""What does a test write to a cluster, and what does it find there afterwards?"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from kafka.admin import KafkaAdminClient

from streams.contracts.partitioning import partition_of
from streams.runtime.options import RuntimeOptions
from streams.runtime.topics_admin import TopicSpec, create_topics, partition_counts
from support.waiting import wait_until


class Line(NamedTuple):
    """One record to write; without a partition the key's hash decides."""

    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    partition: int | None = None


class Cluster:
    """Synchronous verbs for tests; every call opens its own client."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    def create(self, names: Iterable[str], partitions: int, configs: Mapping[str, str] = {}) -> None:
        """Returns when the broker shows them to everybody."""
        options, specs = RuntimeOptions(bootstrap=self.bootstrap), [TopicSpec(n, partitions, 1, configs) for n in names]
        asyncio.run(create_topics(options, specs))
        wanted = {spec.name for spec in specs}
        wait_until(lambda: asyncio.run(partition_counts(options, wanted)).keys() == wanted, "topics to appear")

    def delete(self, *names: str) -> None:
        async def delete() -> None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
            await admin.start()
            await admin.delete_topics(list(names))
            await admin.close()

        asyncio.run(delete())

    def delete_before(self, topic: str, partition: int, offset: int) -> None:
        """What retention does."""

        async def delete() -> None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
            await admin.start()
            await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(offset)})
            await admin.close()

        asyncio.run(delete())

    def write(self, topic: str, lines: Iterable[Line], *, partitions: int, ending: str = "") -> None:
        """Append `lines`; `ending` commit or abort makes it a transaction."""
        asyncio.run(self._write(topic, list(lines), partitions, ending))

    async def _write(self, topic: str, lines: list[Line], partitions: int, ending: str) -> None:
        transaction = {"transactional_id": f"test-{topic}"} if ending else {}
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, max_batch_size=1 << 19, **transaction)
        await producer.start()
        try:
            if ending:
                await producer.begin_transaction()
            by_partition: dict[int, list[Line]] = defaultdict(list)
            for line in lines:
                number = partition_of(line.key or b"", partitions) if line.partition is None else line.partition
                by_partition[number].append(line)
            for number, each in by_partition.items():
                batch = producer.create_batch()
                sent = []
                for line in each:
                    fields = {"key": line.key, "value": line.value, "timestamp": line.timestamp_ms}
                    if batch.append(**fields) is None:
                        sent.append(await producer.send_batch(batch, topic, partition=number))
                        batch = producer.create_batch()
                        batch.append(**fields)
                sent.append(await producer.send_batch(batch, topic, partition=number))
                await asyncio.gather(*sent)
            if ending == "commit":
                await producer.commit_transaction()
            elif ending == "abort":
                await producer.abort_transaction()
        finally:
            await producer.stop()

    def read(self, topic: str, *, partitions: int, committed: bool = True) -> list[ConsumerRecord]:
        """Everything in `topic`, each partition in its order."""
        return asyncio.run(self._read(topic, partitions, "read_committed" if committed else "read_uncommitted"))

    async def _read(self, topic: str, partitions: int, isolation: str) -> list[ConsumerRecord]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, isolation_level=isolation, max_partition_fetch_bytes=8 << 20
        )
        await consumer.start()
        try:
            tps = [TopicPartition(topic, number) for number in range(partitions)]
            begins, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
            consumer.assign(tps)
            for tp in tps:
                consumer.seek(tp, begins[tp])
            records: list[ConsumerRecord] = []
            while any([await consumer.position(tp) < ends[tp] for tp in tps]):
                for fetched in (await consumer.getmany(timeout_ms=100)).values():
                    records += fetched
            return records
        finally:
            await consumer.stop()

    def group_offsets(self, group: str) -> dict[tuple[str, int], int]:
        async def ask() -> dict[tuple[str, int], int]:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
            await admin.start()
            try:
                offsets = await admin.list_consumer_group_offsets(group)
            finally:
                await admin.close()
            return {(tp.topic, tp.partition): each.offset for tp, each in offsets.items()}

        return asyncio.run(ask())

    def members(self, group: str) -> int:
        """How many members the group has."""
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        try:
            return len(admin.describe_groups([group])[group]["members"])
        finally:
            admin.close()
