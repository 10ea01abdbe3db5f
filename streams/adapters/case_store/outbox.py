"""What is to be posted to whom, in which order, and what was given up?

A record is queued in the transaction that moves the endpoint's offsets, and leaves the queue when it was taken. Whoever
is killed in between posts it again, with the same key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, union, update

from streams.adapters.case_store.errors import StoreError
from streams.adapters.case_store.tables import WEBHOOK_POSITIONS, WEBHOOK_QUEUE

Position = tuple[str, int]  # physical topic, partition


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is posted. Messages of one subject go out one after the other, in their order."""

    subject: str
    idempotency_key: str
    type: str
    at_ms: int  # event time
    body: bytes
    is_replay: bool = False


class Queued(Message, frozen=True, kw_only=True):
    """A message in the queue of an endpoint."""

    number: int
    endpoint: str
    attempts: int
    next_ms: int | None  # null: given up
    problem: str


_COLUMNS: Final = tuple(WEBHOOK_QUEUE.c[name] for name in Queued.__struct_fields__)


def positions(connection: Connection, endpoint: str) -> dict[Position, int]:
    table = WEBHOOK_POSITIONS
    rows = connection.execute(select(table).where(table.c.endpoint == endpoint))
    return {(row.topic, row.partition): row.next_offset for row in rows}


def endpoints(connection: Connection) -> list[str]:
    """The names of which anything is on record."""
    named = (select(table.c.endpoint) for table in (WEBHOOK_POSITIONS, WEBHOOK_QUEUE))
    return sorted(connection.scalars(union(*named)))


def take_in(
    connection: Connection,
    endpoint: str,
    messages: Sequence[Message],
    was: Mapping[Position, int],
    now: Mapping[Position, int],
    now_ms: int,
) -> None:
    """Queues what was read between two positions. Raises StoreError if somebody else has read on meanwhile."""
    if positions(connection, endpoint) != dict(was):
        raise StoreError(f"another process posts for {endpoint}: one `paywarden webhooks run` per store is enough.")
    table = WEBHOOK_POSITIONS
    connection.execute(delete(table).where(table.c.endpoint == endpoint))
    if now:
        rows = [{"endpoint": endpoint, "topic": t, "partition": p, "next_offset": at} for (t, p), at in now.items()]
        connection.execute(insert(table), rows)
    put(connection, endpoint, messages, now_ms)


def put(connection: Connection, endpoint: str, messages: Sequence[Message], now_ms: int) -> None:
    """Queues messages behind those that wait."""
    rows = [
        {**msgspec.structs.asdict(each), "endpoint": endpoint, "attempts": 0, "next_ms": now_ms, "problem": ""}
        for each in messages
    ]
    if rows:
        connection.execute(insert(WEBHOOK_QUEUE), rows)


def due(connection: Connection, endpoint: str, now_ms: int, limit: int, under_way: Sequence[str] = ()) -> list[Queued]:
    """The first that waits of each subject, if its time has come; none of a subject that is under way."""
    table = WEBHOOK_QUEUE
    waiting = (table.c.endpoint == endpoint) & table.c.next_ms.is_not(None) & table.c.subject.not_in(under_way)
    heads = select(func.min(table.c.number)).where(waiting).group_by(table.c.subject)
    query = select(*_COLUMNS).where(table.c.number.in_(heads), table.c.next_ms <= now_ms)
    return [Queued(**row._mapping) for row in connection.execute(query.order_by(table.c.number).limit(limit))]


def taken(connection: Connection, number: int) -> None:
    connection.execute(delete(WEBHOOK_QUEUE).where(WEBHOOK_QUEUE.c.number == number))


def failed(connection: Connection, number: int, problem: str, next_ms: int | None) -> None:
    """Notes an attempt; without a time for the next one the message is given up."""
    table = WEBHOOK_QUEUE
    values = {"attempts": table.c.attempts + 1, "problem": problem[:200], "next_ms": next_ms}
    connection.execute(update(table).where(table.c.number == number).values(values))


def counts(connection: Connection) -> dict[str, tuple[int, int]]:
    """How many wait and how many were given up, by endpoint."""
    table = WEBHOOK_QUEUE
    query = select(table.c.endpoint, func.count(table.c.next_ms), func.count()).group_by(table.c.endpoint)
    return {name: (waiting, every - waiting) for name, waiting, every in connection.execute(query)}


def oldest_ms(connection: Connection) -> dict[str, int]:
    """Event time of the oldest message that waits, by endpoint."""
    table = WEBHOOK_QUEUE
    query = select(table.c.endpoint, func.min(table.c.at_ms)).where(table.c.next_ms.is_not(None))
    return {str(name): int(at_ms) for name, at_ms in connection.execute(query.group_by(table.c.endpoint))}


def waiting(connection: Connection, endpoint: str) -> int:
    """How many wait for one endpoint."""
    table = WEBHOOK_QUEUE
    query = select(func.count(table.c.next_ms)).where(table.c.endpoint == endpoint)
    return int(connection.scalar(query) or 0)


def given_up(connection: Connection, endpoint: str | None = None, limit: int = 100) -> list[Queued]:
    """The oldest that were given up."""
    table = WEBHOOK_QUEUE
    query = select(*_COLUMNS).where(table.c.next_ms.is_(None))
    if endpoint is not None:
        query = query.where(table.c.endpoint == endpoint)
    return [Queued(**row._mapping) for row in connection.execute(query.order_by(table.c.number).limit(limit))]


def try_again(connection: Connection, now_ms: int, *, endpoint: str | None = None, number: int | None = None) -> int:
    """Lets what was given up be tried again from the first attempt; how many."""
    table = WEBHOOK_QUEUE
    query = update(table).where(table.c.next_ms.is_(None)).values(next_ms=now_ms, attempts=0, is_replay=True)
    if endpoint is not None:
        query = query.where(table.c.endpoint == endpoint)
    if number is not None:
        query = query.where(table.c.number == number)
    return int(connection.execute(query).rowcount)


def forget_given_up(connection: Connection, before_ms: int) -> None:
    table = WEBHOOK_QUEUE
    connection.execute(delete(table).where(table.c.next_ms.is_(None), table.c.at_ms < before_ms))
