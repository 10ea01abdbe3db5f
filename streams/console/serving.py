"""How do the pages run beside a task that follows the topics?"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial

import uvicorn
from fastapi import FastAPI

from streams.adapters.case_store.store import CaseStore, Written
from streams.adapters.clock import SystemClock
from streams.adapters.prometheus import PrometheusMetrics
from streams.console.actions import Sender
from streams.console.counted import Counted, count_sessions
from streams.console.desk import Changes
from streams.console.limits import Limits
from streams.console.metrics_page import shown
from streams.console.oidc import OidcOptions, Provider
from streams.console.sink import count_debited, count_open_cases, load
from streams.console.web import build
from streams.core.library import Library
from streams.metrics import OF_CONSOLE
from streams.runtime.failstop import EXIT_INFRASTRUCTURE
from streams.runtime.options import RuntimeOptions

log = logging.getLogger(__name__)


def serve(
    store: CaseStore,
    options: RuntimeOptions,
    host: str,
    port: int,
    *,
    https: bool,
    proxies: str = "",
    secret: str = "",
    limits: Limits | None = None,
    oidc: OidcOptions | None = None,
    library: Library | None = None,
    capacity: int | None = None,
) -> None:
    """Until SIGTERM or SIGINT. `proxies`: whose word counts about where a request comes from.

    There is no access log: addresses of pages name cases and accounts.
    """
    app = following(
        store, options, https=https, secret=secret, limits=limits, oidc=oidc, library=library, capacity=capacity
    )
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        # Anybody else could say to be somewhere else, and try one more password.
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        timeout_graceful_shutdown=3,
    )


def following(
    store: CaseStore,
    options: RuntimeOptions,
    *,
    https: bool,
    secret: str = "",
    limits: Limits | None = None,
    oidc: OidcOptions | None = None,
    library: Library | None = None,
    capacity: int | None = None,
) -> FastAPI:
    """The pages; when the task that follows the topics fails, the process ends."""
    changes, sender, clock = Changes(), Sender(options), SystemClock()
    metrics = PrometheusMetrics(OF_CONSOLE)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        await sender.start()
        loop = asyncio.get_running_loop()
        told = partial(_tell, changes)

        def heard(counts: Mapping[str, int]) -> None:
            changes.pulse.heard(counts, clock.now_ms())

        follower = loop.create_task(
            load(options, store, told, follow=True, metrics=metrics, fills=changes.fills, heard=heard)
        )
        follower.add_done_callback(_end_if_failed)
        try:
            looks = (
                partial(count_sessions, store, metrics, clock),
                partial(count_open_cases, store, metrics),
                partial(count_debited, store, metrics),
            )
            async with shown(metrics, options, *looks):
                yield
        finally:
            follower.cancel()
            with suppress(asyncio.CancelledError):
                await follower
            await sender.stop()

    provider = None if oidc is None else Provider(oidc, clock)
    app = build(
        store,
        sender,
        clock,
        changes,
        secure=https,
        secret=secret,
        limits=limits,
        oidc=provider,
        library=library,
        capacity=capacity,
        lifespan=running,
    )
    app.state.desk.warm()
    app.add_middleware(Counted, metrics=metrics, clock=clock)
    return app


def _tell(changes: Changes, written: Written, _: int) -> None:
    changes.tell(written)


def _end_if_failed(follower: asyncio.Task[int]) -> None:
    """Pages that no longer follow would look right and be wrong: the supervisor starts the process again."""
    if not follower.cancelled() and (error := follower.exception()) is not None:
        log.error(
            "the console no longer follows the topics and ends (%s: %s); start it again", type(error).__name__, error
        )
        os._exit(EXIT_INFRASTRUCTURE)


@contextmanager
def in_background(app: FastAPI, port: int) -> Iterator[None]:
    """`app` answers on `port`, in a thread of its own."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.05)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(20)
