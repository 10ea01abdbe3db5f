"""Who is on the telephone, what is it about, and into which case does it go?"""

import asyncio
from typing import Annotated, Final
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from streams.adapters.case_store import linked, queries
from streams.adapters.case_store.linked import Act
from streams.adapters.case_store.queries import CaseLine
from streams.adapters.case_store.store import decode_case
from streams.adapters.case_store.trail import account_subject
from streams.adapters.case_store.words import phrases
from streams.console import actions, contacts
from streams.console.audit import says
from streams.console.desk import FROM_HERE, At, Desk, Who, may_act, missing, names_a_form, of_this_session
from streams.console.forms import is_personal
from streams.console.masking import masked_in, shown_words
from streams.console.timeline import whole
from streams.contracts.cases import CaseVersion
from streams.core.currencies import WITH_MINOR_UNIT
from streams.core.intake.topics import TOPICS
from streams.core.messages.render import money
from streams.core.roles import ANALYSTS

router = APIRouter()

_FOUND: Final = 50
_ASKED: Final = ("order", "at", "amount", "currency", "phone", "account")
_COMMON: Final = ("CNY", "USD", "EUR", "HKD")
CURRENCIES: Final = (*_COMMON, *sorted(WITH_MINOR_UNIT - set(_COMMON)))


@router.get("/contacts")
def find(
    request: Request,
    desk: At,
    session: Who,
    order: str = "",
    at: str = "",
    amount: str = "",
    currency: str = "CNY",
    phone: str = "",
    account: str = "",
) -> HTMLResponse:
    given = dict(zip(_ASKED, (order, at, amount, currency, phone, account), strict=True))
    says(request, detail=" ".join(name for name, value in given.items() if value and name != "currency"))
    sees_whole = session.role in ANALYSTS
    if account:
        desk.meant(session, "account", account)  # whoever sees shortened ids only does not try out whole ones
    if phone and not sees_whole:
        raise HTTPException(403, "refused.whole_id")
    problem: str | None = None
    accounts: tuple[str, ...] = ()
    lines: tuple[CaseLine, ...] = ()
    paid: tuple[Act, ...] = ()
    try:
        asked = contacts.sought_of(given)
    except actions.Refused as error:
        asked, problem = None, str(error)
    if asked is not None:
        with desk.store.reading() as connection:
            accounts, lines = queries.sought(connection, asked, _FOUND)
            if asked.order is not None and not sees_whole:  # words that are hidden from them were looked at too
                lines = tuple(queries.that_hold(connection, lines, phrases(asked.order), shown_words))
            paid = linked.payments(connection, asked, accounts, _FOUND)
    return desk.page(
        request,
        "contacts.html",
        session,
        400 if problem else 200,
        given={
            name: "" if is_personal(value) or (problem and name == "phone") else value[:128]
            for name, value in given.items()
        },
        problem=problem,
        asked=asked is not None,
        accounts=[each for each in accounts if each not in {line.account_id for line in lines}],
        lines=lines,
        paid=paid,
        currencies=CURRENCIES,
    )


@router.get("/contacts/new")
def fill_in(
    request: Request,
    desk: At,
    session: Who,
    account: str = "",
    case: str = "",
    order: str = "",
    amount: str = "",
    currency: str = "CNY",
    payment: str = "",
) -> HTMLResponse:
    may_act(session)
    about = desk.case_of(case) if case else None
    if account:
        account = desk.meant(session, "account", account)
    if about is not None:
        account = about.entities.account_id or ""
    if not 0 < len(account) <= 128:
        missing()
    says(request, subject=account_subject(account))
    given = {"account": account, "order": order[:128], "amount": amount[:32], "currency": currency[:3]}
    given |= _known(about) if about is not None else {"flow": "", "payment": payment[:128], "case": ""}
    with desk.store.reading() as connection:
        is_known = about is not None or linked.is_known(connection, account)
        paid = linked.of_payment(connection, account, given["payment"]) if given["payment"] else ()
    return desk.page(
        request,
        "contact.html",
        session,
        about=about,
        is_known=is_known,
        given=given | contacts.known_of(about, paid),
        script=contacts.SCRIPT,
        results=contacts.RESULTS,
        channels=contacts.CHANNELS,
        dispositions=contacts.DISPOSITIONS,
        topics=TOPICS.values(),
        currencies=CURRENCIES,
    )


@router.post("/contacts", dependencies=FROM_HERE)
async def take(
    request: Request,
    desk: At,
    session: Who,
    csrf: Annotated[str, Form()] = "",
    form: Annotated[str, Form()] = "",
) -> Response:
    of_this_session(session, csrf)
    if not names_a_form(form):
        raise HTTPException(400 if session.role in ANALYSTS else 403, "refused.form")
    sent = {name: str(value) for name, value in (await request.form()).items()}
    now_ms = desk.clock.now_ms()
    try:
        if sent.get("account"):
            sent["account"] = desk.meant(session, "account", sent["account"].strip())
        for kind in contacts.SEALED:
            if named := sent.get(kind, "").strip() or sent.get(f"{kind}:known", ""):
                sent[kind] = desk.meant(session, kind, named)
        taken = contacts.contact_of(sent, session, form, now_ms)
        if taken.case_id is not None:
            await asyncio.to_thread(_of_the_customer, desk, taken.case_id, taken.account_id)
    except actions.Refused as error:
        raise HTTPException(403 if str(error) == actions.NOT_ALLOWED else 400, str(error)) from None
    says(request, subject=account_subject(taken.account_id), detail=f"{taken.disposition} {taken.event_id}")
    await desk.send(taken, now_ms)
    where = {"account": desk.named("account", taken.account_id)}
    return RedirectResponse(f"/contacts/{taken.event_id}?{urlencode(where)}", 303)


def _of_the_customer(desk: Desk, case_id: str, account_id: str) -> None:
    """Raises Refused if the customer has no such case: a form of ours names none."""
    with desk.store.reading() as connection:
        body = queries.case_body(connection, case_id)
    if body is None or decode_case(body).entities.account_id != account_id:
        raise actions.Refused("refused.form")


@router.get("/contacts/{event_id}")
async def became(request: Request, desk: At, session: Who, event_id: str, account: str = "") -> Response:
    """Waits for the case that the contact has opened or joined, and goes there."""
    account_id = desk.meant(session, "account", account) if account else ""
    case, cause, why = await asyncio.to_thread(_case_with, desk, event_id[:128], account_id)
    if case is not None:
        return RedirectResponse(f"/cases/{quote(case.case_id)}?{urlencode({'sent': event_id})}", 303)
    return desk.page(request, "contact_sent.html", session, cause=cause, why=why)


def _case_with(desk: Desk, event_id: str, account_id: str) -> tuple[CaseVersion | None, str, str]:
    """The case of the account whose timeline has this event, or the cause and sentence of why there is none."""
    with desk.store.reading() as connection:
        answer = queries.answer(connection, event_id)
        if answer is not None:
            return None, answer.cause, masked_in(answer.text, (answer.account_id,))
        known = queries.account(connection, account_id)
        for line in () if known is None else known.cases:
            body = queries.case_body(connection, line.case_id)
            case = None if body is None else decode_case(body)
            if case is not None and any(each.event_id == event_id for each in _story(connection, case).evidence):
                return case, "", ""
    return None, "", ""


def _story(connection: Connection, case: CaseVersion) -> CaseVersion:
    """The case with the lines for which its newest version had no room."""
    older = queries.versions(connection, case.case_id) if case.evidence_dropped else ()
    return whole(case, (decode_case(each.body) for each in older))


def _known(about: CaseVersion) -> dict[str, str]:
    """What the case knows already, so that nobody is asked for it."""
    known = {
        "case": about.case_id,
        "payment": about.entities.payment_id or "",
        "flow": about.flow if about.flow in TOPICS and TOPICS[about.flow].case_type == about.case_type else "",
    }
    if about.entities.order_id:
        known["order"] = about.entities.order_id
    if about.amount_minor is not None and about.currency is not None:
        known |= {"amount": money(about.amount_minor, about.currency).partition(" ")[2], "currency": about.currency}
    return known
