"""Who used this address, device, card, payee or merchant, and what was found about it?"""

import asyncio
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from streams.adapters.case_store import linked
from streams.adapters.case_store.activity import ENTITY_COLUMNS
from streams.adapters.case_store.trail import entity_subject
from streams.console import blocking
from streams.console.actions import Refused
from streams.console.audit import says
from streams.console.desk import (
    FROM_HERE,
    At,
    Desk,
    Who,
    may_act,
    missing,
    names_a_form,
    of_this_session,
    reason_to_reveal,
)
from streams.console.masking import ENTITY_PAGES, PERSONAL, masked_in, people_of
from streams.console.timeline import judged, timeline
from streams.core.roles import ANALYSTS

router = APIRouter()

_ACCOUNTS: Final = 50  # who used it last; how many there are is counted
_MOMENTS: Final = 100  # of the newest: what is older is on the pages of the accounts
_CASES: Final = 50
_COMMANDS: Final = 50
_FIELDS: Final = {**ENTITY_COLUMNS, "terminal": "terminal_id", "bin": "bin"}


@router.get("/entity")
def entity(request: Request, desk: At, session: Who, kind: str = "", value: str = "", sent: str = "") -> Response:
    if kind == "account":
        return RedirectResponse(f"/account?{urlencode({'id': value})}", 303)
    given, value = value, desk.meant(session, kind, value)
    says(request, subject=entity_subject(kind, value))
    if kind in PERSONAL and given == value:  # somebody who may has typed it: it need not stay in their history
        return RedirectResponse(_address(desk, kind, value, sent), 303)
    with desk.store.reading() as connection:
        shown = _known(connection, kind, value, unseen=session.role in ANALYSTS and blocking.can_be(kind, value))
        outcome = blocking.outcome_of(connection, sent[:128], kind, value, shown["commands"]) if sent else None
    block = blocking.standing(shown["commands"]) if kind in blocking.KINDS else None
    offered: dict[str, Any] = {"kinds": blocking.KINDS, "hours": blocking.HOURS, "block_reasons": blocking.REASONS}
    return desk.page(
        request, "entity.html", session, kind=kind, value=value, outcome=outcome, block=block, **offered, **shown
    )


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
    value = desk.meant(session, kind, value)
    with desk.store.reading() as connection:
        shown = _known(connection, kind, value)
    says(request, subject=entity_subject(kind, value), detail=masked_in(why, {value, *shown["hides"]}))
    found = ((kind, value), *(("account", each.account_id) for each in shown["accounts"]))
    return desk.page(request, "revealed.html", session, found=found, back=_address(desk, kind, value))


def _address(desk: Desk, kind: str, value: str, sent: str = "") -> str:
    asked = {"kind": kind, "value": desk.named(kind, value)} | ({"sent": sent} if sent else {})
    return f"/entity?{urlencode(asked)}"


@router.post("/entity/block", dependencies=FROM_HERE)
async def block(
    request: Request,
    desk: At,
    session: Who,
    kind: Annotated[str, Form()] = "",
    value: Annotated[str, Form()] = "",
    wanted: Annotated[str, Form()] = "",
    hours: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    form: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
    second: Annotated[str, Form()] = "",
    second_password: Annotated[str, Form()] = "",
) -> Response:
    of_this_session(session, csrf)
    may_act(session)
    if kind not in blocking.KINDS or not names_a_form(form) or hours not in map(str, blocking.HOURS):
        raise HTTPException(400, "refused.form")
    try:
        value = blocking.asked_for(kind, desk.meant(session, kind, value))
    except Refused as error:
        raise HTTPException(400, str(error)) from None
    says(request, subject=entity_subject(kind, value), detail=wanted if wanted in ("block", "lift") else "")
    second_role = await desk.agreed_by(session, second, second_password) if second else None
    now_ms = desk.clock.now_ms()
    try:
        asked = blocking.block_of(
            kind,
            value,
            wanted=wanted,
            hours=int(hours),
            reason=reason,
            accounts=await asyncio.to_thread(_used_by, desk, kind, value),
            actor=session.name,
            role=session.role,
            second=second or None,
            second_role=second_role,
            at_ms=now_ms,
            form=form,
        )
    except Refused as error:
        raise HTTPException(400, str(error)) from None
    says(request, detail=f"{wanted} {asked.event_id}" + (f" with {second}" if second else ""))
    await desk.send(asked, now_ms)
    return RedirectResponse(_address(desk, kind, value, asked.event_id), 303)


def _used_by(desk: Desk, kind: str, value: str) -> int:
    with desk.store.reading() as connection:
        return blocking.used_by(connection, kind, value)


def _known(connection: Connection, kind: str, value: str, *, unseen: bool = False) -> dict[str, Any]:
    """What the page shows. Answers 404 if nothing is known, unless it may be `unseen`: a block can come before."""
    if kind not in ENTITY_PAGES or not 0 < len(value) <= 128:
        missing()
    acts = linked.of_entity(connection, kind, value, _MOMENTS) if kind in ENTITY_COLUMNS else ()
    accounts, total = linked.accounts(connection, kind, value, _ACCOUNTS) if kind in ENTITY_COLUMNS else ((), 0)
    cases, named = linked.cases_naming(connection, _FIELDS[kind], value, _CASES, owner="account")
    findings, found = linked.cases_naming(connection, _FIELDS[kind], value, _CASES, owner="entity")
    commands = linked.commands(connection, f"{kind}/{blocking.named(kind, value)}", _COMMANDS)
    if not (acts or cases or findings or commands or unseen):
        missing()
    return {
        "acts": acts,
        "accounts": accounts,
        "total": total,
        "findings": findings,
        "found": found,
        "cases": cases,
        "named": named,
        "commands": commands,
        "measures": blocking.measures(commands),
        "moments": timeline(acts=(*acts, *commands))[::-1],
        "judged": judged(acts),
        "hides": people_of((*acts, *commands)),
    }
