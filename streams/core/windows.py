"""How many and how much in the last minute, hour or month, exactly, in bounded memory?

Two containers, both immutable byte strings that are stored as they are (nothing is converted when a state is encoded or
decoded) and cost nothing while empty:

* `Times`, 4 bytes each: when something happened, in order. `mark` adds, `opened` shows them as numbers, `count` counts.
* `Ring`, 4 bytes for each time and 1, 2, 4 or 8 for each amount, as the largest one in it needs.

Times are milliseconds after the account's base, from 0 to `FARTHEST` (49.7 days): whoever owns them moves the base in
time, and what lies before it counts as at the base. A window (t - w, t] is two binary searches; a late event only
shifts what comes after it, and a question about an older time is answered as exactly as one about now.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Sequence
from struct import Struct, pack
from typing import TYPE_CHECKING, TypeAlias

import msgspec

if TYPE_CHECKING:
    Numbers: TypeAlias = memoryview[int] | bytes

if sys.byteorder != "little":  # pragma: no cover
    raise ImportError("states are stored little-endian and read without conversion: this machine cannot run PayWarden")

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
FARTHEST = 2**32 - 1

Times: TypeAlias = bytes

_TIME = Struct("<I")
_TIME_BYTES = 4
_FORMATS = {1: "B", 2: "H", 4: "I", 8: "Q"}


def opened(times: Times) -> memoryview[int]:
    """The times as numbers, the oldest first."""
    return memoryview(times).cast("I")


def mark(times: Times, at: int, cap: int, horizon: int | None = None) -> Times:
    """With `at`, without what is older than `horizon` before the newest, and then without the oldest above `cap`."""
    if not 0 <= at <= FARTHEST:
        at = max(0, min(at, FARTHEST))
    if not times:
        return _TIME.pack(at)
    index = _index(times, at)
    times = times[:index] + _TIME.pack(at) + times[index:]
    return times[_excess(times, cap, horizon) * _TIME_BYTES :]


def mark_with(
    times: Times, keys: bytes, at: int, key: bytes, cap: int, horizon: int | None = None
) -> tuple[Times, bytes]:
    """`mark` for times that carry a key each, all of the same length, in a string beside them."""
    at = max(0, min(at, FARTHEST))
    index, width = _index(times, at), len(key)
    beside = index // _TIME_BYTES * width
    times = times[:index] + _TIME.pack(at) + times[index:]
    keys = keys[:beside] + key + keys[beside:]
    excess = _excess(times, cap, horizon)
    return times[excess * _TIME_BYTES :], keys[excess * width :]


def _index(times: Times, at: int) -> int:
    """Where `at` belongs, in bytes: after its equals."""
    end = len(times)
    if not end or _TIME.unpack_from(times, end - _TIME_BYTES)[0] <= at:
        return end
    return bisect_right(opened(times), at) * _TIME_BYTES


def _excess(times: Times, cap: int, horizon: int | None) -> int:
    """How many of the oldest have to go."""
    end = len(times)
    excess = end // _TIME_BYTES - cap
    if horizon is not None:
        expired = _TIME.unpack_from(times, end - _TIME_BYTES)[0] - horizon
        if _TIME.unpack_from(times)[0] <= expired:
            excess = max(excess, bisect_right(opened(times), expired))
    return excess if excess > 0 else 0


def moved(times: Times, by: int) -> Times:
    """The same times relative to a base that is `by` later; those before it are at it."""
    if not times:
        return times
    return pack(f"<{len(times) // _TIME_BYTES}I", *[max(0, min(at - by, FARTHEST)) for at in opened(times)])


def count(times: memoryview[int], after: int, upto: int) -> int:
    """How many times lie in (after, upto]."""
    if not times or times[-1] <= after:
        return 0
    end = len(times) if times[-1] <= upto else bisect_right(times, upto)
    return end - bisect_right(times, after, 0, end)


def later(times: Times, keys: bytes, than: int) -> tuple[Times, bytes]:
    """The times after `than`, and the keys beside them."""
    first = _index(times, than)
    return times[first:], keys[first // _TIME_BYTES * (len(keys) * _TIME_BYTES // (len(times) or 1)) :]


def without(times: Times, keys: bytes, index: int) -> tuple[Times, bytes]:
    """All times and the keys beside them but the one at `index`."""
    width = len(keys) * _TIME_BYTES // len(times)
    at, beside = index * _TIME_BYTES, index * width
    return times[:at] + times[at + _TIME_BYTES :], keys[:beside] + keys[beside + width :]


def packed(numbers: Sequence[int]) -> bytes:
    """Numbers below 2**64, each in as many bytes (1, 2, 4 or 8) as the largest of them needs."""
    return _pack(numbers, _width(max(numbers)))


def unpacked(raw: bytes, number: int) -> Numbers:
    """The `number` numbers that `packed` was given."""
    width = len(raw) // number
    return raw if width == 1 else memoryview(raw).cast(_FORMATS[width])  # type: ignore[call-overload]


def one_more(raw: bytes, number: int, index: int) -> bytes:
    """The `number` packed numbers with one of them raised by one."""
    width = len(raw) // number
    at = index * width
    value = int.from_bytes(raw[at : at + width], "little") + 1
    if value >> 8 * width:
        numbers = [*unpacked(raw, number)]
        numbers[index] = value
        return packed(numbers)
    return raw[:at] + value.to_bytes(width, "little") + raw[at + width :]


def _width(largest: int) -> int:
    return 1 if largest < 1 << 8 else 2 if largest < 1 << 16 else 4 if largest < 1 << 32 else 8


def _pack(numbers: Sequence[int], width: int) -> bytes:
    return pack(f"<{len(numbers)}{_FORMATS[width]}", *numbers)


class Ring(msgspec.Struct, array_like=True, gc=False):
    """Amounts at times: at most `cap` of them (given with each `add`), the oldest fold away first.

    6 bytes per entry while all amounts are below 65,536 minor units, 8 below 2**32, else 12.
    """

    times: Times = b""
    packed: bytes = b""  # the amounts, beside the times
    total: int = 0  # of all of them, so that nobody has to add up the longest window
    lost: int | None = None  # time of the newest entry that had to go because of the cap

    @property
    def amounts(self) -> memoryview[int]:
        """The amounts as numbers, one for each time; ask only when there are any."""
        return unpacked(self.packed, len(self.times) // _TIME_BYTES)  # type: ignore[return-value]

    def add(self, at: int, amount: int, cap: int, horizon: int) -> None:
        """Insert in order of time, then of arrival; forget what is older than `horizon` or above `cap`."""
        if not 0 <= at <= FARTHEST:
            at = max(0, min(at, FARTHEST))
        number = len(self.times) // _TIME_BYTES
        width = len(self.packed) // number if number else _LEAST_WIDTH
        if amount >> 8 * width:
            width = _width(amount)
            self.packed = _pack(self.amounts, width) if number else b""
        index = _index(self.times, at)
        beside = index // _TIME_BYTES * width
        self.times = self.times[:index] + _TIME.pack(at) + self.times[index:]
        self.packed = self.packed[:beside] + amount.to_bytes(width, "little") + self.packed[beside:]
        self.total += amount
        excess = _excess(self.times, cap, horizon)
        if excess:
            self._forget(excess, width, horizon)

    def _forget(self, excess: int, width: int, horizon: int) -> None:
        times, amounts = opened(self.times), self.amounts
        if times[excess - 1] > times[-1] - horizon:
            self.lost = times[excess - 1]
        gone, kept = amounts[:excess], amounts[excess:]
        self.total -= sum(gone)
        self.times, self.packed = self.times[excess * _TIME_BYTES :], self.packed[excess * width :]
        if width > _LEAST_WIDTH and max(gone) >> 4 * width and not max(kept) >> 4 * width:
            self.packed = _pack(kept, max(_width(max(kept)), _LEAST_WIDTH))

    def total_in(self, after: int, upto: int) -> int:
        """Sum of the amounts in (after, upto]."""
        first, end = self._span(after, upto)
        return sum(self.amounts[first:end]) if end > first else 0

    def largest(self, after: int, upto: int) -> tuple[int, int]:
        """(amount, time) of the largest one in (after, upto], the latest of equals; (-1, 0) if there is none."""
        first, end = self._span(after, upto)
        if end <= first:
            return -1, 0
        return max(zip(self.amounts[first:end], opened(self.times)[first:end], strict=True))

    def _span(self, after: int, upto: int) -> tuple[int, int]:
        return _index(self.times, after) // _TIME_BYTES, _index(self.times, upto) // _TIME_BYTES

    def moved(self, by: int) -> None:
        """Make all times relative to a base that is `by` later; forget what lies before it."""
        gone = _index(self.times, by - 1) // _TIME_BYTES if by > 0 else 0
        if gone:
            width = len(self.packed) * _TIME_BYTES // len(self.times)
            self.total -= sum(self.amounts[:gone])
            self.times, self.packed = self.times[gone * _TIME_BYTES :], self.packed[gone * width :]
        self.times = moved(self.times, by)
        if self.lost is not None:
            self.lost -= by


_LEAST_WIDTH = 2  # of an amount in a ring: hardly anybody pays less than 2.56 only
