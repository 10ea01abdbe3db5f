"""What is known of a customer, and what is usual for them?"""

from collections.abc import Iterable
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from streams.adapters.case_store import linked, queries
from streams.adapters.case_store.activity import ENTITY_COLUMNS, PER_ACCOUNT
from streams.adapters.case_store.linked import Act
from streams.adapters.case_store.store import decode_case
from streams.adapters.case_store.trail import account_subject
from streams.console.actions import Refused, opening_of
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
from streams.console.forms import is_personal
from streams.console.masking import masked_in, people_in, people_of
from streams.console.pages import decode_locks, decode_notice
from streams.console.references import MARK
from streams.console.timeline import habit, judged, timeline
from streams.core.intake.topics import TOPICS

router = APIRouter()

_TOLD: Final = 20  # newest cases whose lines are on the timeline
_USED: Final = 8  # of each kind of entity


@router.get("/account")
def account(request: Request, desk: At, session: Who, id: str = "") -> Response:  # noqa: A002 - in the address
    account_id = desk.meant(session, "account", id)
    says(request, subject=account_subject(account_id))
    if account_id == id:  # somebody who may has typed it: it need not stay in their history
        return RedirectResponse(_address(desk, account_id), 303)
    with desk.store.reading() as connection:
        shown = _known(connection, account_id)
    return desk.page(request, "account.html", session, **shown)


@router.post("/account/reveal", dependencies=FROM_HERE)
def reveal(
    request: Request,
    desk: At,
    session: Who,
    id: Annotated[str, Form()] = "",  # noqa: A002 - as in the address
    reason: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
) -> HTMLResponse:
    why = reason_to_reveal(session, reason, csrf)
    account_id = desk.meant(session, "account", id)
    with desk.store.reading() as connection:
        shown = _known(connection, account_id)
    says(request, subject=account_subject(account_id), detail=masked_in(why, shown["hides"]))
    found = (("account", account_id), *((kind, value) for kind, used in shown["used"] for value, *_ in used))
    return desk.page(request, "revealed.html", session, found=found, back=_address(desk, account_id))


def _address(desk: Desk, account_id: str) -> str:
    return f"/account?{urlencode({'id': desk.named('account', account_id)})}"


@router.post("/account/cases", dependencies=FROM_HERE)
async def open_case(
    request: Request,
    desk: At,
    session: Who,
    id: Annotated[str, Form()] = "",  # noqa: A002 - as in the address
    flow: Annotated[str, Form()] = "",
    payment: Annotated[str, Form()] = "",
    text: Annotated[str, Form()] = "",
    form: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """A case about this customer that no event has opened; the stream opens it, or joins one that is open about it."""
    of_this_session(session, csrf)
    may_act(session)
    if not names_a_form(form):
        raise HTTPException(400, "refused.form")
    account_id = desk.meant(session, "account", id)
    if not id.startswith(MARK) and is_personal(account_id):  # of a page of ours it is what the events have
        raise HTTPException(400, "refused.personal")
    now_ms = desk.clock.now_ms()
    try:
        wanted = opening_of(
            account_id,
            flow=flow,
            payment_id=payment.strip(),
            text=text,
            actor=session.name,
            role=session.role,
            at_ms=now_ms,
            form=form,
        )
    except Refused as error:
        raise HTTPException(400, str(error)) from None
    says(request, subject=account_subject(account_id), detail=f"open {wanted.event_id}")
    await desk.send(wanted, now_ms)
    return RedirectResponse(
        f"/contacts/{wanted.event_id}?{urlencode({'account': desk.named('account', account_id)})}", 303
    )


def _known(connection: Connection, account_id: str) -> dict[str, Any]:
    """What the page shows. Answers 404 if nothing is known."""
    found = queries.account(connection, account_id)
    acts = linked.of_account(connection, account_id, PER_ACCOUNT)
    if found is None and not acts:
        missing()
    found = found or queries.Account(account_id, None, (), (), (), None)
    bodies = (queries.case_body(connection, each.case_id) for each in found.cases[:_TOLD])
    cases = tuple(decode_case(body) for body in bodies if body is not None)
    notices = tuple(map(decode_notice, found.notifications))
    locks = None if found.lock_state is None else decode_locks(found.lock_state)
    return {
        "account": found,
        "notices": notices,
        "moments": timeline(
            cases,
            acts=acts,
            notices=notices,
            locks=locks,
            answers=found.answers,
            remarks=queries.remarks(connection, account_id=account_id),
        )[::-1],
        "topics": TOPICS.values(),
        "judged": judged(acts, limit=1),
        "habit": habit(acts, cases),
        "used": _used(acts),
        "hides": frozenset({account_id}).union(people_of(acts), *map(people_in, cases)),
    }


def _used(acts: Iterable[Act]) -> tuple[tuple[str, tuple[tuple[str, int, int], ...]], ...]:
    """By kind: what the account used, how often and when last, the last used first. `acts`: the newest first."""
    found: dict[str, dict[str, tuple[int, int]]] = {kind: {} for kind in ENTITY_COLUMNS}
    for act in acts:
        for kind, column in ENTITY_COLUMNS.items():
            value: str | None = getattr(act, column)
            if value is not None:
                times, last_ms = found[kind].get(value, (0, act.at_ms))
                found[kind][value] = times + 1, last_ms
    return tuple(
        (kind, tuple((value, *seen) for value, seen in list(used.items())[:_USED]))
        for kind, used in found.items()
        if used
    )
