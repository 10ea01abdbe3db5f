"""Whom or what did the business put on a list, and which rule did it silence for whom?

`[[list]]` tables hold values of one field with an expiry each: a listed value is a hit with the list's outcome, and a
list of outcome `allow` silences rules and model for its values, all but other lists. `[[snooze]]` tables silence one
rule, in all of its bands, for one value until a date. Expiry is event time, so a replay agrees. Silenced hits stay on
the decision, marked, because what was not acted upon is still worth reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from streams.contracts.base import Id, ShortText, to_ms
from streams.contracts.decisions import Hit
from streams.core.addresses import address_of, plainly
from streams.core.entities.context import reference
from streams.core.risk import BLOCK_KIND, RiskView
from streams.core.rules.declared import RuleMode, Slug
from streams.core.rules.field_values import network_of, value_problem
from streams.core.sections import OutcomeLabel, Problem, Section

Listed = Literal[
    "account_id",
    "app_version",
    "bin",
    "card_token",
    "counterparty_id",
    "country",
    "device_id",
    "ip",
    "issuer_id",
    "mcc",
    "merchant_id",
    "terminal_id",
    "user_agent",
]
PREFIX = "list-"  # of the rule id of a list: list-mules/01
REASON = "R24"
BLOCKED_NAME = "blocked-"  # what operators have blocked is a list for each kind of entity: list-blocked-ip/01
# Which field of an event names what may be blocked.
BLOCKED_FIELDS: dict[str, str] = {
    "ip": "ip",
    "device": "device_id",
    "card": "card_token",
    "payee": "counterparty_id",
    "merchant": "merchant_id",
}
_BLOCKED = tuple((kind, field, f"{kind}/") for kind, field in BLOCKED_FIELDS.items())
_SHORT = 100  # with its kind a value of this length is still an id as the wire has them
LISTS_MAX = 100
SNOOZES_MAX = 1_000
ENTRIES_MAX = 50_000  # of one list: 50,000 values and dates are about 10 MB


class Entry(Section, frozen=True, kw_only=True):
    """One value of a list. `ip` values may be networks, like 203.0.113.0/24."""

    value: Id
    until: datetime | None = None  # from this event time on it is not listed any more; absent: it stays
    why: ShortText = ""


class List(Section, frozen=True, kw_only=True):
    """One table `[[list]]`."""

    name: Slug
    field: Listed
    outcome: OutcomeLabel  # allow silences everything but other lists
    mode: RuleMode
    entries: Annotated[tuple[Entry, ...], Meta(max_length=ENTRIES_MAX)]

    def problems(self) -> Iterator[Problem]:
        """What types cannot refuse."""
        if self.name.startswith(BLOCKED_NAME):
            yield Problem(f"names from {BLOCKED_NAME} on are those of what people block", "name", "choose another one")
        seen: set[str] = set()
        for entry in self.entries:
            if entry.until is not None and entry.until.tzinfo is None:
                yield Problem(
                    f"entry {entry.value!r} has a time without an offset",
                    "entries",
                    "write it like 2026-01-01T00:00:00Z",
                )
            if (problem := value_problem(self.field, entry.value)) is not None:
                yield Problem(problem, "entries", "correct it")
                continue
            value = str(network_of(entry.value)) if self.field == "ip" else entry.value
            if value in seen:
                yield Problem(f"{entry.value!r} is listed twice", "entries", "keep one entry per value")
            seen.add(value)


class Snooze(Section, frozen=True, kw_only=True):
    """One table `[[snooze]]`: this rule, in all of its bands, does not count for this value until then."""

    rule: Slug  # of a rule in Python or of a declared one
    field: Listed
    value: Id
    until: datetime
    why: Annotated[str, Meta(min_length=1, max_length=256)]

    def problems(self) -> Iterator[Problem]:
        """What types cannot refuse."""
        if self.until.tzinfo is None:
            yield Problem("a time without an offset", "until", "write it like 2026-01-01T00:00:00Z")
        if (problem := value_problem(self.field, self.value)) is not None:
            yield Problem(problem, "value", "correct it")


_FOREVER_MS = 2**63 - 1


class _Values:
    """The values of one list, or the one of a snooze, with the event time from which each does not count any more."""

    __slots__ = ("_exact", "_networks")

    def __init__(self, values: Iterator[tuple[str, datetime | None]], field: str) -> None:
        self._exact: dict[str, int] = {}
        self._networks: dict[tuple[int, int], dict[int, int]] = {}  # (IP version, prefix length) -> prefix -> until
        for value, until in values:
            until_ms = _FOREVER_MS if until is None else to_ms(until)
            if field == "ip":
                network = network_of(value)
                prefixes = self._networks.setdefault((network.version, network.prefixlen), {})
                prefixes[int(network.network_address)] = until_ms
            else:
                self._exact[value] = until_ms

    def has(self, value: str, at_ms: int) -> bool:
        if not self._networks:
            return self._exact.get(value, 0) > at_ms
        try:
            address = address_of(value)
        except ValueError:
            return False
        number = int(address)
        for (version, length), prefixes in self._networks.items():
            if version == address.version:
                host_bits = address.max_prefixlen - length
                if prefixes.get(number >> host_bits << host_bits, 0) > at_ms:
                    return True
        return False


class Lists:
    """All lists and snoozes of a policy, ready to be asked; empty ones cost one look."""

    __slots__ = ("_lists", "_snoozes")

    def __init__(self, lists: tuple[List, ...], snoozes: tuple[Snooze, ...]) -> None:
        self._lists = tuple(
            (each.field, _Values(((entry.value, entry.until) for entry in each.entries), each.field), _hit_of(each))
            for each in lists
            if each.mode != "off"
        )
        self._snoozes = tuple(
            (each.field, _Values(iter([(each.value, each.until)]), each.field), each.rule) for each in snoozes
        )

    def __bool__(self) -> bool:
        return bool(self._lists or self._snoozes)

    def listed(self, event: object, at_ms: int) -> tuple[Hit, ...]:
        """One hit per list that holds a value of the event."""
        return tuple(
            hit
            for field, values, hit in self._lists
            if (value := getattr(event, field, None)) is not None and values.has(value, at_ms)
        )

    def snoozed(self, event: object, at_ms: int) -> frozenset[str]:
        """Slugs of the rules that do not count for this event."""
        return frozenset(
            slug
            for field, values, slug in self._snoozes
            if (value := getattr(event, field, None)) is not None and values.has(value, at_ms)
        )


def _hit_of(each: List) -> Hit:
    return Hit(rule=f"{PREFIX}{each.name}/01", outcome=each.outcome, reasons=(REASON,), shadow=each.mode == "observe")


def blocked(event: object, at_ms: int, look: RiskView, outcome: OutcomeLabel) -> tuple[Hit, ...]:
    """One hit for each entity of the event that an operator has blocked at its time."""
    hits: list[Hit] | None = None
    for kind, field, prefix in _BLOCKED:  # for every event, so nothing is made where nothing is blocked
        value = getattr(event, field, None)
        if value is None:
            continue
        if kind == "ip":
            value = plainly(value)
        fact = look(BLOCK_KIND, prefix + value if len(value) < _SHORT else reference(kind, value), at_ms)
        if fact is not None and fact.level:
            hit = Hit(rule=f"{PREFIX}{BLOCKED_NAME}{kind}/01", outcome=outcome, reasons=(REASON,))
            hits = [hit] if hits is None else [*hits, hit]
    return () if hits is None else tuple(hits)


def after_lists(hits: tuple[Hit, ...], listed: tuple[Hit, ...], snoozed: frozenset[str]) -> tuple[Hit, ...]:
    """The rules' hits, silenced where lists or snoozes say so, and the lists' own hits after them."""
    allowed = is_allowed(listed)
    return (
        tuple(
            msgspec.structs.replace(hit, shadow=True, silenced=True) if allowed or lineage(hit.rule) in snoozed else hit
            for hit in hits
        )
        + listed
    )


def is_allowed(hits: tuple[Hit, ...]) -> bool:
    """Whether a list that counts lets the event pass, whatever rules and model say."""
    return any(hit.outcome == "allow" and not hit.shadow and hit.rule.startswith(PREFIX) for hit in hits)


def lineage(rule: str) -> str:
    """The rule without its band: of `velocity/02` `velocity`."""
    return rule.rpartition("/")[0]
