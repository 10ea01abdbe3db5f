"""How many and how much in the last minute, hour or month, exactly, in bounded memory?

Times are kept in order and totals are running, so any window (t - w, t] is two binary searches and one subtraction:
nothing is ever added up again, a late event only shifts what comes after it, and a question about an older time is
answered as exactly as one about now. Times are milliseconds after the account's base: stored in 5 bytes instead of 9.
"""

from __future__ import annotations

from bisect import bisect_right, insort_right

import msgspec

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
# Totals restart from the oldest entry when they pass this, so that they stay 5 bytes when stored.
_TOTALS_RESTART = 2**31


class Ring(msgspec.Struct, array_like=True, gc=False):
    """Amounts at times: at most `cap` of them (given with each `add`), the oldest fold away first."""

    times: list[int] = msgspec.field(default_factory=list)
    totals: list[int] = msgspec.field(default_factory=list)  # running totals up to and including each entry
    before: int = 0  # running total before the first entry
    lost: int | None = None  # time of the newest entry that had to go because of the cap

    def add(self, at: int, amount: int, cap: int, horizon: int) -> None:
        """Insert in order of time, then of arrival; forget what is older than `horizon` or above `cap`."""
        times, totals = self.times, self.totals
        if not times:
            times.append(at)
            totals.append(self.before + amount)
            return
        if at >= times[-1]:
            times.append(at)
            totals.append(totals[-1] + amount)
        else:
            index = bisect_right(times, at)
            times.insert(index, at)
            totals.insert(index, totals[index - 1] if index else self.before)
            for later in range(index, len(totals)):
                totals[later] += amount
        excess = 0
        if times[0] <= times[-1] - horizon:
            excess = bisect_right(times, times[-1] - horizon)
        if len(times) - excess > cap:
            excess = len(times) - cap
            self.lost = times[excess - 1]
        if excess:
            self.before = totals[excess - 1]
            del times[:excess], totals[:excess]
            if self.before > _TOTALS_RESTART:
                self.totals = [total - self.before for total in totals]
                self.before = 0

    def upto(self, at: int) -> int:
        """How many entries are not later than `at`."""
        times = self.times
        return bisect_right(times, at) if times and times[-1] > at else len(times)

    def total(self, first: int, end: int) -> int:
        """Sum of the entries with index first .. end - 1."""
        if end <= first:
            return 0
        return self.totals[end - 1] - (self.totals[first - 1] if first else self.before)

    def amount(self, index: int) -> int:
        """Amount of one entry."""
        return self.totals[index] - (self.totals[index - 1] if index else self.before)

    def largest(self, first: int, end: int) -> tuple[int, int]:
        """(amount, time) of the largest entry with index first .. end - 1, the latest of equals; (-1, 0) if none."""
        best, at = -1, 0
        for index in range(first, end):
            amount = self.amount(index)
            if amount >= best:
                best, at = amount, self.times[index]
        return best, at

    def moved(self, by: int) -> None:
        """Make all times relative to a base that is `by` later."""
        self.times = [at - by for at in self.times]
        if self.lost is not None:
            self.lost -= by


def mark(times: list[int], at: int, cap: int, horizon: int | None = None) -> None:
    """Insert a time in order; forget what is older than `horizon` before the newest, then the oldest above `cap`."""
    if not times or at >= times[-1]:
        times.append(at)
    else:
        insort_right(times, at)
    if horizon is not None and times[0] <= times[-1] - horizon:
        del times[: bisect_right(times, times[-1] - horizon)]
    if len(times) > cap:
        del times[: len(times) - cap]


def mark_with(times: list[int], keys: list[int], at: int, key: int, cap: int, horizon: int | None = None) -> None:
    """`mark` for times that carry a key each, in a list beside them."""
    index = len(times) if not times or at >= times[-1] else bisect_right(times, at)
    times.insert(index, at)
    keys.insert(index, key)
    excess = 0
    if horizon is not None and times[0] <= times[-1] - horizon:
        excess = bisect_right(times, times[-1] - horizon)
    excess = max(excess, len(times) - cap)
    if excess:
        del times[:excess], keys[:excess]


def count(times: list[int], after: int, upto: int) -> int:
    """How many times lie in (after, upto]."""
    if not times or times[-1] <= after:
        return 0
    end = len(times) if times[-1] <= upto else bisect_right(times, upto)
    return end - bisect_right(times, after, 0, end)
