"""What is known of a case, and what may be done about it?"""

import asyncio
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import Connection
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from streams.adapters.case_store import linked, queries
from streams.adapters.case_store.activity import ENTITY_COLUMNS
from streams.adapters.case_store.linked import Act
from streams.adapters.case_store.queries import CaseLine
from streams.adapters.case_store.store import decode_case
from streams.console import actions, endings, handling, wishes
from streams.console.audit import says
from streams.console.desk import (
    FROM_HERE,
    At,
    Desk,
    Who,
    may_act,
    missing,
    names_a_form,
    of_this_session,
    reason_to_reveal,
)
from streams.console.forms import VERSION_DIGITS
from streams.console.masking import masked_in, people_in, people_of
from streams.console.pages import decode_locks, decode_notice
from streams.console.routes.attachments import KINDS
from streams.console.timeline import AROUND_MS, MOMENTS, judged, may_hold, timeline, whole
from streams.console.wishes import OFFERS
from streams.contracts.base import to_ms
from streams.contracts.cases import CaseVersion
from streams.core.cases.review import left_by_currency
from streams.core.entities.handling import STATEMENT_MAX
from streams.core.flows.trail import SUSPECT_PAYMENTS

router = APIRouter()

# A wish that nobody with this role, or in this state of the case, may have; every other refusal is about the form.
_FORBIDDEN: Final = frozenset({actions.NOT_ALLOWED, "refused.status", "refused.no_account"})
_CHILDREN: Final = 200
_OTHERS: Final = 20
# Fields of a case's entities that have a page.
_KIND_OF: Final = {
    "account_id": "account",
    "terminal_id": "terminal",
    **{column: kind for kind, column in ENTITY_COLUMNS.items()},
}


@router.get("/cases/{case_id}")
def case(request: Request, desk: At, session: Who, case_id: str, sent: str = "", page: int = 1) -> HTMLResponse:
    begin = _CHILDREN * min(max(page - 1, 0), 1_000_000)
    with desk.store.reading() as connection:
        body = queries.case_body(connection, case_id)
        if body is None:
            missing()
        found = decode_case(body)
        account_id = found.entities.account_id
        answers = queries.answers(connection, case_id=case_id)
        if sent and all(each.event_id != sent for each in answers):
            answer = queries.answer(connection, sent)
            answers += () if answer is None or answer.account_id != account_id else (answer,)
        versions = tuple(decode_case(each.body) for each in queries.versions(connection, case_id))
        acts = _acts(connection, found)
        notices = tuple(map(decode_notice, queries.notices_of_case(connection, case_id)))
        state = None if account_id is None else queries.lock_state(connection, account_id)
        locks = None if state is None else decode_locks(state)
        said = queries.remarks(connection, case_id=case_id)
        story = whole(found, versions)
        incident = None if found.incident_id is None else queries.line(connection, found.incident_id)
        is_about_many = found.owner == "entity"
        children, belonging = queries.children(connection, case_id, _CHILDREN, begin) if is_about_many else ((), 0)
        shown: dict[str, Any] = {
            "moments": timeline(
                (story,), acts=acts, versions=versions, notices=notices, locks=locks, answers=answers, remarks=said
            ),
            "not_kept": story.evidence_dropped,
            "judged": judged(acts, story),
            "left": left_by_currency(story.evidence) if SUSPECT_PAYMENTS in found.counters else {},
            "children": children,
            "begin": begin,
            "belonging": belonging,
            "page": page,
            "pages": -(-belonging // _CHILDREN),
            "incident": incident,
            "notices": notices,
            "attachments": queries.attachments(connection, case_id),
            "kinds": KINDS,
            "hides": people_in((story, incident)) | people_of(acts),
        }
        others = _others(connection, found)
        shown["unborne"] = endings.unborne(connection, found)
    outcome = actions.outcome_of(sent, story, answers) if sent else None
    held = () if locks is None else locks.locks
    choices = actions.choices(
        found, session.name, session.role, held, desk.clock.now_ms(), may_hold=may_hold(acts, found)
    )
    shown |= OFFERS | {
        "case": found,
        "outcome": outcome,
        "choices": choices,
        "others": others,
        "known": wishes.known_of(found),
    }
    shown |= {"workable": handling.is_workable(found), "statement_max": STATEMENT_MAX}
    shown["found_as"] = handling.FOUND if handling.may_find(found) else ()
    return desk.page(request, "case.html", session, **shown)


def _others(connection: Connection, case: CaseVersion) -> tuple[CaseLine, ...]:
    """Cases of the same account, for a merge or a link; the newest first."""
    account_id = case.entities.account_id
    if account_id is None:
        return ()
    found = queries.account(connection, account_id, _OTHERS)
    return () if found is None else tuple(each for each in found.cases if each.case_id != case.case_id)


def _acts(connection: Connection, case: CaseVersion) -> tuple[Act, ...]:
    """What happened around a case: on its account, or with its entity."""
    around = {"begin_ms": to_ms(case.created_at) - AROUND_MS, "end_ms": to_ms(case.occurred_at) + AROUND_MS}
    if case.owner == "account" and case.entities.account_id is not None:
        return linked.of_account(connection, case.entities.account_id, MOMENTS, **around)
    kind, _, value = (case.entities.entity or "").partition("/")
    acts = linked.of_entity(connection, kind, value, MOMENTS) if kind in ENTITY_COLUMNS else ()
    ordered = linked.commands(connection, case.entities.entity, MOMENTS) if case.entities.entity else ()
    return tuple(act for act in (*acts, *ordered) if around["begin_ms"] <= act.at_ms <= around["end_ms"])


def _version_seen(version: str, form: str) -> int:
    """The version of the case that a form was filled in under. Answers 400 to what no form of ours sends."""
    if not version.isascii() or not version.isdigit() or len(version) > VERSION_DIGITS or not names_a_form(form):
        raise HTTPException(400, "refused.form")
    return int(version)


@router.post("/cases/{case_id}/actions", dependencies=FROM_HERE)
async def act(
    request: Request,
    desk: At,
    session: Who,
    case_id: str,
    action: Annotated[str, Form()] = "",
    version: Annotated[str, Form()] = "",
    form: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
    second: Annotated[str, Form()] = "",
    second_password: Annotated[str, Form()] = "",
) -> Response:
    says(request, detail=action if action in actions.OFFERED else "")  # the trail is kept for ever
    of_this_session(session, csrf)
    seen = _version_seen(version, form)
    found = await asyncio.to_thread(desk.case_of, case_id)
    may_act(session)  # before the second person's password: who may do nothing cannot try it here
    second_role = await desk.agreed_by(session, second, second_password) if second else None
    now_ms = desk.clock.now_ms()
    sent = _fields(await request.form())
    try:
        more = wishes.fields_of(action, sent, found)
        if "other_case_id" in more:
            await asyncio.to_thread(_other_case, desk, more["other_case_id"])
        if "resolution" in more:
            await asyncio.to_thread(_borne_out, desk, found, more["resolution"])
        wanted = actions.action_of(
            found,
            action,
            actor=session.name,
            role=session.role,
            second=second or None,
            second_role=second_role,
            text=wishes.said_in(action, sent),
            version=seen,
            at_ms=now_ms,
            form=form,
            **more,
        )
    except actions.Refused as error:
        raise HTTPException(403 if str(error) in _FORBIDDEN else 400, str(error)) from None
    says(request, detail=f"{action} {wanted.event_id}" + (f" with {second}" if second else ""))
    await desk.send(wanted, now_ms)
    return RedirectResponse(f"/cases/{found.case_id}?{urlencode({'sent': wanted.event_id})}", 303)


@router.post("/cases/{case_id}/question", dependencies=FROM_HERE)
async def preview(
    request: Request,
    desk: At,
    session: Who,
    case_id: str,
    version: Annotated[str, Form()] = "",
    form: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
) -> HTMLResponse:
    """The message that a customer would be sent, before it is."""
    of_this_session(session, csrf)
    seen = _version_seen(version, form)
    found = await asyncio.to_thread(desk.case_of, case_id)
    may_act(session)
    try:
        asked = wishes.fields_of("ask", _fields(await request.form()), found)
    except actions.Refused as error:
        raise HTTPException(400, str(error)) from None
    message = wishes.message_of(found, asked, desk.library.messages)
    return desk.page(
        request, "question.html", session, case=found, asked=asked, message=message, version=seen, form=form
    )


@router.post("/cases/{case_id}/handling", dependencies=FROM_HERE)
async def handle(
    request: Request,
    desk: At,
    session: Who,
    case_id: str,
    action: Annotated[str, Form()] = "",
    version: Annotated[str, Form()] = "",
    form: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """What somebody does about an incident or an attack."""
    says(request, detail=action if action in handling.ACTIONS else "")
    of_this_session(session, csrf)
    seen = _version_seen(version, form)
    found = await asyncio.to_thread(desk.case_of, case_id)
    may_act(session)
    now_ms = desk.clock.now_ms()
    try:
        wanted = handling.handling_of(
            found,
            action,
            form={name: each[0] for name, each in _fields(await request.form()).items() if each},
            actor=session.name,
            role=session.role,
            version=seen,
            at_ms=now_ms,
        )
    except actions.Refused as error:
        raise HTTPException(403 if str(error) in _FORBIDDEN else 400, str(error)) from None
    says(request, detail=f"{action} {wanted.event_id}")
    await desk.send(wanted, now_ms)
    return RedirectResponse(f"/cases/{found.case_id}?{urlencode({'sent': wanted.event_id})}", 303)


def _fields(form: FormData) -> dict[str, list[str]]:
    """What was filled in, by field; files have no place in it."""
    return {name: [str(each) for each in form.getlist(name)] for name in form}


def _borne_out(desk: Desk, case: CaseVersion, resolution: str) -> None:
    """Raises Refused if nothing that is known bears out that the case has ended so."""
    with desk.store.reading() as connection:
        why = endings.unborne(connection, case).get(resolution)
    if why is not None:
        raise actions.Refused(why)


def _other_case(desk: Desk, case_id: str) -> None:
    """Raises Refused if there is no such case, or it is only looked at."""
    with desk.store.reading() as connection:
        if queries.line(connection, case_id) is None:
            raise actions.Refused("refused.other_case")


@router.post("/cases/{case_id}/reveal", dependencies=FROM_HERE)
def reveal(
    request: Request,
    desk: At,
    session: Who,
    case_id: str,
    reason: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
) -> HTMLResponse:
    why = reason_to_reveal(session, reason, csrf)
    found_case = desk.case_of(case_id)
    named = found_case.entities
    says(request, detail=masked_in(why, people_in(found_case)))
    values = ((_KIND_OF.get(name, name), getattr(named, name)) for name in named.__struct_fields__)
    found = tuple((kind, value) for kind, value in values if value)
    return desk.page(request, "revealed.html", session, found=found, back=f"/cases/{case_id}")
