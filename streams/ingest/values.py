"""What is a foreign value in the words of the contracts: an amount, a time, a text, a number?"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from decimal import Context, Decimal
from functools import cached_property
from ipaddress import ip_address
from typing import Any, Final
from uuid import UUID

from streams.contracts.base import EPOCH, from_ms

# Of a text without a notation, for `decimal`: as JSON writes numbers, in ASCII, and a plus that some write.
_PLAIN: Final = re.compile(r"[-+]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,3})?")
_MOST_DIGITS: Final = 80
_EXACTLY: Final = Context(prec=4 * _MOST_DIGITS)  # the usual one rounds to 28 digits
_INTEGER: Final = re.compile(r"-?[0-9]{1,30}")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_PAN: Final = re.compile(r"[2-6][0-9]{12,18}")  # ISO/IEC 7812: the industries that issue payment cards
_PER_SECOND: Final = {"unix_s": 1, "unix_ms": 1_000, "unix_us": 1_000_000, "unix_ns": 1_000_000_000}
# Of an id also what nobody sees: marks that turn the direction of writing, and spaces without width.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_CONTROL_BUT_LINES: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_LONGEST_AMOUNT: Final = 48
_SPACES: Final = " \u00a0\u2009\u202f"  # also those that do not break a line
_ALIKE: Final = {" ": _SPACES, "'": "'\u2019"}
_NO_DECIMAL: Final = "not a decimal number with a point; if it has separators, the rule says grouping and decimal"
GROUPINGS: Final = (",", ".", " ", "'", "_")
TIME_FORMATS: Final = ("rfc3339", *_PER_SECOND, "record")


class Unusable(ValueError):
    """A value does not fit its field. `reason` is one of the dead-letter reasons; the text never repeats the value."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Notation:
    """How a source writes amounts as text: `1.234,56`, `1 234,56`, `12,34,567.89`, `R$ 1.234,56`.

    Args:
        grouping: one of `GROUPINGS`, or empty. It may be left out of a number, but where it stands it must separate
            thousands, or lakhs and crores; a number whose marks mean something else than the file says is refused.
        mark: of the decimals, "." or ",".
        symbol: may stand in front or behind, with or without a space.
    """

    def __init__(self, grouping: str = "", mark: str = ".", symbol: str = "") -> None:
        self.grouping, self.mark, self.symbol = grouping, mark, symbol

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        group = f"[{re.escape(_ALIKE.get(self.grouping, self.grouping))}]"
        whole = r"[0-9]{1,20}"
        if self.grouping:
            whole += (
                rf"|[0-9]{{1,3}}(?:{group}[0-9]{{3}}){{1,6}}|[0-9]{{1,2}}(?:{group}[0-9]{{2}}){{1,8}}{group}[0-9]{{3}}"
            )
        number = rf"(?P<whole>{whole})(?:{re.escape(self.mark)}(?P<rest>[0-9]{{1,20}}))?"
        if not self.symbol:
            return re.compile(rf"(?P<minus>-?){number}")
        symbol = re.escape(self.symbol)
        before = rf"(?:(?P<minus>-?){symbol}[{_SPACES}]?(?P<inner>-?)|(?P<bare>-?))"
        return re.compile(rf"{before}{number}(?:[{_SPACES}]?{symbol})?")

    def plain(self, value: str) -> str:
        """The same number with a point and nothing else. Raises Unusable."""
        found = self._pattern.fullmatch(value) if len(value) <= _LONGEST_AMOUNT else None
        if found is None:
            raise Unusable("wrong_type", f"not an amount as the file says that they are written ({self})")
        signs = sum(1 for name in ("minus", "inner", "bare") if found.groupdict().get(name))
        if signs > 1:
            raise Unusable("wrong_type", "an amount with two signs")
        whole = re.sub("[^0-9]", "", found["whole"])
        return "-" * signs + whole + (f".{found['rest']}" if found["rest"] else "")

    def __str__(self) -> str:
        said = [f'grouping = "{self.grouping}"'] if self.grouping else []
        said += [f'decimal = "{self.mark}"']
        return ", ".join(said + ([f'symbol = "{self.symbol}"'] if self.symbol else []))


class Exact(float):
    """A JSON number with the digits that were written, so that an amount loses none of them."""

    __slots__ = ("text",)

    def __new__(cls, text: str) -> Exact:
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str


def text(value: Any) -> str:
    """A text, or the digits of an integer: many systems number their payments."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | UUID) and not isinstance(value, bool):
        return str(value)
    raise Unusable("wrong_type", "not a text")


def integer(value: Any) -> int:
    if isinstance(value, bool):
        raise Unusable("wrong_type", "not an integer")
    if isinstance(value, int):
        return value
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    raise Unusable("wrong_type", "not an integer")


def number(value: Any) -> float:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return float(value)
    raise Unusable("wrong_type", "not a number")


def flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise Unusable("wrong_type", "neither true nor false")


def decimal(value: Any, scale: int | None = None, notation: Notation | None = None) -> Decimal:
    """The exact number.

    With a `scale`, the value is base64 or bytes of the unscaled big-endian integer, as Kafka Connect writes decimals.
    With a `notation`, texts are written in it; numbers are numbers.
    """
    if scale is not None:
        return _unscaled(value).scaleb(-scale)
    if notation is not None and isinstance(value, str):
        value = notation.plain(value)
    if isinstance(value, Exact):
        value = value.text
    if isinstance(value, bool):
        raise Unusable("wrong_type", "not a number")
    if isinstance(value, Decimal | int):
        found = Decimal(value)
    elif isinstance(value, float):
        found = Decimal(repr(value))
    elif isinstance(value, str):
        if _PLAIN.fullmatch(value) is None:
            raise Unusable("wrong_type", _NO_DECIMAL)
        found = Decimal(value)
    else:
        raise Unusable("wrong_type", "not a number")
    if not found.is_finite():
        raise Unusable("wrong_type", _NO_DECIMAL)
    if found.adjusted() > 30:
        raise Unusable("out_of_range", "too large")
    _, digits, exponent = found.as_tuple()
    if len(digits) > _MOST_DIGITS or (isinstance(exponent, int) and exponent < -_MOST_DIGITS):
        raise Unusable("out_of_range", f"more than {_MOST_DIGITS} digits")
    return found


def _unscaled(value: Any) -> Decimal:
    if isinstance(value, str):
        try:
            value = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise Unusable("wrong_type", "not base64") from None
    if not isinstance(value, bytes) or len(value) > 16:
        raise Unusable("wrong_type", "not the bytes of a decimal")
    return Decimal(int.from_bytes(value, "big", signed=True))


def minor_units(value: Decimal, given: int, exponent: int) -> int:
    """`value`, counted in units of 10^-`given` of the currency, in its ISO 4217 minor units of 10^-`exponent`.

    Major units are `given` = 0. An amount that has digits below the minor unit is refused, never rounded.
    """
    minor = value.scaleb(exponent - given, _EXACTLY)
    whole = minor.to_integral_value(context=_EXACTLY)
    if whole != minor:
        raise Unusable("out_of_range", f"not a whole number of minor units: its currency has {exponent} decimals")
    return int(whole)


def instant(value: Any, how: str, zone: tzinfo | None, record_ms: int) -> datetime:
    """The UTC time that `value` tells.

    Args:
        how: one of `TIME_FORMATS`, or a strptime pattern.
        zone: of times that carry no offset of their own.
        record_ms: the record's time, which stands in (`record`) and which names the year where the pattern has none.
    """
    try:
        if how == "record":
            return from_ms(record_ms)
        if how in _PER_SECOND and not isinstance(value, datetime):
            return from_ms(_milliseconds(value, _PER_SECOND[how]))
        if isinstance(value, datetime):  # Avro and others know times
            return _zoned(value, zone)
        value = text(value)
        if how == "rfc3339":
            return _zoned(datetime.fromisoformat(value), zone)
        if "%Y" in how or "%y" in how or "%c" in how:
            return _zoned(datetime.strptime(value, how), zone)  # noqa: DTZ007 - `_zoned` adds the zone
        return _nearest_year(value, how, zone, record_ms)
    except Unusable:
        raise
    except (ValueError, OverflowError):
        raise Unusable("bad_time", f"not a time of the form {how}") from None


def _milliseconds(value: Any, per_second: int) -> int:
    exact = decimal(value)
    milliseconds = exact * 1000 / per_second
    if not 0 <= milliseconds < Decimal(10) ** 14:
        raise Unusable("bad_time", "outside 1970 to 2200")
    return int(milliseconds)


def _zoned(found: datetime, zone: tzinfo | None) -> datetime:
    if found.tzinfo is None:
        if zone is None:
            raise Unusable("bad_time", "no offset, and the mapping names no zone")
        local, found = found, found.replace(tzinfo=zone)
        if found.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local:
            raise Unusable("bad_time", "a local time that did not exist: clocks were put forward over it")
    if found.year < EPOCH.year:
        raise Unusable("bad_time", "before 1970")
    return found.astimezone(UTC)


def _nearest_year(value: str, how: str, zone: tzinfo | None, record_ms: int) -> datetime:
    """ISO 8583 tells month and day only: the year is the one that brings the time nearest to the record's."""
    record = from_ms(record_ms)
    near: list[datetime] = []
    for year in (record.year - 1, record.year, record.year + 1):
        try:
            near.append(_zoned(datetime.strptime(f"{year} {value}", f"%Y {how}"), zone))  # noqa: DTZ007 - see above
        except Unusable:
            raise
        except ValueError:
            continue  # 29 February of another year
    if not near:
        raise Unusable("bad_time", f"not a time of the form {how}")
    return min(near, key=lambda each: abs(each - record))


def flaw_of(name: str, value: str) -> str:
    """What a text of the field `name` must not be although it is one, or an empty text."""
    if name == "ip":
        try:
            ip_address(value)
        except ValueError:
            return "not one IPv4 or IPv6 address"
    if name.endswith("_id") and not value.strip():
        return "holds nothing but spaces"
    held = _CONTROL if name.endswith("_id") else _CONTROL_BUT_LINES
    return "holds a control character" if held.search(value) else ""


def looks_like_card_number(value: str) -> bool:
    """Sixteen digits that add up: a card number where only a token may be (Luhn, ISO/IEC 7812-1 annex B)."""
    digits = value.replace(" ", "").replace("-", "")
    if not _PAN.fullmatch(digits):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


KINDS: Final[dict[str, Callable[[Any], Any]]] = {"text": text, "integer": integer, "number": number, "flag": flag}
