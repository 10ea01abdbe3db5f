"""Does money leave this account as soon as it arrives?"""

from __future__ import annotations

from typing import ClassVar

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import QUIET, Fired, NotApplicable, RuleResult, minor_of_home
from streams.core.sections import Amounts, RuleSection

NO_INFLOW = NotApplicable("no money came in during 30 minutes")


class PassThroughPolicy(RuleSection, frozen=True, kw_only=True):
    """Share of the inflow that leaves, what is too little to ask about, and who is too young."""

    BANDS: ClassVar[int] = 2

    share: float
    young_days: float
    balance_share: float
    min_minor: Amounts


def pass_through(event: Movement, _at_ms: int, features: Features, policy: PassThroughPolicy) -> RuleResult:
    """Money in and out again within 30 minutes: a mule (T4).

    Asks: which share of what came in during 30 minutes leaves now, is the account young, and is it emptied?
    Fires when: inflow >= policy.min_minor and share >= policy.share /01; and the account is younger than
        policy.young_days or loses policy.balance_share of its balance /02.
    Blind to: mules who wait an hour; people who top up for one transfer look the same, so /01 only notes.
    Costs: two sums of 30 minutes per account.
    """
    share = features.pass_through_30m
    if share < policy.share:
        return NO_INFLOW if share < 0.0 else QUIET
    least = policy.min_minor.get(event.currency)
    if least is None or minor_of_home(event, features, features.inflow_30m) < least:
        return QUIET
    evidence = {
        "pass_through_30m": share,
        "inflow_30m": features.inflow_30m,
        "account_age_days": features.account_age_days,
        "balance_share": features.balance_share,
    }
    young = 0.0 <= features.account_age_days < policy.young_days
    return Fired(2 if young or features.balance_share >= policy.balance_share else 1, ("R09",), evidence)
