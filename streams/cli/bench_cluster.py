"""How fast is the whole path through a broker, beside the least that any consumer of that broker must do?"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from producers import load
from producers.feed import Outgoing, expand, stepped
from producers.writer import KafkaWriter, Pace
from streams.adapters.child import Child
from streams.adapters.embedded_broker import BrokerFailed, BrokerMissing, EmbeddedBroker, free_port
from streams.cli.bench_core import Rate, decisions_of
from streams.cli.cluster import ClusterFailed, NotAsItShouldBe, asking
from streams.cli.topics import create_all
from streams.contracts.base import Watermark, to_ms
from streams.contracts.registry import Refusal, read
from streams.contracts.topics import Naming, physical
from streams.runtime.clients import aiokafka_kwargs, kafka_python_kwargs
from streams.runtime.reading import reader
from streams.runtime.topics_admin import TopicSpec, create_topics
from streams.settings import Settings, load_settings

DECISIONS = "fraud.decisions"
INPUTS = ("payments.transactions", "auth.logins")
AGENTS = ("accounts", "entities")
BARE = "bench.bare"
ANSWER_BYTES = 420  # a typical decision
READY_S = 60.0
# Nothing new for this long: something is wrong, and the bench says so instead of waiting on.
STUCK_S = 60.0
WARM_UP_S = 2.0  # of the fixed rate: first records of a new consumer, of new accounts, of cold code
_FETCH_MS = 50
_CPU = re.compile(rb"^process_cpu_seconds_total (\S+)$", re.MULTILINE)


class Whole(msgspec.Struct, kw_only=True):
    """The worker beside the bare loop: same broker, same records, same run."""

    worker: Rate
    bare: Rate

    @property
    def speed(self) -> float:
        """Events per second of the worker, as a share of the bare loop's."""
        return self.worker.per_s / self.bare.per_s if self.bare.seconds else 0.0


class Latency(msgspec.Struct, kw_only=True):
    """From handing a record to the producer until a `read_committed` reader has its decision."""

    rate: float  # payments per second offered
    decisions: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    generator_late_ms: float  # the most that the load itself fell behind its plan; large: read nothing into the rest


_MADE = ("type", b"decision.made.v1")


class _Occurred(msgspec.Struct):
    """The field of a decision that the reader needs: when its payment was sent."""

    occurred_at: datetime


@contextmanager
def broker(bootstrap: str | None, folder: Path) -> Iterator[str]:
    """The named broker, or an embedded one that ends with the bench."""
    if bootstrap is not None:
        yield bootstrap
        return
    try:
        embedded = EmbeddedBroker(folder)
    except BrokerMissing as error:
        raise NotAsItShouldBe(str(error)) from error
    except BrokerFailed as error:
        raise ClusterFailed(str(error)) from error
    with embedded:
        yield embedded.bootstrap


@contextmanager
def deployment(
    bootstrap: str, partitions: int, name: str, more: Mapping[str, Mapping[str, str]] = {}
) -> Iterator[Settings]:
    """Topics under a name that nobody used before; they are deleted at the end. `more`: further ones, with settings."""
    settings = load_settings(
        bootstrap=bootstrap, partitions=partitions, topic_prefix=f"{name}.", topic_names={}, app_id=name
    )
    further = [
        TopicSpec(physical(settings.names, topic), partitions, 1, configs)
        for topic, configs in {BARE: {}, **more}.items()
    ]
    with asking(settings):
        created = asyncio.run(create_all(settings, replay=True)) + asyncio.run(
            create_topics(settings.runtime(), further)
        )
    try:
        yield settings
    finally:
        with asking(settings):
            admin = KafkaAdminClient(**kafka_python_kwargs(settings.runtime()))
            admin.delete_topics(created)
            admin.close()


def fill(settings: Settings, feed: Iterable[Outgoing], settle_ms: int, told: Callable[[int], None]) -> None:
    """Write the feed with its watermarks, before anybody reads it."""
    with asking(settings), _writer(settings) as writer:
        items = expand(stepped(feed, settle_ms=settle_ms), settings.partitions)
        writer.write(items, pace=Pace(None), told=lambda now: told(now.records))


def bare(settings: Settings, events: int) -> Rate:
    """The least a consumer must do: fetch, decode, send an answer; no state, no order, no transaction."""
    with asking(settings):
        return asyncio.run(_bare(settings, events))


async def _bare(settings: Settings, events: int) -> Rate:
    options = settings.runtime()
    inputs = {physical(settings.names, topic): topic for topic in INPUTS}
    output, answer = physical(settings.names, BARE), b"x" * ANSWER_BYTES
    tps = [TopicPartition(name, number) for name in inputs for number in range(settings.partitions)]
    producer = AIOKafkaProducer(enable_idempotence=True, linger_ms=5, **aiokafka_kwargs(options))
    async with producer, reader(options) as consumer:
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        began_s, cpu_s = time.perf_counter(), time.process_time()
        done = 0
        while done < events:
            sent = []
            for tp, records in (await next_batches(consumer, "the inputs")).items():
                for record in records:
                    event = read(inputs[tp.topic], record.key, record.value)
                    if type(event) is not Refusal and type(event) is not Watermark:
                        sent.append(await producer.send(output, answer, key=record.key))
            await asyncio.gather(*sent)
            done += len(sent)
        return Rate(events=done, seconds=time.perf_counter() - began_s, cpu_s=time.process_time() - cpu_s)


def whole(
    settings: Settings, events: int, folder: Path, told: Callable[[int], None], model: Path | None = None
) -> Rate:
    """A real worker, from the first decision that a committed reader sees until both agents have nothing left."""
    with asking(settings), running(settings, folder, clock="replay", merge="strict", model=model) as (worker, port):
        return asyncio.run(_whole(settings, events, worker, port, told))


async def _whole(settings: Settings, events: int, worker: Child, port: int, told: Callable[[int], None]) -> Rate:
    """From the first decision seen on: starting up is another number."""
    decisions = decisions_of(events)
    tps = [TopicPartition(physical(settings.names, DECISIONS), each) for each in range(settings.partitions)]
    async with reader(settings.runtime()) as consumer:
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        count = first = 0
        began_s = cpu_s = 0.0
        while count < decisions:
            batches = await next_batches(consumer, "the decisions", worker)
            count += sum(_MADE in record.headers for records in batches.values() for record in records)
            told(count * events // decisions)
            if not first:
                first, began_s, cpu_s = count, time.perf_counter(), cpu_seconds(port)
    await _both_at_end(worker, port)
    seconds = time.perf_counter() - began_s
    return Rate(events=events - first * events // decisions, seconds=seconds, cpu_s=cpu_seconds(port) - cpu_s)


async def _both_at_end(worker: Child, port: int) -> None:
    """Decisions are made by one agent; the work that they cause for the other counts too."""
    deadline_s = time.monotonic() + STUCK_S
    while time.monotonic() < deadline_s:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as page:
            facts = json.load(page)
        if not any(facts[agent]["lag"] for agent in AGENTS):
            return
        await asyncio.sleep(0.05)
    raise ClusterFailed(_last_words(worker, f"still has records to handle after {STUCK_S:.0f} s"))


def latency(settings: Settings, rate: float, seconds: float, folder: Path, told: Callable[[int], None]) -> Latency:
    """A live worker under a constant load that does not wait for it."""
    with asking(settings), running(settings, folder, clock="live", merge="live") as (worker, _):
        context = multiprocessing.get_context("spawn")
        report = context.SimpleQueue()
        kwargs = kafka_python_kwargs(settings.runtime())
        accounts = max(1, int(rate * seconds / 2))
        offer = context.Process(
            target=_offer, args=(kwargs, settings.names, rate, seconds, accounts, report), daemon=True
        )
        offer.start()
        try:
            found = asyncio.run(_latencies(settings, int(rate * seconds), worker, told))
            late_s = report.get()
        finally:
            offer.kill()
            offer.join()
    warm = sorted(found[int(rate * WARM_UP_S) :] if seconds > 2 * WARM_UP_S else found)
    return Latency(
        rate=rate,
        decisions=len(warm),
        p50_ms=_percentile(warm, 0.50),
        p95_ms=_percentile(warm, 0.95),
        p99_ms=_percentile(warm, 0.99),
        generator_late_ms=late_s * 1000,
    )


async def _latencies(settings: Settings, events: int, worker: Child, told: Callable[[int], None]) -> list[float]:
    """In order of arrival."""
    tps = [TopicPartition(physical(settings.names, DECISIONS), each) for each in range(settings.partitions)]
    decode = msgspec.json.Decoder(_Occurred).decode
    found: list[float] = []
    async with reader(settings.runtime()) as consumer:
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        while len(found) < events:
            batches = await next_batches(consumer, "the decisions", worker)
            now_ms = time.time() * 1000
            for records in batches.values():
                found += [now_ms - to_ms(decode(each.value).occurred_at) for each in records if _MADE in each.headers]
            told(len(found))
    return found


def _offer(kwargs: dict[str, Any], prefix: Naming, rate: float, seconds: float, accounts: int, report: Any) -> None:
    """In a process of its own, so that the reader's work does not slow the load down."""
    security = {name: value for name, value in kwargs.items() if name != "bootstrap_servers"}
    with KafkaWriter(",".join(kwargs["bootstrap_servers"]), prefix=prefix, security=security) as writer:
        report.put(load.run(writer, "load", rate=rate, seconds=seconds, accounts=accounts).late_s)


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


async def next_batches(consumer: Any, what: str, worker: Child | None = None) -> dict[TopicPartition, Any]:
    """What comes next. Raises ClusterFailed when nothing does."""
    deadline_s = time.monotonic() + STUCK_S
    while True:
        batches: dict[TopicPartition, Any] = await consumer.getmany(timeout_ms=_FETCH_MS)
        if batches:
            return batches
        if worker is not None and worker.ended() is not None:
            raise ClusterFailed(_last_words(worker, f"ended with code {worker.ended()}"))
        if time.monotonic() > deadline_s:
            why = f"no more of {what} came within {STUCK_S:.0f} s"
            raise ClusterFailed(why if worker is None else _last_words(worker, f"is stuck: {why}"))


@contextmanager
def running(
    settings: Settings,
    folder: Path,
    *,
    clock: str,
    merge: str,
    command: tuple[str, ...] = ("worker",),
    model: Path | None = None,
) -> Iterator[tuple[Child, int]]:
    """A worker, or an ingest, that is ready, and the port of its pages."""
    port = free_port()
    environment = os.environ | {
        "PAYWARDEN_BOOTSTRAP": settings.bootstrap,
        "PAYWARDEN_APP_ID": settings.app_id,
        "PAYWARDEN_TOPIC_PREFIX": settings.topic_prefix,
        "PAYWARDEN_TOPIC_NAMES": "{}",
        "PAYWARDEN_CLOCK": clock,
        "PAYWARDEN_MERGE": merge,
        "PAYWARDEN_POLICY_FILES": json.dumps([]),
        "PAYWARDEN_WEB_PORT": str(port),
        "PAYWARDEN_LOG_LEVEL": "WARNING",
    }
    environment.pop("PAYWARDEN_MODEL_DIR", None)
    if model is not None:
        environment["PAYWARDEN_MODEL_DIR"] = str(model)
    worker = Child(
        [sys.executable, "-P", "-m", "streams.cli", *command],
        folder / f"{settings.app_id}-{clock}.log",
        env=environment,
    )
    try:
        _wait_until_ready(worker, port)
        yield worker, port
    finally:
        worker.stop()


def _wait_until_ready(worker: Child, port: int) -> None:
    deadline_s = time.monotonic() + READY_S
    while worker.ended() is None and time.monotonic() < deadline_s:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)  # not listening yet, or 503: not ready yet
    raise ClusterFailed(_last_words(worker, f"was not ready within {READY_S:.0f} s"))


def _last_words(worker: Child, what: str) -> str:
    return f"The worker {what}. It said: " + " / ".join(worker.last_lines(3))


def cpu_seconds(port: int) -> float:
    """CPU time of the worker's process, user and system."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        found = _CPU.search(page.read())
    if found is None:
        raise click.ClickException("the worker's /metrics do not tell its CPU time; this system has no /proc")
    return float(found[1])


def _writer(settings: Settings) -> KafkaWriter:
    kwargs = kafka_python_kwargs(settings.runtime())
    del kwargs["bootstrap_servers"]
    return KafkaWriter(settings.bootstrap, prefix=settings.names, security=kwargs)
