"""What do we know about an event before deciding about it, as one vector of named numbers?"""

from __future__ import annotations

from streams.contracts.base import Event
from streams.core.features import door, entity_risk, familiarity, login_context, moments, money, pattern, place
from streams.core.features.catalogue import (
    FEATURE_NAMES,
    FEATURE_SET,
    FEATURES,
    MISSING,
    Features,
    FeatureSpec,
    feature_set_of,
)
from streams.core.features.view import view_of
from streams.core.login_risk.frequencies import Frequencies
from streams.core.observations import DEFAULT_BASIS, Basis, Observations
from streams.core.risk import RiskView

__all__ = [
    "FEATURES",
    "FEATURE_NAMES",
    "FEATURE_SET",
    "MISSING",
    "FeatureSpec",
    "Features",
    "feature_set_of",
    "features_of",
]

_SPEND_COUNT_1D = 3  # position in the tuple of `money.spend_and_habit`


def features_of(
    observations: Observations,
    event: Event,
    at_ms: int,
    risk: RiskView,
    basis: Basis = DEFAULT_BASIS,
    frequencies: Frequencies | None = None,
) -> Features:
    """The features of `event` from before it; changes nothing. Call it before `fold`.

    `frequencies`: where everybody's logins come from; without them logins have no risk.
    """
    view = view_of(observations, event, at_ms, basis)
    spend = money.spend_and_habit(view)
    risks, place_fact = entity_risk.risk(view, risk)
    return Features(
        *money.event(view),
        *moments.account(view),
        *moments.time(view),
        *spend,
        *money.declines(view, spend[_SPEND_COUNT_1D]),
        *familiarity.novelty_and_diversity(view),
        *door.credentials(view),
        *money.flow(view),
        *door.logins(view),
        *door.travel(view),
        *door.labels(view),
        *risks,
        *door.journey(view),
        *pattern.pattern(view),
        *pattern.proved(view),
        *place.place(place_fact),
        *login_context.login_risk(view, frequencies),
        *entity_risk.slices(view, risk),
        *login_context.devices(view, frequencies),
        *money.parts(view),
        *familiarity.acting_device(view),
        *money.gathered(view),
    )
