"""Which dead letters can be fed again, and how does each get back to its topic exactly once?

Progress is kept by the broker, in one consumer group per reason and topic: a letter belongs to exactly one of them, so
feeding again what has one reason never hides what has another. Records and progress are one transaction.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from contextlib import aclosing
from typing import Final, NamedTuple, TypeAlias

import msgspec
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.structs import OffsetAndMetadata

from streams.contracts.partitioning import partition_of
from streams.contracts.signals import DeadLetter
from streams.contracts.topics import FOREIGN, TOPICS, Naming, physical
from streams.runtime.clients import aiokafka_kwargs
from streams.runtime.dead_letters import TOPIC, is_of
from streams.runtime.logic import Emit
from streams.runtime.options import RuntimeOptions
from streams.runtime.reading import pick, scan, spans
from streams.runtime.rights import require
from streams.runtime.topics_admin import partition_counts, usable_partitions

# Letters per transaction. 500 originals of 8 MiB would be too much memory, but such are refused as too large, and few.
_BATCH: Final = 500
_HELD_MOST: Final = 2_000  # new letters of one group that wait in memory
FED_FROM: Final = "paywarden-fed-from"  # header of a record that was fed again: where its dead letter lies

_decode = msgspec.json.Decoder(DeadLetter).decode


class Letter(NamedTuple):
    """A dead letter and where it lies."""

    partition: int
    offset: int
    key: bytes | None
    letter: DeadLetter


class Again(NamedTuple):
    """What is written once more."""

    topic: str  # logical
    partition: int
    key: bytes | None
    value: bytes
    timestamp_ms: int
    headers: tuple[tuple[str, bytes], ...] = ()


class Fed(msgspec.Struct):
    """What one run did, by reason."""

    replayed: Counter[str] = msgspec.field(default_factory=Counter)
    skipped: Counter[str] = msgspec.field(default_factory=Counter)


async def letters(
    options: RuntimeOptions, reasons: Collection[str] = (), topics: Collection[str] = ()
) -> AsyncGenerator[Letter, None]:
    """The letters that lie there now, each partition in its order; empty filters mean all."""
    name = physical(options.names, TOPIC)
    spanned = await spans(options, await usable_partitions(options, [name]))
    if not spanned:
        return
    async with aclosing(scan(options, {tp: span.begin for tp, span in spanned.items()})) as records:
        async for record in records:
            letter = _decode(record.value)
            if (not reasons or letter.reason in reasons) and (not topics or letter.topic in topics):
                yield Letter(record.partition, record.offset, record.key, letter)


def again(letter: Letter, original: ConsumerRecord | None, partitions: int) -> Again | str:
    """The record to write, or why there is none.

    Args:
        original: what lies now where the letter says it came from, if anything.
        partitions: of the topic, for the key's partition: a stray goes where it belongs, internal records go back.
    """
    told = letter.letter
    if told.size == 0:
        return "it had no value"
    key, headers = letter.key if told.key is not None else None, ()
    if original is not None and original.value is not None and is_of(told, original.timestamp, original.value):
        value, key, headers = original.value, original.key, tuple(original.headers)
    else:
        body = _body(told)
        if body is None or not _is_plain(told.key):
            return "the record is gone from its topic, and the letter hides a part of it"
        value = body
    keyed = key is not None and told.topic in TOPICS and TOPICS[told.topic].direction == "input"
    number = partition_of(key, partitions) if keyed and key is not None else told.partition
    if number >= partitions:
        return "its topic has fewer partitions now"
    return Again(told.topic, number, key, value, max(told.timestamp_ms, 0), headers)


def _body(letter: DeadLetter) -> bytes | None:
    """The whole record, if the letter holds it unchanged."""
    try:
        body = base64.b64decode(letter.body or "", validate=True)
    except binascii.Error:
        return None
    return body if hashlib.sha256(body).hexdigest() == letter.sha256 else None


def _is_plain(key: str | None) -> bool:
    """Whether the key in a letter is the record's own; older builds hid parts of it behind asterisks."""
    return key is None or not (key.startswith("<") or "*" in key)


def group_of(app_id: str, letter: DeadLetter) -> str:
    """The consumer group that remembers how far letters of this kind were fed again."""
    return f"{app_id}.dead-letters.{letter.reason}.{letter.topic}"


class Translated(NamedTuple):
    """What a foreign record becomes: its events, or a new letter that says why it still cannot be mapped."""

    records: list[Emit]
    refused: bool


# By group, the new letters of records that still cannot be mapped.
Held: TypeAlias = defaultdict[str, list[tuple[Letter, Again]]]
Translate = Callable[[DeadLetter, Again], Translated]


async def refeed(
    options: RuntimeOptions,
    reasons: Collection[str] = (),
    topics: Collection[str] = (),
    *,
    dry_run: bool = False,
    translate: Translate | None = None,
) -> Fed:
    """Write the originals of the letters to their topics again; what was fed before is skipped.

    Foreign records are never written to the topic of their owner again, which others read too: `translate` says which
    events they become. Without it they are skipped.
    """
    fed = Fed()
    wanted = {*TOPICS, *(topic for topic in topics if topic.startswith(FOREIGN))}
    counts = await partition_counts(options, (physical(options.names, topic) for topic in wanted))
    progress = _Progress(options)
    held: Held = defaultdict(list)
    producer = None if dry_run else _producer(options)
    try:
        if producer is not None:
            await producer.start()  # fences another run of this command, so that two never feed the same letter
        batch: list[Letter] = []
        async with aclosing(letters(options, reasons, topics)) as found:
            async for letter in found:
                if why := _hopeless(letter.letter, options, counts, translate):
                    fed.skipped[why] += 1
                elif letter.offset < (await progress.next_offset(letter)):
                    fed.skipped["it was fed again before"] += 1
                else:
                    batch.append(letter)
                if len(batch) == _BATCH:
                    await _feed(options, producer, batch, counts, fed, translate, held)
                    batch = []
        if batch:
            await _feed(options, producer, batch, counts, fed, translate, held)
    finally:
        if producer is not None:
            await producer.stop()
    return fed


def _hopeless(
    letter: DeadLetter, options: RuntimeOptions, counts: dict[str, int], translate: Translate | None
) -> str | None:
    if letter.topic == "timer":
        return "a timer is no record: the account fires it again by itself"
    if letter.topic.startswith(FOREIGN):
        if translate is None:
            return "it is a foreign record: `paywarden ingest refeed` maps it again by the file of its source"
        return None if physical(options.names, letter.topic) in counts else "its topic does not exist"
    if letter.topic not in TOPICS or physical(options.names, letter.topic) not in counts:
        return "its topic does not exist"
    return None


def _producer(options: RuntimeOptions) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        transactional_id=f"{options.app_id}.dead-letters",
        max_request_size=options.fetch_max_bytes * 2,
        **aiokafka_kwargs(options),
    )


class _Progress:
    """How far each group has come, asked once per group."""

    def __init__(self, options: RuntimeOptions) -> None:
        self._options = options
        self._known: dict[str, dict[int, int]] = {}

    async def next_offset(self, letter: Letter) -> int:
        group = group_of(self._options.app_id, letter.letter)
        if group not in self._known:
            admin = AIOKafkaAdminClient(**aiokafka_kwargs(self._options))
            await admin.start()
            try:
                told = await _offsets_of(admin, group)
            finally:
                await admin.close()
            name = physical(self._options.names, TOPIC)
            self._known[group] = {tp.partition: each.offset for tp, each in told.items() if tp.topic == name}
        return self._known[group].get(letter.partition, 0)


async def _offsets_of(admin: AIOKafkaAdminClient, group: str) -> dict[TopicPartition, OffsetAndMetadata]:
    """What the group has committed. A cluster that has never had a group needs a moment to say so."""
    for wait_s in (0.2, 0.4, 0.8, 1.6, 3.2):
        try:
            return dict(await admin.list_consumer_group_offsets(group))
        except GroupCoordinatorNotAvailableError:
            await asyncio.sleep(wait_s)
    return dict(await admin.list_consumer_group_offsets(group))


async def _feed(
    options: RuntimeOptions,
    producer: AIOKafkaProducer | None,
    batch: Sequence[Letter],
    counts: dict[str, int],
    fed: Fed,
    translate: Translate | None,
    held: Held,
) -> None:
    """One transaction per group: the records, and that their letters are done.

    A foreign record that still cannot be mapped is written as a new letter only when one after it can: what is done is
    remembered as an offset, which passes both. Otherwise it stays where it is, so that asking in vain adds nothing.
    """
    called = options.names
    originals = await pick(options, _places(batch, called, counts))
    # aiokafka 0.14.0 adds only the first group to a transaction, and Kafka 4 refuses the offsets of any other.
    by_group: dict[str, list[tuple[Letter, Again]]] = defaultdict(list)
    for letter in batch:
        told = letter.letter
        name = physical(called, told.topic)
        result = again(letter, originals.get((name, told.partition, told.offset)), counts[name])
        if isinstance(result, str):
            fed.skipped[result] += 1
        elif translate is not None and told.topic.startswith(FOREIGN):
            records, refused = translate(told, result)
            group = group_of(options.app_id, told)
            placed = [(letter, _placed(each, counts[physical(called, each.topic)])) for each in records]
            if refused:
                held[group] += placed
                fed.skipped["it still cannot be mapped"] += 1
                continue
            by_group[group] += [*held.pop(group, ()), *placed]
            fed.replayed[told.reason] += 1
        else:
            by_group[group_of(options.app_id, told)].append((letter, result))
            fed.replayed[told.reason] += 1
    for group in [group for group, some in held.items() if len(some) > _HELD_MOST]:
        by_group[group] += held.pop(group)
    if producer is None:
        return
    writes = [each for some in by_group.values() for each in some]
    # Asked before: a transaction that is refused in the middle leaves the client without words.
    await require(options, {physical(called, record.topic) for _, record in writes}, "WRITE")
    for group, some in by_group.items():
        async with producer.transaction():
            for letter, record in some:
                await producer.send(
                    physical(called, record.topic),
                    record.value,
                    record.key,
                    partition=record.partition,
                    timestamp_ms=record.timestamp_ms,
                    headers=[*record.headers, (FED_FROM, f"{letter.partition}/{letter.offset}".encode())],
                )
            await producer.flush()
            await producer.send_offsets_to_transaction(_done(options, (letter for letter, _ in some)), group)


def _placed(emit: Emit, partitions: int) -> Again:
    return Again(
        emit.topic, partition_of(emit.key, partitions), emit.key, emit.value or b"", emit.timestamp_ms, emit.headers
    )


def _places(batch: Iterable[Letter], called: Naming, counts: dict[str, int]) -> dict[TopicPartition, set[int]]:
    places: dict[TopicPartition, set[int]] = defaultdict(set)
    for _, _, _, letter in batch:
        name = physical(called, letter.topic)
        if letter.partition < counts[name]:
            places[TopicPartition(name, letter.partition)].add(letter.offset)
    return places


def _done(options: RuntimeOptions, fed: Iterable[Letter]) -> dict[TopicPartition, int]:
    """The next letter of each partition. A later letter of the same partition wins."""
    name = physical(options.names, TOPIC)
    return {TopicPartition(name, letter.partition): letter.offset + 1 for letter in fed}
