"""Is another population noticed, by feature and by score, and the same one left alone?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.features import calm
from support.metrics import RecordingMetrics
from support.models import FEATURES_READ, drawn, small_model

from models.artifact import Spread, read_artifact
from models.serving.drift import SCORE, WINDOW, Drift, skew, spread_of, stability_index
from models.serving.model import load_model
from streams.adapters.model_scorer import ModelScorer
from streams.adapters.policy_file import load_schedule
from streams.contracts.base import from_ms
from streams.contracts.payments import PaymentRequested
from streams.core.steps import Prepared
from streams.metrics import LABELS, MODEL_DRIFT, MODEL_SKEW, Gauge

POLICIES = load_schedule()
EVENT = PaymentRequested(
    event_id="e",
    source="s",
    occurred_at=from_ms(1_772_636_400_000),
    account_id="a",
    payment_id="p",
    amount_minor=5000,
    currency="EUR",
)


def test_the_index_is_that_of_the_book() -> None:
    assert stability_index((0.5, 0.5), (0.5, 0.5)) == 0.0
    assert stability_index((0.5, 0.5), (0.6, 0.4)) == pytest.approx(0.1 * np.log(1.2) - 0.1 * np.log(0.8))


def test_missing_values_have_a_bin_of_their_own() -> None:
    spread = spread_of(np.array([-1.0] * 3 + [0.0] * 90 + list(range(1, 8)), dtype=float))
    assert spread.edges[0] == -1.0
    assert spread.shares[0] == pytest.approx(0.03)
    assert sum(spread.shares) == pytest.approx(1.0)
    assert len(spread.shares) == len(spread.edges) + 1


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that says how its features and scores were spread."""
    matrix, _ = drawn(rows=20_000, seed=7)
    spreads = {name: spread_of(matrix[:, column]) for column, name in enumerate(FEATURES_READ)}
    folder = tmp_path_factory.mktemp("models")
    scores = load_model(small_model(folder, name="silent")).score(list(map(tuple, matrix.tolist())))
    return small_model(folder, spreads=spreads | {SCORE: spread_of(np.array(scores))})


def asked(rows: np.ndarray) -> list[Prepared]:
    return [
        Prepared(EVENT, 0, subject="payment", features=calm(**dict(zip(FEATURES_READ, map(float, row), strict=True))))
        for row in rows
    ]


def told(folder: Path, rows: np.ndarray, gauge: Gauge = MODEL_DRIFT) -> dict[str, float]:
    metrics = RecordingMetrics()
    scorer = ModelScorer(load_model(folder), POLICIES, metrics=metrics)
    for start in range(0, len(rows), 500):
        scorer.score(asked(rows[start : start + 500]))
    return {labels[0]: value for (metric, labels), value in metrics.gauges.items() if metric is gauge}


def test_only_what_has_moved_is_told_as_moved(known: Path) -> None:
    rows, _ = drawn(rows=WINDOW, seed=11)
    same = told(known, rows)
    assert set(same) == {*FEATURES_READ, SCORE}
    assert max(same.values()) < 0.05
    assert all(LABELS["feature"].admits(name) for name in same)
    rows[:, FEATURES_READ.index("amount_to_usual")] *= 3
    moved = told(known, rows)
    assert moved["amount_to_usual"] > 0.25
    assert moved[SCORE] > 0.25
    assert moved["spend_count_1d"] < 0.05


def test_a_skew_is_what_training_hardly_knew_and_not_that_people_spend_more(known: Path) -> None:
    rows, _ = drawn(rows=WINDOW, seed=11)
    column = FEATURES_READ.index("amount")
    same = told(known, rows, MODEL_SKEW)
    assert set(same) == {*FEATURES_READ}
    assert max(same.values()) < 0.005
    rows[:, column] *= 1.2
    assert told(known, rows, MODEL_SKEW)["amount"] < 0.05
    rows[:, column] *= 100  # minor units
    assert told(known, rows, MODEL_SKEW)["amount"] > 0.9
    rows[:, column] = -1.0  # the producer sends it no more
    gone = told(known, rows, MODEL_SKEW)
    assert gone["amount"] == 1.0
    assert gone["spend_count_1d"] < 0.005


def test_what_was_often_missing_may_be_missing() -> None:
    spread = spread_of(np.array([-1.0] * 40 + [2.0] * 60))
    assert (spread.low, spread.high) == (2.0, 2.0)
    assert skew(spread, np.array([-1.0] * 3 + [2.0] * 7)) == 0.0
    assert skew(spread, np.array([-1.0] * 9 + [3.0])) == pytest.approx(0.5 + 0.1)
    assert skew(spread_of(np.full(5, -1.0)), np.array([-1.0, 7.0])) == 0.5
    assert skew(Spread((1.0,), (0.5, 0.5)), np.array([99.0, -1.0])) == 0.5  # of an older model


def test_a_few_payments_are_no_population(known: Path) -> None:
    rows, _ = drawn(rows=WINDOW - 1, seed=11)
    assert told(known, rows * 9) == {}


def test_a_model_that_says_nothing_is_not_watched(tmp_path: Path) -> None:
    manifest = read_artifact(small_model(tmp_path)).manifest
    assert manifest.spreads == {}
    assert Drift(manifest).see([(0.0,) * len(FEATURES_READ)] * WINDOW, [0.0] * WINDOW) == ({}, {})
