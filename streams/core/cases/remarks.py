"""What did people say about a case, and what of it may be kept and shown?

The words of a customer stay in their event, where whoever may read the topic reads them; the console writes those of
people at the desk masked. What is told of either is masked (`streams.core.intake.masking`), so that whoever works the
case need not guess what a colleague or the customer meant.
"""

from __future__ import annotations

from typing import Final

from streams.contracts.accounts import ContactTaken, Support, UserMessage
from streams.contracts.cases import RemarkRecorded
from streams.core.intake.masking import hidden_in, masked
from streams.core.obligations import Case
from streams.core.turn import Turn

CUSTOMER: Final = "customer"
MESSAGE, CONTACT = "message", "contact"  # actions of remarks that are none of the desk's
_MOST: Final = 4_000


def keep(turn: Turn, case: Case, action: str, actor: str, role: str, text: str | None) -> None:
    """Tells what was said about a case; nothing where nothing was."""
    if text is None or not text.strip():
        return
    words, hidden = said_of(text)
    turn.effects.append(
        RemarkRecorded(
            occurred_at=turn.at,
            event_id=turn.cause,
            account_id=turn.ctx.account_id,
            case_id=case.case_id,
            action=action,
            actor=actor,
            role=role,
            text=words,
            hidden=hidden,
        )
    )


def said_of(text: str) -> tuple[str, tuple[str, ...]]:
    """What is told of somebody's words, and the kinds of what was masked."""
    words = masked(text.strip())
    return words.text[:_MOST], hidden_in(words)


def of_customer(turn: Turn, event: Support) -> None:
    """The words of a customer, or of whoever has listened to one, on the cases that the event stands on."""
    match event:
        case ContactTaken():
            said = (CONTACT, event.actor, event.role)
        case UserMessage():
            said = (MESSAGE, CUSTOMER, CUSTOMER)
        case _:
            return
    for case in turn.obligations.cases:
        if any(line.event_id == turn.cause for line in case.lines):
            keep(turn, case, *said, event.text)
