"""Is this text a card number, an identity number, a telephone number or an e-mail address, and what stands for it then?

No contract has a field for those, yet producers put them where an id belongs. An event's descriptive ids (merchant,
terminal, payee, card token, device ..) are looked at when it is read, before any state, case, message or log sees them:
what is personal is replaced by a keyed pseudonym. The same value always gets the same pseudonym, so counters, novelty
and entities work on; who looks at a case sees what kind of thing it was and nothing of it.

Ids that other systems join by (`KEPT`) are never changed: money is found by them. They are counted, and doctor warns.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from functools import cache
from hashlib import blake2b
from typing import Any, Final, Literal, NamedTuple

import msgspec
from msgspec import inspect

from streams.contracts.base import Event
from streams.contracts.payments import Code
from streams.contracts.registry import TYPES

Kind = Literal["card", "identity", "phone", "email"]

# Public, for demonstrations and tests: whoever knows the key can try all card numbers.
DEMO_KEY: Final = "paywarden-demo"

# Joined by outside: the payment system, the ledger, the console. `actor` is the audit's; texts never leave the event.
KEPT = frozenset(
    [
        "account_id",
        "event_id",
        "payment_id",
        "order_id",
        "case_id",
        "entry_id",
        "query_id",
        "subject_id",
        "action_id",
        "refund_id",
    ]
)
_NOT_IDS = frozenset(
    [
        "actor",
        "second_actor",
        "text",
        "message",
        "user_agent",
        "guess_hash",
        "ja3",
        "source",
        "type",
        "answer",
        "time_zone",
    ]
)

# A quick no for nearly all texts: fewer digits in a row than a telephone number has. A date has ten characters.
_MANY_DIGITS = re.compile(r"[0-9][0-9 -]{9}|\+[0-9]{7}|\+[0-9 ()-]{9}").search
_SHORTEST = 6  # of an address: one letter, one letter, two letters
_DIGITS = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){12,}+")
_GROUP = re.compile(r"[0-9]+")
_CARD_SIZES: Final = range(13, 20)  # ISO/IEC 7812
_CODE_DIGITS_MOST = 12  # a card number has 13 and more; of all codes in the tables none has half as many
# ISO/IEC 7812: cards begin with the industries 2 to 6, and two national schemes with 81 and 9792. Nobody issues cards
# that begin as a date of this century does, and every other order number does.
_ISSUED = re.compile(r"(?!20[0-9]{2}(?:0[1-9]|1[0-2]))[2-6]|81|9792")
# Where a card's number is followed by more digits without a blank, its length says where it ends.
_SCHEMES = (
    (re.compile(r"4|5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|35|62|6011|65"), 16),
    (re.compile(r"3[47]"), 15),
    (re.compile(r"62"), 19),
)
_IDENTITY = re.compile(
    r"(?=([1-8][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]))"
)
_EMAIL = re.compile(r"[^@\s/]+@[^@\s/]+\.[A-Za-z]{2,}")
# Mainland mobiles, with or without country code; other numbers only in the international form (ITU-T E.164).
_PHONE = re.compile(r"(?:tel:?)?(?:(?:\+|00)86)?1[3-9][0-9]{9}|(?:tel:?)?\+[1-9][0-9]{7,14}")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999, ISO 7064 mod 11-2


class Found(NamedTuple):
    """A personal value in a field; the value itself is not kept."""

    field: str
    kind: Kind


def kind_of(text: str) -> Kind | None:
    """What personal thing the text is or contains."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if "@" in text and _EMAIL.search(text):
        return "email"
    if _MANY_DIGITS(text) is None:
        return None
    if identities_in(text):
        return "identity"
    if any(holds_card(_GROUP.findall(run.group()), glued=False) for run in _DIGITS.finditer(text)):
        return "card"
    plain = text.strip().replace(" ", "").replace("-", "").replace("(", "").replace(")", "")
    return "phone" if _PHONE.fullmatch(plain) else None


def pseudonym(kind: Kind, text: str, key: bytes) -> str:
    """What stands for a personal value: its kind and 80 bits of a keyed hash (BLAKE2b)."""
    return f"{kind}~{blake2b(text.encode(), key=key[:64], digest_size=10).hexdigest()}"


def guarded(event: Event, key: bytes, plain: Collection[str]) -> tuple[Event, list[Found]]:
    """The event with pseudonyms for the personal values in its ids, and what was found.

    `plain` are fields whose values are known to be no personal data, whatever they look like (policy `privacy`).
    """
    changes: dict[str, Any] = {}
    found: list[Found] = []
    for field in _ids_of(type(event)):
        value = getattr(event, field)
        # Every event comes by here: most ids are shorter than anything personal.
        kind = kind_of(value) if value and len(value) >= _SHORTEST and field not in plain else None
        if kind is None:
            continue
        found.append(Found(field, kind))
        if field not in KEPT:
            changes[field] = pseudonym(kind, value, key)
    codes: tuple[Code, ...] = getattr(event, "codes", ())
    in_codes = [kind for code in codes for text in (code.source, code.code) if (kind := kind_in_code(text))]
    if in_codes:
        changes["codes"] = tuple(Code(source=code_text(code.source), code=code_text(code.code)) for code in codes)
        found.append(Found("codes", in_codes[0]))
    return (msgspec.structs.replace(event, **changes) if changes else event), found


def kind_in_code(text: str) -> Kind | None:
    """What personal thing a decline code, or the name of its source, is or contains.

    Stricter than an id: no code has as many digits as a card number, whatever stands between them or is wrong in them.
    """
    if len(text) < _SHORTEST:
        return None
    digits = sum(each.isdecimal() for each in unicodedata.normalize("NFKC", text))
    return kind_of(text) or ("card" if digits > _CODE_DIGITS_MOST else None)


def code_text(text: str) -> str:
    """The code, or one word for everything of its kind: nobody looks a hidden code up, and all of them are one case."""
    kind = kind_in_code(text)
    return text if kind is None else f"{kind}~hidden"


@cache
def _ids_of(kind: type[Event]) -> tuple[str, ...]:
    """The fields of an event type that hold a free text of ours to look at."""
    shape = inspect.type_info(kind)
    assert isinstance(shape, inspect.StructType)
    return tuple(field.name for field in shape.fields if field.name not in _NOT_IDS and _is_text(field.type))


def _is_text(shape: inspect.Type) -> bool:
    match shape:
        case inspect.Metadata(type=inner):
            return _is_text(inner)
        case inspect.UnionType(types=types):
            return any(_is_text(each) for each in types)
        case inspect.StrType(pattern=pattern):
            return pattern is None  # a pattern says what it is: currency, country, card range
        case _:
            return False


def is_card(run: str) -> bool:
    """Whether the digits, blanks and hyphens between them aside, are a card number (ISO/IEC 7812, Luhn)."""
    digits = run.replace(" ", "").replace("-", "")
    if not _ISSUED.match(digits) or len(set(digits)) == 1:
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def holds_card(groups: Sequence[str], *, glued: bool = True) -> bool:
    """Whether a row of groups of digits holds a card number: whole groups, or with `glued` one that ends within one.

    The work grows with the number of digits.
    """
    digits = "".join(groups)
    edges, at = {0}, 0
    for group in groups:
        at += len(group)
        edges.add(at)
    for start in sorted(edges):
        if any(start + size in edges and is_card(digits[start : start + size]) for size in _CARD_SIZES):
            return True
    return glued and any(
        scheme.match(digits, at) is not None and is_card(digits[at : at + size])
        for edge in edges
        for scheme, size in _SCHEMES
        for at in (edge, edge - size)
        if at >= 0 and at + size <= len(digits)
    )


def identities_in(text: str) -> bool:
    """Whether a Chinese resident number stands anywhere in it: it has a birthday and a check character."""
    return any(is_identity(found[1]) for found in _IDENTITY.finditer(text))


def is_identity(number: str) -> bool:
    """Whether 18 characters, digits but the last, are a Chinese resident number (GB 11643-1999, check character)."""
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], _WEIGHTS, strict=True))
    return "10X98765432"[total % 11] == number[17].upper()


# Every field that is looked at: what a policy may call plain, and a label of the metric.
FIELDS: Final = frozenset(field for kind in TYPES.values() if issubclass(kind, Event) for field in _ids_of(kind)) | {
    "codes"
}
