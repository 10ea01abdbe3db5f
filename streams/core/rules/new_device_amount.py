"""Is a device that we have never seen spending a lot?"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import COLD, QUIET, Fired, NotApplicable, RuleResult, WarmSection, band_of, reaches
from streams.core.sections import Amounts

NO_DEVICE = NotApplicable("the event names no device")


class NewDeviceAmountPolicy(WarmSection, frozen=True, kw_only=True):
    """Multiples of the usual amount per band, and what is too little to ask about."""

    times_usual: tuple[float, ...]
    min_minor: Amounts


def new_device_amount(event: Movement, _at_ms: int, features: Features, policy: NewDeviceAmountPolicy) -> RuleResult:
    """A first payment from a new device, above the usual amount.

    Asks: was this device never seen on the account, and how many times the usual amount does it spend?
    Fires when: new, amount >= policy.min_minor and times >= policy.times_usual. Bands /01 /02 /03 by times.
    Blind to: thieves with the owner's device; a new phone on the day of a large purchase looks the same.
    Costs: one bounded set of 12 devices per account.
    """
    if features.device_new <= 0.0:
        return NO_DEVICE if features.device_new < 0.0 else QUIET
    if policy.cold(features):
        return COLD
    times = features.amount_to_usual
    if times < policy.times_usual[0] or not reaches(event, policy.min_minor):
        return QUIET
    return Fired(
        band_of(times, policy.times_usual),
        ("R01", "R02"),
        {"amount": features.amount, "usual": features.amount / times},
    )
