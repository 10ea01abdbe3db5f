"""Where does Prometheus read what the processes beside the workers count?

Case store, webhooks and console have a page each, on a port of its own: the console's port is for people. What only the
database knows is looked up every few seconds, not when somebody asks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from streams.adapters.case_store.errors import StoreUnreachable
from streams.adapters.prometheus import PrometheusMetrics
from streams.runtime.health import Health, Pages
from streams.runtime.options import RuntimeOptions

log = logging.getLogger(__name__)

_LOOK_S: Final = 5.0  # as often as Prometheus asks
_WELL: Final = Health(ready=True, alive=True, why="ok", facts={})  # what fails ends its process


@asynccontextmanager
async def shown(metrics: PrometheusMetrics, options: RuntimeOptions, *looks: Callable[[], None]) -> AsyncIterator[None]:
    """/metrics while the block runs, if the options have a port; `looks` set the gauges that the database knows."""
    if not options.web_port:
        yield
        return
    pages = Pages(lambda: _WELL, metrics.exposition)
    await pages.start(options.web_host, options.web_port)
    looking = asyncio.create_task(_again_and_again(looks))
    try:
        yield
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
        await pages.stop()


async def _again_and_again(looks: Sequence[Callable[[], None]]) -> None:
    while True:
        try:
            for look in looks:
                await asyncio.to_thread(look)
        except StoreUnreachable as error:
            log.warning("some metrics are of a while ago: %s", error)
        await asyncio.sleep(_LOOK_S)
