"""Which case does somebody get who asks for the next one?

The first of the list that nobody has; of a supervisor the first that is with the supervisors. It is theirs when the
core says so: of two who ask for the same one the second is refused, and asks for the one after it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Final, NamedTuple

from sqlalchemy import Connection

from streams.adapters.case_store import queries
from streams.adapters.case_store.people import Session
from streams.adapters.case_store.queries import CaseLine, Filters
from streams.adapters.case_store.store import CaseStore, decode_case
from streams.adapters.case_store.tables import WORK
from streams.console import actions
from streams.contracts.accounts import CaseAction
from streams.contracts.cases import CaseVersion
from streams.core.roles import SUPERVISORS
from streams.ports import Clock

_WAIT_S: Final = 8.0  # for the core; then the page of the case waits on
_TRIES: Final = 20  # cases that others were faster to take, before somebody is asked to try again
_PAGE: Final = 50
_REMEMBERED: Final = 1_000  # forms that were answered: one sent twice takes one case


class Claimed(NamedTuple):
    """A case that is theirs, or that the core has not answered about yet."""

    case_id: str
    event_id: str


class Claims:
    """Hands out the next case. What this process is asking about is offered to nobody else here meanwhile."""

    def __init__(
        self,
        store: CaseStore,
        send: Callable[[CaseAction, int], Awaitable[None]],
        clock: Clock,
        listening: Callable[[], AbstractAsyncContextManager[asyncio.Queue[frozenset[str]]]],
    ) -> None:
        self._store = store
        self._send = send
        self._clock = clock
        self._listening = listening
        self._asked_about: set[str] = set()
        self._answered: OrderedDict[tuple[str, str], asyncio.Future[Claimed | None]] = OrderedDict()

    async def next(self, who: Session, queue: str | None, priority: str | None, form: str) -> Claimed | None:
        """The next case for `who`; None if there is none. Raises what sending raises."""
        key = (who.name, form)
        known = self._answered.get(key)
        if known is not None:
            return await asyncio.shield(known)
        answer = self._answered[key] = asyncio.get_running_loop().create_future()
        while len(self._answered) > _REMEMBERED:
            self._answered.popitem(last=False)
        try:
            found = await self._taken(who, queue, priority, form)
        except BaseException:
            self._answered.pop(key, None)
            answer.cancel()
            raise
        answer.set_result(found)
        return found

    async def _taken(self, who: Session, queue: str | None, priority: str | None, form: str) -> Claimed | None:
        tried: set[str] = set()
        async with self._listening() as told:
            while len(tried) < _TRIES:
                case = await asyncio.to_thread(self._first, who, queue, priority, tried | self._asked_about)
                if case is None:
                    return None
                if case.case_id in self._asked_about:
                    continue  # somebody else began while we looked
                tried.add(case.case_id)
                self._asked_about.add(case.case_id)
                try:
                    sent = await self._ask(who, case, form)
                    outcome = await self._outcome(sent, case.case_id, told)
                finally:
                    self._asked_about.discard(case.case_id)
                if outcome != "refused":
                    return Claimed(case.case_id, sent)
        return None

    async def _ask(self, who: Session, case: CaseVersion, form: str) -> str:
        now_ms = self._clock.now_ms()
        event = actions.action_of(
            case,
            "assign",
            actor=who.name,
            role=who.role,
            second=None,
            text="",
            version=case.version,
            at_ms=now_ms,
            form=f"claim {form}",
            if_unassigned=True,
        )
        await self._send(event, now_ms)
        return event.event_id

    async def _outcome(self, event_id: str, case_id: str, told: asyncio.Queue[frozenset[str]]) -> str:
        try:
            async with asyncio.timeout(_WAIT_S):
                while True:
                    state = await asyncio.to_thread(self._state, event_id, case_id)
                    if state != "waiting":
                        return state
                    await told.get()
        except TimeoutError:
            return "waiting"

    def _state(self, event_id: str, case_id: str) -> str:
        with self._store.reading() as connection:
            body = queries.case_body(connection, case_id)
            answer = queries.answer(connection, event_id)
        if body is None:
            return "refused"  # it was forgotten meanwhile
        return actions.outcome_of(event_id, decode_case(body), () if answer is None else (answer,)).state

    def _first(self, who: Session, queue: str | None, priority: str | None, without: set[str]) -> CaseVersion | None:
        """For a supervisor what is with the supervisors comes before what nobody has: it is overdue already."""
        nobody = Filters(queue=queue, priority=priority, unassigned=True, owner="account", stage=WORK)
        theirs = Filters(queue=queue, priority=priority, escalated=True, owner="account", stage=WORK)
        with self._store.reading() as connection:
            for wanted in (theirs, nobody) if who.role in SUPERVISORS else (nobody,):
                for line in _lines(connection, wanted, self._clock.now_ms()):
                    body = None if line.case_id in without else queries.case_body(connection, line.case_id)
                    if body is not None:
                        return decode_case(body)
        return None


def _lines(connection: Connection, wanted: Filters, now_ms: int) -> Iterator[CaseLine]:
    cursor = None
    while True:
        page = queries.ranked(connection, wanted, _PAGE, cursor, now_ms=now_ms)
        yield from page.lines
        if page.next_cursor is None:
            return
        cursor = page.next_cursor
