"""Who did and saw what, and was the record of it changed since?

Each row holds the SHA-256 of the row before it, so a row that was changed, removed or moved breaks the chain. Rows that
were cut off its end break nothing: whoever notes the newest hash elsewhere sees that, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

import msgspec
from sqlalchemy import Connection, insert, select

from streams.adapters.case_store.rows import without_nul
from streams.adapters.case_store.tables import AUDIT
from streams.contracts.base import from_ms

FIRST: Final = "0" * 64  # before the first row


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What is recorded. `outcome` is the status of the answer, so 4xx is what was refused."""

    at_ms: int
    actor: str  # empty: nobody of ours
    role: str
    kind: str
    subject: str = ""  # a case by its id, an account by `account_subject`
    outcome: int = 200
    detail: str = ""


class Row(Entry, frozen=True, kw_only=True):
    """An entry in its place."""

    number: int
    previous: str
    hash: str


_ROW: Final = tuple(AUDIT.c[name] for name in Row.__struct_fields__)


def account_subject(account_id: str) -> str:
    """How the trail names an account: it must stay when the person is forgotten, and tell nothing then."""
    return "account/" + sha256(f"audit\x1f{account_id}".encode()).hexdigest()[:32]


def entity_subject(kind: str, value: str) -> str:
    """The same for an address, device, card or payee: kind and hash."""
    return f"{kind[:16]}/" + sha256(f"audit\x1f{kind}\x1f{value}".encode()).hexdigest()[:32]


def append(connection: Connection, entry: Entry) -> None:
    """Adds a row. To be called while writing, which one does at a time."""
    newest = connection.execute(select(AUDIT.c.number, AUDIT.c.hash).order_by(AUDIT.c.number.desc()).limit(1)).first()
    number, previous = (newest.number + 1, newest.hash) if newest is not None else (1, FIRST)
    kept = msgspec.structs.replace(
        entry,
        actor=_short(entry.actor, 128),
        kind=_short(entry.kind, 64),
        role=_short(entry.role, 64),
        subject=_short(entry.subject, 160),
        detail=_short(entry.detail, 512),
    )
    row = {"number": number, "previous": previous, **msgspec.structs.asdict(kept)}
    connection.execute(insert(AUDIT), {**row, "hash": _hash(number, previous, kept)})


def rows(connection: Connection, after: int = 0) -> Iterator[Row]:
    """Every row after number `after`, the oldest first."""
    query = select(*_ROW).where(AUDIT.c.number > after).order_by(AUDIT.c.number)
    for row in connection.execution_options(yield_per=1_000).execute(query):
        yield Row(**row._mapping)


def newest(
    connection: Connection, limit: int, *, before: int | None = None, actor: str = "", kind: str = ""
) -> list[Row]:
    """The last rows before number `before`, the newest first: `limit` of them, of an actor or kind if one is named."""
    query = select(*_ROW).order_by(AUDIT.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(AUDIT.c.number < before)
    for column, value in ((AUDIT.c.actor, actor), (AUDIT.c.kind, kind)):
        if value:
            query = query.where(column == without_nul(value))
    return [Row(**row._mapping) for row in connection.execute(query)]


def line_of(row: Row) -> bytes:
    """A row as an export has it: JSON, with its time to be read."""
    return msgspec.json.encode(msgspec.structs.asdict(row) | {"at": from_ms(row.at_ms)})


class Checked(msgspec.Struct, frozen=True):
    """What is left of the trail: how many rows, the newest hash, and the first thing that is wrong with it."""

    count: int
    head: str
    broken: str = ""


def check(connection: Connection, noted: tuple[int, str] | None = None) -> Checked:
    """Follows the chain; `noted` is a number and the hash that its row had."""
    count, head = 0, FIRST
    for row in rows(connection):
        entry = Entry(**{name: getattr(row, name) for name in Entry.__struct_fields__})
        if row.number != count + 1:
            return Checked(count, head, f"row {count + 1} is missing: row {row.number} follows row {count}")
        if row.previous != head:
            return Checked(count, head, f"row {row.number} does not follow the row before it: one of them was replaced")
        if row.hash != _hash(row.number, row.previous, entry):
            return Checked(count, head, f"row {row.number} was changed")
        if noted is not None and noted[0] == row.number and noted[1] != row.hash:
            return Checked(count, head, f"row {row.number} has another hash than the one that was noted")
        count, head = row.number, row.hash
    if noted is not None and noted[0] > count:
        return Checked(count, head, f"row {noted[0]} was noted, and the trail ends at row {count}")
    return Checked(count, head)


def _hash(number: int, previous: str, entry: Entry) -> str:
    return sha256(msgspec.json.encode([number, previous, *msgspec.structs.astuple(entry)])).hexdigest()


def _short(text: str, length: int) -> str:
    return without_nul(text.encode("utf-8", "replace").decode())[:length]
