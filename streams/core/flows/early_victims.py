"""Was an account restricted for a right password minutes before its place was known to enter many accounts (F26)?

An attack is contained at its place, and its victims are not locked. The first ones of a burst are locked all the same,
because they alone say nothing of an attack. So such an account looks several times within the hour whether the place of
that login is held for an attack by now: then its case is one of the incident's. What it was locked for alone is lifted
if the attack is contained: where its detector only observes, nothing else keeps the thief from the money.
"""

from __future__ import annotations

from typing import Final

from streams.contracts.logins import LoginSucceeded
from streams.core.attacked_places import AttackedPlace, marks_of
from streams.core.cases.book import add_line
from streams.core.entities.attacks import is_contained
from streams.core.locks.saga import lift
from streams.core.obligations import EARLY_MAX, Case, EarlyVictim, HeldLock, Line, Reason
from streams.core.turn import Turn

_LOOKS_S: Final = (60, 300, 900, 1_800, 3_600)  # after the login; right passwords of an hour are one burst
_JOINED: Final = "joined_incident"
_TELLS: Final = "unlocked.contained"


def restricted(turn: Turn, case: Case, login: LoginSucceeded) -> None:
    """Remembers where a right password came from, so that the account can look for an attack from there."""
    due_ms = turn.at_ms + _LOOKS_S[0] * 1000
    early = [each for each in turn.obligations.early if each.case_id != case.case_id]
    early.append(EarlyVictim(turn.at_ms, due_ms, case.case_id, marks_of(login)))
    turn.obligations.early = early[-EARLY_MAX:]


def look_again(turn: Turn, waiting: EarlyVictim) -> None:
    """At the timer: the case joins the attack and its lock is lifted, or it waits on."""
    early = turn.obligations.early
    early.remove(waiting)
    case = turn.obligations.case(waiting.case_id)
    if case is None or not case.is_open:
        return
    places = turn.ctx.attacked.held(waiting.places, turn.at_ms)
    if places and not case.incident_id:
        _join(turn, case, places[0])
    contained = next((each for each in places if is_contained(each.typology, turn.policy)), None)
    if contained is not None:
        _spare(turn, case, contained, waiting.at_ms)
        return
    later = (waiting.at_ms + look_s * 1000 for look_s in _LOOKS_S)
    due_ms = next((each for each in later if each > turn.at_ms), None)
    if due_ms is not None:
        waiting.due_ms = due_ms
        early.append(waiting)


def _join(turn: Turn, case: Case, place: AttackedPlace) -> None:
    case.incident_id = place.incident_id
    add_line(turn, case, Line(turn.at_ms, _JOINED, turn.cause, f"part of {place.incident_id} ({_named(place)})"))


def _spare(turn: Turn, case: Case, place: AttackedPlace, entered_ms: int) -> None:
    """Victims are not locked where the attack is kept out at its place."""
    if case.alerted_ms > entered_ms:
        return  # the account itself has shown more than that login

    def ends(held: HeldLock, reason: Reason) -> bool:
        return held.action == "restrict" and reason.case_id == case.case_id and not reason.by_person

    lift(turn, ends, f"the attack is contained at {_named(place)}", "contained", "rules", tells=_TELLS)


def _named(place: AttackedPlace) -> str:
    return f"{place.kind}/{place.value}"[:120]
