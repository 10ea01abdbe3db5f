"""What has every route at hand, and what does it refuse before it begins?

A route is a plain function of a module in `streams/console/routes`; who asks and what the console holds come to it as
`Who` and `At`.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import cached_property
from typing import Annotated, Any, Final, NoReturn
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from streams.adapters.case_store import keys, people, queries
from streams.adapters.case_store.people import Role, Session
from streams.adapters.case_store.store import CaseStore, Written, decode_case
from streams.adapters.case_store.tables import DONE, WAITING, WORK
from streams.console import passwords
from streams.console.actions import NOT_ALLOWED
from streams.console.audit import route_of, says
from streams.console.claims import Claims
from streams.console.hashing import AGAIN_S, Hashing, LongLine
from streams.console.limits import Limits, Throttle
from streams.console.masking import PERSONAL
from streams.console.pages import LANGUAGES, Pages
from streams.console.pulse import Pulse
from streams.console.references import MARK, References
from streams.contracts.accounts import CaseAction, ContactTaken, EntityBlock, IncidentAction
from streams.contracts.cases import CaseVersion
from streams.core.intake.masking import masked
from streams.core.library import Library, packaged_library
from streams.core.personal import kind_of
from streams.core.roles import ANALYSTS, SUPERVISORS
from streams.core.two_people import is_agreed
from streams.ports import Clock

log = logging.getLogger(__name__)

COOKIE: Final = "paywarden_session"
LANGUAGE: Final = "paywarden_language"
BROWSER: Final = "paywarden_browser"
KEYS: Final = "paywarden_keys"
LIVE: Final = "/events"
PAGE: Final = 50
STAGES: Final = {"work": WORK, "waiting": WAITING, "done": DONE}

Send = Callable[[CaseAction | ContactTaken | EntityBlock | IncidentAction, int], Awaitable[None]]


class SignInFirst(Exception):
    """Nobody is signed in."""


class Changes:
    """Which cases changed, told to every page that is open."""

    def __init__(self) -> None:
        self._open: set[asyncio.Queue[frozenset[str]]] = set()
        self.left = 0  # records that a store which is being filled has not read yet
        self.pulse = Pulse()

    def tell(self, written: Written) -> None:
        for queue in self._open:
            with suppress(asyncio.QueueFull):  # whoever is that far behind loads the page anew anyway
                queue.put_nowait(written.cases)

    def fills(self, left: int) -> None:
        """The store reads what has long been there: pages show only a part of it."""
        self.left = left

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncio.Queue[frozenset[str]]]:
        queue: asyncio.Queue[frozenset[str]] = asyncio.Queue(100)
        self._open.add(queue)
        try:
            yield queue
        finally:
            self._open.discard(queue)


class Desk:
    """What a console holds: one for each application."""

    def __init__(
        self,
        store: CaseStore,
        send: Send,
        clock: Clock,
        changes: Changes,
        *,
        secure: bool,
        has_oidc: bool,
        secret: str = "",
        limits: Limits | None = None,
        library: Library | None = None,
        capacity: int | None = None,
    ) -> None:
        self.store = store
        self.library = library or packaged_library()
        self.capacity = capacity  # cases that analysts can look at in a day; None: nobody has said
        self.clock = clock
        self.changes = changes
        self.secure = secure
        self.doors = passwords.Doors()
        self.hashing = Hashing()
        self.throttle = Throttle(limits or Limits())
        self.claims = Claims(store, self.send, clock, changes.listening)
        self._send = send
        self._secret = secret
        self._pages = Pages(clock, self.named, oidc=has_oidc)
        self.written = self._pages.written  # what pages call something, as cases have it written

    def page(
        self,
        request: Request,
        name: str,
        session: Session | None,
        status: int = 200,
        *,
        asks: str | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """`name` for somebody, with the address that another language shows it at again.

        `asks`: what somebody typed, of which the page shows no number or address of a person, nor a password.
        """
        again = request.url.path
        hidden = masked(asks or "")
        if asks is not None:
            values["asked"] = hidden.text if hidden.kinds else asks
        if request.method != "GET":
            again = "/queue"  # an answer to a form has no address
        elif status < 400 and request.url.query and not hidden.kinds:  # what was refused may be somebody's number
            again = f"{again}?{request.url.query}"
        rendered = self._pages.render(
            name,
            language_of(request),
            session,
            filling=self.changes.left,
            silent_ms=self.changes.pulse.silent_since_ms(self.clock.now_ms()),
            escalated=self._escalated(session),
            again=again,
            keys=request.cookies.get(KEYS) != "off",
            **values,
        )
        return HTMLResponse(rendered, status)

    def _escalated(self, session: Session | None) -> int:
        """How many cases wait for a supervisor, where whoever looks is one."""
        if session is None or session.role not in SUPERVISORS:
            return 0
        with self.store.reading() as connection:
            return sum(queries.escalated_cases(connection).values())

    @cached_property
    def references(self) -> References:
        """Under the secret that was set, or one that the store keeps for whoever shares it."""
        if self._secret:
            return References(self._secret.encode())
        with self.store.writing() as connection:
            return References(keys.key(connection, "references"))

    def named(self, kind: str, value: str) -> str:
        """How an address or a form names something: nothing there tells who a person is."""
        return self.references.of(kind, value) if kind in PERSONAL else value

    def meant(self, session: Session, kind: str, given: str) -> str:
        """What an address or form names. Answers 404 if it names nothing, 403 to a viewer who has typed a whole id."""
        if kind not in PERSONAL:
            return given
        if given.startswith(MARK):
            return self.references.opened(kind, given) or missing()
        if session.role not in ANALYSTS:
            raise HTTPException(403, "refused.whole_id")
        return given

    def warm(self) -> None:
        """What the first page would wait for."""
        self._pages.warm()

    def case_of(self, case_id: str) -> CaseVersion:
        """The newest version. Answers 404 if there is no such case."""
        with self.store.reading() as connection:
            body = queries.case_body(connection, case_id)
        return missing() if body is None else decode_case(body)

    async def send(self, action: CaseAction | ContactTaken | EntityBlock | IncidentAction, at_ms: int) -> None:
        """Returns when the brokers have it. Answers 503 if they cannot be reached."""
        try:
            await self._send(action, at_ms)
        except Exception as error:
            log.warning("an action could not be sent (%s)", type(error).__name__)
            raise HTTPException(503, "refused.broker") from None

    async def agreed_by(self, session: Session, second: str, password: str) -> Role:
        """The role of another supervisor who says so, with a password of their own.

        Answers 403 if none does, and 429 after too many wrong passwords.
        """
        keys, now_ms = self.doors.agrees(session.name, second), self.clock.now_ms()
        wait_s = self.doors.begin(keys, now_ms)
        if wait_s:
            raise HTTPException(429, "refused.second_wait", {"Retry-After": str(wait_s)})
        user = await asyncio.to_thread(self.user, second)
        try:
            is_right = await self.hashing.is_right(
                None if user is None else user.password_hash, password, whose=session.name, is_known=True
            )
        except LongLine:
            self.doors.was_right(keys, now_ms)  # nobody knows, and nobody is to wait for it a quarter of an hour
            raise HTTPException(429, "refused.line", {"Retry-After": str(AGAIN_S)}) from None
        if is_right:
            self.doors.was_right(keys, now_ms)
        if user is None or not is_right or not is_agreed(user.name, user.role, session.name):
            raise HTTPException(403, "refused.second")
        return user.role

    def user(self, name: str) -> people.User | None:
        """Whose name it is."""
        with self.store.reading() as connection:
            return people.user(connection, name)


def desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


def signed_in(request: Request) -> Session:
    """Whose session the request's cookie names. Raises SignInFirst."""
    desk = desk_of(request)
    token = request.cookies.get(COOKIE, "")
    if not token:
        raise SignInFirst
    now_ms = desk.clock.now_ms()
    with desk.store.reading() as connection:
        found, is_due = people.session(connection, token, now_ms)
    if found is None:
        raise SignInFirst
    if is_due and route_of(request.scope) != LIVE:  # what a page asks for by itself keeps nobody signed in
        with desk.store.writing() as connection:
            people.seen(connection, token, now_ms)
    says(request, actor=found.name, role=found.role)
    too_often = desk.throttle.refuses(found.name, request.scope, now_ms)
    if too_often is not None:
        raise HTTPException(429, too_often.text, {"Retry-After": str(too_often.wait_s)})
    return found


async def from_here(request: Request) -> None:
    """A form of another site is refused by its origin, whatever it carries.

    Our own forms say `Origin: null`, because pages tell nobody where they are; so do frames of others. Browsers say
    which it is in `Sec-Fetch-Site`; what sends neither header is no browser.
    """
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    foreign = origin not in (None, "null") and urlsplit(origin).netloc != request.headers.get("host")
    hidden = origin == "null" and site is None
    if foreign or hidden or site not in (None, "same-origin", "none"):
        raise HTTPException(403, "refused.csrf")


At = Annotated[Desk, Depends(desk_of)]
Who = Annotated[Session, Depends(signed_in)]
FROM_HERE: Final = [Depends(from_here)]


def of_this_session(session: Session, csrf: str) -> None:
    if not hmac.compare_digest(csrf.encode(), session.csrf.encode()):
        raise HTTPException(403, "refused.csrf")


def may_act(session: Session) -> None:
    """Answers 403 to whoever only looks."""
    if session.role not in ANALYSTS:
        raise HTTPException(403, NOT_ALLOWED)


def is_here(address: str) -> bool:
    """Whether a browser that is sent there stays on this console."""
    parts = urlsplit(address)
    is_plain = address.isprintable() and "\\" not in address
    return is_plain and address.startswith("/") and not address.startswith("//") and not (parts.scheme or parts.netloc)


def names_a_form(form: str) -> bool:
    """Whether it can be the name of a form that was shown, by which the same form sent twice is one event."""
    return 0 < len(form) <= 32


def reason_to_reveal(session: Session, reason: str, csrf: str) -> str:
    """Why somebody wants to see whole ids, as the trail keeps it for ever: what looks personal is refused.

    Answers 403 to whoever may not, 400 if it says nothing or too much.
    """
    of_this_session(session, csrf)
    if session.role == "viewer":
        raise HTTPException(403, "refused.role")
    why = " ".join(reason.split())
    if not 5 <= len(why) <= 200 or masked(why).kinds or kind_of(why) is not None:
        raise HTTPException(400, "refused.reason")
    return why


def missing() -> NoReturn:
    raise HTTPException(404, "refused.missing")


def language_of(request: Request) -> str:
    asked = request.cookies.get(LANGUAGE, "")
    if asked in LANGUAGES:
        return asked
    return "zh" if request.headers.get("accept-language", "").lower().startswith("zh") else "en"
