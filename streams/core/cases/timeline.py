"""Which open case does an event name, and what does its line on the timeline say?"""

from __future__ import annotations

from streams.contracts.accounts import CustomerConfirmed, LabelRecorded, MerchantApplication, Support
from streams.contracts.base import Event
from streams.contracts.payments import Failure as FailedMovement
from streams.contracts.payments import FeeCharged, MerchantReplied, Movement, PspStatus, Refund, RefundFailed
from streams.core.cases.book import add_line
from streams.core.obligations import Case, Line
from streams.core.turn import Turn


def attach(turn: Turn, event: Event) -> None:
    """Puts the event on the timeline of every open case that it names; free text stays in the event."""
    if not turn.obligations.cases:
        return
    for case in tuple(turn.obligations.cases):
        if case.is_open and is_named(case, event):
            add_line(turn, case, _line(turn, event))


def is_named(case: Case, event: Event) -> bool:
    """Whether the event is about this case: it names the case, or its payment and no other refund of that."""
    case_id, payment_id = _named(event)
    refund_id = event.refund_id if isinstance(event, Refund | MerchantReplied) else None
    if refund_id and case.refund_id not in ("", refund_id):
        return False
    return case.case_id == case_id or (payment_id is not None and case.payment_id == payment_id)


def _named(event: Event) -> tuple[str | None, str | None]:
    match event:
        case Movement():
            return None, event.payment_id
        case Support() | MerchantReplied():
            return event.case_id, event.payment_id
        case FeeCharged():
            return None, event.payment_id
        case LabelRecorded():
            return None, event.subject_id
        case _:
            return None, None


def codes_of(event: FailedMovement | RefundFailed) -> str:
    """Every code that came back, for people who look codes up."""
    named = ", ".join(f"{code.source} {code.code}" for code in event.codes)
    return f"failed: {named or 'no code'}"[:80]


def kind_of(event: Event) -> str:
    """What a timeline calls the event: its type without the version."""
    return str(event.__struct_config__.tag or "event").rpartition(".v")[0]


def _line(turn: Turn, event: Event) -> Line:
    kind = kind_of(event)
    match event:
        case PspStatus():
            text = f"the provider says: {event.status}"[:80]
            return Line(turn.at_ms, kind, turn.cause, text, event.amount_minor, event.currency)
        case FailedMovement():
            return Line(turn.at_ms, kind, turn.cause, codes_of(event), event.amount_minor, event.currency)
        case Movement():
            return Line(turn.at_ms, kind, turn.cause, kind, event.amount_minor, event.currency)
        case LabelRecorded():
            return Line(turn.at_ms, kind, turn.cause, f"{event.verdict} by {event.label_source}"[:80])
        case MerchantReplied():
            return Line(turn.at_ms, kind, turn.cause, f"the merchant answers: {event.answer}"[:80])
        case CustomerConfirmed():
            return Line(turn.at_ms, kind, turn.cause, f"the customer answered {event.answer}")
        case MerchantApplication() | Support():
            return Line(turn.at_ms, kind, turn.cause, f"from {event.channel}"[:80])
        case _:
            return Line(turn.at_ms, kind, turn.cause, kind)
