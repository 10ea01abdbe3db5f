"""Would a reader or writer of the last release be broken by what the contracts say now?

Two promises: every record that was valid stays valid (records decode for ever), and every field that readers could
count on stays there. Compared are the generated files, so that neither side needs the other's code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from streams.contracts.schema_writer import ASYNCAPI

Schema = Mapping[str, Any]

_LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_EXACT: Final = ("pattern", "format")
# What `_compare` understands, and what says nothing about validity. Anything else must be taught to it first.
_SHAPE: Final = ("type", "const", "enum", "anyOf", "$ref", "properties", "required", "items", "prefixItems")
_MAPS: Final = ("additionalProperties", "propertyNames")
_SILENT: Final = ("title", "description", "default", "$defs", "$id", "$schema")
_KNOWN: Final = frozenset((*_LOWER, *_UPPER, *_EXACT, *_SHAPE, *_MAPS, *_SILENT))


def breaking(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Every change from `old` to `new` (file name to text) that breaks a promise, as a sentence; empty if none does."""
    found: list[str] = []
    for name in sorted(old):
        if name == ASYNCAPI:
            continue
        tag = name.removesuffix(".json")
        if name not in new:
            found.append(f"{tag}: the type was removed")
            continue
        was, now = json.loads(old[name]), json.loads(new[name])
        found.extend(_compare(was, now, _Place(tag, was.get("$defs", {}), now.get("$defs", {}))))
    if ASYNCAPI in old:
        found.extend(_channels(json.loads(old[ASYNCAPI]), json.loads(new.get(ASYNCAPI, "{}"))))
    return found


class _Place:
    """Where in the two schemas we are, and what their references mean."""

    def __init__(self, path: str, old: Schema, new: Schema) -> None:
        self.path = path
        self._old = old
        self._new = new

    def at(self, step: str) -> _Place:
        return _Place(f"{self.path}.{step}", self._old, self._new)

    def old(self, schema: Schema) -> Schema:
        return _resolved(schema, self._old)

    def new(self, schema: Schema) -> Schema:
        return _resolved(schema, self._new)


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].rsplit("/", 1)[-1]
    rest = {key: value for key, value in schema.items() if key != "$ref"}
    return {**definitions[name], **rest}


def _compare(old: Schema, new: Schema, place: _Place) -> list[str]:
    old, new = place.old(old), place.new(new)
    strange = (old.keys() | new.keys()) - _KNOWN
    if strange:
        return [f"{place.path}: cannot compare {', '.join(sorted(strange))}; teach compatibility.py first"]
    found: list[str] = []
    if "default" in old and old["default"] != new.get("default", old["default"]):
        found.append(f"{place.path}: default changed, so old records change their meaning")
    beside = {key for schema in (old, new) if "anyOf" in schema for key in schema.keys() - {"anyOf", *_SILENT}}
    if beside:
        return [f"{place.path}: cannot compare {', '.join(sorted(beside))} beside anyOf; teach compatibility.py first"]
    if "anyOf" in old or "anyOf" in new:
        return found + _alternatives(old, new, place)
    return found + _words(old, new, place) + _bounds(old, new, place) + _parts(old, new, place)


def _alternatives(old: Schema, new: Schema, place: _Place) -> list[str]:
    choices = new.get("anyOf", [new])
    found: list[str] = []
    for branch in old.get("anyOf", [old]):
        kind = place.old(branch).get("type")
        attempts = [_compare(branch, choice, place) for choice in choices]
        if not all(attempts):
            continue
        related = [
            attempt for attempt, choice in zip(attempts, choices, strict=True) if place.new(choice).get("type") == kind
        ]
        found.extend(related[0] if related else [f"{place.path}: {kind} is no longer accepted"])
    return found


def _words(old: Schema, new: Schema, place: _Place) -> list[str]:
    was, now = _vocabulary(old), _vocabulary(new)
    if now is None:
        if was is None and old.get("type") != new.get("type") and (old.get("type"), new.get("type")) != _WIDENED:
            return [f"{place.path}: type changed from {old.get('type')} to {new.get('type')}"]
        return []
    if was is None:
        return [f"{place.path}: any {old.get('type', 'value')} was accepted, now only {_listed(now)}"]
    gone = [word for word in was if word not in now]
    return [f"{place.path}: no longer accepts {_listed(gone)}"] if gone else []


_WIDENED: Final = ("integer", "number")


def _vocabulary(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    words: list[Any] | None = schema.get("enum")
    return words


def _listed(words: list[Any]) -> str:
    return ", ".join(str(word) for word in words)


def _bounds(old: Schema, new: Schema, place: _Place) -> list[str]:
    moved = [name for name in _LOWER if name in new and (name not in old or new[name] > old[name])]
    moved += [name for name in _UPPER if name in new and (name not in old or new[name] < old[name])]
    if _vocabulary(old) is None or _vocabulary(new) is None:  # else the words decide
        moved += [name for name in _EXACT if name in new and new[name] != old.get(name)]
    return [f"{place.path}: {name} narrowed from {old.get(name, 'none')} to {new[name]}" for name in moved]


def _parts(old: Schema, new: Schema, place: _Place) -> list[str]:
    found: list[str] = []
    was, now = old.get("properties", {}), new.get("properties", {})
    for field in was:
        if field not in now:
            found.append(f"{place.path}.{field}: the field was removed")
        else:
            found.extend(_compare(was[field], now[field], place.at(field)))
    required, demanded = old.get("required", ()), new.get("required", ())
    found += [f"{place.path}.{field}: the field became required" for field in demanded if field not in required]
    optional = [field for field in required if field in now and field not in demanded]
    found += [f"{place.path}.{field}: readers counted on the field, now it is optional" for field in optional]
    slots, now_slots = old.get("prefixItems", ()), new.get("prefixItems", ())
    if len(now_slots) < len(slots):
        found.append(f"{place.path}: {len(slots) - len(now_slots)} places of the list were removed")
    for number, (slot, now_slot) in enumerate(zip(slots, now_slots, strict=False)):
        if slot.get("title") != now_slot.get("title"):
            found.append(f"{place.path}[{number}]: was {slot.get('title')}, is {now_slot.get('title')}")
        found.extend(_compare(slot, now_slot, place.at(str(slot.get("title", number)))))
    for name in ("items", "additionalProperties", "propertyNames"):
        if isinstance(new.get(name), dict):
            found.extend(_compare(old.get(name, {}), new[name], place.at(name)))
    return found


def _channels(old: Schema, new: Schema) -> list[str]:
    found: list[str] = []
    for name, channel in old["channels"].items():
        now = new.get("channels", {}).get(name)
        if now is None:
            found.append(f"topic {name}: removed")
            continue
        found.extend(
            f"topic {name}: no longer carries {tag}" for tag in channel["messages"] if tag not in now["messages"]
        )
        if channel["x-paywarden-key"] != now["x-paywarden-key"]:
            found.append(f"topic {name}: key changed from {channel['x-paywarden-key']} to {now['x-paywarden-key']}")
    return found
