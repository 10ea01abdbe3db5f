"""Is somebody trying many user names on the whole site, from addresses that change?"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from streams.contracts.signals import EntityObserved
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.policies import SiteAttackPolicy
from streams.core.entities.recent import forget_before, mark, see
from streams.core.entities.threat import (
    ATTACK,
    ELEVATED,
    NORMAL,
    AttackKind,
    Sighting,
    Threat,
    close_if_quiet,
    follow,
    in_force,
)
from streams.core.policy import Policy

if TYPE_CHECKING:
    from streams.core.entities.state import EntityState

SITE_SPRAY = AttackKind(
    "site_spray", "credential_attack", "F26", "site-spray/02", scope="login", members="usernames", exposes=True
)

# One state for the site, so it may be larger than an address's: with 256 names the rate is known to 6 %.
NAMES_MAX = 256


class SiteSpray(msgspec.Struct, array_like=True):
    """Failed logins of the whole site; at most about 14 KiB."""

    threat: Threat = msgspec.field(default_factory=Threat)
    failed: dict[int, int] = {}  # user name -> newest failure, oldest first
    origins: dict[int, int] = {}  # user name -> address of its newest failure
    usual: float = 0.0  # distinct names per window in quiet times, mean over baseline_s
    started_ms: int = 0
    window: int = 0  # number of the window that is being counted
    windows: int = 0  # windows in the mean
    names: int = 0  # new names in the window that is being counted
    clean: bool = True  # no level was in force in that window


def observe_site_login(
    state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """Distinct user names failing anywhere, against the site's own baseline.

    Asks: how many distinct user names failed within the window, at most names_per_address of each address, and how
    many is usual?
    Fires when: names >= the floor and >= usual + sigmas of its noise (elevated), twice the sigmas (attack, case F26).
    Blind to: sprays slower than the noise of the site, and everything in the first hour (warm_s) of a new site.
    Costs: one state of at most 256 names for the site; it sees every failed login, on one key.
    """
    settings = policy.entities.site_attack
    site = state.site
    window_ms = settings.window_s * 1000
    if site is None:
        site = state.site = SiteSpray(started_ms=at_ms, window=at_ms // window_ms)
    _count_windows(site, at_ms // window_ms, settings)
    name = mark(signal.username or signal.account_id)
    oldest_ms = at_ms - window_ms
    forget_before(site.failed, oldest_ms)
    failed = signal.what == "login_failed"
    new_name = failed and name not in site.failed
    if new_name:
        site.names += 1
    if failed:
        see(site.failed, name, at_ms, NAMES_MAX)
        site.origins[name] = name if signal.ip is None else mark(signal.ip)
        if len(site.origins) > 2 * NAMES_MAX:
            site.origins = {kept: site.origins[kept] for kept in site.failed}
    elif name not in site.failed:
        return []
    if not settings.enabled or at_ms - site.started_ms < settings.warm_s * 1000:
        return []

    threat = site.threat
    before = in_force(threat, at_ms)
    elevated, attack = thresholds(site.usual, settings)
    names = _names_in_window(site, at_ms, window_ms, len(site.failed))
    if names >= elevated or before != NORMAL:
        names = _names_in_window(site, at_ms, window_ms, _spread(site, settings.names_per_address))
    level = NORMAL
    if failed:
        level = ATTACK if names >= attack else ELEVATED if names >= elevated else NORMAL
    if level == NORMAL and (before == NORMAL or 2 * names <= elevated):
        return []
    # A lasting change of traffic must become the new normal: after a whole baseline the mean moves again.
    site.clean = before != NORMAL and at_ms - threat.since_ms > settings.baseline_s * 1000

    seen = Sighting(
        level,
        names / (2 * attack),
        f"{names} user names failed within {settings.window_s} s",
        names,
        names,
        names,
        new_name,
        failed,
    )
    return follow(state, threat, SITE_SPRAY, seen, signal, at_ms, settings, policy, ctx)


def quiet(state: EntityState, due_ms: int, policy: Policy) -> list[EntityEffect]:
    """Closes the case when the site was quiet for an hour (F26)."""
    if state.site is None:
        return []
    settings = policy.entities.site_attack
    return close_if_quiet(
        state.site.threat,
        SITE_SPRAY,
        state.kind,
        state.value,
        due_ms,
        settings,
        policy,
    )


def thresholds(usual: float, settings: SiteAttackPolicy) -> tuple[int, int]:
    """(elevated, attack) names per window where `usual` names are normal.

    The noise is that of a Poisson count, but never smaller than what 256 remembered names can tell.
    """
    noise = usual / math.sqrt(min(usual, NAMES_MAX)) if usual > 0 else 0.0
    return (
        max(settings.elevated_usernames, math.ceil(usual + settings.sigmas * noise)),
        max(settings.attack_usernames, math.ceil(usual + 2 * settings.sigmas * noise)),
    )


def _spread(site: SiteSpray, most: int) -> int:
    """Remembered names, of which one address may contribute at most `most`."""
    origins = Counter(site.origins[name] for name in site.failed)
    return sum(min(names, most) for names in origins.values())


def _names_in_window(site: SiteSpray, at_ms: int, window_ms: int, names: int) -> int:
    """`names` of those remembered; extrapolated to the window where it is longer than the memory of 256 names."""
    if len(site.failed) < NAMES_MAX:
        return names
    span_ms = max(1, at_ms - site.failed[next(iter(site.failed))])
    return max(names, names * window_ms // span_ms)


def _count_windows(site: SiteSpray, window: int, settings: SiteAttackPolicy) -> None:
    """Folds finished windows into the mean; silent ones count as zero, those of an attack not at all."""
    passed = window - site.window
    if passed <= 0:
        return
    most = max(1, settings.baseline_s // settings.window_s)
    if site.clean:
        site.windows = min(site.windows + 1, most)
        site.usual += (site.names - site.usual) / site.windows
    silent = passed - 1
    if silent:
        # While the mean is young every silent window also makes it older; (n / (n + silent)) is that product in full.
        young = min(silent, most - site.windows)
        site.usual *= site.windows / (site.windows + young) if site.windows else 0.0
        site.windows += young
        site.usual *= (1 - 1 / most) ** (silent - young)
    site.window = window
    site.names = 0
    site.clean = True
