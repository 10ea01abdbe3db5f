"""What does a test that needs a model do? It trains a small one and packs it as `paywarden train` does."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

from models.artifact import Spread, Trained
from models.training.package import package
from streams.core.features import FEATURES

FEATURES_READ = ("amount", "amount_to_usual", "spend_count_1d", "merchant_new", "place_rate_30d")
TRAINED = Trained(
    data="drawn",
    data_sha256="0" * 64,
    since=datetime(2026, 1, 1, tzinfo=UTC),
    until=datetime(2026, 2, 1, tzinfo=UTC),
    payments=400,
    frauds=100,
    label_delay_s=604_800,
    seed=0,
    parameters={},
)


def drawn(rows: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Feature rows in the order of FEATURES_READ, and labels: a fraud is several times the usual amount."""
    chance = np.random.default_rng(seed)
    usual = chance.lognormal(0, 0.6, rows)
    matrix = np.column_stack(
        [
            usual * 50,
            usual,
            chance.integers(1, 9, rows),
            chance.integers(0, 2, rows),
            np.where(chance.random(rows) < 0.8, -1.0, chance.random(rows)),
        ]
    ).astype(np.float32)
    return matrix, (usual > 2.0).astype(int)


def small_model(
    folder: Path,
    *,
    name: str = "small",
    seed: int = 0,
    features: tuple[str, ...] = FEATURES_READ,
    spreads: dict[str, Spread] | None = None,
) -> Path:
    """The folder of a model that likes payments of the usual size and nothing else."""
    matrix, frauds = drawn(seed=seed)
    classifier = ExtraTreesClassifier(20, max_depth=6, random_state=seed).fit(matrix, frauds)
    assert set(features) <= {spec.name for spec in FEATURES}
    return package(
        folder,
        classifier,
        matrix,
        name=name,
        family="extra_trees",
        features=features,
        usual=np.median(matrix[frauds == 0], axis=0).tolist(),
        calibration=((0.0, 0.0), (0.5, 0.4), (1.0, 1.0)),
        thresholds={"review": 0.5},
        trained=TRAINED,
        metrics={},
        spreads=spreads,
    )
