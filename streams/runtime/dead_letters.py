"""How is a record set aside so that nothing is lost, nothing secret leaks, and a broken deployment stops?"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import NamedTuple

import msgspec

from streams.contracts.signals import DeadLetter
from streams.core.redaction import kept_key, kept_of
from streams.runtime.logic import Emit, Record, Refused

TOPIC = "paywarden.dead-letters"
BODY_LIMIT = 64 * 1024
BLOCKS = 10  # of a window that is counted

_PLACE = re.compile(r" - at (?:`key` in )?`(\$[A-Za-z0-9_.\[\]]*)`$")
_encode = msgspec.json.Encoder().encode


def dead_letter(record: Record, refused: Refused) -> Emit:
    """The record of `paywarden.dead-letters` that stands for `record`; a function of it and of the reason only."""
    raw = record.value if record.value is not None else b""
    kept = kept_of(record.topic, raw)
    letter = DeadLetter(
        reason=refused.reason,
        detail=refused.detail[:256],
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp_ms,
        sha256=kept.digest,
        size=len(raw),
        key=None if record.key is None else kept_key(record.key),
        body=None if kept.body is None else base64.b64encode(kept.body[:BODY_LIMIT]).decode(),
        path=_path(refused.detail),
        begins=kept.begins,
    )
    return Emit(
        TOPIC,
        letter.key.encode() if letter.key is not None else b"",  # the record's own key may be a person's
        _encode(letter),
        record.timestamp_ms,
        headers=(("type", b"dead.letter.v1"), ("reason", refused.reason.encode())),
    )


def _path(detail: str) -> str | None:
    """The place that a refusal names at its end, as decoder and registry write it; never a key that data chose."""
    named = _PLACE.search(detail)
    return None if named is None else named[1][:256]


def is_of(letter: DeadLetter, timestamp_ms: int, raw: bytes) -> bool:
    """Whether what lies at the place that the letter names is the record that was set aside.

    No digest of a hidden value is kept, so it is recognised by its time, its size and by what a letter keeps of it.
    """
    if letter.sha256 == hashlib.sha256(raw).hexdigest():
        return True  # kept whole, or set aside by a build that digested everything
    same_place_and_time = letter.size == len(raw) and letter.timestamp_ms == timestamp_ms
    return same_place_and_time and letter.sha256 == kept_of(letter.topic, raw).digest


class Counted(NamedTuple):
    """Full blocks of (records seen, refused), oldest first, and the one that fills."""

    blocks: tuple[tuple[int, int], ...] = ()
    seen: int = 0
    refused: int = 0


class Limit:
    """Is the share of refused records so high that this is a deployment mistake, not bad data?

    Counts in blocks of a tenth of the window, so that memory and work per record are constant; says nothing before the
    first block is full.
    """

    def __init__(self, share: float, window: int) -> None:
        self._share = share
        self._block = max(1, window // BLOCKS)
        self.counted = Counted()

    def count(self, seen: int, refused: int) -> None:
        blocks, seen, refused = self.counted.blocks, self.counted.seen + seen, self.counted.refused + refused
        if seen >= self._block:
            blocks, seen, refused = (*blocks[1 - BLOCKS :], (seen, refused)), 0, 0
        self.counted = Counted(blocks, seen, refused)

    @property
    def exceeded(self) -> bool:
        seen = sum(block[0] for block in self.counted.blocks)
        return seen > 0 and sum(block[1] for block in self.counted.blocks) > self._share * seen
