"""Who may sign in to the console, and who is signed in?

Passwords and tokens are kept as hashes only. Time is handed in, milliseconds since 1970-01-01T00:00:00Z.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Final, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from streams.adapters.case_store.tables import PLACES, SESSIONS, SPENT, USERS

Role = Literal["viewer", "analyst", "supervisor", "admin"]
IDLE_MS: Final = 30 * 60_000
LONGEST_MS: Final = 12 * 3_600_000
KNOWN_MS: Final = 180 * 86_400_000  # how long a browser or place is known in which somebody has signed in
_SEEN_EVERY_MS: Final = 60_000  # reading a page should not be a write


_OF_PROVIDER: Final = "oidc"  # no hash, so no password opens the account


class User(msgspec.Struct, frozen=True):
    """A local account."""

    name: str
    role: Role
    password_hash: str
    added_ms: int

    @property
    def is_local(self) -> bool:
        """Whether a password opens the account; else the company's provider says who somebody is."""
        return self.password_hash != _OF_PROVIDER


class Session(msgspec.Struct, frozen=True):
    """Somebody who is signed in, as this request sees it."""

    token: str
    name: str
    role: Role

    @property
    def csrf(self) -> str:
        """What a form of this session must carry; it does not tell the token."""
        return sha256(f"csrf\x1f{self.token}".encode()).hexdigest()


def users(connection: Connection) -> list[User]:
    return [User(*row) for row in connection.execute(select(*_USER).order_by(USERS.c.name))]


def user(connection: Connection, name: str) -> User | None:
    row = connection.execute(select(*_USER).where(USERS.c.name == name)).first()
    return None if row is None else User(*row)


def put_user(connection: Connection, given: User) -> None:
    """Adds a user, or gives one another role and password; whoever was signed in under the name is no more."""
    remove_user(connection, given.name)
    connection.execute(insert(USERS), msgspec.structs.asdict(given))


def is_name(text: str) -> bool:
    """Whether somebody may be called so: 1 to 128 printable characters; a slash marks what is no person.

    Names with a blank at either end or two within look like others.
    """
    return 0 < len(text) <= 128 and text.isprintable() and "/" not in text and text == " ".join(text.split())


def put_from_provider(connection: Connection, name: str, role: Role, now_ms: int) -> bool:
    """Adds whom an identity provider has named, or gives the role of now; False if a local account has the name."""
    known = user(connection, name)
    if known is not None and known.is_local:
        return False
    if known is None or known.role != role:
        put_user(connection, User(name, role, _OF_PROVIDER, now_ms))
    return True


def remove_user(connection: Connection, name: str) -> bool:
    for table in (SESSIONS, PLACES):
        connection.execute(delete(table).where(table.c.name == name))
    return bool(connection.execute(delete(USERS).where(USERS.c.name == name)).rowcount)


def set_hash(connection: Connection, name: str, password_hash: str) -> None:
    connection.execute(update(USERS).where(USERS.c.name == name).values(password_hash=password_hash))


def sign_in(connection: Connection, name: str, now_ms: int) -> str:
    """A new session's token, which is stored nowhere."""
    connection.execute(delete(SESSIONS).where(SESSIONS.c.began_ms < now_ms - LONGEST_MS))
    token = secrets.token_urlsafe(32)
    row = {"token_hash": _hash(token), "name": name, "began_ms": now_ms, "seen_ms": now_ms}
    connection.execute(insert(SESSIONS), row)
    return token


def session(connection: Connection, token: str, now_ms: int) -> tuple[Session | None, bool]:
    """Who has this token, and whether `seen` is due. None after half an hour without a page, or 12 hours at all."""
    row = connection.execute(
        select(SESSIONS.c.began_ms, SESSIONS.c.seen_ms, USERS.c.name, USERS.c.role)
        .join(USERS, USERS.c.name == SESSIONS.c.name)
        .where(SESSIONS.c.token_hash == _hash(token))
    ).first()
    if row is None or now_ms - row.seen_ms > IDLE_MS or now_ms - row.began_ms > LONGEST_MS:
        return None, False
    return Session(token, row.name, row.role), now_ms - row.seen_ms > _SEEN_EVERY_MS


def signed_in(connection: Connection, now_ms: int) -> int:
    """How many people have a session that still holds."""
    return int(connection.scalar(select(func.count(SESSIONS.c.name.distinct())).where(*_holding(now_ms))) or 0)


def _holding(now_ms: int) -> tuple[ColumnElement[bool], ...]:
    return SESSIONS.c.seen_ms >= now_ms - IDLE_MS, SESSIONS.c.began_ms >= now_ms - LONGEST_MS


def seen(connection: Connection, token: str, now_ms: int) -> None:
    connection.execute(update(SESSIONS).where(SESSIONS.c.token_hash == _hash(token)).values(seen_ms=now_ms))


def spend(connection: Connection, state: str, now_ms: int, kept_ms: int) -> bool:
    """Whether the state of a sign-in is used for the first time; it is remembered for `kept_ms`."""
    connection.execute(delete(SPENT).where(SPENT.c.at_ms < now_ms - kept_ms))
    hashed = _hash(state)
    if connection.scalar(select(SPENT.c.state_hash).where(SPENT.c.state_hash == hashed)) is not None:
        return False
    connection.execute(insert(SPENT), {"state_hash": hashed, "at_ms": now_ms})
    return True


class Seat(msgspec.Struct, frozen=True):
    """Where somebody is signed in, as they are told."""

    began_ms: int
    seen_ms: int
    is_this: bool


def sessions(connection: Connection, mine: Session, now_ms: int) -> list[Seat]:
    """The sessions of whoever asks that still hold, the one that was used last first."""
    columns = (SESSIONS.c.began_ms, SESSIONS.c.seen_ms, SESSIONS.c.token_hash == _hash(mine.token))
    query = select(*columns).where(SESSIONS.c.name == mine.name, *_holding(now_ms)).order_by(SESSIONS.c.seen_ms.desc())
    return [Seat(*row) for row in connection.execute(query)]


def end_others(connection: Connection, mine: Session) -> None:
    """Ends the sessions under the name but the one that asks."""
    theirs = (SESSIONS.c.name == mine.name, SESSIONS.c.token_hash != _hash(mine.token))
    connection.execute(delete(SESSIONS).where(*theirs))


def came_in(connection: Connection, name: str, place: str, now_ms: int) -> None:
    """Remembers that somebody has signed in from there."""
    connection.execute(delete(PLACES).where(PLACES.c.at_ms <= now_ms - KNOWN_MS))
    row = {"name": name, "place_hash": _place(name, place)}
    connection.execute(delete(PLACES).filter_by(**row))
    connection.execute(insert(PLACES), {**row, "at_ms": now_ms})


def is_known_place(connection: Connection, name: str, place: str, now_ms: int) -> bool:
    """Whether somebody has signed in from there within half a year."""
    here = select(PLACES.c.at_ms).where(PLACES.c.name == name, PLACES.c.place_hash == _place(name, place))
    at_ms = connection.scalar(here)
    return at_ms is not None and now_ms - at_ms < KNOWN_MS


def sign_out(connection: Connection, token: str) -> None:
    connection.execute(delete(SESSIONS).where(SESSIONS.c.token_hash == _hash(token)))


_USER: Final = (USERS.c.name, USERS.c.role, USERS.c.password_hash, USERS.c.added_ms)


def _place(name: str, place: str) -> str:
    """An address of somebody's home tells more than the limits need."""
    return sha256(f"place\x1f{name}\x1f{place}".encode()).hexdigest()


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
