"""Is an account with proved frauds being spent from in the same way again?"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import QUIET, Fired, RuleResult, band_of
from streams.core.sections import RuleSection


class CompromisedAccountPolicy(RuleSection, frozen=True, kw_only=True):
    """Frauds that make an account compromised, and multiples of the usual amount per band."""

    frauds_30d: float
    times_usual: tuple[float, ...]


def compromised_account(
    _event: Movement, _at_ms: int, features: Features, policy: CompromisedAccountPolicy
) -> RuleResult:
    """Proved frauds on the account, and an amount above the usual one.

    Asks: how many frauds of this account are known, and how many times the usual amount is this?
    Fires when: frauds >= policy.frauds_30d and times >= policy.times_usual. Bands /01 /02 by times.
    Blind to: frauds whose label has not arrived; an owner who got a new card is suspected for weeks.
    Costs: a ring of labelled days per account.
    """
    frauds = features.own_frauds_30d
    if frauds < policy.frauds_30d:
        return QUIET
    times = features.amount_to_usual
    if times < policy.times_usual[0]:
        return QUIET
    evidence = {"amount": features.amount, "usual": features.amount / times, "own_frauds_30d": frauds}
    return Fired(band_of(times, policy.times_usual), ("R01", "R20"), evidence)
