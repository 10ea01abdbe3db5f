"""Why does the model find a payment suspicious? What lowers its score most when it is taken back to the usual?

Features that speak of one thing are taken back together, because one of two that say the same would change nothing.
The question costs one row per reason and is asked only about events that somebody will look at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from models.serving.model import Model
from streams.core.features import MISSING, Features
from streams.core.score import Because

# What a reason must move the score by, in either direction, to be worth a line: this much, or a tenth of a small score.
# Frauds are rare, so that a payment may be challenged at a probability of a few in a hundred.
_LEAST = 0.02
_LEAST_SHARE = 0.1
_MOST = 4


class Ground(NamedTuple):
    """One reason of the fixed vocabulary: the families and features that speak of it, and what a person is shown."""

    code: str
    features: tuple[str, ...]
    observed: str
    usual: Callable[[Features], float | None] = lambda _features: None  # of this customer


def _usual_amount(features: Features) -> float | None:
    times = features.amount_to_usual
    return round(features.amount / times, 2) if times > 0.0 and features.amount >= 0.0 else None


def _usual_count_1d(features: Features) -> float | None:
    """The mean of the last 30 days, or of the days that the account is known for."""
    days = min(30.0, features.observed_days)
    return round(features.spend_count_30d / days, 2) if days >= 1.0 else None


def _usual_spend(features: Features) -> float | None:
    return round(features.spend_mean_30d, 2) if features.spend_mean_30d != MISSING else None


def _none_is_usual(_features: Features) -> float:
    return 0.0


GROUNDS: tuple[Ground, ...] = (
    Ground(
        "R01",
        (
            "amount",
            "amount_to_mean_7d",
            "amount_to_mean_30d",
            "amount_to_max_30d",
            "amount_to_usual",
            "amount_z",
            "amount_to_median",
            "amount_deviations",
        ),
        "amount",
        _usual_amount,
    ),
    Ground("R03", ("merchant_new", "merchant_uses", "payee_new", "payee_uses"), "merchant_new"),
    Ground(
        "R04",
        ("spend_count_1d", "spend_count_7d", "spend_pace_1d", "since_spend_s", "merchants_1d", "merchant_spread_7d"),
        "spend_count_1d",
        _usual_count_1d,
    ),
    Ground(
        "R08",
        (
            "terminal_labels_7d",
            "terminal_labels_30d",
            "terminal_fraud_rate_1d",
            "terminal_fraud_rate_7d",
            "terminal_fraud_rate_30d",
            "place_rate_7d",
            "place_rate_30d",
            "place_rate_decayed",
            "place_since_fraud_days",
            "place_clean_after",
            "place_fraud_run",
            "place_run_days",
            "place_plain_decayed",
            "place_plain_7d",
            "place_plain_30d",
            "place_plain_run",
            "place_since_plain_days",
            "place_plain_span_days",
        ),
        "place_rate_30d",
    ),
    Ground("R17", ("hour", "night", "weekend"), "hour"),
    Ground(
        "R18",
        (
            "spikes_7d",
            "large_7d",
            "large_14d",
            "large_share_14d",
            "since_large_days",
            "largest_to_median_7d",
            "mean_7d_to_30d",
        ),
        "spend_mean_7d",
        _usual_spend,
    ),
    Ground(
        "R20",
        (
            "own_frauds_7d",
            "own_frauds_30d",
            "own_large_frauds_30d",
            "since_own_fraud_days",
            "own_fraud_span_days",
        ),
        "own_frauds_30d",
        _none_is_usual,
    ),
)


def because(model: Model, features: Features, score: float) -> tuple[Because, ...]:
    """The strongest reasons for `score`, what raises it first; empty where nothing alone moves it."""
    names = model.manifest.features
    place = {name: index for index, name in enumerate(names)}
    row = model.row(features)
    usual = model.manifest.usual
    grounds, rows = [], []
    for ground in GROUNDS:
        columns = [place[name] for name in ground.features if name in place]
        if columns:
            without = list(row)
            for column in columns:
                without[column] = usual[column]
            grounds.append(ground)
            rows.append(tuple(without))
    if not rows:
        return ()
    found = [(round(score - other, 6), ground) for other, ground in zip(model.score(rows), grounds, strict=True)]
    least = min(_LEAST, _LEAST_SHARE * score)
    found = [each for each in found if abs(each[0]) >= least]
    found.sort(key=lambda each: (each[0] < 0, -abs(each[0]), each[1].code))
    return tuple(_told(features, ground, moved) for moved, ground in found[:_MOST])


def _told(features: Features, ground: Ground, moved: float) -> Because:
    observed = getattr(features, ground.observed)
    direction = "raises" if moved > 0 else "lowers"
    if observed == MISSING:
        return Because(ground.code, direction, None, None)
    return Because(ground.code, direction, round(observed, 4), ground.usual(features))
