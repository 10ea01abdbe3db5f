"""Does one device ask for second factors without end?"""

from __future__ import annotations

from streams.contracts.signals import EntityObserved
from streams.core.entities.password_spray import Spray
from streams.core.entities.policies import OtpAbusePolicy
from streams.core.entities.recent import ATTEMPTS_MAX, forget_before, mark, see
from streams.core.entities.threat import ATTACK, NORMAL, Sighting, in_force


def look(spray: Spray, signal: EntityObserved, at_ms: int, settings: OtpAbusePolicy) -> Sighting | None:
    """Codes and prompts that one device, or an address where none is named, has sent to customers.

    Asks: how many second factors were asked for from here within the window, and for how many accounts?
    Fires when: sent, or accounts, of a device; times_per_address as many of an address that names no device: an
        attack, case F26. One account worn down by prompts is rule challenge-abuse.
    Blind to: whoever changes the device for each code, and which telephone numbers are expensive: no contract has one.
    Costs: one signal per second factor; at most 64 moments and 64 accounts per device.
    """
    oldest_ms = at_ms - settings.window_s * 1000
    spray.codes = [sent_ms for sent_ms in spray.codes[1 - ATTEMPTS_MAX :] if sent_ms > oldest_ms]
    spray.codes.append(at_ms)
    account = mark(signal.account_id)
    forget_before(spray.asked, oldest_ms)
    new = account not in spray.asked
    see(spray.asked, account, at_ms)
    if not settings.enabled:
        return None
    times = 1 if signal.kind == "device" else settings.times_per_address
    sent, accounts = settings.sent * times, settings.accounts * times
    load = max(len(spray.codes) / sent, len(spray.asked) / accounts)
    level = ATTACK if load >= 1.0 else NORMAL
    if level == NORMAL and (in_force(spray.threat, at_ms) == NORMAL or load < 0.5):
        return None
    return Sighting(
        level,
        load / 2,
        f"{len(spray.codes)} second factors for {len(spray.asked)} accounts within {settings.window_s} s",
        len(spray.asked),
        len(spray.codes),
        0,
        new,
        failed=False,
        spares=spray.established > 0,
    )
