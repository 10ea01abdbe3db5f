"""Are amounts converted in integer minor units, by the rate of the day?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from streams.contracts.base import to_ms
from streams.core.currencies import RateTable, convert, exponent_of, rates_at

OLD = RateTable(datetime(2020, 1, 1, tzinfo=UTC), {"USD": 1.0, "CNY": 6.5, "JPY": 110.0, "KWD": 0.31})
NEW = RateTable(datetime(2024, 1, 1, tzinfo=UTC), {"USD": 1.0, "CNY": 7.1, "JPY": 150.0, "KWD": 0.31})


@pytest.mark.parametrize(("currency", "exponent"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4)])
def test_exponents_are_those_of_iso_4217(currency, exponent):
    assert exponent_of(currency) == exponent


@pytest.mark.parametrize(
    ("amount", "currency", "into", "expected"),
    [
        (10_000, "USD", "CNY", 65_000),
        (10_000, "USD", "JPY", 11_000),
        (11_000, "JPY", "USD", 10_000),
        (310, "KWD", "USD", 100),
        (7, "EUR", "EUR", 7),
        (10_000, "USD", "XXX", None),
    ],
)
def test_conversion_respects_the_decimals_of_both_sides(amount, currency, into, expected):
    assert convert(amount, currency, into, OLD) == expected


def test_the_table_in_force_at_the_time_of_the_event_counts():
    tables = (OLD, NEW)
    assert rates_at(tables, to_ms(datetime(2023, 12, 31, tzinfo=UTC))) is OLD
    assert rates_at(tables, to_ms(datetime(2024, 1, 1, tzinfo=UTC))) is NEW
    assert rates_at(tables, 0) is OLD


def test_a_rate_of_zero_is_refused():
    with pytest.raises(ValueError, match="CNY"):
        RateTable(OLD.effective_at, {"CNY": 0.0})
