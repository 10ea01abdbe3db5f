"""Is live card precision the handbook's, from bands of scores and labels that come one by one and late?"""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.training.measures import card_precision
from streams.core.learning import BANDS_FROM
from streams.core.obligations import DAY_MS
from streams.core.ranking import MATURE_DAYS, Judged, Ranking, judge, proved, room_of, scored

ACCOUNTS, DAYS = 12, 6
FIRST = 20_000  # day since 1970


@st.composite
def weeks(draw: st.DrawFn) -> tuple[list[list[int]], list[list[bool]]]:
    """For each day a band per account, no two alike, and who is compromised."""
    bands = [draw(st.permutations(range(1, len(BANDS_FROM) + 1)))[:ACCOUNTS] for _ in range(DAYS)]
    bad = st.lists(st.booleans(), min_size=ACCOUNTS, max_size=ACCOUNTS)
    return bands, [draw(bad) for _ in range(DAYS)]


@given(weeks(), st.integers(1, ACCOUNTS))
def test_it_is_the_handbooks_where_no_two_scores_tie(week: tuple[list[list[int]], list[list[bool]]], room: int) -> None:
    bands, bad = week
    ranking, mine = Ranking(), [[] for _ in range(ACCOUNTS)]
    for day in range(DAYS):
        for account in range(ACCOUNTS):
            at_ms = (FIRST + day) * DAY_MS + account
            for band in (1, bands[day][account], 1):  # only the highest score of the day counts
                mine[account] = scored(ranking, mine[account], band, at_ms)
    for day in range(DAYS):
        for account in range(ACCOUNTS):
            for _ in range(2 * bad[day][account]):  # two frauds on one day are one compromised account
                mine[account] = proved(ranking, mine[account], (FIRST + day) * DAY_MS + account, room)
    assert judge(ranking, (FIRST + MATURE_DAYS) * DAY_MS - 1, room) == []
    found = [day for ends in range(DAYS) for day in judge(ranking, (FIRST + MATURE_DAYS + ends) * DAY_MS, room)]
    wanted = card_precision(
        np.tile(np.arange(ACCOUNTS), DAYS),
        np.repeat(np.arange(DAYS), ACCOUNTS),
        np.array(bad).ravel().astype(int),
        np.array(bands).ravel().astype(float),
        room,
    )
    assert sum(day.hits for day in found) == pytest.approx(wanted * room * DAYS)
    assert all(day.hits <= day.looked_at <= room for day in found)
    assert ranking.days == []


def test_what_ties_at_the_cut_counts_in_part() -> None:
    ranking = Ranking()
    mine = [scored(ranking, [], 20, FIRST * DAY_MS + account) for account in range(8)]
    for account in range(4):
        proved(ranking, mine[account], FIRST * DAY_MS, 4)
    assert judge(ranking, (FIRST + MATURE_DAYS) * DAY_MS, 4) == [Judged(looked_at=4, hits=2)]


def test_what_comes_after_its_day_was_judged_changes_nothing() -> None:
    ranking = Ranking()
    mine = scored(ranking, [], 20, FIRST * DAY_MS)
    judge(ranking, (FIRST + MATURE_DAYS) * DAY_MS, 4)
    before = msgspec.msgpack.encode(ranking)
    assert scored(ranking, mine, 25, FIRST * DAY_MS) == mine
    assert proved(ranking, mine, FIRST * DAY_MS, 4) == mine
    assert msgspec.msgpack.encode(ranking) == before


def test_an_account_remembers_no_more_days_than_are_open() -> None:
    ranking, mine = Ranking(), []
    for day in range(100):
        judge(ranking, (FIRST + day) * DAY_MS, 4)
        mine = scored(ranking, mine, 20, (FIRST + day) * DAY_MS)
    assert len(mine) <= MATURE_DAYS
    assert len(ranking.days) <= MATURE_DAYS


@pytest.mark.parametrize(("partitions", "room"), [(1, 100), (4, 25), (12, 8), (1_000, 1)])
def test_a_partition_has_its_share_of_the_capacity(partitions: int, room: int) -> None:
    assert room_of(100, partitions) == room
