"""When does a term end: after so many seconds, or with the n-th day or business day of a region?

Holidays come from the `holidays` library; China's weekend workdays count as business days, as the State Council sets
them. Dates are those of the region's own clock.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from streams.contracts.base import to_ms
from streams.core.local_time import is_zone
from streams.core.money.term import business_days_of, calendar_days_of, seconds_of

Calendar = Literal["CN", "US", "EU", "IN"]
ZONES: dict[str, ZoneInfo] = {
    "CN": ZoneInfo("Asia/Shanghai"),
    "US": ZoneInfo("America/New_York"),
    "EU": ZoneInfo("Europe/Berlin"),  # where the TARGET calendar is kept
    "IN": ZoneInfo("Asia/Kolkata"),
}


class Within(NamedTuple):
    """How long something may take, and by whose days that is counted."""

    term: str
    calendar: str  # whose business days
    zone: str = ""  # IANA name: on whose clock calendar days end; empty: on that of the calendar's region

    @property
    def clock(self) -> str:
        """IANA name of the clock on which calendar days end."""
        return self.zone if self.zone and is_zone(self.zone) else ZONES[self.calendar].key

    def ends_ms(self, at_ms: int) -> int:
        """When it is over, if it begins at `at_ms`."""
        return ends_ms(at_ms, self.term, self.calendar, self.zone)


def ends_ms(at_ms: int, term: str, calendar: str, zone: str = "") -> int:
    """The moment at which `term`, begun at `at_ms`, is over.

    A business day ends at midnight of its region, a calendar day at midnight in `zone`, or of the region without one.
    """
    days = business_days_of(term)
    later = calendar_days_of(term)
    if later is not None:
        return _midnight_ms(at_ms, later, ZoneInfo(zone) if zone and is_zone(zone) else ZONES[calendar])
    if not days:
        return at_ms + (seconds_of(term) or 0) * 1000
    day = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZONES[calendar]).date()
    later = 0
    while days:
        later += 1
        days -= is_business_day(calendar, day.toordinal() + later)
    return _midnight_ms(at_ms, later, ZONES[calendar])


def _midnight_ms(at_ms: int, days: int, zone: ZoneInfo) -> int:
    """The end of the day that is `days` after the one of `at_ms`, however long clocks make a day."""
    day = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).date() + timedelta(days=days + 1)
    return to_ms(datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC))


def next_period_ms(at_ms: int, per: Literal["day", "month", "year"], calendar: str) -> int:
    """When the region's next day, month or year begins."""
    zone = ZONES[calendar]
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
    match per:
        case "day":
            day = local.date() + timedelta(days=1)
        case "month":
            day = date(local.year + local.month // 12, local.month % 12 + 1, 1)
        case "year":
            day = date(local.year + 1, 1, 1)
    return to_ms(datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC))


@lru_cache(maxsize=4096)
def is_business_day(calendar: str, ordinal: int) -> bool:
    """Is the day with this proleptic ordinal one on which the region works?"""
    day = datetime.fromordinal(ordinal).date()
    known: bool = _holidays(calendar, day.year).is_working_day(day)
    return known


@lru_cache(maxsize=64)
def _holidays(calendar: str, year: int) -> Any:
    # Imported when the first business day is asked for: a second that the start of a worker need not wait for.
    import holidays

    if calendar == "EU":
        return holidays.financial_holidays("ECB", years=year)
    return holidays.country_holidays(calendar, years=year)
