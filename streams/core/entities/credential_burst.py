"""Does somebody enter one account after the other from one place, with passwords that are all right?"""

from __future__ import annotations

from streams.contracts.signals import EntityObserved
from streams.core.entities.password_spray import Spray
from streams.core.entities.policies import CredentialBurstPolicy
from streams.core.entities.recent import forget_before, mark, see
from streams.core.entities.threat import ATTACK, NORMAL, Sighting, in_force


def look(spray: Spray, signal: EntityObserved, at_ms: int, settings: CredentialBurstPolicy) -> Sighting | None:
    """Accounts with a history elsewhere that are entered for the first time from one device or address.

    Asks: how many of them within the window, and how many users are at home here? An address counts only those that
        name no device; strangers on devices of their own are the next detector's.
    Fires when: accounts of a device, or accounts_per_address of an address, and as many more as users are at home
        there: an attack, case F26, without a single wrong password. The place is challenged, never blocked: a second
        factor tells.
    Blind to: fewer accounts, and accounts that nobody entered before; a new tablet in a shop looks like an attacker on
        its first morning.
    Costs: at most 64 accounts per address or device.
    """
    forget_before(spray.entered, at_ms - settings.window_s * 1000)
    new = (
        signal.what == "login_succeeded"
        and signal.known
        and signal.warm
        and not signal.familiar
        and (signal.kind == "device" or signal.device_id is None)
    )
    if new:
        see(spray.entered, mark(signal.account_id), at_ms)
    if not settings.enabled or signal.what != "login_succeeded":
        return None
    limit = (settings.accounts if signal.kind == "device" else settings.accounts_per_address) + spray.established
    number = len(spray.entered)
    level = ATTACK if new and number >= limit else NORMAL
    if level == NORMAL and (in_force(spray.threat, at_ms) == NORMAL or 2 * number < limit):
        return None
    return Sighting(
        level,
        number / (2 * limit),
        f"{number} accounts entered for the first time within {settings.window_s} s",
        number,
        number,
        0,
        new,
        failed=False,
        guests=spray.guests,
        told=spray.told,
        spares=True,
    )
