"""Is the console there, and has what a page shows changed?"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse

from streams.adapters.case_store import people
from streams.adapters.case_store.people import Session
from streams.console.desk import LIVE, At, Desk, Who

router = APIRouter()

_LIVE_S: Final = 20.0  # how often an open page is told that it still is


@router.get("/healthz")
def healthz() -> Response:
    return Response("ok", media_type="text/plain")


@router.get(LIVE)
async def events(desk: At, session: Who) -> StreamingResponse:
    async def told() -> AsyncIterator[str]:
        yield ": open\n\n"
        async with desk.changes.listening() as queue:
            while True:
                cases = await _changed(queue)
                # Before each message, so that nothing is told to who has left meanwhile.
                if not await asyncio.to_thread(_still, desk, session):
                    return
                yield f"event: changed\ndata: {' '.join(sorted(cases)[:100])}\n\n" if cases else ": still\n\n"

    return StreamingResponse(told(), media_type="text/event-stream")


async def _changed(queue: asyncio.Queue[frozenset[str]]) -> frozenset[str]:
    """Every case that has changed since, as soon as there is one; none if none has for a while."""
    try:
        async with asyncio.timeout(_LIVE_S):
            cases = await queue.get()
    except TimeoutError:
        return frozenset()
    while not queue.empty():
        cases |= queue.get_nowait()
    return cases


def _still(desk: Desk, session: Session) -> bool:
    with desk.store.reading() as connection:
        found, _ = people.session(connection, session.token, desk.clock.now_ms())
    return found is not None
