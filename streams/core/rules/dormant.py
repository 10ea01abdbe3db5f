"""Has a sleeping account woken up with a large amount?"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import QUIET, Fired, NotApplicable, RuleResult, band_of, reaches
from streams.core.sections import Amounts, RuleSection

DAY_S = 86_400.0
NEVER_USED = NotApplicable("the account has never spent")


class DormantPolicy(RuleSection, frozen=True, kw_only=True):
    """How long is asleep, and multiples of the usual amount per band."""

    idle_days: float
    times_usual: tuple[float, ...]
    min_minor: Amounts


def dormant(event: Movement, _at_ms: int, features: Features, policy: DormantPolicy) -> RuleResult:
    """A long silence, then an amount far above the usual one (T7).

    Asks: how long has nothing been spent, and how many times the usual amount is this?
    Fires when: idle >= policy.idle_days, amount >= policy.min_minor and times >= policy.times_usual.
        Bands /01 /02 by times.
    Blind to: accounts that sleep for less; the yearly holiday on a rarely used card looks the same.
    Costs: one timestamp and the usual amount per account.
    """
    # Of money, not of logins: who wakes an account up logs in first.
    idle = features.since_spend_s / DAY_S
    if idle < policy.idle_days:
        return NEVER_USED if idle < 0.0 else QUIET
    times = features.amount_to_usual
    if times < policy.times_usual[0] or not reaches(event, policy.min_minor):
        return QUIET
    return Fired(
        band_of(times, policy.times_usual),
        ("R01", "R14"),
        {"amount": features.amount, "usual": features.amount / times, "idle_days": idle},
    )
