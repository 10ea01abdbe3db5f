"""What does a customer say who was asked whether two payments of one amount are both real (F12)?

A yes ends the question: nothing is one too many. A no is no report of theft: people take it to the merchant. Both
count from anybody who is known where it is said, for a thief's yes costs no more than the second payment did.
"""

from __future__ import annotations

from typing import Final

from streams.contracts.accounts import CustomerConfirmed
from streams.core.cases.book import add_line, set_status
from streams.core.flows import owners_word
from streams.core.money import refunds
from streams.core.obligations import Case, Line
from streams.core.turn import Turn

_ASKED: Final = "duplicate_probable"  # line of a case
_CERTAIN: Final = "duplicate_certain"  # another one


def is_asked(turn: Turn, event: CustomerConfirmed) -> bool:
    """Whether the answer is to that question. Where some of the money is certainly too much nothing is asked."""
    case = _case(turn, event)
    kinds = {line.kind for line in case.lines} if case is not None and case.is_open else set[str]()
    return _ASKED in kinds and _CERTAIN not in kinds


def answered(turn: Turn, event: CustomerConfirmed) -> None:
    """Closes the case on a yes."""
    case = _case(turn, event)
    if case is None:
        return
    owners_word.note_channel(turn, event)
    are_real = event.answer == "yes"
    text = "the customer says: both payments are real" if are_real else "the customer says: one of them is too many"
    is_verified = owners_word.is_verified(turn.policy.locks, event.channel)
    if not is_verified:
        text += f"; {owners_word.said_where(turn.policy.locks, event.channel)}"
    kind = "customer_confirmed" if are_real else "customer_denied"
    add_line(turn, case, Line(turn.at_ms, kind, turn.cause, text[:160]))
    if are_real and is_verified:
        case.money_state = "confirmed"
        set_status(turn, case, "resolved", "both_real")


def _case(turn: Turn, event: CustomerConfirmed) -> Case | None:
    case = turn.obligations.case(event.case_id or "")
    return case if case is not None and case.family == refunds.DUPLICATE else None
