"""Who did and saw what, has the record of it been touched, and how does somebody take it along?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from streams.adapters.case_store import trail
from streams.adapters.case_store.people import Session
from streams.adapters.case_store.queries import BadCursor
from streams.console.audit import RECORDED, await_row, says
from streams.console.desk import PAGE, At, Desk, Who
from streams.core.intake.masking import masked
from streams.core.roles import SUPERVISORS

router = APIRouter()

_ROWS: Final = 1_000  # of an export are read at a time: the store is not held while somebody's line is slow


@router.get("/audit")
def audit(
    request: Request, desk: At, session: Who, actor: str = "", kind: str = "", before: str = "", check: str = ""
) -> HTMLResponse:
    _may_look(session)
    typed = actor.strip()[:128]
    hidden = masked(typed)  # somebody's number is nobody's name, and has no place in an address
    wanted: dict[str, Any] = {
        "actor": hidden.text if hidden.kinds else typed,
        "kind": kind if kind in RECORDED else "",
    }
    with desk.store.reading() as connection:
        found = trail.newest(connection, PAGE + 1, before=_number(before), **wanted)
        checked = trail.check(connection) if check else None
    more = urlencode({**wanted, "before": found[PAGE - 1].number}) if len(found) > PAGE else None
    return desk.page(
        request,
        "audit.html",
        session,
        asks=typed,
        rows=found[:PAGE],
        kind=wanted["kind"],
        kinds=RECORDED,
        checked=checked,
        here=urlencode(wanted),
        more=more,
    )


@router.get("/audit/export")
def export(request: Request, desk: At, session: Who) -> Response:
    _may_look(session)
    says(request, subject="audit")
    return StreamingResponse(
        _lines(request, desk),
        media_type="application/x-ndjson",
        headers={"Content-Disposition": 'attachment; filename="paywarden-audit.jsonl"'},
    )


def _may_look(session: Session) -> None:
    if session.role not in SUPERVISORS:
        raise HTTPException(403, "refused.role")


def _number(before: str) -> int | None:
    """Raises BadCursor."""
    if before and not (before.isascii() and before.isdigit() and len(before) <= 18):
        raise BadCursor("this cursor is none that a page gave out; begin again without it")
    return int(before) if before else None


def _lines(request: Request, desk: Desk) -> Iterator[bytes]:
    """Every row, that of the export itself included."""
    await_row(request)
    after = 0
    while True:
        with desk.store.reading() as connection:
            rows = list(islice(trail.rows(connection, after), _ROWS))
        for row in rows:
            yield trail.line_of(row) + b"\n"
        if len(rows) < _ROWS:
            return
        after = rows[-1].number
