"""How fast is the mapping of a foreign feed, beside a loop that only copies its bytes?"""

from __future__ import annotations

import asyncio
import io
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import fastavro
import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition
from rich.table import Table

from streams.cli.bench_core import Rate
from streams.cli.cluster import asking
from streams.cli.terminal import say_json, terminal
from streams.contracts.topics import ingest_changelog, physical
from streams.settings import Settings

FORMATS: Final = ("json", "avro")
PARTITIONS: Final = 4
PAYMENTS: Final = "payments.transactions"
START_MS: Final = 1_764_547_200_000
_FEED: Final = "bench.feed"
_BATCH_BYTES: Final = 512 * 1024

# A card processor's notification as it may come: half of its fields are of no use here.
_SOURCE: Final = """
name = "bench-{form}"
topics = ["{topic}"]
format = "{form}"
{schema}
event_id = "id"
account_id = "customer.number"
occurred_at = {{ path = "created", time = "unix_ms" }}
[type]
path = "status"
values = {{ NEW = "payment.requested.v1", DONE = "payment.succeeded.v1" }}
[fields]
payment_id = "payment"
amount_minor = {{ path = "amount", unit = "major" }}
currency = {{ path = "currency", upper = true }}
merchant_id = "merchant.id"
device_id = "device.id"
method = {{ value = "card" }}
[unmapped]
ignore = ["merchant.name", "device.agent", "trace"]
"""


def _text(name: str) -> dict[str, Any]:
    return {"name": name, "type": "string"}


def _record(name: str, *fields: str) -> dict[str, Any]:
    kind = {"type": "record", "name": name.title(), "fields": [_text(each) for each in fields]}
    return {"name": name, "type": kind}


SCHEMA: Final[dict[str, Any]] = {
    "type": "record",
    "name": "Notification",
    "fields": [
        *map(_text, ("id", "status", "payment", "currency", "trace")),
        {"name": "created", "type": "long"},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 2}},
        _record("customer", "number"),
        _record("merchant", "id", "name"),
        _record("device", "id", "agent"),
    ],
}


class Foreign(NamedTuple):
    """A record of the feed."""

    key: bytes
    value: bytes
    timestamp_ms: int


class Ingested(msgspec.Struct, kw_only=True):
    """One format: the ingest beside the copy loop, on the same broker and records, in the same run."""

    format: str
    bytes_per_record: int
    copy: Rate
    ingest: Rate

    @property
    def speed_to_copy(self) -> float:
        """Records per second of the ingest, as a share of the copy loop's."""
        return round(self.ingest.per_s / self.copy.per_s, 3)


@click.command("ingest")
@click.option("--events", type=click.IntRange(1_000), default=50_000, show_default=True, help="Of each format.")
@click.option("--bootstrap", help="Measure on this broker, in topics of its own. Default: an embedded broker.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def bench_ingest(events: int, bootstrap: str | None, as_json: bool) -> None:
    """Measure `ingest run` on JSON and Avro notifications, beside a bare loop that copies the same records.

    The copy loop fetches and sends bytes: no decoding, no mapping, no transaction. The ingest does all of it, exactly
    once, as seen by a `read_committed` reader.

    \b
    Examples:
      paywarden bench ingest
      paywarden bench ingest --events 200000 --bootstrap kafka-1:9092 --json
    """
    # Imported here: it knows Faust, which the other benchmarks do without.
    from streams.cli import bench_cluster as cluster

    found = []
    with (
        tempfile.TemporaryDirectory(prefix="paywarden-bench-", ignore_cleanup_errors=True) as folder,
        cluster.broker(bootstrap, Path(folder)) as address,
    ):
        for form in FORMATS:
            name = f"bench-{time.time_ns() // 1_000_000}-{form}"
            more = {_FEED: {"retention.ms": "-1"}, ingest_changelog(f"bench-{form}").name: {}}
            with cluster.deployment(address, PARTITIONS, name, more) as settings:
                found.append(_measure(settings, form, events, Path(folder)))
    if as_json:
        say_json(json.dumps([_plain(each) for each in found]))
        return
    table = Table("format", "bytes", "copy/s", "ingest/s", "of the copy", "CPU us copy", "CPU us ingest")
    for each in found:
        table.add_row(
            each.format,
            f"{each.bytes_per_record:,}",
            f"{each.copy.per_s:,.0f}",
            f"{each.ingest.per_s:,.0f}",
            f"{each.speed_to_copy:.0%}",
            f"{each.copy.cpu_us:.1f}",
            f"{each.ingest.cpu_us:.1f}",
        )
    terminal().print(table)


def _plain(each: Ingested) -> dict[str, Any]:
    return {
        "format": each.format,
        "bytes_per_record": each.bytes_per_record,
        "speed_to_copy": each.speed_to_copy,
        "copy": {"per_s": round(each.copy.per_s), "cpu_us": round(each.copy.cpu_us, 1)},
        "ingest": {
            "records": each.ingest.events,
            "per_s": round(each.ingest.per_s),
            "cpu_us": round(each.ingest.cpu_us, 1),
        },
    }


def notifications(form: str, events: int) -> Iterator[Foreign]:
    """A payment and its success in turns; every field varies as it would."""
    encode = _avro if form == "avro" else _json
    for number in range(events):
        payment, at_ms = number // 2, START_MS + number * 10
        customer = f"C-{payment % 5_000}"
        document = {
            "id": f"n-{number}",
            "status": "DONE" if number % 2 else "NEW",
            "payment": f"p-{payment}",
            "currency": "eur",
            "trace": f"{payment:032x}",
            "created": at_ms,
            "amount": Decimal(1_000 + payment % 90_000) / 100,
            "customer": {"number": customer},
            "merchant": {"id": f"M-{payment % 300}", "name": "a shop with a name of some length"},
            "device": {"id": f"D-{payment % 6_000}", "agent": "an app, version 1.2.3, on a telephone"},
        }
        yield Foreign(customer.encode(), encode(document), at_ms)


def source_of(form: str, topic: str, schema_file: Path) -> str:
    """The text of the source file for `notifications`."""
    schema = f'schema_file = "{schema_file}"' if form == "avro" else ""
    return _SOURCE.format(form=form, topic=topic, schema=schema)


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps({**document, "amount": str(document["amount"])}).encode()


_PARSED: Final = fastavro.parse_schema(SCHEMA)


def _avro(document: dict[str, Any]) -> bytes:
    raw = io.BytesIO()
    fastavro.schemaless_writer(raw, _PARSED, document)
    return raw.getvalue()


def _measure(settings: Settings, form: str, events: int, folder: Path) -> Ingested:
    from streams.cli import bench_cluster as cluster

    feed = physical(settings.names, _FEED)
    schema_file = folder / "notification.avsc"
    schema_file.write_text(json.dumps(SCHEMA))
    file = folder / f"bench-{form}.toml"
    file.write_text(source_of(form, feed, schema_file))
    with asking(settings):
        size = asyncio.run(_fill(settings, feed, notifications(form, events)))
        copy = asyncio.run(_copy(settings, feed, events, cluster.next_batches))
        command = ("ingest", "run", str(file))
        with cluster.running(settings, folder, clock="replay", merge="live", command=command) as (process, port):
            ingest = asyncio.run(
                _ingested(
                    settings,
                    events,
                    lambda consumer: cluster.next_batches(consumer, "the canonical events", process),
                    lambda: cluster.cpu_seconds(port),
                )
            )
    return Ingested(format=form, bytes_per_record=size // events, copy=copy, ingest=ingest)


async def _fill(settings: Settings, topic: str, records: Iterator[Foreign]) -> int:
    """Write the feed before anybody reads it; returns its bytes."""
    from streams.runtime.clients import aiokafka_kwargs

    size = 0
    async with AIOKafkaProducer(
        enable_idempotence=True, linger_ms=20, max_batch_size=_BATCH_BYTES, **aiokafka_kwargs(settings.runtime())
    ) as producer:
        for record in records:
            await producer.send(topic, record.value, record.key, timestamp_ms=record.timestamp_ms)
            size += len(record.value)
        await producer.flush()
    return size


async def _copy(settings: Settings, topic: str, events: int, next_batches: Callable[..., Any]) -> Rate:
    """The least that moving these records costs: fetch them, send them."""
    from streams.cli.bench_cluster import BARE
    from streams.runtime.clients import aiokafka_kwargs
    from streams.runtime.reading import reader

    options = settings.runtime()
    output = physical(settings.names, BARE)
    producer = AIOKafkaProducer(enable_idempotence=True, linger_ms=5, **aiokafka_kwargs(options))
    async with producer, reader(options) as consumer:
        tps = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        began_s, cpu_s, done = time.perf_counter(), time.process_time(), 0
        while done < events:
            sent = [
                await producer.send(output, record.value, key=record.key)
                for records in (await next_batches(consumer, "the feed")).values()
                for record in records
            ]
            await asyncio.gather(*sent)
            done += len(sent)
        return Rate(events=done, seconds=time.perf_counter() - began_s, cpu_s=time.process_time() - cpu_s)


async def _ingested(
    settings: Settings, events: int, next_batches: Callable[[Any], Any], cpu_seconds: Callable[[], float]
) -> Rate:
    """From the first events that a committed reader sees: starting up is another number."""
    from streams.runtime.reading import reader

    async with reader(settings.runtime()) as consumer:
        tps = [TopicPartition(physical(settings.names, PAYMENTS), number) for number in range(settings.partitions)]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        count = first = 0
        began_s = cpu_s = 0.0
        while count < events:
            count += sum(map(len, (await next_batches(consumer)).values()))
            if not first:
                first, began_s, cpu_s = count, time.perf_counter(), cpu_seconds()
        return Rate(events=count - first, seconds=time.perf_counter() - began_s, cpu_s=cpu_seconds() - cpu_s)
