"""How does a fitted and calibrated classifier become the folder that a worker is given?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.artifact import Manifest, Parity, Spread, Trained, write_artifact
from models.serving.model import PARITY, load_model
from models.training.export import libraries, probabilities_of, to_onnx
from streams.core.features import feature_set_of

PARITY_ROWS = 64


class NotAlike(Exception):
    """The ONNX network does not answer as the classifier does; nothing was written."""


def package(
    folder: Path,
    classifier: Any,
    rows: np.ndarray,
    *,
    name: str,
    family: str,
    features: Sequence[str],
    usual: Sequence[float],
    calibration: Sequence[tuple[float, float]],
    thresholds: dict[str, float],
    trained: Trained,
    metrics: dict[str, float],
    spreads: dict[str, Spread] | None = None,
    subjects: Sequence[str] = ("payment",),
    card: str = "",
) -> Path:
    """Writes the artifact below `folder` and reads it back as a worker would; returns its folder.

    `rows` (any number, float32 columns in the order of `features`) are what parity is measured on; the first
    PARITY_ROWS of them, spread evenly over their probabilities, stay in the artifact. Raises NotAlike.
    """
    rows = np.asarray(rows, dtype=np.float32)
    onnx = to_onnx(classifier, len(features))
    wanted = np.asarray(classifier.predict_proba(rows)[:, 1], dtype=np.float64)
    difference = float(np.abs(probabilities_of(onnx, rows) - wanted).max(initial=0.0))
    if not difference <= PARITY:
        raise NotAlike(f"{family}: scikit-learn and ONNX differ by {difference:.1e}, allowed are {PARITY:.0e}")
    order = np.argsort(wanted, kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, min(PARITY_ROWS, len(order))).astype(int)]
    manifest = Manifest(
        name=name,
        family=family,
        subjects=tuple(subjects),
        features=tuple(features),
        feature_set=feature_set_of(features),
        usual=_short(usual),
        onnx_sha256="",
        parity_sha256="",
        parity_difference=difference,
        calibration=tuple((raw, probability) for raw, probability in map(_short, calibration)),
        thresholds=thresholds,
        trained=trained,
        metrics=metrics,
        libraries=libraries(),
        spreads=spreads or {},
    )
    parity = Parity(rows=tuple(map(_short, rows[chosen])), probabilities=_short(wanted[chosen]))
    home = write_artifact(folder, manifest, onnx, parity, card)
    load_model(home)
    return home


def _short(values: Iterable[float]) -> tuple[float, ...]:
    """Nine digits are a 32-bit number exactly, and more would only be longer."""
    return tuple(float(f"{value:.9g}") for value in values)
