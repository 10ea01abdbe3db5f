"""Was a tiny payment sent ahead to see whether a large one would pass?"""

from __future__ import annotations

from typing import ClassVar

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import NO_AMOUNT, QUIET, Fired, RuleResult, minor_of_home, reaches
from streams.core.sections import Amounts, RuleSection

HOUR_DAYS = 1.0 / 24.0


class ProbePolicy(RuleSection, frozen=True, kw_only=True):
    """What is tiny, what is large, and how far apart."""

    BANDS: ClassVar[int] = 2

    small_minor: Amounts
    large_minor: Amounts
    times: float


def probe(event: Movement, _at_ms: int, features: Features, policy: ProbePolicy) -> RuleResult:
    """A tiny amount, then a large one within the hour (T13).

    Asks: was there a tiny movement in the last hour, and is this one large and many times as much?
    Fires when: smallest of 1 h <= policy.small_minor, amount >= policy.large_minor and >= policy.times as much /01;
        and the merchant or payee was first met within the hour, or a refusal lies less than an hour back /02.
    Blind to: probes with ordinary amounts or on another account; coffee, then a new furniture shop looks the same.
    Costs: a ring of the last 32 amounts per account.
    """
    smallest = features.smallest_1h
    if smallest < 0.0:
        return QUIET
    if features.amount <= 0.0:
        return NO_AMOUNT
    if features.amount < policy.times * smallest or not reaches(event, policy.large_minor):
        return QUIET
    small = policy.small_minor.get(event.currency)
    if small is None or minor_of_home(event, features, smallest) > small:
        return QUIET
    # New, or first met by the probe itself.
    met_days = max(features.merchant_age_days, features.payee_age_days)
    new = features.merchant_new == 1.0 or features.payee_new == 1.0 or 0.0 <= met_days < HOUR_DAYS
    refused = 0.0 <= features.since_decline_s < 3600.0
    evidence = {"amount": features.amount, "smallest_1h": smallest, "merchant_new": features.merchant_new}
    return Fired(2 if new or refused else 1, ("R13",), evidence)
