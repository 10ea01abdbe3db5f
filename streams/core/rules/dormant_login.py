"""Does somebody with the right password enter an account whose habits are forgotten, from where it never was?"""

from __future__ import annotations

from typing import ClassVar

from streams.contracts.logins import LoginSucceeded
from streams.core.features import Features
from streams.core.rules.base import QUIET, Fired, NotApplicable, RuleResult
from streams.core.sections import RuleSection

AWAKE = NotApplicable("the customer logged in lately, so the score judges")
NEVER_ENTERED = NotApplicable("nobody ever logged in here: address, network and program are judged alone")


class DormantLoginPolicy(RuleSection, frozen=True, kw_only=True):
    """From when on an account is dormant."""

    BANDS: ClassVar[int] = 1

    idle_days: float


def dormant_login(_event: LoginSucceeded, _at_ms: int, features: Features, policy: DormantLoginPolicy) -> RuleResult:
    """A login to an account that has no score any more, because its habits have faded.

    Asks: how long ago was the last login, and does the account know this device and this network at all?
    Fires when: at least policy.idle_days ago, and it knows neither /01. A second factor tells. Only logins make a
        network known: whoever pays needs no password for that.
    Blind to: whoever sits in the owner's network or holds an old device; accounts that nobody ever entered, about which
        only the levels of address, network, system and program speak (hostile-address, attacked-site).
    Costs: what the features do anyway.
    """
    if features.since_login_s < 0.0:
        return NEVER_ENTERED
    if features.since_login_s < policy.idle_days * 86_400.0:
        return AWAKE
    if features.login_known == 1.0 or features.network_new != 1.0 or features.device_trusted == 1.0:
        return QUIET
    evidence = {
        "since_login_s": features.since_login_s,
        "network_new": features.network_new,
        "country_new": features.country_new,
        "login_history": features.login_history,
    }
    return Fired(1, ("R26",), evidence)
