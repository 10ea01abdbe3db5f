"""Is the customer spending at an hour when this customer sleeps?"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import COLD, QUIET, Fired, NotApplicable, RuleResult, WarmSection, band_of, reaches
from streams.core.sections import Amounts

NO_HABIT = NotApplicable("no hours of earlier activity")


class UnusualHourPolicy(WarmSection, frozen=True, kw_only=True):
    """How far from the usual hours, and multiples of the usual amount per band."""

    hours: float
    times_usual: tuple[float, ...]
    min_minor: Amounts


def unusual_hour(event: Movement, _at_ms: int, features: Features, policy: UnusualHourPolicy) -> RuleResult:
    """A large amount at night, far from the hours of earlier activity.

    Asks: is it night, how far is the nearest usual hour, and how many times the usual amount is this?
    Fires when: night, distance >= policy.hours, amount >= policy.min_minor and times >= policy.times_usual.
        Bands /01 /02 by times.
    Blind to: thieves in the daytime; shift workers and travellers are at home at any hour.
    Costs: 24 decaying counts per account.
    """
    if features.night != 1.0:
        return QUIET
    if features.hour_distance < policy.hours:
        return NO_HABIT if features.hour_distance < 0.0 else QUIET
    if policy.cold(features):
        return COLD
    times = features.amount_to_usual
    if times < policy.times_usual[0] or not reaches(event, policy.min_minor):
        return QUIET
    evidence = {
        "amount": features.amount,
        "usual": features.amount / times,
        "hour": features.hour,
        "hour_distance": features.hour_distance,
    }
    return Fired(band_of(times, policy.times_usual), ("R01", "R17"), evidence)
