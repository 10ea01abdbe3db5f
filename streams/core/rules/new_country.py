"""Is the account being used in a country that it has never been in?"""

from __future__ import annotations

from typing import ClassVar

from streams.contracts.base import Event
from streams.core.features import Features
from streams.core.rules.base import COLD, QUIET, Fired, NotApplicable, RuleResult, WarmSection

NO_COUNTRY = NotApplicable("the event names no country")


class NewCountryPolicy(WarmSection, frozen=True, kw_only=True):
    """When a new country is more than a journey."""

    BANDS: ClassVar[int] = 3

    times_usual: float
    countries_7d: float


def new_country(_event: Event, _at_ms: int, features: Features, policy: NewCountryPolicy) -> RuleResult:
    """First use in a country.

    Asks: was the country never seen, is the device new too, and is the amount large or the list of countries long?
    Fires when: new country /01; and a new device, policy.times_usual of the usual amount or policy.countries_7d
        countries in a week /02; new device and one of the other two /03.
    Blind to: thieves who use an address in the customer's country; every journey abroad fires /01 once.
    Costs: one bounded set of 8 countries per account.
    """
    if features.country_new <= 0.0:
        return NO_COUNTRY if features.country_new < 0.0 else QUIET
    if policy.cold(features):
        return COLD
    device = features.device_new == 1.0
    much = features.amount_to_usual >= policy.times_usual or features.countries_7d >= policy.countries_7d
    evidence = {
        "countries_7d": features.countries_7d,
        "device_new": features.device_new,
        "amount_to_usual": features.amount_to_usual,
    }
    return Fired(1 + device + much, ("R05", "R02") if device else ("R05",), evidence)
