"""Which hour and weekday is it where the customer lives?"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

# Offsets change on full quarter hours of UTC, everywhere since 1972.
_QUARTER_HOUR_MS = 900_000
_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000


@lru_cache(maxsize=8192)
def _offset_ms(zone: str, quarter_hour: int) -> int:
    try:
        offset = datetime.fromtimestamp(quarter_hour * 900, UTC).astimezone(_zone(zone)).utcoffset()
    except (OverflowError, ValueError, OSError):  # outside the years that the calendar has
        return 0
    return 0 if offset is None else int(offset.total_seconds() * 1000)


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=1024)
def is_zone(name: str) -> bool:
    """Whether `name` is an IANA zone that this installation knows. A profile may name anything."""
    try:
        _zone(name)
    except (KeyError, ValueError, OSError):  # not found is a KeyError; odd names raise the others
        return False
    return True


def hour_and_weekday(at_ms: int, zone: str) -> tuple[int, int]:
    """Local hour 0 .. 23 and weekday (Monday 0) at `at_ms`."""
    local = at_ms if zone == "UTC" else at_ms + _offset_ms(zone, at_ms // _QUARTER_HOUR_MS)
    return local % _DAY_MS // _HOUR_MS, (local // _DAY_MS + 3) % 7


def after_quiet_ms(at_ms: int, zone: str, begins_hour: int, ends_hour: int) -> int:
    """`at_ms`, or the end of the quiet hours in which it lies; none are quiet where they end as they begin."""
    hour, _ = hour_and_weekday(at_ms, zone)
    over_midnight = begins_hour > ends_hour
    if not (hour >= begins_hour or hour < ends_hour if over_midnight else begins_hour <= hour < ends_hour):
        return at_ms
    local = at_ms + _offset_ms(zone, at_ms // _QUARTER_HOUR_MS)
    end = local - local % _DAY_MS + ends_hour * _HOUR_MS
    end += _DAY_MS if end <= local else 0
    wait_ms = end - local
    # The clocks of the place may change in the night.
    changed_ms = _offset_ms(zone, (at_ms + wait_ms) // _QUARTER_HOUR_MS) - _offset_ms(zone, at_ms // _QUARTER_HOUR_MS)
    return at_ms + wait_ms - changed_ms
