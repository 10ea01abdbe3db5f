"""What does a record say, or why can nobody say it: bytes to event, event to bytes, and the closed list of refusals?"""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

import msgspec

from streams.contracts.base import Event, Watermark
from streams.contracts.cases import ActionRejected, AttachmentRecorded, CaseVersion, RemarkRecorded
from streams.contracts.policies import PolicyRecord
from streams.contracts.signals import (
    AccountForgotten,
    CaseActed,
    ClockTold,
    DeadLetter,
    EntityBlockAsked,
    EntityObserved,
    EntityRisk,
    FeedsTold,
    HealthBucket,
)
from streams.contracts.topics import TOPICS, Topic

MAX_BYTES: Final = 1024 * 1024  # Kafka's own default for one record; our largest, a case, stays below 256 KiB
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
ANONYMOUS: Final = "anonymous:"  # account_id of an attempt that belongs to no account of ours

RefusalReason: TypeAlias = Literal[
    "too_large",
    "empty",
    "tombstone",
    "bad_utf8",
    "undecodable",
    "too_deep",
    "not_an_event",
    "unknown_type",
    "wrong_topic",
    "privileged",
    "missing_field",
    "wrong_type",
    "out_of_range",
    "unmapped_value",
    "bad_time",
    "bad_account",
    "key_missing",
    "key_mismatch",
    "wrong_partition",
    "future",
    "raised",
]


class Why(NamedTuple):
    """One row of the vocabulary of refusals: a metric label, and the heading of a runbook entry."""

    about: str
    counts: bool = True  # toward the share of dead letters that stops a worker


REASONS: Final[Mapping[RefusalReason, Why]] = MappingProxyType(
    {
        "too_large": Why("More bytes than a record may have; it was not looked at."),
        "empty": Why("No value, or one of zero bytes, on a topic that is not compacted."),
        "tombstone": Why("A deletion on a compacted input: ordinary housekeeping that carries no event.", counts=False),
        "bad_utf8": Why("A text is not valid UTF-8."),
        "undecodable": Why("Not JSON: truncated, malformed, NaN or Infinity."),
        "too_deep": Why("Nested deeper than a decoder may follow."),
        "not_an_event": Why("JSON, but not an object with a `type` that is a text."),
        "unknown_type": Why("A type nobody here knows: a newer producer, not an attack.", counts=False),
        "wrong_topic": Why("A known type on a topic that does not carry it."),
        "privileged": Why("A type with a topic of its own, guarded by an ACL, was found elsewhere. Raises an alert."),
        "missing_field": Why("A required field is missing."),
        "wrong_type": Why("A field has a value of another type, or one outside its vocabulary."),
        "out_of_range": Why("A number, length or format outside what the field allows."),
        "unmapped_value": Why("A foreign value that the table of its source's file does not list."),
        "bad_time": Why("A time without an offset, unreadable, or outside 1970 to 2200."),
        "bad_account": Why("`account_id` contradicts `known`, or starts with a control character."),
        "key_missing": Why("The record has no key, so nobody can say that it is on the right partition."),
        "key_mismatch": Why("The key of the record is not its `account_id`."),
        "wrong_partition": Why("The key hashes to another partition: the producer uses another partitioner."),
        "future": Why("The event is dated further ahead of its record than clocks differ."),
        "raised": Why("The core, or the mapping of a foreign record, raised an error; no state has a trace of it."),
    }
)


class Refusal(NamedTuple):
    """A record that was not understood. `detail` names the place and never repeats a value."""

    reason: RefusalReason
    detail: str
    counts: bool


def refusal(reason: RefusalReason, detail: str) -> Refusal:
    """A refusal that counts as its reason says."""
    return Refusal(reason, detail[:256], REASONS[reason].counts)


def tag_of(kind: type) -> str:
    """The wire name of an event type, for example `payment.failed.v1`."""
    tag = kind.__struct_config__.tag  # type: ignore[attr-defined]
    if not isinstance(tag, str):
        raise TypeError(f"{kind.__name__} has no tag; only tagged structs travel on topics")
    return tag


def _instants(kind: type) -> tuple[str, ...]:
    """Names of the top-level fields of `kind` that hold a time."""
    hints = typing.get_type_hints(kind)
    return tuple(name for name, hint in hints.items() if hint is datetime or datetime in get_args(hint))


TYPES: Final[Mapping[str, type]] = MappingProxyType(
    {tag_of(kind): kind for topic in TOPICS.values() for kind in topic.types}
)
TOPICS_OF_TYPE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {tag: tuple(topic.name for topic in TOPICS.values() if kind in topic.types) for tag, kind in TYPES.items()}
)
_TAGS: Final[Mapping[type, str]] = MappingProxyType({kind: tag for tag, kind in TYPES.items()})
_TYPE_HEADERS: Final = {kind: (("type", tag.encode()),) for kind, tag in _TAGS.items()}
_PRIVILEGED: Final = frozenset(
    tag
    for tag, names in TOPICS_OF_TYPE.items()
    if TYPES[tag] is not Watermark and any(TOPICS[name].privileged for name in names)
)
_TIMES: Final[Mapping[type, tuple[str, ...]]] = MappingProxyType({kind: _instants(kind) for kind in _TAGS})
_PRINTABLE_TAG = re.compile(
    r"[a-z][a-z_-]*(\.[a-z_-]+)*(\.v[0-9]{1,3})?"
)  # never digits that could be a number of somebody


class _Head(msgspec.Struct):
    """Only the tag, for records that the full decoder refused."""

    type: Any = None


_HEAD: Final = msgspec.json.Decoder(_Head)
_ENCODE: Final = msgspec.json.Encoder().encode


class _Reader(NamedTuple):
    topic: Topic
    decode: Any  # msgspec.json.Decoder.decode of the union of the topic's types


def _readers() -> dict[str, _Reader]:
    return {
        topic.name: _Reader(topic, msgspec.json.Decoder(reduce(or_, topic.types)).decode)
        for topic in TOPICS.values()
        if topic.types
    }


_READERS: Final = _readers()


def decode(topic: str, raw: bytes | None) -> Any:
    """The event in `raw` as topic `topic` (logical name) carries it, or a `Refusal`. Never raises for bad data.

    An unknown `topic` is a mistake of ours and raises KeyError.
    """
    reader = _READERS[topic]
    if not raw:
        if raw is None and reader.topic.compacted:
            return refusal("tombstone", "no value on a compacted topic")
        return refusal("empty", "no value")
    if len(raw) > MAX_BYTES:
        return refusal("too_large", f"{len(raw)} bytes, at most {MAX_BYTES} are read")
    try:
        event = reader.decode(raw)
    except msgspec.ValidationError as error:
        return _explain(reader.topic, raw, str(error))
    except UnicodeDecodeError as error:
        return refusal("bad_utf8", f"invalid UTF-8: {error.reason}")
    except msgspec.DecodeError as error:
        return refusal("undecodable", str(error))
    except RecursionError:
        return refusal("too_deep", "nested too deeply")
    for name in _TIMES[type(event)]:
        instant = getattr(event, name)
        if instant is not None and not EARLIEST <= instant < LATEST:
            return refusal("bad_time", f"outside {EARLIEST.year} to {LATEST.year} - at `$.{name}`")
    if isinstance(event, Event):
        if event.known is event.account_id.startswith(ANONYMOUS):
            return refusal("bad_account", f"`known` and an account id that starts with {ANONYMOUS} exclude each other")
        if event.account_id < " ":
            return refusal("bad_account", "the account id starts with a control character, as our own state rows do")
    return event


def read(topic: str, key: bytes | None, raw: bytes | None) -> Any:
    """Like `decode`, and the record's key must be the one that its event belongs under."""
    event = decode(topic, raw)
    if type(event) is Refusal or type(event) is Watermark or TOPICS[topic].key != "account_id":
        return event  # a watermark goes to every partition, so no key can fit
    if key is None:
        return refusal("key_missing", "the key must be the account id")
    if key != event.account_id.encode():
        return refusal("key_mismatch", "the key is not the account id")
    return event


def encode(event: msgspec.Struct) -> bytes:
    """The wire form of any contract struct."""
    return _ENCODE(event)


def headers_of(event: msgspec.Struct) -> tuple[tuple[str, bytes], ...]:
    """Kafka headers for those who route or filter without decoding: the type, and of cases what queues need."""
    headers = _TYPE_HEADERS[type(event)]
    if type(event) is CaseVersion:
        return (
            *headers,
            ("case_type", event.case_type.encode()),
            ("queue", event.queue.encode()),
            ("priority", event.priority.encode()),
            ("version", str(event.version).encode()),
        )
    return headers


HEALTH_KEY: Final = b"health"
POLICY_KEY: Final = b"policy"  # one key, so one partition keeps all records in order


def key_of(event: msgspec.Struct) -> bytes | None:
    """The record key that `event` belongs under; None where the sender chooses the partition itself."""
    match event:
        case Event():
            return None if type(event) is Watermark else event.account_id.encode()
        case EntityBlockAsked():
            return f"block/{event.kind}/{event.value}".encode()
        case EntityObserved() | EntityRisk() | CaseActed():
            return f"{event.kind}/{event.value}".encode()
        case HealthBucket() | FeedsTold():
            return HEALTH_KEY
        case ClockTold() | AccountForgotten():
            return None
        case PolicyRecord():
            return POLICY_KEY
        case CaseVersion():
            return event.case_id.encode()
        case AttachmentRecorded() | RemarkRecorded():
            return event.case_id.encode()
        case ActionRejected():
            return (event.case_id or event.account_id).encode()
        case DeadLetter():
            return None
        case _:
            account_id: str = event.account_id  # type: ignore[attr-defined]
            return account_id.encode()


def _explain(topic: Topic, raw: bytes, message: str) -> Refusal:
    """Why a well-formed JSON text was refused: first by its tag, then by what the decoder said."""
    try:
        tag = _HEAD.decode(raw).type
    except msgspec.ValidationError:
        return refusal("not_an_event", "not a JSON object")
    except UnicodeDecodeError as error:
        return refusal("bad_utf8", f"invalid UTF-8: {error.reason}")
    except msgspec.DecodeError as error:
        return refusal("undecodable", str(error))
    except RecursionError:
        return refusal("too_deep", "nested too deeply")
    if not isinstance(tag, str):
        return refusal("not_an_event", "no `type`, or not a text")
    kind = TYPES.get(tag)
    if kind is None:
        return refusal("unknown_type", tag if _PRINTABLE_TAG.fullmatch(tag) else "a type that is not a plain word")
    if kind not in topic.types:
        if tag in _PRIVILEGED:
            return refusal("privileged", f"{tag} belongs on {TOPICS_OF_TYPE[tag][0]} only")
        return refusal("wrong_topic", f"{tag} belongs on {TOPICS_OF_TYPE[tag][0]}")
    return refusal(_field_reason(message), f"{tag}: {_without_values(message)}")


def _field_reason(message: str) -> RefusalReason:
    if message.startswith("Object missing required field"):
        return "missing_field"
    if "datetime" in message:
        return "bad_time"
    if "out of range" in message or " of length " in message or "matching regex" in message or _BOUND.search(message):
        return "out_of_range"
    return "wrong_type"


_BOUND = re.compile(r"` (>=|<=|>|<) ")
_QUOTED = re.compile(r"value '.*'(?= - at `|$)", re.DOTALL)


def _without_values(message: str) -> str:
    """msgspec repeats a value only where a vocabulary was missed; it may be anything, so it is left out."""
    return _QUOTED.sub("value", message)
