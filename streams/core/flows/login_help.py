"""Does somebody who cannot log in hear how to get back in, and that nobody asks for passwords (F19)?

When a password reset is asked for, and when an owner's own device has failed so often that it waits. Once a day:
anybody can ask for a reset, and a message for each would teach people to overlook them.
"""

from __future__ import annotations

from streams.core.flows.owners_word import TOLD_AGAIN_MS
from streams.core.messages.notify import notify
from streams.core.messages.render import instant
from streams.core.turn import Turn


def reset_requested(turn: Turn) -> None:
    """Whoever asked: the owner hears of it, and that nothing has to be done about somebody else's request."""
    if not turn.late:
        _tell(turn, "login_issue.reset", {"time": instant(turn.at_ms)})


def waits(turn: Turn) -> None:
    """An owner's own device has begun to wait."""
    _tell(turn, "login_issue.help", {})


def _tell(turn: Turn, template: str, parameters: dict[str, str]) -> None:
    told_ms = turn.obligations.login_help_ms
    if told_ms and turn.at_ms - told_ms < TOLD_AGAIN_MS:
        return
    if notify(turn, template, parameters):
        turn.obligations.login_help_ms = turn.at_ms
