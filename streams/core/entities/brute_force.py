"""Is somebody trying many passwords on one account, from one place or from many?"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from streams.contracts.signals import EntityObserved
from streams.core.entities.attacks import BRUTE_FORCE
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.password_spray import Guess, Spray
from streams.core.entities.policies import BruteForcePolicy
from streams.core.entities.recent import mark
from streams.core.entities.threat import ATTACK, NORMAL, Sighting, Threat, follow, in_force
from streams.core.policy import Policy

if TYPE_CHECKING:
    from streams.core.entities.state import EntityState


GUESSES_MAX = 32  # no threshold may be higher


class Target(msgspec.Struct, array_like=True):
    """Guesses of strangers at one account from wherever, at most about 1 KiB."""

    threat: Threat = msgspec.field(default_factory=Threat)
    guesses: list[Guess] = []


def look(spray: Spray, signal: EntityObserved, at_ms: int, settings: BruteForcePolicy) -> Sighting | None:
    """Wrong passwords for one user name from one address or device (one place), or from many (one account).

    Asks: how many different guesses of strangers at one account came from this device or address within window_s, at
        most guesses_per_device of each device behind an address; and how many from everywhere within account_window_s,
        at most guesses_per_address of each address? Where the event tells guess_hash, the same guess again is none.
    Fires when: guesses of one place, or account_guesses of everywhere: an attack, case F26. Below that the ladder of
        the account is enough. The place is challenged, the account never locked for it.
    Blind to: whoever waits as long as the ladder demands; the owner on a strange device who gives ten wrong passwords
        within ten minutes looks the same, and is asked for a second factor.
    Costs: one more signal per failed login of a stranger; at most 32 guesses per device, address and account.
    """
    if not settings.enabled or signal.familiar or not signal.known:
        return None
    name = mark(signal.username or signal.account_id)
    origin = mark(signal.device_id) if signal.kind == "ip" and signal.device_id is not None else 0
    return _sighting(
        spray.guesses,
        spray.threat,
        signal,
        at_ms,
        name,
        origin,
        settings.window_s,
        settings.guesses,
        settings.guesses_per_device,
    )


def observe_guess(
    state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """The same at the account, for guesses that come from many addresses."""
    settings = policy.entities.brute_force
    if not settings.enabled:
        return []
    if state.target is None:
        state.target = Target()
    seen = _sighting(
        state.target.guesses,
        state.target.threat,
        signal,
        at_ms,
        mark(signal.account_id),
        mark(signal.origin or signal.event_id),
        settings.account_window_s,
        settings.account_guesses,
        settings.guesses_per_address,
    )
    if seen is None:
        return []
    # Containment belongs to places; what the account asks of strangers is decided by its own ladder.
    placeless = msgspec.structs.replace(settings, containment="none")
    return follow(state, state.target.threat, BRUTE_FORCE, seen, signal, at_ms, placeless, policy, ctx)


def _sighting(
    guesses: list[Guess],
    threat: Threat,
    signal: EntityObserved,
    at_ms: int,
    name: int,
    origin: int,
    window_s: int,
    attack: int,
    most: int,
) -> Sighting | None:
    failed = signal.what == "login_failed"
    new = False
    if failed:
        new = _remember(guesses, Guess(at_ms, name, origin, mark(signal.guess) if signal.guess else 0), window_s)
    number = _different(guesses, name, most)
    level = ATTACK if new and number >= attack else NORMAL
    if level == NORMAL and (in_force(threat, at_ms) == NORMAL or 2 * number < attack):
        return None
    return Sighting(
        level,
        number / (2 * attack),
        f"{number} guesses at one user name within {window_s} s",
        1,
        len(guesses),
        len(guesses),
        False,
        failed,
        spares=True,
    )


def _remember(guesses: list[Guess], guess: Guess, window_s: int) -> bool:
    """False for a guess that was made before: a client that repeats an old password is no attacker."""
    while guesses and guesses[0].at_ms <= guess.at_ms - window_s * 1000:
        del guesses[0]
    if guess.guess and any((old.name, old.guess) == (guess.name, guess.guess) for old in guesses):
        return False
    guesses.append(guess)
    del guesses[:-GUESSES_MAX]
    return True


def _different(guesses: list[Guess], name: int, most: int) -> int:
    """Guesses at the name, at most so many of each origin that is told."""
    found = Counter(guess.origin for guess in guesses if guess.name == name)
    return sum(min(number, most) if origin else number for origin, number in found.items())
