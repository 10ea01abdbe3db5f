"""When are two cases one, and when do they only belong together?

A merged case ends in another one of the same account, which goes on for both; what has to be followed on its own (money
of a payment, a lock, a hold) is never merged away. A link only says that two cases belong together.
"""

from __future__ import annotations

from streams.core.cases.book import add_line, raise_to, set_status
from streams.core.cases.handed import kept_of
from streams.core.obligations import Case, Line
from streams.core.turn import Turn

MERGED, LINKED = "case.merged", "case.linked"  # lines of the other case


def merge_refusal(turn: Turn, case: Case, into_id: str | None) -> tuple[str, str] | None:
    """(cause, sentence) if this case must not end in that one."""
    if not into_id or into_id == case.case_id:
        return "other_case", "name the case that this one ends in"
    into = turn.obligations.case(into_id)
    if into is None:
        return "other_case", "this account remembers no such case: only cases of one account are merged, link others"
    if not into.is_open or into.shadow != case.shadow:
        return "other_case", "the case that goes on has ended: reopen it first"
    obligations = turn.obligations
    if any(held.is_for(case.case_id) for held in obligations.locks):
        return "bound", "a lock stands because of this case: merge the other one into it"
    if any(hold.case_id == case.case_id for hold in obligations.holds):
        return "bound", "a payment is held because of this case: merge the other one into it"
    if kept_of(case) is not None:
        return "bound", "this case follows the money of its payment: merge the other one into it"
    return None


def link_refusal(case: Case, other_id: str | None) -> tuple[str, str] | None:
    """(cause, sentence) if these two are not linked. Whether there is such a case elsewhere no account knows."""
    if not other_id or other_id == case.case_id:
        return "other_case", "name the case that this one belongs with"
    if case.parent_id == other_id:
        return "other_case", "the two are linked already"
    return None


def merge(turn: Turn, case: Case, into_id: str) -> None:
    """Ends `case` in the other one, which gets its urgency and says so."""
    into = turn.obligations.case(into_id)
    if into is None:
        raise AssertionError("a merge into nothing was let through")
    case.merged_into = into_id
    set_status(turn, case, "merged", "merged")
    raise_to(turn, into, case.priority)
    add_line(turn, into, _line(turn, MERGED, f"{case.case_id} ({case.case_type}) goes on here", case))


def link(turn: Turn, case: Case, other_id: str) -> None:
    """Says on both that they belong together, as far as this account knows the other one."""
    case.parent_id = other_id
    turn.change(case, "parent_id")
    other = turn.obligations.case(other_id)
    if other is not None:
        add_line(turn, other, _line(turn, LINKED, f"{case.case_id} ({case.case_type}) belongs with this", case))


def _line(turn: Turn, kind: str, text: str, case: Case) -> Line:
    return Line(turn.at_ms, kind, turn.cause, text[:200], case.amount_minor, case.currency)
