"""Have both agents handled everything that was written so far?

A group's committed offset says that everything before it took effect and that what it caused is visible, because
positions are committed only after their transaction. So: read the committed offsets first, the `read_committed` ends
of the inputs afterwards. Where no data lies between the two, nothing written or caused before the second look is
unhandled. The order matters: ends taken first could miss what the last commit has caused.

The accounts agent tells its clock to the entities agent a little after the commit that moved it, so the second hop is
waited for only when every source partition has told a clock that reached the barrier.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import chain
from types import TracebackType
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import KafkaError

from producers.answers import COMMANDS
from streams.contracts.registry import decode
from streams.contracts.signals import ClockTold
from streams.contracts.topics import SIGNALS, Agent, Naming, inputs_of, physical

AGENTS: Final[tuple[Agent, ...]] = ("accounts", "entities")

DEADLINE_S: Final = 300.0
# Nothing may move for this long: a replay's own records, still on their way through the broker, are no movement yet.
QUIET_S: Final = 0.2
_POLL_S: Final = 0.05
_PEEK_MS: Final = 20
_PEEKS: Final = 100


class AgentsBehind(RuntimeError):
    """The agents did not reach the end of their inputs. Operator action: is a worker running under this app id?"""


class AgentsAtEnd:
    """Waits until the group that both agents share has nothing left to read.

    Where a responder plays the payment system, name its group: its answers are input too, so it is waited for as well.
    """

    def __init__(
        self,
        bootstrap: str,
        group_id: str,
        *,
        prefix: Naming = "",
        security: Mapping[str, Any] | None = None,
        responder_group: str | None = None,
        agents: Sequence[Agent] = AGENTS,
        deadline_s: float = DEADLINE_S,
        quiet_s: float = QUIET_S,
    ) -> None:
        settings = {"bootstrap_servers": bootstrap.split(","), "client_id": "paywarden-barrier", **(security or {})}
        self._group_id = group_id
        self._deadline_s = deadline_s
        self._quiet_s = quiet_s
        self._admin = KafkaAdminClient(**settings)
        self._reader = KafkaConsumer(
            **settings, isolation_level="read_committed", enable_auto_commit=False, auto_offset_reset="none"
        )
        names = {group_id: [topic.name for agent in agents for topic in inputs_of(agent)]}
        if responder_group is not None:
            names[responder_group] = list(COMMANDS)
        self._clocks = _ToldClocks(settings, physical(prefix, SIGNALS.name)) if "entities" in agents else None
        self._inputs = {
            group: [
                TopicPartition(topic, number)
                for topic in (physical(prefix, name) for name in topics)
                for number in self._numbers(topic)
            ]
            for group, topics in names.items()
        }
        self._empty: dict[TopicPartition, tuple[int, int]] = {}  # [from, to) known to hold only control records

    def __enter__(self) -> AgentsAtEnd:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.close(autocommit=False)
        if self._clocks is not None:
            self._clocks.close()
        self._admin.close()

    def wait(self, at_ms: int) -> None:
        """Returns when both agents have been at their ends for a moment; raises when the deadline passes."""
        began_s = time.monotonic()
        quiet_since_s: float | None = None
        seen: dict[TopicPartition, int] = {}
        while True:
            now_s = time.monotonic()
            try:
                told = self._clocks is None or self._clocks.reached(at_ms)
                behind, ends = self._look()
            except KafkaError as error:
                # A coordinator that is still being elected, a leader that moved: the broker asks to be asked again.
                if not error.retriable or now_s - began_s > self._deadline_s:
                    raise AgentsBehind(f"The broker does not say how far the agents are: {error}.") from error
                quiet_since_s = None
                time.sleep(_POLL_S)
                continue
            if behind or ends != seen or not told:
                quiet_since_s, seen = None, ends
            if told and not behind:
                quiet_since_s = now_s if quiet_since_s is None else quiet_since_s
                if now_s - quiet_since_s >= self._quiet_s:
                    return
            if now_s - began_s > self._deadline_s:
                raise AgentsBehind(self._complaint(at_ms, behind, told))
            time.sleep(_POLL_S)

    def _numbers(self, name: str) -> list[int]:
        found = self._reader.partitions_for_topic(name)
        if not found:
            raise AgentsBehind(f"Topic {name} does not exist, so no agent can be waited for; create the topics first.")
        return sorted(found)

    def _look(self) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
        """Partitions with data left (and how many offsets), and the ends they were compared with."""
        committed_by_group = [
            self._admin.list_group_offsets({group: read})[group] for group, read in self._inputs.items()
        ]
        ends = self._edges(OffsetSpec.LATEST)
        starts = self._edges(OffsetSpec.EARLIEST)
        offsets = {partition: known for committed in committed_by_group for partition, known in committed.items()}
        behind: dict[TopicPartition, int] = {}
        for partition, end in ends.items():
            known = offsets.get(partition)
            committed = max(starts[partition], known.offset if known is not None else 0)
            if committed < end and not self._only_control(partition, committed, end):
                behind[partition] = end - committed
        return behind, ends

    def _edges(self, which: OffsetSpec) -> dict[TopicPartition, int]:
        # Not the consumer's own `end_offsets`: kafka-python 3.0 silently leaves out topics that it has no metadata for.
        found = self._admin.list_partition_offsets(
            dict.fromkeys(chain(*self._inputs.values()), which), "read_committed"
        )
        return {partition: edge.offset for partition, edge in found.items()}

    def _only_control(self, partition: TopicPartition, committed: int, end: int) -> bool:
        """Do only transaction markers and aborted records lie in [committed, end)? Then no reader ever commits past."""
        known = self._empty.get(partition)
        if known is not None and known[0] <= committed and end <= known[1]:
            return True
        self._reader.assign([partition])
        self._reader.seek(partition, committed)
        # A poll over nothing but control records moves the position and waits for its whole timeout: keep that short.
        for _ in range(_PEEKS):
            if self._reader.poll(timeout_ms=_PEEK_MS, max_records=1):
                return False
            if self._reader.position(partition) >= end:
                break
        else:
            return False  # nothing came in time; look again at the next round
        self._empty[partition] = (committed, end)
        return True

    def _complaint(self, at_ms: int, behind: Mapping[TopicPartition, int], told: bool) -> str:
        worst = sorted(behind.items(), key=lambda item: -item[1])[:3]
        listed = ", ".join(f"{partition.topic}[{partition.partition}] by {lag}" for partition, lag in worst)
        otherwise = "their inputs keep growing" if told else "not all partitions have told a clock that came so far"
        return (
            f"After {self._deadline_s:.0f} s the agents of {self._group_id!r} have not handled everything before event "
            f"time {at_ms}: {listed or otherwise}. Is a worker running under this app id, and ready?"
        )


class _ToldClocks:
    """The event-time clocks that the accounts agent has told. Each is told to all signal partitions: one is read."""

    def __init__(self, settings: Mapping[str, Any], topic: str) -> None:
        self._reader = KafkaConsumer(**settings, isolation_level="read_committed", enable_auto_commit=False)
        self._sources = len(self._reader.partitions_for_topic(topic) or ())
        self._told: dict[int, int] = {}
        partition = TopicPartition(topic, 0)
        self._reader.assign([partition])
        self._reader.seek_to_beginning(partition)

    def reached(self, at_ms: int) -> bool:
        """Have all sources told a clock at or behind `at_ms`?"""
        for records in self._reader.poll(timeout_ms=_PEEK_MS, max_records=5_000).values():
            for record in records:
                if ("type", b"clock.told.v1") in (record.headers or ()):
                    clock = decode(SIGNALS.name, record.value)
                    if isinstance(clock, ClockTold):
                        self._told[clock.partition] = max(clock.at_ms, self._told.get(clock.partition, 0))
        return len(self._told) == self._sources and min(self._told.values()) >= at_ms

    def close(self) -> None:
        self._reader.close(autocommit=False)
