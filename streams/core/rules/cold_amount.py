"""Is this a large amount from an account of which hardly anything is known yet?"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import NO_AMOUNT, QUIET, Fired, RuleResult, band_of
from streams.core.sections import Amounts, RuleSection


class ColdAmountPolicy(RuleSection, frozen=True, kw_only=True):
    """How little is little known, what is large, and multiples of that per band."""

    few_events: float
    young_days: float
    large_minor: Amounts
    times_large: tuple[float, ...]


def cold_amount(event: Movement, _at_ms: int, features: Features, policy: ColdAmountPolicy) -> RuleResult:
    """A large amount before there is a habit to compare it with: the rules about what is new are silent then (F24).

    Asks: how many times what counts as large is this, on an account younger than its profile or our memory vouches for?
    Fires when: account_age_days < policy.young_days, account_events < policy.few_events and
        amount / policy.large_minor >= policy.times_large. Bands /01 /02 /03 by times.
    Blind to: accounts that are fed small payments first; the first rent of a new customer looks the same.
    Costs: two numbers per account; a profile with the true opening date ends the doubt on the first day of PayWarden.
    """
    large = policy.large_minor.get(event.currency)
    if large is None:
        return NO_AMOUNT
    times = event.amount_minor / large
    if times < policy.times_large[0]:
        return QUIET
    if features.account_age_days >= policy.young_days or features.account_events >= policy.few_events:
        return QUIET
    evidence = {
        "times_large": times,
        "account_events": features.account_events,
        "account_age_days": features.account_age_days,
    }
    return Fired(band_of(times, policy.times_large), ("R25",), evidence)
