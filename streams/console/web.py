"""What does every page of the console have in common, and what is it made of?

Pages are rendered on the server and need no script: keys and live updates are added by one small file. Nothing that
names a person is logged, and every answer forbids caching, framing and code from elsewhere. The pages themselves are in
`streams/console/routes`.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from streams.adapters.case_store.errors import StoreUnreachable
from streams.adapters.case_store.queries import BadCursor
from streams.adapters.case_store.store import CaseStore
from streams.console.api.service import API, build_api
from streams.console.audit import Audit
from streams.console.desk import Changes, Desk, Send, SignInFirst
from streams.console.limits import Limits
from streams.console.oidc import Provider, router
from streams.console.routes import ROUTERS
from streams.console.routes.signing_in import let_in
from streams.core.library import Library
from streams.ports import Clock

log = logging.getLogger(__name__)

_LARGEST_BODY: Final = 256 * 1024  # ten times the longest text and its translation, escaped
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


def build(
    store: CaseStore,
    send: Send,
    clock: Clock,
    changes: Changes,
    *,
    secure: bool,
    secret: str = "",
    limits: Limits | None = None,
    oidc: Provider | None = None,
    library: Library | None = None,
    capacity: int | None = None,
    lifespan: Callable[[FastAPI], Any] | None = None,
) -> FastAPI:
    """The console over an open store. `secure`: it is reached by HTTPS, so cookies are sent over nothing else.

    `secret`: what references of people are made with; without one the store keeps one.
    `library`: the articles that the workers answer with; the packaged ones if it is not given.
    `capacity`: cases that analysts can look at in a day, for the line where the queue of today ends.
    """
    app = FastAPI(
        title="PayWarden", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, lifespan=lifespan
    )
    desk = Desk(
        store,
        send,
        clock,
        changes,
        secure=secure,
        has_oidc=oidc is not None,
        secret=secret,
        limits=limits,
        library=library,
        capacity=capacity,
    )
    app.state.desk = desk
    static = resources.files("streams.console") / "static"
    app.mount(API, build_api(store, send, clock, lambda: desk.references))
    app.mount("/static", StaticFiles(directory=Path(str(static))), name="static")
    for each in ROUTERS:
        app.include_router(each)
    if oidc is not None:

        def welcome(request: Request, token: str) -> Response:
            """A page and not a redirect: a browser that comes from another site would not send a strict cookie."""
            return let_in(desk, desk.page(request, "welcome.html", None), token)

        turned_away = partial(desk.page, name="login.html", session=None, status=401, problem="login.oidc")
        app.include_router(router(oidc, store, clock, lambda: desk.references, welcome, turned_away, secure=secure))

    app.middleware("http")(partial(_bounded, desk))
    app.middleware("http")(Audit(store, clock))
    app.middleware("http")(_protect)
    _answer_errors(app, desk)
    return app


async def _bounded(desk: Desk, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """A body that is larger than any form is refused before anything reads it: strangers send some, too."""
    if request.method == "POST" and not request.url.path.startswith(f"{API}/"):  # which has a bound of its own
        said = request.headers.get("content-length", "")
        if not said.isdigit():
            return desk.page(request, "problem.html", None, 411, text="refused.form", wait_s=None)
        if len(said) > 18 or int(said) > _LARGEST_BODY:
            return desk.page(request, "problem.html", None, 413, text="refused.large", wait_s=None)
    return await call_next(request)


async def _protect(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _reason(error: HTTPException) -> str:
    """The key of what the framework refuses by itself."""
    if error.status_code == 400:
        return "refused.fields" if str(error.detail).startswith("Too many fields") else "refused.form"
    return "refused.missing"


def _answer_errors(app: FastAPI, desk: Desk) -> None:
    @app.exception_handler(SignInFirst)
    async def to_sign_in(request: Request, _: Exception) -> Response:
        return Response(status_code=401) if request.url.path == "/events" else RedirectResponse("/login", 303)

    @app.exception_handler(HTTPException)
    async def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        path = request.url.path
        if error.status_code == 404 and request.method == "GET" and path.endswith("/") and path.strip("/"):
            # Not the framework's: that one names the host that the request has named.
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"/{quote(path.strip('/'))}{query}", 307)
        known = str(error.detail).startswith(("refused.", "login."))
        text = error.detail if known else _reason(error)
        headers = error.headers or {}
        answer = desk.page(
            request, "problem.html", None, error.status_code, text=text, wait_s=headers.get("Retry-After")
        )
        answer.headers.update(headers)
        return answer

    @app.exception_handler(StoreUnreachable)
    async def no_store(request: Request, error: Exception) -> Response:
        log.warning("a page could not be shown: %s", error)
        return desk.page(request, "problem.html", None, 503, text="refused.store", wait_s=None)

    @app.exception_handler(RequestValidationError)
    async def not_readable(request: Request, _: Exception) -> Response:
        text = "refused.unreadable" if request.method == "GET" else "refused.form"
        return desk.page(request, "problem.html", None, 400, text=text, wait_s=None)

    @app.exception_handler(BadCursor)
    async def bad_cursor(request: Request, _: Exception) -> Response:
        return desk.page(request, "problem.html", None, 400, text="refused.cursor", wait_s=None)
