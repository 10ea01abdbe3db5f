"""Which canonical events is one foreign record, or which of its fields stands in the way?

Pure: a document and what Kafka knows about its record in, events or a refusal out. A record is mapped as a whole: if
one of several events in it cannot be read, none is written, so that feeding it again later writes each of them once.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from streams.contracts.base import to_ms
from streams.contracts.registry import ANONYMOUS, Refusal, RefusalReason, decode, encode, headers_of, refusal
from streams.core.currencies import WITH_MINOR_UNIT, exponent_of
from streams.ingest.paths import RECORD, ROOT
from streams.ingest.source import Field, Rule, Source, TypePlan
from streams.ingest.values import KINDS, Unusable, decimal, flaw_of, instant, looks_like_card_number, minor_units, text

_PLACE: Final = re.compile(r"`\$\.([a-z_]+)|field `([a-z_]+)`")
_encode: Final = msgspec.json.Encoder().encode


class Facts(NamedTuple):
    """What Kafka knows about a record, for paths that begin with `_record`."""

    topic: str
    key: bytes | None
    timestamp_ms: int
    headers: tuple[tuple[str, bytes | None], ...] = ()

    def document(self) -> dict[str, Any]:
        return {
            "topic": self.topic,
            "key": None if self.key is None else self.key.decode(errors="replace"),
            "timestamp_ms": self.timestamp_ms,
            "headers": {
                name: None if value is None else value.decode(errors="replace") for name, value in self.headers
            },
        }


class Mapped(NamedTuple):
    """One event, ready to be written."""

    topic: str
    key: bytes
    value: bytes
    at_ms: int
    headers: tuple[tuple[str, bytes], ...]


class _Stop(Exception):
    """Carries a refusal out of the depth of one event."""

    def __init__(self, reason: RefusalReason, detail: str) -> None:
        super().__init__(detail)
        self.refusal = refusal(reason, detail)


class Mapper:
    """Follows one source file.

    Args:
        key: of the keyed hash behind pseudonyms; needed only if the file asks for one (`needs_key`).
    """

    def __init__(self, source: Source, key: str = "") -> None:
        self.source = source
        self._key = key.encode()[:64]
        rules = [source.account_id, source.occurred_at, source.type_rule]
        rules += [rule for plan in source.plans.values() for field in plan.fields for rule in field.rules]
        paths = [path for rule in rules for path in rule.paths]
        paths += [path for path in (source.each, source.keep, source.event_id, source.stranger) if path]
        self._wants_record = any(RECORD in path.roots for path in paths)
        self._wants_root = any(ROOT in path.roots for path in paths)

    def map(self, document: Any, raw: bytes, facts: Facts) -> list[Mapped] | Refusal:
        """The events in `document`; an empty list if the file does not want the record. Never raises for bad data.

        Args:
            raw: the bytes that the document was decoded from; ids of records without one are hashes of them.
        """
        if not isinstance(document, dict):
            return refusal("not_an_event", "not an object with fields")
        source = self.source
        if self._wants_record:
            document = {**document, RECORD: facts.document()}
        if source.keep is not None and not source.keep.find(document):
            return []
        items = self._items(document)
        if items is None:
            return refusal("missing_field", f"each: no list at {source.each.expression}")  # type: ignore[union-attr]
        mapped: list[Mapped] = []
        for number, item in enumerate(items):
            try:
                found = self._event(item, number, raw, facts)
            except _Stop as stop:
                if source.each is None:
                    return stop.refusal
                return refusal(stop.refusal.reason, f"element {number}: {stop.refusal.detail}")
            if found is not None:
                mapped.append(found)
        return mapped

    def _items(self, document: dict[str, Any]) -> list[Any] | None:
        each = self.source.each
        if each is None:
            return [document]
        found = each.find(document)
        if not isinstance(found, list):
            return None
        extra = {RECORD: document[RECORD]} if self._wants_record else {}
        if self._wants_root:
            extra[ROOT] = document
        return [{**item, **extra} if isinstance(item, dict) and extra else item for item in found]

    def _event(self, item: Any, number: int, raw: bytes, facts: Facts) -> Mapped | None:
        if not isinstance(item, dict):
            raise _Stop("not_an_event", "not an object with fields")
        tag = self._tag(item)
        if tag is None:
            return None
        source, plan = self.source, self.source.plans[tag]
        account_id, known = self._account(item)
        fields: dict[str, Any] = {
            "type": tag,
            "event_id": self._event_id(item, number, raw),
            "source": source.source,
            "occurred_at": self._instant("occurred_at", source.occurred_at, item, facts),
            "account_id": account_id,
        }
        if not known:
            fields["known"] = False
        currency = ""
        for field in plan.fields:
            value = self._field(field, item, currency, facts)
            if value is None:
                if field.required:
                    raise _Stop("missing_field", f"{field.name}: nothing at {field.where}")
                continue
            fields[field.name] = value
            if field.name == "currency":
                currency = value
        return self._checked(plan, fields)

    def _checked(self, plan: TypePlan, fields: dict[str, Any]) -> Mapped:
        """The contract has the last word: what it would refuse from anybody is refused here, with the field's path."""
        event = decode(plan.topic, _encode(fields))
        if type(event) is Refusal:
            where = _PLACE.search(event.detail)
            name = (where.group(1) or where.group(2)) if where else ""
            path = next((field.where for field in plan.fields if field.name == name), self._where_of(name))
            place = f"{name} from {path}: " if path else f"{name}: " if name else ""
            raise _Stop(event.reason, place + event.detail.removeprefix(f"{plan.tag}: "))
        return Mapped(plan.topic, event.account_id.encode(), encode(event), to_ms(event.occurred_at), headers_of(event))

    def _where_of(self, name: str) -> str:
        """Where a field of the envelope comes from."""
        source = self.source
        places = {"account_id": source.account_id.where, "occurred_at": source.occurred_at.where}
        return places.get(name, source.event_id.expression if name == "event_id" and source.event_id else "")

    # -- the envelope ------------------------------------------------------------------------------------------------

    def _tag(self, item: dict[str, Any]) -> str | None:
        """The event type, or None for one that the file does not want."""
        rule = self.source.type_rule
        if rule.values is None:
            return str(rule.constant)
        status = _named_word("type", _first(rule, item), rule.where)
        if status is None:
            raise _Stop("missing_field", f"type: nothing at {rule.where}")
        tag = rule.values.get(status)
        if tag is None and status not in self.source.ignored:
            raise _Stop("unknown_type", f"type: a value at {rule.where} that neither values nor ignore lists")
        return tag

    def _account(self, item: dict[str, Any]) -> tuple[str, bool]:
        rule, stranger = self.source.account_id, self.source.stranger
        found = self._text("account_id", rule, item)
        if found is not None:
            return found, True
        if stranger is None:
            raise _Stop("missing_field", f"account_id: nothing at {rule.where}")
        who = _named_word("account_id", stranger.find(item), stranger.expression)
        if who is None:
            raise _Stop("missing_field", f"account_id: nothing at {rule.where}, nor at {stranger.expression}")
        return ANONYMOUS + self._pseudonym(who), False

    def _event_id(self, item: dict[str, Any], number: int, raw: bytes) -> str:
        path = self.source.event_id
        if path is None:
            return blake2b(f"{self.source.name}\x00{number}\x00".encode() + raw, digest_size=16).hexdigest()
        found = _named_word("event_id", path.find(item), path.expression)
        if found is None:
            raise _Stop("missing_field", f"event_id: nothing at {path.expression}")
        if flaw := flaw_of("event_id", found):
            raise _Stop("out_of_range", f"event_id from {path.expression}: {flaw}")
        return found

    # -- fields ------------------------------------------------------------------------------------------------------

    def _field(self, field: Field, item: dict[str, Any], currency: str, facts: Facts) -> Any:
        rule = field.rules[0]
        match field.kind:
            case "instant":
                return self._instant(field.name, rule, item, facts)
            case "codes":
                found = ((each.code_source, self._text(field.name, each, item)) for each in field.rules)
                return [{"source": source, "code": code} for source, code in found if code is not None] or None
            case "text":
                return self._text(field.name, rule, item)
            case "texts":
                return self._texts(field.name, rule, item)
            case _:
                value = self._translated(field.name, rule, item)
                if value is None:
                    return None
                try:
                    if rule.unit is not None:
                        return self._amount(rule, value, currency)
                    return KINDS[field.kind](value)
                except Unusable as error:
                    raise _Stop(error.reason, f"{field.name} from {field.where}: {error}") from None  # type: ignore[arg-type]

    def _amount(self, rule: Rule, value: Any, currency: str) -> int:
        if not currency:
            raise Unusable("missing_field", "an amount without its currency")
        if rule.unit == "major" and currency not in WITH_MINOR_UNIT and currency not in self.source.exponents:
            raise Unusable("out_of_range", "its currency is none of ISO 4217, so nobody knows how many decimals it has")
        exact = decimal(value, rule.scale, rule.notation)
        source = self.source
        given = 0 if rule.unit == "major" else source.exponent(currency)
        amount = minor_units(exact, given, exponent_of(currency))
        return abs(amount) if rule.absolute else amount

    def _instant(self, name: str, rule: Rule, item: dict[str, Any], facts: Facts) -> Any:
        value = self._translated(name, rule, item)
        if value is None and rule.time != "record":
            if name == "occurred_at":
                raise _Stop("missing_field", f"occurred_at: nothing at {rule.where}")
            return None
        try:
            return instant(value, rule.time, rule.zone, facts.timestamp_ms)
        except Unusable as error:
            raise _Stop(error.reason, f"{name} from {rule.where}: {error}") from None  # type: ignore[arg-type]

    def _text(self, name: str, rule: Rule, item: dict[str, Any]) -> str | None:
        value = self._translated(name, rule, item)
        if value is None:
            return None
        try:
            found = text(value)
        except Unusable as error:
            raise _Stop(error.reason, f"{name} from {rule.where}: {error}") from None  # type: ignore[arg-type]
        if name == "card_token" and not rule.hashed and looks_like_card_number(found):
            raise _Stop("out_of_range", f"card_token from {rule.where}: looks like a card number; map a token")
        if not rule.hashed and (flaw := flaw_of(name, found)):
            raise _Stop("out_of_range", f"{name} from {rule.where or 'a constant'}: {flaw}")
        if rule.upper:
            found = found.upper()
        return self._pseudonym(found) if rule.hashed else found

    def _texts(self, name: str, rule: Rule, item: dict[str, Any]) -> list[str] | None:
        value = self._translated(name, rule, item)
        if value is None:
            return None
        try:
            return [text(each) for each in value] if isinstance(value, list | tuple) else [text(value)]
        except Unusable as error:
            raise _Stop(error.reason, f"{name} from {rule.where}: {error}") from None  # type: ignore[arg-type]

    def _translated(self, name: str, rule: Rule, item: dict[str, Any]) -> Any:
        """What the paths find, by way of the value map; None if there is nothing."""
        if rule.constant is not None:
            return rule.constant
        value = _first(rule, item)
        if value is None:
            return rule.default
        if rule.values is None:
            return value
        found = rule.values.get(_word(value) or "", rule.otherwise)
        if found is None:
            raise _Stop("unmapped_value", f"{name} from {rule.where}: a value that its table `values` does not list")
        return found

    def _pseudonym(self, value: str) -> str:
        return blake2b(value.encode(), digest_size=16, key=self._key).hexdigest()


def needs_key(source: Source) -> bool:
    """Does the file turn anything into a pseudonym?"""
    rules = [
        source.account_id,
        *(rule for plan in source.plans.values() for each in plan.fields for rule in each.rules),
    ]
    return source.stranger is not None or any(rule.hashed for rule in rules)


def _first(rule: Rule, item: dict[str, Any]) -> Any:
    for path in rule.paths:
        value = path.find(item)
        if value is not None and value != "":  # many systems write "" for nothing
            return value
    return None


def _named_word(name: str, value: Any, where: str) -> str | None:
    """The value as a word, or None if there is nothing. What is there and no word is refused."""
    word = _word(value)
    if word is None and value is not None and value != "":
        raise _Stop("wrong_type", f"{name} from {where}: neither a text nor a whole number")
    return word


def _word(value: Any) -> str | None:
    """A value as a word of a table: `true`, `0`, `paid`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int | UUID) else None
