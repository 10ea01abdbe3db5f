"""How does a test drive the accounts engine over records, cut and grouped as it likes?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from random import Random
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


def placed(records: Iterable[Outgoing], partitions: int, end_ms: int, every_ms: int = 0) -> list[list[Record]]:
    """The records by partition, as the topics would hold them, and a watermark at the end of every input.

    `every_ms`: one as often as that too, so that inputs in which nothing happens hold up nobody.
    """
    offsets: dict[tuple[str, int], int] = {}
    parts: list[list[Record]] = [[] for _ in range(partitions)]

    def write(number: int, topic: str, key: bytes | None, value: bytes | None, at_ms: int) -> None:
        offset = offsets.get((topic, number), 0)
        offsets[topic, number] = offset + 1
        parts[number].append(Record(topic, number, offset, at_ms, key, value))

    def mark(at_ms: int) -> None:
        for number in range(partitions):
            for topic in MERGED:
                write(number, topic.name, b"watermark", encode(watermark(at_ms)), at_ms)

    next_ms = 0
    for each in records:
        next_ms = next_ms or each.timestamp_ms + every_ms
        while every_ms and each.timestamp_ms >= next_ms:
            mark(next_ms)
            next_ms += every_ms
        write(partition_of(each.key, partitions), each.topic, each.key, each.value, each.timestamp_ms)
    for at_ms in range(next_ms, end_ms, every_ms) if every_ms else ():
        mark(at_ms)
    mark(end_ms)
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


def run_killed(
    policies: PolicySchedule, records: list[Record], chance: Random, *, number: int = 0, partitions: int = 1
) -> tuple[Outcome, int]:
    """The engine of one partition that dies again and again, and how often it did.

    What it has handled and not committed is lost; the next one has the committed rows alone and reads on behind the
    committed offsets. Groups, fetches and deaths come as `chance` wants.
    """
    published: list[tuple[str, int, bytes | None, bytes | None, int]] = []
    changelog: dict[bytes, bytes | None] = {}
    now_ms = deaths = 0
    done = False
    while not done:
        engine = Partition(accounts_logic(policies), number, partitions, STRICT)
        for key, raw in changelog.items():
            engine.restore(key, raw)
        engine.restored()
        committed = engine.positions
        ahead = [record for record in records if record.offset > committed.get(record.topic, -1)]
        # Sometimes long enough to get past the next watermark, without which strict merging hands out nothing.
        lives = chance.randint(1, len(ahead) // chance.choice([1, 3, 12]) + 1)
        at = 0
        while not done:
            fetch = chance.randint(1, max(2, len(records) // 40))
            for record in ahead[at : at + fetch]:
                engine.feed(record.topic, [record])
            at += fetch
            handled = engine.run(fetch, ends={}, now_ms=0)
            now_ms += 7
            if at > lives and at < len(ahead):
                deaths += 1
                break
            done = at >= len(ahead) and not handled
            if done or chance.random() < 0.3:
                group = engine.group(now_ms)
                if group is not None:
                    published += [_row(emit, number) for emit in group.emits if _lasting(emit)]
                    changelog.update(group.rows)
                    engine.committed()
    return Outcome(published, engine.states.encoded()), deaths
