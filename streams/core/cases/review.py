"""Which cases are worth an analyst's time today: what does each expect to lose, when is it due, how many can be done?

A case's expected loss is the sum over its payments that were not blocked: the probability of fraud times the amount and
the fee of a fraud (`[model.costs]`), in US cents, because the table of rates counts in dollars and a queue has to
compare currencies. A taken-over account that has not paid anybody yet is expected to lose what the policy says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final, NamedTuple

from streams.contracts.base import to_ms
from streams.contracts.cases import CaseVersion, Evidence
from streams.core.currencies import convert, rates_at
from streams.core.expected_cost import expected_loss_minor
from streams.core.obligations import FINISHED, Line
from streams.core.outcome import Outcome
from streams.core.policy import Policy, ScoreThresholds

LOSS = "expected_loss_usd_minor"  # the counter of a case
_REFERENCE = "USD"
_LEAVES: Final = frozenset({"payment", "transfer", "withdrawal", "billpay"})  # areas of events by which money goes out
NEVER_MS: Final = 2**62
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


def taken_over_minor(trail: Iterable[Line], policy: Policy, at_ms: int) -> int:
    """What a taken-over account is expected to lose, in US cents: what has left it since the thief came in."""
    costs, rates = policy.model.costs, rates_at(policy.money.rates, at_ms)
    lost = 0
    for amount_minor, currency, times in _left(trail):
        each = expected_loss_minor(1.0, amount_minor, currency, costs)
        if each is not None:
            lost += times * (convert(round(each), currency, _REFERENCE, rates) or 0)
    return lost or costs.takeover_minor.get(_REFERENCE, 0)


def left_by_currency(story: Iterable[Evidence]) -> dict[str, int]:
    """What has left an account, or is on its way, as the lines of its case tell it: minor units by currency."""
    totals: dict[str, int] = {}
    for amount_minor, currency, times in _left(line for line in story if line.kind.partition(".")[0] in _LEAVES):
        totals[currency] = totals.get(currency, 0) + times * amount_minor
    return totals


def _left(trail: Iterable[Line | Evidence]) -> Iterator[tuple[int, str, int]]:
    """Amounts that nothing has stopped, and how often each.

    A movement is told once for each of its steps: of equal amounts the step that came most often counts.
    """
    steps: dict[tuple[str, int, str], Counter[str]] = {}
    for line in trail:
        area, _, step = line.kind.partition(".")
        outcome = line.text.partition(":")[0].partition(";")[0]  # behind it a case has the rules and the score
        stopped = step in ("failed", "reversed", "returned") or outcome == Outcome.BLOCK.label
        if line.amount_minor is not None and line.currency is not None and not stopped:
            steps.setdefault((area, line.amount_minor, line.currency), Counter())[step] += 1
    for (_, amount_minor, currency), counted in steps.items():
        yield amount_minor, currency, max(counted.values())


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


class Rank(NamedTuple):
    """The place of a case: whoever is smaller comes first. Deadlines and times in ms since 1970."""

    in_time: bool  # False: its first response is overdue
    less_urgent: bool  # see `is_urgent`
    band: int  # minus the band of its expected loss
    due_ms: int
    created_ms: int
    case_id: str


def rank_of(case: CaseVersion, at_ms: int) -> Rank:
    """Where a case stands in the queue at `at_ms`.

    Nobody has answered an overdue one, so it comes first. Then what cannot wait for tomorrow. Then the larger expected
    loss; where one is not twice the other, the earlier deadline decides.
    """
    first_ms = first_response_due_ms(case)
    return Rank(
        first_ms is None or first_ms >= at_ms,
        not is_urgent(case),
        -band_of(case.counters.get(LOSS, 0)),
        due_ms(case),
        to_ms(case.created_at),
        case.case_id,
    )


def is_urgent(case: CaseVersion) -> bool:
    """P1; or P2 about many customers with no expected loss that could rank it, which would make it the last of all."""
    return case.priority == "P1" or (
        case.priority == "P2" and case.owner == "entity" and case.counters.get(LOSS, 0) == 0
    )


def band_of(loss_minor: int) -> int:
    """Losses of one band differ by less than a factor of two, in US cents; 0 is less than a dollar."""
    return (max(0, loss_minor) // 100).bit_length()


def first_response_due_ms(case: CaseVersion) -> int | None:
    """By when somebody has to answer, if nobody has; None: somebody has, or no clock runs."""
    if case.sla is None or case.sla.responded or case.status in FINISHED or case.status.startswith("waiting"):
        return None
    # A version that a release before this one wrote does not say; that a person has acted, its timeline does.
    if any(line.kind.startswith(OPERATOR) or line.kind == "contact.taken" for line in case.evidence):
        return None
    return to_ms(case.sla.first_response_due)


def due_ms(case: CaseVersion) -> int:
    """The deadline that comes first of those that people keep; NEVER without one."""
    if case.sla is None:
        return NEVER_MS
    resolution_ms, first_ms = to_ms(case.sla.resolution_due), first_response_due_ms(case)
    return resolution_ms if first_ms is None else min(first_ms, resolution_ms)


def review_queue(cases: Iterable[CaseVersion], capacity: int, at_ms: int | None = None) -> ReviewQueue:
    """Open cases as they rank, within the capacity of a day, which is that of the newest version, UTC.

    `at_ms`: now; else the event time of the newest version. Cases in observe mode and cases that wait for somebody else
    are not in it.
    """
    known = [case for case in cases if not case.shadow]
    newest = max((case.occurred_at for case in known), default=None)
    if newest is None:
        return ReviewQueue(date.min, 0, [], [])
    day, now_ms = newest.date(), to_ms(newest) if at_ms is None else at_ms
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
    waiting.sort(key=lambda case: rank_of(case, now_ms))
    room = max(0, capacity - len(worked))
    return ReviewQueue(day, len(worked), waiting[:room], waiting[room:])
