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
    Transition("unconfirmed", "refused", "unconfirmed"),
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
    Transition("lifting", "expired", "released"),
    Transition("lifting", "wanted", "commanded", "request"),
    Transition("lifting", "wanted_unheard", "effective", "request"),
)

_TABLE = {(row.status, row.on): row for row in LOCK_TRANSITIONS}

# Which identity check lifts which lock (domain 5.4: soft locks by one-time password, restrictions by face and
# document). Nothing but a supervisor and a second person lifts a freeze, so it has no row.
IDENTITY_LEVEL = {"lock": 1, "restrict": 3}


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


def document() -> str:
    """The text of docs/locks.md."""
    levels = "\n".join(f"| {action} | {level} |" for action, level in IDENTITY_LEVEL.items())
    return f"""# Locks

Generated from `streams/core/locks/transitions.py`; a test compares. A lock is a saga: it is wanted, commanded,
acknowledged by the payment system, and released by its own expiry or by somebody who proves who they are. A command is
sent again with the same `action_id` until it is acknowledged; one that stays unacknowledged becomes a P1 case.

```mermaid
{diagram()}```

Identity level that lifts a lock by itself:

| lock | level |
|---|---|
{levels}
| freeze | never: a supervisor and a second person |
"""
