"""Which states does a lock have, and what moves it from one to the next?

This table is the state machine: the saga loads it, a test walks it, and docs/locks.md is drawn from it.
"""

from __future__ import annotations

from typing import NamedTuple

ABSENT = "absent"
RELEASED = "released"


class Transition(NamedTuple):
    """`effect` is what the saga does: request, request_again, request_unlock, open_case, or nothing."""

    status: str
    on: str
    to: str
    effect: str | None = None


LOCK_TRANSITIONS = (
    # from          on                to              effect
    Transition("absent", "wanted", "commanded", "request"),
    Transition("absent", "wanted_unheard", "effective", "request"),  # ack = assumed: nobody will answer
    Transition("commanded", "acknowledged", "effective"),
    Transition("commanded", "resend_due", "commanded", "request_again"),
    Transition("commanded", "overdue", "unconfirmed", "open_case"),
    Transition("commanded", "refused", "unconfirmed", "open_case"),
    Transition("unconfirmed", "acknowledged", "effective"),
    Transition("unconfirmed", "resend_due", "unconfirmed", "request_again"),
    Transition("unconfirmed", "refused", "unconfirmed", "open_case"),
    Transition("unconfirmed", "urged", "unconfirmed", "request_again"),  # somebody with a say asks for it again
    Transition("unconfirmed", "urged_unheard", "effective", "request_again"),
    # a longer lock of the same kind takes the place of the shorter one
    Transition("commanded", "wanted", "commanded", "request"),
    Transition("unconfirmed", "wanted", "commanded", "request"),
    Transition("effective", "wanted", "commanded", "request"),
    Transition("commanded", "wanted_unheard", "effective", "request"),
    Transition("unconfirmed", "wanted_unheard", "effective", "request"),
    Transition("effective", "wanted_unheard", "effective", "request"),
    # every lock has a way out: its own end, or somebody who proves who they are
    Transition("commanded", "expired", "released"),
    Transition("unconfirmed", "expired", "released"),
    Transition("effective", "expired", "released"),
    Transition("commanded", "lifted", "lifting", "request_unlock"),
    Transition("unconfirmed", "lifted", "lifting", "request_unlock"),
    Transition("effective", "lifted", "lifting", "request_unlock"),
    Transition("commanded", "lifted_unheard", "released", "request_unlock"),
    Transition("unconfirmed", "lifted_unheard", "released", "request_unlock"),
    Transition("effective", "lifted_unheard", "released", "request_unlock"),
    Transition("lifting", "acknowledged", "released"),
    Transition("lifting", "resend_due", "lifting", "request_again"),
    Transition("lifting", "overdue", "lifting", "open_case"),
    Transition("lifting", "refused", "lifting", "open_case"),
    Transition("lifting", "urged", "lifting", "request_again"),
    Transition("lifting", "urged_unheard", "released", "request_again"),
    Transition("lifting", "expired", "released"),
    Transition("lifting", "overtaken", "effective"),  # by a stricter lock: its unlock is asked for no longer
    Transition("lifting", "wanted", "commanded", "request"),
    Transition("lifting", "wanted_unheard", "effective", "request"),
)

_TABLE = {(row.status, row.on): row for row in LOCK_TRANSITIONS}

# Which identity check lifts which lock (soft locks by one-time password, restrictions and disabled passwords
# by face and document). A freeze is lifted by a supervisor and a second person after such a check, never by it; 0: no
# check does.
IDENTITY_LEVELS = (
    ("lock with an end", 1),
    ("lock without an end", 3),
    ("lock by an analyst", 3),
    ("restrict", 3),
    ("freeze", 0),
    ("limit", 0),
    ("step_up", 0),
)
_LEVEL_OF = dict(IDENTITY_LEVELS)


def level_of(action: str, due_ms: int, *, by_person: bool = False) -> int:
    """The level of identity check that lifts such a lock; 0: none does. `due_ms`: when it ends by itself, 0: never."""
    if action == "lock" and by_person:
        return _LEVEL_OF["lock by an analyst"]
    if action == "lock":
        return _LEVEL_OF["lock with an end" if due_ms else "lock without an end"]
    return _LEVEL_OF.get(action, 0)


def step(status: str, on: str) -> Transition | None:
    """The transition, or None where `on` means nothing in this state (a second acknowledgement, for example)."""
    return _TABLE.get((status, on))


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> absent"]
    for row in LOCK_TRANSITIONS:
        effect = f" / {row.effect}" if row.effect else ""
        lines.append(f"    {row.status} --> {row.to}: {row.on}{effect}")
    lines.append("    released --> [*]")
    return "\n".join(lines) + "\n"
