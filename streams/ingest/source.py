"""What does the file of a source say: which topics, which format, and where each field of the contracts comes from?

A file is checked as a whole before a single record is read: unknown keys, fields that a type does not have, required
fields that nothing fills, amounts without a unit. `SourceError` says what is wrong, where, and what to write instead.
"""

from __future__ import annotations

import difflib
import re
import tomllib
import typing
from collections.abc import Mapping
from datetime import datetime, tzinfo
from pathlib import Path as File
from typing import Any, Final, Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

import msgspec

from streams.contracts.base import Event, Watermark
from streams.contracts.payments import Code
from streams.contracts.registry import TOPICS_OF_TYPE, TYPES
from streams.contracts.topics import TOPICS, Naming, physical
from streams.core.currencies import exponent_of
from streams.ingest.paths import RECORD, ROOT, BadPath, Chain, Path
from streams.ingest.values import GROUPINGS, TIME_FORMATS, Notation

Format = Literal["json", "avro", "protobuf"]
Envelope = Literal["none", "cloudevents", "debezium"]
Kind = Literal["text", "integer", "number", "flag", "instant", "codes", "texts"]

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_TOPIC: Final = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_ENVELOPE_FIELDS: Final = ("type", "event_id", "source", "occurred_at", "account_id", "known")
# Who may write these is guarded by ACLs of their topics; a mapping would let the owner of any topic write them.
_PRIVILEGED: Final = frozenset(
    tag for tag, topics in TOPICS_OF_TYPE.items() if any(TOPICS[topic].privileged for topic in topics)
)
MAPPABLE: Final[Mapping[str, type[Event]]] = {
    tag: kind
    for tag, kind in TYPES.items()
    if issubclass(kind, Event) and kind is not Watermark and tag not in _PRIVILEGED
}


class SourceError(Exception):
    """A source file cannot be used. The message names the file, the place in it and what to write. Exit code 78."""


class Rule(NamedTuple):
    """Where one field comes from and what is done to it on the way."""

    paths: tuple[Path, ...] = ()  # the first that finds something
    constant: Any = None
    values: Mapping[str, Any] | None = None  # foreign value -> ours
    otherwise: Any = None  # where `values` has no row
    default: Any = None  # where nothing was found
    hashed: bool = False
    upper: bool = False
    absolute: bool = False
    unit: Literal["major", "minor"] | None = None
    scale: int | None = None
    notation: Notation | None = None  # of amounts that are written with separators
    time: str = "rfc3339"
    zone: tzinfo | None = None
    code_source: str = ""  # of one row of `codes`

    @property
    def where(self) -> str:
        """The expressions, for sentences."""
        return " or ".join(path.expression for path in self.paths)

    @property
    def always(self) -> bool:
        """Never without a value."""
        return self.constant is not None or self.default is not None


class Field(NamedTuple):
    """A field of one event type with its rule or, for `codes`, its rules."""

    name: str
    kind: Kind
    required: bool
    rules: tuple[Rule, ...]

    @property
    def where(self) -> str:
        return " or ".join(filter(None, (rule.where for rule in self.rules))) or "a constant"


class TypePlan(NamedTuple):
    """Everything that turns a document into an event of one type."""

    tag: str
    topic: str
    fields: tuple[Field, ...]


class Source(NamedTuple):
    """A source file, understood."""

    name: str
    topics: tuple[str, ...]
    format: Format
    envelope: Envelope
    schema_file: str  # of Avro or Protobuf without a registry; absolute, or empty
    message: str  # full name of the Protobuf message in `schema_file`
    source: str  # written into the events
    each: Path | None
    keep: Path | None
    event_id: Path | None
    account_id: Rule
    stranger: Path | None
    occurred_at: Rule
    type_rule: Rule
    ignored: frozenset[str]  # foreign types that are known and not wanted
    plans: Mapping[str, TypePlan]
    exponents: Mapping[str, int]  # of currencies whose minor unit the source counts otherwise than ISO 4217
    unmapped_ignore: tuple[Chain, ...]

    def exponent(self, currency: str) -> int:
        """Decimals of the source's own minor unit."""
        return self.exponents.get(currency, exponent_of(currency))

    def used(self) -> set[Chain]:
        """Everything of a record that some rule looks at, or that the file says is not wanted."""
        paths: list[Path] = [each for each in (self.each, self.keep, self.event_id, self.stranger) if each]
        rules = [self.account_id, self.occurred_at, self.type_rule]
        rules += [rule for plan in self.plans.values() for field in plan.fields for rule in field.rules]
        chains = {chain for rule in rules for path in rule.paths for chain in path.chains}
        inside = {chain for chain in chains if chain[:1] not in ((RECORD,), (ROOT,))}
        if self.each is not None:  # the rules look into an element
            inside = {(*start, *chain) for start in self.each.chains for chain in inside}
        inside |= {chain[1:] for chain in chains if chain[:1] == (ROOT,)}
        return inside | {chain for path in paths for chain in path.chains} | set(self.unmapped_ignore)


def load_source(file: File, called: Naming | None = None) -> Source:
    """The source that `file` describes. Raises SourceError.

    Args:
        called: how the deployment names its own topics. A source that read them would feed on what it writes.
    """
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{file} cannot be read ({error}); name a readable UTF-8 file.") from None
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"{file}: not TOML: {error}.") from None
    source = parse_source(table, str(file), file.parent)
    ours = set() if called is None else {physical(called, name) for name in TOPICS}
    if own := [topic for topic in source.topics if topic in ours]:
        raise SourceError(
            f"{file}: topics: {own[0]} is a topic of this deployment, whose events would be read again without end; "
            "name the topic of the other system."
        )
    return source


def parse_source(table: Mapping[str, Any], where: str, folder: File = File()) -> Source:
    """Check `table`, the content of a source file. Raises SourceError; `where` names the file in its message."""
    return _Parser(where, folder).source(table)


_TOP: Final = {
    "name", "topics", "format", "envelope", "schema_file", "message", "source", "each", "keep", "event_id",
    "account_id", "stranger", "occurred_at", "type", "fields", "exponents", "unmapped",
}  # fmt: skip
_RULE_KEYS: Final = {
    "path", "value", "values", "otherwise", "default", "hash", "upper", "absolute", "unit", "scale",
    "grouping", "decimal", "symbol", "time", "zone",
}  # fmt: skip


class _Parser:
    """Walks one file; every refusal leaves through `fail`."""

    def __init__(self, where: str, folder: File) -> None:
        self._where = where
        self._folder = folder
        self._zone: tzinfo | None = None
        self._time = "rfc3339"

    def fail(self, at: str, problem: str) -> typing.NoReturn:
        raise SourceError(f"{self._where}: {at}: {problem}" if at else f"{self._where}: {problem}")

    def source(self, table: Mapping[str, Any]) -> Source:
        self._known("", table, _TOP)
        name = self._text(table, "name", required=True)
        if not _NAME.fullmatch(name):
            self.fail(
                "name", "use lower-case letters, digits and dashes, at most 40: topics and groups are named after it"
            )
        file_format = self._one_of(table, "format", get_args(Format), "json")
        schema_file = self._text(table, "schema_file")
        if schema_file and file_format == "json":
            self.fail("schema_file", "only Avro and Protobuf have one; leave it out")
        occurred_at = self._occurred_at(table.get("occurred_at"))
        account_id = self._rule("account_id", table.get("account_id"), "text")
        stranger = self._path("stranger", table.get("stranger"))
        if account_id is None:
            self.fail("account_id", 'say where the account is, for example account_id = "customer.id"')
        type_rule, ignored = self._type(table.get("type"))
        tags = self._tags(type_rule)
        return Source(
            name=name,
            topics=self._topics(table.get("topics")),
            format=file_format,  # type: ignore[arg-type]
            envelope=self._one_of(table, "envelope", get_args(Envelope), "none"),  # type: ignore[arg-type]
            schema_file=str(self._folder / schema_file) if schema_file else "",
            message=self._text(table, "message"),
            source=self._text(table, "source") or name,
            each=self._path("each", table.get("each")),
            keep=self._path("keep", table.get("keep")),
            event_id=self._path("event_id", table.get("event_id")),
            account_id=account_id,
            stranger=stranger,
            occurred_at=occurred_at,
            type_rule=type_rule,
            ignored=ignored,
            plans=self._plans(table.get("fields", {}), tags),
            exponents=self._exponents(table.get("exponents", {})),
            unmapped_ignore=self._ignored_paths(table.get("unmapped", {})),
        )

    # -- the parts ---------------------------------------------------------------------------------------------------

    def _topics(self, given: Any) -> tuple[str, ...]:
        if not isinstance(given, list) or not given or not all(isinstance(each, str) for each in given):
            self.fail("topics", 'name the topics to read, for example topics = ["psp.webhooks"]')
        for each in given:
            if not _TOPIC.fullmatch(each) or each in (".", ".."):
                self.fail("topics", f"{each!r} is not a topic name for Kafka")
        if len(set(given)) < len(given):
            self.fail("topics", "a topic is named twice")
        return tuple(given)

    def _occurred_at(self, given: Any) -> Rule:
        if given is None:
            self.fail(
                "occurred_at",
                'say where the time of the event is, for example occurred_at = { path = "created", time = "unix_s" }, '
                'or occurred_at = { time = "record" } for the record\'s own time',
            )
        if isinstance(given, Mapping):
            self._zone = self._zone_of("occurred_at", given.get("zone"))
            self._time = self._time_of("occurred_at", given.get("time", "rfc3339"))
            if self._time == "record" and "path" not in given:
                return Rule(time="record")
        rule = self._rule("occurred_at", given, "instant")
        assert rule is not None
        return rule

    def _type(self, given: Any) -> tuple[Rule, frozenset[str]]:
        if isinstance(given, str):
            return Rule(constant=given), frozenset()
        if not isinstance(given, Mapping):
            self.fail(
                "type", 'one type for all records (type = "payment.succeeded.v1"), or a table with path and values'
            )
        self._known("type", given, {"path", "values", "ignore"})
        ignored = given.get("ignore", [])
        if not isinstance(ignored, list) or not all(isinstance(each, str) for each in ignored):
            self.fail("type.ignore", "a list of texts: foreign types that are not wanted")
        rule = self._rule("type", {key: given[key] for key in ("path", "values") if key in given}, "text")
        if rule is None or not rule.paths or not rule.values:
            self.fail("type", "needs path, and values that map each foreign status to one of our types")
        return rule, frozenset(ignored)

    def _tags(self, rule: Rule) -> tuple[str, ...]:
        tags = [rule.constant] if rule.values is None else list(rule.values.values())
        for tag in tags:
            if tag in _PRIVILEGED:
                self.fail(
                    "type", f"{tag} is privileged: only its own service may write it, on {TOPICS_OF_TYPE[tag][0]}"
                )
            if tag not in MAPPABLE:
                self.fail("type", f"there is no event type {tag!r}{_meant(str(tag), MAPPABLE)}")
        return tuple(dict.fromkeys(tags))

    def _plans(self, given: Any, tags: tuple[str, ...]) -> dict[str, TypePlan]:
        if not isinstance(given, Mapping):
            self.fail("fields", "a table: field of ours = where it is")
        own = {name: rules for name, rules in given.items() if name in TYPES}
        common = {name: rules for name, rules in given.items() if name not in TYPES}
        for tag in own:
            if tag not in tags:
                self.fail(f"fields.{tag!r}", "no record becomes this type; [type] does not name it")
        shapes = {tag: _shape(MAPPABLE[tag]) for tag in tags}
        everywhere = {name for shape in shapes.values() for name in shape}
        for name in common:
            if name in _ENVELOPE_FIELDS:
                self.fail(f"fields.{name}", "belongs to the top of the file, not under [fields]")
            if name not in everywhere:
                self.fail(f"fields.{name}", f"none of the types has it{_meant(name, everywhere)}")
        return {tag: self._plan(tag, shapes[tag], common, own.get(tag, {})) for tag in tags}

    def _plan(
        self, tag: str, shape: Mapping[str, tuple[Kind | None, bool]], common: Mapping[str, Any], own: Any
    ) -> TypePlan:
        if not isinstance(own, Mapping):
            self.fail(f"fields.{tag!r}", "a table: field of ours = where it is")
        fields = []
        for name, given in {**{key: each for key, each in common.items() if key in shape}, **own}.items():
            at = f"fields.{tag!r}.{name}" if name in own else f"fields.{name}"
            if name not in shape:
                self.fail(at, f"{tag} has no such field{_meant(name, shape)}")
            kind, required = shape[name]
            if kind is None:
                self.fail(at, "a field of this form cannot be mapped")
            fields.append(Field(name, kind, required, self._rules(at, name, given, kind)))
        filled = {each.name for each in fields}
        missing = [name for name, (_, required) in shape.items() if required and name not in filled]
        if missing:
            self.fail("fields", f"{tag} needs {', '.join(missing)}: say where to find it")
        # The currency is known before an amount is converted.
        fields.sort(key=lambda each: each.name != "currency")
        if any(rule.unit for each in fields for rule in each.rules) and "currency" not in filled:
            self.fail("fields.currency", f"{tag} has an amount with a unit, so it needs the currency too")
        return TypePlan(tag, TOPICS_OF_TYPE[tag][0], tuple(fields))

    def _rules(self, at: str, name: str, given: Any, kind: Kind) -> tuple[Rule, ...]:
        if kind != "codes":
            rule = self._rule(at, given, kind)
            assert rule is not None
            if name.endswith("_minor") and rule.unit is None:
                self.fail(at, 'say unit = "major" (12.34) or unit = "minor" (1234): the difference is a factor of 100')
            if not name.endswith("_minor") and (
                rule.unit or rule.scale is not None or rule.notation is not None or rule.absolute
            ):
                self.fail(at, "unit, scale, grouping, decimal, symbol and absolute belong to amounts")
            return (rule,)
        if not isinstance(given, list) or not given:
            self.fail(at, 'a list of tables: [{ source = "stripe", path = "error.decline_code" }]')
        rules = []
        for row in given:
            if not isinstance(row, Mapping) or not isinstance(row.get("source"), str):
                self.fail(at, 'each row is a table with source and path: { source = "stripe", path = "error.code" }')
            rule = self._rule(at, {key: each for key, each in row.items() if key != "source"}, "text")
            assert rule is not None
            rules.append(rule._replace(code_source=row["source"]))
        return tuple(rules)

    def _exponents(self, given: Any) -> dict[str, int]:
        if not isinstance(given, Mapping) or not all(
            re.fullmatch("[A-Z]{3}", key) and type(each) is int and 0 <= each <= 4 for key, each in given.items()
        ):
            self.fail("exponents", "currency = decimals of the source's minor unit, for example ISK = 2")
        return dict(given)

    def _ignored_paths(self, given: Any) -> tuple[Chain, ...]:
        if not isinstance(given, Mapping) or set(given) - {"ignore"} or not isinstance(given.get("ignore", []), list):
            self.fail("unmapped", "takes ignore = [paths]: fields of the source that are not wanted")
        paths = [self._path("unmapped.ignore", each) for each in given.get("ignore", [])]
        return tuple(chain for path in paths if path for chain in path.chains)

    # -- one rule ----------------------------------------------------------------------------------------------------

    def _rule(self, at: str, given: Any, kind: Kind) -> Rule | None:
        """A rule from its short form (a path) or its table."""
        if given is None:
            return None
        if isinstance(given, str):
            given = {"path": given}
        if not isinstance(given, Mapping):
            self.fail(at, 'a path ("a.b.c") or a table ({ path = "a.b.c", ... })')
        self._known(at, given, _RULE_KEYS)
        if ("path" in given) == ("value" in given):
            self.fail(at, "exactly one of path (where it is) and value (the same for all) is needed")
        expressions = given.get("path", [])
        paths = [self._path(at, each) for each in (expressions if isinstance(expressions, list) else [expressions])]
        for key in ("hash", "upper", "absolute"):
            if type(given.get(key, False)) is not bool:
                self.fail(f"{at}.{key}", "true or false")
        if kind != "text" and (given.get("hash") or given.get("upper")):
            self.fail(at, "hash and upper belong to texts")
        if kind != "instant" and ("time" in given or "zone" in given):
            self.fail(at, "time and zone belong to fields that hold a time")
        values = given.get("values")
        if values is not None and (not isinstance(values, Mapping) or not values):
            self.fail(f"{at}.values", 'a table: "their value" = "our value"')
        if values is None and "otherwise" in given:
            self.fail(f"{at}.otherwise", "is for values that the table `values` does not list; use default instead")
        scale = given.get("scale")
        if scale is not None and (type(scale) is not int or not 0 <= scale <= 20):
            self.fail(f"{at}.scale", "decimals of a binary number, 0 to 20")
        unit = given.get("unit")
        if unit not in (None, "major", "minor"):
            self.fail(f"{at}.unit", '"major" (12.34) or "minor" (1234)')
        return Rule(
            paths=tuple(path for path in paths if path),
            constant=given.get("value"),
            values=None if values is None else {str(key): each for key, each in values.items()},
            otherwise=given.get("otherwise"),
            default=given.get("default"),
            hashed=given.get("hash", False),
            upper=given.get("upper", False),
            absolute=given.get("absolute", False),
            unit=unit,
            scale=scale,
            notation=self._notation(at, given),
            time=self._time_of(at, given.get("time", self._time)) if kind == "instant" else "rfc3339",
            zone=self._zone_of(at, given["zone"]) if "zone" in given else self._zone,
        )

    def _notation(self, at: str, given: Mapping[str, Any]) -> Notation | None:
        if not {"grouping", "decimal", "symbol"} & set(given):
            return None
        grouping, mark, symbol = given.get("grouping", ""), given.get("decimal", "."), given.get("symbol", "")
        if grouping != "" and grouping not in GROUPINGS:
            self.fail(f"{at}.grouping", f"what separates thousands: one of {' '.join(map(repr, GROUPINGS))}")
        if mark not in (".", ","):
            self.fail(f"{at}.decimal", 'what stands before the decimals: "." or ","')
        if grouping == mark:
            self.fail(at, f"grouping and decimal cannot both be {mark!r}: say which decimal mark the source writes")
        if not isinstance(symbol, str) or len(symbol) > 8 or symbol != symbol.strip() or re.search("[0-9-]", symbol):
            self.fail(
                f"{at}.symbol", 'what stands beside the digits, for example "R$": at most 8 characters, no digits'
            )
        if "scale" in given:
            self.fail(at, "scale is for binary decimals, grouping, decimal and symbol for texts: only one can be true")
        return Notation(grouping, mark, symbol)

    def _path(self, at: str, given: Any) -> Path | None:
        if given is None:
            return None
        if not isinstance(given, str) or not given.strip():
            self.fail(at, "a path is a text in JMESPath, for example data.object.id")
        try:
            return Path(given)
        except BadPath as error:
            self.fail(at, f"{given!r} is not JMESPath: {error}")

    def _time_of(self, at: str, given: Any) -> str:
        if given in TIME_FORMATS:
            return str(given)
        if not isinstance(given, str) or "%" not in given:
            self.fail(f"{at}.time", f"one of {', '.join(TIME_FORMATS)}, or a pattern like %Y-%m-%d %H:%M:%S")
        try:
            datetime.strptime("", given)  # noqa: DTZ007 - nothing is parsed: an empty text fits no pattern
        except ValueError as error:
            if "directive" in str(error) or "stray" in str(error):
                self.fail(f"{at}.time", f"{given!r} is no pattern of strptime: {error}")
        return given

    def _zone_of(self, at: str, given: Any) -> tzinfo | None:
        if given is None:
            return None
        try:
            return ZoneInfo(given)
        except (OSError, ValueError, KeyError, TypeError):
            self.fail(f"{at}.zone", f"this system knows no time zone {given!r}; use an IANA name like Asia/Shanghai")

    def _known(self, at: str, given: Mapping[str, Any], keys: set[str]) -> None:
        for key in given:
            if key not in keys:
                self.fail(at, f"there is no {key!r} here{_meant(key, keys)}")

    def _text(self, table: Mapping[str, Any], key: str, *, required: bool = False) -> str:
        given = table.get(key, "")
        if not isinstance(given, str) or (required and not given):
            self.fail(key, "a text is needed")
        return given

    def _one_of(self, table: Mapping[str, Any], key: str, allowed: tuple[str, ...], default: str) -> str:
        given = table.get(key, default)
        if given not in allowed:
            self.fail(key, f"one of {', '.join(allowed)}")
        return str(given)


def _meant(given: str, known: typing.Iterable[str]) -> str:
    close = difflib.get_close_matches(given, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _shape(kind: type[Event]) -> dict[str, tuple[Kind | None, bool]]:
    """Fields of an event type beyond the envelope: what they hold, and whether they must be there."""
    hints = typing.get_type_hints(kind)
    required = {each.name for each in msgspec.structs.fields(kind) if each.required}
    return {name: (_kind_of(hint), name in required) for name, hint in hints.items() if name not in _ENVELOPE_FIELDS}


_KIND_OF: Final[dict[Any, Kind]] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "flag",
    datetime: "instant",
    tuple[str, ...]: "texts",
    tuple[Code, ...]: "codes",
}


def _kind_of(hint: Any) -> Kind | None:
    """What a field with this type holds, or None for what no rule can fill. `hint` is without constraints."""
    if typing.get_origin(hint) is Literal:
        return "text"
    plain = [each for each in typing.get_args(hint) if each is not type(None)]
    if type(None) in typing.get_args(hint) and len(plain) == 1:
        return _kind_of(plain[0])
    return _KIND_OF.get(hint)
