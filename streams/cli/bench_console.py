"""How long does the console's server take for a page, with many open cases and what happened around them?

Beside the cases lie incidents (the first has a tenth of all cases), five payments of each customer in 30 days (a fifth
of them at one merchant, a tenth from one address), locks of every 20th customer and a message for every tenth case.
"""

from __future__ import annotations

import gc
import http.client
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from streams.adapters.case_store import people
from streams.adapters.case_store.people import User
from streams.adapters.case_store.rows import DAY_MS, Record
from streams.adapters.case_store.store import CaseStore
from streams.adapters.clock import SystemClock
from streams.adapters.embedded_broker import free_port
from streams.cli.bench_store import (
    CUSTOMERS,
    INCIDENTS,
    START_MS,
    STEP_MS,
    batches,
    case_id_of,
    in_batches,
    incident_of,
)
from streams.console.desk import COOKIE, Changes
from streams.console.limits import Limits
from streams.console.serving import in_background
from streams.console.web import build
from streams.contracts.actions import Lock, LocksState
from streams.contracts.base import from_ms
from streams.contracts.cases import CaseVersion, Entities, NotificationRequested
from streams.contracts.payments import Code, PaymentFailed, PaymentSucceeded
from streams.contracts.registry import encode

ASKED: Final = 60  # times each page is asked for
PAGES: Final[Mapping[str, str]] = {
    "queue": "/queue",
    "queue_of_one": "/queue?" + urlencode({"queue": "technical", "priority": "P3"}),
    "queue_of_nobody": "/queue?whose=unassigned",
    "queue_waiting": "/queue?stage=waiting",
    "queue_done": "/queue?stage=done",
    "case": f"/cases/{case_id_of(17)}",
    "account": "/account?id=customer-000017",
    "search": "/search?" + urlencode({"q": "退款"}),
    "incidents": "/incidents",
    "incident": f"/cases/{incident_of(0)}",
    "entity": "/entity?" + urlencode({"kind": "ip", "value": "203.0.113.7"}),
    "merchant": "/merchant?" + urlencode({"id": "mer-0", "days": 30}),
    "locks": "/locks",
    "handover": "/handover",
    "contacts": "/contacts?" + urlencode({"amount": "145.17", "currency": "CNY"}),
}
_PAYMENTS: Final = 5  # of each customer
_DECLINED: Final = (Code(source="iso8583_1987", code="51"),)


class _Then(SystemClock):
    """The time at which the last of the cases came."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms


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
    for records in in_batches(_around(cases)):
        store.write(records, {})
    with store.writing() as connection:
        people.put_user(connection, User("bench", "analyst", "", 0))
        token = people.sign_in(connection, "bench", START_MS + cases * STEP_MS)
    found = {}
    with _served(store, START_MS + cases * STEP_MS) as port:
        for name, address in PAGES.items():
            found[name] = _asked(port, address, token)
    store.close()
    return ConsoleFigures(open_cases=cases, pages=found)


def _around(cases: int) -> Iterator[Record]:
    """What lies on the other topics."""
    for number in range(INCIDENTS):
        at = from_ms(START_MS + number * STEP_MS)
        case = CaseVersion(
            occurred_at=at,
            case_id=incident_of(number),
            version=1,
            changed=("opened",),
            case_type="incident",
            flow="F05",
            cause_family="outage",
            queue="technical",
            priority="P1",
            owner="entity",
            subject=f"merchant/mer-{number}",
            entities=Entities(entity=f"merchant/mer-{number}", merchant_id=f"mer-{number}"),
            created_at=at,
            detected_at=at,
        )
        yield Record("support.cases", 1, number, case.case_id.encode(), encode(case), START_MS)
    for number in range(cases // 10):
        case_id, account = case_id_of(number * 10), f"customer-{number * 10 % CUSTOMERS:06}"
        at = from_ms(START_MS + number * 10 * STEP_MS)
        notice = NotificationRequested(
            occurred_at=at,
            notification_id=f"ntf_{number}",
            account_id=account,
            template="refund.sent",
            zh="退款已经发出，预计三个工作日到账。",
            en="Your refund is on its way and arrives within three working days.",
            not_after=from_ms(START_MS + DAY_MS),
            case_id=case_id,
        )
        yield Record("customer.notifications", 0, number, account.encode(), encode(notice), START_MS)
    for number in range(min(cases, CUSTOMERS)):
        yield from _of_customer(number)


def _of_customer(number: int) -> Iterator[Record]:
    account = f"customer-{number:06}"
    for turn in range(_PAYMENTS):
        at_ms = START_MS + number * STEP_MS - turn * 5 * DAY_MS
        about: dict[str, Any] = {
            "occurred_at": from_ms(at_ms),
            "event_id": f"evt-{number}-p{turn}",
            "source": "psp",
            "account_id": account,
            "payment_id": f"pay-{number}" if turn == 0 else f"pay-{number}-{turn}",
            "amount_minor": 100 + number % 90_000,
            "currency": "CNY",
            "merchant_id": f"mer-{0 if turn == 1 else 1 + (number + turn) % 299}",
            "device_id": f"dev-{number}",
            "ip": "203.0.113.7" if number % 10 == 0 else f"198.51.{number // 50 % 256}.{number % 50}",
        }
        has_failed = (number + turn) % 4 == 0
        payment = PaymentFailed(**about, codes=_DECLINED) if has_failed else PaymentSucceeded(**about)
        yield Record("payments.transactions", 0, number * _PAYMENTS + turn, account.encode(), encode(payment), at_ms)
    if number % 20 == 0:
        at = from_ms(START_MS + number * STEP_MS)
        lock = Lock(
            action_id=f"act_{number}",
            action="lock",
            scope="money_out",
            status="effective",
            reason_class="takeover",
            since=at,
            expires_at=from_ms(START_MS + (number % 7 + 1) * DAY_MS) if number % 3 else None,
        )
        state = LocksState(occurred_at=at, account_id=account, version=1, locks=(lock,), state="soft_lock")
        yield Record("account.locks", 0, number, account.encode(), encode(state), START_MS)


def _asked(port: int, address: str, token: str) -> PageFigures:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    taken, size = [], 0
    headers = {"Cookie": f"{COOKIE}={token}", "Accept-Language": "en"}
    connection.request("GET", address, headers=headers)
    first = connection.getresponse()
    first.read()
    address = first.getheader("Location", address)  # who was typed as a whole id has a page by a reference
    gc.collect()
    for _ in range(ASKED):
        began_s = time.perf_counter()
        connection.request("GET", address, headers=headers)
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
def _served(store: CaseStore, now_ms: int) -> Iterator[int]:
    async def nowhere(_: object, __: int) -> None:
        raise ConnectionError("a bench sends nothing")

    port = free_port()
    app = build(
        store,
        nowhere,
        _Then(now_ms),
        Changes(),
        secure=False,
        limits=Limits(requests_per_minute=10**6, searches_per_minute=10**6),
    )
    app.state.desk.warm()  # as `serve` does
    with in_background(app, port):
        yield port
