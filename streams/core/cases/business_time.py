"""How much of a stretch of time do people work, and when have they worked for so long?

People work in the opening hours of the business days of a region, on the region's own clock: a day on which the clocks
change there has an hour more or less.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import NamedTuple

from streams.contracts.base import to_ms
from streams.core.money.business_days import ZONES, is_business_day

_DAYS_MAX = 40_000  # more than a century: what is asked for past it is not a deadline


class WorkingHours(NamedTuple):
    """Whose business days, and from which local hour to which; 24 is midnight at the end of the day."""

    calendar: str  # of `streams.core.money.business_days`
    opens: int
    closes: int


def after_ms(at_ms: int, worked_ms: int, hours: WorkingHours) -> int:
    """The moment until which people have worked for `worked_ms` since `at_ms`."""
    for opens_ms, closes_ms in _shifts(at_ms, hours):
        begins_ms = max(at_ms, opens_ms)
        if begins_ms + worked_ms <= closes_ms:
            return begins_ms + worked_ms
        worked_ms -= max(0, closes_ms - begins_ms)
    raise AssertionError("a century without enough business days")


def between_ms(since_ms: int, until_ms: int, hours: WorkingHours) -> int:
    """How long people worked from one moment to a later one."""
    worked_ms = 0
    for opens_ms, closes_ms in _shifts(since_ms, hours):
        if opens_ms >= until_ms:
            break
        worked_ms += max(0, min(until_ms, closes_ms) - max(since_ms, opens_ms))
    return worked_ms


def _shifts(at_ms: int, hours: WorkingHours) -> Iterator[tuple[int, int]]:
    """(opens, closes) of each business day from that of `at_ms` on."""
    zone = ZONES[hours.calendar]
    first = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).date()
    for number in count():
        if number == _DAYS_MAX:
            return
        day = first + timedelta(days=number)
        if is_business_day(hours.calendar, day.toordinal()):
            midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
            # Hours of the wall clock: local arithmetic first, then UTC.
            opens, closes = (midnight + timedelta(hours=hour) for hour in (hours.opens, hours.closes))
            yield to_ms(opens.astimezone(UTC)), to_ms(closes.astimezone(UTC))
