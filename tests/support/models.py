"""What does a test that needs a model do? It trains a small one and packs it as `paywarden train` does."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

from models.artifact import Spread, Trained, read_artifact, write_artifact
from models.training.history import History
from models.training.measures import DAY_MS
from models.training.package import package
from streams.contracts.base import to_ms
from streams.core.features import FEATURE_NAMES, FEATURES, MISSING

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

TRAINED_UNTIL_MS = to_ms(TRAINED.until)


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
    places: bool = False,
) -> Path:
    """The folder of a model that likes payments of the usual size, and with `places` only at places without frauds."""
    matrix, frauds = drawn(seed=seed)
    if places:
        frauds = np.where(matrix[:, FEATURES_READ.index("place_rate_30d")] > 0.1, 1, frauds)
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


def history(
    folder: Path,
    days: int = 42,
    start_ms: int = TRAINED_UNTIL_MS - 21 * DAY_MS,
    frauds_after_ms: int = 7 * DAY_MS,
) -> str:
    """Payments as `drawn` makes them, evenly over some days; that one was honest is known a week later."""
    matrix, frauds = drawn(rows=100 * days, seed=5)
    found = np.full((len(matrix), len(FEATURE_NAMES)), MISSING, dtype=np.float32)
    found[:, [FEATURE_NAMES.index(name) for name in FEATURES_READ]] = matrix
    at_ms = start_ms + np.arange(len(matrix)) * (DAY_MS // 100)
    known_ms = at_ms + np.where(frauds == 1, frauds_after_ms, 7 * DAY_MS)
    arrival = np.argsort(known_ms, kind="stable")
    path = folder / "history.npz"
    History(
        found,
        FEATURE_NAMES,
        np.array([f"p{number}" for number in range(len(matrix))]),
        np.arange(len(matrix), dtype=np.int64),
        at_ms.astype(np.int64),
        at_ms.astype(np.int64),
        arrival,
        frauds.astype(np.int8)[arrival],
        known_ms[arrival],
    ).save(path)
    return str(path)


def worse(folder: Path) -> Path:
    """The same model, calibrated so that everything above a middling score looks alike."""
    good = read_artifact(small_model(folder, name="good"))
    manifest = msgspec.structs.replace(good.manifest, name="flat", calibration=((0.0, 0.95), (1.0, 0.95)))
    return write_artifact(folder, manifest, good.onnx, good.parity, "")
