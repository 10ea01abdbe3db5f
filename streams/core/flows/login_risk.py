"""What follows when the right password came from where the owner never is, and a second factor is not enough?

A second factor can be stolen with the password. So a login of the second band leaves money out limited for a while,
however it answers the challenge, and the owner is told (ASVS 6.3.5). The third band is F21: money stays in on devices
that the account does not know (`fraud_alert`) until the second factor is given there, and then follows what follows in
the second. It keeps nobody out: of a thousand ordinary logins it is one, and that one is an owner with a new phone.
"""

from __future__ import annotations

from typing import Final

from streams.contracts.logins import LoginSucceeded
from streams.core.cases.book import set_status
from streams.core.cases.clocks import has_person
from streams.core.cases.dialogue import has_written
from streams.core.flows import trail
from streams.core.flows.owners_word import RISK_FAMILY
from streams.core.locks.saga import lift, lock
from streams.core.locks.unlock import counts
from streams.core.messages.notify import notify
from streams.core.messages.render import instant
from streams.core.obligations import HeldLock, Reason
from streams.core.outcome import Outcome
from streams.core.steps import Prepared
from streams.core.turn import Turn
from streams.core.verdict import counted

LOGIN_RISK = "login-risk"
_LIMITS = f"{LOGIN_RISK}/02"
STRANGER = f"{LOGIN_RISK}/03"
FACTOR_GIVEN: Final = "challenge_passed"  # resolution
CONFIRMED: Final = "customer_confirmed"  # resolution
_WHY: Final = {FACTOR_GIVEN: "second factor for the login", CONFIRMED: "the owner's word for the login"}


def is_stranger(turn: Turn, prepared: Prepared) -> bool:
    """Whether whoever has the right password is nothing like the owner, and nobody has said that it is.

    A check that named the device, a second factor from there, or the word of the owner or an analyst has: else the
    owner's new phone would be stopped, checked and stopped again.
    """
    event = prepared.event
    if not isinstance(event, LoginSucceeded) or prepared.is_proved or not _says(turn, prepared, STRANGER):
        return False
    return not trail.is_proved_place(turn, event)


def after_login(turn: Turn, prepared: Prepared) -> None:
    """Limits money out for the time of `locks.cooloff_s` after a login of the second band.

    So it does after one of the third where somebody vouches for the place.
    """
    if is_stranger(turn, prepared) or not _says(turn, prepared, _LIMITS, STRANGER):
        return
    turn.moves("doubted", "rules")
    lasts_s = turn.policy.locks.cooloff_s
    limited = lock(
        turn,
        "limit",
        scope="money_out",
        applies_to="everyone",
        lasts_s=lasts_s,
        reason_class="verification_needed",
        rule=LOGIN_RISK,
    )
    if limited:
        about = {"time": instant(turn.at_ms), "until": instant(turn.at_ms + lasts_s * 1000)}
        notify(turn, "fraud_alert.login_limited", about, None)


def ends_with_logins(turn: Turn, resolution: str) -> None:
    """Ends what logins of the third band have begun, once somebody vouches for each of them that a case tells of.

    A second factor from there, or a "yes" of the owner that counts. Money out is limited then as after the second band.
    What has shown more than logins goes on, and a case that people are at, or that the owner has written on, stays
    theirs.
    """
    if not counts(turn):
        return
    for case in turn.obligations.cases:
        if case.family != RISK_FAMILY or not case.is_open or not trail.has_answers(turn, case):
            continue

        def ends(held: HeldLock, reason: Reason, case_id: str = case.case_id) -> bool:
            return held.action == "restrict" and reason.case_id == case_id and not reason.by_person

        cools_s = turn.policy.locks.cooloff_s
        lift(turn, ends, _WHY[resolution], "second_factor", "owner", tells="unlocked", cools_s=cools_s)
        if not has_person(case) and not has_written(case):
            set_status(turn, case, "closed", resolution)


def _says(turn: Turn, prepared: Prepared, *bands: str) -> bool:
    hits = counted(prepared.hits, turn.policy, turn.shadow)
    return any(hit.rule in bands and Outcome.parse(hit.outcome) >= Outcome.STEP_UP for hit in hits)
