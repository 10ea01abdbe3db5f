"""Which pattern do the latest amounts and proved frauds of this account make? (families pattern, proved)

The usual amount here is a median, which a burst of large payments cannot move until it is half of what is looked at.
"""

from __future__ import annotations

from bisect import bisect_right

from streams.core.familiar import different
from streams.core.features.catalogue import MISSING
from streams.core.features.view import View
from streams.core.observations import Observations
from streams.core.windows import DAY, opened

_LOOKED_AT = 64  # movements of 30 days that a median is taken from: three weeks at three a day
_LEAST = 5  # fewer movements have no pattern
LARGE_RATIO = 3.0  # times the median: what a customer does about once in a thousand payments
_LEAST_SPREAD = 0.1  # of the median: a customer who always pays the same is still allowed ten per cent
_QUARTILES = 1.349  # distance of the quartiles of a normal distribution, in standard deviations
_MOST_DEVIATIONS = 50.0
_LABEL_DELAY = 7 * DAY

_NOT_PROVED = (0.0, MISSING, MISSING)
_NOTHING = (MISSING, MISSING, 0.0, 0.0, MISSING, MISSING, MISSING)


def pattern(v: View) -> tuple[float, ...]:
    """amount_to_median .. merchant_spread_7d."""
    return (*_amounts(v), *_pace(v))


def _amounts(v: View) -> tuple[float, ...]:
    amounts, times = _latest(v.obs, v.at)
    if len(amounts) < _LEAST:
        return _NOTHING
    ordered = sorted(amounts)
    number = len(ordered)
    median = ordered[number // 2]
    at, minor = v.at, v.minor
    ratio = deviations = largest_ratio = MISSING
    large_7d = large_14d = 0
    since = share = MISSING
    if median > 0:
        if minor >= 0:
            spread = (ordered[(3 * number) // 4] - ordered[number // 4]) / _QUARTILES
            over = (minor - median) / max(spread, _LEAST_SPREAD * median)
            ratio = minor / median
            deviations = 0.0 if over < 0.0 else min(over, _MOST_DEVIATIONS)
        line = LARGE_RATIO * median
        week = bisect_right(times, at - 7 * DAY)
        fortnight = bisect_right(times, at - 14 * DAY, 0, week)
        if week < number:
            largest_ratio = max(amounts[week:]) / median
        if ordered[-1] > line:
            large = [then for amount, then in zip(amounts, times, strict=True) if amount > line]
            large_14d = len(large) - bisect_right(large, at - 14 * DAY)
            large_7d = len(large) - bisect_right(large, at - 7 * DAY)
            since = (at - large[-1]) / DAY
        if fortnight < number:
            share = large_14d / (number - fortnight)
    return ratio, deviations, float(large_7d), float(large_14d), share, since, largest_ratio


def _latest(obs: Observations, at: int) -> tuple[list[int], list[int]]:
    """(amounts, times) of the newest priced movements of 30 days, at most _LOOKED_AT, oldest first."""
    ring = obs.spend
    if not ring.times:
        return [], []
    times = opened(ring.times)
    end = bisect_right(times, at)
    first = max(bisect_right(times, at - 30 * DAY, 0, end), end - _LOOKED_AT)
    return ring.amounts[first:end].tolist(), times[first:end].tolist()


def _pace(v: View) -> tuple[float, float, float]:
    """spend_pace_1d, mean_7d_to_30d, merchant_spread_7d."""
    obs, at = v.obs, v.at
    ring = obs.spend
    pace = trend = spread = MISSING
    if not ring.times:
        return pace, trend, spread
    times, amounts = opened(ring.times), ring.amounts
    end = bisect_right(times, at)
    month = bisect_right(times, at - 30 * DAY, 0, end)
    week = bisect_right(times, at - 7 * DAY, month, end)
    days = min(30.0, (v.at_ms - obs.first_ms) / DAY)
    if end > month and days >= 1.0:
        day = bisect_right(times, at - DAY, week, end)
        pace = (end - day) * days / (end - month)
    if end > week:
        last_week = sum(amounts[week:end])
        all_month = last_week + sum(amounts[month:week])
        if all_month:
            trend = last_week / (end - week) * (end - month) / all_month
        spread = min(1.0, different(obs.merchants, (v.at_ms - 7 * DAY) // 1000) / (end - week))
    return pace, trend, spread


def proved(v: View) -> tuple[float, ...]:
    """own_large_frauds_30d, since_own_fraud_days, own_fraud_span_days."""
    obs, at = v.obs, v.at
    if not obs.frauds:
        return _NOT_PROVED
    frauds = opened(obs.frauds)
    first, end = bisect_right(frauds, at - 30 * DAY - _LABEL_DELAY), bisect_right(frauds, at)
    if first == end:
        return _NOT_PROVED
    usual = median_of(obs, at)
    large = 0
    for then in frauds[first:end]:
        amount = amount_at(obs, then)
        if amount is not None and usual and amount > LARGE_RATIO * usual:
            large += 1
    return float(large), (at - frauds[end - 1]) / DAY, (at - frauds[first]) / DAY


def median_of(obs: Observations, at: int) -> int:
    """The median of the latest amounts at `at` (relative to the base), in minor units; 0 where there is no pattern."""
    amounts, _ = _latest(obs, at)
    return sorted(amounts)[len(amounts) // 2] if len(amounts) >= _LEAST else 0


def amount_at(obs: Observations, at: int) -> int | None:
    """What was spent at exactly `at` (relative to the base), in minor units; None if it is not in the ring any more."""
    ring = obs.spend
    if not ring.times:
        return None
    times = opened(ring.times)
    end = bisect_right(times, at)
    return ring.amounts[end - 1] if end and times[end - 1] == at else None


def times_usual(obs: Observations, subject_ms: int, at_ms: int) -> float | None:
    """How many times the median the movement of `subject_ms` was; None where that cannot be said."""
    if obs.first_ms == -1:
        return None
    usual = median_of(obs, at_ms - obs.base_ms)
    amount = amount_at(obs, subject_ms - obs.base_ms)
    return None if amount is None or not usual else amount / usual
