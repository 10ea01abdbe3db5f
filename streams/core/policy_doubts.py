"""What in this policy is allowed, and still most probably not what its author meant?

Nothing here refuses a policy: an entry that has ended is legal, and so is a rule that always fires. It is told to the
person who is about to publish, while it still costs nothing.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

from streams.contracts.base import from_ms, to_ms
from streams.core.features import FEATURES
from streams.core.policy import LocksPolicy, Policy
from streams.core.rules.declared import DeclaredRule
from streams.core.rules.expression import WORDS, parse_condition
from streams.core.rules.field_values import network_of
from streams.core.rules.lists import List

# A condition is asked about made-up events with every combination of these values and those near its own numbers. What
# holds for all of them is no condition, what holds for none never fires.
_NUMBERS: Final = (0.0, 1.0, 1e9)  # no feature is negative
_COMBINATIONS_MOST: Final = 6_000
# The largest value that a feature can have, by its unit or else by its name.
_MOST: Final = {"share": 1.0, "level": 2.0, "hour": 23.0, "hour_distance": 12.0}
# At 0.3 us each they take about as long as everything else that is done about an event (docs/performance.md).
_COMPARISONS_MOST: Final = 600
# A network of fewer bits holds more addresses than any customer or partner has.
_SHORTEST: Final = {4: 8, 6: 20}
_ADDRESS_BITS: Final = {4: 32, 6: 128}
# Fields whose values many customers share, and those that the customer's own software tells.
_SHARED: Final = ("country", "mcc", "issuer_id", "bin")
_CLAIMED: Final = ("user_agent", "app_version")
_LOCKS_MANY: Final = 100_000
_LONGEST_MS: Final = 400 * 86_400_000

_STRING: Final = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_NUMBER: Final = re.compile(r"(?<![a-z0-9_])[0-9]+(?:\.[0-9]+)?")
_COMPARISON: Final = re.compile(r"[<>=]=?|\bin\b|\bknown\b")
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
    if from_then > at_ms + _LONGEST_MS:
        what = f"nothing is decided by it before {policy.effective_at.date().isoformat()}"
        yield Doubt("effective_at", what, "correct the date, or leave it out")
    for snooze in policy.snoozes:
        where = f"snooze.{snooze.rule}"
        yield from _of_reach(where, snooze.field, (snooze.value,), f"{snooze.rule} is silenced")
        yield from _of_end(where, (snooze.until,), from_then)
    yield from _of_locks(policy.locks)
    for each in policy.lists:
        yield from _of_list(each, from_then)
    for rule in policy.declared:
        yield from _of_rule(rule)
    yield from _of_costs([rule for rule in policy.declared if rule.mode != "off"])


def _of_locks(locks: LocksPolicy) -> Iterator[Doubt]:
    """Can anybody keep owners out, and does an owner's word do anything?"""
    if locks.soft_lock_applies_to == "everyone":
        what = "whoever guesses at a password from anywhere keeps the owner's own devices out too"
        yield Doubt("locks.soft_lock_applies_to", what, 'write "unknown_devices"')
    if locks.strangers_failures > locks.disable_at_failures:
        what = f"strangers may fail {locks.strangers_failures} times before they are asked for a second factor"
        remedy = "give fewer than locks.disable_at_failures"
        yield Doubt("locks.strangers_failures", what, remedy)
    if not locks.verified_channels:
        what = "no report of a theft freezes an account by itself, in whatever channel it comes"
        yield Doubt("locks.verified_channels", what, "list those in which it is known who speaks")
    if locks.caps.per_rule >= _LOCKS_MANY:
        what = f"one bad rule locks up to {locks.caps.per_rule:,} accounts before anything stops it"
        yield Doubt("locks.caps.per_rule", what, "give as many as people can review")


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
        yield from _of_networks(where, values)


def _of_networks(where: str, values: Sequence[str]) -> Iterator[Doubt]:
    """Many small networks are as much as a large one."""
    sizes = {4: 0, 6: 0}
    for value in values:
        network = network_of(value)
        if network.prefixlen < _SHORTEST[network.version]:
            yield Doubt(where, f"{value} is a great part of the internet", "name smaller networks")
        else:
            sizes[network.version] += network.num_addresses
    for version, size in sizes.items():
        if size > 2 ** (_ADDRESS_BITS[version] - _SHORTEST[version]):
            what = f"its IPv{version} networks are together a great part of the internet"
            yield Doubt(where, what, "name fewer or smaller networks")


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
        holds = parse_condition(text).holds
        answers = {holds(event, features) for event, features in _made_up(text)}
        if answers == {True}:
            yield Doubt(f"{where}.when", f"`{text}` holds for whatever happens", "say what is unusual about the events")
        elif answers == {True, None}:
            what = f"`{text}` holds for whatever happens, once its values are known"
            yield Doubt(f"{where}.when", what, "say what is unusual about the events, or ask `known(...)`")
        elif answers and True not in answers and not _has_arithmetic(text):
            yield Doubt(f"{where}.when", f"`{text}` never holds", "see whether its parts exclude one another")
    for milder, stricter in itertools.pairwise(rule.when):
        if _is_never_reached(milder, stricter):
            what = f"whenever `{milder}` holds, so does the stricter `{stricter}`, which answers instead"
            yield Doubt(f"{where}.when", what, "write the mildest band first, or leave this one out")


def _of_costs(rules: Sequence[DeclaredRule]) -> Iterator[Doubt]:
    """Do the rules together take longer than deciding does?"""
    comparisons: Counter[str] = Counter()
    for rule in rules:
        asked = sum(len(_COMPARISON.findall(_STRING.sub(" ", text))) for text in rule.when)
        comparisons.update(dict.fromkeys(rule.events, asked))
    if comparisons and (most := comparisons.most_common(1)[0])[1] > _COMPARISONS_MOST:
        subject, count = most
        what = (
            f"they compare up to {count:,} times about one {subject}, which takes longer than the rest of its decision"
        )
        yield Doubt("rule", what, "turn long conditions into lists, or ask them about fewer events")


def _is_never_reached(milder: str, stricter: str) -> bool:
    """Whether no made-up event is left to the milder band; False where there would be too many of them."""
    first, second = parse_condition(milder), parse_condition(stricter)
    if _has_arithmetic(milder) or _has_arithmetic(stricter):
        return False
    held = [
        second.holds(event, features) for event, features in _made_up(milder, stricter) if first.holds(event, features)
    ]
    return bool(held) and all(held)


def _has_arithmetic(text: str) -> bool:
    return _ARITHMETIC.search(_STRING.sub(" ", text)) is not None


def _made_up(*texts: str) -> Iterator[tuple[Any, Any]]:
    """Events with their features that tell apart whatever the conditions do; none where there would be too many.

    One event and one vector that change: 6,000 combinations of 1,800 conditions are still read by a person who waits.
    """
    together = " ".join(texts)
    literals = [quoted or single for quoted, single in _STRING.findall(together)]
    bare = _STRING.sub(" ", together)
    numbers = [float(each) for each in _NUMBER.findall(bare)]
    names = [name for name in dict.fromkeys(_NAME.findall(bare)) if name in _SPECS or name in WORDS]
    choices = [_values(name, numbers, literals) for name in names]
    if math.prod(map(len, choices)) > _COMBINATIONS_MOST:
        return
    event = SimpleNamespace(**dict.fromkeys(WORDS))
    features = SimpleNamespace(**{spec.name: 0.0 if spec.missing is None else spec.missing for spec in FEATURES})
    places = [(event if name in WORDS else features, name) for name in names]
    for values in itertools.product(*choices):
        for (place, name), value in zip(places, values, strict=True):
            setattr(place, name, value)
        yield event, features


def _values(name: str, numbers: Sequence[float], literals: Sequence[str]) -> list[Any]:
    """Values that tell apart whatever a condition with these numbers and texts tells apart, the unknown included."""
    if name in WORDS:
        return [None, *dict.fromkeys(literals), "\x00"]
    spec = _SPECS[name]
    unknown = [] if spec.missing is None else [spec.missing]
    if spec.unit == "flag":
        return [*unknown, 0.0, 1.0]
    most = _MOST.get(name, _MOST.get(spec.unit, math.inf))
    steps = sorted({each for each in (*_NUMBERS, *numbers, most) if each <= most and each != math.inf})
    between = [(low + high) / 2 for low, high in itertools.pairwise(steps)]
    return [*unknown, *sorted({*steps, *between})]
