"""Is this account running from shop to shop?"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import QUIET, Fired, RuleResult, band_of
from streams.core.sections import RuleSection


class MerchantHoppingPolicy(RuleSection, frozen=True, kw_only=True):
    """Different merchants in one hour, per band."""

    merchants: tuple[int, ...]


def merchant_hopping(_event: Movement, _at_ms: int, features: Features, policy: MerchantHoppingPolicy) -> RuleResult:
    """Payments to many different merchants within an hour (T2).

    Asks: how many different merchants did this account pay in the last hour?
    Fires when: the count reaches policy.merchants. Bands /01 /02 by that count.
    Blind to: a thief who empties the card at one merchant; a market day looks the same.
    Costs: one bounded set of at most 48 merchants per account.
    """
    merchants = features.merchants_1h
    if merchants < policy.merchants[0]:
        return QUIET
    return Fired(band_of(merchants, policy.merchants), ("R04",), {"merchants_1h": merchants})
