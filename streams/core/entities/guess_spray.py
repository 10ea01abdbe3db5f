"""Is one password tried on many accounts, from wherever?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.contracts.signals import EntityObserved
from streams.core.entities.attacks import GUESS_SPRAY
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.site_spray import watch_strangers
from streams.core.entities.slice_spray import PATIENCE_MS
from streams.core.entities.threat import follow
from streams.core.policy import Policy

if TYPE_CHECKING:
    from streams.core.entities.state import EntityState


def observe_same_guess(
    state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """Distinct user names on which strangers tried one and the same password.

    Asks: on how many names did strangers fail with this guess_hash within the window, and within the slow window of a
        day, at most names_per_address of each network, and how many are usual for it?
    Fires when: names >= the floor and >= usual + sigmas of its noise (elevated), twice the sigmas (attack, case F26).
    Blind to: login services that tell no guess_hash, and attackers who change the password with the account.
    Costs: one more signal per failed login of a stranger that tells its guess; at most 16 KiB per guess, of most 0.1
        KiB, forgotten after half an hour unless several names were seen.
    """
    settings = policy.entities.guess_attack
    seen = watch_strangers(state, signal, at_ms, settings, None, PATIENCE_MS)
    if seen is None or state.site is None:
        return []
    return follow(state, state.site.threat, GUESS_SPRAY, seen, signal, at_ms, settings, policy, ctx)
