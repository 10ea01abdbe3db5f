"""What is known of a case, and what may be done about it?"""

import asyncio
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from streams.adapters.case_store import queries
from streams.adapters.case_store.store import decode_case
from streams.console import actions
from streams.console.audit import says
from streams.console.desk import FROM_HERE, At, Who, missing, of_this_session
from streams.core.personal import kind_of

router = APIRouter()

_CHILDREN: Final = 200


@router.get("/cases/{case_id}")
def case(request: Request, desk: At, session: Who, case_id: str, sent: str = "") -> HTMLResponse:
    with desk.store.reading() as connection:
        body = queries.case_body(connection, case_id)
        if body is None:
            missing()
        found = decode_case(body)
        answers = queries.answers(connection, case_id=case_id)
        if sent and all(each.event_id != sent for each in answers):
            answers += tuple(filter(None, [queries.answer(connection, sent)]))
        shown: dict[str, Any] = {
            "versions": queries.versions(connection, case_id),
            "children": queries.children(connection, case_id, _CHILDREN) if found.owner == "entity" else (),
            "notices": queries.notices_of_case(connection, case_id),
        }
        held = queries.measures(connection, found.entities.account_id)
    outcome = actions.outcome_of(sent, found, answers) if sent else None
    choices = actions.choices(found, session.name, session.role, held)
    return desk.page(request, "case.html", session, case=found, outcome=outcome, choices=choices, **shown)


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
    text: Annotated[str, Form()] = "",
    second: Annotated[str, Form()] = "",
    second_password: Annotated[str, Form()] = "",
) -> Response:
    says(request, detail=action)
    of_this_session(session, csrf)
    if not version.isascii() or not version.isdigit() or len(version) > 18 or not 0 < len(form) <= 32:
        raise HTTPException(400, "refused.form")
    found = await asyncio.to_thread(desk.case_of, case_id)
    if second and not await asyncio.to_thread(desk.agrees, session, second, second_password):
        raise HTTPException(403, "refused.second")
    now_ms = desk.clock.now_ms()
    try:
        wanted = actions.action_of(
            found,
            action,
            actor=session.name,
            role=session.role,
            second=second or None,
            text=text,
            version=int(version),
            at_ms=now_ms,
            form=form,
        )
    except actions.Refused as error:
        raise HTTPException(400 if str(error) == "refused.form" else 403, str(error)) from None
    says(request, detail=f"{action} {wanted.event_id}" + (f" with {second}" if second else ""))
    await desk.send(wanted, now_ms)
    return RedirectResponse(f"/cases/{found.case_id}?{urlencode({'sent': wanted.event_id})}", 303)


@router.post("/cases/{case_id}/reveal", dependencies=FROM_HERE)
def reveal(
    request: Request,
    desk: At,
    session: Who,
    case_id: str,
    reason: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
) -> HTMLResponse:
    of_this_session(session, csrf)
    if session.role == "viewer":
        raise HTTPException(403, "refused.role")
    why = " ".join(reason.split())
    if not 5 <= len(why) <= 200 or kind_of(why) is not None:
        raise HTTPException(400, "refused.reason")
    found = desk.case_of(case_id)
    says(request, detail=why)
    return desk.page(request, "revealed.html", session, case=found)
