"""Which files does a case refer to, and who has looked at which?"""

import asyncio
import re
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from streams.adapters.case_store import queries
from streams.console import actions
from streams.console.addresses import addresses_of, is_public
from streams.console.audit import says
from streams.console.desk import FROM_HERE, At, Desk, Who, may_act, missing, names_a_form, of_this_session
from streams.console.forms import VERSION_DIGITS
from streams.contracts.accounts import Attachment
from streams.core.cases.attachments import NOT_KEPT, host_of, refusal_of

router = APIRouter()

KINDS: Final = ("receipt", "screenshot", "document", "statement", "aml_report", "other")
_HTTPS: Final = 443
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@router.post("/cases/{case_id}/attachments", dependencies=FROM_HERE)
async def attach(
    request: Request,
    desk: At,
    session: Who,
    case_id: str,
    csrf: Annotated[str, Form()] = "",
    version: Annotated[str, Form()] = "",
    form: Annotated[str, Form()] = "",
    reference: Annotated[str, Form()] = "",
    sha256: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = "",
    media_type: Annotated[str, Form()] = "",
    size: Annotated[str, Form()] = "",
) -> Response:
    of_this_session(session, csrf)
    may_act(session)
    if not all(each.isascii() and each.isdigit() and len(each) <= 15 for each in (version, size)):
        raise HTTPException(400, "refused.form")
    if kind not in KINDS or not names_a_form(form) or len(version) > VERSION_DIGITS:
        raise HTTPException(400, "refused.form")
    given = {
        "reference": reference.strip(),
        "sha256": sha256.strip().lower(),
        "kind": kind,
        "media_type": media_type.strip().lower(),
        "size_bytes": int(size),
    }
    try:
        attachment = msgspec.convert(given, Attachment)
    except msgspec.ValidationError:
        raise HTTPException(400, "refused.attachment_form") from None
    why = refusal_of(attachment)
    if why is None and await _leads_inside(attachment.reference):
        why = NOT_KEPT["inside"]
    if why is not None:
        raise HTTPException(400, f"refused.file_{why.word}")
    case = await asyncio.to_thread(desk.case_of, case_id)
    if await asyncio.to_thread(_is_there, desk, case.case_id, attachment):
        raise HTTPException(400, "refused.file_twice")
    now_ms = desk.clock.now_ms()
    try:
        wanted = actions.action_of(
            case,
            actions.ATTACH,
            actor=session.name,
            role=session.role,
            second=None,
            text="",
            version=int(version),
            at_ms=now_ms,
            form=form,
            attachment=given,
        )
    except actions.Refused as error:
        raise HTTPException(403, str(error)) from None
    says(request, detail=f"{attachment.sha256[:12]} {wanted.event_id}")
    await desk.send(wanted, now_ms)
    return RedirectResponse(f"/cases/{case.case_id}?sent={wanted.event_id}", 303)


@router.post("/cases/{case_id}/attachments/{sha256}", dependencies=FROM_HERE)
async def view(
    request: Request,
    desk: At,
    session: Who,
    case_id: str,
    sha256: str,
    csrf: Annotated[str, Form()] = "",
) -> HTMLResponse:
    """Where the file is: told once the row of who asked is written, as every answer is."""
    of_this_session(session, csrf)
    may_act(session)
    says(request, detail=sha256 if _DIGEST.fullmatch(sha256) else "")  # the trail is kept for ever
    with desk.store.reading() as connection:
        found = queries.attachments(connection, case_id, sha256[:64])
    if not found:
        missing()
    (attached,) = found
    host = host_of(attached.reference)
    opens = host is not None and not await _leads_inside(attached.reference)
    return desk.page(request, "attachment.html", session, case_id=case_id, attached=attached, opens=opens)


def _is_there(desk: Desk, case_id: str, attachment: Attachment) -> bool:
    """Whether the case has this file, or another one under its reference; the core refuses what is not known here."""
    with desk.store.reading() as connection:
        found = queries.attachments(connection, case_id)
    return any(each.sha256 == attachment.sha256 or each.reference == attachment.reference for each in found)


async def _leads_inside(reference: str) -> bool:
    """Whether the name leads into our own network now. One that has no address leads nowhere."""
    host = host_of(reference)
    if host is None:
        return False
    try:
        return not all(map(is_public, await addresses_of(host, _HTTPS)))
    except (OSError, UnicodeError):
        return False
