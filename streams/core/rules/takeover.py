"""Is somebody cashing out an account that was just taken over?"""

from __future__ import annotations

from typing import ClassVar

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.receivers import receiver_age_days
from streams.core.rules.base import COLD, QUIET, Fired, NotApplicable, RuleResult, WarmSection, acting_age_days
from streams.core.sections import Count

NO_DEVICE = NotApplicable("the event names no device, and none has acted for a day")


class TakeoverPolicy(WarmSection, frozen=True, kw_only=True):
    """How recent device and credential change must be, and when a movement empties the account."""

    BANDS: ClassVar[int] = 3

    device_days: float
    change_s: Count
    balance_share: float
    times_usual: float


def takeover(_event: Movement, _at_ms: int, features: Features, policy: TakeoverPolicy) -> RuleResult:
    """New device, fresh credentials and a first payee on one movement of money (T1).

    Asks: is the device new, were credentials changed just now, and was this payee never paid?
    Fires when: device and change are recent /01; and so is the payee, shop or biller, the card of a withdrawal, or it
        names none of them /02; and it takes policy.balance_share of the balance or policy.times_usual of the usual
        amount /03, alone or together with what else went to such within a day, so that nobody takes it in parts or
        sends a cent ahead. On an account too young to have habits, where all of this is new anyway, only if address
        or device are under suspicion for what they did elsewhere. A movement that names no device is taken to come from
        the newest one that was met or changed credentials within a day, or that nobody answered for within seven; the
        network stands for a change that names none. Not so at home, or where the change came from, if a device or
        network known before them made the change. A password reset counts when the password has changed: anybody can
        ask for one. What the owner sets anew because a stranger with the old password was kept out does not count.
    Blind to: thieves on the owner's own device (remote control, malware); a new phone looks the same up to /01.
    Costs: a bounded set of devices and payees, amounts of a day and two timestamps per account.
    """
    age_days = acting_age_days(features)
    if age_days < 0.0:
        return NO_DEVICE
    if age_days > policy.device_days:
        return QUIET
    changed_s = features.since_credential_change_s
    if not 0.0 <= changed_s <= policy.change_s:
        return QUIET
    if policy.cold(features) and not _is_suspected(features):
        return COLD
    evidence = {
        "device_age_days": age_days,
        "since_credential_change_s": changed_s,
        "balance_share": features.balance_share,
        "amount_to_usual": features.amount_to_usual,
    }
    known_s = receiver_age_days(features) * 86_400.0
    if not 0.0 <= known_s <= policy.change_s:
        return Fired(1, ("R02", "R07"), evidence)
    if features.balance_share >= policy.balance_share or features.amount_to_usual >= policy.times_usual:
        return Fired(3, ("R02", "R07", "R03"), evidence)
    share, usual = _in_parts(features)
    if share >= policy.balance_share or usual >= policy.times_usual:
        return Fired(3, ("R02", "R07", "R03"), evidence | {"first_payees_sum_1d": features.first_payees_sum_1d})
    return Fired(2, ("R02", "R07", "R03"), evidence)


def _in_parts(features: Features) -> tuple[float, float]:
    """Share of the balance, and times the usual amount, of all to first payees in a day; -1 where nothing says so.

    What went before may have left the balance already, or be held: it is counted as gone, which never says too much.
    """
    amount, together = features.amount, features.first_payees_sum_1d
    if amount <= 0.0 or together < amount:
        return -1.0, -1.0
    share = usual = -1.0
    if features.balance_share > 0.0:
        share = together / (amount / features.balance_share + together - amount)
    if features.amount_to_usual > 0.0:
        usual = together * features.amount_to_usual / amount
    return share, usual


def _is_suspected(features: Features) -> bool:
    """Whether others have suffered from this address or device lately: what young accounts can be judged by."""
    levels = (features.ip_level, features.device_level, features.ip_guessing, features.device_guessing)
    return max(levels) >= 1.0
