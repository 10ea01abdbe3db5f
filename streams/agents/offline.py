"""How do both agents run over records in memory, as the workers would over Kafka in strict mode?

The same `Partition` engines, fed from lists. A step ends at a barrier: the accounts agent handles everything up to it,
then the entities agent what it was told, then the accounts agent takes over the risk, which counts from the barrier on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

import msgspec

from streams.contracts.topics import ENTITY_RISK, SIGNALS
from streams.runtime.logic import Emit, Logic, Record
from streams.runtime.open_group import CountKey, SpreadKey
from streams.runtime.options import PartitionOptions
from streams.runtime.partition import NoWayBack, Partition

# Records handled between two groups: large enough that per-group work vanishes, small enough to bound memory.
GROUP_RECORDS = 5_000
# Longer than `told_every_ms`, so that every group tells its clock: there is no broker to spare.
_TICK_MS = 1_000

STRICT = PartitionOptions(merge="strict", clock="replay")
_PASSING = msgspec.structs.replace(STRICT, durable=False)


class Published(NamedTuple):
    """One record that a worker would have written."""

    agent: str
    partition: int
    emit: Emit


Found = TypeVar("Found")
Sink = Callable[[Published], None]
# The payment system: what it writes in answer to one record, as (topic, key, value, record timestamp).
Respond = Callable[[Emit], Iterable[tuple[str, bytes, bytes, int]]]


def run_over(attempt: Callable[[PartitionOptions], Found]) -> Found:
    """What `attempt` finds, without encoding states after every group for a way back that nobody goes.

    Should the core raise on an event, the attempt is made again from the beginning with options that set this event
    aside and go on.
    """
    try:
        return attempt(_PASSING)
    except NoWayBack:
        return attempt(STRICT)


class OfflineRun:
    """Both agents over all partitions, in one process and without a broker."""

    def __init__(
        self,
        accounts: Logic,
        entities: Logic,
        partitions: int,
        sink: Sink,
        *,
        options: PartitionOptions = STRICT,
        partition_of_key: Callable[[bytes, int], int],
        respond: Respond | None = None,
    ) -> None:
        self.accounts = [Partition(accounts, number, partitions, options) for number in range(partitions)]
        self.entities = [Partition(entities, number, partitions, options) for number in range(partitions)]
        self.handled = 0
        self.counts: dict[CountKey, int] = defaultdict(int)
        self.spreads: dict[SpreadKey, int] = defaultdict(int)
        self._partitions = partitions
        self._partition_of_key = partition_of_key
        self._sink = sink
        self._respond = respond
        self._actions: list[Emit] = []
        self._offsets: dict[tuple[str, int], int] = defaultdict(int)
        self._buffers: dict[tuple[str, int], list[Record]] = defaultdict(list)
        self._buffered = 0
        self._now_ms = 0
        for partition in (*self.accounts, *self.entities):
            partition.restored()

    def write(self, topic: str, partition: int, key: bytes | None, value: bytes | None, timestamp_ms: int) -> None:
        """Append one record to an input topic, as a producer would."""
        self._append(topic, partition, key, value, timestamp_ms)
        self._buffered += 1
        if self._buffered >= GROUP_RECORDS * self._partitions:
            self._drain()

    def _append(self, topic: str, partition: int, key: bytes | None, value: bytes | None, timestamp_ms: int) -> None:
        offset = self._offsets[topic, partition]
        self._offsets[topic, partition] = offset + 1
        self._buffers[topic, partition].append(Record(topic, partition, offset, timestamp_ms, key, value))

    def settle(self) -> None:
        """A barrier: both agents are at the end of what was written, and the payment system has answered."""
        while True:
            self._drain()
            self._feed()
            self._run(self.entities)
            self._drain()
            actions, self._actions = self._actions, []
            if not actions or self._respond is None:
                return
            for action in actions:
                for topic, key, value, timestamp_ms in self._respond(action):
                    self.write(topic, self._partition_of_key(key, self._partitions), key, value, timestamp_ms)

    def _drain(self) -> None:
        self._feed()
        self._run(self.accounts)

    def _feed(self) -> None:
        buffers, self._buffers = self._buffers, defaultdict(list)
        self._buffered = 0
        for (topic, number), records in buffers.items():
            owners = self.entities if topic == SIGNALS.name else self.accounts
            owners[number].feed(topic, records)

    def _run(self, partitions: list[Partition]) -> None:
        for partition in partitions:
            while True:
                handled = partition.run(GROUP_RECORDS, ends={}, now_ms=self._now_ms)
                self._now_ms += _TICK_MS
                group = partition.group(self._now_ms)
                if group is None:
                    break
                self.handled += group.handled
                for count, number in group.counts.items():
                    self.counts[count] += number
                for value, number in group.spreads.items():
                    self.spreads[value] += number
                for emit in group.emits:
                    self._route(partition, emit)
                partition.committed()
                if not handled:
                    break

    def _route(self, source: Partition, emit: Emit) -> None:
        number = source.number if emit.partition is None else emit.partition
        if emit.topic in (SIGNALS.name, ENTITY_RISK.name):
            self._append(emit.topic, number, emit.key, emit.value, emit.timestamp_ms)
            return
        if self._respond is not None and emit.topic in RESPONDED:
            self._actions.append(emit)
        self._sink(Published(source.logic.name, number, emit))


RESPONDED = frozenset({"account.actions", "psp.commands"})
