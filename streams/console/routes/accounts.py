"""What is known of a customer?"""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from streams.adapters.case_store import queries
from streams.adapters.case_store.trail import account_subject
from streams.console.audit import says
from streams.console.desk import At, Who, missing

router = APIRouter()


@router.get("/account")
def account(request: Request, desk: At, session: Who, id: str = "") -> HTMLResponse:  # noqa: A002 - in the address
    says(request, subject=account_subject(id))
    with desk.store.reading() as connection:
        found = queries.account(connection, id)
    if found is None:
        missing()
    return desk.page(request, "account.html", session, account=found)
