"""Is money being scattered to many people?"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import QUIET, Fired, RuleResult, band_of
from streams.core.sections import RuleSection


class FanOutPolicy(RuleSection, frozen=True, kw_only=True):
    """Receivers in a day, per band."""

    payees_1d: tuple[int, ...]


def fan_out(_event: Movement, _at_ms: int, features: Features, policy: FanOutPolicy) -> RuleResult:
    """Many different receivers within a day, this one new (T5, the other way round).

    Asks: is this payee new, and how many different ones were paid in a day?
    Fires when: new, and the count reaches policy.payees_1d. Bands /01 /02 by that count.
    Blind to: payouts to few receivers; a payroll run from a private account looks the same.
    Costs: one bounded set of 24 payees per account.
    """
    payees = features.payees_1d
    if payees < policy.payees_1d[0] or features.payee_new != 1.0:
        return QUIET
    return Fired(band_of(payees, policy.payees_1d), ("R21", "R03"), {"payees_1d": payees})
