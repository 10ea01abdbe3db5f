"""Does this attempt come from an address or device that is attacking logins right now?"""

from __future__ import annotations

from typing import ClassVar

from streams.contracts.logins import Login
from streams.core.features import Features
from streams.core.rules.base import QUIET, Fired, NotApplicable, RuleResult
from streams.core.sections import RuleSection

NO_RISK = NotApplicable("nothing notable is known about address and device")


class HostileAddressPolicy(RuleSection, frozen=True, kw_only=True):
    """Only outcomes: the thresholds are the detector's, in entities.password_spray."""

    BANDS: ClassVar[int] = 2


def hostile_address(_event: Login, _at_ms: int, features: Features, _policy: HostileAddressPolicy) -> RuleResult:
    """A login from an address or device that the entities agent holds for an attacker (password spray).

    Asks: which level have address and device for guessing passwords, which have network, autonomous system and user
        agent, and does the account know this device, or has it logged in from this network?
    Fires when: elevated and the device is unknown /01; attack, but the account is at home there /01, else /02; of
        network, system and user agent, where many are honest, only unknown devices /01. An attack at an address where
        as many regular users are at home as make an attack counts as elevated: its strangers are asked, not blocked.
    Blind to: the first attempts of an attack, and attackers with a new address and device each time; offices behind
        one address suffer together once it is an attack.
    Costs: lookups of entity risk that the features do anyway.
    """
    level = max(features.ip_guessing, features.device_guessing)
    widely = features.slice_guessing >= 1.0 and features.login_known != 1.0
    if max(level, features.slice_guessing) < 0.0:
        return NO_RISK
    if not widely and (level < 1.0 or (level < 2.0 and features.login_known == 1.0)):
        return QUIET
    at_home = features.login_known == 1.0 or features.network_new == 0.0
    band = 1 if at_home or level < 2.0 else 2
    evidence = {
        "level": max(level, features.slice_guessing),
        "ip_guessing": features.ip_guessing,
        "device_guessing": features.device_guessing,
        "login_known": features.login_known,
        "slice_guessing": features.slice_guessing,
    }
    return Fired(band, ("R12",), evidence)
