"""Is this worker alive, is it ready, and what do its numbers say? Three pages for a supervisor and for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec
from aiohttp import web

Exposition = Callable[[], bytes]  # /metrics in Prometheus' text format
TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"


class Health(NamedTuple):
    """What the pages report."""

    ready: bool  # serves its partitions: assigned, restored, not rebalancing
    alive: bool  # commits, or has nothing to commit
    why: str
    facts: dict[str, object]


def judge(
    *, rebalancing: bool, assigned: int, serving: bool, stalled_s: float, most_stalled_s: float
) -> tuple[bool, bool, str]:
    """Ready, alive, and the reason if one of them is not so; `stalled_s`: how long input waits without a commit.

    A worker without partitions is not ready: Faust leaves a live, idle process behind when it could not join its group.
    A worker that waits for a rebalance or restores state makes no commits and is alive all the same.
    """
    if rebalancing:
        return False, True, "the group rebalances"
    if not assigned:
        return False, True, "no partitions assigned: joining, or more workers than partitions"
    if not serving:
        return False, True, "state is being restored"
    if stalled_s > most_stalled_s:
        return True, False, f"records wait and nothing was committed for {stalled_s:.0f} s"
    return True, True, "ok"


class Pages:
    """/healthz, /readyz and /metrics on a small server of their own: Faust's would also publish its router."""

    def __init__(self, health: Callable[[], Health], exposition: Exposition) -> None:
        self._health = health
        self._exposition = exposition
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        app = web.Application()
        app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.port = port

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        health = self._health()
        return _answer(health.alive, health)

    async def _readyz(self, _: web.Request) -> web.Response:
        health = self._health()
        return _answer(health.ready, health)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._exposition(), headers={"Content-Type": TEXT_FORMAT})


def _answer(good: bool, health: Health) -> web.Response:
    body = msgspec.json.encode({"ready": health.ready, "alive": health.alive, "why": health.why, **health.facts})
    return web.Response(status=200 if good else 503, body=body, content_type="application/json")
