"""What in this policy is allowed, and still most probably not what its author meant?

Nothing here refuses a policy: an entry that has ended is legal, and so is a rule that always fires. It is told to the
person who is about to publish, while it still costs nothing.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

import msgspec

from streams.contracts.base import from_ms, to_ms
from streams.core.features import FEATURES, Features
from streams.core.policy import Policy
from streams.core.rules.declared import DeclaredRule
from streams.core.rules.expression import WORDS, Condition, parse_condition
from streams.core.rules.field_values import network_of
from streams.core.rules.lists import List

# A condition is asked about made-up events with every combination of these values and those near its own numbers. What
# holds for all of them is no condition, what holds for none never fires.
_NUMBERS: Final = (0.0, 1.0, 1e9)  # no feature is negative
_COMBINATIONS_MOST: Final = 6_000
# A network of fewer bits holds more addresses than any customer or partner has.
_SHORTEST: Final = {4: 8, 6: 20}
# Fields whose values many customers share, and those that the customer's own software tells.
_SHARED: Final = ("country", "mcc", "issuer_id", "bin")
_CLAIMED: Final = ("user_agent", "app_version")
_LONGEST_MS: Final = 400 * 86_400_000

_STRING: Final = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_NUMBER: Final = re.compile(r"(?<![a-z0-9_])[0-9]+(?:\.[0-9]+)?")
_ARITHMETIC: Final = re.compile(r"[+*/]|[a-z0-9)] *-")  # its results lie elsewhere than its numbers
_SPECS: Final = {spec.name: spec for spec in FEATURES}


class Doubt(NamedTuple):
    """One thing to look at again: the key, what is strange about it, what to do."""

    where: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"policy key {self.where}: {self.what}; {self.remedy}."


def doubts(policy: Policy, at_ms: int) -> Iterator[Doubt]:
    """What would have no effect from event time `at_ms` on, or an effect on everybody."""
    from_then = max(at_ms, to_ms(policy.effective_at))
    for snooze in policy.snoozes:
        where = f"snooze.{snooze.rule}"
        yield from _of_reach(where, snooze.field, (snooze.value,), f"{snooze.rule} is silenced")
        yield from _of_end(where, (snooze.until,), from_then)
    for each in policy.lists:
        yield from _of_list(each, from_then)
    for rule in policy.declared:
        yield from _of_rule(rule)


def _of_list(each: List, from_then: int) -> Iterator[Doubt]:
    where = f"list.{each.name}"
    if not each.entries:
        yield Doubt(where, "it has no entries", "add some or remove it")
    ends = [entry.until for entry in each.entries if entry.until is not None]
    silences = each.outcome == "allow" and each.mode == "enforce"
    yield from _of_end(where, ends, from_then, of=len(each.entries), far=silences)
    if silences:
        values = [entry.value for entry in each.entries]
        yield from _of_reach(where, each.field, values, "every rule and the model are silenced")
        if endless := len(each.entries) - len(ends):
            yield Doubt(
                where,
                f"{endless:,} entries silence every rule and the model for ever",
                "give each a time (`until`) at which somebody looks again",
            )
    elif each.field == "ip":
        yield from _of_reach(where, each.field, [entry.value for entry in each.entries], "they are listed")


def _of_reach(where: str, field: str, values: Sequence[str], what: str) -> Iterator[Doubt]:
    """Does it meet far more people than anybody can have meant?"""
    if field in _SHARED:
        yield Doubt(where, f"{what} for everybody with that {field}", "name accounts or merchants")
    if field in _CLAIMED:
        yield Doubt(where, f"{what} for whoever sends that {field}, and anybody can", "name accounts or devices")
    if field == "ip":
        for value in values:
            network = network_of(value)
            if network.prefixlen < _SHORTEST[network.version]:
                yield Doubt(where, f"{value} is a great part of the internet", "name smaller networks")


def _of_end(where: str, ends: Sequence[datetime], from_then: int, *, of: int = 0, far: bool = True) -> Iterator[Doubt]:
    """Has it ended, or does it end so late that nobody will remember?"""
    past = [end for end in ends if to_ms(end) <= from_then]
    if past and of:
        last = max(past).isoformat()
        yield Doubt(
            where,
            f"{len(past):,} of {of:,} entries ended, the last of them at {last}",
            "give them later times or remove them",
        )
    elif past:
        yield Doubt(where, f"it ended at {max(past).isoformat()}", "give a later time or remove it")
    late = [end for end in ends if to_ms(end) > from_then + _LONGEST_MS]
    if far and late:
        after = from_ms(from_then + _LONGEST_MS).date().isoformat()
        yield Doubt(where, f"it lasts until {max(late).date().isoformat()}", f"let somebody look again before {after}")


def _of_rule(rule: DeclaredRule) -> Iterator[Doubt]:
    where = f"rule.{rule.name}"
    if rule.mode == "off":
        yield Doubt(where, "its mode is off, so it is never asked", "observe with it, or remove it")
    for text in rule.when:
        answers = _answers(text, parse_condition(text))
        if answers == {True}:
            yield Doubt(f"{where}.when", f"`{text}` holds for whatever happens", "say what is unusual about the events")
        elif answers and True not in answers and not _ARITHMETIC.search(_STRING.sub(" ", text)):
            yield Doubt(f"{where}.when", f"`{text}` never holds", "see whether its parts exclude one another")


def _answers(text: str, condition: Condition) -> set[bool | None]:
    """What the condition says about the made-up events; empty where there would be too many of them."""
    literals = [quoted or single for quoted, single in _STRING.findall(text)]
    bare = _STRING.sub(" ", text)
    numbers = [float(each) for each in _NUMBER.findall(bare)]
    names = [name for name in dict.fromkeys(_NAME.findall(bare)) if name in _SPECS or name in WORDS]
    choices = [_values(name, numbers, literals) for name in names]
    size = 1
    for each in choices:
        size *= len(each)
    if size > _COMBINATIONS_MOST:
        return set()
    usual = {spec.name: spec.missing if spec.missing is not None else 0.0 for spec in FEATURES}
    answers: set[bool | None] = set()
    for values in itertools.product(*choices):
        given = dict(zip(names, values, strict=True))
        event = SimpleNamespace(**{name: given.get(name) for name in WORDS})
        features = msgspec.convert({name: given.get(name, value) for name, value in usual.items()}, Features)
        answers.add(condition.holds(event, features))
        if len(answers & {True, False}) == 2:
            break
    return answers


def _values(name: str, numbers: Sequence[float], literals: Sequence[str]) -> list[Any]:
    """Values that tell apart whatever a condition with these numbers and texts tells apart, the unknown included."""
    if name in WORDS:
        return [None, *dict.fromkeys(literals), "\x00"]
    spec = _SPECS[name]
    unknown = [] if spec.missing is None else [spec.missing]
    if spec.unit == "flag":
        return [*unknown, 0.0, 1.0]
    steps = sorted({*_NUMBERS, *numbers})
    between = [(low + high) / 2 for low, high in itertools.pairwise(steps)]
    return [*unknown, *sorted({*steps, *between})]
