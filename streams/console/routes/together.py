"""What is done with several cases at once, and what does a shift leave to the next?"""

import asyncio
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from streams.adapters.case_store import queries
from streams.adapters.case_store.queries import Handover
from streams.adapters.case_store.rows import DAY_MS
from streams.console import together
from streams.console.audit import says
from streams.console.desk import FROM_HERE, At, Who, may_act, missing, names_a_form, of_this_session
from streams.console.together import Wish
from streams.core.intake.masking import masked
from streams.core.roles import ANALYSTS

router = APIRouter()

_RESOLVE: Final = "resolve"
_NOTE_MAX: Final = 500
_LISTED: Final = 100
_SHIFTS_MS: Final = 3 * DAY_MS  # a weekend

Cases = Annotated[list[str], Form()]


@router.post("/bulk", dependencies=FROM_HERE)
def preview(
    request: Request,
    desk: At,
    session: Who,
    case: Cases = [],  # noqa: B006 - never changed
    csrf: Annotated[str, Form()] = "",
) -> HTMLResponse:
    of_this_session(session, csrf)
    may_act(session)
    wanted = together.chosen(case)
    if not wanted:
        raise HTTPException(400, "refused.none_chosen")
    says(request, detail=f"preview of {len(wanted)}")
    found = together.candidates(desk, session, _RESOLVE, [case_id for case_id, _ in wanted])
    return desk.page(request, "bulk.html", session, found=found)


@router.post("/bulk/resolve", dependencies=FROM_HERE)
async def resolve(
    request: Request,
    desk: At,
    session: Who,
    case: Cases = [],  # noqa: B006 - never changed
    csrf: Annotated[str, Form()] = "",
    form: Annotated[str, Form()] = "",
    text: Annotated[str, Form()] = "",
) -> Response:
    of_this_session(session, csrf)
    may_act(session)
    wanted = dict(together.chosen(case))
    if not wanted or not names_a_form(form):
        raise HTTPException(400, "refused.form")
    found = await asyncio.to_thread(together.candidates, desk, session, _RESOLVE, wanted)
    wishes = [Wish(each.case.case_id, wanted[each.case.case_id], text, {}) for each in found if not each.why]
    if not wishes:  # a form that was sent before has its page of results, whatever it has changed
        before = together.batch_of(session, [Wish("", 0, text, {})], form)
        if await asyncio.to_thread(together.results, desk, session, before):
            return RedirectResponse(f"/bulk/{before}", 303)
        raise HTTPException(403, "refused.status")
    batch, events = await together.send(desk, session, _RESOLVE, wishes, form)
    says(request, subject=batch, detail=f"resolve {len(events)}")
    return RedirectResponse(f"/bulk/{batch}", 303)


@router.get("/bulk/{batch}")
def result(request: Request, desk: At, session: Who, batch: str) -> HTMLResponse:
    found = together.results(desk, session, batch[:64])
    if not found:
        missing()
    says(request, subject=batch[:64])
    return desk.page(request, "batch.html", session, found=found)


@router.get("/handover")
def handover(request: Request, desk: At, session: Who) -> HTMLResponse:
    since_ms = desk.clock.now_ms() - _SHIFTS_MS
    with desk.store.reading() as connection:
        mine = queries.handed_over(connection, session.name, since_ms, _LISTED)
        next_shift = queries.handed_over(connection, None, since_ms, _LISTED)
    return desk.page(
        request,
        "handover.html",
        session,
        held=together.held_by(desk, session.name) if session.role in ANALYSTS else [],
        colleagues=together.colleagues(desk, session),
        mine=mine,
        next_shift=next_shift,
    )


@router.post("/handover", dependencies=FROM_HERE)
async def hand_over(
    request: Request,
    desk: At,
    session: Who,
    case: Cases = [],  # noqa: B006 - never changed
    csrf: Annotated[str, Form()] = "",
    form: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "",
) -> Response:
    of_this_session(session, csrf)
    may_act(session)
    wanted = together.chosen(case)
    if not wanted:
        raise HTTPException(400, "refused.none_chosen")
    if not names_a_form(form):
        raise HTTPException(400, "refused.form")
    if to and to not in await asyncio.to_thread(together.colleagues, desk, session):
        raise HTTPException(400, "refused.receiver")
    sent = await request.form()
    notes = {case_id: " ".join(str(sent.get(f"note:{case_id}", "")).split()) for case_id, _ in wanted}
    if any(len(each) > _NOTE_MAX or masked(each).kinds for each in notes.values()):
        raise HTTPException(400, "refused.note")
    more = {"action": "assign", "assignee": to} if to else {"action": "put_back"}
    wishes = [Wish(case_id, version, notes[case_id], more) for case_id, version in wanted]
    batch, events = await together.send(desk, session, "assign", wishes, form)
    now_ms = desk.clock.now_ms()
    left = [
        Handover(event_id, wish.case_id, session.name, to or None, wish.text, now_ms)
        for event_id, wish in zip(events, wishes, strict=True)
    ]
    await asyncio.to_thread(together.note_handover, desk, left)
    says(request, subject=batch, detail=f"{len(events)} to {to or 'the next shift'}")
    return RedirectResponse(f"/bulk/{batch}?{urlencode({'handed': '1'})}", 303)
