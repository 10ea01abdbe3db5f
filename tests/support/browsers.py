"""How does a test look at the console: over real HTTP, with cookies and forms, and no script?"""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import unescape
from typing import Any, NamedTuple
from urllib.parse import urlencode

import uvicorn
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Mount

from streams.adapters.embedded_broker import free_port
from support.waiting import wait_until

CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


def routes_of(app: Any, prefix: str = "") -> set[tuple[str, str]]:
    """Method and path of every route, and of what is mounted below; files and the document excepted."""
    found = set()
    for each in iter_route_contexts(app.routes):
        route = each.original_route
        if isinstance(route, APIRoute):
            found |= {(method, prefix + route.path) for method in route.methods - {"HEAD"}}
        elif isinstance(route, Mount) and route.path != "/static":
            found |= routes_of(route.app, route.path)
    return found


class Answer(NamedTuple):
    """One answer of the server, not followed."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def location(self) -> str:
        return self.headers.get("location", "")


class Browser:
    """Cookies of one person."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies: dict[str, str] = {}

    def asks(self, method: str, path: str, form: Mapping[str, Any] | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if form is not None:
            sent["content-type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, None if form is None else urlencode(form, doseq=True), sent)
        response = connection.getresponse()
        for name, value in response.getheaders():
            if name.lower() == "set-cookie":
                pair = value.partition(";")[0].partition("=")
                self.cookies[pair[0]] = pair[2]
        body = "" if "event-stream" in (response.getheader("content-type") or "") else response.read().decode()
        answer = Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)
        connection.close()
        return answer

    def signs_in(self, name: str, password: str) -> Answer:
        return self.asks("POST", "/login", {"name": name, "password": password})

    def csrf(self) -> str:
        found = CSRF.search(self.asks("GET", "/queue").text)
        return found[1] if found else ""

    def form_of(self, case_id: str) -> dict[str, str]:
        """The hidden fields of a case's form."""
        text = self.asks("GET", f"/cases/{case_id}").text
        hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text)
        return {name: unescape(value) for name, value in hidden}


@contextmanager
def served(app: FastAPI) -> Iterator[int]:
    """The port on which `app` answers."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, timeout_graceful_shutdown=1))
    failed: list[Any] = []

    def run() -> None:
        try:
            server.run()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    wait_until(lambda: server.started or failed, "the console listens")
    assert not failed, failed
    yield port
    server.should_exit = True
    thread.join(20)
