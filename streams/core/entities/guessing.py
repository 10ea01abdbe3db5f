"""What is going on at one address or device, and is it one attack however many detectors see it?

Each detector only looks. The strongest sighting is followed, and all of them share one threat: a device that guesses
widely, then deeply, and asks for codes on the way has one level, one containment and one case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.contracts.signals import EntityObserved
from streams.core.entities import brute_force, credential_burst, otp_abuse, password_spray, stranger_burst
from streams.core.entities.attacks import BRUTE_FORCE, CREDENTIAL_BURST, OTP_ABUSE, PASSWORD_SPRAY
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.password_spray import Spray
from streams.core.entities.policies import CredentialBurstPolicy
from streams.core.entities.threat import Look, Sighting, follow_strongest
from streams.core.policy import Policy

if TYPE_CHECKING:
    from streams.core.entities.state import EntityState


def observe_attempt(
    state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """A login, or a second factor that was asked for or passed, at one address or device."""
    spray = state.spray
    if spray is None:
        spray = state.spray = Spray()
    rules = policy.entities
    looks: tuple[Look, ...]
    if signal.what == "challenge_passed":
        stranger_burst.answered(spray.strangers, signal.account_id, at_ms)
        spray.guests = [guest for guest in spray.guests if guest[1] != signal.account_id]
        return []
    if signal.what == "challenge_sent":
        looks = (Look(OTP_ABUSE, rules.otp_abuse, otp_abuse.look(spray, signal, at_ms, rules.otp_abuse)),)
    else:
        wide = password_spray.look(spray, signal, at_ms, rules.password_spray, rules.credential_burst.window_s)
        deep = brute_force.look(spray, signal, at_ms, rules.brute_force)
        right = credential_burst.look(spray, signal, at_ms, rules.credential_burst)
        strange = _strangers(spray, signal, at_ms, rules.credential_burst)
        looks = (
            Look(PASSWORD_SPRAY, rules.password_spray, wide),
            Look(BRUTE_FORCE, rules.brute_force, deep),
            Look(CREDENTIAL_BURST, rules.credential_burst, right),
            Look(CREDENTIAL_BURST, rules.credential_burst, strange),
        )
        if password_spray.is_at_home(spray, signal) and not any(each.seen for each in looks):
            return []
    return follow_strongest(state, spray.threat, looks, signal, at_ms, policy, ctx, shared=spray.established > 0)


def _strangers(spray: Spray, signal: EntityObserved, at_ms: int, settings: CredentialBurstPolicy) -> Sighting | None:
    """Of addresses only: one device is one stranger's, whoever is at home there."""
    if signal.kind != "ip" or signal.what != "login_succeeded":
        return None
    seen = stranger_burst.look(spray.strangers, spray.threat, spray.established, signal, at_ms, settings)
    return None if seen is None else seen._replace(guests=spray.guests, told=spray.told)
