"""Do strangers enter one account after the other through one network or program, with passwords that are all right?"""

from __future__ import annotations

import msgspec

from streams.contracts.signals import EntityObserved
from streams.core.entities.policies import CredentialBurstPolicy
from streams.core.entities.recent import MEMBERS_MAX, forget_before, mark, see, spread
from streams.core.entities.threat import ATTACK, NORMAL, Sighting, Threat, in_force, is_told
from streams.core.familiar import network_of

GUESTS_MAX = 16  # accounts to tell once it is an attack; it is one after this many at the latest
# Of those who come to where they are at home one in so many is told: what counts is whether there are any.
SAMPLED = 8


class Burst(msgspec.Struct, array_like=True):
    """Who got in through one network or user agent lately; at most 6 KiB."""

    entered: dict[int, int] = {}  # account -> when a stranger got in, oldest first
    origins: dict[int, int] = {}  # ... through which address, or network of a user agent
    guests: list[tuple[int, str, str]] = []  # the newest of them: when, account, event
    at_home: list[int] = []  # when those got in who are at home there; a sample
    told: list[str] = []  # events of guests whose owners have heard of them


def look(
    burst: Burst, threat: Threat, signal: EntityObserved, at_ms: int, settings: CredentialBurstPolicy
) -> Sighting | None:
    """Accounts that are entered by a device and from a network that they never saw, through one network or user agent.

    Asks: how many of them within the window, at most accounts_per_origin of each address (of a user agent: of each
        network), and what share are they of all who get in there? One in eight of the others is told, and one more is
        always taken to be there.
    Fires when: accounts_per_slice, and strange_share of all: an attack, case F26. New programs, phones and offices have
        strangers too, but most who come know the device or the network. It is challenged, never blocked.
    Blind to: attackers behind a user agent or in a network that many honest people use; fewer accounts; accounts that
        nobody entered before. New devices without names in a new place where each has an address of its own look
        like an attacker on their first morning.
    Costs: two more signals per login of a stranger, and for one in eight of the others; at most 6 KiB per slice,
        forgotten after half an hour unless several accounts were entered.
    """
    oldest_ms = at_ms - settings.window_s * 1000
    forget_before(burst.entered, oldest_ms)
    burst.at_home = [moment for moment in burst.at_home if moment > oldest_ms][-MEMBERS_MAX:]
    burst.guests = [guest for guest in burst.guests if guest[0] > oldest_ms]
    if signal.familiar:
        burst.at_home.append(at_ms)
        return None
    account = mark(signal.account_id)
    new = account not in burst.entered
    see(burst.entered, account, at_ms)
    origin = signal.ip or ""
    burst.origins[account] = mark(network_of(origin) if signal.kind == "agent" and origin else origin)
    burst.origins = {kept: burst.origins[kept] for kept in burst.entered if kept in burst.origins}
    if new:
        burst.guests = [*burst.guests[1 - GUESTS_MAX :], (at_ms, signal.account_id, signal.event_id)]
        burst.told = [event_id for _, _, event_id in burst.guests if event_id in burst.told]
        if is_told(signal):
            burst.told.append(signal.event_id)
    if not settings.enabled:
        return None
    number = spread(burst.entered, burst.origins, settings.accounts_per_origin)
    others = SAMPLED * (len(burst.at_home) + 1)
    strange = number >= settings.strange_share * (number + others)
    level = ATTACK if new and strange and number >= settings.accounts_per_slice else NORMAL
    if level == NORMAL and (in_force(threat, at_ms) == NORMAL or 2 * number < settings.accounts_per_slice):
        return None
    return Sighting(
        level,
        number / (2 * settings.accounts_per_slice),
        f"{number} accounts entered by strangers within {settings.window_s} s, hardly anybody is at home here",
        number,
        number,
        0,
        new,
        failed=False,
        guests=burst.guests,
        told=burst.told,
        spares=True,
    )
