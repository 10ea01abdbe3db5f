"""Which login attempts does a log of a web site hold?"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Final

from producers.errors import BadInput, bad_line
from producers.feed import Outgoing, outgoing
from producers.sources.reading import text_of, wrong_columns
from streams.contracts.base import from_ms, to_ms
from streams.contracts.logins import LoginFailed, LoginSucceeded
from streams.contracts.registry import ANONYMOUS

COLUMNS: Final = ("datetime", "source_ip", "username", "success", "failure_reason")
ATTACK_COLUMNS: Final = ("start", "end", "source_ip")
REASONS: Final = {
    "error_wrong_username": "wrong_username",
    "error_wrong_password": "wrong_password",
    "error_account_locked": "account_locked",
}
# Not a secret: it gives the demo and the tests the same ids everywhere. A site that replays its own logs sets its own.
DEMO_KEY: Final = "paywarden-demo"
REMEDY: Final = "repair or remove the line"
SOURCE: Final = "login-log"


def records(
    path: Path, *, start_ms: int | None = None, end_ms: int | None = None, pseudonym_key: str = DEMO_KEY
) -> Iterator[Outgoing]:
    """One login event per line of a `.csv` or `.csv.xz`, to the millisecond; times without an offset are UTC.

    A name that exists is the account. A name that does not exist is often a password typed into the wrong field, so
    only its keyed hash travels.
    """
    name = path.name.partition(".")[0]
    with text_of(path) as lines:
        reader = csv.reader(lines)
        header = next(reader, None)
        columns = tuple(header or ())
        if columns == ATTACK_COLUMNS:
            raise BadInput(f"{path} is a list of attacks: it is the truth to judge by and must never be replayed.")
        if columns != COLUMNS:
            raise wrong_columns(path, header, COLUMNS)
        newest = None
        for fields in reader:
            line = reader.line_num
            if len(fields) != len(COLUMNS):
                raise bad_line(path, line, f"{len(fields)} columns instead of {len(COLUMNS)}", REMEDY)
            at_ms = _instant(path, line, fields[0])
            if newest is not None and at_ms < newest:
                raise bad_line(path, line, "column datetime goes back in time", "sort the file by datetime")
            newest = at_ms
            if start_ms is not None and at_ms < start_ms:
                continue
            if end_ms is not None and at_ms >= end_ms:
                return
            event = _event(path, line, fields, f"{name}-{line}", at_ms, pseudonym_key)
            yield outgoing("auth.logins", event)


def pseudonym(username: str, key: str) -> str:
    """The account id of an attempt on a name that does not exist."""
    return ANONYMOUS + blake2b(username.encode(), digest_size=16, key=key.encode()[:64]).hexdigest()


def _event(
    path: Path, line: int, fields: list[str], event_id: str, at_ms: int, key: str
) -> LoginSucceeded | LoginFailed:
    _, ip, username, success, failure = fields
    if not 2 <= len(ip) <= 45:
        raise bad_line(path, line, "column source_ip is not an address", REMEDY)
    if not 1 <= len(username) <= 128:
        raise bad_line(path, line, "column username is empty or longer than 128 characters", REMEDY)
    occurred_at = from_ms(at_ms)
    if success == "True" and not failure:
        return LoginSucceeded(
            event_id=event_id, source=SOURCE, occurred_at=occurred_at, account_id=username, ip=ip, username=username
        )
    reason = REASONS.get(failure)
    if success != "False" or reason is None:
        raise bad_line(
            path,
            line,
            "columns success and failure_reason do not fit together",
            f"expected True and nothing, or False and one of {', '.join(REASONS)}",
        )
    known = reason != "wrong_username"
    account_id = username if known else pseudonym(username, key)
    return LoginFailed(
        event_id=event_id,
        source=SOURCE,
        occurred_at=occurred_at,
        account_id=account_id,
        known=known,
        ip=ip,
        username=account_id,
        reason=reason,
    )


def _instant(path: Path, line: int, text: str) -> int:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise bad_line(path, line, "column datetime is not an ISO 8601 time", REMEDY) from None
    return to_ms(instant if instant.tzinfo else instant.replace(tzinfo=UTC))
