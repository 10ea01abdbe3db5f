"""How does the case store follow the topics?

It reads like any subscriber, committed records only, from the offsets that the store itself holds: no consumer group,
nothing to reset. What it reads is written with the offsets after it, so it may be killed at any time.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from functools import partial
from hashlib import blake2b
from itertools import product
from typing import Any, Final, NamedTuple, get_args

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.adapters.case_store.activity import KEPT_MS as ACTIVITY_KEPT_MS
from streams.adapters.case_store.errors import StoreError
from streams.adapters.case_store.queries import backlog, bodies, escalated_cases, open_cases
from streams.adapters.case_store.rows import DAY_MS, TOPICS_OF_ACTIVITY, TOPICS_READ, Record
from streams.adapters.case_store.store import CaseStore, Position, Written
from streams.contracts.cases import Priority, Queue
from streams.contracts.topics import CASES_SNAPSHOT, TOPICS, physical
from streams.core.currencies import WITH_MINOR_UNIT, exponent_of
from streams.core.money.refunds import NOT_CAPTURED
from streams.metrics import (
    STORE_DEBITED,
    STORE_ESCALATED,
    STORE_LAG,
    STORE_LEVEL,
    STORE_OLDEST_DEBITED,
    STORE_OPEN_CASES,
    STORE_RECORDS,
    STORE_REFUSED,
    Silent,
)
from streams.ports import Metrics
from streams.runtime.options import RuntimeOptions
from streams.runtime.reading import STUCK_S, Span, reader, scan, spans, unread
from streams.runtime.topics_admin import usable_partitions

log = logging.getLogger(__name__)

_BATCH: Final = 5_000  # records of one transaction at most
_POLL_MS: Final = 200
_KEPT_MS: Final = 90 * DAY_MS  # messages, answers, notes of deletions: longer than their topics keep them

_FILLS: Final = 1_000  # records from which on a store that reads up to where the topics end is said to be filled

_NOBODY: Final = Silent()

Told = Callable[[Written, int], None]


class Plan(NamedTuple):
    """Where reading begins, and what the partitions hold."""

    starts: dict[TopicPartition, int]
    spans: dict[TopicPartition, Span]
    skipped: dict[str, int]  # topic -> records that left it before they were read; snapshots have replaced cases

    @property
    def behind(self) -> int:
        """Offsets between where the store is and where the topics end."""
        return sum(self.spans[tp].end - start for tp, start in self.starts.items())


async def plan(options: RuntimeOptions, positions: Mapping[Position, int]) -> Plan:
    """Where the store goes on. Raises StoreError if the topics are missing or are not those that it has read."""
    names = {physical(options.names, name): name for name in (*TOPICS_READ, *TOPICS_OF_ACTIVITY)}
    counts = await usable_partitions(options, names)
    missing = sorted(names.keys() - counts.keys())
    if missing:
        raise StoreError(f"there is no topic {missing[0]}; `paywarden topics create` makes it.")
    strangers = sorted({topic for topic, _ in positions} - names.keys())
    if strangers:
        raise StoreError(
            f"the case store holds the cases of another deployment (it has read {strangers[0]}): name another store in "
            "PAYWARDEN_STORE_URL, or make this one again with `paywarden store rebuild`."
        )
    found = await spans(options, counts)
    starts: dict[TopicPartition, int] = {}
    skipped: dict[str, int] = {}
    for tp, span in found.items():
        stored = positions.get((tp.topic, tp.partition))
        if stored is not None and stored > span.end:
            raise StoreError(
                f"{tp.topic}/{tp.partition} ends at {span.end}, but the store has read up to {stored}: the topic was "
                "made anew. `paywarden store rebuild` begins again with what it holds now."
            )
        starts[tp] = max(span.begin, stored or 0)
        if stored is not None and stored < span.begin and not TOPICS[names[tp.topic]].compacted:
            skipped[names[tp.topic]] = skipped.get(names[tp.topic], 0) + span.begin - stored
    return Plan(starts, found, skipped)


async def load(
    options: RuntimeOptions,
    store: CaseStore,
    told: Told | None = None,
    *,
    follow: bool = False,
    metrics: Metrics = _NOBODY,
    fills: Callable[[int], None] = lambda left: None,
    heard: Callable[[Mapping[str, int]], None] = lambda counts: None,
) -> int:
    """Reads up to where the topics end now, or with `follow` on and on; how many records it read.

    Of many that lie there at the beginning those of cases, locks and messages are read before what happened on
    accounts, of which there is a hundred times as much: people can work while that is still read. `fills` is told how
    many are left of them; nought as soon as these were read. `heard` is told how many records of which topics came
    once all of these were read.

    Raises StoreError, StoreUnreachable and what Kafka's client raises.
    """
    here = await plan(options, await asyncio.to_thread(store.positions))
    for topic, count in here.skipped.items():
        log.warning(
            "%d records of %s left it before the case store read them; cases have their newest version, and those "
            "versions in between are missing. Keep the sink running, or the topic longer.",
            count,
            topic,
        )
    logical = {physical(options.names, name): name for name in (*TOPICS_READ, *TOPICS_OF_ACTIVITY)}
    left = {tp for tp, start in here.starts.items() if start < here.spans[tp].end}
    is_filled = here.behind < _FILLS
    if not is_filled:
        fills(here.behind)
    first = set() if is_filled else {tp for tp in left if logical[tp.topic] in TOPICS_READ}
    # Pages of a store without cases show none for the while; in one that has some they go on changing.
    lays_up = bool(first) and await asyncio.to_thread(store.is_unfilled)
    if not first:
        await _build(store, told, 0)  # what a process that ended too soon has left
    read = day = newest_ms = 0
    if not (left or follow):
        return read  # aiokafka cannot stop a consumer that was never waited for
    waited_s = 0.0
    stored: dict[TopicPartition, int] = dict(here.starts)
    async with reader(options) as consumer:
        consumer.assign(list(here.starts))
        for tp, offset in here.starts.items():
            consumer.seek(tp, offset)
        later = [tp for tp in here.starts if first and logical[tp.topic] in TOPICS_OF_ACTIVITY]
        consumer.pause(*later)
        while left or follow:
            fetched = await consumer.getmany(*(() if follow else left), timeout_ms=_POLL_MS, max_records=_BATCH)
            waited_s = 0.0 if fetched or follow else waited_s + _POLL_MS / 1000
            if waited_s > STUCK_S:
                raise TimeoutError(f"nothing of {sorted(left)} within {STUCK_S:.0f} s")
            records = list(_records(fetched, logical))
            # All of them: a consumer passes the marker of a transaction only after it has handed out its records.
            at = {tp: await consumer.position(tp) for tp in here.starts}
            if not records and at != stored:
                await asyncio.to_thread(store.write, (), at)
            stored = at
            if records:
                written = await asyncio.to_thread(partial(store.write, records, at, fills=lays_up))
                read += len(records)
                counts = Counter(record.topic for record in records)
                for topic, count in counts.items():
                    metrics.add(STORE_RECORDS, count, topic)
                if not left:
                    heard(counts)
                metrics.add(STORE_REFUSED, written.refused)
                if told is not None:
                    told(written, read)
                newest_ms = max(newest_ms, *(record.at_ms for record in records))
                if newest_ms // DAY_MS > day:
                    day = newest_ms // DAY_MS
                    await asyncio.to_thread(store.forget_before, newest_ms - _KEPT_MS, newest_ms - ACTIVITY_KEPT_MS)
            left = {tp for tp in left if at[tp] < here.spans[tp].end}
            if first and not (first := first & left):
                lays_up = False
                await _build(store, told, read)
                consumer.resume(*later)
            if not is_filled:
                is_filled = not left
                if is_filled:
                    # What is old was told after what is new.
                    await asyncio.to_thread(store.forget_before, newest_ms - _KEPT_MS, newest_ms - ACTIVITY_KEPT_MS)
                fills(sum(here.spans[tp].end - at[tp] for tp in left))
            _count_lag(metrics, consumer, at, logical)
    return read


async def _build(store: CaseStore, told: Told | None, read: int) -> None:
    """Makes the cases that were laid up."""
    while (written := await asyncio.to_thread(store.build)) is not None:
        if told is not None:
            told(written, read)


def count_open_cases(store: CaseStore, metrics: Metrics) -> None:
    """Raises StoreUnreachable."""
    with store.reading() as connection:
        found, escalated = open_cases(connection), escalated_cases(connection)
    for each in product(get_args(Queue), get_args(Priority)):
        metrics.set(STORE_OPEN_CASES, found.get(each, 0), *each)
    for queue in get_args(Queue):
        metrics.set(STORE_ESCALATED, escalated.get(queue, 0), queue)


def count_debited(store: CaseStore, metrics: Metrics) -> None:
    """What is debited and not back. Raises StoreUnreachable."""
    with store.reading() as connection:
        found = backlog(connection, "accounting", NOT_CAPTURED)
    for currency in WITH_MINOR_UNIT:
        if currency in found.amounts:
            metrics.set(STORE_DEBITED, found.amounts[currency] / 10 ** exponent_of(currency), currency)
        else:
            metrics.forget(STORE_DEBITED, currency)
    if found.oldest_ms is None:
        metrics.forget(STORE_OLDEST_DEBITED)
    else:
        metrics.set(STORE_OLDEST_DEBITED, found.oldest_ms / 1000)


def _count_lag(
    metrics: Metrics, consumer: AIOKafkaConsumer, at: Mapping[TopicPartition, int], logical: Mapping[str, str]
) -> None:
    """How far the store is behind, and when it last was not; brokers that are silent stop that clock."""
    behind = unread(consumer, at)
    for tp, count in behind.items():
        metrics.set(STORE_LAG, count, logical[tp.topic], str(tp.partition))
    if len(behind) == len(at) and not any(behind.values()):
        metrics.set(STORE_LEVEL, min(consumer.last_poll_timestamp(tp) for tp in at) / 1000)


def _records(fetched: Mapping[TopicPartition, Iterable[Any]], logical: Mapping[str, str]) -> Iterable[Record]:
    for tp, records in fetched.items():
        for each in records:
            yield Record(logical[tp.topic], tp.partition, each.offset, each.key or b"", each.value, each.timestamp)


class Compared(NamedTuple):
    """The store beside the snapshots that lie on the topic."""

    cases: int
    behind: int  # records that the store has not read yet
    missing: tuple[str, ...]  # cases that only the topic has
    different: tuple[str, ...]  # whose bytes differ
    extra: tuple[str, ...]  # that only the store has

    @property
    def is_true(self) -> bool:
        return not (self.behind or self.missing or self.different or self.extra)


async def compare(options: RuntimeOptions, store: CaseStore) -> Compared:
    """Whether every case is byte for byte what the topic holds. Raises like `load`."""
    here = await plan(options, await asyncio.to_thread(store.positions))
    name = physical(options.names, CASES_SNAPSHOT.name)
    wanted: dict[str, bytes] = {}
    starts = {tp: span.begin for tp, span in here.spans.items() if tp.topic == name}
    async with aclosing(scan(options, starts, ends={tp: here.spans[tp].end for tp in starts})) as records:
        async for record in records:
            case_id = (record.key or b"").decode(errors="replace")
            if record.value is None:
                wanted.pop(case_id, None)
            else:
                wanted[case_id] = _digest(record.value)
    found = await asyncio.to_thread(_digests, store)
    return Compared(
        cases=len(found),
        behind=here.behind,
        missing=tuple(sorted(wanted.keys() - found.keys())),
        different=tuple(
            sorted(case_id for case_id in wanted.keys() & found.keys() if wanted[case_id] != found[case_id])
        ),
        extra=tuple(sorted(found.keys() - wanted.keys())),
    )


def _digests(store: CaseStore) -> dict[str, bytes]:
    with store.reading() as connection:
        return {case_id: _digest(body) for case_id, body in bodies(connection)}


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=16).digest()
