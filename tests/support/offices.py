"""How does a test sit people down at the console with the real core behind it, and no broker between?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from streams.adapters.case_store import people, queries
from streams.adapters.case_store.people import Role, User
from streams.adapters.case_store.rows import TOPICS_READ, Record
from streams.adapters.case_store.store import Written, decode_case
from streams.agents.publish import publish
from streams.console.desk import Changes
from streams.console.limits import Limits
from streams.console.passwords import Doors
from streams.console.web import build
from streams.contracts.accounts import UserMessage, UserReport
from streams.contracts.base import Event
from streams.contracts.cases import CaseVersion
from support.browsers import Browser, served
from support.happenings import NOON, SECOND, event
from support.passwords import HASH, PASSWORD
from support.play import Player, policy
from support.services import HandClock, page_of
from support.stores import fresh

STAFF: dict[str, Role] = {"vera": "viewer", "mei": "analyst", "lin": "analyst", "sun": "supervisor", "jo": "supervisor"}


class Office:
    """Cases that the core has made, in a store, with a console or two over it."""

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self._limits = limits
        self.store = fresh(folder)
        self.clock = HandClock()
        self.clock.at_ms = NOON
        self.sent: list[Event] = []
        self.before: Callable[[Event], None] = lambda _: None  # an event leaves the console
        self.player = Player(policy())
        self._core = threading.Lock()
        self._offset = 0
        self._ports: list[int] = []
        self._app: Any = None
        with self.store.writing() as connection:
            for name, role in STAFF.items():
                people.put_user(connection, User(name, role, HASH, 0))

    def sees(self, happened: Event) -> Written:
        """The core decides about an event, and the store reads what it has published."""
        with self._core:
            return self.store.write([each for each in self.publishes(happened) if each.topic in TOPICS_READ], {})

    def publishes(self, happened: Event) -> list[Record]:
        """What the core publishes about an event."""
        records = []
        for effect in self.player.see(happened):
            for emit in publish(effect, lambda *_: None):
                self._offset += 1
                records.append(Record(emit.topic, 0, self._offset, emit.key, emit.value, emit.timestamp_ms))
        return records

    def opens(self, account_id: str) -> CaseVersion:
        """Somebody's phone was stolen."""
        self.clock.at_ms += SECOND  # before the first lock is overdue
        theft = event(UserReport, self.clock.at_ms, account_id, account_id=account_id, channel="app", kind="stolen")
        (case_id,) = self.sees(theft).cases
        return self.case(case_id)

    def asks(self, account_id: str, text: str = "something is odd here and I cannot say what") -> CaseVersion:
        """Somebody writes, if nothing else is said what a person has to read: a case of policy, and no lock."""
        self.clock.at_ms += SECOND
        at_ms = self.clock.at_ms
        wrote = event(UserMessage, at_ms, f"{account_id}-{at_ms}", account_id=account_id, channel="app", text=text)
        (case_id,) = self.sees(wrote).cases
        return self.case(case_id)

    def case(self, case_id: str) -> CaseVersion:
        with self.store.reading() as connection:
            body = queries.case_body(connection, case_id)
        assert body is not None
        return decode_case(body)

    def person(self, name: str, console: int = 0) -> Browser:
        """Somebody who has signed in at one of the consoles."""
        browser = self.stranger(console)
        assert browser.signs_in(name, PASSWORD).location == "/queue"
        return browser

    def stranger(self, console: int = 0) -> Browser:
        """Somebody who has not."""
        return Browser(self._ports[console])

    def named(self, kind: str, value: str) -> str:
        """How addresses and forms of every console over this store name somebody."""
        return str(self._app.state.desk.named(kind, value))

    def page_of(self, kind: str, value: str) -> str:
        """Where the page of a customer, address, card .. is."""
        return page_of(self._app, kind, value)

    def doors(self) -> Doors:
        """What the last of the consoles has counted."""
        doors: Doors = self._app.state.desk.doors
        return doors

    def address(self, console: int = 0) -> str:
        return f"http://127.0.0.1:{self._ports[console]}"

    def _console(self) -> Any:
        changes = Changes()

        async def send(happened: Event, _: int) -> None:
            self.sent.append(happened)
            self.before(happened)
            changes.tell(self.sees(happened))

        self._app = build(self.store, send, self.clock, changes, secure=False, limits=self._limits)
        return self._app

    @contextmanager
    def at_work(self, consoles: int = 1) -> Iterator[Office]:
        with ExitStack() as stack:
            self._ports = [stack.enter_context(served(self._console())) for _ in range(consoles)]
            yield self
        self.store.close()
