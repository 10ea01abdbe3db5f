"""What may somebody set for themselves: their password, where they are signed in, their keys?"""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from streams.adapters.case_store import people
from streams.adapters.case_store.people import Session
from streams.console import passwords
from streams.console.desk import FROM_HERE, KEYS, At, Desk, Who, is_here, of_this_session
from streams.console.hashing import AGAIN_S, LongLine

router = APIRouter()

_DONE: Final = ("password", "sessions")


@router.get("/settings")
def settings(request: Request, desk: At, session: Who, done: str = "") -> HTMLResponse:
    return _page(request, desk, session, done=done if done in _DONE else "")


@router.post("/settings/password", dependencies=FROM_HERE)
async def change_password(
    request: Request,
    desk: At,
    session: Who,
    csrf: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    new: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    of_this_session(session, csrf)
    now_ms = desk.clock.now_ms()
    user = await asyncio.to_thread(desk.user, session.name)
    if user is None or not user.is_local:
        raise HTTPException(403, "refused.password_of_provider")
    keys = desk.doors.proves(session.name)
    wait_s = desk.doors.begin(keys, now_ms)
    if wait_s:
        raise HTTPException(429, "refused.password_wait", {"Retry-After": str(wait_s)})
    hashing, name = desk.hashing, session.name
    try:
        if not await hashing.is_right(user.password_hash, password, whose=name, is_known=True):
            return await asyncio.to_thread(_page, request, desk, session, 403, problem="settings.wrong")
        desk.doors.was_right(keys, now_ms)
        problem = _wrong_with(new, again, password)
        if problem:
            return await asyncio.to_thread(_page, request, desk, session, 400, problem=problem)
        hashed = await hashing.hash_of(new, whose=name)
    except LongLine:
        desk.doors.was_right(keys, now_ms)  # nothing was found wrong
        raise HTTPException(429, "refused.line", {"Retry-After": str(AGAIN_S)}) from None
    await asyncio.to_thread(_set, desk, session, hashed)
    return RedirectResponse("/settings?done=password", 303)


def _set(desk: Desk, session: Session, hashed: str) -> None:
    with desk.store.writing() as connection:
        people.set_hash(connection, session.name, hashed)
        people.end_others(connection, session)


@router.post("/settings/sessions", dependencies=FROM_HERE)
def end_sessions(desk: At, session: Who, csrf: Annotated[str, Form()] = "") -> Response:
    of_this_session(session, csrf)
    with desk.store.writing() as connection:
        people.end_others(connection, session)
    return RedirectResponse("/settings?done=sessions", 303)


@router.post("/settings/keys", dependencies=FROM_HERE)
def set_keys(
    desk: At,
    session: Who,
    csrf: Annotated[str, Form()] = "",
    keys: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    of_this_session(session, csrf)
    answer = RedirectResponse(again if is_here(again) else "/settings", 303)
    wanted = "off" if keys == "off" else "on"
    answer.set_cookie(KEYS, wanted, samesite="strict", secure=desk.secure, path="/", max_age=365 * 86_400)
    return answer


def _page(
    request: Request, desk: Desk, session: Session, status: int = 200, *, done: str = "", problem: str | None = None
) -> HTMLResponse:
    with desk.store.reading() as connection:
        user = people.user(connection, session.name)
        seats = people.sessions(connection, session, desk.clock.now_ms())
    return desk.page(
        request,
        "settings.html",
        session,
        status,
        is_local=user is not None and user.is_local,
        seats=seats,
        least=passwords.LEAST,
        done=done,
        problem=problem,
    )


def _wrong_with(new: str, again: str, old: str) -> str | None:
    """The key of what is wrong with a new password."""
    if not passwords.LEAST <= len(new) <= passwords.MOST:
        return "settings.length"
    if new != again:
        return "settings.differ"
    return "settings.same" if new == old else None
