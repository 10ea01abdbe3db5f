"""How long does the console's server take for a page, with many open cases?"""

from __future__ import annotations

import gc
import http.client
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import msgspec

from streams.adapters.case_store import people
from streams.adapters.case_store.people import User
from streams.adapters.case_store.store import CaseStore
from streams.adapters.clock import SystemClock
from streams.adapters.embedded_broker import free_port
from streams.cli.bench_store import batches
from streams.console.desk import COOKIE, Changes
from streams.console.serving import in_background
from streams.console.web import build

ASKED: Final = 60  # times each page is asked for
PAGES: Final[Mapping[str, str]] = {
    "queue": "/queue",
    "queue_of_one": "/queue?" + urlencode({"queue": "technical", "priority": "P3"}),
    "queue_of_nobody": "/queue?whose=unassigned",
    "queue_waiting": "/queue?stage=waiting",
    "queue_done": "/queue?stage=done",
    "case": "/cases/case_bench_000017",
    "account": "/account?id=customer-000017",
    "search": "/search?" + urlencode({"q": "退款"}),
    "incidents": "/incidents",
    "locks": "/locks",
}


class PageFigures(msgspec.Struct, kw_only=True):
    """Milliseconds over HTTP on one connection, session check and rendering included."""

    median_ms: float
    p95_ms: float
    worst_ms: float
    kilobytes: int


class ConsoleFigures(msgspec.Struct, kw_only=True):
    """Two versions of each case were written, so every case is open."""

    open_cases: int
    pages: dict[str, PageFigures]


def measure(cases: int, folder: Path, told: Callable[[int], None]) -> ConsoleFigures:
    """Fills a new SQLite store in `folder` with `cases` open cases and asks for each page."""
    store = CaseStore(f"sqlite:///{folder / 'bench-console.db'}")
    store.migrate()
    done = 0
    for records in batches(cases):
        store.write(records, {})
        done += len(records)
        told(done // 2)
    with store.writing() as connection:
        people.put_user(connection, User("bench", "analyst", "", 0))
        token = people.sign_in(connection, "bench", SystemClock().now_ms())
    found = {}
    with _served(store) as port:
        for name, address in PAGES.items():
            found[name] = _asked(port, address, token)
    store.close()
    return ConsoleFigures(open_cases=cases, pages=found)


def _asked(port: int, address: str, token: str) -> PageFigures:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    taken, size = [], 0
    gc.collect()
    for _ in range(ASKED):
        began_s = time.perf_counter()
        connection.request("GET", address, headers={"Cookie": f"{COOKIE}={token}", "Accept-Language": "en"})
        response = connection.getresponse()
        size = len(response.read())
        taken.append((time.perf_counter() - began_s) * 1000)
        if response.status != 200:
            raise AssertionError(f"{address} answers {response.status}")
    connection.close()
    taken.sort()
    return PageFigures(
        median_ms=round(taken[ASKED // 2], 1),
        p95_ms=round(taken[int(ASKED * 0.95)], 1),
        worst_ms=round(taken[-1], 1),
        kilobytes=size >> 10,
    )


@contextmanager
def _served(store: CaseStore) -> Iterator[int]:
    async def nowhere(_: object, __: int) -> None:
        raise ConnectionError("a bench sends nothing")

    port = free_port()
    with in_background(build(store, nowhere, SystemClock(), Changes(), secure=False), port):
        yield port
