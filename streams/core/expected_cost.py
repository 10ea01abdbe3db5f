"""Which outcome costs least, given how likely the payment is a fraud and how much money it moves?

The expected cost of an outcome is p * (1 - stops) * (amount + fee) + (1 - p) * friction + work: what fraud still takes,
what honest customers suffer, what we do. With costs that differ by example no single threshold is right (Elkan, The
Foundations of Cost-Sensitive Learning, 2001; Bahnsen et al., Example-Dependent Cost-Sensitive Decision Trees, 2015).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from streams.core.outcome import Outcome
from streams.core.sections import Amounts, Count, Problem, Section

# Outcomes that somebody has to look at, however many there are.
ATTENDED: Final = frozenset({Outcome.REVIEW, Outcome.HOLD})
_PRICED: Final = (Outcome.NOTIFY, Outcome.STEP_UP, Outcome.REVIEW, Outcome.HOLD, Outcome.BLOCK)


class OutcomeCost(Section, frozen=True, kw_only=True):
    """What one outcome prevents and costs. A missing amount costs nothing."""

    stops: Annotated[float, Meta(ge=0.0, le=1.0)]  # share of frauds that it prevents
    # What it does to an honest customer: margin, calls, leaving.
    friction_minor: Amounts = msgspec.field(default_factory=dict)
    work_minor: Amounts = msgspec.field(default_factory=dict)  # what it costs us each time


class CostsPolicy(Section, frozen=True, kw_only=True):
    """Costs of every outcome of a payment but `allow`, which stops nothing and costs nothing else."""

    fee_minor: Amounts  # of a fraud, on top of its amount
    reviews_per_day: Count  # what analysts can look at; training says which expected loss that leaves
    review_loss_minor: Amounts  # payments with a smaller expected loss are never sent to an analyst by their score
    takeover_minor: Amounts  # what a stolen account is expected to lose while nothing is known to have left it
    notify: OutcomeCost
    step_up: OutcomeCost
    review: OutcomeCost
    hold: OutcomeCost
    block: OutcomeCost

    def of(self, outcome: Outcome) -> OutcomeCost:
        """The costs of an outcome above `allow`."""
        cost: OutcomeCost = getattr(self, outcome.label)
        return cost

    def problems(self) -> Iterator[Problem]:
        """A stricter outcome that stops less or annoys less would let a more suspicious payment get a milder one."""
        for milder, stricter in pairwise(_PRICED):
            one, other = self.of(milder), self.of(stricter)
            if other.stops < one.stops:
                yield Problem(
                    f"{stricter.label} stops less than {milder.label}",
                    f"{stricter.label}.stops",
                    "let it rise with strictness",
                )
            for currency, friction in one.friction_minor.items():
                if other.friction_minor.get(currency, friction) < friction:
                    yield Problem(
                        f"{stricter.label} annoys less than {milder.label} in {currency}",
                        f"{stricter.label}.friction_minor",
                        "let it rise with strictness",
                    )


def expected_loss_minor(score: float, amount_minor: int, currency: str, costs: CostsPolicy) -> float | None:
    """What the payment is expected to cost if nothing is done; None for a currency without rate."""
    fee = costs.fee_minor.get(currency)
    return None if fee is None else score * (amount_minor + fee)


def cost_of(outcome: Outcome, score: float, loss_minor: float, currency: str, costs: CostsPolicy) -> float:
    """The expected cost of an outcome of a payment with this expected loss, in minor units of `currency`."""
    if outcome is Outcome.ALLOW:
        return loss_minor
    cost = costs.of(outcome)
    friction = cost.friction_minor.get(currency, 0)
    return loss_minor * (1.0 - cost.stops) + (1.0 - score) * friction + cost.work_minor.get(currency, 0)


def cheapest(score: float, amount_minor: int, currency: str, costs: CostsPolicy) -> Outcome | None:
    """The outcome of least expected cost, of equal ones the mildest; None where the currency has no rate.

    Analysts see what is worth their time: below `review_loss_minor` what would be reviewed or held gets the best of the
    outcomes that need nobody and are milder, so a more suspicious payment never gets a milder outcome.
    """
    loss = expected_loss_minor(score, amount_minor, currency, costs)
    if loss is None:
        return None
    best = unattended = Outcome.ALLOW
    least = loss
    for outcome in _PRICED:
        cost = cost_of(outcome, score, loss, currency, costs)
        if cost < least:
            best, least = outcome, cost
            if outcome < Outcome.REVIEW:
                unattended = outcome
    if best in ATTENDED and loss < costs.review_loss_minor.get(currency, 0):
        return unattended
    return best
