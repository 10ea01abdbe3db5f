"""Does one program in one autonomous system try many accounts and get into none, in an hour or over days?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streams.contracts.signals import EntityObserved
from streams.core.entities import sketch
from streams.core.entities.attacks import LOW_AND_SLOW, SLICE_SPRAY
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.policies import LowAndSlowPolicy
from streams.core.entities.recent import forget_before, mark, see
from streams.core.entities.slice_spray import PATIENCE_MS
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

DAY_MS = 86_400_000
FAILED_MAX, ENTERED_MAX = 128, 32  # hashes kept per day


class Day(msgspec.Struct, array_like=True):
    """What strangers did in one slice on one UTC day; at most 1.5 KiB."""

    number: int
    attempts: int = 0
    failed: list[int] = []  # smallest hashes of the names that failed
    entered: list[int] = []  # ... of those that got in


class Slow(msgspec.Struct, array_like=True):
    """The last days of one user agent in one autonomous system; at most 11 KiB."""

    threat: Threat = msgspec.field(default_factory=Threat)
    days: list[Day] = []
    failed: dict[int, int] = {}  # names of the last hour -> newest failure, oldest first
    entered: dict[int, int] = {}  # ... that got in


def observe_slow_login(
    state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """User names that strangers fail with from one user agent in one autonomous system, over days.

    Asks: how many different names failed within `days` days, how many attempts does each name have, and how many names
        got in? People try again and get in; a list is worked through once, and hardly ever opens a door.
    Fires when: names >= elevated_usernames or attack_usernames (case F26), attempts <= attempts_per_name of each, and
        the names that got in <= entered_share of those that failed. Also when so many names as slice_attack says fail
        within its window with the same share: that needs no baseline, so a program never seen before is no excuse.
    Blind to: attackers behind a user agent that many honest strangers use in the same system, and events without
        user agent or autonomous system. Above 128 names a day the count is an estimate, within a tenth.
    Costs: one more signal per stranger's login, failed or not; at most 11 KiB per slice, forgotten after half an hour
        unless several names failed.
    """
    settings = policy.entities.low_and_slow
    if state.slow is None:
        state.slow = Slow()
    slow = state.slow
    today = _today(slow, at_ms // DAY_MS, settings)
    name = mark(signal.username or signal.account_id)
    failed = signal.what == "login_failed"
    fast = _fast(slow, name, failed, at_ms, policy)
    lasting = _lasting(slow, name, failed, today, at_ms, settings)
    looks = (Look(LOW_AND_SLOW, settings, lasting), Look(SLICE_SPRAY, policy.entities.slice_attack, fast))
    return follow_strongest(state, slow.threat, looks, signal, at_ms, policy, ctx)


def _lasting(
    slow: Slow, name: int, failed: bool, today: Day, at_ms: int, settings: LowAndSlowPolicy
) -> Sighting | None:
    if failed:
        today.attempts += 1
        sketch.keep(today.failed, name, FAILED_MAX)
    else:
        sketch.keep(today.entered, name, ENTERED_MAX)
    # Nothing is estimated while the hashes alone are too few, nor for honest people who get in.
    quiet_here = in_force(slow.threat, at_ms) == NORMAL
    if not settings.enabled or 2 * kept(slow) < settings.elevated_usernames or (quiet_here and not failed):
        return None
    names = sketch.different([day.failed for day in slow.days], FAILED_MAX)
    entered = sketch.different([day.entered for day in slow.days], ENTERED_MAX)
    attempts = sum(day.attempts for day in slow.days)
    level = NORMAL
    if failed and attempts <= settings.attempts_per_name * names and entered <= settings.entered_share * names:
        level = ATTACK if names >= settings.attack_usernames else ELEVATED
        if names < settings.elevated_usernames:
            level = NORMAL
    if level == NORMAL and (quiet_here or 2 * names < settings.elevated_usernames):
        return None
    return Sighting(
        level,
        names / (2 * settings.attack_usernames),
        f"{names} user names failed with {attempts} attempts within {settings.days} days, {entered} got in",
        names,
        attempts,
        attempts,
        failed,
        failed,
    )


def _fast(slow: Slow, name: int, failed: bool, at_ms: int, policy: Policy) -> Sighting | None:
    """The same within an hour. Where honest people are, many get in; where a list is worked through, hardly anybody."""
    settings = policy.entities.slice_attack
    oldest_ms = at_ms - settings.window_s * 1000
    forget_before(slow.failed, oldest_ms)
    forget_before(slow.entered, oldest_ms)
    new = failed and name not in slow.failed
    see(slow.failed if failed else slow.entered, name, at_ms)
    names = len(slow.failed)
    if not settings.enabled or len(slow.entered) > policy.entities.low_and_slow.entered_share * names:
        return None
    level = NORMAL
    if failed and names >= settings.elevated_usernames:
        # As for other slices: an attack on the whole site is known after a minute, and takes this in.
        lasts = at_ms - min(slow.failed.values()) >= PATIENCE_MS
        level = ATTACK if names >= settings.attack_usernames and lasts else ELEVATED
    elif in_force(slow.threat, at_ms) == NORMAL or 2 * names < settings.elevated_usernames:
        return None
    return Sighting(
        level,
        names / (2 * settings.attack_usernames),
        f"{names} user names failed within {settings.window_s} s, {len(slow.entered)} got in",
        names,
        names,
        names,
        new,
        failed,
        hold_s=settings.expires_s,
    )


def kept(slow: Slow) -> int:
    """Hashes of failed names that are remembered, a name once for each of its days."""
    return sum(len(day.failed) for day in slow.days)


def _today(slow: Slow, number: int, settings: LowAndSlowPolicy) -> Day:
    while slow.days and slow.days[0].number <= number - settings.days:
        del slow.days[0]
    if not slow.days or slow.days[-1].number != number:
        slow.days.append(Day(number))
    return slow.days[-1]
