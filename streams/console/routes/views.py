"""Which lists does somebody come back to, under which names?"""

from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from streams.adapters.case_store import desks
from streams.adapters.case_store.desks import View
from streams.console.desk import FROM_HERE, At, Who, of_this_session
from streams.console.forms import is_personal
from streams.core.roles import ANALYSTS, SUPERVISORS

router = APIRouter()

_MOST: Final = 50  # of one person
_FILTERS: Final = ("queue", "priority", "stage", "whose")


@router.post("/views", dependencies=FROM_HERE)
def keep(
    desk: At,
    session: Who,
    csrf: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    queue: Annotated[str, Form()] = "",
    priority: Annotated[str, Form()] = "",
    stage: Annotated[str, Form()] = "",
    whose: Annotated[str, Form()] = "",
    shared: Annotated[str, Form()] = "",
) -> Response:
    of_this_session(session, csrf)
    called = " ".join(name.split())
    if not 0 < len(called) <= 64 or not called.isprintable() or is_personal(called):
        raise HTTPException(400, "refused.name")
    if any(map(is_personal, (queue, priority, stage, whose))):  # they are kept, and stand in an address
        raise HTTPException(400, "refused.form")
    if session.role not in ANALYSTS or (shared and session.role not in SUPERVISORS):
        raise HTTPException(403, "refused.role")
    query = urlencode(dict(zip(_FILTERS, (queue[:64], priority[:8], stage[:16], whose[:16]), strict=True)))
    with desk.store.writing() as connection:
        if desks.count_of(connection, session.name) >= _MOST:
            raise HTTPException(400, "refused.too_many")
        desks.keep(connection, View(session.name, called, query, bool(shared)))
    return RedirectResponse(f"/queue?{query}", 303)


@router.post("/views/remove", dependencies=FROM_HERE)
def remove(
    desk: At,
    session: Who,
    csrf: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
) -> Response:
    of_this_session(session, csrf)
    if session.role not in ANALYSTS:
        raise HTTPException(403, "refused.role")
    with desk.store.writing() as connection:
        desks.drop(connection, session.name, name[:64])
    return RedirectResponse("/queue", 303)
