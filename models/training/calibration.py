"""What is the probability behind a raw score, without losing the order of scores?"""

from __future__ import annotations

import numpy as np
from sklearn.isotonic import IsotonicRegression

Knots = tuple[tuple[float, float], ...]
_KNOTS_MAX = 48
_LEAST_ROWS = 20  # in a step of the curve; fewer say nothing about a probability
_APART = 1e-9


def calibration_of(raw: np.ndarray, frauds: np.ndarray) -> Knots:
    """Knots of a strictly rising curve through the steps of an isotonic regression, linear in between.

    Isotonic regression alone would make ties of whole ranges of scores, and a review queue needs their order; what ties
    now had the same raw score, or the same six decimals. Nothing that was seen makes certain: a step of frauds alone
    counts half a payment as honest, and beyond the last step the curve rises only by one more fraud in it.
    `raw` must come from payments that the model was not trained on.
    """
    order = np.argsort(raw, kind="stable")
    raw, frauds = raw[order], frauds[order]
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(raw, frauds).predict(raw)
    knots: list[tuple[float, float]] = [(0.0, 0.0)]
    start = rows = 0  # `rows`: in the step of the last knot
    edges = [*(np.flatnonzero(np.diff(fitted)) + 1).tolist(), len(raw)]
    for end in edges:
        if end - start < _LEAST_ROWS and end != len(raw):
            continue  # joined to the next step
        x, y = float(raw[start:end].mean()), min(float(frauds[start:end].mean()), 1.0 - 0.5 / (end - start + 1))
        if x > knots[-1][0] + _APART and y > knots[-1][1] + _APART:
            knots.append((x, y))
            rows = end - start
        start = end
    if len(knots) > _KNOTS_MAX:
        chosen = np.linspace(0, len(knots) - 1, _KNOTS_MAX).round().astype(int)
        knots = [knots[index] for index in chosen]
    x, y = knots[-1]
    if x < 1.0 - _APART:
        return (*knots, (1.0, y + (1.0 - y) / (rows + 1)))
    return (*knots[:-1], (1.0, y))


def calibrated(raw: np.ndarray, knots: Knots) -> np.ndarray:
    """Probabilities, rounded as the worker rounds them."""
    x, y = zip(*knots, strict=True)
    return np.asarray(np.interp(raw, x, y)).round(6)
