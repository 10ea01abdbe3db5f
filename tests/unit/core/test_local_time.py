"""Is the local hour the one that the calendar says, in every zone and on days of change?"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.local_time import hour_and_weekday, is_zone

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
