"""How does a record of a topic reach an endpoint, whatever the endpoint does?

Each endpoint reads the topics for itself, from offsets of its own: one that does not answer is behind alone. It reads
on only while little waits, so the topic is the buffer and the queue stays small.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from aiokafka import TopicPartition

from streams.adapters.case_store import outbox
from streams.adapters.case_store.errors import StoreError
from streams.adapters.case_store.outbox import Message, Position, Queued
from streams.adapters.case_store.rows import DAY_MS
from streams.adapters.case_store.store import CaseStore
from streams.console.webhooks import posting
from streams.console.webhooks.endpoints import Endpoint, secrets_of
from streams.console.webhooks.signing import HEADER, signature, wait_ms
from streams.contracts.actions import LocksState
from streams.contracts.base import to_ms
from streams.contracts.cases import (
    AccountErased,
    ActionRejected,
    AttachmentRecorded,
    CaseVersion,
    NotificationRequested,
    RemarkRecorded,
)
from streams.contracts.registry import TOPICS_OF_TYPE, Refusal, decode
from streams.contracts.topics import physical
from streams.metrics import (
    OF_WEBHOOKS,
    WEBHOOK_DEAD_LETTERS,
    WEBHOOK_DELIVERED,
    WEBHOOK_FAILED,
    WEBHOOK_GIVEN_UP,
    WEBHOOK_LAG,
    WEBHOOK_OLDEST,
    WEBHOOK_POST_SECONDS,
    WEBHOOK_RETRIED,
    WEBHOOK_UNREADABLE,
    WEBHOOK_WAITING,
    Counter,
    Silent,
)
from streams.ports import Clock, Metrics
from streams.runtime.options import RuntimeOptions
from streams.runtime.reading import reader, spans, unread
from streams.runtime.topics_admin import usable_partitions

log = logging.getLogger(__name__)

_WAITING: Final = 1_000  # messages of an endpoint beyond which it reads nothing more
_BATCH: Final = 500
_POLL_MS: Final = 200
_KEPT_MS: Final = 30 * DAY_MS  # what was given up
_COUNTERS: Final = tuple(each for each in OF_WEBHOOKS if isinstance(each, Counter))
_NOBODY: Final = Silent()
_VISIBLE: Final = "".join(map(chr, range(0x21, 0x7F)))  # what a header holds as it is (RFC 9110, 5.5)

_Attempt = tuple[posting.Posted, float]  # what became of it, and seconds


async def run(
    options: RuntimeOptions,
    store: CaseStore,
    endpoints: Sequence[Endpoint],
    config: Path,
    clock: Clock,
    metrics: Metrics = _NOBODY,
) -> None:
    """Until it is cancelled. Raises StoreError, StoreUnreachable and what Kafka's client raises."""
    async with asyncio.TaskGroup() as group:
        for each in endpoints:
            for counter in _COUNTERS:  # an alert has to see them grow from zero
                metrics.add(counter, 0, each.name)
            group.create_task(_read(options, store, each, clock, metrics))
            group.create_task(_post(store, each, config, clock, metrics))


def look_at_queues(store: CaseStore, metrics: Metrics, endpoints: Sequence[Endpoint]) -> None:
    """What waits for each endpoint, since when, and what was given up. Raises StoreUnreachable."""
    with store.reading() as connection:
        counts, oldest = outbox.counts(connection), outbox.oldest_ms(connection)
    for name in (each.name for each in endpoints):
        waiting, given_up = counts.get(name, (0, 0))
        metrics.set(WEBHOOK_WAITING, waiting, name)
        metrics.set(WEBHOOK_GIVEN_UP, given_up, name)
        if name in oldest:
            metrics.set(WEBHOOK_OLDEST, oldest[name] / 1000, name)
        else:
            metrics.forget(WEBHOOK_OLDEST, name)


def message_of(topic: str, value: bytes | None, wanted: Sequence[str]) -> Message | Refusal | None:
    """What is posted for a record; None for what the endpoint did not ask for."""
    if value is None:
        return None
    said = decode(topic, value)
    match said:
        case CaseVersion():
            subject, key = said.case_id, f"{said.case_id}:{said.version}"
        case LocksState():
            subject, key = said.account_id, f"locks:{said.account_id}:{said.version}"
        case NotificationRequested():
            subject, key = said.account_id, said.notification_id
        case ActionRejected():
            subject, key = said.case_id or said.account_id, f"rejected:{said.event_id}"
        case AttachmentRecorded():
            subject, key = said.case_id, f"attachment:{said.case_id}:{said.sha256}"
        case RemarkRecorded():
            subject, key = said.case_id, f"remark:{said.case_id}:{said.event_id}"
        case AccountErased():
            subject, key = said.account_id, f"erased:{said.event_id}"
        case Refusal():
            return said
        case _:
            return None
    tag = str(said.__struct_config__.tag)
    if tag not in wanted:
        return None
    return Message(subject=subject, idempotency_key=key, type=tag, at_ms=to_ms(said.occurred_at), body=value)


async def _starts(
    options: RuntimeOptions, endpoint: Endpoint, known: Mapping[Position, int], names: Mapping[str, str]
) -> dict[TopicPartition, int]:
    counts = await usable_partitions(options, names)
    missing = sorted(names.keys() - counts.keys())
    if missing:
        raise StoreError(f"there is no topic {missing[0]}; `paywarden topics create` makes it.")
    found: dict[TopicPartition, int] = {}
    for tp, span in (await spans(options, counts)).items():
        first = span.end if endpoint.begin == "now" and not known else span.begin
        stored = known.get((tp.topic, tp.partition), first)
        if stored > span.end:
            raise StoreError(
                f"{tp.topic}/{tp.partition} ends at {span.end}, but {endpoint.name} has read up to {stored}: the topic "
                "was made anew. Give the endpoint another name to begin again."
            )
        if stored < span.begin:
            log.warning("%d records of %s left it before %s read them", span.begin - stored, tp.topic, endpoint.name)
        found[tp] = max(stored, span.begin)
    return found


async def _read(options: RuntimeOptions, store: CaseStore, endpoint: Endpoint, clock: Clock, metrics: Metrics) -> None:
    topics = dict.fromkeys(topic for tag in endpoint.types for topic in TOPICS_OF_TYPE[tag] if "snapshot" not in topic)
    names = {physical(options.names, name): name for name in topics}
    known = await asyncio.to_thread(_positions, store, endpoint.name)
    starts = await _starts(options, endpoint, known, names)
    at = dict(starts)
    await asyncio.to_thread(_take_in, store, endpoint.name, (), known, at, clock.now_ms())
    async with reader(options) as consumer:
        consumer.assign(list(starts))
        for tp, offset in starts.items():
            consumer.seek(tp, offset)
        while True:
            if await asyncio.to_thread(_waiting, store, endpoint.name) >= _WAITING:
                await asyncio.sleep(_POLL_MS / 1000)
                continue
            fetched = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_BATCH)
            messages = list(_messages(fetched, names, endpoint, metrics))
            now = {tp: await consumer.position(tp) for tp in starts}
            if now != at:
                await asyncio.to_thread(_take_in, store, endpoint.name, messages, at, now, clock.now_ms())
                at = now
            metrics.set(WEBHOOK_LAG, sum(unread(consumer, at).values()), endpoint.name)


def _messages(
    fetched: Mapping[TopicPartition, Any], names: Mapping[str, str], endpoint: Endpoint, metrics: Metrics
) -> Any:
    for tp, records in fetched.items():
        for record in records:
            said = message_of(names[tp.topic], record.value, endpoint.types)
            if isinstance(said, Message):
                yield said
            elif said is not None:
                metrics.add(WEBHOOK_UNREADABLE, 1, endpoint.name)
                log.warning("%s/%d@%d was not understood (%s)", tp.topic, tp.partition, record.offset, said.reason)


async def _post(store: CaseStore, endpoint: Endpoint, config: Path, clock: Clock, metrics: Metrics) -> None:
    """Whatever is due, `at_once` posts at most: as soon as one ends, the next case has its place.

    Nothing that is wrong with an endpoint, its secret file or its address is raised from here: others go on.
    """
    using = posting.client(allow_private=endpoint.allow_private, timeout_s=endpoint.timeout_s)
    under_way: dict[asyncio.Task[_Attempt], Queued] = {}
    day = asks_ms = 0
    is_signed = True
    async with using:
        try:
            while True:
                now_ms = clock.now_ms()
                if now_ms // DAY_MS > day:
                    day = now_ms // DAY_MS
                    await asyncio.to_thread(_forget, store, now_ms - _KEPT_MS)
                due: list[Queued] = []
                if now_ms >= asks_ms:
                    due = await asyncio.to_thread(_due, store, endpoint, now_ms, list(under_way.values()))
                if due:
                    secrets = await asyncio.to_thread(_secrets, config, endpoint, is_signed)
                    is_signed = bool(secrets)
                    if not is_signed:  # no attempt of a message: it is not the receiver's fault
                        metrics.add(WEBHOOK_FAILED, 1, endpoint.name)
                        asks_ms = now_ms + endpoint.first_wait_ms
                        due = []
                for each in due:
                    attempt = _timed(_attempt(using, endpoint, each, secrets, now_ms), clock)
                    under_way[asyncio.create_task(attempt)] = each
                if not under_way:
                    await asyncio.sleep(_POLL_MS / 1000)
                    continue
                done, _ = await asyncio.wait(under_way, timeout=_POLL_MS / 1000, return_when=asyncio.FIRST_COMPLETED)
                ended = [(under_way.pop(each), *each.result()) for each in done]
                if ended:
                    outcomes = [(message, outcome) for message, outcome, _ in ended]
                    await asyncio.to_thread(_settle, store, endpoint, outcomes, clock)
                for message, outcome, took_s in ended:
                    _count(metrics, endpoint, message, outcome, took_s)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)


def _secrets(config: Path, endpoint: Endpoint, was_signed: bool) -> tuple[bytes, ...]:
    """Read anew, because they may have been replaced; none while the file is not as it has to be, said once."""
    try:
        secrets = secrets_of(config, endpoint)
    except StoreError as error:
        if was_signed:
            log.warning("%s: nothing is posted to it until its secret file is good again: %s", endpoint.name, error)
        return ()
    if not was_signed:
        log.warning("%s: its secret file is good again", endpoint.name)
    return secrets


async def _attempt(
    using: Any, endpoint: Endpoint, message: Queued, secrets: Sequence[bytes], now_ms: int
) -> posting.Posted:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "paywarden-webhooks",
        "Idempotency-Key": quote(message.idempotency_key, safe=_VISIBLE),
        "PayWarden-Type": message.type,
        "PayWarden-Attempt": str(message.attempts + 1),
        "PayWarden-Replay": "true" if message.is_replay else "false",
        HEADER: signature(secrets, now_ms // 1000, message.body),
    }
    return await posting.post(using, endpoint.url, message.body, headers, endpoint.timeout_s, now_ms // 1000)


async def _timed(attempt: Awaitable[posting.Posted], clock: Clock) -> _Attempt:
    began_s = clock.monotonic_s()
    outcome = await attempt
    return outcome, clock.monotonic_s() - began_s


def _is_last(endpoint: Endpoint, message: Queued) -> bool:
    """Whether the attempt that is made now is the last one."""
    return message.attempts + 1 >= endpoint.attempts


def _count(metrics: Metrics, endpoint: Endpoint, message: Queued, outcome: posting.Posted, took_s: float) -> None:
    """After it was stored: what a process that dies has not stored is posted again, and counts then."""
    metrics.observe(WEBHOOK_POST_SECONDS, took_s, endpoint.name)
    if message.attempts:
        metrics.add(WEBHOOK_RETRIED, 1, endpoint.name)
    if outcome.is_taken:
        metrics.add(WEBHOOK_DELIVERED, 1, endpoint.name)
        return
    metrics.add(WEBHOOK_FAILED, 1, endpoint.name)
    if _is_last(endpoint, message):
        metrics.add(WEBHOOK_DEAD_LETTERS, 1, endpoint.name)


def _settle(
    store: CaseStore, endpoint: Endpoint, outcomes: Sequence[tuple[Queued, posting.Posted]], clock: Clock
) -> None:
    with store.writing() as connection:
        for message, outcome in outcomes:
            if outcome.is_taken:
                outbox.taken(connection, message.number)
                continue
            attempts = message.attempts + 1
            if _is_last(endpoint, message):
                log.warning(
                    "%s did not take message %d in %d attempts (%s): `paywarden webhooks dead` lists it",
                    endpoint.name,
                    message.number,
                    attempts,
                    outcome.problem,
                )
                outbox.failed(connection, message.number, outcome.problem, None)
                continue
            wait = wait_ms(message.idempotency_key, attempts, endpoint.first_wait_ms, endpoint.longest_wait_ms)
            wait = max(wait, outcome.retry_after_s * 1000)
            outbox.failed(connection, message.number, outcome.problem, clock.now_ms() + wait)


def _positions(store: CaseStore, name: str) -> dict[Position, int]:
    with store.reading() as connection:
        return outbox.positions(connection, name)


def _take_in(
    store: CaseStore,
    name: str,
    messages: Sequence[Message],
    was: Mapping[Position, int],
    now: Mapping[Position, int],
    now_ms: int,
) -> None:
    with store.writing() as connection:
        outbox.take_in(connection, name, messages, was, now, now_ms)


def _waiting(store: CaseStore, name: str) -> int:
    with store.reading() as connection:
        return outbox.waiting(connection, name)


def _due(store: CaseStore, endpoint: Endpoint, now_ms: int, under_way: Sequence[Queued]) -> list[Queued]:
    free = endpoint.at_once - len(under_way)
    if not free:
        return []
    with store.reading() as connection:
        return outbox.due(connection, endpoint.name, now_ms, free, [each.subject for each in under_way])


def _forget(store: CaseStore, before_ms: int) -> None:
    with store.writing() as connection:
        outbox.forget_given_up(connection, before_ms)
