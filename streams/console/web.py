"""What may a browser ask the console, and who may ask it?

Pages are rendered here and need no script: keys and live updates are added by one small file. Nothing that names a
person is logged, and every answer forbids caching, framing and code from elsewhere.
"""

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn
from urllib.parse import urlencode, urlsplit

from fastapi import Depends, FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from streams.adapters.case_store import people, queries
from streams.adapters.case_store.errors import StoreUnreachable
from streams.adapters.case_store.people import Session
from streams.adapters.case_store.queries import BadCursor, Filters
from streams.adapters.case_store.store import CaseStore, Written, decode_case
from streams.adapters.case_store.tables import DONE, WAITING, WORK
from streams.adapters.case_store.trail import account_subject
from streams.console import actions, passwords
from streams.console.api.service import API, build_api
from streams.console.audit import Audit, says
from streams.console.oidc import Provider, router
from streams.console.pages import LANGUAGES, Pages
from streams.contracts.accounts import CaseAction
from streams.core.cases.operator import SUPERVISORS
from streams.core.personal import kind_of
from streams.core.two_people import is_somebody_else
from streams.ports import Clock

log = logging.getLogger(__name__)

COOKIE: Final = "paywarden_session"
LANGUAGE: Final = "paywarden_language"
PAGE: Final = 50
_CHILDREN: Final = 200
_LIVE_S: Final = 20.0  # how often an open page is told that it still is, and its session is looked at
_STAGES: Final = {"work": WORK, "waiting": WAITING, "done": DONE}
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}

Send = Callable[[CaseAction, int], Awaitable[None]]


class SignInFirst(Exception):
    """Nobody is signed in."""


class Changes:
    """Which cases changed, told to every page that is open."""

    def __init__(self) -> None:
        self._open: set[asyncio.Queue[frozenset[str]]] = set()

    def tell(self, written: Written) -> None:
        for queue in self._open:
            with suppress(asyncio.QueueFull):  # whoever is that far behind loads the page anew anyway
                queue.put_nowait(written.cases)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncio.Queue[frozenset[str]]]:
        queue: asyncio.Queue[frozenset[str]] = asyncio.Queue(100)
        self._open.add(queue)
        try:
            yield queue
        finally:
            self._open.discard(queue)


def build(
    store: CaseStore,
    send: Send,
    clock: Clock,
    changes: Changes,
    *,
    secure: bool,
    oidc: Provider | None = None,
    lifespan: Callable[[FastAPI], Any] | None = None,
) -> FastAPI:
    """The console over an open store. `secure`: it is reached by HTTPS, so cookies are sent over nothing else."""
    app = FastAPI(title="PayWarden", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    pages = Pages(clock, oidc=oidc is not None)
    tries = passwords.Tries()
    static = resources.files("streams.console") / "static"
    app.mount(API, build_api(store, send, clock))
    app.mount("/static", StaticFiles(directory=Path(str(static))), name="static")

    def language(request: Request) -> str:
        asked = request.cookies.get(LANGUAGE, "")
        if asked in LANGUAGES:
            return asked
        return "zh" if request.headers.get("accept-language", "").lower().startswith("zh") else "en"

    def signed_in(request: Request) -> Session:
        token = request.cookies.get(COOKIE, "")
        if not token:
            raise SignInFirst
        now_ms = clock.now_ms()
        with store.reading() as connection:
            found, is_due = people.session(connection, token, now_ms)
        if found is None:
            raise SignInFirst
        if is_due:
            with store.writing() as connection:
                people.seen(connection, token, now_ms)
        says(request, actor=found.name, role=found.role)
        return found

    Who = Annotated[Session, Depends(signed_in)]

    async def from_here(request: Request) -> None:
        """A form of another site is refused by its origin, whatever it carries."""
        origin = request.headers.get("origin")
        if origin not in (None, "null") and urlsplit(origin).netloc != request.headers.get("host"):
            raise HTTPException(403, "refused.csrf")

    def of_this_session(session: Session, csrf: str) -> None:
        if not hmac.compare_digest(csrf.encode(), session.csrf.encode()):
            raise HTTPException(403, "refused.csrf")

    def page(request: Request, name: str, session: Session | None, status: int = 200, **values: Any) -> HTMLResponse:
        return HTMLResponse(pages.render(name, language(request), session, **values), status)

    def missing() -> NoReturn:
        raise HTTPException(404, "refused.missing")

    app.middleware("http")(Audit(store, clock))

    @app.middleware("http")
    async def protect(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @app.exception_handler(SignInFirst)
    async def to_sign_in(request: Request, _: Exception) -> Response:
        return Response(status_code=401) if request.url.path == "/events" else RedirectResponse("/login", 303)

    @app.exception_handler(HTTPException)
    async def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        known = str(error.detail).startswith(("refused.", "login."))
        return page(request, "problem.html", None, error.status_code, text=error.detail if known else "refused.missing")

    @app.exception_handler(StoreUnreachable)
    async def no_store(request: Request, error: Exception) -> Response:
        log.warning("a page could not be shown: %s", error)
        return page(request, "problem.html", None, 503, text="refused.store")

    @app.exception_handler(BadCursor)
    async def bad_cursor(request: Request, _: Exception) -> Response:
        return page(request, "problem.html", None, 400, text="refused.cursor")

    @app.get("/healthz")
    def healthz() -> Response:
        return Response("ok", media_type="text/plain")

    @app.get("/login")
    def login_page(request: Request) -> HTMLResponse:
        return page(request, "login.html", None)

    @app.post("/login", dependencies=[Depends(from_here)])
    def login(request: Request, name: Annotated[str, Form()] = "", password: Annotated[str, Form()] = "") -> Response:
        now_ms = clock.now_ms()
        keys = (f"name {name.casefold()[:128]}", f"from {request.client.host if request.client else ''}")
        if not tries.allows(*keys, now_ms=now_ms):
            return page(request, "login.html", None, 429, problem="login.wait")
        with store.reading() as connection:
            user = people.user(connection, name)
        if user is not None:  # what else was typed there may be a password
            says(request, actor=user.name, role=user.role)
        if not passwords.is_right(None if user is None else user.password_hash, password):
            tries.failed(*keys, now_ms=now_ms)
            return page(request, "login.html", None, 401, problem="login.wrong")
        with store.writing() as connection:
            token = people.sign_in(connection, name, now_ms)
        answer = RedirectResponse("/queue", 303)
        answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure, path="/")
        return answer

    @app.post("/logout", dependencies=[Depends(from_here)])
    def logout(session: Who, csrf: Annotated[str, Form()] = "") -> Response:
        of_this_session(session, csrf)
        with store.writing() as connection:
            people.sign_out(connection, session.token)
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE, path="/")
        return answer

    def welcome(request: Request, token: str) -> Response:
        """A page and not a redirect: a browser that comes from another site would not send a strict cookie."""
        answer = page(request, "welcome.html", None)
        answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure, path="/")
        return answer

    if oidc is not None:
        turned_away = partial(page, name="login.html", session=None, status=401, problem="login.oidc")
        app.include_router(router(oidc, store, clock, welcome, turned_away, secure=secure))

    @app.post("/language", dependencies=[Depends(from_here)])
    def change_language(request: Request, session: Who, csrf: Annotated[str, Form()] = "") -> Response:
        of_this_session(session, csrf)
        answer = RedirectResponse("/queue", 303)
        other = "en" if language(request) == "zh" else "zh"
        answer.set_cookie(LANGUAGE, other, samesite="strict", secure=secure, path="/", max_age=365 * 86_400)
        return answer

    @app.get("/")
    def start(session: Who) -> Response:
        return RedirectResponse("/queue", 303)

    @app.get("/queue")
    def queue(
        request: Request, session: Who, queue: str = "", priority: str = "", stage: str = "work", after: str = ""
    ) -> HTMLResponse:
        if stage not in _STAGES:
            stage = "work"
        with store.reading() as connection:
            day = queries.review_day(connection)
            wanted = Filters(
                queue=queue or None,
                priority=priority or None,
                stage=_STAGES[stage],
                unworked_day=day if stage == "work" else None,
            )
            found = queries.ranked(connection, wanted, PAGE, after or None)
            total = queries.counted(connection, wanted)
            worked = queries.worked_on(connection, day, queue or None)
        more = None
        if found.next_cursor is not None:
            more = urlencode({"queue": queue, "priority": priority, "stage": stage, "after": found.next_cursor})
        chosen = {"queue": queue, "priority": priority, "stage": stage}
        return page(
            request, "queue.html", session, lines=found.lines, more=more, total=total, worked=worked, chosen=chosen
        )

    @app.get("/cases/{case_id}")
    def case(request: Request, session: Who, case_id: str, sent: str = "") -> HTMLResponse:
        with store.reading() as connection:
            body = queries.case_body(connection, case_id)
            if body is None:
                missing()
            found = decode_case(body)
            answers = queries.answers(connection, case_id=case_id)
            if sent and all(each.event_id != sent for each in answers):
                answers += tuple(filter(None, [queries.answer(connection, sent)]))
            shown: dict[str, Any] = {
                "versions": queries.versions(connection, case_id),
                "children": queries.children(connection, case_id, _CHILDREN) if found.owner == "entity" else (),
                "notices": queries.notices_of_case(connection, case_id),
                "held": queries.measures(connection, found.entities.account_id),
            }
        outcome = actions.outcome_of(sent, found, answers) if sent else None
        held = shown.pop("held")
        choices = actions.choices(found, session.role, held)
        return page(request, "case.html", session, case=found, outcome=outcome, choices=choices, **shown)

    @app.post("/cases/{case_id}/actions", dependencies=[Depends(from_here)])
    async def act(
        request: Request,
        session: Who,
        case_id: str,
        action: Annotated[str, Form()] = "",
        version: Annotated[str, Form()] = "",
        form: Annotated[str, Form()] = "",
        csrf: Annotated[str, Form()] = "",
        text: Annotated[str, Form()] = "",
        second: Annotated[str, Form()] = "",
        second_password: Annotated[str, Form()] = "",
    ) -> Response:
        says(request, detail=action)
        of_this_session(session, csrf)
        if not version.isascii() or not version.isdigit() or len(version) > 18 or not 0 < len(form) <= 32:
            raise HTTPException(400, "refused.form")
        found = await asyncio.to_thread(_case_of, store, case_id)
        if found is None:
            missing()
        if second and not await asyncio.to_thread(agrees, session, second, second_password):
            raise HTTPException(403, "refused.second")
        now_ms = clock.now_ms()
        try:
            wanted = actions.action_of(
                found,
                action,
                actor=session.name,
                role=session.role,
                second=second or None,
                text=text,
                version=int(version),
                at_ms=now_ms,
                form=form,
            )
        except actions.Refused as error:
            raise HTTPException(400 if str(error) == "refused.form" else 403, str(error)) from None
        says(request, detail=f"{action} {wanted.event_id}" + (f" with {second}" if second else ""))
        try:
            await send(wanted, now_ms)
        except Exception as error:
            log.warning("an action could not be sent (%s)", type(error).__name__)
            raise HTTPException(503, "refused.broker") from None
        return RedirectResponse(f"/cases/{found.case_id}?{urlencode({'sent': wanted.event_id})}", 303)

    def agrees(session: Session, second: str, password: str) -> bool:
        """Whether another supervisor says so, with a password of their own."""
        key, now_ms = f"name {second.casefold()[:128]}", clock.now_ms()
        if not tries.allows(key, now_ms=now_ms):
            return False
        with store.reading() as connection:
            user = people.user(connection, second)
        is_right = passwords.is_right(None if user is None else user.password_hash, password)
        if not is_right:
            tries.failed(key, now_ms=now_ms)
        return is_right and user is not None and user.role in SUPERVISORS and is_somebody_else(user.name, session.name)

    @app.post("/cases/{case_id}/reveal", dependencies=[Depends(from_here)])
    def reveal(
        request: Request,
        session: Who,
        case_id: str,
        reason: Annotated[str, Form()] = "",
        csrf: Annotated[str, Form()] = "",
    ) -> HTMLResponse:
        of_this_session(session, csrf)
        if session.role == "viewer":
            raise HTTPException(403, "refused.role")
        why = " ".join(reason.split())
        if not 5 <= len(why) <= 200 or kind_of(why) is not None:
            raise HTTPException(400, "refused.reason")
        found = _case_of(store, case_id)
        if found is None:
            missing()
        says(request, detail=why)
        return page(request, "revealed.html", session, case=found)

    @app.get("/incidents")
    def incidents(request: Request, session: Who, stage: str = "work") -> HTMLResponse:
        with store.reading() as connection:
            lines = queries.of_entities(connection, _STAGES.get(stage, WORK), PAGE)
        return page(request, "incidents.html", session, lines=lines, chosen={"stage": stage})

    @app.get("/locks")
    def locks(request: Request, session: Who, after: str = "") -> HTMLResponse:
        with store.reading() as connection:
            lines, cursor = queries.locks(connection, PAGE, after or None)
        return page(request, "locks.html", session, lines=lines, more=cursor and urlencode({"after": cursor}))

    @app.get("/account")
    def account(request: Request, session: Who, id: str = "") -> HTMLResponse:  # noqa: A002 - a parameter of the address
        says(request, subject=account_subject(id))
        with store.reading() as connection:
            found = queries.account(connection, id)
        if found is None:
            missing()
        return page(request, "account.html", session, account=found)

    @app.get("/search")
    def search(request: Request, session: Who, q: str = "", after: str = "") -> HTMLResponse:
        asked = q[:200]
        with store.reading() as connection:
            found = queries.search(connection, asked, PAGE, after or None)
        more = found.next_cursor and urlencode({"q": asked, "after": found.next_cursor})
        return page(request, "search.html", session, lines=found.lines, asked=asked, more=more)

    @app.get("/events")
    async def events(request: Request, session: Who) -> StreamingResponse:
        async def told() -> AsyncIterator[str]:
            yield ": open\n\n"
            async with changes.listening() as queue:
                while True:
                    try:
                        async with asyncio.timeout(_LIVE_S):
                            cases = await queue.get()
                    except TimeoutError:
                        with store.reading() as connection:
                            still, _ = people.session(connection, session.token, clock.now_ms())
                        if still is None:
                            return
                        yield ": still\n\n"
                    else:
                        yield f"event: changed\ndata: {' '.join(sorted(cases)[:100])}\n\n"

        return StreamingResponse(told(), media_type="text/event-stream")

    return app


def _case_of(store: CaseStore, case_id: str) -> Any:
    with store.reading() as connection:
        body = queries.case_body(connection, case_id)
    return None if body is None else decode_case(body)
