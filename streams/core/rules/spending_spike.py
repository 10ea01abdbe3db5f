"""Has this customer spent much more today than on other days?"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import COLD, NO_AMOUNT, QUIET, Fired, RuleResult, WarmSection, band_of, minor_of_home
from streams.core.sections import Amounts


class SpendingSpikePolicy(WarmSection, frozen=True, kw_only=True):
    """Multiples of an ordinary day per band, how many movements it takes, and what is too little to ask about."""

    times_day: tuple[float, ...]
    movements: float
    min_minor: Amounts


def spending_spike(event: Movement, _at_ms: int, features: Features, policy: SpendingSpikePolicy) -> RuleResult:
    """A day's spending far above the mean day of the last 30.

    Asks: how many times the mean of the other days is the last day's sum, over several movements?
    Fires when: movements >= policy.movements, sum >= policy.min_minor and times >= policy.times_day.
        Bands /01 /02 /03 by times.
    Blind to: one large amount (amount-habit asks about that) and slow growth; moving house looks like theft.
    Costs: two running sums per account.
    """
    today = features.spend_sum_1d
    if features.spend_count_1d < policy.movements:
        return QUIET
    if features.amount < 0.0:
        return NO_AMOUNT
    if policy.cold(features):
        return COLD
    days = min(29.0, features.observed_days)
    mean_day = (features.spend_sum_30d - today) / days
    if mean_day <= 0.0 or today < policy.times_day[0] * mean_day:
        return QUIET
    least = policy.min_minor.get(event.currency)
    if least is None or minor_of_home(event, features, today) < least:
        return QUIET
    times = today / mean_day
    evidence = {"spend_sum_1d": today, "usual": mean_day, "spend_count_1d": features.spend_count_1d}
    return Fired(band_of(times, policy.times_day), ("R18",), evidence)
