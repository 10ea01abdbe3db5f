"""Could one person have been in both places?"""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from streams.contracts.base import Event
from streams.contracts.logins import Login
from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import QUIET, Fired, NotApplicable, RuleResult
from streams.core.sections import RuleSection

NO_PLACE = NotApplicable("no place now or at the last login")
PLACELESS = NotApplicable("the network moves people who sit still: a VPN exit or a carrier's shared address")

System = Annotated[int, Meta(ge=0, le=4_294_967_295)]


class ImpossibleTravelPolicy(RuleSection, frozen=True, kw_only=True):
    """Distance and speed from which on nobody travels."""

    BANDS: ClassVar[int] = 2
    LISTS: ClassVar[frozenset[str]] = frozenset({"placeless_systems"})

    km: float
    kmh: float
    placeless_systems: tuple[System, ...]  # autonomous systems of VPN exits and of carriers with shared addresses


def impossible_travel(event: Event, _at_ms: int, features: Features, policy: ImpossibleTravelPolicy) -> RuleResult:
    """Two places further apart than a plane could make it (domain 5.3).

    Asks: how far and how fast from the last successful login, and on another device? And after such a login: does
        money move from the device that it brought?
    Fires when: km >= policy.km, speed >= policy.kmh and not the same device /01; and the device was never seen /02.
        For a day after such a login /01 for money from a device first seen since, until a challenge is passed.
        A login through one of policy.placeless_systems is not asked about, and the next one is compared with the place
        of the login before it.
    Blind to: anything without a position; VPN exits and mobile networks that no list names move people who sit still,
        so it only steps up.
    Costs: the last login's position per account.
    """
    if isinstance(event, Login) and event.asn in policy.placeless_systems:
        return PLACELESS
    far, evidence = 0, {}
    if features.travel_km >= policy.km and features.travel_kmh >= policy.kmh and features.travel_other_device != 0.0:
        far = 2 if features.device_new == 1.0 else 1
        evidence = {
            "travel_km": features.travel_km,
            "travel_kmh": features.travel_kmh,
            "device_new": features.device_new,
        }
    elif (
        features.journey_km >= policy.km
        and features.journey_kmh >= policy.kmh
        and isinstance(event, Movement)
        and 0.0 <= features.device_age_days < 1.0
    ):
        far, evidence = 1, {"journey_km": features.journey_km, "journey_kmh": features.journey_kmh}
    if far:
        return Fired(far, ("R05",), evidence)
    return NO_PLACE if features.travel_km < 0.0 else QUIET
