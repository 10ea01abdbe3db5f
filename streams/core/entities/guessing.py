"""What is going on at one address or device, and is it one attack however many detectors see it?

Each detector only looks. The strongest sighting is followed, and all of them share one threat: a device that guesses
widely, then deeply, and asks for codes on the way has one level, one containment and one case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.contracts.signals import EntityObserved
from streams.core.entities import brute_force, credential_burst, otp_abuse, password_spray
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.password_spray import Spray
from streams.core.entities.threat import Look, close_if_quiet, follow_strongest
from streams.core.policy import Policy

if TYPE_CHECKING:
    from streams.core.entities.state import EntityState


def observe_attempt(
    state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """A login, or a second factor that was asked for, at one address or device."""
    spray = state.spray
    if spray is None:
        spray = state.spray = Spray()
    rules = policy.entities
    looks: tuple[Look, ...]
    if signal.what == "challenge_sent":
        looks = (Look(otp_abuse.OTP_ABUSE, rules.otp_abuse, otp_abuse.look(spray, signal, at_ms, rules.otp_abuse)),)
    else:
        wide = password_spray.look(spray, signal, at_ms, rules.password_spray, rules.credential_burst.window_s)
        deep = brute_force.look(spray, signal, at_ms, rules.brute_force)
        right = credential_burst.look(spray, signal, at_ms, rules.credential_burst)
        looks = (
            Look(password_spray.PASSWORD_SPRAY, rules.password_spray, wide),
            Look(brute_force.BRUTE_FORCE, rules.brute_force, deep),
            Look(credential_burst.CREDENTIAL_BURST, rules.credential_burst, right),
        )
    return follow_strongest(state, spray.threat, looks, signal, at_ms, policy, ctx)


def quiet(state: EntityState, due_ms: int, policy: Policy) -> list[EntityEffect]:
    """Closes the case when no attempt came for an hour (F26)."""
    if state.spray is None:
        return []
    settings = policy.entities.password_spray
    return close_if_quiet(
        state.spray.threat, password_spray.PASSWORD_SPRAY, state.kind, state.value, due_ms, settings, policy
    )
