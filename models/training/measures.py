"""How good are scores, for those who have to work with them?

Average precision; card precision at k per day (the share of compromised cards among the k most suspicious, cards that
were found leave the following days); calibration; and what an outcome at a threshold does to honest customers.
Definitions: Le Borgne et al., Reproducible Machine Learning for Credit Card Fraud Detection, 2022, chapters 3 and 4.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

DAY_MS = 86_400_000
DAYS = 7
DELAY_DAYS = 7


class Measured(NamedTuple):
    """What one test week says about scores."""

    auc: float
    average_precision: float
    card_precision: float
    brier: float
    calibration_error: float  # mean distance of score and frequency over scores above 0.02, by tenths of their range


class AtThreshold(NamedTuple):
    """What an outcome from one score on does."""

    legit_share: float  # of legitimate payments
    recall: float
    precision: float


def counted(accounts: np.ndarray, at_ms: np.ndarray, frauds: np.ndarray, start_ms: int) -> tuple[np.ndarray, ...]:
    """(train, test) of the week that is trained from `start_ms` on, as row masks.

    The test week begins two weeks later, because labels take one. A card whose fraud is known by then does not count:
    nobody needs a model for it. A day's labels are known seven days after the day ended.
    """
    day = (at_ms - start_ms) // DAY_MS
    train = (day >= 0) & (day < DAYS)
    test = (day >= DAYS + DELAY_DAYS) & (day < 2 * DAYS + DELAY_DAYS)
    window = (frauds == 1) & (day >= 0) & (day < 2 * DAYS + DELAY_DAYS)
    first = np.full(int(accounts.max(initial=0)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, accounts[window], day[window])
    known = first[accounts] <= day - DELAY_DAYS - 1
    return train, test & ~known


def card_precision(
    accounts: np.ndarray, day: np.ndarray, frauds: np.ndarray, scores: np.ndarray, k: int = 100
) -> float:
    """Mean over the days of hits / k."""
    shares = card_precisions(accounts, day, frauds, scores, k)
    return float(np.mean(list(shares.values()))) if shares else 0.0


def card_precisions(
    accounts: np.ndarray, day: np.ndarray, frauds: np.ndarray, scores: np.ndarray, k: int = 100
) -> dict[int, float]:
    """Hits / k by day, oldest first; equal scores rank by the lower account, and cards that were found do not rank."""
    found: set[int] = set()
    shares = {}
    for today in np.unique(day):
        rows = day == today
        cards: dict[int, tuple[float, int]] = {}
        for card, score, fraud in zip(accounts[rows], scores[rows], frauds[rows], strict=True):
            if card not in found:
                best, bad = cards.get(card, (-1.0, 0))
                cards[card] = (max(best, score), max(bad, fraud))
        top = sorted(cards.items(), key=lambda item: (-item[1][0], item[0]))[:k]
        hits = [card for card, (_, bad) in top if bad]
        found.update(hits)
        shares[int(today)] = len(hits) / k
    return shares


def calibration_error(frauds: np.ndarray, scores: np.ndarray, above: float = 0.02, bins: int = 10) -> float:
    """Mean of |mean score - share of frauds| over equal ranges of the scores above `above`, weighted by their rows."""
    chosen = scores > above
    if not chosen.any():
        return 0.0
    place = np.minimum(((scores[chosen] - above) / (1.0 - above) * bins).astype(int), bins - 1)
    total = 0.0
    for number in range(bins):
        rows = place == number
        if rows.any():
            total += rows.sum() * abs(float(scores[chosen][rows].mean() - frauds[chosen][rows].mean()))
    return float(total) / int(chosen.sum())


def measured(accounts: np.ndarray, at_ms: np.ndarray, frauds: np.ndarray, scores: np.ndarray) -> Measured:
    """All measures over rows that count."""
    return Measured(
        float(roc_auc_score(frauds, scores)),
        float(average_precision_score(frauds, scores)),
        card_precision(accounts, at_ms // DAY_MS, frauds, scores),
        float(np.mean((scores - frauds) ** 2)),
        calibration_error(frauds, scores),
    )


def at_threshold(frauds: np.ndarray, scores: np.ndarray, threshold: float) -> AtThreshold:
    """What happens to legitimate payments and frauds that score at least `threshold`."""
    stopped = scores >= threshold
    legit = frauds == 0
    return AtThreshold(
        float(stopped[legit].mean()) if legit.any() else 0.0,
        float(stopped[~legit].mean()) if (~legit).any() else 0.0,
        float((~legit)[stopped].mean()) if stopped.any() else 0.0,
    )


def threshold_within(frauds: np.ndarray, scores: np.ndarray, legit_share: float) -> float:
    """The smallest score from which on at most `legit_share` of legitimate payments are stopped."""
    legit = np.sort(scores[frauds == 0])[::-1]
    allowed = int(legit_share * len(legit))
    if not len(legit) or allowed >= len(legit):
        return 0.0
    return float(np.round(legit[allowed] + 1e-6, 6))
