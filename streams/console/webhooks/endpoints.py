"""Who is told what, and with which secret? One TOML file; secrets are files beside it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import SplitResult, urlsplit

import httpx
import msgspec
from msgspec import Meta

from streams.adapters.case_store.errors import StoreError

_LEAST_SECRET: Final = 16  # bytes
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")  # a name or an address of version 6
_LONGEST_HOST: Final = 253  # RFC 1035, 2.3.4

Type = Literal[
    "case.version.v1",
    "action.rejected.v1",
    "account.erased.v1",
    "attachment.recorded.v1",
    "remark.recorded.v1",
    "locks.state.v1",
    "notification.requested.v1",
]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to post, and how patiently."""

    name: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,62}$")]
    url: str
    secret_file: str
    types: tuple[Type, ...] = ("case.version.v1", "account.erased.v1")
    begin: Literal["now", "beginning"] = "now"
    attempts: Annotated[int, Meta(ge=1, le=50)] = 12
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
    first_wait_ms: Annotated[int, Meta(ge=10, le=60_000)] = 1_000
    longest_wait_ms: Annotated[int, Meta(ge=10, le=3_600_000)] = 900_000
    at_once: Annotated[int, Meta(ge=1, le=64)] = 8  # cases
    allow_private: bool = False  # addresses of the own network, and http


class _File(msgspec.Struct, forbid_unknown_fields=True):
    endpoint: tuple[Endpoint, ...]


def load_endpoints(path: Path) -> tuple[Endpoint, ...]:
    """The endpoints of the file. Raises StoreError with one sentence."""
    try:
        found = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File).endpoint
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({type(error).__name__}); name the file of the endpoints.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise StoreError(f"{path}: {error}; docs/api.md shows the file.") from None
    names = [each.name for each in found]
    if len(set(names)) < len(names):
        raise StoreError(f"{path}: two endpoints have the same name; rename one, its place is kept under it.")
    for each in found:
        _check(path, each)
    return found


def _check(path: Path, endpoint: Endpoint) -> None:
    parts = _parts(path, endpoint)
    allowed = ("https", "http") if endpoint.allow_private else ("https",)
    if parts.scheme not in allowed or not parts.hostname:
        raise StoreError(f"{path}: {endpoint.name}: an https address is needed (http only with allow_private = true).")
    if parts.username or parts.password:
        raise StoreError(f"{path}: {endpoint.name}: no user in the address; the signature says who posts.")
    secrets_of(path, endpoint)


def _parts(path: Path, endpoint: Endpoint) -> SplitResult:
    """What the address consists of. Raises StoreError unless it could lead somewhere."""
    try:
        parts = urlsplit(endpoint.url)
        asked = httpx.URL(endpoint.url)
        port = 1 if parts.port is None else parts.port
        host = asked.host.encode("idna").decode()  # as whoever resolves it will
    except (ValueError, httpx.InvalidURL):  # of which UnicodeError is one: a label that is empty or too long
        host, port = "", 0
    else:
        if not host:  # a file's or a word's address, of which the scheme is said
            return parts
    if not port or not _HOST.fullmatch(host) or len(host) > _LONGEST_HOST:
        raise StoreError(
            f"{path}: {endpoint.name}: its url has a host or port that cannot be one; write https://HOST[:PORT]/PATH."
        )
    return parts


def secrets_of(path: Path, endpoint: Endpoint) -> tuple[bytes, ...]:
    """The secrets of an endpoint, the newest first: while one is replaced the file has two lines."""
    file = path.parent / endpoint.secret_file
    try:
        lines = [line.strip() for line in file.read_bytes().splitlines() if line.strip()]
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        raise StoreError(f"{path}: {endpoint.name}: {file} cannot be read ({type(error).__name__}).") from None
    if not 0 < len(lines) <= 2 or min(map(len, lines)) < _LEAST_SECRET:
        raise StoreError(f"{file} has one secret of at least {_LEAST_SECRET} bytes, or two while it is replaced.")
    return tuple(lines)
