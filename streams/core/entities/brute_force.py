"""Is somebody trying many passwords on one account, from one place or from many?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
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
    """Wrong passwords for one user name from one address or device (one place), or from several (one account).

    Asks: how many different guesses of strangers at one account came from this device or address within window_s, at
        most guesses_per_device of each device behind an address; how many from at most `addresses` addresses within
        window_s; and how many, from how many addresses, within account_window_s? Where the event tells guess_hash, the
        same guess again is none.
    Fires when: guesses of one place, or of few addresses none of which is such a place; or account_guesses from
        account_addresses, in any mix: an attack, case F26. Below that the ladder of the account is enough. The place is
        challenged, the account never locked for it.
    Blind to: whoever waits as long as the ladder demands; the owner on a strange device who gives ten wrong passwords
        within ten minutes looks the same, and is asked for a second factor.
    Costs: one more signal per failed login of a stranger; at most 32 guesses per device, address and account.
    """
    if not settings.enabled or signal.familiar or not signal.known:
        return None
    name = mark(signal.username or signal.account_id)
    origin = mark(signal.device_id) if signal.kind == "ip" and signal.device_id is not None else 0
    new = _is_new(spray.guesses, Guess(at_ms, name, origin, _guess_of(signal)), signal, settings.window_s)
    of_name = [guess for guess in spray.guesses if guess.name == name]
    number = _most_of_each([guess.origin for guess in of_name], settings.guesses_per_device)
    return _sighting(spray.threat, signal, at_ms, spray.guesses, number, number / settings.guesses, settings, new=new)


def observe_guess(
    state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """The same at the account, for guesses that come from several addresses."""
    settings = policy.entities.brute_force
    if not settings.enabled:
        return []
    if state.target is None:
        state.target = Target()
    guesses, threat = state.target.guesses, state.target.threat
    address = mark(signal.origin or signal.event_id)
    device = mark(signal.device_id) if signal.device_id is not None else 0
    made = Guess(at_ms, mark(signal.account_id), address, _guess_of(signal), device)
    new = _is_new(guesses, made, signal, settings.account_window_s)
    load = max(_from_few(guesses, at_ms, settings), _from_many(guesses, settings))
    seen = _sighting(threat, signal, at_ms, guesses, len(guesses), load, settings, new=new)
    if seen is None:
        return []
    # Containment belongs to places; what the account asks of strangers is decided by its own ladder.
    placeless = msgspec.structs.replace(settings, containment="none")
    return follow(state, threat, BRUTE_FORCE, seen, signal, at_ms, placeless, policy, ctx)


def _from_few(guesses: list[Guess], at_ms: int, settings: BruteForcePolicy) -> float:
    """How much of an attack from few addresses it is; what one of them, or one device, does alone is its own case."""
    lately = [guess for guess in guesses if guess.at_ms > at_ms - settings.window_s * 1000]
    if len({guess.origin for guess in lately}) > settings.addresses:
        return 0.0
    alone = settings.guesses - 1
    of_addresses = _most_of_each([guess.origin for guess in lately], alone)
    of_devices = _most_of_each([guess.device for guess in lately], alone)
    return min(of_addresses, of_devices) / settings.guesses


def _from_many(guesses: list[Guess], settings: BruteForcePolicy) -> float:
    addresses = len({guess.origin for guess in guesses})
    return min(len(guesses) / settings.account_guesses, addresses / settings.account_addresses)


def _sighting(
    threat: Threat,
    signal: EntityObserved,
    at_ms: int,
    guesses: list[Guess],
    number: int,
    load: float,
    settings: BruteForcePolicy,
    *,
    new: bool,
) -> Sighting | None:
    """`load`: 1 is an attack."""
    level = ATTACK if new and load >= 1.0 else NORMAL
    if level == NORMAL and (in_force(threat, at_ms) == NORMAL or load < 0.5):
        return None
    window_s = settings.account_window_s if signal.kind == "account" else settings.window_s
    return Sighting(
        level,
        load / 2,
        f"{number} guesses at one user name within {window_s} s",
        1,
        len(guesses),
        len(guesses),
        False,
        signal.what == "login_failed",
        spares=True,
    )


def _guess_of(signal: EntityObserved) -> int:
    return mark(signal.guess) if signal.guess else 0


def _is_new(guesses: list[Guess], guess: Guess, signal: EntityObserved, window_s: int) -> bool:
    """Whether a wrong password is one more guess, which is remembered.

    One that was made before is none: a client that repeats an old password is no attacker.
    """
    while guesses and guesses[0].at_ms <= guess.at_ms - window_s * 1000:
        del guesses[0]
    if signal.what != "login_failed":
        return False
    if guess.guess and any((old.name, old.guess) == (guess.name, guess.guess) for old in guesses):
        return False
    guesses.append(guess)
    del guesses[:-GUESSES_MAX]
    return True


def _most_of_each(origins: Iterable[int], most: int) -> int:
    """How many guesses there are, at most so many of each origin that is told."""
    return sum(min(number, most) if origin else number for origin, number in Counter(origins).items())
