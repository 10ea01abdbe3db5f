"""What does a field of unknown records hold, judged by its values: a time, an amount, an address, an id, a status?

Names lie and are in any language; values over many records seldom do. Nothing here repeats a value that belongs to a
customer: an example shows letters as `a` and digits as `9`, unless many records share the word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC
from decimal import Decimal
from functools import cached_property
from statistics import median
from typing import Any, Final

from streams.contracts.base import from_ms
from streams.core.addresses import is_address
from streams.core.currencies import WITH_MINOR_UNIT
from streams.ingest.paths import ANY, Chain, leaves
from streams.ingest.values import Exact, Notation, Unusable, instant

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_PLAIN: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,8})?")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_SYMBOL: Final = re.compile(r"-?([^0-9\s.,'’_-]{1,5})[  ]?-?[0-9]|[0-9][  ]?([^0-9\s.,'’_-]{1,5})$")
_AGENT: Final = re.compile(r"Mozilla/|okhttp/|Dalvik/|CFNetwork|[A-Za-z]+/[0-9][0-9.]* \(")
_SHARED: Final = re.compile(r"[^\W\d]\w{0,30}([ ._:-]\w{1,20}){0,3}")
_UNIX: Final = {10: "unix_s", 13: "unix_ms", 16: "unix_us", 19: "unix_ns"}
# The first of those that read every value; day before month, because only the United States write it otherwise, and
# both are offered where no value tells them apart.
_LAYOUTS: Final = (
    "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f", "%Y%m%d%H%M%S",
    "%Y%m%d%H%M%S%f", "%Y%m%dT%H%M%S", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M",
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%Y/%m/%d %H:%M:%S",
    "%Y-%m-%d %H:%M", "%d/%m/%y %H:%M:%S", "%d/%m/%y %H:%M", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y-%m-%d", "%Y%m%d",
)  # fmt: skip
_OTHER_ORDER: Final = {each: each.replace("%d/%m", "%m/%d") for each in _LAYOUTS if each.startswith("%d/%m/%Y")}
_NOTATIONS: Final = ((",", "."), (".", ","), (" ", ","), (" ", "."), ("'", "."), ("", ","))
_LETTERS: Final = frozenset(("Rp", "RM", "kr", "zł", "Kč", "Ft", "Rs", "Fr", "лв", "lei"))  # written beside amounts
_MOST_WORDS: Final = 20  # a status has few values, and many records share each


class TimeShape:
    """How a field tells times, and how far they lie from those of their records."""

    def __init__(self, how: str, other: str, away_s: float) -> None:
        self.how = how
        self.other = other  # the layout that would read the values too
        self.away_s = away_s  # median of record time minus told time, read as UTC

    @property
    def local(self) -> bool:
        return self.how.startswith("%")

    @property
    def near(self) -> bool:
        """Within a day and a half of its record, as the time of what the record tells of is; births are not."""
        return abs(self.away_s) < 1.5 * 86_400


class Seen:
    """What one field of the sample holds."""

    def __init__(self, chain: Chain, values: list[Any], records: int, times_ms: Sequence[int] = ()) -> None:
        self.chain = chain
        self.values = values
        self.records = records  # in the whole sample
        self._times_ms = times_ms  # of the records that hold the values

    # -- its name ----------------------------------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """As JMESPath; of a list the first element."""
        text = ""
        for name in self.chain:
            if name == ANY:
                text += "[0]"
            else:
                text += ("." if text else "") + (name if _IDENTIFIER.fullmatch(name) else quoted_name(name))
        return text

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of its last two names: `customerId` below `payer` is payer, customer, id."""
        return frozenset(word for name in [each for each in self.chain if each != ANY][-2:] for word in _words(name))

    @cached_property
    def last(self) -> frozenset[str]:
        return frozenset(_words(next((name for name in reversed(self.chain) if name != ANY), "")))

    def named(self, stems: Iterable[str], *, last: bool = False) -> bool:
        """Does a word of its name equal one of the stems, or hold one of at least four letters?"""
        words = self.last if last else self.words
        return any(stem == word or (len(stem) >= 4 and stem in word) for stem in stems for word in words)

    # -- its values --------------------------------------------------------------------------------------------------

    @property
    def always(self) -> bool:
        return len(self.values) >= self.records

    @cached_property
    def distinct(self) -> int:
        return len({str(value) for value in self.values})

    @property
    def unique(self) -> bool:
        return self.distinct == len(self.values)

    @property
    def few(self) -> bool:
        """So few distinct values that it names a kind or a state, and nobody: no id, unless the sample is too small."""
        count = len(self.values)
        return count >= 4 and (self.distinct <= 3 or (self.distinct <= _MOST_WORDS and self.distinct * 20 <= count))

    @cached_property
    def texts(self) -> bool:
        """Texts or integers, as ids are."""
        return all(isinstance(value, str | int) and not isinstance(value, bool) for value in self.values)

    @property
    def digits(self) -> bool:
        """Nothing but digits: whatever else it looks like, it may be a number of something."""
        return all(str(value).isdigit() for value in self.values)

    @cached_property
    def idlike(self) -> bool:
        """Could name somebody or something: one short word in each record, many of them, and nothing else by shape."""
        return (
            self.texts
            and not self.few
            and all(0 < len(str(value)) <= 128 and not re.search(r"\s|@", str(value)) for value in self.values)
            and (self.time is None or (self.digits and not self.time.near))
            and not self.address
            and not self.agent
            and not any("." in str(value) and _PLAIN.fullmatch(str(value)) for value in self.values)
            and self.notation is None
        )

    @cached_property
    def time(self) -> TimeShape | None:
        """How every value is a time, if it is."""
        if not self.values:
            return None
        if all(hasattr(value, "isoformat") for value in self.values):
            return self._judged("rfc3339")
        if not self.texts:
            return None
        written = [str(value) for value in self.values]
        if all(each.isdigit() and each.isascii() for each in written):
            lengths = {len(each) for each in written}
            how = _UNIX.get(lengths.pop()) if len(lengths) == 1 else None
            if how is not None and (shape := self._judged(how)) is not None and self._earliest(how) >= 2000:
                return shape
            return next((each for how in ("%Y%m%d%H%M%S", "%Y%m%d") if (each := self._judged(how))), None)
        if all(re.search(r"(Z|[+-][0-9]{2}:?[0-9]{2})$", each) for each in written):
            return self._judged("rfc3339")
        return next((each for how in _LAYOUTS if (each := self._judged(how)) is not None), None)

    def _judged(self, how: str) -> TimeShape | None:
        try:
            found = [instant(value, how, UTC, 0) for value in self.values]
        except Unusable:
            return None
        if not all(1990 <= each.year <= 2100 for each in found):
            return None
        away = [(from_ms(at) - each).total_seconds() for at, each in zip(self._times_ms, found, strict=False)]
        shape = TimeShape(how, "", median(away) if away else 0.0)
        swapped = self._judged(_OTHER_ORDER[how]) if how in _OTHER_ORDER else None
        if swapped is None:
            return shape
        if abs(swapped.away_s) < abs(shape.away_s):  # the records' own times tell which it is
            return TimeShape(swapped.how, how, swapped.away_s)
        return TimeShape(how, swapped.how, shape.away_s)

    def _earliest(self, how: str) -> int:
        return min(instant(value, how, UTC, 0).year for value in self.values)

    @cached_property
    def notation(self) -> Notation | None:
        """How every value is an amount with separators or a symbol; None where it is a plain number or none."""
        if not self.values or not all(isinstance(value, str) for value in self.values) or self.plain_numbers:
            return None
        symbols = {found[1] or found[2] if (found := _SYMBOL.search(value)) else "" for value in self.values}
        if len(symbols) > 1:
            return None
        symbol = symbols.pop()
        if symbol and not _is_symbol(symbol):
            return None
        for grouping, mark in _NOTATIONS:
            notation = Notation(grouping, mark, symbol)
            try:
                plain = [notation.plain(value) for value in self.values]
            except Unusable:
                continue
            if symbol or any("." in each for each in plain):
                return notation
        return None

    @cached_property
    def plain_numbers(self) -> bool:
        return bool(self.values) and all(_is_number(value) for value in self.values)

    @property
    def decimals(self) -> bool:
        """Some value has decimals, in whatever notation."""
        return self.notation is not None or any("." in str(value) for value in self.values if _is_number(value))

    @cached_property
    def currency(self) -> bool:
        """ISO 4217 codes in every value."""
        return bool(self.values) and all(
            isinstance(value, str) and value.upper() in WITH_MINOR_UNIT for value in self.values
        )

    @cached_property
    def country(self) -> bool:
        return bool(self.values) and all(isinstance(each, str) and _COUNTRY.fullmatch(each) for each in self.values)

    @cached_property
    def address(self) -> bool:
        """IP addresses in every value."""
        return bool(self.values) and all(isinstance(value, str) and is_address(value) for value in self.values)

    @cached_property
    def agent(self) -> bool:
        """What browsers and apps call themselves, in nearly every value."""
        hits = sum(isinstance(value, str) and _AGENT.search(value) is not None for value in self.values)
        return hits * 10 >= 9 * len(self.values) > 0

    @property
    def status(self) -> bool:
        """Few words that records share, in each of them."""
        return (
            self.always
            and self.distinct <= _MOST_WORDS
            and all(
                isinstance(value, str | bool | int) and not isinstance(value, float) and len(str(value)) <= 64
                for value in self.values
            )
            and self.time is None
            and (self.records < 4 or self.distinct * 2 <= self.records)
        )

    # -- in words ----------------------------------------------------------------------------------------------------

    @property
    def spread(self) -> str:
        """How its values repeat: `40 values in 300 records`."""
        held = f"{len(self.values)} of {self.records} records" if not self.always else f"{self.records} records"
        if self.distinct == 1:
            return f"the same in {held}"
        return f"different in each of {held}" if self.unique else f"{self.distinct} values in {held}"

    @property
    def shape(self) -> str:
        """What kind of values, for somebody who has to choose."""
        if self.time is not None:
            return f"times ({self.time.how})"
        kinds = (
            (self.address, "IP addresses"),
            (self.agent, "user agents"),
            (self.notation is not None, "amounts with separators"),
            (self.plain_numbers and self.decimals, "numbers with decimals"),
            (self.plain_numbers, "whole numbers"),
            (self.currency, "ISO 4217 codes"),
            (all(isinstance(value, bool) for value in self.values), "true or false"),
            (all(isinstance(value, str) for value in self.values), "texts"),
        )
        return next((kind for holds, kind in kinds if holds), "values of several kinds")

    @property
    def example(self) -> str:
        """One value: verbatim if many records share it and it is a word, else only its form."""
        value = word_of(self.values[0])
        if self.few and _SHARED.fullmatch(value):
            return value
        return "".join(_form(each) for each in value[:40]) + ("…" if len(value) > 40 else "")

    @property
    def described(self) -> str:
        return f"{self.path}: {self.shape}, {self.spread}, like {self.example}"


def look(documents: Iterable[Any], times_ms: Sequence[int] = ()) -> list[Seen]:
    """Every field of the documents with its values, those near the top first. `times_ms` are the records' own."""
    found: dict[Chain, list[Any]] = {}
    places: dict[Chain, list[int]] = {}
    count = 0
    for number, document in enumerate(documents):
        count += 1
        for chain in leaves(document):
            value = _at(document, chain)
            if value is not None and value != "" and not isinstance(value, dict | list | tuple):
                found.setdefault(chain, []).append(value)
                if number < len(times_ms):
                    places.setdefault(chain, []).append(times_ms[number])
    return [
        Seen(chain, values, count, places.get(chain, ()))
        for chain, values in sorted(found.items(), key=lambda item: (len(item[0]), item[0]))
    ]


def word_of(value: Any) -> str:
    """As a row of a table writes it."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def without_accents(text: str) -> str:
    """`situação` is situacao."""
    return "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))


def quoted_name(name: str) -> str:
    """A name as a quoted identifier of JMESPath, which quotes as JSON does."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in escaped) + '"'


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(without_accents(name))]


def _at(document: Any, chain: Chain) -> Any:
    for name in chain:
        if name == ANY:
            document = document[0] if isinstance(document, list | tuple) and document else None
        else:
            document = document.get(name) if isinstance(document, dict) else None
    return document


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, Exact):
        return _PLAIN.fullmatch(value.text) is not None
    if isinstance(value, str):
        return _PLAIN.fullmatch(value) is not None
    return isinstance(value, int | float | Decimal)


def _is_symbol(text: str) -> bool:
    return any(unicodedata.category(each) == "Sc" for each in text) or text in WITH_MINOR_UNIT | _LETTERS


def _form(letter: str) -> str:
    if letter.isdigit():
        return "9"
    if letter.isalpha():
        return "A" if letter.isupper() else "a"
    return letter if letter.isprintable() else "?"
