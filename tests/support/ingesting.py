"""What does a test of a running ingest need: a deployment, foreign topics with traffic, processes to hurt?"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from streams.adapters.embedded_broker import free_port
from streams.contracts.partitioning import partition_of
from streams.contracts.registry import Refusal
from streams.contracts.topics import TOPICS, physical
from streams.ingest.mapping import Facts
from streams.runtime.options import RuntimeOptions
from streams.runtime.topics_admin import TopicSpec, create_topics
from support.broker_client import Cluster, Line
from support.foreign import GOLDEN, KEY, Sent, reader_of

# (topic, partition, key, value) of every event, as a bag: partitions of a source are read side by side.
Events = Counter[tuple[str, int, bytes, bytes]]


class Deployment:
    """Canonical topics under a prefix, one source of a golden shape, and its ingest processes."""

    def __init__(
        self, cluster: Cluster, folder: Path, name: str, shape: str, *, partitions: int = 4, foreign_partitions: int = 3
    ) -> None:
        self.cluster = cluster
        self.name = name
        self.prefix = f"{name}."
        self.partitions = partitions
        self.foreign_partitions = foreign_partitions
        self.shape = GOLDEN / shape
        self.topic = f"{name}-{shape}"
        self.file = folder / f"{shape}.toml"
        text = (self.shape / "source.toml").read_text()
        own = reader_of(self.shape).source.topics[0]
        assert text.count(f'"{own}"') == 1
        self.file.write_text(text.replace(f'"{own}"', f'"{self.topic}"'))
        self._folder = folder
        self._options = (folder, partitions, foreign_partitions)
        self.environment = {
            **os.environ,
            "PAYWARDEN_BOOTSTRAP": cluster.bootstrap,
            "PAYWARDEN_APP_ID": name,
            "PAYWARDEN_TOPIC_PREFIX": self.prefix,
            "PAYWARDEN_PSEUDONYM_KEY": KEY,
            "PAYWARDEN_MEMBER_TIMEOUT_S": "6",
            "PAYWARDEN_LOG_LEVEL": "INFO",
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def create_topics(self) -> None:
        """The foreign topic, and with the product's own command everything that is ours."""
        self.cluster.create([self.topic], self.foreign_partitions, {"retention.ms": "-1"})
        specs = [
            TopicSpec(physical(self.prefix, topic.name), self.partitions, 1, topic.replay_configs)
            for topic in TOPICS.values()
        ]
        asyncio.run(create_topics(RuntimeOptions(bootstrap=self.cluster.bootstrap), specs))
        self.command("topics", "create", "--partitions", str(self.partitions), "--ingest", str(self.file))

    def beside(self, shape: str) -> Deployment:
        """Another source that writes to the same canonical topics."""
        folder, partitions, foreign_partitions = self._options
        other = Deployment(
            self.cluster, folder, self.name, shape, partitions=partitions, foreign_partitions=foreign_partitions
        )
        self.cluster.create([other.topic], foreign_partitions, {"retention.ms": "-1"})
        other.command("topics", "create", "--partitions", str(partitions), "--ingest", str(other.file))
        return other

    def command(self, *words: str, code: int = 0) -> str:
        """Run `paywarden`; returns what it printed."""
        done = subprocess.run(
            [_program(), *words], env=self.environment, capture_output=True, text=True, timeout=250, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def start(self, name: str = "i1", **settings: str) -> None:
        with (self._folder / f"{self.shape.name}-{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [_program(), "ingest", "run", str(self.file), "--instance-id", name],
                env={**self.environment, "PAYWARDEN_WEB_PORT": str(free_port()), **settings},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def start_worker(self) -> None:
        """One worker beside the ingests."""
        with (self._folder / "worker.log").open("ab") as log:
            self.processes["worker"] = subprocess.Popen(
                [_program(), "worker"],
                env={**self.environment, "PAYWARDEN_WEB_PORT": str(free_port())},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def strike(self, name: str = "i1", **settings: str) -> None:
        process = self.processes[name]
        process.send_signal(signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL
        self.start(name, **settings)

    def stop(self) -> list[int]:
        for process in self.processes.values():
            process.terminate()
        return [process.wait(60) for process in self.processes.values()]

    def end(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()

    def write(self, records: Iterable[Sent]) -> None:
        lines = [
            Line(record.key, record.value, record.timestamp_ms, number % self.foreign_partitions)
            for number, record in enumerate(records)
        ]
        self.cluster.write(self.topic, lines, partitions=self.foreign_partitions)

    def expected(self, records: Iterable[Sent]) -> tuple[Events, Counter[bytes]]:
        """The events of `records`, and the bodies that belong to the dead letters."""
        reader, events, refused = reader_of(self.shape), Events(), Counter[bytes]()
        for record in records:
            _, mapped = reader.read(Facts(self.topic, record.key, record.timestamp_ms, record.headers), record.value)
            if isinstance(mapped, Refusal):
                refused[record.value or b""] += 1
            else:
                for each in mapped:
                    events[each.topic, partition_of(each.key, self.partitions), each.key, each.value] += 1
        return events, refused

    def written(self, topics: Iterable[str], *, committed: bool = True) -> Events:
        return Events(
            (topic, record.partition, record.key, record.value)
            for topic in topics
            for record in self.cluster.read(
                physical(self.prefix, topic), partitions=self.partitions, committed=committed
            )
        )

    def dead_letters(self) -> list[dict[str, object]]:
        name = physical(self.prefix, "paywarden.dead-letters")
        return [json.loads(record.value) for record in self.cluster.read(name, partitions=self.partitions)]

    def log(self) -> str:
        return "\n".join(path.read_text()[-3000:] for path in sorted(self._folder.glob("*.log")))


def _program() -> str:
    program = shutil.which("paywarden", path=Path(sys.executable).parent)
    assert program is not None
    return program
