"""What follows when an open session is used by somebody else: its owner's password was never asked for."""

from __future__ import annotations

from streams.contracts.logins import SessionUsed
from streams.core.cases import timeline
from streams.core.cases.book import add_line
from streams.core.locks.saga import errand
from streams.core.obligations import Line
from streams.core.steps import Prepared
from streams.core.turn import Turn
from streams.core.verdict import counted

RULE = "session-reuse"
_STOLEN = f"{RULE}/02"
# A thief uses a session many times, and one command ends all of them.
_AGAIN_MS = 3_600_000


def after_use(turn: Turn, prepared: Prepared, event: SessionUsed) -> None:
    """Ends the account's sessions when the device is unknown too; whoever has the password logs in again."""
    if turn.obligations.cases:
        timeline.attach(turn, event)
    if not any(hit.rule == _STOLEN for hit in counted(prepared.hits, turn.policy, turn.shadow)):
        return
    case = next((case for case, _ in turn.changed.values() if case.queue == "security"), None)
    if case is None or not turn.acts:
        return
    if case.sessions_ended_ms and turn.at_ms - case.sessions_ended_ms < _AGAIN_MS:
        return
    case.sessions_ended_ms = turn.at_ms
    errand(turn, "end_sessions", reason_class="account_protection", rule=RULE, case=case)
    add_line(turn, case, Line(turn.at_ms, "sessions_ended", turn.cause, "all sessions are ended"))
