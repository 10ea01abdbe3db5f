"""Is the console there, and has what a page shows changed?"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse

from streams.adapters.case_store import people
from streams.console.desk import At, Who

router = APIRouter()

_LIVE_S: Final = 20.0  # how often an open page is told that it still is, and its session is looked at


@router.get("/healthz")
def healthz() -> Response:
    return Response("ok", media_type="text/plain")


@router.get("/events")
async def events(desk: At, session: Who) -> StreamingResponse:
    async def told() -> AsyncIterator[str]:
        yield ": open\n\n"
        async with desk.changes.listening() as queue:
            while True:
                try:
                    async with asyncio.timeout(_LIVE_S):
                        cases = await queue.get()
                except TimeoutError:
                    with desk.store.reading() as connection:
                        still, _ = people.session(connection, session.token, desk.clock.now_ms())
                    if still is None:
                        return
                    yield ": still\n\n"
                else:
                    yield f"event: changed\ndata: {' '.join(sorted(cases)[:100])}\n\n"

    return StreamingResponse(told(), media_type="text/event-stream")
