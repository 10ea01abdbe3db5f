"""Who comes in, who leaves, and in which language?"""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from streams.adapters.case_store import people
from streams.console import passwords
from streams.console.audit import says
from streams.console.callers import place_of
from streams.console.desk import (
    BROWSER,
    COOKIE,
    FROM_HERE,
    LANGUAGE,
    At,
    Desk,
    Who,
    is_here,
    language_of,
    of_this_session,
)
from streams.console.hashing import AGAIN_S, LongLine

router = APIRouter()

_KNOWN_S: Final = people.KNOWN_MS // 1000


@router.get("/login")
def login_page(request: Request, desk: At) -> HTMLResponse:
    return desk.page(request, "login.html", None)


@router.post("/login", dependencies=FROM_HERE)
async def login(
    request: Request, desk: At, name: Annotated[str, Form()] = "", password: Annotated[str, Form()] = ""
) -> Response:
    now_ms = desk.clock.now_ms()
    place = place_of(request)
    user, browser, is_known_place = await asyncio.to_thread(
        _known_here, desk, request.cookies.get(BROWSER, ""), name, place, now_ms
    )
    keys = desk.doors.signs_in(name, place, browser=browser, is_known=is_known_place)
    wait_s = desk.doors.begin(keys, now_ms)
    if wait_s:
        return _later(request, desk, "login.wait", wait_s)
    if user is not None:  # what else was typed there may be a password
        says(request, actor=user.name, role=user.role)
    is_known = bool(browser) or is_known_place
    try:
        is_right = await desk.hashing.is_right(
            None if user is None else user.password_hash,
            password,
            whose=f"sign-in of {passwords.folded(name)}" if is_known else place,
            is_known=is_known,
        )
    except LongLine:
        desk.doors.was_right(keys, now_ms)  # it was not tried
        return _later(request, desk, "login.line", AGAIN_S)
    if not is_right:
        return desk.page(request, "login.html", None, 401, problem="login.wrong")
    desk.doors.was_right(keys, now_ms)
    token = await asyncio.to_thread(_come_in, desk, name, place, now_ms)
    entered = let_in(desk, RedirectResponse("/queue", 303), token)
    known = desk.references.of("browser", passwords.marked_browser(name, token, now_ms))
    entered.set_cookie(
        BROWSER, known, max_age=_KNOWN_S, httponly=True, samesite="strict", secure=desk.secure, path="/login"
    )
    return entered


def _known_here(desk: Desk, cookie: str, name: str, place: str, now_ms: int) -> tuple[people.User | None, str, bool]:
    """Whose name it is, the mark of the browser if it is known as theirs, and whether the place is."""
    said = desk.references.opened("browser", cookie) or ""
    with desk.store.reading() as connection:
        is_known = people.is_known_place(connection, name, place, now_ms)
        return people.user(connection, name), passwords.known_browser(said, name, now_ms), is_known


def _come_in(desk: Desk, name: str, place: str, now_ms: int) -> str:
    with desk.store.writing() as connection:
        people.came_in(connection, name, place, now_ms)
        return people.sign_in(connection, name, now_ms)


def _later(request: Request, desk: Desk, problem: str, wait_s: int) -> Response:
    answer = desk.page(request, "login.html", None, 429, problem=problem)
    answer.headers["Retry-After"] = str(wait_s)
    return answer


@router.post("/logout", dependencies=FROM_HERE)
def logout(desk: At, session: Who, csrf: Annotated[str, Form()] = "") -> Response:
    of_this_session(session, csrf)
    with desk.store.writing() as connection:
        people.sign_out(connection, session.token)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


@router.post("/language", dependencies=FROM_HERE)
def change_language(
    request: Request,
    desk: At,
    session: Who,
    csrf: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    of_this_session(session, csrf)
    answer = RedirectResponse(again if is_here(again) else "/queue", 303)
    other = "en" if language_of(request) == "zh" else "zh"
    answer.set_cookie(LANGUAGE, other, samesite="strict", secure=desk.secure, path="/", max_age=365 * 86_400)
    return answer


def let_in(desk: Desk, answer: Response, token: str) -> Response:
    """`answer`, with the cookie of the session."""
    answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=desk.secure, path="/")
    return answer
