"""Why does the model find a payment suspicious? What lowers its score most when it is taken back to the usual?

Features that speak of one thing are taken back together, because one of two that say the same would change nothing.
The question costs one row per reason and is asked only about events that somebody will look at.
"""

from __future__ import annotations

from typing import NamedTuple

from models.serving.model import Model
from streams.core.features import MISSING, Features
from streams.core.score import Because

# What a reason must move the score by, in either direction, to be worth a line.
_LEAST = 0.02
_MOST = 4


class Ground(NamedTuple):
    """One reason of the fixed vocabulary: the families and features that speak of it, and what a person is shown."""

    code: str
    features: tuple[str, ...]
    observed: str
    usual: str | None = None  # a feature that the observed one is divided by, or that holds the usual value itself


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
        "amount_to_usual",
    ),
    Ground("R03", ("merchant_new", "merchant_uses", "payee_new", "payee_uses"), "merchant_new"),
    Ground(
        "R04",
        ("spend_count_1d", "spend_count_7d", "spend_pace_1d", "since_spend_s", "merchants_1d", "merchant_spread_7d"),
        "spend_count_1d",
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
        "large_14d",
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
    found = [each for each in found if abs(each[0]) >= _LEAST]
    found.sort(key=lambda each: (each[0] < 0, -abs(each[0]), each[1].code))
    return tuple(_told(features, ground, moved) for moved, ground in found[:_MOST])


def _told(features: Features, ground: Ground, moved: float) -> Because:
    observed = getattr(features, ground.observed)
    usual = None
    if ground.usual is not None:
        times = getattr(features, ground.usual)
        usual = round(observed / times, 2) if times > 0.0 and observed >= 0.0 else None
    return Because(
        ground.code, "raises" if moved > 0 else "lowers", None if observed == MISSING else round(observed, 4), usual
    )
