"""Does this attempt come from an address that is attacking logins right now?"""

from __future__ import annotations

from typing import ClassVar

from streams.contracts.logins import Login
from streams.core.features import Features
from streams.core.rules.base import QUIET, Fired, NotApplicable, RuleResult
from streams.core.sections import RuleSection

NO_RISK = NotApplicable("nothing notable is known about the address")


class HostileAddressPolicy(RuleSection, frozen=True, kw_only=True):
    """Only outcomes: the thresholds are the detector's, in entities.password_spray."""

    BANDS: ClassVar[int] = 2


def hostile_address(_event: Login, _at_ms: int, features: Features, _policy: HostileAddressPolicy) -> RuleResult:
    """A login from an address that the entities agent holds for an attacker (password spray).

    Asks: which level has the address, and does the account know this device?
    Fires when: elevated /01; attack, but the device is known /01; attack and the device is unknown /02.
    Blind to: the first attempts of an attack, and attackers with one address per attempt; offices behind one address
        suffer together.
    Costs: one lookup of entity risk that the features do anyway.
    """
    level = features.ip_level
    if level < 0.0:
        return NO_RISK
    if level < 1.0:
        return QUIET
    band = 2 if level >= 2.0 and features.login_known != 1.0 else 1
    evidence = {"ip_level": level, "ip_score": features.ip_score, "login_known": features.login_known}
    return Fired(band, ("R12",), evidence)
