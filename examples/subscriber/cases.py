"""A subscriber of support cases: a local table that is complete from the first second and stays right.

Reference consumer for ticket systems, warehouses and mails. It needs aiokafka and nothing of PayWarden.

    python cases.py --bootstrap broker:9092

* The snapshot topic is compacted: its newest record of a case is the whole case, and a tombstone means that the case is
  no longer of interest. Reading it to its end gives every case there is, however long this program was away.
* Each record is the whole case with a version. What is older than what is known is skipped, so reading again, reading
  from several places and a gap in the versions are all the same: the newest version is the case.
* `support.cases` has every version, for those who must see each change. It is kept for 30 days; whoever was away longer
  finds a gap, and the case itself in the snapshots.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient


class Change(NamedTuple):
    """What one record did to the table."""

    case_id: str
    version: int  # 0: the case left the snapshots
    what: str  # new, changed, gap, gone
    missed: int  # versions that this program never saw


class Cases:
    """The newest version of every case. Pure: feed it records, in any order."""

    def __init__(self) -> None:
        self.by_id: dict[str, dict[str, Any]] = {}

    def take(self, key: bytes, value: bytes | None) -> Change | None:
        """Apply one record of either topic; None if it says nothing new."""
        case_id = key.decode()
        if value is None:
            return Change(case_id, 0, "gone", 0) if self.by_id.pop(case_id, None) is not None else None
        said = json.loads(value)
        if said["type"] != "case.version.v1":
            return None  # other types may come on this topic; a reader leaves alone what it does not know
        known = self.by_id.get(case_id, {}).get("version", 0)
        version = said["version"]
        if version <= known:
            return None  # read again, or the other topic was faster
        self.by_id[case_id] = said
        missed = version - known - 1
        what = "gap" if missed and known else "changed" if known else "new"
        return Change(case_id, version, what, missed)


async def open_table(
    bootstrap: str, prefix: str = "", kafka: Mapping[str, Any] | None = None
) -> tuple[Cases, AIOKafkaConsumer]:
    """The table as of now, and the consumer that goes on behind it."""
    topic = f"{prefix}support.cases.snapshot"
    reach = {"bootstrap_servers": bootstrap, **(kafka or {})}
    admin = AIOKafkaAdminClient(**reach)
    await admin.start()
    try:
        (described,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    tps = [TopicPartition(topic, each["partition"]) for each in described["partitions"]]
    consumer = AIOKafkaConsumer(
        isolation_level="read_committed",  # anything else may show a case that never was
        enable_auto_commit=False,
        auto_offset_reset="none",
        **reach,
    )
    await consumer.start()
    begins, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
    consumer.assign(tps)
    for tp, offset in begins.items():
        consumer.seek(tp, offset)
    cases = Cases()
    unread = {tp for tp in tps if ends[tp] > begins[tp]}
    while unread:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            for record in records:
                cases.take(record.key, record.value)
        # A position, not the last record: the end may be the marker of a transaction.
        unread = {tp for tp in unread if await consumer.position(tp) < ends[tp]}
    return cases, consumer


async def follow(cases: Cases, consumer: AIOKafkaConsumer) -> AsyncIterator[Change]:
    """Every change from now on."""
    while True:
        for records in (await consumer.getmany(timeout_ms=500)).values():
            for record in records:
                if (change := cases.take(record.key, record.value)) is not None:
                    yield change


async def every_version(
    bootstrap: str, group: str, prefix: str = "", kafka: Mapping[str, Any] | None = None
) -> AsyncIterator[ConsumerRecord]:
    """Every version once it was handled: the group's offset moves when the caller asks for the next record.

    At least once: after a crash the last record comes again. Its case_id and version are the idempotency key.
    """
    consumer = AIOKafkaConsumer(
        f"{prefix}support.cases",
        bootstrap_servers=bootstrap,
        group_id=group,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        **(kafka or {}),
    )
    await consumer.start()
    try:
        while True:
            for tp, records in (await consumer.getmany(timeout_ms=500)).items():
                for record in records:
                    yield record
                    await consumer.commit({tp: record.offset + 1})
    finally:
        await consumer.stop()


async def run(bootstrap: str, prefix: str) -> None:
    cases, consumer = await open_table(bootstrap, prefix)
    print(json.dumps({"cases": len(cases.by_id)}), flush=True)
    async for change in follow(cases, consumer):
        print(json.dumps(change._asdict()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Follow support cases.")
    parser.add_argument("--bootstrap", default="127.0.0.1:9092")
    parser.add_argument("--prefix", default="")
    given = parser.parse_args()
    asyncio.run(run(given.bootstrap, given.prefix))


if __name__ == "__main__":
    main()
