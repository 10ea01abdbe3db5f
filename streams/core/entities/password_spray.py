"""Is somebody trying passwords on many user names from one address or device?"""

from __future__ import annotations

import msgspec

from streams.contracts.signals import EntityObserved
from streams.core.entities.policies import PasswordSprayPolicy
from streams.core.entities.recent import MARK_BITS, MEMBERS_MAX, Tally, counts, forget_before, mark, see, spread, tally
from streams.core.entities.stranger_burst import Strangers
from streams.core.entities.threat import (
    ATTACK,
    ELEVATED,
    NORMAL,
    Sighting,
    Threat,
    in_force,
    is_told,
)

DAY_MS = 86_400_000
# Successes before the attack was recognised. A spray is recognised after a few attempts, a burst of right passwords
# where no device is named after this many.
GUESTS_MAX = 16
_ESTABLISHED = -1


class Guess(msgspec.Struct, array_like=True, gc=False):
    """One wrong password, all in hashes."""

    at_ms: int
    name: int
    origin: int = 0  # through which device at an address, from which address at an account; 0: not told
    guess: int = 0  # 0: not told
    device: int = 0  # at an account: by which device; 0: not told


class Spray(msgspec.Struct, array_like=True):
    """Logins of one address or device, at most about 9 KiB. One threat: whatever is seen here is one attack."""

    threat: Threat = msgspec.field(default_factory=Threat)
    failed: dict[int, int] = {}  # user name -> newest failure, oldest first; bit MARK_BITS: it is nobody's
    attempts: list[int] = []
    regulars: dict[int, int] = {}  # user name -> UTC day of its first success; -1 once it came back on another day
    established: int = 0
    guests: list[tuple[int, str, str]] = []  # newest successes of strangers: when, account, event
    origins: dict[int, int] = {}  # user name -> device of its newest failure, where one is named
    guesses: list[Guess] = []  # newest wrong passwords, for brute force
    entered: dict[int, int] = {}  # accounts with a history elsewhere that got in here for the first time
    codes: list[int] = []  # second factors that were asked for
    asked: dict[int, int] = {}  # ... for which accounts
    told: list[str] = []  # events of guests whose owners have heard of them
    strangers: Strangers = msgspec.field(default_factory=Strangers)  # of an address


def look(
    spray: Spray, signal: EntityObserved, at_ms: int, settings: PasswordSprayPolicy, remember_s: int
) -> Sighting | None:
    """Distinct user names failing from one address or device.

    Asks: how many user names that are not at home here failed within the window, at most names_per_device of each
        device behind an address, and what share of attempts failed? A name that got in within pace_s before another
        one failed counts too: nobody changes places that fast.
    Fires when: names >= elevated_usernames (step up) or attack_usernames (case F26), both plus a share of the users
    at home.
    Blind to: attackers who change the address for each attempt (site_spray sees those); more than 64 names count as 64.
    Costs: at most 64 names, 64 attempts, 64 regular users and 16 successes per address, forgotten after half an hour.
    """
    name = _name_of(signal)
    at_home = signal.familiar or is_at_home(spray, signal)
    oldest_ms = at_ms - settings.window_s * 1000
    failed = signal.what == "login_failed"
    tally(spray.attempts, at_ms, Tally.REFUSED if failed else Tally.GOOD, oldest_ms)
    forget_before(spray.failed, oldest_ms)
    new_name = failed and not at_home and name not in spray.failed
    if not failed:
        at_home = _remember_regular(spray, name, at_ms // DAY_MS) or signal.familiar
        if not at_home and signal.known:
            since_ms = at_ms - max(settings.window_s, remember_s) * 1000
            spray.guests = [guest for guest in spray.guests[1 - GUESTS_MAX :] if guest[0] > since_ms]
            spray.guests.append((at_ms, signal.account_id, signal.event_id))
            spray.told = [event_id for _, _, event_id in spray.guests if event_id in spray.told]
            if is_told(signal):
                spray.told.append(signal.event_id)
    elif not at_home:
        see(spray.failed, name, at_ms)
        if signal.device_id is not None:
            spray.origins[name] = mark(signal.device_id)
            if len(spray.origins) > 2 * MEMBERS_MAX:
                spray.origins = {kept: spray.origins[kept] for kept in spray.failed if kept in spray.origins}
    if at_home or not settings.enabled:
        return None

    threat = spray.threat
    allowance = int(spray.established * settings.established_share)
    elevated = min(MEMBERS_MAX, settings.elevated_usernames + allowance)
    attack = min(MEMBERS_MAX, settings.attack_usernames + allowance)
    names = len(spray.failed)
    if spray.origins and names >= elevated:
        names = spread(spray.failed, spray.origins, settings.names_per_device)
    if spray.established:  # where people are at home, a name that is nobody's is a slip of the finger
        slips = sum(failed_name >> MARK_BITS for failed_name in spray.failed)
        names -= min(slips, settings.slips_per_regular * spray.established)
    if not spray.established:
        names += _in_haste(spray, name, failed, at_ms - settings.pace_s * 1000)
    level = NORMAL
    if names >= elevated and (failed or name not in spray.failed):
        attempts, refused = counts(spray.attempts)
        if refused >= settings.failed_share * attempts:
            level = ATTACK if names >= attack else ELEVATED
    if level == NORMAL and (in_force(threat, at_ms) == NORMAL or 2 * names < elevated):
        return None

    attempts, refused = counts(spray.attempts)
    return Sighting(
        level,
        names / (2 * attack),
        f"{names} user names failed within {settings.window_s} s",
        names,
        attempts,
        refused,
        new_name,
        failed,
        guests=[guest for guest in spray.guests if guest[0] > oldest_ms],
        told=spray.told,
        # Where regular users are at home a block would hit them all; a challenge stops the attacker and not them. An
        # attacker has an account or two of its own: fewer than the names that make an attack are nobody's home.
        spares=spray.established >= settings.attack_usernames,
    )


def is_at_home(spray: Spray, signal: EntityObserved) -> bool:
    """Whether this user got in here on two days."""
    return spray.regulars.get(_name_of(signal)) == _ESTABLISHED


def _name_of(signal: EntityObserved) -> int:
    return mark(signal.username or signal.account_id) | (not signal.known) << MARK_BITS


def _in_haste(spray: Spray, name: int, failed: bool, since_ms: int) -> int:
    """Other names around a failure that got in within a moment, so that nobody can have changed places."""
    if not failed:
        return name not in spray.failed and any(at_ms >= since_ms for at_ms in spray.failed.values())
    entered = {mark(account_id) for guest_ms, account_id, _ in spray.guests if guest_ms >= since_ms}
    return len(entered - {name} - spray.failed.keys())


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
