"""Which records does a file with one JSON object per line hold?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from producers.durations import DAY_MS
from producers.errors import bad_line
from producers.feed import RANKS, Outgoing
from producers.sources.reading import bytes_of
from streams.contracts.base import Event, to_ms
from streams.contracts.registry import TOPICS_OF_TYPE, Refusal, decode

Malformed = Literal["send", "stop"]

DEFAULT_TOPIC: Final = "payments.transactions"  # of lines that say neither topic nor type
UNREADABLE_KEY: Final = b"unreadable"  # of lines that name no account
# A line dated further ahead than this carries the record time of the line before it: one wrong clock must not move the
# whole replay. A year is longer than any silence in a feed worth replaying.
LONGEST_GAP_MS: Final = 366 * DAY_MS


class _Line(msgspec.Struct):
    """The wrapped form of a line. Everything but `event` is optional; the bare form is the event itself."""

    event: msgspec.Raw
    topic: str | None = None
    key: str | None = None
    timestamp_ms: int | None = None


class _Parsed(NamedTuple):
    topic: str
    key: bytes
    value: bytes
    stamp_ms: int | None
    stamped: bool  # the line itself says its record time
    problem: str | None


class _Hints(msgspec.Struct):
    """What can be learnt from an event that the contracts refuse."""

    type: str = ""
    account_id: str = ""


_LINE: Final = msgspec.json.Decoder(_Line)
_HINTS: Final = msgspec.json.Decoder(_Hints)


def records(
    path: Path, *, start_ms: int | None = None, end_ms: int | None = None, malformed: Malformed = "send"
) -> Iterator[Outgoing]:
    """One record per line, in file order, its bytes unchanged.

    A line is an event, or `{"topic": ..., "event": {...}, "key": ..., "timestamp_ms": ...}` with everything but `event`
    optional. The record time is `timestamp_ms`, else the newest `occurred_at` so far: a late event arrives late.
    What the contracts refuse is sent as it is and ends as a dead letter, or with `malformed="stop"` ends the replay.
    """
    newest: int | None = None
    unstamped: list[Outgoing] = []  # malformed lines before the first time in the file
    with bytes_of(path) as lines:
        for number, text in enumerate(lines, start=1):
            raw = text.rstrip(b"\r\n")
            if not raw:
                continue
            line = _parse(path, number, raw)
            if line.problem is not None and malformed == "stop":
                raise bad_line(path, number, line.problem, "repair or remove the line, or send such lines as they are")
            at_ms = _record_time(line, newest)
            if at_ms is None:
                unstamped.append(Outgoing(line.topic, line.key, line.value, 0))
                continue
            newest = at_ms
            for early in unstamped:
                yield early._replace(timestamp_ms=at_ms)
            unstamped.clear()
            if (start_ms is None or at_ms >= start_ms) and (end_ms is None or at_ms < end_ms):
                yield Outgoing(line.topic, line.key, line.value, at_ms)
    yield from unstamped


def dump(record: Outgoing) -> bytes:
    """The line that `records` reads back as `record`."""
    head = msgspec.json.encode({"topic": record.topic, "timestamp_ms": record.timestamp_ms})
    return head[:-1] + b',"event":' + record.value + b"}\n"


def write(path: Path, feed: Iterable[Outgoing]) -> int:
    """Writes records line by line and returns their number; the inverse of `records`."""
    count = 0
    with path.open("wb") as file:
        for record in feed:
            file.write(dump(record))
            count += 1
    return count


def _record_time(line: _Parsed, newest: int | None) -> int | None:
    """Record times never go back, and an event's own time moves them by a year at most."""
    if newest is None:
        return line.stamp_ms
    if line.stamp_ms is None or line.stamp_ms < newest:
        return newest
    if not line.stamped and line.stamp_ms > newest + LONGEST_GAP_MS:
        return newest
    return line.stamp_ms


def _parse(path: Path, number: int, raw: bytes) -> _Parsed:
    wrapped: _Line | None
    try:
        wrapped = _LINE.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        wrapped = None
    value = raw if wrapped is None else bytes(wrapped.event)
    hints = _hints(value)
    topic = (wrapped.topic if wrapped else None) or _topic_of(hints.type)
    if topic not in RANKS:
        raise bad_line(path, number, f"{topic[:64]!r} is not an input topic", f"use one of {', '.join(RANKS)}")
    event: Event | Refusal = decode(topic, value)
    stamp_ms: int | None = None
    problem: str | None = None
    if isinstance(event, Refusal):
        key = hints.account_id.encode() or UNREADABLE_KEY
        problem = f"{event.reason}: {event.detail}"
    else:
        key, stamp_ms = event.account_id.encode(), to_ms(event.occurred_at)
    stamped = False
    if wrapped is not None and wrapped.key is not None:
        key = wrapped.key.encode()
    if wrapped is not None and wrapped.timestamp_ms is not None:
        stamp_ms, stamped = wrapped.timestamp_ms, True
    return _Parsed(topic, key, value, stamp_ms, stamped, problem)


def _hints(value: bytes) -> _Hints:
    try:
        return _HINTS.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Hints()


def _topic_of(tag: str) -> str:
    """The topic that carries a type; a watermark, which all of them carry, goes nowhere by itself."""
    names = [name for name in TOPICS_OF_TYPE.get(tag, ()) if name in RANKS]
    return names[0] if len(names) == 1 else DEFAULT_TOPIC
