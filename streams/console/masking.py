"""As what does somebody who must not see ids of people see a record?

What tells a person, a card or a device is shortened as in the lists of the pages, wherever it stands in the record; ids
of payments, orders, merchants and terminals stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from streams.adapters.case_store.activity import ENTITY_COLUMNS

_PERSONAL: Final = ("account_id", "card_token", "device_id", "ip")
# Kinds of entities that have a page: what the store has activity of, and what only cases name.
ENTITY_PAGES: Final = ("account", *ENTITY_COLUMNS, "terminal", "bin")
PERSONAL: Final = frozenset({"account", "ip", "device", "card", "payee"})  # of them: shown shortened
_TEXTS: Final = frozenset({"subject", "text", "zh", "en", "texts", "changed", "parameters", "entity"})


def masked(value: str | None) -> str:
    """An id of a person, as much of it as tells two of them apart at a glance."""
    if value is None:
        return ""
    return value if len(value) <= 4 else f"{value[:2]}…{value[-3:]}"


def masked_in(text: str, ids: Iterable[str | None]) -> str:
    """`text` with every one of `ids` in it masked."""
    for each in sorted(filter(None, ids), key=lambda each: -len(each)):
        if each in text:
            text = re.sub(rf"(?<!\w){re.escape(each)}(?!\w)", masked(each), text)
    return text


def hidden(value: str) -> str:
    """The same for programs: of a short id nothing is left."""
    return "…" if len(value) <= 6 else masked(value)


def masked_body(body: bytes) -> bytes:
    """A record as published, without ids of people."""
    record: dict[str, Any] = msgspec.json.decode(body)
    entities = record.get("entities") or {}
    found = {record.get("account_id"), *(entities.get(name) for name in _PERSONAL)}
    if record.get("owner") == "entity":
        kind, _, value = str(entities.get("entity") or "").partition("/")
        if kind in ("ip", "device", "account", "card"):
            found.add(value)
    ids = sorted(filter(None, found), key=lambda each: -len(each))
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(each)}(?!\w)" for each in ids)) if ids else None
    for holder in (record, entities):
        for name in _PERSONAL:
            if holder.get(name):
                holder[name] = hidden(holder[name])
    return msgspec.json.encode(record if pattern is None else _without(record, pattern))


def _without(value: Any, ids: re.Pattern[str], *, is_text: bool = False) -> Any:
    """`value` without `ids` in texts that people read; codes and ids of other things stay."""
    if isinstance(value, str):
        return ids.sub(lambda found: hidden(found[0]), value) if is_text else value
    if isinstance(value, list):
        return [_without(each, ids, is_text=is_text) for each in value]
    if isinstance(value, dict):
        return {name: _without(each, ids, is_text=is_text or name in _TEXTS) for name, each in value.items()}
    return value
