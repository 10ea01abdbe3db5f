"""What does one test of the runtime need: topics of its own, input, workers, and a verdict over what came out?"""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from streams.contracts.partitioning import partition_of
from streams.runtime.logic import Record
from streams.runtime.options import RuntimeOptions
from streams.runtime.position import POSITION_KEY, SHARED_KEY, read_position
from streams.runtime.states import read_row
from support.broker_client import Cluster, Line
from support.toy import (
    CHANGELOG,
    COUNTS,
    DEAD_LETTERS,
    ECHO_CHANGELOG,
    ECHOES,
    INPUTS,
    Count,
    Counted,
    ToyEvent,
    decode_count,
    decode_counted,
    encode_event,
    expected_counts,
)
from support.toy_process import ToyProcess

TOPICS = tuple(each.topic for each in INPUTS)
FOREVER = {"retention.ms": "-1"}  # event times of tests lie in 1970


class Outcome(NamedTuple):
    """What a run left behind."""

    counts: dict[bytes, list[Counted]]  # by account, as a read_committed reader sees them
    states: dict[bytes, Count]  # by account, from the changelog
    aborted: int  # outputs that only a read_uncommitted reader sees


class Bench:
    """One test's names in the cluster, and everything that it started."""

    def __init__(self, cluster: Cluster, folder: Path, name: str, partitions: int = 4) -> None:
        self.cluster = cluster
        self.folder = folder
        self.partitions = partitions
        self.prefix = f"{name}."
        self.options = RuntimeOptions(
            bootstrap=cluster.bootstrap, app_id=name, topic_prefix=self.prefix, member_timeout_s=6.0
        )
        self.written: dict[str, list[Line]] = {topic: [] for topic in TOPICS}
        self.workers: dict[str, ToyProcess] = {}
        self.static = True  # membership of the workers that a test starts again

    # -- topics ----------------------------------------------------------------------------------------------------

    def topic(self, name: str) -> str:
        return self.prefix + name

    def create_topics(self) -> None:
        names = (*TOPICS, COUNTS, ECHOES, DEAD_LETTERS)
        self.cluster.create([self.topic(each) for each in names], self.partitions, FOREVER)
        self.cluster.create([self.topic(ECHO_CHANGELOG)], self.partitions, {"cleanup.policy": "compact"})
        self.create_changelog()

    def create_changelog(self) -> None:
        self.cluster.create([self.topic(CHANGELOG)], self.partitions, {"cleanup.policy": "compact"})

    # -- input -----------------------------------------------------------------------------------------------------

    def write(self, topic: str, lines: list[Line], ending: str = "") -> None:
        self.cluster.write(self.topic(topic), lines, partitions=self.partitions, ending=ending)
        if ending != "abort":
            self.written[topic] += lines

    def write_events(self, first: int, count: int, *, accounts: int = 97, **fields: Any) -> None:
        """`count` events, alternating between the inputs, a millisecond apart, then a watermark on each partition."""
        lines: dict[str, list[Line]] = {topic: [] for topic in TOPICS}
        for number in range(first, first + count):
            at_ms = 1_000_000 + number
            event = ToyEvent(at_ms=at_ms, id=f"e{number}", **fields)
            lines[TOPICS[number % 2]].append(Line(account(number % accounts), encode_event(event), at_ms))
        for topic in TOPICS:
            self.write(topic, lines[topic] + self._watermarks(1_000_000 + first + count))

    @contextmanager
    def flowing(self, first: int = 0, *, step: int = 400, pause_s: float = 0.3) -> Iterator[None]:
        """Events keep coming in the background, `step` at a time, numbered from `first`."""
        done = threading.Event()

        def feed() -> None:
            for number in itertools.count(first, step):
                if done.wait(pause_s):
                    return
                self.write_events(number, step)

        feeder = threading.Thread(target=feed)
        feeder.start()
        try:
            yield
        finally:
            done.set()
            feeder.join()

    def write_watermark(self, at_ms: int) -> None:
        for topic in TOPICS:
            self.write(topic, self._watermarks(at_ms))

    def _watermarks(self, at_ms: int) -> list[Line]:
        value = encode_event(ToyEvent(at_ms=at_ms))
        return [Line(None, value, at_ms, number) for number in range(self.partitions)]

    # -- workers ---------------------------------------------------------------------------------------------------

    def start(self, name: str = "w1", *, static: bool = True, ready: bool = True, **settings: Any) -> ToyProcess:
        """Start a worker; `settings` are runtime options, or with the prefix `partition_` those of the partitions."""
        changes = {
            key.removeprefix("partition_"): settings.pop(key) for key in list(settings) if key[:10] == "partition_"
        }
        settings.setdefault("instance_id", name if static else "")
        options = msgspec.structs.replace(self.options, **settings)
        worker = self.workers[name] = ToyProcess(self.folder, name, options, **changes)
        if ready:
            worker.wait_until_ready()
        return worker

    def end(self) -> None:
        for worker in self.workers.values():
            if worker.process.poll() is None:
                worker.kill()

    # -- what came out ---------------------------------------------------------------------------------------------

    def counted(self, topic: str = COUNTS) -> int:
        """Outputs that a read_committed reader sees by now."""
        return len(self.cluster.read(self.topic(topic), partitions=self.partitions))

    def echoed(self) -> dict[bytes, list[Counted]]:
        """What the second hop made of the first."""
        return self._by_account(ECHOES)

    def _by_account(self, topic: str) -> dict[bytes, list[Counted]]:
        counts: dict[bytes, list[Counted]] = defaultdict(list)
        for record in self.cluster.read(self.topic(topic), partitions=self.partitions):
            counts[record.key].append(decode_counted(record.value))
        return dict(counts)

    def undecided(self) -> int:
        """Outputs in transactions that are open or were aborted."""
        return len(self.cluster.read(self.topic(COUNTS), partitions=self.partitions, committed=False)) - self.counted()

    def expected(self) -> dict[bytes, list[Counted]]:
        by_partition: dict[tuple[str, int], list[Line]] = defaultdict(list)
        for topic, lines in self.written.items():
            for line in lines:
                number = partition_of(line.key or b"", self.partitions) if line.partition is None else line.partition
                by_partition[topic, number].append(line)
        return expected_counts(
            Record(topic, number, offset, line.timestamp_ms, line.key, line.value)
            for (topic, number), lines in by_partition.items()
            for offset, line in enumerate(lines)
        )

    def outcome(self) -> Outcome:
        states: dict[bytes, Count] = {}
        for record in self.cluster.read(self.topic(CHANGELOG), partitions=self.partitions):
            if record.key in (POSITION_KEY, SHARED_KEY):
                continue
            if record.value is None:
                states.pop(record.key, None)
            else:
                states[record.key] = decode_count(read_row(record.value).state)
        return Outcome(self._by_account(COUNTS), states, self.undecided())

    def positions(self) -> dict[int, dict[str, int]]:
        """Last offset handled of each input, by partition, as committed."""
        found: dict[int, dict[str, int]] = {}
        for record in self.cluster.read(self.topic(CHANGELOG), partitions=self.partitions):
            if record.key == POSITION_KEY:
                found[record.partition] = read_position(record.value).offsets
        return found


def account(number: int) -> bytes:
    return b"account-%d" % number
