"""What is decided about money that would leave, or somebody who enters, while a lock of the account stands?

The payment system carries the lock out; a verdict that lets money go meanwhile would contradict it, and would be all
that a payment system goes by that hears of the lock too late. So no verdict is milder than the locks: money out of an
account that is frozen or restricted is blocked, a login to a frozen one or to one whose password is disabled or whose
login a person has locked too, and whoever is to prove a second factor is asked for it as long as that is commanded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from streams.contracts.base import Event
from streams.contracts.decisions import DecisionMade, Reason
from streams.contracts.logins import LoginSucceeded
from streams.contracts.payments import Movement
from streams.core.cases.book import put_line
from streams.core.flows import trail
from streams.core.flows.movements import SUBJECTS, status_after
from streams.core.locks.account_states import EVERYTHING, stands, stopper
from streams.core.obligations import HeldLock, Line, PaymentState
from streams.core.observations import Whence
from streams.core.steps import Prepared
from streams.core.turn import Turn
from streams.core.verdict import REASONS_MAX

STOPPED: Final = "stopped_by_lock"  # line and counter of the case that locked
_TOLD_EVERY: Final = 10
LOCKED: Final = "R28"
GUESSED: Final = "R11"
_OUT: Final = frozenset({"payment", "transfer", "withdrawal", "bill"})


def stopper_of(turn: Turn, prepared: Prepared) -> HeldLock | None:
    """The lock that stands against the event: money that has not left yet, or a login.

    A login to a frozen account, with a password that is disabled, or from a side that a person has locked. The waits of
    the ladder are the payment system's: the password that ends one is right.
    """
    locks, event = turn.obligations.locks, prepared.event
    if isinstance(event, LoginSucceeded):
        frozen = stopper(locks, at_the_door=True)
        if frozen is not None:
            return frozen
        shut = (held for held in _over(locks, "lock", _side(prepared)) if held.by_person or not held.due_ms)
        return next(shut, None)
    if not isinstance(event, Movement) or status_after(event) != PaymentState.SEEN:
        return None
    found = stopper(locks, payer(turn, prepared, event))
    is_stopped = SUBJECTS.get(type(event)) in _OUT or (found is not None and found.scope == EVERYTHING)
    return found if is_stopped else None


def is_challenged(turn: Turn, prepared: Prepared) -> bool:
    """Whether the side of the door that this login comes from proves a second factor first just now."""
    if not isinstance(prepared.event, LoginSucceeded) or prepared.features is None:
        return False
    return any(_over(turn.obligations.locks, "step_up", _side(prepared)))


def payer(turn: Turn, prepared: Prepared, event: Movement) -> str:
    """Which side asks for a movement: a device that the account does not know is unknown in the owner's network too.

    Who names none is known by the network, or as whoever logged in last. While somebody is doubted, what the account
    knows since before is the owner's, although it never logged in; what comes from where that somebody is, is not.
    """
    if trail.is_with_stranger(turn, prepared):
        return "unknown_devices"
    if prepared.whence is Whence.UNTOLD:
        is_known = prepared.network_since_ms > 0
    elif event.device_id is not None:
        is_known = prepared.whence is Whence.DEVICE
    else:
        is_known = prepared.whence is not Whence.ELSEWHERE
    is_known = is_known or trail.is_of_before(turn, prepared, event)
    return "known_devices" if is_known else "unknown_devices"


def _side(prepared: Prepared) -> str:
    known = prepared.features is not None and prepared.features.login_known == 1.0
    return "known_devices" if known else "unknown_devices"


def _over(locks: Iterable[HeldLock], action: str, side: str) -> Iterator[HeldLock]:
    """The locks of this action that stand over the logins of one side."""
    for held in locks:
        over = held.scope in ("login", "all") and held.applies_to in (side, "everyone")
        if held.action == action and over and stands(held):
            yield held


def challenged(decision: DecisionMade, code: str) -> DecisionMade:
    """The same decision with why a second factor is asked for as its first reason."""
    why = Reason(code=code, direction="raises")
    reasons = (why, *(reason for reason in decision.reasons if reason.code != code))[:REASONS_MAX]
    return msgspec.structs.replace(decision, reasons=reasons)


def blocked(decision: DecisionMade, code: str = LOCKED) -> DecisionMade:
    """The same decision with what stops it as its first reason; it never waits for an answer."""
    reasons = (Reason(code=code, direction="raises"), *decision.reasons)[:REASONS_MAX]
    return msgspec.structs.replace(decision, outcome="block", reasons=reasons)


def noted(turn: Turn, event: Event, lock: HeldLock) -> None:
    """The case that locked says what came last, and how much has come; nobody needs a case of its own for that."""
    case = turn.obligations.case(lock.case_id)
    if case is None or not case.is_open:
        return
    what = f"payment {event.payment_id}" if isinstance(event, Movement) else "a login"
    state = {"freeze": "frozen", "lock": "locked"}.get(lock.action, "restricted")
    put_line(turn, case, Line(turn.at_ms, STOPPED, turn.cause, f"{what} is blocked: the account is {state}"))
    count = case.counters[STOPPED] = case.counters.get(STOPPED, 0) + 1
    # Who goes on trying must not keep the case changing under the hands of whoever works it.
    if count == 1 or count % _TOLD_EVERY == 0:
        turn.change(case, STOPPED)
