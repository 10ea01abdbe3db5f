"""How unlikely is a run of failures, or a silence, if nothing is wrong?

Sources: Bernoulli CUSUM, Reynolds and Stoumbos 1999 (doi 10.1080/00224065.1999.11979901); its false alarms are at least
e^h events apart (Lorden 1971). Tails of the binomial and the Poisson are bounded by Chernoff, so they never flatter.
"""

from __future__ import annotations

import math

ODDS_RATIO = 3.0  # the shift that the CUSUM is tuned for: three times the odds of failure
LEAST_H, MOST_H = 9.2, 20.0


def shifted(p0: float, odds_ratio: float = ODDS_RATIO) -> float:
    """The failure share whose odds are `odds_ratio` times those of `p0`."""
    odds = odds_ratio * p0 / (1.0 - p0)
    return odds / (1.0 + odds)


def cusum(before: float, trials: int, failures: int, p0: float, p1: float) -> float:
    """The statistic after a bucket of trials whose order within the bucket is unknown."""
    up = math.log(p1 / p0)
    down = math.log((1.0 - p1) / (1.0 - p0))
    return max(0.0, before + failures * up + (trials - failures) * down)


def threshold(trials_per_day: float, days: float) -> float:
    """h such that all keys together raise one false alarm in `days` at most."""
    return min(MOST_H, max(LEAST_H, math.log(max(1.0, trials_per_day * days))))


def binomial_tail(trials: int, failures: int, p0: float) -> float:
    """Upper bound of the natural logarithm of P(X >= failures) for X ~ Binomial(trials, p0)."""
    if not trials or failures <= trials * p0:
        return 0.0
    share = failures / trials
    rest = 0.0 if failures == trials else (1.0 - share) * math.log((1.0 - share) / (1.0 - p0))
    return -trials * (share * math.log(share / p0) + rest)


def poisson_tail(expected: float, seen: int) -> float:
    """Upper bound of the natural logarithm of P(X <= seen) for X ~ Poisson(expected)."""
    if seen >= expected:
        return 0.0
    return -(expected - seen + (seen * math.log(seen / expected) if seen else 0.0))


def distinct(bits: int) -> int:
    """How many users set that many of 63 bits (linear counting): exact enough to tell 1, 10 and 100 apart."""
    free = 63 - bits.bit_count()
    return round(-63 * math.log(max(free, 0.5) / 63))
