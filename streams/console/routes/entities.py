"""Who used this address, device, card, payee or merchant, and what was found about it?"""

from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import Connection

from streams.adapters.case_store import linked
from streams.adapters.case_store.activity import ENTITY_COLUMNS
from streams.adapters.case_store.trail import entity_subject
from streams.console.audit import says
from streams.console.desk import FROM_HERE, At, Who, missing, reason_to_reveal
from streams.console.masking import ENTITY_PAGES
from streams.console.timeline import MOMENTS, judged, timeline

router = APIRouter()

_ACCOUNTS: Final = 100
_CASES: Final = 50
_COMMANDS: Final = 50
_FIELDS: Final = {**ENTITY_COLUMNS, "terminal": "terminal_id", "bin": "bin"}


@router.get("/entity")
def entity(request: Request, desk: At, session: Who, kind: str = "", value: str = "") -> Response:
    if kind == "account":
        return RedirectResponse(f"/account?{urlencode({'id': value})}", 303)
    says(request, subject=entity_subject(kind, value))
    with desk.store.reading() as connection:
        shown = _known(connection, kind, value)
    return desk.page(request, "entity.html", session, kind=kind, value=value, **shown)


@router.post("/entity/reveal", dependencies=FROM_HERE)
def reveal(
    request: Request,
    desk: At,
    session: Who,
    kind: Annotated[str, Form()] = "",
    value: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
) -> HTMLResponse:
    why = reason_to_reveal(session, reason, csrf)
    with desk.store.reading() as connection:
        shown = _known(connection, kind, value)
    says(request, subject=entity_subject(kind, value), detail=why)
    found = ((kind, value), *(("account", each.account_id) for each in shown["accounts"]))
    back = f"/entity?{urlencode({'kind': kind, 'value': value})}"
    return desk.page(request, "revealed.html", session, found=found, back=back)


def _known(connection: Connection, kind: str, value: str) -> dict[str, Any]:
    """What the page shows. Answers 404 if nothing is known."""
    if kind not in ENTITY_PAGES or not 0 < len(value) <= 128:
        missing()
    acts = linked.of_entity(connection, kind, value, MOMENTS) if kind in ENTITY_COLUMNS else ()
    accounts, total = linked.accounts(connection, kind, value, _ACCOUNTS) if kind in ENTITY_COLUMNS else ((), 0)
    cases = linked.cases_naming(connection, _FIELDS[kind], value, _CASES)
    commands = linked.commands(connection, f"{kind}/{value}", _COMMANDS)
    if not (acts or cases or commands):
        missing()
    return {
        "acts": acts,
        "accounts": accounts,
        "total": total,
        "findings": tuple(each for each in cases if each.owner == "entity"),
        "cases": tuple(each for each in cases if each.owner != "entity"),
        "commands": commands,
        "moments": timeline(acts=(*acts, *commands))[::-1],
        "judged": judged(acts),
    }
