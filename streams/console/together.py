"""How are several cases acted on at once? Each by an event of its own, and the page says what became of each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from starlette.exceptions import HTTPException

from streams.adapters.case_store import desks, people, queries, tokens
from streams.adapters.case_store.people import Session
from streams.adapters.case_store.queries import CaseLine, Handover
from streams.adapters.case_store.store import decode_case
from streams.adapters.case_store.tables import WAITING, WORK
from streams.adapters.case_store.tokens import SentAction
from streams.console import actions
from streams.console.desk import Desk
from streams.console.forms import VERSION_DIGITS, filled_in
from streams.console.pages import decode_locks
from streams.contracts.accounts import CaseAction
from streams.contracts.actions import Lock
from streams.contracts.cases import CaseVersion
from streams.core.ids import digest
from streams.core.roles import SUPERVISORS

MOST: Final = 50  # cases at once: what one page of the queue shows
_LONGEST_ID: Final = 128


class Candidate(NamedTuple):
    """A case that somebody has chosen; `why` is the key of the text that says why it is left out, or empty."""

    case: CaseVersion
    why: str


class Result(NamedTuple):
    """One action of several, and what became of it."""

    sent: SentAction
    case: CaseVersion | None
    outcome: actions.Outcome


class Wish(NamedTuple):
    """What is asked for one case, which was looked at in this version."""

    case_id: str
    version: int
    text: str
    more: Mapping[str, Any]


def chosen(given: Iterable[str]) -> list[tuple[str, int]]:
    """Cases and their versions out of the fields of a form, `VERSION:CASE`. Raises what answers 400."""
    found: dict[str, int] = {}
    for each in given:
        version, _, case_id = each.partition(":")
        if not (
            version.isascii()
            and version.isdigit()
            and len(version) <= VERSION_DIGITS
            and 0 < len(case_id) <= _LONGEST_ID
        ):
            raise HTTPException(400, "refused.form")
        found.setdefault(case_id, int(version))
    if len(found) > MOST:
        raise HTTPException(400, "refused.too_many")
    return list(found.items())


def candidates(desk: Desk, session: Session, name: str, case_ids: Iterable[str]) -> list[Candidate]:
    """The cases as they are now, and which of them are left out."""
    found = []
    with desk.store.reading() as connection:
        for case_id in case_ids:
            body = queries.case_body(connection, case_id)
            if body is not None:
                case = decode_case(body)
                state = queries.lock_state(connection, case.entities.account_id or "")
                held = () if state is None else decode_locks(state).locks
                found.append(Candidate(case, _why_not(case, session, name, held, desk.clock.now_ms())))
    return found


def _why_not(case: CaseVersion, session: Session, name: str, held: tuple[Lock, ...], now_ms: int) -> str:
    """Stricter than one by one: what needs a look of its own is not done with others."""
    choices = actions.choices(case, session.name, session.role, held, now_ms)
    why = next(each.why for each in choices if each.name == name)
    if why not in ("", "why.freeze_first"):
        return why
    if case.assignee not in (None, session.name) and session.role not in SUPERVISORS:
        return "why.not_yours"
    return "why.frozen" if any(lock.action == "freeze" for lock in held) else ""


def batch_of(session: Session, wishes: Iterable[Wish], form: str) -> str:
    """The name of what is sent by this form, so filled in."""
    said = sorted({filled_in(form, wish.text, sorted(wish.more.items())) for wish in wishes})
    return "bat_" + digest("batch", session.name, *said)


async def send(desk: Desk, session: Session, name: str, wishes: Iterable[Wish], form: str) -> tuple[str, list[str]]:
    """Sends an event for each; the batch, and the ids in the order of the wishes. The same form again is the same."""
    now_ms = desk.clock.now_ms()
    wishes = list(wishes)
    batch = batch_of(session, wishes, form)
    events: list[CaseAction] = []
    for wish in wishes:
        case = await asyncio.to_thread(desk.case_of, wish.case_id)
        try:
            events.append(
                actions.action_of(
                    case,
                    str(wish.more.get("action", name)),
                    actor=session.name,
                    role=session.role,
                    second=None,
                    text=wish.text,
                    version=wish.version,
                    at_ms=now_ms,
                    form=form,
                    **{key: value for key, value in wish.more.items() if key != "action"},
                )
            )
        except actions.Refused as error:
            raise HTTPException(400 if str(error) == "refused.form" else 403, str(error)) from None
    sent = [
        SentAction(e.event_id, e.case_id or "", e.action, e.expected_version, e.actor, now_ms, batch) for e in events
    ]
    await asyncio.to_thread(_note, desk, sent)
    for number, event in enumerate(events):
        try:
            await desk.send(event, now_ms)
        except HTTPException:
            raise HTTPException(503, "refused.broker" if number == 0 else "refused.broker_part") from None
    return batch, [each.event_id for each in events]


def results(desk: Desk, session: Session, batch: str) -> list[Result]:
    """What became of each; nothing for whoever may not see it."""
    with desk.store.reading() as connection:
        found = []
        for sent in tokens.sent_together(connection, batch):
            if sent.actor != session.name and session.role not in SUPERVISORS:
                continue
            body = queries.case_body(connection, sent.case_id)
            case = None if body is None else decode_case(body)
            answer = queries.answer(connection, sent.event_id)
            told = () if answer is None else (answer,)
            outcome = actions.Outcome("waiting") if case is None else actions.outcome_of(sent.event_id, case, told)
            found.append(Result(sent, case, outcome))
    return found


def colleagues(desk: Desk, session: Session) -> list[str]:
    """Who else may take a case."""
    with desk.store.reading() as connection:
        known = people.users(connection)
    return [each.name for each in known if each.role != "viewer" and each.name != session.name]


def held_by(desk: Desk, name: str) -> list[CaseLine]:
    """What somebody has and has not ended, as it ranks."""
    with desk.store.reading() as connection:
        pages = [
            queries.ranked(connection, queries.Filters(assignee=name, owner="account", stage=stage), MOST)
            for stage in (WORK, WAITING)
        ]
    return [line for page in pages for line in page.lines][:MOST]


def note_handover(desk: Desk, handovers: Iterable[Handover]) -> None:
    with desk.store.writing() as connection:
        desks.note(connection, handovers)


def _note(desk: Desk, sent: Iterable[SentAction]) -> None:
    with desk.store.writing() as connection:
        for each in sent:
            tokens.note_sent(connection, each)
