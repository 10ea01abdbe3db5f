"""Is somebody staying just under a limit, again and again?"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import NO_AMOUNT, QUIET, Fired, RuleResult, band_of
from streams.core.sections import RuleSection


class StructuringPolicy(RuleSection, frozen=True, kw_only=True):
    """Amounts just under a limit within a day, per band."""

    amounts_1d: tuple[int, ...]


def structuring(_event: Movement, _at_ms: int, features: Features, policy: StructuringPolicy) -> RuleResult:
    """Several amounts in the last tenth below a limit within a day (T6).

    Asks: is this amount just under a limit, and how many such amounts were there in a day?
    Fires when: this one is, and the count reaches policy.amounts_1d. Bands /01 /02 by that count.
    Blind to: amounts spread over days or accounts; prices like 99 are just under a limit too, hence the count.
    Costs: a ring of the last 32 amounts per account.
    """
    if features.near_limit <= 0.0:
        return NO_AMOUNT if features.near_limit < 0.0 else QUIET
    amounts = features.near_limits_1d
    if amounts < policy.amounts_1d[0]:
        return QUIET
    return Fired(band_of(amounts, policy.amounts_1d), ("R16",), {"near_limits_1d": amounts})
