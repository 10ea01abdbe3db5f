"""Which cases are worth an analyst's time today: what does each expect to lose, and how many can be looked at?

A case's expected loss is the sum over its payments that were not blocked: the probability of fraud times the amount and
the fee of a fraud (`[model.costs]`), in US cents, because the table of rates counts in dollars and a queue has to
compare currencies.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from streams.contracts.cases import CaseVersion
from streams.core.currencies import convert, rates_at
from streams.core.expected_cost import expected_loss_minor
from streams.core.obligations import FINISHED
from streams.core.outcome import Outcome
from streams.core.policy import Policy, ScoreThresholds

LOSS = "expected_loss_usd_minor"  # the counter of a case
_REFERENCE = "USD"
OPERATOR = "operator_"  # begins the kind of the line that an operator's action leaves on the timeline


def at_stake_minor(
    score: float | None, outcome: Outcome, amount_minor: int | None, currency: str | None, policy: Policy, at_ms: int
) -> int:
    """What this payment adds to the expected loss of its case, in US cents; 0 where no rate says so.

    Without a score, or with a low one, a rule that holds is believed as much as the smallest score that would hold.
    What was blocked has cost nothing.
    """
    if amount_minor is None or currency is None or outcome >= Outcome.BLOCK:
        return 0
    probability = max(score or 0.0, _believed(outcome, policy.model.payment))
    loss = expected_loss_minor(probability, amount_minor, currency, policy.model.costs)
    if loss is None:
        return 0
    return convert(round(loss), currency, _REFERENCE, rates_at(policy.money.rates, at_ms)) or 0


def _believed(outcome: Outcome, thresholds: ScoreThresholds) -> float:
    """The smallest score that has this outcome or a stricter one; 1 if none has."""
    for step in sorted(Outcome):
        smallest = getattr(thresholds, step.label, None)
        if step >= outcome and smallest is not None:
            return float(smallest)
    return 1.0


class ReviewQueue(NamedTuple):
    """What analysts get. `worked` cases of the day have used up a part of the capacity."""

    day: date
    worked: int
    today: list[CaseVersion]  # the first one first
    beyond: list[CaseVersion]  # more than people can look at today


def review_queue(cases: Iterable[CaseVersion], capacity: int) -> ReviewQueue:
    """Open cases by expected loss within the capacity of a day, which is that of the newest version, UTC.

    P1 goes first, because it cannot wait for tomorrow; then the largest expected loss, the older case of equal ones.
    Cases in observe mode and cases that wait for somebody else are not in it.
    """
    known = [case for case in cases if not case.shadow]
    day = max((case.occurred_at.date() for case in known), default=date.min)
    worked = {
        case.case_id
        for case in known
        if any(line.kind.startswith(OPERATOR) and line.at.date() == day for line in case.evidence)
    }
    waiting = [
        case
        for case in known
        if case.case_id not in worked and case.status not in FINISHED and not case.status.startswith("waiting")
    ]
    waiting.sort(key=lambda case: (case.priority != "P1", -case.counters.get(LOSS, 0), case.created_at, case.case_id))
    room = max(0, capacity - len(worked))
    return ReviewQueue(day, len(worked), waiting[:room], waiting[room:])
