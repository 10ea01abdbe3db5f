"""What may a fee be at most (F46)?

A tariff is a row of data: a fixed part, a share of what the fee is taken on, and bounds. Free quotas and discounts only
make a fee smaller, so what a tariff gives is the most that may be charged.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated

import msgspec
from msgspec import Meta

from streams.contracts.base import Currency, Id, ShortText
from streams.core.currencies import WITH_MINOR_UNIT
from streams.core.tables import TableError, converted, rows

_Minor = Annotated[int, Meta(ge=0, le=10**12)]


class Tariff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of tariffs.csv; amounts in minor units of `currency`."""

    tariff: Id
    name_zh: Annotated[str, Meta(min_length=1, max_length=60)]
    name_en: Annotated[str, Meta(min_length=1, max_length=60)]
    currency: Currency
    fixed_minor: _Minor = 0
    rate_bp: Annotated[int, Meta(ge=0, le=10_000)] = 0  # hundredths of a percent of the base
    min_minor: _Minor = 0
    max_minor: _Minor | None = None
    source: ShortText

    def most_minor(self, base_minor: int | None) -> int | None:
        """The largest fee on `base_minor`, rounded up; None where a share is taken of an unknown base."""
        if self.rate_bp and base_minor is None:
            return None
        fee = self.fixed_minor - (-(base_minor or 0) * self.rate_bp // 10_000)
        fee = max(fee, self.min_minor)
        return fee if self.max_minor is None else min(fee, self.max_minor)


def read_tariffs(text: str, name: str = "tariffs.csv", base: Mapping[str, Tariff] | None = None) -> dict[str, Tariff]:
    """The tariffs of a CSV text, laid over `base`. Raises TableError with file, line and remedy."""
    found = dict(base or {})
    lines: dict[str, int] = {}
    for line, row in rows(text, Tariff, name):
        where = f"{name} line {line}"
        tariff = _checked(row, where)
        if tariff.tariff in lines:
            raise TableError(
                f"tariff {tariff.tariff} is also on line {lines[tariff.tariff]}", where, "keep one row per tariff"
            )
        lines[tariff.tariff] = line
        found[tariff.tariff] = tariff
    return found


@cache
def packaged_tariffs() -> dict[str, Tariff]:
    """The tariffs as they are shipped."""
    return read_tariffs(files(__package__).joinpath("tariffs.csv").read_text(encoding="utf-8"))


def _checked(row: dict[str, str], where: str) -> Tariff:
    own: dict[str, str] = dict(row)
    if "fixed_minor" not in row and "rate_bp" not in row:
        if "max_minor" not in row:
            raise TableError(
                f"tariff {row.get('tariff', '')} says no number, so every fee would be too high",
                where,
                "fill fixed_minor, rate_bp or max_minor; what costs nothing has 0",
            )
        own["fixed_minor"] = row["max_minor"]  # up to it
    tariff = converted(own, Tariff, where)
    if tariff.currency not in WITH_MINOR_UNIT:
        raise TableError(f"ISO 4217 has no currency {tariff.currency}", where, "use its code")
    if tariff.max_minor is not None and tariff.max_minor < tariff.min_minor:
        raise TableError("max_minor is below min_minor", where, "exchange the two")
    return tariff
