"""What may be kept of a record that nobody could handle, when it may hold anything?

Nothing is looked for: there are too many names for a password and too many ways to write a card number. Kept is what
our contracts say is harmless, at the place where they say it: the type, the ids that others join by, codes, words of a
closed vocabulary, currencies and countries, times and numbers. Of everything else a reader sees what it was and how
long: `"<text 12>"`. What is no JSON has no places, so nothing of it is kept.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import inspect

from streams.contracts.base import Event
from streams.contracts.payments import Code
from streams.contracts.registry import MAX_BYTES, TYPES
from streams.contracts.topics import FOREIGN
from streams.core.personal import KEPT

_DEEPEST: Final = 32  # no contract nests half as deep
# Nine digits are an identity number in some countries, ten a telephone number, twelve and more a card.
_MOST_DIGITS: Final = 8
_NUMBER_BELOW: Final = 10**_MOST_DIGITS

_TAG = re.compile(r"[a-z][a-z_-]{0,31}(\.[a-z][a-z_-]{0,31}){1,3}\.v[0-9]{1,3}")
_OPAQUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")  # RFC 9562
_NAME = re.compile(r"[A-Za-z_][A-Za-z_-]{0,47}[0-9]{0,2}")
# With or without its offset, so that a reader sees which one is missing.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_DIGIT = re.compile(r"\d")  # also those of other scripts
_BEGINNINGS = (  # how what is not JSON gives itself away, first fit
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK", "zip"),
    (b"\xef\xbb\xbf", "byte order mark"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"\x00", "binary"),  # a schema registry's magic byte among others
)
_TOKENS: Final = {"{": "object", "[": "array", '"': "text", "'": "text", "<": "markup"}

_encode = msgspec.json.Encoder().encode


class Kept(NamedTuple):
    """What may be kept of a record's value."""

    body: bytes | None  # JSON; None if nothing is kept
    whole: bool  # `body` is the value itself, byte for byte
    begins: str | None  # of what is no JSON: what it looks like

    @property
    def digest(self) -> str:
        """SHA-256 of the value if that is kept whole, and else of what is kept.

        Never of what is hidden: a code of three digits is found from any digest of it by trying all. Values of equal
        form therefore have equal digests.
        """
        mark = b"" if self.whole else b"kept\x00"  # so that it never passes for the digest of a whole value
        return hashlib.sha256(mark + (self.body or b"")).hexdigest()


def kept_of(topic: str, raw: bytes) -> Kept:
    """What may be kept of the value `raw` on topic `topic` (logical name); never raises, whatever the bytes."""
    if len(raw) > MAX_BYTES:
        return Kept(None, False, _begins(raw))
    try:
        value = msgspec.json.decode(raw)
        body = _encode(_redacted(value, _shapes_of(topic, value), 0))
        # Compared without blanks only: a key that comes twice, or an escape, may hide something.
        whole = msgspec.json.format(raw, indent=-1) == body
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return Kept(None, False, _begins(raw))
    return Kept(raw if whole else body, whole, None)


def kept_key(key: bytes) -> str:
    """The key of a record if it is an opaque id, and else its kind and length in brackets, which no id has."""
    text = key.decode(errors="replace")
    return text if _is_opaque(text) else _masked(text)


def _begins(raw: bytes) -> str | None:
    """What bytes that are no JSON look like; one of a few words, so that nothing of them is repeated."""
    for magic, name in _BEGINNINGS:
        if raw.startswith(magic):
            return name
    first = raw[:64].lstrip(b" \t\r\n")[:1].decode("latin-1")
    if first in _TOKENS:
        return _TOKENS[first]
    if first.isascii() and first.isprintable():
        return "digit" if first.isdigit() else "word"
    return "binary" if first else None


def _shapes_of(topic: str, value: Any) -> tuple[inspect.Type, ...]:
    """The contract that the value claims to be of, or the envelope; of somebody else's records nothing is known."""
    if topic.startswith(FOREIGN) or not isinstance(value, dict):
        return ()
    tag = value.get("type")
    return _shape(TYPES.get(tag, Event) if isinstance(tag, str) else Event)


@cache
def _shape(kind: type) -> tuple[inspect.Type, ...]:
    return (inspect.type_info(kind),)


@cache
def _fields(kind: type) -> dict[str, tuple[inspect.Type, ...]]:
    """The types that each field of a contract may have, by its name on the wire."""
    shape = inspect.type_info(kind)
    assert isinstance(shape, inspect.StructType)
    return {field.encode_name: _alternatives(field.type) for field in shape.fields}


def _alternatives(shape: inspect.Type) -> tuple[inspect.Type, ...]:
    match shape:
        case inspect.UnionType(types=types):
            return tuple(each for one in types for each in _alternatives(one))
        case inspect.Metadata(type=inner):
            return _alternatives(inner)
        case _:
            return (shape,)


def _redacted(value: Any, shapes: tuple[inspect.Type, ...], depth: int, name: str = "") -> Any:
    if isinstance(value, dict | list) and depth >= _DEEPEST:
        return "<nested>"
    if isinstance(value, dict):
        return _object(value, shapes, depth)
    if isinstance(value, list):
        inner = tuple(each for shape in shapes for each in _items(shape))
        return [_redacted(each, inner, depth + 1, name) for each in value]
    if value is None or isinstance(value, bool):
        return value
    if any(_is_harmless(value, shape, name) for shape in shapes):
        return value
    return _masked(value)


def _items(shape: inspect.Type) -> tuple[inspect.Type, ...]:
    match shape:
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return _alternatives(item)
        case _:
            return ()


def _object(value: dict[str, Any], shapes: tuple[inspect.Type, ...], depth: int) -> dict[str, Any]:
    structs = [shape for shape in shapes if isinstance(shape, inspect.StructType)]
    result: dict[str, Any] = {}
    for name, inner in value.items():
        known = tuple(each for struct in structs for each in _fields(struct.cls).get(name, ()))
        of_codes = any(struct.cls is Code for struct in structs)
        if name == "type" and structs and depth == 0 and isinstance(inner, str) and _TAG.fullmatch(inner):
            result[name] = inner
        else:
            shown = name if known or _NAME.fullmatch(name) else _unused(f"<name {len(name)}>", result)
            result[shown] = _redacted(inner, known, depth + 1, f"code.{name}" if of_codes else name)
    return result


def _unused(name: str, taken: dict[str, Any]) -> str:
    """Names that were hidden may be equally long."""
    return name if name not in taken else f"{name[:-1]}, {len(taken)}>"


_IDS: Final = KEPT | {"source", "code.source", "code.code"}


def _is_harmless(value: Any, shape: inspect.Type, name: str) -> bool:
    """Whether the value is what the contract wants here, and of a kind that says nothing about a person."""
    match shape:
        case inspect.LiteralType(values=values):
            return value in values
        case inspect.IntType():
            return isinstance(value, int) and abs(value) < _NUMBER_BELOW
        case inspect.DateTimeType():
            return isinstance(value, str) and _TIME.fullmatch(value) is not None
        case inspect.StrType(pattern=str(pattern), max_length=int(longest)) if longest <= _MOST_DIGITS:
            return isinstance(value, str) and len(value) <= longest and re.fullmatch(pattern, value) is not None
        case inspect.StrType():
            return isinstance(value, str) and name in _IDS and _is_opaque(value)
        case _:
            return False


def _is_opaque(text: str) -> bool:
    """Whether the text has the form of an id and too few digits for a number that somebody else gave to a person."""
    if _UUID.fullmatch(text):
        return True
    return _OPAQUE.fullmatch(text) is not None and len(_DIGIT.findall(text)) <= _MOST_DIGITS


def _masked(value: Any) -> str:
    """Kind and length: all that is told of a value."""
    if isinstance(value, str):
        return f"<{'digits' if value.isdigit() else 'text'} {len(value)}>"
    return f"<number {len(_DIGIT.findall(str(value)))}>"
