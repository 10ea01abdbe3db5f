"""Does what the model is asked about still look like what it was trained on?

The population stability index of every feature that it reads, and of its score, against the manifest: the sum over bins
of (now - then) * ln(now / then) (Siddiqi, Credit Risk Scorecards, 2006). Below 0.1 is the same, above 0.25 another
population, or another computation of the feature: a skew between training and serving shows here first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from models.artifact import Manifest, Spread

if TYPE_CHECKING:
    import numpy as np

SCORE: Final = "score"
# Rows after which the index is told: with ten bins, chance alone moves it by about 0.002.
WINDOW: Final = 5_000
_BINS = 10
_LEAST_SHARE = 1e-4  # an empty bin is told as rare, not as impossible


def spread_of(values: np.ndarray) -> Spread:
    """Tenths of the values as 32-bit numbers; equal ones share a bin, and what is missing (-1) has its own."""
    import numpy

    values = values.astype(numpy.float32)
    inner = numpy.quantile(values, numpy.linspace(0, 1, _BINS + 1)[1:-1], method="lower")
    edges = numpy.unique(inner)
    if (values == -1.0).any():
        edges = numpy.unique(numpy.append(edges, -1.0))
    shares = (_counts(edges, values) / len(values)).round(6)
    return Spread(tuple(float(f"{edge:.9g}") for edge in edges), tuple(shares.tolist()))


def _counts(edges: Sequence[float] | np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values per bin: up to and including its edge, the last one without end."""
    import numpy

    edges = numpy.asarray(edges, dtype=numpy.float32)
    return numpy.bincount(numpy.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)


def stability_index(then: Sequence[float], now: Sequence[float]) -> float:
    """The population stability index of two rows of shares."""
    import numpy

    expected, found = (numpy.maximum(numpy.asarray(shares), _LEAST_SHARE) for shares in (then, now))
    return float(((found - expected) * numpy.log(found / expected)).sum())


class Drift:
    """Collects what a model was asked about; whenever there is a window of it, says how far it has moved."""

    def __init__(self, manifest: Manifest) -> None:
        self._features = manifest.features
        self._spreads: Mapping[str, Spread] = manifest.spreads
        self._rows: list[tuple[float, ...]] = []
        self._scores: list[float] = []

    def see(self, rows: Sequence[tuple[float, ...]], scores: Sequence[float]) -> dict[str, float]:
        """The index by feature and of the score when a window is full; empty otherwise."""
        if not self._spreads:
            return {}
        self._rows.extend(rows)
        self._scores.extend(scores)
        if len(self._scores) < WINDOW:
            return {}
        import numpy

        columns = dict(zip(self._features, numpy.asarray(self._rows, dtype=numpy.float32).T, strict=True))
        columns[SCORE] = numpy.asarray(self._scores, dtype=numpy.float32)
        self._rows, self._scores = [], []
        return {
            name: stability_index(spread.shares, (_counts(spread.edges, columns[name]) / len(columns[name])).tolist())
            for name, spread in self._spreads.items()
        }
