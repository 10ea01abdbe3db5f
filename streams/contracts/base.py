"""What do all events share: the envelope, the vocabulary of field types, and event time in milliseconds?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated

import msgspec
from msgspec import Meta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

# Identifiers are opaque to us. 128 characters hold every id format we have met (UUID, ULID, acquirer references, URNs).
Id = Annotated[str, Meta(min_length=1, max_length=128)]
Label = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=4000)]
ShortText = Annotated[str, Meta(max_length=256)]
# 10**15 minor units are ten trillion euros: above every real payment, far below what a 64-bit sum overflows on.
Minor = Annotated[int, Meta(ge=0, le=10**15)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # whatever counts fits the 64-bit integers of other languages
AtMs = Annotated[int, Meta(ge=0, lt=7_258_118_400_000)]  # event time in ms, 1970 up to 2200
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", max_length=3)]  # ISO 4217; `$` alone lets a newline through
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$", max_length=2)]  # ISO 3166-1 alpha-2
Bin = Annotated[str, Meta(pattern="^[0-9]{6,8}$", max_length=8)]  # ISO/IEC 7812 issuer number, never more digits
Mcc = Annotated[str, Meta(pattern="^[0-9]{4}$", max_length=4)]  # ISO 18245
Ip = Annotated[str, Meta(min_length=2, max_length=45)]  # textual IPv4 or IPv6; 45 holds a mapped address
Latitude = Annotated[float, Meta(ge=-90.0, le=90.0)]
Longitude = Annotated[float, Meta(ge=-180.0, le=180.0)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Instant = Annotated[datetime, Meta(tz=True)]  # RFC 3339 with an offset; naive times are refused


def to_ms(instant: datetime) -> int:
    """Milliseconds since 1970-01-01T00:00:00Z, rounded down; the only time unit inside the core."""
    return (instant - EPOCH) // _MILLISECOND


def from_ms(at_ms: int) -> datetime:
    """The UTC instant of `at_ms`; exact, so `to_ms(from_ms(x)) == x`."""
    return EPOCH + at_ms * _MILLISECOND


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The envelope of every input event. The tag in `type` is the unit of versioning.

    `source` and `event_id` together name the event (CloudEvents 1.0): two sources may use one id.
    """

    event_id: Id
    source: Label
    occurred_at: Instant
    account_id: Id
    # False for an attempt that belongs to no account of ours (unknown user name, guest): `account_id` is then
    # "anonymous:" plus a keyed hash, and the event makes signals, never account state, locks or messages.
    known: bool = True


@cache
def _defaults_by_value(kind: type[msgspec.Struct]) -> tuple[tuple[str, str | float | msgspec.Struct], ...]:
    fields = msgspec.structs.fields(kind)
    return tuple((each.name, each.default) for each in fields if isinstance(each.default, str | float | msgspec.Struct))


class Written(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Part of a record that we write. Equal records have equal bytes.

    msgspec leaves a value out if it *is* the default. A text or fraction that came back with a restored state only
    equals it, and would be written.
    """

    def __post_init__(self) -> None:
        for name, default in _defaults_by_value(type(self)):
            value = getattr(self, name)
            if value is not default and value == default:
                msgspec.structs.force_setattr(self, name, default)


class Output(Written, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What every record that PayWarden publishes has: a derived id comes with each subclass, the event time here."""

    occurred_at: Instant  # event time of the cause, or the due time of the timer that fired; never the wall clock


class Watermark(Event, frozen=True, kw_only=True, tag="stream.watermark.v1", tag_field="type"):
    """No later record of this topic and partition has a record timestamp below `occurred_at` (replay, simulate)."""
