"""Is this amount far above what the customer usually spends?"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import COLD, NO_AMOUNT, QUIET, Fired, RuleResult, WarmSection, band_of, reaches
from streams.core.sections import Amounts


class AmountHabitPolicy(WarmSection, frozen=True, kw_only=True):
    """Multiples of the usual amount per band, how unusual that must be, and what is too little to ask about."""

    times_usual: tuple[float, ...]
    deviations: float
    min_minor: Amounts


def amount_habit(event: Movement, _at_ms: int, features: Features, policy: AmountHabitPolicy) -> RuleResult:
    """An amount that is a multiple of the usual one, also for a customer whose amounts vary.

    Asks: how many times the usual amount is this, and how many standard deviations above it on a logarithmic scale?
    Fires when: amount >= policy.min_minor, times >= policy.times_usual and deviations >= policy.deviations.
        Bands /01 /02 /03 by times.
    Blind to: thieves who stay within the habit; rent once a quarter and the annual holiday look like theft.
    Costs: three decaying sums per account; the geometric mean that they give is not moved much by a fraud or two.
    """
    times = features.amount_to_usual
    if times < policy.times_usual[0]:
        return NO_AMOUNT if features.amount < 0.0 else QUIET
    if policy.cold(features):
        return COLD
    if features.amount_z < policy.deviations or not reaches(event, policy.min_minor):
        return QUIET
    evidence = {"amount": features.amount, "usual": features.amount / times, "amount_z": features.amount_z}
    return Fired(band_of(times, policy.times_usual), ("R01",), evidence)
