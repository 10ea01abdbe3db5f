"""How well did scores foretell what labels say, weeks later?

The score of a payment is remembered with it as one of a few bands, five bits, until its label arrives. That is enough
to tell precision and recall from any outcome's threshold on, and average precision to about a hundredth.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

# Smallest score of each band, finer where decisions are made; band 0 is a payment that was not scored.
BANDS_FROM: Final = (
    *(0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5),
    *(0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.92, 0.94, 0.96, 0.98, 0.99),
)


def band_of(score: float) -> int:
    """The band of a score: 1 .. len(BANDS_FROM)."""
    return bisect_right(BANDS_FROM, score)


def average_precision(frauds: Sequence[float], payments: Sequence[float]) -> float | None:
    """Sum over bands, highest first, of precision times the recall that the band adds; None without a fraud.

    `frauds` and `payments` are counts by band, lowest first; scores of one band tie, as equal scores do in
    scikit-learn's `average_precision_score`.
    """
    every = sum(frauds)
    if not every:
        return None
    found = seen = total = 0.0
    for bad, some in zip(reversed(frauds), reversed(payments), strict=True):
        found += bad
        seen += some
        if bad:
            total += found / seen * bad / every
    return total
