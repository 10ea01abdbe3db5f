"""Do amounts stay exact, do times mean what they say, and does what is ambiguous get refused?"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.contracts.base import to_ms
from streams.ingest.values import (
    Exact,
    Notation,
    Unusable,
    decimal,
    flag,
    instant,
    integer,
    looks_like_card_number,
    minor_units,
    number,
    text,
)

RECORD_MS = to_ms(datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC))
SHANGHAI = ZoneInfo("Asia/Shanghai")


@given(st.integers(0, 10**15), st.sampled_from([0, 2, 3]), st.booleans())
def test_a_major_amount_in_json_loses_no_digit(amount: int, exponent: int, quoted: bool) -> None:
    written = f"{Decimal(amount).scaleb(-exponent):f}"
    raw = f'"{written}"' if quoted else written
    value = msgspec.json.Decoder(float_hook=Exact).decode(raw.encode())
    assert minor_units(decimal(value), 0, exponent) == amount


@given(st.integers(-(10**18), 10**18), st.integers(0, 6))
def test_a_binary_decimal_is_read_back(unscaled: int, scale: int) -> None:
    raw = unscaled.to_bytes(9, "big", signed=True)
    for value in (raw, base64.b64encode(raw).decode()):
        assert decimal(value, scale) == Decimal(unscaled).scaleb(-scale)


@pytest.mark.parametrize(
    ("value", "given", "exponent", "amount"),
    [("12.34", 0, 2, 1234), ("12", 0, 2, 1200), ("1500", 2, 0, 15), ("5", 0, 0, 5), ("12345", 2, 3, 123450)],
)
def test_minor_units_are_those_of_iso_4217(value: str, given: int, exponent: int, amount: int) -> None:
    assert minor_units(decimal(value), given, exponent) == amount


@pytest.mark.parametrize("value", ["1.005", "0.001"])
def test_a_fraction_of_a_minor_unit_is_refused(value: str) -> None:
    with pytest.raises(Unusable, match="not a whole number of minor units"):
        minor_units(decimal(value), 0, 2)


@pytest.mark.parametrize("value", ["", "1,50", "1 000", "nan", "inf", "1e9999", "0x10", True, [], {}, None, "9" * 50])
def test_what_is_no_amount_is_refused(value: Any) -> None:
    with pytest.raises(Unusable):
        decimal(value)


@pytest.mark.parametrize(
    ("value", "notation", "amount"),
    [
        ("1,234.56", Notation(","), "1234.56"),
        ("1.234,56", Notation(".", ","), "1234.56"),
        ("1 234,56", Notation(" ", ","), "1234.56"),
        ("1\u202f234\u00a0567,5", Notation(" ", ","), "1234567.5"),
        ("R$ 1.234,56", Notation(".", ",", "R$"), "1234.56"),
        ("-R$1.234,56", Notation(".", ",", "R$"), "-1234.56"),
        ("1.234,56 €", Notation(".", ",", "€"), "1234.56"),
        ("12,34,567.89", Notation(","), "1234567.89"),
        ("1’234.50", Notation("'"), "1234.50"),
        ("1234,56", Notation(".", ","), "1234.56"),
        ("234", Notation(".", ","), "234"),
        (Exact("1234.5"), Notation(".", ","), "1234.5"),
        (7, Notation(".", ","), "7"),
    ],
)
def test_separators_mean_what_the_file_says(value: Any, notation: Notation, amount: str) -> None:
    assert decimal(value, None, notation) == Decimal(amount)


@given(st.integers(0, 10**15), st.sampled_from([(",", "."), (".", ","), (" ", ","), ("_", ".")]))
def test_a_grouped_amount_loses_no_digit(amount: int, marks: tuple[str, str]) -> None:
    written = f"{Decimal(amount).scaleb(-2):,.2f}".translate(str.maketrans({",": marks[0], ".": marks[1]}))
    assert minor_units(decimal(written, None, Notation(*marks)), 0, 2) == amount


@pytest.mark.parametrize(
    ("value", "notation"),
    [
        ("1.23", Notation(".", ",")),  # would be 123: the source writes a decimal point
        ("1,5", Notation(",")),
        ("12,34", Notation(",")),
        ("1234,567", Notation(",")),
        ("1,234,56.0", Notation(",")),
        (",123", Notation(",")),
        ("1,,234", Notation(",")),
        ("1.234.56", Notation(".", ",")),
        ("US$ 5,00", Notation(".", ",", "R$")),
        ("-R$ -5,00", Notation(".", ",", "R$")),
        ("R$ R$ 5,00", Notation(".", ",", "R$")),
        ("", Notation(",")),
        ("1" * 60, Notation(",")),
    ],
)
def test_a_separator_in_a_wrong_place_is_refused(value: str, notation: Notation) -> None:
    with pytest.raises(Unusable, match=r"amount"):
        decimal(value, None, notation)


@pytest.mark.parametrize(
    ("value", "how", "zone", "expected"),
    [
        (1_764_547_200, "unix_s", None, "2025-12-01T00:00:00+00:00"),
        ("1764547200.25", "unix_s", None, "2025-12-01T00:00:00.250000+00:00"),
        (1_764_547_200_123, "unix_ms", None, "2025-12-01T00:00:00.123000+00:00"),
        (1_764_547_200_123_456, "unix_us", None, "2025-12-01T00:00:00.123000+00:00"),
        ("2025-12-01T08:00:00+08:00", "rfc3339", None, "2025-12-01T00:00:00+00:00"),
        ("2025-12-01 08:00:00", "rfc3339", SHANGHAI, "2025-12-01T00:00:00+00:00"),
        ("2025-12-01 08:00:00", "%Y-%m-%d %H:%M:%S", SHANGHAI, "2025-12-01T00:00:00+00:00"),
        ("1231235959", "%m%d%H%M%S", UTC, "2025-12-31T23:59:59+00:00"),
        ("0101000001", "%m%d%H%M%S", UTC, "2026-01-01T00:00:01+00:00"),
        (None, "record", None, "2026-01-01T00:00:05+00:00"),
        (datetime(2025, 12, 1, tzinfo=UTC), "unix_ms", None, "2025-12-01T00:00:00+00:00"),
    ],
)
def test_times(value: Any, how: str, zone: Any, expected: str) -> None:
    assert instant(value, how, zone, RECORD_MS).isoformat() == expected


@pytest.mark.parametrize(
    ("value", "how"),
    [
        ("2025-12-01T08:00:00", "rfc3339"),
        ("yesterday", "rfc3339"),
        ("0230000000", "%m%d%H%M%S"),
        (-1, "unix_s"),
        (1_764_547_200_123, "unix_s"),
        ("1969-12-31T23:59:59Z", "rfc3339"),
        ([], "unix_ms"),
    ],
)
def test_a_time_that_is_none_is_refused(value: Any, how: str) -> None:
    with pytest.raises(Unusable):
        instant(value, how, None, RECORD_MS)


def test_plain_kinds() -> None:
    assert (text(7), text("x"), integer("007"), integer(3.0), number("1.5"), flag("TRUE"), flag(0)) == (
        "7",
        "x",
        7,
        3,
        1.5,
        True,
        False,
    )
    for kind, value in ((text, True), (text, 1.5), (integer, True), (integer, "1.5"), (number, "nan"), (flag, "yes")):
        with pytest.raises(Unusable):
            kind(value)


def test_card_numbers_are_noticed_and_tokens_are_not() -> None:
    assert looks_like_card_number("4111 1111 1111 1111")
    assert not looks_like_card_number("4111111111111112")
    assert not looks_like_card_number("tok_4111111111111111")
