"""How fast are case versions taken in, and how long does a page of the queue take with many open cases?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from streams.adapters.case_store import queries
from streams.adapters.case_store.queries import Filters
from streams.adapters.case_store.rows import Record, batch_of
from streams.adapters.case_store.store import CaseStore
from streams.contracts.base import from_ms
from streams.contracts.cases import CaseVersion, CustomerText, Entities, Evidence, Sla
from streams.contracts.registry import encode
from streams.core.cases.review import LOSS
from streams.core.ids import case_id

BATCH: Final = 5_000  # records of one transaction, as the sink has them
PAGE: Final = 50
START_MS: Final = 1_764_547_200_000
STEP_MS: Final = 50  # from one case to the next
INCIDENTS: Final = 200
CUSTOMERS: Final = 40_000
_ASKED: Final = 20  # pages of each kind; the median counts


class StoreFigures(msgspec.Struct, kw_only=True):
    """Two versions of each case, so half as many cases are open as versions were written."""

    versions: int
    open_cases: int
    bytes_per_version: int
    versions_per_s: int  # into a store without cases, as `store rebuild` fills it
    cpu_us_per_version: float
    decode_share: float  # of that CPU time: decoding and checking the records
    followed_per_s: int  # third versions of some cases, as a store that follows takes them in
    cpu_us_per_followed: float
    queue_page_ms: float  # the first page of 50, as ranked
    tenth_page_ms: float
    filtered_page_ms: float  # of one queue and priority
    count_ms: float  # how many are open
    search_ms: float  # a phrase of two Chinese characters that every second case has
    case_ms: float
    megabytes: int


class Stopwatch:
    """Time on the wall and of this process's CPU that passes inside `with`."""

    def __init__(self) -> None:
        self.wall_s = self.cpu_s = 0.0

    def __enter__(self) -> None:
        self.wall_s -= time.perf_counter()
        self.cpu_s -= time.process_time()

    def __exit__(self, *_: object) -> None:
        self.wall_s += time.perf_counter()
        self.cpu_s += time.process_time()


def measure(versions: int, folder: Path, told: Callable[[int], None]) -> StoreFigures:
    """Fills a new SQLite store in `folder` and asks it what pages ask."""
    path = folder / "bench-cases.db"
    store = CaseStore(f"sqlite:///{path}")
    store.migrate()
    cases = versions // 2
    size = done = 0
    decode_s = 0.0
    filling, following = Stopwatch(), Stopwatch()
    for records in batches(cases):
        size += sum(len(record.value or b"") for record in records)
        began_s = time.process_time()
        batch_of(records)
        decode_s += time.process_time() - began_s
        with filling:
            store.write(records, {("bench", 0): done}, fills=True)
        done += len(records)
        told(done)
    with filling:
        while store.build() is not None:
            pass
    more = min(cases, 4 * BATCH)
    for records in in_batches(_record(number * (cases // more), 3) for number in range(more)):
        with following:
            store.write(records, {})
    cursor = _cursor_of_page(store, 10)
    found = StoreFigures(
        versions=done,
        open_cases=cases,
        bytes_per_version=size // done,
        versions_per_s=round(done / filling.wall_s),
        cpu_us_per_version=round(filling.cpu_s / done * 1e6, 1),
        decode_share=round(decode_s / filling.cpu_s, 2),
        followed_per_s=round(more / following.wall_s),
        cpu_us_per_followed=round(following.cpu_s / more * 1e6, 1),
        queue_page_ms=_median_ms(store, lambda c: queries.ranked(c, Filters(unworked_day=queries.review_day(c)), PAGE)),
        tenth_page_ms=_median_ms(store, lambda c: queries.ranked(c, Filters(), PAGE, cursor)),
        filtered_page_ms=_median_ms(
            store, lambda c: queries.ranked(c, Filters(queue="technical", priority="P3"), PAGE)
        ),
        count_ms=_median_ms(store, lambda c: queries.counted(c, Filters())),
        search_ms=_median_ms(store, lambda c: queries.search(c, "退款", PAGE)),
        case_ms=_median_ms(store, lambda c: queries.versions(c, case_id_of(17))),
        megabytes=sum(each.stat().st_size for each in folder.glob("bench-cases.db*")) >> 20,
    )
    store.close()
    return found


def _median_ms(store: CaseStore, ask: Callable[[Any], object]) -> float:
    taken = []
    for _ in range(_ASKED):
        began_s = time.perf_counter()
        with store.reading() as connection:
            ask(connection)
        taken.append(time.perf_counter() - began_s)
    return round(sorted(taken)[_ASKED // 2] * 1000, 2)


def _cursor_of_page(store: CaseStore, number: int) -> str | None:
    cursor = None
    with store.reading() as connection:
        for _ in range(number - 1):
            cursor = queries.ranked(connection, Filters(), PAGE, cursor).next_cursor
    return cursor


def case_id_of(number: int) -> str:
    """As real ids are: neighbours in time are none in an index."""
    return case_id("unknown_outcome", "customer", f"pay-{number}", "")


def incident_of(number: int) -> str:
    """The incident with this number; cases belong to it by `_record`."""
    return f"case_bench_incident_{number:03}"


def in_batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    """As many at once as the sink writes."""
    waiting = iter(records)
    while batch := list(islice(waiting, BATCH)):
        yield batch


def batches(cases: int) -> Iterator[list[Record]]:
    """Each case opened, and some thousand cases later changed, as in a stream."""
    return in_batches(_versions(cases))


def _versions(cases: int) -> Iterator[Record]:
    lag = 10_000
    for turn in range(cases + lag):
        if turn < cases:
            yield _record(turn, 1)
        if turn - lag >= 0:
            yield _record(turn - lag, 2)


def _record(number: int, version: int) -> Record:
    """A version as large as one of the demo's: some lines of evidence, texts in both languages, deadlines."""
    at_ms = START_MS + number * STEP_MS + version * 60_000
    account = f"customer-{number % CUSTOMERS:06}"
    evidence = tuple(
        Evidence(
            at=from_ms(at_ms + step),
            kind="payment.failed",
            event_id=f"evt-{number}-{step}",
            text=f"payment pay-{number}-{step} failed: {number % 97:02} gateway answered late",
            amount_minor=100 + number % 90_000,
            currency="CNY",
        )
        for step in range(2 + 2 * version)
    )
    text = ("退款已经发出，预计三个工作日到账。", "Your refund is on its way and arrives within three working days.")
    other = ("您的付款没有成功，没有扣款。", "Your payment did not go through and you were not charged.")
    zh, en = text if number % 2 else other
    case = CaseVersion(
        occurred_at=from_ms(at_ms),
        case_id=case_id_of(number),
        version=version,
        changed=("opened",) if version == 1 else ("evidence",),
        case_type="payment_failure.repeat",
        flow="F03",
        cause_family="unknown_outcome",
        queue=("technical", "accounting", "security")[number % 3],
        priority=("P1", "P2", "P3", "P4")[0 if number % 50 == 0 else 1 + number % 3],
        subject=f"account/{account}",
        entities=Entities(account_id=account, payment_id=f"pay-{number}", merchant_id=f"mer-{number % 300}"),
        # A tenth of all cases is one incident's, a tenth that of the others.
        incident_id=None if number % 5 else incident_of(0 if number % 10 else 1 + number // 10 % (INCIDENTS - 1)),
        amount_minor=100 + number % 90_000,
        currency="CNY",
        counters={LOSS: number * 7_919 % 100_000},
        evidence=evidence,
        messages=(CustomerText(template="refund.sent", zh=zh, en=en),),
        sla=Sla(
            first_response_due=from_ms(at_ms + 3_600_000),
            next_update_due=from_ms(at_ms + 7_200_000),
            resolution_due=from_ms(at_ms + 86_400_000),
        ),
        created_at=from_ms(START_MS + number * STEP_MS),
        detected_at=from_ms(START_MS + number * STEP_MS),
    )
    return Record("support.cases", 0, number * 2 + version, case.case_id.encode(), encode(case), at_ms)
