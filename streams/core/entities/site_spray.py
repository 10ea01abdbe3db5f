"""Is somebody trying many user names on the whole site, from addresses that change?"""

from __future__ import annotations

import math
from itertools import takewhile
from typing import TYPE_CHECKING

import msgspec

from streams.contracts.signals import EntityObserved
from streams.core.entities import credential_stuffing
from streams.core.entities.attacks import CREDENTIAL_STUFFING, SITE_SPRAY
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.policies import SiteAttackPolicy
from streams.core.entities.recent import forget_before, mark, see, spread
from streams.core.entities.threat import (
    ATTACK,
    ELEVATED,
    NORMAL,
    Look,
    Sighting,
    Threat,
    follow_strongest,
    in_force,
)
from streams.core.policy import Policy

if TYPE_CHECKING:
    from streams.core.entities.state import EntityState

# One state for the site, so it may be larger than an address's: with 256 names the rate is known to 6 %.
NAMES_MAX = 256


class SiteSpray(msgspec.Struct, array_like=True):
    """Attempts of strangers on the whole site; at most about 14 KiB."""

    threat: Threat = msgspec.field(default_factory=Threat)
    failed: dict[int, int] = {}  # user name -> newest attempt of a stranger, oldest first
    origins: dict[int, int] = {}  # user name -> address of its newest attempt
    usual: float = 0.0  # distinct names per window in quiet times, mean over baseline_s
    started_ms: int = 0
    window: int = 0  # number of the window that is being counted
    windows: int = 0  # windows in the mean
    names: int = 0  # new names in the window that is being counted
    clean: bool = True  # no level was in force in that window
    lately: list[int] = []  # names of the windows before, as many as the slow window has
    explained_ms: int = 0  # until then a fast attack explains the names


def observe_site_login(
    state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """Distinct user names tried by strangers anywhere, against the site's own baseline.

    Asks: how many distinct user names did strangers try within the window, fast or slow, at most names_per_address of
        each address, and how many is usual? A stranger is a device, or without one a network, that the account does
        not know; every attempt on a name that is nobody's is a stranger's.
    Fires when: names >= the floor and >= usual + sigmas of its noise (elevated), twice the sigmas (attack, case F26).
    Blind to: sprays slower than the noise of the site, and everything in the first hour (warm_s) of a new site.
    Costs: one state of at most 256 names for the site; it sees every attempt of a stranger, on one key.
    """
    settings = policy.entities.site_attack
    seen = watch_strangers(state, signal, at_ms, settings, settings.warm_s)
    assert state.site is not None
    stuffing = policy.entities.credential_stuffing
    looks = (
        Look(SITE_SPRAY, settings, seen),
        Look(
            CREDENTIAL_STUFFING, stuffing, credential_stuffing.look(state, state.site.threat, signal, at_ms, stuffing)
        ),
    )
    return follow_strongest(state, state.site.threat, looks, signal, at_ms, policy, ctx)


def watch_strangers(
    state: EntityState,
    signal: EntityObserved,
    at_ms: int,
    settings: SiteAttackPolicy,
    warm_s: int | None,
    patience_ms: int = 0,
) -> Sighting | None:
    """Counts the names that strangers try on the site or a part of it, and judges by its own baseline.

    At most names_per_address of each narrower entity count. Silent for the first `warm_s`, in which it learns what is
    usual; None: nothing is usual here, and no attack of a day may become so. What began less than
    `patience_ms` ago is no attack yet.
    """
    site = site_of(state, at_ms, settings, warm_s)
    window_ms, slow_ms = settings.window_s * 1000, settings.slow_window_s * 1000
    _count_windows(site, at_ms // window_ms, settings)
    name = mark(signal.username or signal.account_id)
    forget_before(site.failed, at_ms - slow_ms)
    failed = signal.what == "login_failed"
    again = site.failed.get(name, 0) > at_ms - window_ms
    if not again:
        site.names += 1
    see(site.failed, name, at_ms, NAMES_MAX)
    origin = signal.origin or signal.ip
    site.origins[name] = name if origin is None else mark(origin)
    if len(site.origins) > 2 * NAMES_MAX:
        site.origins = {kept: site.origins[kept] for kept in site.failed}
    if not settings.enabled or at_ms - site.started_ms < (warm_s or 0) * 1000:
        return None

    threat = site.threat
    before = in_force(threat, at_ms)
    most = settings.names_per_address
    fast, slow = thresholds(site.usual, settings), slow_thresholds(site.usual, settings)
    newest = _newest(site.failed, at_ms - window_ms)
    names = _names_in_window(newest, at_ms, window_ms)
    if names >= fast[0] or before != NORMAL:
        names = names * spread(newest, site.origins, most) // len(newest)
    level = _level(names, fast)
    if level != NORMAL:  # what a fast attack left behind is no slow one
        site.explained_ms, site.lately = at_ms, []
    unexplained = _newest(site.failed, site.explained_ms)
    lately = len(unexplained) if len(unexplained) < NAMES_MAX else max(NAMES_MAX, site.names + sum(site.lately))
    if lately >= slow[0]:
        lately = lately * spread(unexplained, site.origins, most) // len(unexplained)
    is_slow = _level(lately, slow) > level
    level = max(level, _level(lately, slow))
    if level == ATTACK and threat.case is None and at_ms - min(site.failed.values()) < patience_ms:
        level = ELEVATED
    if level == NORMAL and (before == NORMAL or 2 * names <= fast[0]):
        return None
    # A lasting change of traffic must become the new normal: after a whole baseline the mean moves again.
    site.clean = before != NORMAL and at_ms - threat.since_ms > settings.baseline_s * 1000
    tried, window_s = (lately, settings.slow_window_s) if is_slow else (names, settings.window_s)
    return Sighting(
        level,
        tried / (2 * (slow if is_slow else fast)[1]),
        f"strangers tried {tried} user names within {window_s} s",
        tried,
        tried,
        tried,
        not again,
        failed,
        hold_s=settings.slow_expires_s if is_slow else settings.expires_s,
    )


def site_of(state: EntityState, at_ms: int, settings: SiteAttackPolicy, warm_s: int | None) -> SiteSpray:
    """What is remembered of the site or this part of it; without `warm_s` nothing is usual there."""
    if state.site is None:
        learnt = most_windows(settings) if warm_s is None else 0
        state.site = SiteSpray(started_ms=at_ms, window=at_ms // (settings.window_s * 1000), windows=learnt)
    return state.site


def most_windows(settings: SiteAttackPolicy) -> int:
    """How many windows the mean is of."""
    return max(1, settings.baseline_s // settings.window_s)


def thresholds(usual: float, settings: SiteAttackPolicy) -> tuple[int, int]:
    """(elevated, attack) names per window where `usual` names are normal.

    The noise is that of a Poisson count, but never smaller than what 256 remembered names can tell.
    """
    noise = usual / math.sqrt(min(usual, NAMES_MAX)) if usual > 0 else 0.0
    return (
        max(settings.elevated_usernames, math.ceil(usual + settings.sigmas * noise)),
        max(settings.attack_usernames, math.ceil(usual + 2 * settings.sigmas * noise)),
    )


def slow_thresholds(usual: float, settings: SiteAttackPolicy) -> tuple[int, int]:
    """(elevated, attack) names per slow window where `usual` names per window are normal."""
    usual *= settings.slow_window_s / settings.window_s
    noise = math.sqrt(usual)
    return (
        max(settings.slow_elevated_usernames, math.ceil(usual + settings.sigmas * noise)),
        max(settings.slow_attack_usernames, math.ceil(usual + 2 * settings.sigmas * noise)),
    )


def _level(names: int, limits: tuple[int, int]) -> int:
    return ATTACK if names >= limits[1] else ELEVATED if names >= limits[0] else NORMAL


def _newest(failed: dict[int, int], after_ms: int) -> dict[int, int]:
    """The names tried after that, newest first."""
    return dict(takewhile(lambda item: item[1] > after_ms, reversed(failed.items())))


def _names_in_window(newest: dict[int, int], at_ms: int, window_ms: int) -> int:
    """How many names; extrapolated to the window where it is longer than the memory of 256 names."""
    if len(newest) < NAMES_MAX:
        return len(newest)
    span_ms = max(1, at_ms - min(newest.values()))
    return max(len(newest), len(newest) * window_ms // span_ms)


def _count_windows(site: SiteSpray, window: int, settings: SiteAttackPolicy) -> None:
    """Folds finished windows into the mean; silent ones count as zero, those of an attack not at all."""
    passed = window - site.window
    if passed <= 0:
        return
    most = most_windows(settings)
    kept = max(1, settings.slow_window_s // settings.window_s - 1)
    site.lately = [*site.lately, site.names, *[0] * min(passed - 1, kept)][-kept:]
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
