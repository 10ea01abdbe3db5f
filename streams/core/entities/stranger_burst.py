"""Do strangers enter one account after the other at one address, and do they give the second factor when asked?"""

from __future__ import annotations

import msgspec

from streams.contracts.signals import EntityObserved
from streams.core.entities.policies import CredentialBurstPolicy
from streams.core.entities.recent import forget_before, mark, see, spread
from streams.core.entities.threat import ATTACK, ELEVATED, NORMAL, Sighting, Threat, in_force

_PER_DEVICE = 1  # more accounts of one device are the business of that device


class Strangers(msgspec.Struct, array_like=True):
    """Who got in at one address lately, accounts in hashes, oldest first; at most 4 KiB."""

    entered: dict[int, int] = {}  # by a device and from a network that the account never saw
    unanswered: dict[int, int] = {}  # those of them who were asked for a second factor, or stopped, and gave none
    at_home: dict[int, int] = {}  # known to their accounts, or by a second factor
    devices: dict[int, int] = {}  # account -> the device that entered it, where one was named


def look(
    strangers: Strangers,
    threat: Threat,
    established: int,
    signal: EntityObserved,
    at_ms: int,
    settings: CredentialBurstPolicy,
) -> Sighting | None:
    """Accounts that are entered at one address by devices, and from a network, that they never saw.

    Asks: how many of them within the window, what share are they of all who get in there, and how many of them were
        asked for a second factor, or stopped, and gave none? An account that names its devices and is entered without
        one counts too; of one device one account counts.
    Fires when: accounts, and as many more as users are at home there, and strange_share of all: elevated, so whoever
        comes next is asked; an attack, case F26, when as many were asked and have not answered. An office on its first
        morning looks the same until its people answer. The address is challenged, never blocked.
    Blind to: addresses where many honest people are at home; fewer accounts; accounts that nobody entered before. Under
        mode observe nobody is asked, so nobody can answer.
    Costs: one more signal per second factor that is passed; at most 64 accounts of each sort per address.
    """
    oldest_ms = at_ms - settings.window_s * 1000
    for members in (strangers.entered, strangers.unanswered, strangers.at_home):
        forget_before(members, oldest_ms)
    account = mark(signal.account_id)
    if not signal.strange:
        if signal.familiar:
            see(strangers.at_home, account, at_ms)
        return None
    if account in strangers.at_home:
        return None
    new = account not in strangers.entered
    see(strangers.entered, account, at_ms)
    if signal.flagged:
        see(strangers.unanswered, account, at_ms)
    if signal.device_id is not None:
        strangers.devices[account] = mark(signal.device_id)
    strangers.devices = {kept: strangers.devices[kept] for kept in strangers.entered if kept in strangers.devices}
    if not settings.enabled:
        return None
    number = spread(strangers.entered, strangers.devices, _PER_DEVICE)
    unanswered = spread(strangers.unanswered, strangers.devices, _PER_DEVICE)
    limit = settings.accounts + established
    level = NORMAL
    if number >= limit and number >= settings.strange_share * (number + len(strangers.at_home)):
        level = ATTACK if unanswered >= limit else ELEVATED
    if level == NORMAL and (in_force(threat, at_ms) == NORMAL or 2 * number < limit):
        return None
    return Sighting(
        level,
        number / (2 * limit),
        f"{number} accounts entered by strangers within {settings.window_s} s, {unanswered} gave no second factor",
        number,
        number,
        0,
        new,
        failed=False,
        spares=True,
    )


def answered(strangers: Strangers, account_id: str, at_ms: int) -> None:
    """A second factor was given at this address: its owner is there, and no stranger."""
    account = mark(account_id)
    strangers.entered.pop(account, None)
    strangers.unanswered.pop(account, None)
    see(strangers.at_home, account, at_ms)
