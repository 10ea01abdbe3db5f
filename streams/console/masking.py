"""As what does somebody who must not see ids of people see a record?

What tells a person, a card or a device is shortened as in the lists of the pages, wherever it stands in the record, and
what looks like a card, a telephone, an address or a code is not shown at all; ids of payments, orders, merchants and
terminals stay, unless they are such a thing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final

import msgspec

from streams.adapters.case_store.activity import ENTITY_COLUMNS
from streams.adapters.case_store.linked import Act
from streams.adapters.case_store.store import decode_case
from streams.adapters.case_store.words import searchable
from streams.core.entities.threat import exposed_text
from streams.core.intake import masking as intake
from streams.core.personal import kind_of

_PERSONAL: Final = ("account_id", "card_token", "device_id", "ip", "payee_id", "counterparty_id")
# Kinds of entities that have a page: what the store has activity of, and what only cases name.
ENTITY_PAGES: Final = ("account", *ENTITY_COLUMNS, "terminal", "bin")
PERSONAL: Final = frozenset({"account", "ip", "device", "card", "payee"})  # of them: shown shortened
_TEXTS: Final = frozenset({"subject", "text", "zh", "en", "texts", "changed", "parameters", "entity"})
# Of whoever sent the event: they should tell nobody, and sometimes do.
_OF_OTHERS: Final = frozenset({"event_id", "payment_id", "order_id", "merchant_id", "terminal_id"})
_SHORT: Final = 6  # characters: of so few any part tells too much
_ADDRESS: Final = re.compile(
    r"(?<![A-Za-z0-9_.:])(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f.]*(?::[0-9A-Fa-f.]*){2,7})(?![A-Za-z0-9_:])"
)
_PLACES: Final = 0xE000  # characters (private use) that stand for addresses while a text is folded and looked at
_MOST_PLACES: Final = 4_096
_PLACE: Final = re.compile("[\ue000-\uefff]")
_EXPOSED: Final = exposed_text("")  # begins the only line that names somebody whom its case does not


def masked(value: str | None) -> str:
    """An id of a person, as much of it as tells two of them apart at a glance; of a short one nothing."""
    if value is None:
        return ""
    return "…" if len(value) <= _SHORT else f"{value[:2]}…{value[-3:]}"


def masked_in(text: str, ids: Iterable[str | None] = ()) -> str:
    """`text` with every one of `ids` in it masked, and with what looks like personal data hidden."""
    return _masked_text(text, _pattern(frozenset(ids)))


def masked_body(body: bytes) -> bytes:
    """A record as published, without ids of people."""
    record: dict[str, Any] = msgspec.json.decode(body)
    return msgspec.json.encode(_masked(record, _pattern(frozenset(_people_in(record)))))


def shown_words(body: bytes) -> str:
    """The words of a case that somebody who sees shortened ids only can read, as the search has them."""
    case = decode_case(body)
    shown = _masked(msgspec.to_builtins(case), _pattern(people_in(case)))
    replace = msgspec.structs.replace
    return searchable(
        replace(
            case,
            subject=shown["subject"],
            entities=replace(case.entities, **shown.get("entities", {})),
            evidence=tuple(
                replace(line, text=said["text"])
                for line, said in zip(case.evidence, shown.get("evidence", ()), strict=True)
            ),
            messages=tuple(
                replace(each, zh=said["zh"], en=said["en"])
                for each, said in zip(case.messages, shown.get("messages", ()), strict=True)
            ),
        )
    )


def people_in(record: Any) -> frozenset[str]:
    """Ids of people, cards and devices that a record names in fields of its own."""
    return frozenset(_people_in(msgspec.to_builtins(record)))


def people_of(acts: Iterable[Act]) -> frozenset[str]:
    """The same of what happened."""
    found = {each for act in acts for each in (act.account_id, act.device_id, act.ip, act.card_token, act.payee_id)}
    # What was done to an entity stands under the entity's own name, kind/value.
    found |= {each.partition("/")[2] for each in found if each is not None and each.partition("/")[0] in PERSONAL}
    return frozenset(filter(None, found))


def _people_in(value: Any) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for each in value:
            yield from _people_in(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name in _PERSONAL and isinstance(each, str):
                yield each
            elif name in ("entity", "subject") and isinstance(each, str):
                kind, _, named = each.partition("/")
                if kind in PERSONAL:
                    yield named
            else:
                yield from _people_in(each)


@lru_cache(maxsize=16)  # a page asks for each of its lines
def _pattern(ids: frozenset[str | None]) -> re.Pattern[str] | None:
    """What finds any of them. An id ends where no letter or digit of its own script follows: 李雷付款, not Canada."""
    whole = {each for each in ids if each}
    folded = {unicodedata.normalize("NFKC", each) for each in whole}  # as a text has them in which something was hidden
    known = sorted(whole | folded, key=lambda each: (-len(each), each))
    if not known:
        return None
    return re.compile("|".join(f"{_edge(each[0], '<!')}{re.escape(each)}{_edge(each[-1], '!')}" for each in known))


def _edge(character: str, look: str) -> str:
    return f"(?{look}[A-Za-z0-9_])" if character.isascii() else ""


def exposed_in(text: str) -> str | None:
    """The account that a line of an attack's case says the attacker got into; None for every other line."""
    return text.removeprefix(_EXPOSED) or None if text.startswith(_EXPOSED) else None


def _masked_text(text: str, ids: re.Pattern[str] | None) -> str:
    exposed = exposed_in(text)
    if exposed is not None:  # "password" beside the digits of an id is no code
        return f"{_EXPOSED}{masked(exposed)}"
    # Before telephones and codes are looked for: 198.18.163.102 has eleven digits, and may stand beside "password".
    addresses: list[str] = []

    def set_aside(found: re.Match[str]) -> str:
        shown = _address(found)
        if shown == found[0] or len(addresses) == _MOST_PLACES:
            return shown
        addresses.append(shown)
        return chr(_PLACES + len(addresses) - 1)

    hidden = intake.masked(_ADDRESS.sub(set_aside, _PLACE.sub("", text)))
    if hidden.kinds:  # what has nothing in it keeps its own commas
        text = hidden.text
    else:
        addresses.clear()
        text = _ADDRESS.sub(_address, text)
    text = _PLACE.sub(lambda found: addresses[ord(found[0]) - _PLACES] if addresses else found[0], text)
    return text if ids is None else ids.sub(lambda found: masked(found[0]), text)


def _address(found: re.Match[str]) -> str:
    try:
        ip_address(found[0])
    except ValueError:
        return found[0]
    return masked(found[0])


def _masked(value: Any, ids: re.Pattern[str] | None, name: str = "") -> Any:
    """`value` of the field `name`; codes and ids of our own stay."""
    if isinstance(value, list | tuple):
        return [_masked(each, ids, name) for each in value]
    if isinstance(value, dict):
        # Everything within a text is text: parameters and languages have names of their own.
        return {key: _masked(each, ids, name if name in _TEXTS else key) for key, each in value.items()}
    if not isinstance(value, str):
        return value
    if name in _PERSONAL:
        return masked(value)
    if name in _TEXTS:
        return _masked_text(value, ids)
    if name in _OF_OTHERS:
        shown = value if ids is None else ids.sub(lambda found: masked(found[0]), value)
        return masked(shown) if kind_of(shown) is not None else shown
    return value
