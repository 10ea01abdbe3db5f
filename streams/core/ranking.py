"""Of the accounts that the scores put first each day, as many as people can look at: how many were compromised?

Card precision at k, prequential (Dal Pozzolo et al., Credit Card Fraud Detection: A Realistic Modeling and a Novel
Learning Strategy, 2018): accounts rank by their highest score of the day. One whose fraud is known does not rank, and
one that was found leaves the days after. Labels are late, so a day is judged when they had time to arrive. Scores count
by their bands (`streams.core.learning`): a day of a partition is 50 numbers, however many accounts there are.
"""

from __future__ import annotations

from typing import Final

import msgspec

from streams.core.learning import BANDS_FROM
from streams.core.obligations import DAY_MS

# A day is judged when the one seven days later has ended: the delay of labels that training reckons with.
MATURE_DAYS: Final = 8
_BANDS: Final = len(BANDS_FROM)


class Day(msgspec.Struct, array_like=True, gc=False):
    """One day of a partition; index 0 is the band of the smallest scores."""

    day: int  # since 1970, UTC
    ranked: list[int]  # accounts by the band of their highest score
    compromised: list[int]  # those of them with a proved fraud on that day

    def leaves(self, band: int, bad: int) -> None:
        """One account less in a band. Not below 0: accounts that moved here with more partitions never ranked here."""
        self.ranked[band - 1] = max(self.ranked[band - 1] - 1, 0)
        self.compromised[band - 1] = max(self.compromised[band - 1] - bad, 0)

    def looked_at(self, band: int, room: int) -> float:
        """Share of the accounts of a band for which there is room behind those of the bands above."""
        left = room - sum(self.ranked[band:])
        own = self.ranked[band - 1]
        return min(max(left / own, 0.0), 1.0) if own else 0.0


class Ranking(msgspec.Struct, array_like=True, gc=False):
    """The days of a partition that are not judged yet, oldest first."""

    days: list[Day] = msgspec.field(default_factory=list)
    judged: int = 0  # newest day that was

    def of(self, day: int) -> Day | None:
        """What is known of a day."""
        for known in self.days:
            if known.day == day:
                return known
        return None


class Judged(msgspec.Struct, frozen=True, gc=False):
    """What came of one day: accounts that people would have looked at, and how many of them were compromised."""

    looked_at: int
    hits: int


def room_of(capacity: int, partitions: int) -> int:
    """The share of one partition in what people can look at per day: accounts are spread evenly over partitions."""
    return max(1, round(capacity / partitions))


def scored(ranking: Ranking, mine: list[int], band: int, at_ms: int) -> list[int]:
    """The account's days, `mine` and one more score: each is day * 64 + band * 2 + whether it was compromised."""
    day = at_ms // DAY_MS
    if day <= ranking.judged:
        return mine  # too late to rank
    known = ranking.of(day)
    if known is None:
        known = Day(day, [0] * _BANDS, [0] * _BANDS)
        ranking.days = sorted([*ranking.days, known], key=lambda each: each.day)
    kept = [entry for entry in mine if entry >> 6 > ranking.judged and entry >> 6 != day]
    before = next((entry for entry in mine if entry >> 6 == day), None)
    bad = 0
    if before is not None:
        was, bad = before >> 1 & 31, before & 1
        if was >= band:
            return mine
        known.leaves(was, bad)
    known.ranked[band - 1] += 1
    known.compromised[band - 1] += bad
    return [*kept, day << 6 | band << 1 | bad]


def proved(ranking: Ranking, mine: list[int], fraud_ms: int, room: int) -> list[int]:
    """The account's days once a fraud of `fraud_ms` is known; found on that day, it leaves the days after."""
    day = fraud_ms // DAY_MS
    known = ranking.of(day)
    at = next((index for index, entry in enumerate(mine) if entry >> 6 == day), None)
    if known is None or at is None or mine[at] & 1:
        return mine
    band = mine[at] >> 1 & 31
    known.compromised[band - 1] += 1
    days = [*mine[:at], mine[at] | 1, *mine[at + 1 :]]
    if known.looked_at(band, room) < 0.5:
        return days
    for entry in days:
        later = ranking.of(entry >> 6)
        if later is not None and later.day > day:
            later.leaves(entry >> 1 & 31, entry & 1)
    return [entry for entry in days if entry >> 6 <= day]


def judge(ranking: Ranking, clock_ms: int, room: int) -> list[Judged]:
    """What came of the days whose labels had time to arrive, oldest first; they are forgotten."""
    due = clock_ms // DAY_MS - MATURE_DAYS
    if not ranking.days or ranking.days[0].day > due:
        return []
    ended = [day for day in ranking.days if day.day <= due]
    ranking.days = ranking.days[len(ended) :]
    ranking.judged = ended[-1].day
    return [
        Judged(
            min(sum(day.ranked), room),
            round(sum(bad * day.looked_at(band, room) for band, bad in enumerate(day.compromised, 1))),
        )
        for day in ended
    ]
