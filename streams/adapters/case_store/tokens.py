"""Which other services may ask, in which role, and what did they send?

A token is shown once and kept as SHA-256: it is 256 random bits, so a slow hash would protect nothing.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, insert, select

from streams.adapters.case_store.people import Role
from streams.adapters.case_store.tables import API_TOKENS, SENT_ACTIONS

# Before the token, so that a scanner for secrets knows one when it sees it.
PREFIX: Final = "pwt_"


class ApiToken(msgspec.Struct, frozen=True):
    """A service that may ask. Without `unmasked` it is given ids of people as pages of lists show them."""

    name: str
    role: Role
    unmasked: bool
    per_minute: int  # requests
    added_ms: int
    expires_ms: int | None


class SentAction(msgspec.Struct, frozen=True):
    """An action that was written to its topic."""

    event_id: str
    case_id: str
    action: str
    expected_version: int
    actor: str
    at_ms: int
    batch: str | None = None  # of those that were sent together


_TOKEN: Final = tuple(API_TOKENS.c[name] for name in ApiToken.__struct_fields__)
_SENT: Final = tuple(SENT_ACTIONS.c[name] for name in SentAction.__struct_fields__)


def tokens(connection: Connection) -> list[ApiToken]:
    return [ApiToken(*row) for row in connection.execute(select(*_TOKEN).order_by(API_TOKENS.c.name))]


def add_token(connection: Connection, given: ApiToken) -> str:
    """Adds a token, or replaces the one of this name; its text, which is stored nowhere."""
    remove_token(connection, given.name)
    text = PREFIX + secrets.token_urlsafe(32)
    connection.execute(insert(API_TOKENS), {**msgspec.structs.asdict(given), "token_hash": _hash(text)})
    return text


def remove_token(connection: Connection, name: str) -> bool:
    return bool(connection.execute(delete(API_TOKENS).where(API_TOKENS.c.name == name)).rowcount)


def token(connection: Connection, text: str, now_ms: int) -> ApiToken | None:
    """Whose token this is; None if nobody's, or no more."""
    row = connection.execute(select(*_TOKEN).where(API_TOKENS.c.token_hash == _hash(text))).first()
    found = None if row is None else ApiToken(*row)
    if found is not None and found.expires_ms is not None and now_ms >= found.expires_ms:
        return None
    return found


def note_sent(connection: Connection, sent: SentAction) -> None:
    """Remembers that an action is sent; the same one again changes nothing."""
    if sent_action(connection, sent.event_id) is None:
        connection.execute(insert(SENT_ACTIONS), msgspec.structs.asdict(sent))


def sent_action(connection: Connection, event_id: str) -> SentAction | None:
    row: Any = connection.execute(select(*_SENT).where(SENT_ACTIONS.c.event_id == event_id)).first()
    return None if row is None else SentAction(*row)


def sent_together(connection: Connection, batch: str) -> list[SentAction]:
    """What was sent as one, in the order of the cases."""
    query = select(*_SENT).where(SENT_ACTIONS.c.batch == batch).order_by(SENT_ACTIONS.c.case_id)
    return [SentAction(*row) for row in connection.execute(query)]


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
