"""How is a record set aside so that nothing is lost, nothing secret leaks, and a broken deployment stops?"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import NamedTuple

import msgspec

from streams.contracts.signals import DeadLetter
from streams.runtime.logic import Emit, Record, Refused

TOPIC = "paywarden.dead-letters"
BODY_LIMIT = 64 * 1024
KEY_LIMIT = 128
BLOCKS = 10  # of a window that is counted

# Card numbers have 12 to 19 digits, perhaps grouped (ISO/IEC 7812), mobile numbers from 11. Masking every such run also
# hides identity numbers, and some harmless ids and fractions: a body that was masked is replayed from its topic anyway.
_SECRETS = re.compile(
    rb"(?<![0-9])[0-9](?:[ .-]?[0-9]){10,18}(?![0-9])"
    rb"|[A-Za-z0-9._%+-]{1,64}(?:@|\\u0040)[A-Za-z0-9.-]{1,255}"
    rb"|\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b"  # IBAN, ISO 13616
    # Nobody writes plain letters, digits or @ as escapes, except to get them past a mask.
    rb"|(?:\\u00(?:3[0-9]|4[0-9a-fA-F]|5[0-9aA]|6[0-9a-fA-F]|7[0-9aA]))+"
)
# What must never be kept, whatever it looks like (PCI DSS 3.3.1): a text, also one that has no end, or a bare value.
_SECRET_FIELDS = re.compile(
    rb'("(?:password|passwd|passcode|pass|pwd|otp|pin|cvv2?|cvc2?|csc|secret|track[12]?)"\s*:\s*)'
    rb'("(?:[^"\\]|\\.)*"?|[^\s,}\]"]+)',
    re.IGNORECASE | re.DOTALL,
)
_PLACE = re.compile(r" - at (?:`key` in )?`(\$[A-Za-z0-9_.\[\]]*)`$")
_encode = msgspec.json.Encoder().encode


def dead_letter(record: Record, refused: Refused) -> Emit:
    """The record of `paywarden.dead-letters` that stands for `record`; a function of it and of the reason only."""
    raw = record.value if record.value is not None else b""
    letter = DeadLetter(
        reason=refused.reason,
        detail=refused.detail[:256],
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp_ms,
        sha256=hashlib.sha256(raw).hexdigest(),
        size=len(raw),
        key=None if record.key is None else _mask(record.key[:KEY_LIMIT]).decode(errors="replace"),
        body=None if record.value is None else base64.b64encode(_mask(raw[:BODY_LIMIT])).decode(),
        path=_path(refused.detail),
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


def _mask(raw: bytes) -> bytes:
    raw = _SECRET_FIELDS.sub(lambda match: match[1] + b"*" * len(match[2]), raw)
    return _SECRETS.sub(lambda match: b"*" * (match.end() - match.start()), raw)


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
