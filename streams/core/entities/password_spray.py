"""Is somebody trying passwords on many user names from one address or device?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streams.contracts.signals import EntityObserved
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.recent import MEMBERS_MAX, Tally, counts, forget_before, mark, see, tally
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

PASSWORD_SPRAY = AttackKind(
    "password_spray", "credential_attack", "F26", "password-spray/02", scope="login", members="usernames", exposes=True
)

DAY_MS = 86_400_000
# Successes before the attack was recognised: a spray is recognised after a few attempts, eight successes are plenty.
GUESTS_MAX = 8
_ESTABLISHED = -1


class Spray(msgspec.Struct, array_like=True):
    """Logins of one address or device, at most about 2 KiB."""

    threat: Threat = msgspec.field(default_factory=Threat)
    failed: dict[int, int] = {}  # user name -> newest failure, oldest first
    attempts: list[int] = []
    regulars: dict[int, int] = {}  # user name -> UTC day of its first success; -1 once it came back on another day
    established: int = 0
    guests: list[tuple[int, str, str]] = []  # newest successes of others: when, account, event


def observe_login(
    state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """Distinct user names failing from one address or device.

    Asks: how many user names that are not at home here failed within the window, and what share of attempts failed?
    Fires when: names >= elevated_usernames (step up) or attack_usernames (case F26), both plus a share of the users
    at home.
    Blind to: attackers who change the address for each attempt (site_spray sees those); more than 64 names count as 64.
    Costs: at most 64 names, 64 attempts, 64 regular users and 8 successes per address, forgotten after half an hour.
    """
    settings = policy.entities.password_spray
    spray = state.spray
    if spray is None:
        spray = state.spray = Spray()
    name = mark(signal.username or signal.account_id)
    at_home = spray.regulars.get(name) == _ESTABLISHED
    oldest_ms = at_ms - settings.window_s * 1000
    failed = signal.what == "login_failed"
    tally(spray.attempts, at_ms, Tally.REFUSED if failed else Tally.GOOD, oldest_ms)
    forget_before(spray.failed, oldest_ms)
    new_name = failed and not at_home and name not in spray.failed
    if not failed:
        at_home = _remember_regular(spray, name, at_ms // DAY_MS)
        if not at_home and signal.known:
            spray.guests = [guest for guest in spray.guests[1 - GUESTS_MAX :] if guest[0] > oldest_ms]
            spray.guests.append((at_ms, signal.account_id, signal.event_id))
    elif not at_home:
        see(spray.failed, name, at_ms)
    if at_home or not settings.enabled:
        return []

    threat = spray.threat
    allowance = int(spray.established * settings.established_share)
    elevated = min(MEMBERS_MAX, settings.elevated_usernames + allowance)
    attack = min(MEMBERS_MAX, settings.attack_usernames + allowance)
    names = len(spray.failed)
    level = NORMAL
    if failed and names >= elevated:
        attempts, refused = counts(spray.attempts)
        if refused >= settings.failed_share * attempts:
            level = ATTACK if names >= attack else ELEVATED
    if level == NORMAL and (in_force(threat, at_ms) == NORMAL or 2 * names < elevated):
        return []

    attempts, refused = counts(spray.attempts)
    seen = Sighting(
        level,
        names / (2 * attack),
        f"{names} user names failed within {settings.window_s} s",
        names,
        attempts,
        refused,
        new_name,
        failed,
        guests=[guest for guest in spray.guests if guest[0] > oldest_ms],
        # Where regular users are at home a block would hit them all; a challenge stops the attacker and not them.
        spares=spray.established > 0,
    )
    return follow(state, threat, PASSWORD_SPRAY, seen, signal, at_ms, settings, policy, ctx)


def quiet(state: EntityState, due_ms: int, policy: Policy) -> list[EntityEffect]:
    """Closes the case when no attempt came for an hour (F26)."""
    if state.spray is None:
        return []
    settings = policy.entities.password_spray
    return close_if_quiet(
        state.spray.threat,
        PASSWORD_SPRAY,
        state.kind,
        state.value,
        due_ms,
        settings,
        policy,
    )


def _remember_regular(spray: Spray, name: int, day: int) -> bool:
    """True for a user who logged in on two days and so is at home here; an attacker's lucky guess is not."""
    first = spray.regulars.get(name)
    if first is None:
        if len(spray.regulars) >= MEMBERS_MAX:
            visitor = next((who for who, since in spray.regulars.items() if since != _ESTABLISHED), None)
            if visitor is None:
                return False
            del spray.regulars[visitor]
        spray.regulars[name] = day
        return False
    if first not in (_ESTABLISHED, day) and spray.threat.case is None:
        spray.regulars[name] = first = _ESTABLISHED
        spray.established += 1
    return first == _ESTABLISHED
