"""Is the local hour the one that the calendar says, in every zone and on days of change?"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.local_time import after_quiet_ms, hour_and_weekday, is_zone

ZONES = ("UTC", "Asia/Shanghai", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia")


@given(st.integers(86_400_000, 4_102_444_800_000), st.sampled_from(ZONES))
def test_hour_and_weekday(at_ms, zone):
    local = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(ZoneInfo(zone))
    assert hour_and_weekday(at_ms, zone) == (local.hour, local.weekday())


@pytest.mark.parametrize("at_ms", [-62_135_596_800_000, 253_402_300_799_999])
def test_the_ends_of_the_calendar_do_not_raise(at_ms):
    hour, weekday = hour_and_weekday(at_ms, "America/New_York")
    assert 0 <= hour <= 23
    assert 0 <= weekday <= 6


@pytest.mark.parametrize("name", ["Nowhere/Atall", "../etc/passwd", "posix", "", "Asia", "\x00"])
def test_an_odd_name_is_no_zone(name):
    assert not is_zone(name)


@given(st.integers(86_400_000, 4_102_444_800_000), st.sampled_from(ZONES), st.integers(0, 23), st.integers(0, 23))
def test_quiet_hours_end_at_their_hour_and_nothing_else_is_moved(at_ms, zone, begins, ends):
    hour, _ = hour_and_weekday(at_ms, zone)
    quiet = (hour - begins) % 24 < (ends - begins) % 24
    after_ms = after_quiet_ms(at_ms, zone, begins, ends)
    if not quiet:
        assert after_ms == at_ms
        return
    assert at_ms < after_ms <= at_ms + 25 * 3_600_000
    local = datetime.fromtimestamp(after_ms // 1000, UTC).astimezone(ZoneInfo(zone))
    # Where the clocks jump over the hour, it begins when they have.
    assert (local.hour, local.minute) in ((ends, 0), (ends, 30), ((ends + 1) % 24, 0), ((ends - 1) % 24, 0))
