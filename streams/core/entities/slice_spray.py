"""Is somebody trying many user names through one network, system, user agent or TLS fingerprint, fast or over a day?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.contracts.signals import EntityObserved
from streams.core.entities import credential_stuffing, slice_burst
from streams.core.entities.attacks import CREDENTIAL_BURST, CREDENTIAL_STUFFING, SLICE_SPRAY
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.site_spray import site_of, watch_strangers
from streams.core.entities.threat import Look, follow_strongest
from streams.core.policy import Policy

if TYPE_CHECKING:
    from streams.core.entities.state import EntityState

# A spray over the whole site is known by then, and what is recognised later belongs to its case: one attack, one case.
PATIENCE_MS = 60_000
SLICES = ("network", "system", "agent", "fingerprint")


def observe_slice_login(
    state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """Distinct user names tried by strangers through one IPv4 /24 or IPv6 /48, autonomous system, user agent or
    TLS fingerprint (JA3).

    Asks: how many distinct user names did strangers fail with, or were flagged with, within the window, and within the
        slow window of a day, at most names_per_address of each narrower entity (address, network, system), and how
        many are usual here?
    Fires when: names >= the floor and >= usual + sigmas of its noise (elevated), twice the sigmas (attack, case F26).
    Blind to: attacks that change network, system, user agent and fingerprint together, or are slower than the slow
        floor; of a system, user agent or fingerprint the first hour (warm_s), and what went on from its first hour on:
        that is usual there.
    Costs: up to four more signals for each failed login of a stranger; at most 16 KiB per slice, of most 0.1 KiB,
        forgotten after half an hour unless several names were seen.
    """
    settings = policy.entities.slice_attack
    warm_s = None if signal.kind == "network" else settings.warm_s
    threat = site_of(state, at_ms, settings, warm_s).threat
    looks: list[Look] = []
    if signal.what == "login_failed" or signal.flagged:
        looks.append(Look(SLICE_SPRAY, settings, watch_strangers(state, signal, at_ms, settings, warm_s, PATIENCE_MS)))
    if signal.what == "login_succeeded" and signal.warm:
        if state.burst is None:
            state.burst = slice_burst.Burst()
        bursting = policy.entities.credential_burst
        looks.append(Look(CREDENTIAL_BURST, bursting, slice_burst.look(state.burst, threat, signal, at_ms, bursting)))
    if signal.kind == "system":
        stuffing = policy.entities.credential_stuffing
        looks.append(
            Look(CREDENTIAL_STUFFING, stuffing, credential_stuffing.look(state, threat, signal, at_ms, stuffing))
        )
    return follow_strongest(state, threat, looks, signal, at_ms, policy, ctx)
