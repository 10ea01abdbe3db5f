"""What may people do with an incident or an attack, and what does it change?

Detectors follow it by counting; people say who works on it, what was the cause, what customers may be told officially,
and that it is over. None of that stops the counting: what comes back is found again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from streams.contracts.base import from_ms
from streams.contracts.cases import ActionRejected, CustomerText, RemarkRecorded, Sla
from streams.contracts.signals import CaseActed
from streams.core.cases.remarks import said_of
from streams.core.messages import by_hand
from streams.core.roles import ANALYSTS, SUPERVISORS

if TYPE_CHECKING:
    from streams.core.entities.context import EntityEffect
    from streams.core.policy import PriorityPolicy

STATEMENT: Final = "incident.statement"  # in place of a template: people have written it
STATEMENT_MAX: Final = 256
_ASKED_MAX: Final = 8


class Work(msgspec.Struct, array_like=True):
    """What people have said about one case."""

    assignee: str = ""
    root_cause: str = ""
    zh: str = ""  # the official statement
    en: str = ""
    acted: bool = False  # somebody has answered
    asked: list[str] = []  # ids of the newest actions: one that comes again changes nothing

    def statement(self) -> tuple[CustomerText, ...]:
        """What customers may be told, as people have written it."""
        return (CustomerText(template=STATEMENT, zh=self.zh, en=self.en),) if self.zh else ()


def sla_of(promise: PriorityPolicy, opened_ms: int, at_ms: int, *, responded: bool = False) -> Sla:
    """What is promised of a case of an entity, in its version of `at_ms`: its clocks know no business hours."""
    return Sla(
        first_response_due=from_ms(opened_ms + promise.first_response_s * 1000),
        next_update_due=from_ms(at_ms + promise.next_update_s * 1000),
        resolution_due=from_ms(opened_ms + promise.resolution_s * 1000),
        responded=responded,
    )


def refusal_of(
    work: Work, signal: CaseActed, version: int, *, is_over: bool, finds: bool = False
) -> tuple[str, str] | None:
    """(cause, sentence) if it must not happen. `finds`: it is a case that turns out to be something."""
    if signal.role not in ANALYSTS:
        return "role", f"role {signal.role} may not {signal.action} a case"[:256]
    if signal.expected_version > version:
        return "version_conflict", f"the case is at version {version}, not {signal.expected_version}"
    if is_over and signal.action != "note":
        return "status", "the case has ended"
    if signal.finding is not None and not (finds and signal.action == "close"):
        return "finding", "only the close of an attack says what it turned out to be"
    if signal.action == "assign":
        gives = signal.assignee not in (None, signal.actor)
        if work.assignee not in ("", signal.actor) and signal.role not in SUPERVISORS:
            return "taken", f"{work.assignee} has the case"
        if gives and signal.role not in SUPERVISORS:
            return "role", "only a supervisor gives a case to somebody else"
    if signal.action in ("note", "close") and not (signal.text or "").strip():
        return "nothing_said", f"a {signal.action} says something"
    if signal.action == "root_cause" and signal.root_cause is None:
        return "nothing_said", "name the root cause"
    if signal.action == "statement":
        said = (signal.zh or "", signal.en or "")
        if not all(each.strip() for each in said):
            return "nothing_said", "an official statement is written in Chinese and in English"
        if any(len(each) > STATEMENT_MAX for each in said):
            return "too_long", f"an official statement has {STATEMENT_MAX} characters at most"
        return next(filter(None, (by_hand.refusal(each, "an official statement") for each in said)), None)
    return None


def apply(work: Work, signal: CaseActed) -> str:
    """Notes what was done; the word for what changed."""
    work.asked = [*work.asked[-_ASKED_MAX + 1 :], signal.event_id]
    work.acted = True
    match signal.action:
        case "assign":
            work.assignee = signal.assignee or signal.actor
            return "assignee"
        case "root_cause":
            work.root_cause = signal.root_cause or ""
            return f"root cause {work.root_cause}"
        case "statement":
            work.zh, work.en = (signal.zh or "").strip(), (signal.en or "").strip()
            return "official statement"
        case "close":
            return "closed by a person"
        case "note":
            return "note"


def told(signal: CaseActed) -> str:
    """What the timeline says of it; free text has a remark of its own."""
    more = {"assign": f" to {signal.assignee or signal.actor}", "root_cause": f": {signal.root_cause}"}
    found = f": {signal.finding.replace('_', ' ')}" if signal.finding is not None else ""
    return f"{signal.role} {signal.actor}: {signal.action.replace('_', ' ')}{more.get(signal.action, '')}{found}"[:200]


def remark(signal: CaseActed, entity: str, at_ms: int) -> list[EntityEffect]:
    """The words, masked; nothing where none were."""
    if not (signal.text or "").strip():
        return []
    words, hidden = said_of(signal.text or "")
    return [
        RemarkRecorded(
            occurred_at=from_ms(at_ms),
            event_id=signal.event_id,
            account_id=entity,
            case_id=signal.case_id,
            action=signal.action,
            actor=signal.actor,
            role=signal.role,
            text=words,
            hidden=hidden,
        )
    ]


def rejected(signal: CaseActed, entity: str, at_ms: int, cause: str, text: str) -> list[EntityEffect]:
    """Why it is not carried out."""
    return [
        ActionRejected(
            occurred_at=from_ms(at_ms),
            event_id=signal.event_id,
            account_id=entity,
            case_id=signal.case_id,
            action=signal.action,
            cause=cause,
            text=text,
        )
    ]
