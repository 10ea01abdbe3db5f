"""What should be worked on next?"""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from streams.adapters.case_store import queries
from streams.adapters.case_store.queries import Filters
from streams.console.desk import PAGE, STAGES, At, Who

router = APIRouter()


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
    after: str = "",
) -> HTMLResponse:
    if stage not in STAGES:
        stage = "work"
    with desk.store.reading() as connection:
        day = queries.review_day(connection)
        wanted = Filters(
            queue=queue or None,
            priority=priority or None,
            stage=STAGES[stage],
            unworked_day=day if stage == "work" else None,
        )
        found = queries.ranked(connection, wanted, PAGE, after or None)
        total = queries.counted(connection, wanted)
        worked = queries.worked_on(connection, day, queue or None)
    more = None
    if found.next_cursor is not None:
        more = urlencode({"queue": queue, "priority": priority, "stage": stage, "after": found.next_cursor})
    chosen = {"queue": queue, "priority": priority, "stage": stage}
    return desk.page(
        request, "queue.html", session, lines=found.lines, more=more, total=total, worked=worked, chosen=chosen
    )
