"""What does a test of the whole product need: topics, workers, a feed, and the backtest to compare them with?"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from pathlib import Path

import msgspec

from producers.barrier import AgentsAtEnd
from producers.feed import Barrier, Outgoing, expand, merged, stepped
from producers.simulate.catalog import scenario
from producers.writer import KafkaWriter, Pace
from streams.adapters.embedded_broker import free_port
from streams.adapters.policy_file import load_schedule
from streams.agents.offline import OfflineRun, Published, Respond
from streams.app import accounts_logic, entities_logic
from streams.contracts.partitioning import partition_of
from streams.contracts.topics import TOPICS, Agent, changelog_of, physical
from streams.runtime.options import RuntimeOptions
from streams.runtime.states import read_row
from streams.runtime.topics_admin import TopicSpec, create_topics
from support.broker_client import Cluster

# What workers publish for others. Signals and clocks stay inside and depend on how groups are cut.
PUBLISHED = tuple(topic.name for topic in TOPICS.values() if topic.direction == "output")
AGENTS: tuple[Agent, ...] = ("accounts", "entities")
START_MS = 1_764_547_200_000  # 2025-12-01, a Monday
STEP_MS = 24 * 3_600_000

# topic, partition -> (key, value) of each record; a list's order is kept per agent only, so it is compared as a bag.
Records = dict[tuple[str, int], Counter[tuple[bytes, bytes | None]]]


class Reading:
    """Collects records; of a compacted topic the newest of each key, because a cleaner may have been there."""

    def __init__(self) -> None:
        self._records: Records = defaultdict(Counter)
        self._newest: dict[tuple[str, int], dict[bytes, bytes | None]] = defaultdict(dict)

    def note(self, topic: str, partition: int, key: bytes, value: bytes | None) -> None:
        if TOPICS[topic].compacted:
            self._newest[topic, partition][key] = value
        else:
            self._records[topic, partition][key, value] += 1

    def records(self) -> Records:
        return {**self._records, **{place: Counter(newest.items()) for place, newest in self._newest.items()}}


def story(*names: str, seed: int = 7) -> list[Outgoing]:
    """Several scenarios at the same time, as one feed."""
    return list(merged([scenario(name).records(seed, START_MS, {}) for name in names]))


def enforcing(folder: Path, ack: str = "assumed") -> Path:
    """A policy that acts; with `ack` assumed it does not wait for a payment system that is not there."""
    path = folder / "policy.toml"
    path.write_text(f'mode = "enforce"\n[locks]\nack = "{ack}"\n')
    return path


def backtest(
    records: Iterable[Outgoing],
    partitions: int,
    policy: Path,
    *,
    step_ms: int = STEP_MS,
    respond: Respond | None = None,
) -> tuple[Records, dict[str, dict[bytes, bytes]]]:
    """What the agents publish about `records`, and their states, without a broker."""
    found = Reading()

    def sink(published: Published) -> None:
        emit = published.emit
        found.note(emit.topic, published.partition, emit.key, emit.value)

    policies = load_schedule([policy])
    run = OfflineRun(
        accounts_logic(policies, barrier_s=step_ms // 1000),
        entities_logic(policies, step_ms // 1000),
        partitions,
        sink,
        partition_of_key=partition_of,
        respond=respond,
    )
    for item in expand(stepped(records, step_ms), partitions):
        if isinstance(item, Barrier):
            run.settle()
        else:
            run.write(item.topic, item.partition, item.key, item.value, item.timestamp_ms)
    states = {
        "accounts": {key: raw for each in run.accounts for key, raw in each.states.encoded()},
        "entities": {
            f"{each.number}/".encode() + key: raw for each in run.entities for key, raw in each.states.encoded()
        },
    }
    return found.records(), states


class Product:
    """One deployment under a name of its own: topics, workers, a feed."""

    def __init__(
        self,
        cluster: Cluster,
        folder: Path,
        name: str,
        *,
        partitions: int = 4,
        hold_ms: int = 0,
        step_ms: int = STEP_MS,
        ack: str = "assumed",
    ) -> None:
        self.cluster = cluster
        self.folder = folder
        self.name = name
        self.prefix = f"{name}."
        self.partitions = partitions
        self.policy = enforcing(folder, ack)
        self.step_ms = step_ms
        self.hold_ms = hold_ms
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self._settings: dict[str, dict[str, str]] = {}

    def create_topics(self) -> None:
        options = RuntimeOptions(bootstrap=self.cluster.bootstrap)
        specs = [
            TopicSpec(physical(self.prefix, topic.name), self.partitions, 1, topic.replay_configs)
            for topic in TOPICS.values()
        ]
        asyncio.run(create_topics(options, specs))

    def start(self, worker: str, **settings: str) -> None:
        """Start a worker process with a static membership of its own; `settings` in lower case, without PAYWARDEN_.

        Whoever starts it again need not know what it was given: it has the same settings as before.
        """
        settings = self._settings[worker] = self._settings.get(worker, {}) | settings
        program = shutil.which("paywarden", path=Path(sys.executable).parent)
        assert program is not None
        environment = {
            **os.environ,
            "PAYWARDEN_BOOTSTRAP": self.cluster.bootstrap,
            "PAYWARDEN_APP_ID": self.name,
            "PAYWARDEN_TOPIC_PREFIX": self.prefix,
            "PAYWARDEN_INSTANCE_ID": worker,
            "PAYWARDEN_MERGE": "strict",
            "PAYWARDEN_CLOCK": "replay",
            "PAYWARDEN_BARRIER_S": str(self.step_ms // 1000),
            "PAYWARDEN_POLICY_FILES": f'["{self.policy}"]',
            "PAYWARDEN_MEMBER_TIMEOUT_S": "6",
            "PAYWARDEN_WEB_PORT": str(free_port()),
            "PAYWARDEN_HOLD_MS": str(self.hold_ms),
            "PAYWARDEN_LOG_LEVEL": "WARNING",
            **{f"PAYWARDEN_{name.upper()}": value for name, value in settings.items()},
        }
        with (self.folder / f"{worker}.log").open("ab") as log:
            self.workers[worker] = subprocess.Popen(
                [program, "worker"], env=environment, stdout=log, stderr=subprocess.STDOUT
            )

    def replay(
        self,
        records: Iterable[Outgoing],
        *,
        deadline_s: float = 120.0,
        agents: Sequence[Agent] = AGENTS,
        meanwhile: Callable[[float], None] = lambda share: None,
        answer: Callable[[], bool] = lambda: False,
    ) -> None:
        """Write everything, waiting at each step until both agents are done with it.

        `meanwhile` is called before that, with the share of the feed that is written; `answer` after it, until it says
        that nothing more was asked: then the step is over.
        """
        with (
            KafkaWriter(self.cluster.bootstrap, prefix=self.prefix) as writer,
            AgentsAtEnd(
                self.cluster.bootstrap, self.name, prefix=self.prefix, agents=agents, deadline_s=deadline_s
            ) as barrier_of,
        ):
            items = list(expand(stepped(records, self.step_ms), self.partitions))
            steps = sum(isinstance(item, Barrier) for item in items)
            done = count(1)

            def at_barrier(barrier: Barrier) -> None:
                meanwhile(next(done) / steps)
                barrier_of.wait(barrier.at_ms)
                while answer():
                    barrier_of.wait(barrier.at_ms)

            writer.write(items, pace=Pace(None), at_barrier=at_barrier)

    def write(self, records: Iterable[Outgoing]) -> None:
        """Write without waiting for anybody."""
        with KafkaWriter(self.cluster.bootstrap, prefix=self.prefix) as writer:
            writer.write(expand(records, self.partitions), pace=Pace(None))

    def published(self, *, committed: bool = True) -> Records:
        found = Reading()
        for topic in PUBLISHED:
            name = physical(self.prefix, topic)
            for record in self.cluster.read(name, partitions=self.partitions, committed=committed):
                found.note(topic, record.partition, record.key, record.value)
        return found.records()

    def states(self, agent: str) -> dict[bytes, bytes]:
        """The states that a recovery would find."""
        rows: dict[tuple[int, bytes], bytes] = {}
        name = physical(self.prefix, changelog_of(agent).name)  # type: ignore[arg-type]
        for record in self.cluster.read(name, partitions=self.partitions):
            if record.key.startswith(b"\x00"):  # what is no state
                continue
            if record.value is None:
                rows.pop((record.partition, record.key), None)
            else:
                rows[record.partition, record.key] = read_row(record.value).state
        if agent == "accounts":
            return {key: raw for (_, key), raw in rows.items()}
        return {f"{number}/".encode() + key: raw for (number, key), raw in rows.items()}

    def end(self) -> list[int]:
        """SIGTERM to all; returns their exit codes."""
        for process in self.workers.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        codes = []
        for process in self.workers.values():
            try:
                codes.append(process.wait(15))
            except subprocess.TimeoutExpired:
                process.kill()
                codes.append(process.wait())
        return codes

    def logs(self) -> str:
        return "\n".join(f"== {path.name}\n{path.read_text()[-3000:]}" for path in sorted(self.folder.glob("*.log")))


def difference(wanted: Records, found: Records) -> str:
    """What is missing and what is too much, a few lines of each; empty when equal."""
    lines = []
    for place in sorted(set(wanted) | set(found)):
        missing = wanted.get(place, Counter()) - found.get(place, Counter())
        extra = found.get(place, Counter()) - wanted.get(place, Counter())
        if missing or extra:
            lines.append(f"{place}: {missing.total()} missing, {extra.total()} too many")
            lines += [f"  - {key!r} {(value or b'')[:300]!r}" for key, value in list(missing)[:2]]
            lines += [f"  + {key!r} {(value or b'')[:300]!r}" for key, value in list(extra)[:2]]
    return "\n".join(lines)


def state_difference(wanted: dict[bytes, bytes], found: dict[bytes, bytes]) -> str:
    """Keys that only one side has, and how the first few that differ differ; empty when equal."""
    lines = [
        f"only in {side}: {sorted(only)[:5]}"
        for side, only in (
            ("the backtest", wanted.keys() - found.keys()),
            ("the changelog", found.keys() - wanted.keys()),
        )
        if only
    ]
    differing = sorted(key for key in wanted.keys() & found.keys() if wanted[key] != found[key])
    if differing:
        lines.append(f"{len(differing)} states differ")
    for key in differing[:3]:
        lines += [f"{key!r}", f"  - {msgspec.msgpack.decode(wanted[key])}", f"  + {msgspec.msgpack.decode(found[key])}"]
    return "\n".join(lines)
