"""What is an amount of one currency worth in another on a given day, in integer minor units?"""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import datetime
from typing import Final

import msgspec

from streams.contracts.base import to_ms

# ISO 4217 exponents that are not 2. Every other currency has two decimals.
_WITHOUT_DECIMALS = frozenset(
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    )
)
_EXPONENTS = {
    **dict.fromkeys(_WITHOUT_DECIMALS, 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}

# ISO 4217 list one, with codes that were withdrawn since 2022 and still stand in old records. Metals, bonds and codes
# for tests have no minor unit.
_LISTED = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN "
    "BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD "
    "FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS "
    "KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN "
    "MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR "
    "SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD "
    "USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ZWL "
)
WITH_MINOR_UNIT = frozenset(_LISTED.split())


# As people write an amount: in groups of three, 1,234.50 or 1.234,50, or without, 1234.5 or 1234,5. A comma before
# three digits begins a group; a point does only where a comma follows.
WRITTEN: Final = (
    r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]{1,4})?|[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]{1,2}"
    r"|[0-9]{1,16}(?:\.[0-9]{1,4}|,[0-9]{1,2})?)"
)


def plain_number(written: str) -> str:
    """What fits `WRITTEN`, without groups and with a point before the fraction: 1,234.50 is 1234.50, 36,60 is 36.60."""
    at = max(written.rfind(","), written.rfind("."))
    if at < 0 or (written[at] == "," and len(written) - at == 4):
        return written.replace(",", "")
    return re.sub("[,.]", "", written[:at]) + "." + written[at + 1 :]


def exponent_of(currency: str) -> int:
    """Decimals of the currency: 0 for JPY, 2 for EUR, 3 for KWD."""
    return _EXPONENTS.get(currency, 2)


class RateTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rates in force from `effective_at`: how many units of each currency one unit of the reference buys."""

    effective_at: datetime
    per_unit: dict[str, float]

    def __post_init__(self) -> None:
        for currency, rate in self.per_unit.items():
            if not 0 < rate < 1e9:
                raise ValueError(f"the rate of {currency} must be above 0")


def rates_at(tables: tuple[RateTable, ...], at_ms: int) -> RateTable:
    """The table in force at `at_ms`; the oldest one for anything earlier. `tables` are sorted and not empty."""
    index = bisect_right(tables, at_ms, key=lambda table: to_ms(table.effective_at))
    return tables[max(0, index - 1)]


def convert(amount_minor: int, currency: str, into: str, rates: RateTable) -> int | None:
    """`amount_minor` of `currency` in minor units of `into`, half up; None if a rate is missing."""
    if currency == into:
        return amount_minor
    source = rates.per_unit.get(currency)
    target = rates.per_unit.get(into)
    if source is None or target is None:
        return None
    scale = 10.0 ** (exponent_of(into) - exponent_of(currency))
    return int(amount_minor * (target / source) * scale + 0.5)
