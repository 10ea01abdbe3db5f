"""How much, how often, and how unlike this customer's habit is it? (families spend, habit, declines, flow)"""

from __future__ import annotations

from bisect import bisect_right
from math import expm1, log1p, sqrt

from streams.core.familiar import different
from streams.core.features.catalogue import MISSING
from streams.core.features.view import View
from streams.core.observations import TOPUP, TRIFLE, goes_to_a_stranger, habit_at
from streams.core.windows import DAY, HOUR, MINUTE, count, opened

_RECENT = 32  # amounts that are compared one by one: enough for every repetition rule, little in a burst
_LEAST_HABIT = 2.0  # decayed weight of about two movements: below it a deviation means nothing
_LEAST_DEVIATION = 0.1  # in logs: a customer who always pays the same is still allowed ten per cent


def event(v: View) -> tuple[float, ...]:
    """kind .. near_limit."""
    minor = v.minor
    if minor < 0:
        return float(v.kind), float(v.failed), MISSING, MISSING, MISSING
    scale = v.scale
    near = _is_near_limit(minor, v.basis.limits, scale)
    return float(v.kind), float(v.failed), minor / scale, _roundness(minor, scale), float(near)


def _roundness(minor: int, scale: int) -> float:
    if minor == 0 or minor % (10 * scale):
        return 0.0
    return 1.0 if minor % (100 * scale) else 2.0


def _is_near_limit(minor: int, limits: tuple[int, ...], scale: int) -> bool:
    for limit in limits:
        top = limit * scale
        if minor < top and minor * 10 >= top * 9:
            return True
    return False


def spend_and_habit(v: View) -> tuple[float, ...]:
    """spend_count_1m .. spikes_7d."""
    obs, at, minor, scale = v.obs, v.at, v.minor, v.scale
    ring = obs.spend
    own = 1 if v.counted else 0
    n30 = n7 = n1d = n1h = n5m = n1m = 0
    s30 = s7 = s1d = s1h = 0
    largest = -1
    recent: list[int] = []
    in_hour = 0
    if ring.times:
        times, amounts = opened(ring.times), ring.amounts
        end = len(times) if times[-1] <= at else bisect_right(times, at)
        month = bisect_right(times, at - 30 * DAY, 0, end)
        week = bisect_right(times, at - 7 * DAY, month, end)
        day = bisect_right(times, at - DAY, week, end)
        n30, n7, n1d = end - month, end - week, end - day
        if n1d:
            hour = bisect_right(times, at - HOUR, day, end)
            n1h = end - hour
            if n1h:
                five = bisect_right(times, at - 5 * MINUTE, hour, end)
                n5m = end - five
                n1m = end - bisect_right(times, at - MINUTE, five, end)
                s1h = sum(amounts[hour:end])
            s1d = s1h + sum(amounts[day:hour])
            recent = amounts[max(day, end - _RECENT) : end].tolist()
            in_hour = min(n1h, _RECENT)
        # From the other end: what is older than a month is little, what is older than a week is not.
        s7 = s1d + sum(amounts[week:day])
        s30 = ring.total - sum(amounts[:month]) - (sum(amounts[end:]) if end < len(times) else 0)
        if n30:
            if end == len(times) and obs.peak_ms > v.at_ms - 30 * DAY:
                largest = obs.peak_minor
            else:
                largest, _ = ring.largest(at - 30 * DAY, at)
    paid = own if minor >= 0 else 0
    plus = minor if paid else 0
    c30, c7, c1d, c1h, c5m, c1m = n30 + own, n7 + own, n1d + own, n1h + own, n5m + own, n1m + own
    foreign_day = 0
    if obs.unpriced:
        foreign = opened(obs.unpriced)
        foreign_day = count(foreign, at - DAY, at)
        c30 += count(foreign, at - 30 * DAY, at)
        c7 += count(foreign, at - 7 * DAY, at)
        c1d += foreign_day
        c1h += count(foreign, at - HOUR, at)
        c5m += count(foreign, at - 5 * MINUTE, at)
        c1m += count(foreign, at - MINUTE, at)
    lost = ring.lost
    return (
        float(c1m),
        float(c5m),
        float(c1h),
        float(c1d),
        float(c7),
        float(c30),
        (s1h + plus) / scale,
        (s1d + plus) / scale,
        (s7 + plus) / scale,
        (s30 + plus) / scale,
        (s1d + plus) / (n1d + paid) / scale if n1d + paid else MISSING,
        (s7 + plus) / (n7 + paid) / scale if n7 + paid else MISSING,
        (s30 + plus) / (n30 + paid) / scale if n30 + paid else MISSING,
        largest / scale if largest >= 0 else MISSING,
        max(0.0, (v.at_ms - obs.last_spend_ms) / 1000.0) if obs.last_spend_ms else MISSING,
        1.0 if lost is not None and lost > at - 30 * DAY else 0.0,
        float(foreign_day),
        *_habit(v, recent, in_hour, n7, s7, n30, s30, largest),
        float(count(opened(obs.spikes), at - 7 * DAY, at)) if obs.spikes else 0.0,
    )


def _habit(
    v: View, recent: list[int], in_hour: int, n7: int, s7: int, n30: int, s30: int, largest: int
) -> tuple[float, ...]:
    """amount_to_mean_7d .. near_limits_1d; `recent` are the last amounts of a day, the newest `in_hour` of one hour."""
    minor = v.minor
    if minor < 0:
        return _NO_HABIT
    usual, deviations = MISSING, MISSING
    weight, mean, variance = habit_at(v.obs, v.at_ms)
    if weight > 0.0:
        usual = minor / max(1.0, expm1(mean))
        if weight >= _LEAST_HABIT:
            spread = sqrt(variance)
            over = (log1p(minor) - mean) / (spread if spread > _LEAST_DEVIATION else _LEAST_DEVIATION)
            deviations = 0.0 if over < 0.0 else (over if over < 20.0 else 20.0)
    limits, scale = v.basis.limits, v.scale
    same = 1 if v.counted else 0
    near = 1 if v.counted and _is_near_limit(minor, limits, scale) else 0
    smallest = -1
    if recent:
        same += recent.count(minor)
        if in_hour:
            smallest = min(recent[-in_hour:])
        if limits and max(recent) * 10 >= min(limits) * scale * 9:
            near += sum(_is_near_limit(amount, limits, scale) for amount in recent)
    return (
        minor * n7 / s7 if s7 else MISSING,
        minor * n30 / s30 if s30 else MISSING,
        minor / largest if largest > 0 else MISSING,
        usual,
        deviations,
        float(same),
        smallest / scale if smallest >= 0 else MISSING,
        float(near),
    )


_NO_HABIT = (MISSING,) * 8


def declines(v: View, spent_1d: float) -> tuple[float, ...]:
    """declines_30m .. since_decline_s."""
    at = v.at
    own = 1 if v.refused else 0
    last_ms = v.obs.last_decline_ms
    since = max(0.0, (v.at_ms - last_ms) / 1000.0) if last_ms else MISSING
    if not v.obs.declines:
        share = MISSING if spent_1d == 0.0 else min(1.0, own / spent_1d)
        return float(own), float(own), float(own), share, float(own), since
    times = opened(v.obs.declines)
    day = count(times, at - DAY, at) + own
    return (
        float(count(times, at - 30 * MINUTE, at) + own),
        float(day),
        float(count(times, at - 7 * DAY, at) + own),
        min(1.0, day / spent_1d) if spent_1d else MISSING,
        float(count(times, v.obs.last_success_ms - v.obs.base_ms, at) + own),
        since,
    )


def flow(v: View) -> tuple[float, ...]:
    """inflow_30m .. refunds_30d."""
    obs, at, scale = v.obs, v.at, v.scale
    in_30m = in_1d = 0
    through = MISSING
    if obs.inflow.times:
        in_1d = obs.inflow.total_in(at - DAY, at)
        in_30m = obs.inflow.total_in(_unexplained(v, 30 * MINUTE), at)
        if in_30m > 0:
            out = obs.spend.total_in(_unexplained(v, 30 * MINUTE), at)
            through = (out + (v.minor if v.counted and v.minor > 0 else 0)) / in_30m
    balance = obs.balance_minor
    share = MISSING
    if balance is not None and balance > 0 and v.minor >= 0 and v.kind != TOPUP:
        share = min(1.0, v.minor / balance)
    refunds = float(count(opened(obs.refunds), at - 30 * DAY, at)) if obs.refunds else 0.0
    return in_30m / scale, in_1d / scale, through, share, refunds


def parts(v: View) -> tuple[float, ...]:
    """first_payees_sum_1d: what a movement to somebody new comes to, with others like it.

    Who was met within the day is still new: a small amount sent ahead, or a payment that was held and is tried again,
    makes nobody familiar.
    """
    obs, movement = v.obs, v.movement
    if movement is None or not v.counted or v.minor < 0 or not goes_to_a_stranger(obs, movement, v.kind, v.at_ms):
        return (MISSING,)
    earlier = obs.strange.total_in(v.at - DAY, v.at) if obs.strange.times else 0
    return ((earlier + v.minor) / v.scale,)


def gathered(v: View) -> tuple[float, ...]:
    """first_payers_1d, first_payers_sum_1d, gone_sum_1d: what first senders sent, how many they are, and what left.

    Who sent a hundredth of it or less has no part in a collection: anybody can send cents to anybody. What was only
    asked for has not left: else who is refused a large sum could send a small one on.
    """
    obs, after = v.obs, _unexplained(v, DAY)
    gone = obs.gone.total_in(after, v.at) if obs.gone.times else 0
    left = (gone + (v.minor if v.counted and v.minor > 0 else 0)) / v.scale
    total = obs.gathered.total_in(after, v.at) if obs.gathered.times else 0
    if total <= 0:
        return 0.0, 0.0, left
    sent = zip(opened(obs.gathered.times), obs.gathered.amounts, strict=True)
    weighty = sum(after < at <= v.at and amount * TRIFLE > total for at, amount in sent)
    senders = min(weighty, different(obs.payers, (obs.base_ms + after) // 1000))
    return float(senders), total / v.scale, left


def _unexplained(v: View, window: int) -> int:
    """When a window on what came in begins: not before what a person has found to be no mule's money."""
    return max(v.at - window, v.obs.explained_ms - v.obs.base_ms)
