"""Do many accounts claim promotions from one device?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streams.contracts.signals import EntityObserved
from streams.core.entities.attacks import PROMO_ABUSE
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.recent import forget_before, mark, see
from streams.core.entities.threat import ATTACK, NORMAL, Sighting, Threat, follow, in_force
from streams.core.policy import Policy

if TYPE_CHECKING:
    from streams.core.entities.state import EntityState


class Claims(msgspec.Struct, array_like=True):
    """Who claimed promotions on one device, at most about 1 KiB."""

    threat: Threat = msgspec.field(default_factory=Threat)
    accounts: dict[int, int] = {}  # account -> newest claim, oldest first


def observe_claim(
    state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """Claims of promotions by many accounts on one device.

    Asks: how many distinct accounts have claimed a promotion from here within the window?
    Fires when: accounts of them: an attack, case F32 of the policy queue, and the device is blocked for a while.
    Blind to: whoever has a device for each account, and claims that name no device.
    Costs: one signal per claim; at most 64 accounts per device.
    """
    settings = policy.entities.promo_abuse
    claims = state.claims
    if claims is None:
        claims = state.claims = Claims()
    forget_before(claims.accounts, at_ms - settings.window_s * 1000)
    account = mark(signal.account_id)
    is_new = account not in claims.accounts
    see(claims.accounts, account, at_ms)
    accounts = len(claims.accounts)
    level = ATTACK if accounts >= settings.accounts else NORMAL
    if not settings.enabled or (level == NORMAL and in_force(claims.threat, at_ms) == NORMAL):
        return []
    seen = Sighting(
        level,
        accounts / (2 * settings.accounts),
        f"promotions claimed by {accounts} accounts within {settings.window_s} s",
        accounts,
        accounts,
        0,
        is_new,
        failed=False,
    )
    return follow(state, claims.threat, PROMO_ABUSE, seen, signal, at_ms, settings, policy, ctx)
