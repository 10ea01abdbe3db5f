"""Is a silent feed waited for patiently, without following the clock in small steps through the silence?"""

from __future__ import annotations

from itertools import pairwise

from support.play import policy

from streams.core.money.completeness import IDLE, later_ms
from streams.core.obligations import Obligations
from streams.core.steps import DecideContext
from streams.core.turn import turn_of

NEEDS = ("payments.transactions", "ledger.entries")
OWED_MS = 1_780_000_000_000
MINUTE, DAY = 60_000, 86_400_000


def looks(feeds: dict[str, int], clock_ms: int) -> list[int]:
    """When a debit that was owed at OWED_MS is looked at while the clock moves to `clock_ms`, and next."""
    at_ms, found = OWED_MS, []
    while at_ms <= clock_ms:
        found.append(at_ms)
        ctx = DecideContext("a", 0, 1, clock_ms, at_ms, feeds)
        at_ms = later_ms(turn_of(Obligations(), policy(""), ctx, at_ms, "timer"), OWED_MS, NEEDS)
        assert at_ms, "complete"
    return [*found, at_ms]


def test_a_feed_that_got_past_it_is_not_waited_for() -> None:
    feeds = dict.fromkeys(NEEDS, OWED_MS)
    turn = turn_of(Obligations(), policy(""), DecideContext("a", 0, 1, OWED_MS, OWED_MS, feeds), OWED_MS, "timer")
    assert later_ms(turn, OWED_MS, NEEDS) == 0


def test_everything_read_to_its_end_is_complete() -> None:
    ctx = DecideContext("a", 0, 1, OWED_MS, OWED_MS, {IDLE: OWED_MS})
    assert later_ms(turn_of(Obligations(), policy(""), ctx, OWED_MS, "timer"), OWED_MS, NEEDS) == 0


def test_a_feed_behind_is_asked_after_ever_more_rarely_but_six_times_an_hour() -> None:
    at_ms, found = OWED_MS, []
    while at_ms < OWED_MS + DAY:  # the other feed goes on, a second at a time
        ctx = DecideContext("a", 0, 1, at_ms, at_ms, {"payments.transactions": at_ms})
        found.append(at_ms)
        at_ms = later_ms(turn_of(Obligations(), policy(""), ctx, at_ms, "timer"), OWED_MS, NEEDS)
    gaps = [later - earlier for earlier, later in pairwise(found)]
    assert gaps == sorted(gaps)
    assert (gaps[0], gaps[-1]) == (1_000, 10 * MINUTE)


def test_a_clock_that_jumps_over_a_silent_season_is_followed_in_a_few_steps() -> None:
    jumped_ms = OWED_MS + 120 * DAY
    found = looks({"payments.transactions": jumped_ms}, jumped_ms)
    assert len(found) == 2
    assert jumped_ms < found[-1] <= jumped_ms + 10 * MINUTE
