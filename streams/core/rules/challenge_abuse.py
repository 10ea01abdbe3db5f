"""Is somebody wearing the customer down with second factors?"""

from __future__ import annotations

from streams.contracts.logins import ChallengePassed, ChallengeSent, Login
from streams.core.features import Features
from streams.core.rules.base import QUIET, Fired, RuleResult, band_of
from streams.core.sections import Count, RuleSection

PUSH = "push"  # the factor, as the event names it


class ChallengeAbusePolicy(RuleSection, frozen=True, kw_only=True):
    """Second factors asked for and failed within an hour, per band; and where a prompt on a phone is one too many."""

    sent_1h: tuple[int, ...]
    failed_1h: tuple[int, ...]
    pushes_1h: Count  # second factors of the hour from which on a stranger's next prompt is of the first band


def challenge_abuse(event: Login, _at_ms: int, features: Features, policy: ChallengeAbusePolicy) -> RuleResult:
    """Too many second factors asked for, or failed, within an hour (OTP abuse, push bombing; domain 5.3).

    Asks: how many challenges were sent, and how many failed, in the last hour?
    Fires when: either count reaches its band. Bands /01 /02 by policy.sent_1h and policy.failed_1h. A prompt (reason
        `push`) for a device that the account does not know is /01 from policy.pushes_1h on, and so is its approval.
    Blind to: a customer who is talked into reading the code aloud; bad reception looks like an attack.
    Costs: two running counts per account.
    """
    sent, failed = features.challenges_1h, features.challenge_failures_1h
    pushed = isinstance(event, ChallengeSent | ChallengePassed) and is_nagged(event, features, policy)
    band = max(band_of(sent, policy.sent_1h), band_of(failed, policy.failed_1h), int(pushed))
    if not band:
        return QUIET
    return Fired(band, ("R19",), {"challenges_1h": sent, "challenge_failures_1h": failed})


def is_nagged(event: Login, features: Features, policy: ChallengeAbusePolicy) -> bool:
    """Whether this is one prompt too many for a device that the account does not know, asked for or answered."""
    is_strangers = event.reason == PUSH and features.login_known != 1.0
    return policy.enabled and is_strangers and features.challenges_1h >= policy.pushes_1h
