"""What would deciding by the policy's costs have done on earlier weeks, and which payments are worth a look?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from models.training.fit import Chosen, Fold
from models.training.history import History
from models.training.measures import DAYS
from streams.core.currencies import exponent_of
from streams.core.expected_cost import cheapest, cost_of, expected_loss_minor
from streams.core.outcome import Outcome
from streams.core.policy import ModelPolicy


class Judgement(NamedTuple):
    """Costs are minor units of `currency` per payment, judged by what turned out."""

    currency: str
    reviews_per_day: int
    review_loss_minor: int  # expected loss of the last payment that still fits into the capacity
    cost_minor: dict[str, float]  # by way of deciding
    shares: dict[str, float]  # of payments per outcome, decided by cost within the capacity


def judged(
    history: History, folds: Sequence[Fold], chosen: Chosen, policy: ModelPolicy, currency: str
) -> Judgement | None:
    """What the scores of the folds' test rows would have led to; None for a currency without costs."""
    costs = policy.costs
    scale = 10 ** exponent_of(currency)
    majors = np.concatenate([history.columns(["amount"])[fold.test, 0] for fold in folds])
    amounts = np.maximum(majors.astype(np.float64) * scale, 0.0).round().astype(np.int64).tolist()
    scores, frauds = chosen.scores.tolist(), chosen.frauds.tolist()
    if expected_loss_minor(0.0, 0, currency, costs) is None:
        return None
    losses = [expected_loss_minor(*pair, currency, costs) or 0.0 for pair in zip(scores, amounts, strict=True)]
    room = min(costs.reviews_per_day * DAYS * len(folds), len(losses)) - 1
    least = max(1, int(sorted(losses, reverse=True)[room]) + 1)
    within = msgspec.structs.replace(costs, review_loss_minor={currency: least})
    ways = {
        "nothing": [Outcome.ALLOW] * len(scores),
        "thresholds": [policy.payment.outcome_of(score) for score in scores],
        "cost": [
            cheapest(score, amount, currency, within) or Outcome.ALLOW
            for score, amount in zip(scores, amounts, strict=True)
        ],
    }
    spent = {
        name: sum(
            cost_of(outcome, fraud, expected_loss_minor(fraud, amount, currency, costs) or 0.0, currency, costs)
            for outcome, fraud, amount in zip(outcomes, frauds, amounts, strict=True)
        )
        / len(scores)
        for name, outcomes in ways.items()
    }
    taken = Counter(ways["cost"])
    shares = {outcome.label: taken[outcome] / len(scores) for outcome in Outcome if taken[outcome]}
    return Judgement(currency, costs.reviews_per_day, least, spent, shares)
