"""Does a stranger come to the door while the whole site is under attack?"""

from __future__ import annotations

from typing import ClassVar

from streams.contracts.logins import Login
from streams.core.features import Features
from streams.core.rules.base import QUIET, Fired, NotApplicable, RuleResult
from streams.core.sections import RuleSection

NO_ATTACK = NotApplicable("nothing notable is known about the site")


class AttackedSitePolicy(RuleSection, frozen=True, kw_only=True):
    """Only outcomes: the thresholds are the detector's, in entities.site_attack."""

    BANDS: ClassVar[int] = 2


def attacked_site(_event: Login, _at_ms: int, features: Features, _policy: AttackedSitePolicy) -> RuleResult:
    """A login from an unknown device or network while many user names fail on the site (spray with changing addresses).

    Asks: which level have the logins of the whole site, and does the account know this device or network?
    Fires when: unknown, and the level is elevated /01 or attack /02.
    Blind to: the first attempts of an attack; honest customers on a new device are asked for a second factor meanwhile.
    Costs: one lookup of entity risk that the features do anyway.
    """
    level = features.site_level
    if level < 0.0:
        return NO_ATTACK
    if level < 1.0 or features.login_known == 1.0:
        return QUIET
    evidence = {"site_level": level, "login_known": features.login_known}
    return Fired(2 if level >= 2.0 else 1, ("R12",), evidence)
