"""What do customers ask that no article answers, and which articles do not help those who were sent them?

Read from the reasons on cases (`streams.core.knowledge.answers`): themes and names of articles, never a word of a
customer's.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

import msgspec

from streams.contracts.cases import CaseVersion
from streams.core.knowledge.answers import ANSWERED, ASKS, NEAREST

_NEAREST_MOST = 3
_HELD = ("auto_answered", "closed")  # nobody has written again: the answer was one, as far as anybody knows


class Gap(msgspec.Struct, frozen=True):
    """A theme with how many questions about it had no answer, and which articles came closest how often."""

    theme: str
    questions: int
    nearest: tuple[tuple[str, int], ...]


class Told(msgspec.Struct, frozen=True):
    """An article with how many cases it answered, and how many of them went on to a person."""

    article: str
    answered: int
    not_helped: int


class Unanswered(msgspec.Struct, frozen=True):
    """Both, the most frequent first; equal ones by name."""

    gaps: tuple[Gap, ...]
    articles: tuple[Told, ...]


def gaps_of(cases: Iterable[CaseVersion]) -> Unanswered:
    """Over the newest versions of cases; those in observe mode count, because what is lacking is the same."""
    asked: Counter[str] = Counter()
    nearest: defaultdict[str, Counter[str]] = defaultdict(Counter)
    answered: Counter[str] = Counter()
    not_helped: Counter[str] = Counter()
    for case in cases:
        themes = _named(case, ASKS)
        asked.update(themes)
        for theme in themes:
            nearest[theme].update(_named(case, NEAREST))
        for article in _named(case, ANSWERED):
            answered[article] += 1
            if case.status not in _HELD or case.resolution_code not in (None, "answered"):
                not_helped[article] += 1
    return Unanswered(
        tuple(Gap(theme, many, tuple(_ordered(nearest[theme])[:_NEAREST_MOST])) for theme, many in _ordered(asked)),
        tuple(Told(name, many, not_helped[name]) for name, many in _ordered(answered)),
    )


def _named(case: CaseVersion, begins: str) -> list[str]:
    return [reason.removeprefix(begins) for reason in case.reason_codes if reason.startswith(begins)]


def _ordered(counted: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda each: (-each[1], each[0]))
