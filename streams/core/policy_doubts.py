"""What in this policy is allowed, and still most probably not what its author meant?

Nothing here refuses a policy: an entry that has ended is legal, and so is a rule that always fires. It is told to the
person who is about to publish, while it still costs nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeVar
from zlib import crc32

import msgspec

from streams.contracts.base import from_ms, to_ms
from streams.core.features import FEATURES, Features
from streams.core.policy import Policy
from streams.core.rules.declared import DeclaredRule
from streams.core.rules.expression import WORDS, parse_condition
from streams.core.rules.lists import List

ChoiceT = TypeVar("ChoiceT")

# A condition is tried on so many made-up events, the same ones every time. One that holds for all of them, known and
# unknown values, large and small, is no condition.
TRIES = 400
_NUMBERS = (0.0, 0.5, 1.0, 3.0, 24.0, 1_000.0, 1e9)  # no feature is negative
# A network of fewer bits holds more addresses than any customer or partner has.
_SHORTEST = {4: 8, 6: 20}


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
        if to_ms(snooze.until) <= from_then:
            yield Doubt(where, f"it ended at {snooze.until.isoformat()}", "give a later time or remove it")
        if snooze.field == "ip" and _wide(snooze.value):
            yield Doubt(where, f"{snooze.value} is a great part of the internet", "name a smaller network")
    for each in policy.lists:
        yield from _of_list(each, from_then)
    for rule in policy.declared:
        yield from _of_rule(rule)


def _of_list(each: List, from_ms_on: int) -> Iterator[Doubt]:
    where = f"list.{each.name}"
    ended = [entry for entry in each.entries if entry.until is not None and to_ms(entry.until) <= from_ms_on]
    if not each.entries:
        yield Doubt(where, "it has no entries", "add some or remove it")
    elif ended:
        last = max(to_ms(entry.until) for entry in ended if entry.until is not None)
        yield Doubt(
            where,
            f"{len(ended):,} of {len(each.entries):,} entries ended, the last of them at {from_ms(last).isoformat()}",
            "give them later times or remove them",
        )
    if each.field == "ip":
        for entry in each.entries:
            if _wide(entry.value):
                yield Doubt(where, f"{entry.value} is a great part of the internet", "name smaller networks")
    if each.outcome == "allow" and each.mode == "enforce":
        endless = sum(entry.until is None for entry in each.entries)
        if endless:
            yield Doubt(
                where,
                f"{endless:,} entries silence every rule and the model for ever",
                "give each a time (`until`) at which somebody looks again",
            )


def _wide(value: str) -> bool:
    network = ipaddress.ip_network(value)
    return network.prefixlen < _SHORTEST[network.version]


def _of_rule(rule: DeclaredRule) -> Iterator[Doubt]:
    where = f"rule.{rule.name}"
    if rule.mode == "off":
        yield Doubt(where, "its mode is off, so it is never asked", "observe with it, or remove it")
    events = list(_made_up())
    for text in rule.when:
        condition = parse_condition(text)
        answers = {condition.holds(event, features) for event, features in events}
        if answers == {True}:
            yield Doubt(
                f"{where}.when", f"`{text}` holds for whatever happens", "say what is unusual about the events it means"
            )


def _made_up() -> Iterator[tuple[Any, Features]]:
    """What a condition looks at, holding anything: the same on every machine."""
    for number in range(TRIES):
        values = {
            spec.name: _one_of(_NUMBERS if spec.missing is None else (*_NUMBERS, spec.missing), number, spec.name)
            for spec in FEATURES
        }
        words = {word: _one_of((None, "a", "b"), number, word) for word in WORDS}
        yield SimpleNamespace(**words), msgspec.convert(values, Features)


def _one_of(choices: Sequence[ChoiceT], number: int, name: str) -> ChoiceT:
    return choices[crc32(f"{number} {name}".encode()) % len(choices)]
