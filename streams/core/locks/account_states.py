"""Which state is an account in, and what may move it from one to the next?

This table is the state machine: every transition that is told is checked against it by a test, and docs/locks.md is
drawn from it. A state is not stored: it is the strictest of what the account's locks say, so the two cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from streams.core.locks.transitions import RELEASED
from streams.core.obligations import HeldLock

# From the mildest to the strictest.
STATES = ("active", "challenged", "recovering", "soft_lock", "restricted", "hard_lock", "frozen", "closed")
ACTIVE, CHALLENGED, RECOVERING, SOFT_LOCK, RESTRICTED, HARD_LOCK, FROZEN, CLOSED = STATES
ANY = "any"
# Scope of a freeze that closes money in as well, which `all` leaves open.
EVERYTHING = "everything"
_OVER_MONEY = ("money_out", "all", EVERYTHING)
# Where an ending leads: to the strictest of what is left.
REST = "rest"


class AccountMove(NamedTuple):
    """`by`: who may move it. `rest` as the target: what is left when this lock is gone, often `active`."""

    state: str
    on: str
    to: str
    by: str


ACCOUNT_MOVES = (
    # from        on                  to             by
    AccountMove(ANY, "strangers", CHALLENGED, "rules"),
    AccountMove(ANY, "guessed", SOFT_LOCK, "rules or analyst"),
    AccountMove(ANY, "doubted", RECOVERING, "rules"),
    AccountMove(ANY, "risk", RESTRICTED, "rules or analyst"),
    AccountMove(ANY, "disabled", HARD_LOCK, "rules"),
    AccountMove(
        ANY, "reported", FROZEN, "owner's report, confirmed fraud, or a supervisor and a second person for an order"
    ),
    AccountMove(ANY, "closed", CLOSED, "profile"),
    AccountMove(CHALLENGED, "expired", REST, "time"),
    AccountMove(CHALLENGED, "operator", REST, "analyst"),
    AccountMove(CHALLENGED, "false_lock", REST, "analyst"),
    AccountMove(SOFT_LOCK, "expired", REST, "time"),
    AccountMove(
        SOFT_LOCK, "second_factor", REST, "owner: one-time password or other second factor; no lock by an analyst"
    ),
    AccountMove(SOFT_LOCK, "identity_proved", REST, "identity service, level 1; a lock by an analyst: level 3"),
    AccountMove(SOFT_LOCK, "operator", REST, "analyst"),
    AccountMove(SOFT_LOCK, "false_lock", REST, "analyst"),
    AccountMove(RESTRICTED, "expired", REST, "time, after its review"),
    AccountMove(RESTRICTED, "identity_proved", RECOVERING, "identity service, level 3: face and document"),
    AccountMove(
        RESTRICTED,
        "second_factor",
        RECOVERING,
        "owner: second factor for the login that began it, or a yes to it on a device from before",
    ),
    AccountMove(RESTRICTED, "contained", REST, "rules: the attack that it was one of the first victims of"),
    AccountMove(RESTRICTED, "operator", REST, "analyst"),
    AccountMove(RESTRICTED, "false_lock", REST, "analyst"),
    AccountMove(HARD_LOCK, "identity_proved", RECOVERING, "identity service, level 3: face and document"),
    AccountMove(HARD_LOCK, "operator", REST, "analyst"),
    AccountMove(HARD_LOCK, "false_lock", REST, "analyst"),
    AccountMove(FROZEN, "supervisors", RECOVERING, "supervisor and a second person"),
    AccountMove(RECOVERING, "expired", REST, "time"),
    AccountMove(RECOVERING, "operator", REST, "analyst"),
    AccountMove(RECOVERING, "false_lock", REST, "analyst"),
    AccountMove(CLOSED, "reopened", REST, "profile"),
)

ENTRY_OF = {move.to: move.on for move in ACCOUNT_MOVES if move.state == ANY}


def state_of_lock(held: HeldLock) -> str:
    """What one lock makes of the account."""
    match held.action:
        case "freeze":
            return FROZEN
        case "restrict":
            return RESTRICTED
        case "limit":
            return RECOVERING
        case "step_up":
            return CHALLENGED
        case _:
            return SOFT_LOCK if held.due_ms else HARD_LOCK


def state_of(locks: Iterable[HeldLock], closed: bool = False) -> str:
    """The strictest of all; a lock that is being lifted counts no longer."""
    if closed:
        return CLOSED
    states = [state_of_lock(held) for held in locks if stands(held)]
    return max(states, key=STATES.index, default=ACTIVE)


def is_frozen(locks: Iterable[HeldLock]) -> bool:
    """Whether a freeze stands, acknowledged or not: from then on nothing that one person says lets money out."""
    return any(held.action == "freeze" and stands(held) for held in locks)


def keeps_out(held: HeldLock) -> bool:
    """Whether it stops the owner at something: lower limits and the question for a second factor do not."""
    return _strictness(held) > STATES.index(RECOVERING)


def uncovered(locks: Iterable[HeldLock], meant: Iterable[HeldLock]) -> list[HeldLock]:
    """Which of the `meant` locks can be lifted, the strictest first: no stricter lock is left over the same scope.

    A payment system that keeps one flag for each scope would open both by the command that lifts the milder one.
    """
    meant = list(meant)
    left = [held for held in locks if stands(held) and not any(held is each for each in meant)]
    free: list[HeldLock] = []
    for held in sorted(meant, key=_strictness, reverse=True):
        if stands(held) and any(covers(other, held) for other in left):
            left.append(held)
        else:
            free.append(held)
    return free


def covers(held: HeldLock, other: HeldLock) -> bool:
    """Whether `held` is stricter than the other lock and closes the same."""
    same = held.scope == other.scope or not {"all", EVERYTHING}.isdisjoint((held.scope, other.scope))
    return same and _strictness(held) > _strictness(other)


def _strictness(held: HeldLock) -> int:
    return STATES.index(state_of_lock(held))


def stopper(locks: Iterable[HeldLock], side: str = "everyone", *, at_the_door: bool = False) -> HeldLock | None:
    """The lock that keeps money in on devices of this side; with `at_the_door` the one that keeps everybody out."""
    stopping = ("freeze",) if at_the_door else ("freeze", "restrict")
    found = [
        held
        for held in locks
        if held.action in stopping and held.applies_to in ("everyone", side) and is_over_money(held) and stands(held)
    ]
    return max(found, key=lambda held: STATES.index(state_of_lock(held)), default=None)


def is_over_money(held: HeldLock) -> bool:
    """Whether it is about money that leaves."""
    return held.scope in _OVER_MONEY


def stands(held: HeldLock) -> bool:
    """Whether it keeps somebody out: what is being lifted does so no longer, whatever the payment system has heard."""
    return held.status not in ("lifting", RELEASED)


def permitted(was: str, on: str, to: str) -> bool:
    """Whether the table knows this transition; staying where one is needs no row."""
    if was == to:
        return True
    for move in ACCOUNT_MOVES:
        if move.on != on or move.state not in (ANY, was):
            continue
        if move.state == ANY and to == move.to and STATES.index(to) > STATES.index(was):
            return True
        # What an ending uncovers is milder than what ended, and never milder than where the row says it leads.
        floor = STATES.index(ACTIVE if move.to == REST else move.to)
        if move.state == was and floor <= STATES.index(to) < STATES.index(was):
            return True
    return False


def account_diagram() -> str:
    """The table as a Mermaid state diagram; `any` and `rest` are drawn as states."""
    lines = ["stateDiagram-v2", f"    [*] --> {ACTIVE}"]
    lines += [f"    {move.state} --> {move.to}: {move.on}" for move in ACCOUNT_MOVES]
    lines += [f"    {REST} --> {ACTIVE}: nothing is left", f"    {CLOSED} --> [*]"]
    return "\n".join(lines) + "\n"
