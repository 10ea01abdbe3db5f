"""What follows when a merchant's application lacks a paper (F39)?"""

from __future__ import annotations

from streams.contracts.accounts import MerchantApplication
from streams.core.cases import dialogue, timeline
from streams.core.cases.book import Draft, add_line, open_or_join, set_status
from streams.core.messages.notify import notify
from streams.core.obligations import DECORATION_MAX, Case, Line
from streams.core.turn import Turn

FAMILY = "merchant_onboarding"
# Values of `status` that mean something here; every other one is a line on the timeline.
MISSING = frozenset({"documents_missing", "documents_expired"})
DECIDED = {"approved": "merchant.approved", "rejected": "merchant.rejected"}


def applied(turn: Turn, event: MerchantApplication) -> None:
    """Asks for what is missing and again for what still is, goes on when all has come, and ends with the decision."""
    case = _open_case(turn, event)
    line = Line(turn.at_ms, "merchant.application", turn.cause, _said(event))
    if event.status in MISSING or (event.missing and event.status not in DECIDED):
        case = open_or_join(
            turn,
            Draft(case_type=FAMILY, flow="F39", family=FAMILY, queue="policy", priority=4, lines=(line,)),
        )
        if len(event.merchant_id) <= DECORATION_MAX:
            case.merchant_id = event.merchant_id
        dialogue.ask(turn, case, "merchant.documents", {"case_id": case.case_id, "fields": _fields(event)})
        return
    if case is None:
        timeline.attach(turn, event)
        return
    add_line(turn, case, line)
    if event.status in DECIDED:
        set_status(turn, case, "resolved", event.status)
        notify(turn, DECIDED[event.status], {"case_id": case.case_id}, case)
    else:
        dialogue.heard(turn, case)


def _said(event: MerchantApplication) -> str:
    """The status, and what is left of the list of papers."""
    missing = f"; still missing: {', '.join(event.missing)}" if event.missing else ""
    return f"the application is {event.status[:40]}{missing}"


def _fields(event: MerchantApplication) -> str:
    return ",".join(f"ask.{each}" for each in event.missing) or "ask.licence"


def _open_case(turn: Turn, event: MerchantApplication) -> Case | None:
    for case in turn.obligations.cases:
        if case.family == FAMILY and case.is_open and case.merchant_id in ("", event.merchant_id):
            return case
    return None
