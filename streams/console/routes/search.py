"""Which cases hold these words?"""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from streams.adapters.case_store import queries
from streams.console.desk import PAGE, At, Who
from streams.console.masking import shown_words
from streams.core.intake.masking import masked
from streams.core.roles import ANALYSTS

router = APIRouter()


@router.get("/search")
def search(request: Request, desk: At, session: Who, q: str = "", after: str = "") -> HTMLResponse:
    asked = q[:200]
    with desk.store.reading() as connection:
        if session.role in ANALYSTS:
            found = queries.search(connection, asked, PAGE, after or None, names=desk.written)
        else:  # what is hidden from somebody is not confirmed by finding it either
            found = queries.search_shown(connection, asked, PAGE, after or None, shown_words, desk.written)
    is_kept = bool(found.next_cursor) and not masked(asked).kinds  # nobody's number stands in an address
    more = is_kept and urlencode({"q": asked, "after": found.next_cursor})
    return desk.page(request, "search.html", session, asks=asked, lines=found.lines, more=more)
