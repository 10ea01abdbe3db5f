"""Which locks stand, and for how long?"""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from streams.adapters.case_store import queries
from streams.console.desk import PAGE, At, Who

router = APIRouter()


@router.get("/locks")
def locks(request: Request, desk: At, session: Who, after: str = "") -> HTMLResponse:
    with desk.store.reading() as connection:
        lines, cursor = queries.locks(connection, PAGE, after or None)
    return desk.page(request, "locks.html", session, lines=lines, more=cursor and urlencode({"after": cursor}))
