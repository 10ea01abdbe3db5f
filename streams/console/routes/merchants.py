"""How many payments failed at a merchant, what was given back, and which incidents were there?"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from streams.adapters.case_store import linked
from streams.adapters.case_store.linked import DayOfMerchant
from streams.adapters.case_store.queries import CaseLine
from streams.adapters.case_store.rows import DAY_MS
from streams.console.desk import At, Who, missing

router = APIRouter()

PERIODS: Final = (1, 7, 30)  # days
_CASES: Final = 50
_CODES: Final = 12
_PAID: Final = "payment.succeeded"
_FAILED: Final = "payment.failed"
_ASKED: Final = "refund.requested"
_SENT: Final = "refund.sent"
_CREDITED: Final = "refund.credited"


class Day(msgspec.Struct):
    """One bar of the picture, one line of the table."""

    day: int
    paid: int = 0
    failed: int = 0
    refunds_asked: int = 0
    refunds_sent: int = 0
    refunds_credited: int = 0

    @property
    def refunded(self) -> int:
        """One refund may be told as sent, as credited or as both: the more of them, so that none counts twice."""
        return max(self.refunds_sent, self.refunds_credited)

    @property
    def failure_share(self) -> float:
        return self.failed / (self.paid + self.failed) if self.paid + self.failed else 0.0


class Report(msgspec.Struct, frozen=True):
    """A period of a merchant."""

    days: tuple[Day, ...]  # every day of the period, the oldest first
    total: Day
    money: tuple[tuple[str, int, int, int], ...]  # currency, amounts that were paid, failed and refunded


def report_of(found: Iterable[DayOfMerchant], first_day: int, last_day: int) -> Report:
    """The period from `first_day` to `last_day`, both in it."""
    days = {day: Day(day) for day in range(first_day, last_day + 1)}
    total = Day(last_day)
    money: dict[str, list[int]] = {}  # paid, failed, refunds sent, credited
    for each in found:
        if each.day not in days:
            continue
        for name, place, kind in (
            ("paid", 0, _PAID),
            ("failed", 1, _FAILED),
            ("refunds_asked", None, _ASKED),
            ("refunds_sent", 2, _SENT),
            ("refunds_credited", 3, _CREDITED),
        ):
            if each.kind == kind:
                for day in (days[each.day], total):
                    setattr(day, name, getattr(day, name) + each.times)
                if place is not None and each.currency is not None:
                    money.setdefault(each.currency, [0, 0, 0, 0])[place] += each.amount_minor
    amounts = tuple((currency, paid, failed, max(back)) for currency, (paid, failed, *back) in sorted(money.items()))
    return Report(tuple(days.values()), total, amounts)


def codes_of(found: Iterable[DayOfMerchant]) -> list[tuple[str, int]]:
    """What payments and the like failed with, the most frequent first."""
    times: Counter[str] = Counter()
    for each in found:
        if each.kind.endswith(".failed"):
            times[each.label] += each.times
    return sorted(times.items(), key=lambda each: (-each[1], each[0]))


@router.get("/merchant")
def merchant(request: Request, desk: At, session: Who, id: str = "", days: int = 7) -> HTMLResponse:  # noqa: A002
    period = days if days in PERIODS else 7
    last_day = desk.clock.now_ms() // DAY_MS
    begin_ms = (last_day - period + 1) * DAY_MS
    with desk.store.reading() as connection:
        found = linked.at_merchant(connection, id, begin_ms // DAY_MS)
        cases, named = _cases(connection, id, "account", begin_ms)
        incidents, told = _cases(connection, id, "entity", begin_ms)
        is_known = bool(found or cases or incidents) or bool(linked.of_entity(connection, "merchant", id, 1))
        is_known = is_known or any(_cases(connection, id, owner, 0)[1] for owner in ("account", "entity"))
    if not is_known:
        missing()
    return desk.page(
        request,
        "merchant.html",
        session,
        merchant_id=id,
        period=period,
        periods=PERIODS,
        report=report_of(found, last_day - period + 1, last_day),
        codes=codes_of(found)[:_CODES],
        incidents=incidents,
        told=told,
        cases=cases,
        named=named,
    )


def _cases(connection: Connection, merchant_id: str, owner: str, begin_ms: int) -> tuple[tuple[CaseLine, ...], int]:
    """Cases that name the merchant, the newest; and how many there are."""
    return linked.cases_naming(connection, "merchant_id", merchant_id, _CASES, owner=owner, since_ms=begin_ms)
