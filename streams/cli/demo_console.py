"""How does the analysts' console open beside the demo, and who may sign in to it?"""

from __future__ import annotations

import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from streams.adapters.child import Child
from streams.adapters.embedded_broker import free_port
from streams.cli.main import needed_by

if TYPE_CHECKING:
    from streams.adapters.case_store.people import Role

HOST: Final = "127.0.0.1"
LOG: Final = "console.log"
# Two supervisors: lifting a freeze takes a second person.
ROLES: Final[Mapping[str, Role]] = {
    "analyst": "analyst",
    "supervisor": "supervisor",
    "supervisor-2": "supervisor",
    "viewer": "viewer",
}
_PASSWORD_BYTES: Final = 8  # 16 characters that a double click selects


class News(NamedTuple):
    """What became of the console, and while it is open, who may sign in: password by name."""

    sentence: str
    logins: Mapping[str, str] = {}
    ways: tuple[str, ...] = ()  # commands for another terminal


class DemoConsole:
    """A console over a case store of its own: `prepare`, `start`, then `news` again and again, `stop`."""

    def __init__(self, port: int | None) -> None:
        self.address: str | None = None  # once it has answered
        self._port = port  # None: any that is free when it starts
        self._logins = {name: secrets.token_hex(_PASSWORD_BYTES) for name in ROLES}
        self._web_port = 0
        self._child: Child | None = None
        self._is_over = False

    def prepare(self, folder: Path, now_ms: int) -> None:
        """The store in `folder`, with the users; it holds hashes of passwords that are of this run only.

        Raises NotInstalled without the extra.
        """
        with needed_by("console", "console"):
            from streams.adapters.case_store.people import User, put_user
            from streams.adapters.case_store.store import CaseStore
            from streams.console.passwords import hash_of
        store = CaseStore(_store_url(folder))
        try:
            store.migrate()
            with store.writing() as connection:
                for name, role in ROLES.items():
                    put_user(connection, User(name, role, hash_of(self._logins[name]), now_ms))
        finally:
            store.close()

    @property
    def is_started(self) -> bool:
        return self._child is not None

    def start(self, folder: Path, environment: Mapping[str, str]) -> None:
        """The process; `environment` says which deployment it follows."""
        self._port = self._port or free_port()
        self._web_port = free_port()
        command = [sys.executable, "-P", "-m", "streams.cli", "console", "--host", HOST, "--port", str(self._port)]
        command += ["--web-port", str(self._web_port)]
        self._child = Child(command, folder / LOG, env={**environment, "PAYWARDEN_STORE_URL": _store_url(folder)})

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop()

    def news(self) -> News | None:
        """What is to be told since the last call: that it opened, or that it ended by itself."""
        if self._child is None or self._is_over:
            return None
        if (code := self._child.ended()) is not None:
            self._is_over = True
            last = "".join(self._child.last_lines(1)) or "it said nothing"
            return News(f"the console ended with exit code {code}, the demo goes on without it: {last}")
        address = f"http://{HOST}:{self._port}"
        if self.address is None and answers(f"{address}/healthz"):
            self.address = address
            return News(f"console: {address}", self._logins, (f"curl http://{HOST}:{self._web_port}/metrics",))
        return None


def _store_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'cases.db'}"


def answers(url: str) -> bool:
    """Whether somebody listens there and says that all is well."""
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except (urllib.error.URLError, OSError):
        return False  # not listening yet, or 503: not ready yet
