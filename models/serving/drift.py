"""Does what the model is asked about still look like what it was trained on?

The population stability index of every feature that it reads, and of its score, against the manifest: the sum over bins
of (now - then) * ln(now / then) (Siddiqi, Credit Risk Scorecards, 2006). Below 0.1 is the same, above 0.25 another
population. Beside it the skew of every feature, the share of values that training hardly knew: outside its range, or
missing more often than there. A population moves slowly and within its range; a feed that stopped, another unit or
another computation of a feature does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from models.artifact import Manifest, Spread
from streams.core.features import MISSING

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
    present = values[values != MISSING]
    inner = numpy.quantile(values, numpy.linspace(0, 1, _BINS + 1)[1:-1], method="lower")
    edges = numpy.unique(inner)
    if len(present) < len(values):
        edges = numpy.unique(numpy.append(edges, MISSING))
    shares = (_counts(edges, values) / len(values)).round(6)
    low, high = (_exact(present.min()), _exact(present.max())) if len(present) else (None, None)
    return Spread(tuple(map(_exact, edges)), tuple(shares.tolist()), low, high)


def _exact(value: np.float32) -> float:
    """As few digits as bring the same 32-bit number back."""
    return float(f"{value:.9g}")


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


def skew(spread: Spread, values: np.ndarray) -> float:
    """Share of these values that training hardly knew, 0 .. 1; of models before this measure, of missing ones only."""
    missing_then = spread.shares[0] if spread.edges and spread.edges[0] == MISSING else 0.0
    missing = values == MISSING
    outside = 0.0
    if spread.low is not None and spread.high is not None:
        outside = float((~missing & ((values < spread.low) | (values > spread.high))).mean())
    elif missing_then == 1.0:
        outside = float((~missing).mean())
    return outside + max(float(missing.mean()) - missing_then, 0.0)


class Told(NamedTuple):
    """Of one window: the index by feature and of the score, and the skew by feature."""

    psi: Mapping[str, float] = {}
    skew: Mapping[str, float] = {}


class Drift:
    """Collects what a model was asked about; whenever there is a window of it, says how far it has moved."""

    def __init__(self, manifest: Manifest) -> None:
        self._features = manifest.features
        self._spreads: Mapping[str, Spread] = manifest.spreads
        self._rows: list[tuple[float, ...]] = []
        self._scores: list[float] = []

    def see(self, rows: Sequence[tuple[float, ...]], scores: Sequence[float]) -> Told:
        """How far the window has moved once it is full; empty otherwise."""
        if not self._spreads:
            return _NOTHING
        self._rows.extend(rows)
        self._scores.extend(scores)
        if len(self._scores) < WINDOW:
            return _NOTHING
        import numpy

        columns = dict(zip(self._features, numpy.asarray(self._rows, dtype=numpy.float32).T, strict=True))
        columns[SCORE] = numpy.asarray(self._scores, dtype=numpy.float32)
        self._rows, self._scores = [], []
        index = {
            name: stability_index(spread.shares, (_counts(spread.edges, columns[name]) / len(columns[name])).tolist())
            for name, spread in self._spreads.items()
        }
        return Told(index, {name: skew(self._spreads[name], columns[name]) for name in index if name != SCORE})


_NOTHING = Told()
