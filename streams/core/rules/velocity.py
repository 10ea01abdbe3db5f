"""Is this account spending faster than a person does?"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import QUIET, Fired, RuleResult, band_of
from streams.core.sections import RuleSection


class VelocityPolicy(RuleSection, frozen=True, kw_only=True):
    """Movements per band, this one included."""

    in_5m: tuple[int, ...]
    in_1h: tuple[int, ...]


def velocity(_event: Movement, _at_ms: int, features: Features, policy: VelocityPolicy) -> RuleResult:
    """Many outgoing movements in a short time (T2).

    Asks: how many movements did this account start in the last 5 minutes, and how many in the last hour?
    Fires when: either count reaches its band. Bands /01 /02 /03 by policy.in_5m and policy.in_1h.
    Blind to: a patient thief below the counts; an account that a company shares looks like one.
    Costs: two running counts that the features keep anyway.
    """
    in_5m, in_1h = features.spend_count_5m, features.spend_count_1h
    if in_5m < policy.in_5m[0] and in_1h < policy.in_1h[0]:
        return QUIET
    band = max(band_of(in_5m, policy.in_5m), band_of(in_1h, policy.in_1h))
    return Fired(band, ("R04",), {"spend_count_5m": in_5m, "spend_count_1h": in_1h})
