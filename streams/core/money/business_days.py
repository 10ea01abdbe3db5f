"""When does a term end: after so many seconds, or with the n-th business day of a region?

Holidays come from the `holidays` library; China's weekend workdays count as business days, as the State Council sets
them. Dates are those of the region's own clock.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

from streams.contracts.base import to_ms
from streams.core.money.term import business_days_of, seconds_of

Calendar = Literal["CN", "US", "EU", "IN"]
ZONES: dict[str, ZoneInfo] = {
    "CN": ZoneInfo("Asia/Shanghai"),
    "US": ZoneInfo("America/New_York"),
    "EU": ZoneInfo("Europe/Berlin"),  # where the TARGET calendar is kept
    "IN": ZoneInfo("Asia/Kolkata"),
}


def ends_ms(at_ms: int, term: str, calendar: str) -> int:
    """The moment at which `term`, begun at `at_ms`, is over. A business day ends at midnight of its region."""
    days = business_days_of(term)
    if not days:
        return at_ms + (seconds_of(term) or 0) * 1000
    zone = ZONES[calendar]
    day = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).date()
    while days:
        day += timedelta(days=1)
        days -= is_business_day(calendar, day.toordinal())
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(days=1)
    return to_ms(midnight.astimezone(UTC))


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
