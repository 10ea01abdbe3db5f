"""Is money being collected from many people and sent on?"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import QUIET, Fired, RuleResult, band_of
from streams.core.sections import RuleSection


class FanInPolicy(RuleSection, frozen=True, kw_only=True):
    """Senders in a day per band, and the few who receive."""

    payers_1d: tuple[int, ...]
    payees_max: float


def fan_in(_event: Movement, _at_ms: int, features: Features, policy: FanInPolicy) -> RuleResult:
    """Many senders, few receivers within a day (T5).

    Asks: how many different people sent money in a day, and to how many does it leave?
    Fires when: senders reach policy.payers_1d while receivers <= policy.payees_max. Bands /01 /02 by senders.
    Blind to: collections spread over days; a whip-round for a present looks the same.
    Costs: two bounded sets of 24 per account.
    """
    payers = features.payers_1d
    if payers < policy.payers_1d[0] or features.payees_1d > policy.payees_max:
        return QUIET
    evidence = {"payers_1d": payers, "payees_1d": features.payees_1d}
    return Fired(band_of(payers, policy.payers_1d), ("R09", "R06"), evidence)
