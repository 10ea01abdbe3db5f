"""May this candidate take the champion's place: is it better on what neither has seen, without more alerts?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import numpy as np

from models.serving.model import Model
from models.training.fit import NotEnough, Plan, folds_of, mature
from models.training.history import FRAUD, History
from models.training.measures import Measured, measured
from streams.contracts.base import from_ms, to_ms
from streams.core.currencies import exponent_of
from streams.core.expected_cost import cheapest
from streams.core.outcome import Outcome
from streams.core.policy import ModelPolicy

# Fewer frauds say nothing about which of two models is better.
_LEAST_FRAUDS = 20


class Side(NamedTuple):
    """What one model makes of the payments that are compared."""

    model_id: str
    measured: Measured
    alert_share: float  # of payments that somebody would have to look at because of the score


class Comparison(NamedTuple):
    """Both models on the same payments, and what keeps the candidate from being promoted."""

    since: datetime
    until: datetime
    payments: int
    frauds: int
    champion: Side
    candidate: Side
    problems: tuple[str, ...]


def compared(
    champion: Model, candidate: Model, history: History, plan: Plan, policy: ModelPolicy, currency: str | None
) -> Comparison:
    """Compares on the newest mature weeks, without what one of the two was trained on. Raises NotEnough.

    Alerts are what `policy` makes of the scores, by cost in `currency`, that of the history's amounts, if it says so.

    That both answer as their trainers did is checked when they are loaded.
    """
    unseen_ms = max(to_ms(model.manifest.trained.until) for model in (champion, candidate))
    history = history.until(plan.until_ms)
    rows = np.zeros(len(history.at_ms), dtype=bool)
    for fold in folds_of(history, plan):
        rows |= fold.test & (history.at_ms >= unseen_ms)
    frauds = (mature(history, plan, plan.until_ms)[rows] == FRAUD).astype(int)
    if int(frauds.sum()) < _LEAST_FRAUDS:
        raise NotEnough(
            f"Only {int(frauds.sum())} frauds of the last {plan.weeks} mature weeks happened after "
            f"{from_ms(unseen_ms):%Y-%m-%d}, when the newer of the two models was trained; let it watch (--shadow, "
            f"PAYWARDEN_SHADOW_MODEL_DIRS) until there are {_LEAST_FRAUDS}."
        )
    judge = _judge(policy, currency)
    sides = [_side(model, history, rows, frauds, judge) for model in (champion, candidate)]
    now, then = sides[1], sides[0]
    problems = []
    if now.measured.average_precision <= then.measured.average_precision:
        problems.append(
            f"average precision {now.measured.average_precision:.3f}, the champion's is "
            f"{then.measured.average_precision:.3f}"
        )
    if now.alert_share > then.alert_share:
        problems.append(f"alerts about {now.alert_share:.3%} of payments, the champion about {then.alert_share:.3%}")
    at_ms = history.at_ms[rows]
    return Comparison(
        from_ms(int(at_ms.min())), from_ms(int(at_ms.max())), len(frauds), int(frauds.sum()), then, now, tuple(problems)
    )


def _judge(policy: ModelPolicy, currency: str | None) -> Callable[[float, float], Outcome]:
    """What a score and an amount in major units become; as in core.verdict, thresholds are for amounts without rate."""
    if policy.decides == "thresholds":
        return lambda score, _amount: policy.payment.outcome_of(score)
    if currency is None:
        raise NotEnough("The policy decides by cost: name the currency that the history's amounts are in, --currency.")
    scale = 10 ** exponent_of(currency)

    def by_cost(score: float, amount: float) -> Outcome:
        found = cheapest(score, round(amount * scale), currency, policy.costs) if amount >= 0.0 else None
        return policy.payment.outcome_of(score) if found is None else found

    return by_cost


def _side(
    model: Model, history: History, rows: np.ndarray, frauds: np.ndarray, judge: Callable[[float, float], Outcome]
) -> Side:
    scores = np.array(model.score(history.columns(model.manifest.features)[rows]))
    found = measured(history.accounts[rows], history.at_ms[rows], frauds, scores)
    amounts = history.columns(["amount"])[rows, 0]
    alerts = [judge(*each) >= Outcome.REVIEW for each in zip(scores.tolist(), amounts.tolist(), strict=True)]
    return Side(model.manifest.model_id, found, float(np.mean(alerts)))
