"""Whose owner hears that a stranger gave the right password in an attack (F26), and when?

Whoever is stopped, or let in unasked, is told of at once. Whoever is asked for a second factor may be the owner on a
new phone: only when the factor has not come in its time was it somebody else. Not so on a device or at an address that
itself has given others' passwords, where the owner never was: there a factor may have been tricked out of the owner,
who is told at once, whatever is given.
"""

from __future__ import annotations

from streams.core.entities.threat import EXPOSED
from streams.core.flows import trail
from streams.core.ids import exposure_origin
from streams.core.messages.notify import notify
from streams.core.obligations import RIGHT_PASSWORDS_MAX, Case, RightPassword
from streams.core.observations import PROOF_MS
from streams.core.steps import Prepared
from streams.core.turn import Turn


def entered(turn: Turn, prepared: Prepared, case: Case | None, *, aside: bool, is_asked: bool) -> None:
    """Tells the owner, or waits for the second factor; where too many wait already, the attack's case tells."""
    waiting = turn.obligations.right_passwords
    if not is_asked or _is_attackers(prepared):
        _tell(turn, RightPassword(prepared.at_ms, 0, prepared.incident), case, aside=aside)
    elif prepared.is_proved:
        turn.ctx.answerable = True
    elif turn.acts and len(waiting) < RIGHT_PASSWORDS_MAX:
        turn.ctx.answerable = True
        waiting.append(RightPassword(prepared.at_ms, prepared.at_ms + PROOF_MS, prepared.incident))


def _is_attackers(prepared: Prepared) -> bool:
    """Whether device or address are under suspicion themselves, and the account was never entered from there."""
    features = prepared.features
    if features is None or features.network_new == 0.0:
        return False
    return max(features.ip_guessing, features.device_guessing) >= 1.0


def look(turn: Turn, waiting: RightPassword) -> None:
    """At the timer: whoever has given no second factor by now is a stranger."""
    turn.obligations.right_passwords.remove(waiting)
    if not trail.is_answered(turn, waiting.at_ms):
        _tell(turn, waiting, None)


def _tell(turn: Turn, given: RightPassword, case: Case | None, *, aside: bool = False) -> None:
    """Once for an attack, and once a day for all attacks."""
    owed, origin = turn.obligations, exposure_origin(given.at_ms)
    if owed.exposed_ms and (given.incident == owed.exposed_in or origin == exposure_origin(owed.exposed_ms)):
        turn.ctx.told_right = True
    elif notify(turn, EXPOSED, {}, case, aside=aside, origin=origin):
        turn.ctx.told_right = True
        owed.exposed_ms, owed.exposed_in = given.at_ms, given.incident
