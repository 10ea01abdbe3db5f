"""Is this amount far above what the customer usually spends?"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import COLD, NO_AMOUNT, QUIET, Fired, RuleResult, WarmSection, band_of, reaches
from streams.core.sections import Amounts


class AmountHabitPolicy(WarmSection, frozen=True, kw_only=True):
    """Multiples of the mean of 30 days, per band, and what is too little to ask about."""

    times_mean: tuple[float, ...]
    times_max: float  # and at least this multiple of the largest earlier amount: big spenders have big days
    min_minor: Amounts


def amount_habit(event: Movement, _at_ms: int, features: Features, policy: AmountHabitPolicy) -> RuleResult:
    """An amount that is a multiple of the customer's mean of 30 days and rivals the largest one.

    Asks: how many times the customer's mean of 30 days is this amount, and how does it compare with the largest?
    Fires when: amount >= policy.min_minor, >= policy.times_mean and >= policy.times_max.
        Bands /01 /02 /03 by times_mean.
    Blind to: thieves who stay within the habit; rent once a quarter and the annual holiday look like theft.
    Costs: a running mean and maximum of 30 days per account.
    """
    times = features.amount_to_mean_30d
    if times < policy.times_mean[0]:
        return NO_AMOUNT if features.amount < 0.0 else QUIET
    if policy.cold(features):
        return COLD
    if features.amount_to_max_30d < policy.times_max or not reaches(event, policy.min_minor):
        return QUIET
    evidence = {
        "amount": features.amount,
        "usual": features.amount / times,
        "amount_to_mean_30d": times,
        "amount_to_max_30d": features.amount_to_max_30d,
    }
    return Fired(band_of(times, policy.times_mean), ("R01",), evidence)
