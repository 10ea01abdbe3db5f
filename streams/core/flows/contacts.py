"""What follows when one of our people has talked to a customer, by telephone or chat?

It is read as a message is, and joins or opens a case by the same rules; but who has listened knows better than a model
what it is about, and nobody is written a question that could have been asked. The words stay in their event. Whether
the caller is the customer is on the timeline as which questions of the script were answered right; that unlocks
nothing and gives nothing back: for both there are checks that are worth more.
"""

from __future__ import annotations

import msgspec

from streams.contracts.accounts import ContactTaken
from streams.contracts.base import to_ms
from streams.core.cases import clocks, dialogue
from streams.core.cases.book import add_line, decoration, raise_to, raised, set_status, shrink
from streams.core.cases.operator import reject
from streams.core.flows import messages
from streams.core.intake.reading import Reading, read
from streams.core.intake.topics import TOPICS
from streams.core.messages.notify import notify
from streams.core.messages.render import instant
from streams.core.obligations import Case, Line, Told
from streams.core.roles import ANALYSTS
from streams.core.turn import Turn

TAKEN = "contact.taken"  # line of a case
FIRST_CONTACT = "first_contact"  # resolution of a case that was over before it could be worked on
_ACTION = "contact"  # what a refusal calls it


def taken(turn: Turn, event: ContactTaken) -> None:
    """Puts the contact where it belongs, or answers why it has no place."""
    refusal = _refusal(turn, event)
    if refusal is not None:
        reject(turn, event.event_id, _ACTION, *refusal, case_id=event.case_id)
        return
    reading = _reading(turn, event)
    details = reading.details
    line = Line(turn.at_ms, TAKEN, turn.cause, _said(turn, event), details.amount_minor, details.currency or None)
    case = _named(turn, event) or messages.belongs_to(turn, reading)
    if case is None:
        case = messages.opened(turn, event, reading, line)
        if event.disposition != "answered":
            notify(turn, "contact.received", {"case_id": case.case_id, "topic": reading.topic.word}, case)
        elif case.version == 0 and not turn.obligations.frozen_by(case.case_id):
            set_status(turn, case, "resolved", FIRST_CONTACT)
    else:
        add_line(turn, case, line)
        messages.fill(turn, case, reading)
        if event.flow is not None:
            raise_to(turn, case, raised(turn, reading.topic.priority, case.amount_minor, case.currency))
        dialogue.heard(turn, case)
    _fill(turn, case, event)
    clocks.worked(case)  # a person has answered


def is_verified(event: ContactTaken) -> bool:
    """Whether the script says that the caller is the customer: at least two right answers and none that was wrong."""
    results = [each.result for each in event.checks]
    return results.count("right") >= 2 and "wrong" not in results


def _refusal(turn: Turn, event: ContactTaken) -> tuple[str, str] | None:
    if event.role not in ANALYSTS:
        return "role", f"role {event.role} may not take contacts"[:256]
    if turn.late:
        return "late", "the contact came later than the lateness bound allows"
    if event.flow is not None and event.flow not in TOPICS:
        return "unknown_flow", "customers write about no such flow"
    if event.case_id is not None and turn.obligations.case(event.case_id) is None:
        return "unknown_case", "this account remembers no such case"
    if event.case_id is None and event.flow is None and not (event.text or "").strip():
        return "nothing_said", "neither what was said nor what it is about is given"
    return None


def _named(turn: Turn, event: ContactTaken) -> Case | None:
    """The case that the operator names, or the open one about the payment."""
    if event.case_id is not None:
        case = turn.obligations.case(event.case_id)
        if case is not None and not case.is_open:
            dialogue.take_up(turn, case)
        return case
    if event.payment_id is None:
        return None
    return next((case for case in turn.obligations.cases if case.is_open and case.payment_id == event.payment_id), None)


def _reading(turn: Turn, event: ContactTaken) -> Reading:
    reading = read(event.text or "", messages.local_time(turn), turn.policy.intake, event.language)
    details = msgspec.structs.replace(reading.details, **_told(event))
    if event.flow is None:
        return msgspec.structs.replace(reading, details=details)
    topic = TOPICS[event.flow]
    return msgspec.structs.replace(reading, details=details, topic=topic, by="operator", confidence=1.0)


def _told(event: ContactTaken) -> dict[str, object]:
    """Details that have a field of their own are surer than what the words say."""
    told: dict[str, object] = {"order": event.order_id} if event.order_id is not None else {}
    if event.amount_minor is not None and event.currency is not None:
        told |= {"amount_minor": event.amount_minor, "currency": event.currency}
    return told


def _fill(turn: Turn, case: Case, event: ContactTaken) -> None:
    """What only a contact tells, and the case did not know yet."""
    told = case.told or Told()
    for known, name, said, changed in (
        (case, "merchant_id", decoration(event.merchant_id), "merchant"),
        (told, "payee_id", decoration(event.counterparty_id), "payee"),
        (case, "device_id", decoration(event.device_id), "device"),
        (told, "happened_ms", _happened_ms(turn, event), "when it was"),
    ):
        if said and not getattr(known, name):
            setattr(known, name, said)
            turn.change(case, changed)
    case.told = told if told != Told() else None
    shrink(turn)


def _happened_ms(turn: Turn, event: ContactTaken) -> int:
    """When it was; 0: nobody says, or it would still have to happen."""
    at_ms = 0 if event.happened_at is None else to_ms(event.happened_at)
    return at_ms if at_ms <= turn.at_ms else 0


def _said(turn: Turn, event: ContactTaken) -> str:
    """Who it was is told as far as it tells no person: payee and device stand in fields of the case."""
    asked = ", ".join(f"{each.question} {each.result.replace('_', ' ')}" for each in event.checks)
    identity = "not checked" if not event.checks else "checked" if is_verified(event) else "NOT PROVED"
    text = f"{event.channel[:32]}; {event.role} {event.actor[:48]}: {event.disposition}; identity {identity}"
    told = [f"{text} ({asked})" if asked else text]
    if happened_ms := _happened_ms(turn, event):
        told.append(f"happened {instant(happened_ms)}")
    if event.merchant_id is not None:
        told.append(f"merchant {event.merchant_id}")
    return "; ".join(told)[:200]
