"""Is somebody wearing the customer down with second factors?"""

from __future__ import annotations

from streams.contracts.logins import Login
from streams.core.features import Features
from streams.core.rules.base import QUIET, Fired, RuleResult, band_of
from streams.core.sections import RuleSection


class ChallengeAbusePolicy(RuleSection, frozen=True, kw_only=True):
    """Second factors asked for and failed within an hour, per band."""

    sent_1h: tuple[int, ...]
    failed_1h: tuple[int, ...]


def challenge_abuse(_event: Login, _at_ms: int, features: Features, policy: ChallengeAbusePolicy) -> RuleResult:
    """Too many second factors asked for, or failed, within an hour (OTP abuse, push bombing; domain 5.3).

    Asks: how many challenges were sent, and how many failed, in the last hour?
    Fires when: either count reaches its band. Bands /01 /02 by policy.sent_1h and policy.failed_1h.
    Blind to: a customer who is talked into reading the code aloud; bad reception looks like an attack.
    Costs: two running counts per account.
    """
    sent, failed = features.challenges_1h, features.challenge_failures_1h
    if sent < policy.sent_1h[0] and failed < policy.failed_1h[0]:
        return QUIET
    band = max(band_of(sent, policy.sent_1h), band_of(failed, policy.failed_1h))
    return Fired(band, ("R19",), {"challenges_1h": sent, "challenge_failures_1h": failed})
