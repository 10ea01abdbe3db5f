"""Which rules fire for one event, and what did every rule say?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec

from streams.contracts.decisions import Hit
from streams.core.features import MISSING, Features
from streams.core.outcome import Outcome
from streams.core.rules.base import QUIET, Fired, Judge, NotApplicable, Quiet, Rule
from streams.core.rules.declared import rule_of
from streams.core.rules.lists import BLOCKED_FIELDS, BLOCKED_NAME, PREFIX, Lists, after_lists, lineage
from streams.core.rules.registry import RULES
from streams.core.sections import Mode

if TYPE_CHECKING:  # a policy contains the tables of the rules, so at run time it is the one that imports
    from streams.core.policy import Policy

Step: TypeAlias = tuple[Judge, Any, Rule]


class Program(NamedTuple):
    """What is left of a policy when an event arrives."""

    steps: dict[type, tuple[Step, ...]]  # the rules of one event type, each with its table of the policy
    modes: dict[str, Any]  # of rules and lists, by slug: a `Mode`, or inherit
    lists: Lists


# Compiled policies, by identity. Each entry keeps its policy alive, so an identity is never used twice. A worker holds
# a handful of policies; the bound only matters to tests that make them by the hundred.
_PROGRAMS: dict[int, tuple[Policy, Program]] = {}
_PROGRAMS_MAX = 64


class Finding(msgspec.Struct, frozen=True, gc=False):
    """What one rule said, for `explain`: fired, quiet, not applicable or error, with the words for it."""

    rule: str  # for example velocity/02, velocity/x00, velocity/err; a quiet rule has no band: velocity
    verdict: str
    text: str
    hit: Hit | None = None


def evaluate(event: object, at_ms: int, features: Features, policy: Policy) -> tuple[Hit, ...]:
    """The rules that fired and those that failed, in registry order. Empty for events that no rule is asked about."""
    entry = _PROGRAMS.get(id(policy))
    program = entry[1] if entry is not None else program_of(policy)
    hits = _asked(event, at_ms, features, policy, program.steps.get(type(event), ()))
    if not program.lists:
        return hits
    return after_lists(hits, program.lists.listed(event, at_ms), program.lists.snoozed(event, at_ms))


def _asked(event: object, at_ms: int, features: Features, policy: Policy, steps: tuple[Step, ...]) -> tuple[Hit, ...]:
    hits: list[Hit] | None = None
    for judge, section, rule in steps:
        try:
            result = judge(event, at_ms, features, section)
        except Exception:  # a defect of one rule must not silence the others: it counts as policy.missing_feature
            hit = _error(rule, policy)
        else:
            if result is QUIET or type(result) is not Fired:
                continue
            hit = _hit(rule, section, result)
        if hits is None:
            hits = [hit]
        else:
            hits.append(hit)
    return () if hits is None else tuple(hits)


def evaluate_all(event: object, at_ms: int, features: Features, policy: Policy) -> tuple[Finding, ...]:
    """What every rule said that was asked, in registry order: the branches of the tree that `explain` prints."""
    findings: list[Finding] = []
    program = program_of(policy)
    snoozed = program.lists.snoozed(event, at_ms)
    for judge, section, rule in program.steps.get(type(event), ()):
        try:
            result = judge(event, at_ms, features, section)
        except Exception as error:  # as above, and here the reader learns what went wrong
            text = f"{type(error).__name__}: {error}; counted as {policy.outcome.missing_feature}"
            findings.append(Finding(f"{rule.slug}/err", "error", text, _error(rule, policy)))
            continue
        match result:
            case Fired():
                hit = _hit(rule, section, result)
                text = ", ".join(f"{name}={value:g}" for name, value in hit.evidence.items())
                findings.append(Finding(hit.rule, "snoozed" if rule.slug in snoozed else "fired", text, hit))
            case NotApplicable():
                findings.append(Finding(f"{rule.slug}/x00", "not applicable", result.why))
            case Quiet():
                findings.append(Finding(rule.slug, "quiet", ""))
    findings += [Finding(hit.rule, "fired", "the policy lists it", hit) for hit in program.lists.listed(event, at_ms)]
    return tuple(findings)


def outcome_of(hits: tuple[Hit, ...]) -> Outcome:
    """The strictest outcome among the hits that count; a rule in observe mode is heard but does not count."""
    strictest = Outcome.ALLOW
    for hit in hits:
        if not hit.shadow:
            strictest = max(strictest, Outcome.parse(hit.outcome))
    return strictest


def mode_of(policy: Policy, hit: Hit) -> Mode:
    """Whether effects that rest on this hit may leave: the mode of the rule or list, or else the policy's."""
    mode = program_of(policy).modes[lineage(hit.rule)]
    return policy.mode if mode == "inherit" else mode


def program_of(policy: Policy) -> Program:
    """The policy as the loop of `evaluate` needs it; made once per policy object."""
    entry = _PROGRAMS.get(id(policy))
    if entry is not None:
        return entry[1]
    program = compiled(policy)
    if len(_PROGRAMS) >= _PROGRAMS_MAX:
        _PROGRAMS.clear()
    _PROGRAMS[id(policy)] = (policy, program)
    return program


def compiled(policy: Policy) -> Program:
    """The program itself, made anew; raises whatever a rule or list raises that was not checked."""
    asked = [(rule, getattr(policy.rules, rule.section)) for rule in RULES]
    asked = [(rule, section) for rule, section in asked if section.enabled]
    asked += [(rule_of(declared), declared) for declared in policy.declared if declared.mode != "off"]
    steps: dict[type, list[Step]] = {}
    for rule, section in asked:
        for kind in rule.events:
            steps.setdefault(kind, []).append((rule.judge, section, rule))
    modes = {rule.slug: section.mode for rule, section in asked}
    modes |= {f"{PREFIX}{each.name}": each.mode for each in policy.lists}
    modes |= {f"{PREFIX}{BLOCKED_NAME}{kind}": "inherit" for kind in BLOCKED_FIELDS}
    return Program({kind: tuple(rules) for kind, rules in steps.items()}, modes, Lists(policy.lists, policy.snoozes))


def _hit(rule: Rule, section: Any, fired: Fired) -> Hit:
    return Hit(
        rule=f"{rule.slug}/{fired.band:02d}",
        outcome=section.outcomes[fired.band - 1],
        reasons=fired.reasons,
        shadow=section.mode == "observe",
        evidence={name: value for name, value in fired.evidence.items() if value != MISSING},
    )


def _error(rule: Rule, policy: Policy) -> Hit:
    return Hit(
        rule=f"{rule.slug}/err",
        outcome=policy.outcome.missing_feature,
        reasons=("R23",),
        shadow=program_of(policy).modes[rule.slug] == "observe",
    )
