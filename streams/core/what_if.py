"""What would have happened if a rule that observes had enforced? Told per rule, from the decisions that were published.

A decision in mode observe did nothing, whatever its outcome says; one that enforces did what it says. A rule that had
enforced would have made the outcome at least its own. So for each rule: how often would it have changed what happened,
for whom, how much money would have waited or been stopped, was it alone, and was it right as far as labels say?
"""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from streams.contracts.decisions import DecisionMade
from streams.core.outcome import Outcome
from streams.core.rules.lists import lineage

HOUR_S = 3_600


class Changed(msgspec.Struct, gc=False):
    """One decision that a rule would have changed."""

    subject_id: str
    account: int  # 64 bits, so that millions of decisions fit
    outcome: Outcome
    alone: bool  # no other rule would have been as strict
    hour: int
    amount_minor: int | None
    currency: str | None


class RuleEffect(msgspec.Struct, kw_only=True, omit_defaults=False):
    """What one rule would have done; counts of decisions unless the name says otherwise."""

    rule: str
    hits: int
    silenced: int  # an allow list or a snooze spoke louder: these would not have counted
    changed: int  # the outcome would have been stricter than what happened
    outcomes: dict[str, int]  # of those
    alone: int  # of those, no other rule was as strict: without this one nothing would change
    accounts: int  # of those, distinct
    per_thousand: float  # decisions changed of a thousand
    peak_hour: int  # most decisions changed within one hour of event time
    stopped_minor: dict[str, int]  # money of those with step_up or stricter, by currency
    fraud: int  # of those changed, labelled so
    legit: int
    precision: float | None  # fraud / (fraud + legit); None without labels


class Report(NamedTuple):
    """The whole answer."""

    decisions: int
    observed: int  # made in mode observe
    first_ms: int
    last_ms: int
    policies: tuple[str, ...]
    rules: tuple[RuleEffect, ...]  # most changed first


class WhatIf:
    """Collects decisions and labels, in any order and as often as they come."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._hits: Counter[str] = Counter()
        self._silenced: Counter[str] = Counter()
        self._changed: dict[str, list[Changed]] = {}
        self._labels: dict[str, bool] = {}
        self._observed = 0
        self._policies: Counter[str] = Counter()
        self._span_ms: tuple[int, int] | None = None

    def decided(self, decision: DecisionMade, at_ms: int) -> None:
        """Takes in one decision; a second one with its id changes nothing."""
        key = _digest(decision.decision_id)
        if key in self._seen:
            return
        self._seen.add(key)
        self._observed += decision.shadow
        self._policies[decision.policy] += 1
        first_ms, last_ms = self._span_ms or (at_ms, at_ms)
        self._span_ms = min(first_ms, at_ms), max(last_ms, at_ms)
        happened = Outcome.ALLOW if decision.shadow else Outcome.parse(decision.outcome)
        strictest: dict[str, Outcome] = {}
        silenced: set[str] = set()
        for hit in decision.hits:
            rule = lineage(hit.rule)
            if hit.silenced:
                silenced.add(rule)
            else:
                strictest[rule] = max(strictest.get(rule, Outcome.ALLOW), Outcome.parse(hit.outcome))
        self._hits.update(strictest.keys() | silenced)
        self._silenced.update(silenced - strictest.keys())
        for rule, outcome in strictest.items():
            if outcome <= happened:
                continue
            alone = all(other < outcome for name, other in strictest.items() if name != rule)
            self._changed.setdefault(rule, []).append(
                Changed(
                    decision.subject_id,
                    _digest(decision.account_id),
                    outcome,
                    alone,
                    at_ms // (HOUR_S * 1000),
                    decision.amount_minor,
                    decision.currency,
                )
            )

    def labelled(self, subject_id: str, verdict: str) -> None:
        """The truth about an earlier payment or login; the newest one counts."""
        self._labels[subject_id] = verdict == "fraud"

    def report(self) -> Report:
        """Every rule that hit at least once."""
        rules = [self._effect(rule) for rule in self._hits]
        rules.sort(key=lambda each: (-each.changed, -each.hits, each.rule))
        first_ms, last_ms = self._span_ms or (0, 0)
        return Report(len(self._seen), self._observed, first_ms, last_ms, tuple(sorted(self._policies)), tuple(rules))

    def _effect(self, rule: str) -> RuleEffect:
        changed = self._changed.get(rule, [])
        stopped: Counter[str] = Counter()
        for each in changed:
            if each.outcome >= Outcome.STEP_UP and each.currency is not None:
                stopped[each.currency] += each.amount_minor or 0
        labels = [self._labels[each.subject_id] for each in changed if each.subject_id in self._labels]
        fraud = sum(labels)
        return RuleEffect(
            rule=rule,
            hits=self._hits[rule],
            silenced=self._silenced[rule],
            changed=len(changed),
            outcomes={outcome.label: n for outcome, n in sorted(Counter(each.outcome for each in changed).items())},
            alone=sum(each.alone for each in changed),
            accounts=len({each.account for each in changed}),
            per_thousand=round(1_000 * len(changed) / len(self._seen), 3),
            peak_hour=max(Counter(each.hour for each in changed).values(), default=0),
            stopped_minor=dict(sorted(stopped.items())),
            fraud=fraud,
            legit=len(labels) - fraud,
            precision=round(fraud / len(labels), 4) if labels else None,
        )


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
