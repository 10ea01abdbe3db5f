"""How do records reach Kafka: once each, on the right partition, no faster than asked?"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Final

import msgspec
from kafka import KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError

from producers.durations import DAY_MS
from producers.feed import WATERMARK_KEY, Barrier, Outgoing, Placed
from streams.contracts.base import from_ms
from streams.contracts.partitioning import partition_of
from streams.contracts.topics import MERGED, Naming, physical

# The client has no memory limit of its own, so unacknowledged records are bounded here: about 10 MiB of payments.
MOST_UNACKNOWLEDGED: Final = 20_000
# An idempotent producer retries until then; after that the outcome is unknown and only a person can decide.
DELIVERY_TIMEOUT_S: Final = 120.0
# Deliberately oversized records must reach the worker's dead letters instead of failing here.
MAX_REQUEST_BYTES: Final = 8 * 1024 * 1024
_TOLD_EVERY: Final = 500
_RETENTION: Final = ["cleanup.policy", "retention.ms"]
# A pause shorter than this costs more in switches than it gains in evenness.
_SHORTEST_PAUSE_S: Final = 0.002


class DeliveryFailed(RuntimeError):
    """A record was not acknowledged. Operator action: look at the broker, then replay again; ids stay the same."""


class NoBroker(RuntimeError):
    """Nothing answers at the address. Operator action: start the broker or correct the address, then write again."""


class NotReady(RuntimeError):
    """The cluster is not in the state that writing needs; the message names the command that changes it."""


class Written(msgspec.Struct, kw_only=True):
    """What one run wrote. It is updated while writing, and handed to the progress callback."""

    records: int = 0
    watermarks: int = 0
    barriers: int = 0
    by_topic: dict[str, int] = msgspec.field(default_factory=dict)
    first_ms: int | None = None
    last_ms: int | None = None
    seconds: float = 0.0


def _kept_ms(configs: Mapping[str, str | None]) -> int | None:
    """How long a topic keeps a record, or None for as long as it likes."""
    kept = configs.get("retention.ms")
    if kept is None or int(kept) < 0 or "delete" not in (configs.get("cleanup.policy") or ""):
        return None
    return int(kept)


class Pace:
    """Event time against the clock on the wall: `speed` event seconds per second, or None for as fast as it goes."""

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._origin_ms: int | None = None
        self._began_s = 0.0

    def wait_s(self, at_ms: int) -> float:
        """How long it is until a record of `at_ms` is due."""
        if self._speed is None:
            return 0.0
        if self._origin_ms is None:
            self._origin_ms, self._began_s = at_ms, time.monotonic()
        return self._began_s + (at_ms - self._origin_ms) / 1000 / self._speed - time.monotonic()


class OnTime(Pace):
    """A record is due at the time that it bears: for feeds that were moved to the present."""

    def __init__(self) -> None:
        super().__init__(1.0)

    def wait_s(self, at_ms: int) -> float:
        return at_ms / 1000 - time.time()


class KafkaWriter:
    """An idempotent producer that chooses partitions and timestamps itself and raises on any lost record."""

    def __init__(
        self, bootstrap: str, *, prefix: Naming = "", security: Mapping[str, Any] | None = None, linger_ms: int = 5
    ) -> None:
        self._connection = {
            "bootstrap_servers": bootstrap.split(","),
            "client_id": "paywarden-producer",
            **(security or {}),
        }
        try:
            self._producer = KafkaProducer(
                **self._connection,
                enable_idempotence=True,
                acks="all",
                compression_type="lz4",
                linger_ms=linger_ms,
                batch_size=256 * 1024,
                max_request_size=MAX_REQUEST_BYTES,
                delivery_timeout_ms=int(DELIVERY_TIMEOUT_S * 1000),
                allow_auto_create_topics=False,
            )
        except KafkaError as error:
            raise NoBroker(f"No broker answers at {bootstrap}: {error}. Start one, or set the address.") from error
        except ValueError as error:
            raise NotReady(f"{bootstrap!r} is not an address ({error}); write host:port, comma separated.") from error
        self._names: dict[str, str] = {}
        self._prefix = prefix
        self._pending: deque[Any] = deque()

    def __enter__(self) -> KafkaWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(flush=kind is None)

    def partitions(self) -> int:
        """The one partition count that all inputs share; anything else is refused before the first record."""
        # Not the producer's own `partitions_for`: some brokers create a topic that a producer asks about.
        admin = KafkaAdminClient(**self._connection)
        try:
            described = admin.describe_topics([self._name(topic.name) for topic in MERGED])
        finally:
            admin.close()
        counts = {topic["name"]: len(topic["partitions"]) for topic in described}
        for name, count in counts.items():
            if not count:
                raise NotReady(f"Topic {name} does not exist; run `paywarden topics create` first.")
        if len(set(counts.values())) > 1:
            listed = ", ".join(f"{name} {count}" for name, count in counts.items())
            raise NotReady(f"The inputs have different partition counts ({listed}); an account would be torn apart.")
        return next(iter(counts.values()))

    def refuse_expired(self, oldest_ms: int, now_ms: int) -> None:
        """Refuses records that a broker would delete on arrival, under the workers that are to read them.

        Every input is asked, because each gets watermarks of the records' times.
        """
        names = [self._name(topic.name) for topic in MERGED]
        admin = KafkaAdminClient(**self._connection)
        try:
            described = admin.describe_configs(
                [ConfigResource(ConfigResourceType.TOPIC, name, _RETENTION) for name in names], config_filter="all"
            )
        finally:
            admin.close()
        for name in names:
            # Who may write but not look gets no settings, and is trusted to know the retention.
            kept_ms = _kept_ms({key: entry["value"] for key, entry in described["topic"][name].items()})
            if kept_ms is not None and oldest_ms < now_ms - kept_ms:
                raise NotReady(
                    f"Topic {name} keeps records for {kept_ms / DAY_MS:g} days (retention.ms={kept_ms}) and the oldest "
                    f"event is of {from_ms(oldest_ms):%Y-%m-%d %H:%M}: the broker would delete it before a worker "
                    "reads it; write to topics made with `paywarden topics create --replay` under a --prefix of "
                    "their own, or move it to the present with --shift now --speed 1."
                )

    def send(self, record: Placed) -> None:
        """Queues one record. Returns before it is safe; `flush` says when it is."""
        try:
            future = self._producer.send(
                self._name(record.topic),
                record.value,
                record.key,
                partition=record.partition,
                timestamp_ms=record.timestamp_ms,
            )
        except KafkaError as error:
            raise DeliveryFailed(f"A record for {record.topic} was refused: {error}.") from error
        self._pending.append(future)
        if len(self._pending) >= MOST_UNACKNOWLEDGED:
            self._settle(MOST_UNACKNOWLEDGED // 2)

    def send_keyed(self, record: Outgoing, partitions: int) -> None:
        """Queues a record whose partition follows from its key."""
        self.send(Placed(record.topic, partition_of(record.key, partitions), *record[1:]))

    def flush(self) -> None:
        """Returns when every record sent so far is acknowledged, or raises."""
        self._producer.flush(timeout=DELIVERY_TIMEOUT_S)
        self._settle(0)

    def write(
        self,
        items: Iterable[Placed | Barrier],
        *,
        pace: Pace,
        at_barrier: Callable[[Barrier], None] | None = None,
        told: Callable[[Written], None] | None = None,
    ) -> Written:
        """Writes a whole expanded feed; `at_barrier` is called when everything before the barrier is acknowledged."""
        written = Written()
        began_s = time.monotonic()
        count = 0
        for item in items:
            if type(item) is Barrier:
                if at_barrier is not None:
                    written.barriers += 1  # one that nobody waits at is only a watermark
                    self.flush()
                    at_barrier(item)
                continue
            record: Placed = item  # type: ignore[assignment]  # mypy does not narrow on `type(...) is`
            wait_s = pace.wait_s(record.timestamp_ms)
            if wait_s > _SHORTEST_PAUSE_S:
                written.seconds = time.monotonic() - began_s
                if told is not None:
                    told(written)
                time.sleep(wait_s)
            self.send(record)
            if record.key == WATERMARK_KEY:
                written.watermarks += 1
            else:
                written.records += 1
                written.by_topic[record.topic] = written.by_topic.get(record.topic, 0) + 1
                if written.first_ms is None:
                    written.first_ms = record.timestamp_ms
                written.last_ms = record.timestamp_ms
            count += 1
            if told is not None and count % _TOLD_EVERY == 0:
                written.seconds = time.monotonic() - began_s
                told(written)
        self.flush()
        written.seconds = time.monotonic() - began_s
        if told is not None:
            told(written)
        return written

    def close(self, *, flush: bool = True) -> None:
        if flush:
            self.flush()
        self._producer.close(timeout=DELIVERY_TIMEOUT_S if flush else 0)

    def _name(self, topic: str) -> str:
        name = self._names.get(topic)
        if name is None:
            name = self._names[topic] = physical(self._prefix, topic)
        return name

    def _settle(self, down_to: int) -> None:
        """Waits for the oldest records until at most `down_to` are unacknowledged."""
        while len(self._pending) > down_to:
            try:
                self._pending.popleft().get(timeout=DELIVERY_TIMEOUT_S)
            except KafkaError as error:
                raise DeliveryFailed(f"A record was not acknowledged: {error}.") from error
