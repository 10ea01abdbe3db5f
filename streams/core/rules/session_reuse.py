"""Is an open session in somebody else's hands?"""

from __future__ import annotations

from typing import ClassVar

from streams.contracts.logins import SessionUsed
from streams.core.features import Features
from streams.core.rules.base import COLD, QUIET, Fired, NotApplicable, RuleResult, WarmSection

UNNAMED = NotApplicable("the event does not name both autonomous system and user agent, or nobody logged in yet")


class SessionReusePolicy(WarmSection, frozen=True, kw_only=True):
    """Only outcomes, and how long an account must be known before a new place means something."""

    BANDS: ClassVar[int] = 2


def session_reuse(_event: SessionUsed, _at_ms: int, features: Features, policy: SessionReusePolicy) -> RuleResult:
    """A session used from where its owner never logged in (OWASP: token reuse; domain 5.3).

    Asks: did any login of this account come from this autonomous system, or with this user agent?
    Fires when: neither /01; and the device is named and was never seen /02. A phone that roams keeps its user agent,
        and a browser that was updated keeps its network.
    Blind to: thieves in the owner's network or with the owner's user agent; events that do not name both.
    Costs: nothing that logins do not remember anyway; a use of a session teaches nothing.
    """
    if features.asn_new < 0.0 or features.agent_new < 0.0 or features.login_familiarity < 0.0:
        return UNNAMED
    if policy.cold(features):
        return COLD
    if features.asn_new != 1.0 or features.agent_new != 1.0:
        return QUIET
    evidence = {"asn_new": 1.0, "agent_new": 1.0, "device_new": features.device_new}
    return Fired(2 if features.device_new == 1.0 else 1, ("R27",), evidence)
