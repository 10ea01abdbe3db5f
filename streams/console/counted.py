"""What is counted about the requests of people and services, and who is signed in?"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streams.adapters.case_store import people
from streams.adapters.case_store.store import CaseStore
from streams.console.audit import action_of, route_of
from streams.metrics import CONSOLE_ACTIONS, CONSOLE_REQUESTS, CONSOLE_SECONDS, CONSOLE_SESSIONS
from streams.ports import Clock, Metrics


class Counted:
    """Counts the answers of an application, each when it begins: a stream has no end."""

    def __init__(self, app: ASGIApp, metrics: Metrics, clock: Clock) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = self._clock.monotonic_s()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._count(scope, message["status"], self._clock.monotonic_s() - began_s)
            await send(message)

        await self._app(scope, receive, counted)

    def _count(self, scope: Scope, status: int, took_s: float) -> None:
        route = route_of(scope) or ("/static" if scope["path"].startswith("/static/") else "none")
        self._metrics.add(CONSOLE_REQUESTS, 1, scope["method"], route, str(status))
        self._metrics.observe(CONSOLE_SECONDS, took_s, route)
        action = action_of(scope)
        if action is not None:
            answer = "failed" if status >= 500 else "refused" if status >= 400 else "sent"
            self._metrics.add(CONSOLE_ACTIONS, 1, action, answer)


def count_sessions(store: CaseStore, metrics: Metrics, clock: Clock) -> None:
    """Raises StoreUnreachable."""
    with store.reading() as connection:
        metrics.set(CONSOLE_SESSIONS, people.signed_in(connection, clock.now_ms()))
