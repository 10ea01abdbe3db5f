"""What should be worked on next?"""

from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from streams.adapters.case_store import desks, queries
from streams.adapters.case_store.queries import CaseLine, Filters
from streams.adapters.case_store.store import decode_case
from streams.console.audit import says
from streams.console.desk import FROM_HERE, PAGE, STAGES, At, Who, may_act, names_a_form, of_this_session
from streams.core.roles import ANALYSTS

router = APIRouter()

WHOSE: Final = ("all", "unassigned", "mine", "escalated")
_COUNTED: Final = 10_000  # cases of a list; of more it says so, for what counts them all is Prometheus


@router.get("/")
def start(session: Who) -> Response:
    return RedirectResponse("/queue", 303)


@router.get("/queue")
def ranked(
    request: Request,
    desk: At,
    session: Who,
    queue: str = "",
    priority: str = "",
    stage: str = "work",
    whose: str = "all",
    after: str = "",
    begin: int = 0,
    nothing: str = "",
) -> HTMLResponse:
    if stage not in STAGES:
        stage = "work"
    if whose not in WHOSE:
        whose = "all"
    with desk.store.reading() as connection:
        day = queries.review_day(connection)
        wanted = Filters(
            queue=queue or None,
            priority=priority or None,
            stage=STAGES[stage],
            assignee=session.name if whose == "mine" else None,
            unassigned=whose == "unassigned",
            escalated=whose == "escalated",
            # Of what somebody has, and of what nobody has, it does not matter when it was worked on.
            unworked_day=day if stage == "work" and whose == "all" else None,
        )
        found = queries.ranked(
            connection, wanted, PAGE, after or None, now_ms=desk.clock.now_ms() if stage == "work" else None
        )
        total = queries.counted(connection, wanted, _COUNTED + 1)
        worked = queries.worked_on(connection, day, queue or None)
        views = desks.views(connection, session.name)
        sizes = _sizes(connection, found.lines)
    chosen = {"queue": queue, "priority": priority, "stage": stage, "whose": whose}
    more = found.next_cursor and urlencode(
        {**chosen, "after": found.next_cursor, "begin": begin + len(found.lines) if after else len(found.lines)}
    )
    # What is ranked by somebody's name or one priority alone is no day's work of the team.
    capacity = desk.capacity if stage == "work" and whose == "all" and not priority else None
    return desk.page(
        request,
        "queue.html",
        session,
        lines=found.lines,
        sizes=sizes,
        more=more,
        total=min(total, _COUNTED),
        is_more=total > _COUNTED,
        worked=worked,
        capacity=capacity,
        ends=None if capacity is None else max(0, capacity - worked) - (begin if after else 0),
        chosen=chosen,
        views=views,
        may_keep=session.role in ANALYSTS,
        nothing=bool(nothing),
    )


def _sizes(connection: Connection, lines: tuple[CaseLine, ...]) -> dict[str, dict[str, int]]:
    """How many are concerned by the cases of a page that no customer is the subject of."""
    bodies = queries.bodies_of(connection, [each.case_id for each in lines if not each.account_id])
    return {case_id: dict(decode_case(body).counters) for case_id, body in bodies.items()}


@router.post("/claim", dependencies=FROM_HERE)
async def claim(
    request: Request,
    desk: At,
    session: Who,
    csrf: Annotated[str, Form()] = "",
    form: Annotated[str, Form()] = "",
    queue: Annotated[str, Form()] = "",
    priority: Annotated[str, Form()] = "",
) -> Response:
    of_this_session(session, csrf)
    may_act(session)
    if not names_a_form(form):
        raise HTTPException(400, "refused.form")
    claimed = await desk.claims.next(session, queue or None, priority or None, form)
    if claimed is None:
        says(request, detail="nothing left")
        asked = {"queue": queue, "priority": priority, "whose": "unassigned", "nothing": "1"}
        return RedirectResponse(f"/queue?{urlencode(asked)}", 303)
    says(request, subject=claimed.case_id, detail=claimed.event_id)
    return RedirectResponse(f"/cases/{claimed.case_id}?{urlencode({'sent': claimed.event_id})}", 303)
