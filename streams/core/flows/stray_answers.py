"""What becomes of a customer's answer about a case that the account has not?

It says nothing about any payment, so it is no report of theft: a case id may be another account's, mistyped or made up.
Whoever sent it hears why it came to nothing.
"""

from __future__ import annotations

from streams.contracts.accounts import CustomerConfirmed
from streams.core.cases.operator import reject
from streams.core.turn import Turn


def is_stray(turn: Turn, event: CustomerConfirmed) -> bool:
    """Whether the case is all that it names, and was never this account's as far as anybody remembers.

    Of one that was handed over to people, or has ended, the answer still means something.
    """
    if event.case_id is None or event.payment_id is not None:
        return False
    obligations = turn.obligations
    known = {*(each.case_id for each in obligations.ended), *(each.case_id for each in obligations.holds)}
    return obligations.case(event.case_id) is None and event.case_id not in known


def refused(turn: Turn, event: CustomerConfirmed) -> None:
    """Answers why nothing follows."""
    reject(
        turn, event.event_id, "confirm", "unknown_case", "this account remembers no such case", case_id=event.case_id
    )
