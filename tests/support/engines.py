"""How does a test drive the accounts engine over records, cut and grouped as it likes?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

from producers.feed import Outgoing, watermark
from streams.app import accounts_logic
from streams.contracts.partitioning import partition_of
from streams.contracts.registry import encode
from streams.contracts.topics import MERGED, SIGNALS
from streams.core.policy import PolicySchedule
from streams.runtime.logic import Emit, Record
from streams.runtime.options import PartitionOptions
from streams.runtime.partition import Partition

STRICT = PartitionOptions(merge="strict", clock="replay")


class Outcome(NamedTuple):
    """What came of a run: everything published but the clocks, which follow the groups, and the states."""

    published: list[tuple[str, int, bytes | None, bytes | None, int]]
    states: dict[bytes, bytes]

    @property
    def digest(self) -> str:
        return blake2b(repr((self.published, sorted(self.states.items()))).encode(), digest_size=16).hexdigest()


def placed(records: Iterable[Outgoing], partitions: int, end_ms: int) -> list[list[Record]]:
    """The records by partition, as the topics would hold them, and a watermark at the end of every input."""
    offsets: dict[tuple[str, int], int] = {}
    parts: list[list[Record]] = [[] for _ in range(partitions)]

    def write(number: int, topic: str, key: bytes | None, value: bytes | None, at_ms: int) -> None:
        offset = offsets.get((topic, number), 0)
        offsets[topic, number] = offset + 1
        parts[number].append(Record(topic, number, offset, at_ms, key, value))

    for each in records:
        write(partition_of(each.key, partitions), each.topic, each.key, each.value, each.timestamp_ms)
    for number in range(partitions):
        for topic in MERGED:
            write(number, topic.name, b"watermark", encode(watermark(end_ms)), end_ms)
    return parts


def run(policies: PolicySchedule, parts: list[list[Record]], cuts: Sequence[int] = (10_000,)) -> Outcome:
    """Every partition's engine over its records. `cuts` are, in turn, how much is fetched, handled and committed."""
    published: list[tuple[str, int, bytes | None, bytes | None, int]] = []
    states: dict[bytes, bytes] = {}
    for number, records in enumerate(parts):
        engine = Partition(accounts_logic(policies), number, len(parts), STRICT)
        engine.restored()
        at = turn = now_ms = 0
        while True:
            fetch, limit = cuts[turn % len(cuts)], cuts[(turn + 1) % len(cuts)]
            for record in records[at : at + fetch]:
                engine.feed(record.topic, [record])
            at += fetch
            handled = engine.run(limit, ends={}, now_ms=0)
            turn += 1
            now_ms += 7
            if turn % cuts[turn % len(cuts)] == 0 or (at >= len(records) and not handled):
                group = engine.group(now_ms)
                if group is not None:
                    published += [_row(emit, number) for emit in group.emits if _lasting(emit)]
                    engine.committed()
            if at >= len(records) and not handled:
                break
        states.update(engine.states.encoded())
    return Outcome(published, states)


def _lasting(emit: Emit) -> bool:
    return emit.topic != SIGNALS.name or emit.headers != (("type", b"clock.told.v1"),)


def _row(emit: Emit, number: int) -> tuple[str, int, bytes | None, bytes | None, int]:
    return (emit.topic, number if emit.partition is None else emit.partition, emit.key, emit.value, emit.timestamp_ms)
