"""Which locks stand, and for how long?"""

from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from streams.adapters.case_store import queries
from streams.adapters.case_store.queries import BadCursor
from streams.console.desk import PAGE, At, Desk, Who

router = APIRouter()

_CURSOR: Final = "after a lock"


@router.get("/locks")
def locks(request: Request, desk: At, session: Who, after: str = "") -> HTMLResponse:
    with desk.store.reading() as connection:
        lines, cursor = queries.locks(connection, PAGE, _cursor(desk, after))
    # The cursor itself names an account.
    more = cursor and urlencode({"after": desk.references.of(_CURSOR, cursor)})
    return desk.page(request, "locks.html", session, lines=lines, more=more)


def _cursor(desk: Desk, after: str) -> str | None:
    """Raises BadCursor."""
    found = desk.references.opened(_CURSOR, after)
    if after and found is None:
        raise BadCursor("this cursor is none that a page gave out; begin again without it")
    return found
