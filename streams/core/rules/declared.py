"""Which rules did the business write itself, as `[[rule]]` tables of the policy file?

A declared rule is asked, answered, explained, observed and capped exactly like one in Python; it only has less to
say: one condition per band over the features and fields of the event.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

from msgspec import Meta

from streams.contracts.base import Event
from streams.core.features import Features
from streams.core.flows.movements import SUBJECTS
from streams.core.reasons import REASONS
from streams.core.rules.base import QUIET, Fired, Judge, Rule, RuleResult
from streams.core.rules.expression import LENGTH_MAX, Condition, ExpressionError, parse_condition
from streams.core.sections import OutcomeLabel, Problem, Section, rise

Slug = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
RuleMode = Literal["off", "observe", "inherit", "enforce"]
Subject = Literal["payment", "transfer", "topup", "withdrawal", "bill", "login", "challenge", "credential", "session"]
EVENTS_OF: dict[str, frozenset[type[Event]]] = {
    subject: frozenset(kind for kind, about in SUBJECTS.items() if about == subject) for subject in get_args(Subject)
}
# Evidence of a decision is for people: a condition over more features than this shows the first ones.
EVIDENCE_MAX = 8
RULES_MAX = 200


class DeclaredRule(Section, frozen=True, kw_only=True):
    """One table `[[rule]]`. `when` and `outcomes` hold one entry per band, the mildest band first."""

    name: Slug  # on the wire `night-vouchers/01`; never used again for something else
    asks: Annotated[str, Meta(min_length=1, max_length=256)]  # the question, for those who read its hits
    events: Annotated[tuple[Subject, ...], Meta(min_length=1)]
    when: Annotated[tuple[Annotated[str, Meta(max_length=LENGTH_MAX)], ...], Meta(min_length=1, max_length=9)]
    outcomes: Annotated[tuple[OutcomeLabel, ...], Meta(min_length=1, max_length=9)]
    reasons: Annotated[tuple[str, ...], Meta(min_length=1, max_length=4)]
    mode: RuleMode

    def problems(self) -> Iterator[Problem]:
        """What types cannot refuse."""
        if len(self.when) != len(self.outcomes):
            yield Problem(f"{len(self.when)} conditions but {len(self.outcomes)} outcomes", "when", "give one per band")
        if not rise(self.outcomes):
            yield Problem("a higher band has a milder outcome", "outcomes", "let outcomes rise with the band")
        for reason in self.reasons:
            if reason not in REASONS:
                yield Problem(
                    f"there is no reason {reason}", "reasons", f"use codes from {min(REASONS)} to {max(REASONS)}"
                )
        for text in self.when:
            try:
                parse_condition(text)
            except ExpressionError as error:
                yield Problem(
                    f"the condition `{text}` is wrong: {error}", "when", "correct it (docs/guides/rules-as-data.md)"
                )


def rule_of(declared: DeclaredRule) -> Rule:
    """The rule as the program asks it."""
    conditions = tuple(parse_condition(text) for text in declared.when)
    events = frozenset(kind for subject in declared.events for kind in EVENTS_OF[subject])
    return Rule(declared.name, declared.name, _judge(conditions, declared.reasons), events)


def _judge(conditions: tuple[Condition, ...], reasons: tuple[str, ...]) -> Judge:
    # The strictest band that holds is the answer, so the last one is asked first.
    bands = tuple(reversed(tuple(enumerate(conditions, start=1))))

    def judge(event: Any, _at_ms: int, features: Features, _section: DeclaredRule) -> RuleResult:
        for band, condition in bands:
            if condition.holds(event, features) is True:
                evidence = condition.evidence(features)
                return Fired(band, reasons, dict(list(evidence.items())[:EVIDENCE_MAX]))
        return QUIET

    return judge
