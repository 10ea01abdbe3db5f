"""Is a feed that stops one incident, is a quiet night none, and does it close by itself?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count

import pytest
from support.entities import START_MS, Entity, policy

from streams.contracts.base import Watermark, from_ms, to_ms
from streams.contracts.logins import LoginSucceeded
from streams.contracts.signals import FeedsTold, FeedTally
from streams.core.entities.feeds import GONE_MS, FeedTallies, ended_telling, heard
from streams.core.risk import feed_of

PAYMENTS, LEDGER, LOGINS = "payments.transactions", "ledger.entries", "auth.logins"
BUSY = {PAYMENTS: 20, LEDGER: 20, LOGINS: 8}
_sequence = count()


def telling(
    at_s: float, events: Mapping[str, int], partition: int = 0, behind_s: Mapping[str, float] | None = None
) -> FeedsTold:
    at_ms = START_MS + int(at_s * 1000)
    return FeedsTold(
        at_ms=at_ms,
        partition=partition,
        sequence=next(_sequence),
        feeds=tuple(
            FeedTally(feed=feed, newest_ms=at_ms - int((behind_s or {}).get(feed, 0) * 1000), events=number)
            for feed, number in events.items()
            if number
        ),
    )


def minutes(begin: int, end: int, events: Mapping[str, int], partitions: int = 4) -> Iterator[FeedsTold]:
    for half in range(begin * 2, end * 2):
        for partition in range(partitions):
            yield telling(half * 30.0 + partition, events, partition)


def silent(feed: str) -> dict[str, int]:
    return BUSY | {feed: 0}


@pytest.mark.parametrize("feed", [PAYMENTS, LEDGER, LOGINS])
def test_a_feed_that_stops_everywhere_is_one_incident_which_closes_when_it_is_level_again(feed: str):
    site = Entity(policy())
    assert site.play(minutes(0, 60, BUSY)) == []
    site.play(minutes(60, 180, silent(feed)))
    (opened,) = site.cases
    assert (opened.case_type, opened.owner, opened.queue) == ("incident.feed", "entity", "technical")
    assert opened.subject == f"feed/{feed}"
    assert 3570 + 600 <= (to_ms(opened.occurred_at) - START_MS) / 1000 <= 3600 + 660
    # A backlog of an hour and more is told in some minutes, and nothing more is said about that.
    for half in range(360, 366):
        site.play([telling(half * 30.0, BUSY | {feed: 900}, behind_s={feed: (366 - half) * 1200})])
    assert len(site.cases) == 1
    site.play(minutes(183, 190, BUSY))
    opened, closed = site.cases
    assert (closed.case_id, closed.version, closed.status) == (opened.case_id, 2, "closed")
    assert (closed.finding, closed.resolution_code) == ("outage", "caught_up")


def test_the_accounts_partitions_are_told_as_long_as_it_lasts_and_a_little_longer():
    site = Entity(policy())
    site.play(minutes(0, 60, BUSY))
    site.play(minutes(60, 120, silent(LEDGER)))
    site.play(minutes(120, 125, BUSY))
    assert {feed_of(risk.kind, risk.value) for risk in site.risks} == {LEDGER}
    covered_until = site.risks[0].effective_at
    for risk in site.risks:
        assert risk.effective_at <= covered_until, "a hole between two tellings"
        covered_until = risk.expires_at
    assert to_ms(covered_until) >= START_MS + 121 * 60_000
    assert len(site.risks) < 15
    assert [risk.version for risk in site.risks] == sorted({risk.version for risk in site.risks})


def test_in_a_replay_in_steps_no_hole_is_left_between_two_steps():
    site = Entity(policy(), barrier_s=1_800)
    site.play(minutes(0, 60, BUSY))
    site.play(minutes(60, 240, silent(LEDGER)))
    covered_until = site.risks[0].effective_at
    for risk in site.risks:
        assert risk.effective_at <= covered_until
        covered_until = risk.expires_at


def test_a_feed_that_comes_but_falls_behind_is_an_incident_too():
    site = Entity(policy())
    site.play(minutes(0, 60, BUSY))
    for half in range(120, 240):
        site.play([telling(half * 30.0, BUSY, behind_s={LEDGER: (half - 120) * 25.0})])
    (case,) = site.cases
    assert case.subject == f"feed/{LEDGER}"


def test_a_night_in_which_everything_is_quiet_is_no_stall():
    site = Entity(policy())
    site.play(minutes(0, 240, BUSY))
    for hour in range(4, 10):  # one login an hour, a payment every two, which the ledger follows
        site.play([telling(hour * 3600.0, {LOGINS: 1, PAYMENTS: hour % 2})])
    site.play([telling(10 * 3600.0, {LEDGER: 1})])
    assert site.cases == []


@pytest.mark.parametrize("first", [PAYMENTS, LEDGER, LOGINS])
def test_who_wakes_first_in_the_morning_accuses_nobody(first: str):
    site = Entity(policy())
    site.play(minutes(0, 60, BUSY))
    morning = 18 * 60
    site.play([telling(morning * 60.0, {first: 2_000})])
    site.play(minutes(morning + 1, morning + 60, BUSY))
    assert site.cases == []


def test_a_feed_that_does_not_wake_with_the_others_has_stopped_ten_minutes_later():
    site = Entity(policy())
    site.play(minutes(0, 60, BUSY))
    morning = 18 * 60
    site.play(minutes(morning, morning + 60, silent(LEDGER)))
    (case,) = site.cases
    assert morning * 60 + 500 <= (to_ms(case.occurred_at) - START_MS) / 1000 <= morning * 60 + 660


def test_a_ledger_that_posts_in_batches_by_the_hour_is_no_stall():
    site = Entity(policy())
    for hour in range(30):
        site.play(minutes(hour * 60, hour * 60 + 59, {PAYMENTS: 20, LOGINS: 8}, partitions=1))
        site.play([telling(hour * 3600.0 + 3570, {LEDGER: 4000, PAYMENTS: 20})])
    assert site.cases == []


def test_a_feed_whose_habits_are_unknown_and_one_that_never_came_are_not_judged():
    site = Entity(policy())
    site.play(minutes(0, 5, BUSY, partitions=1))
    site.play(minutes(5, 300, {LOGINS: 8}))
    assert site.cases == []


def test_what_an_incident_looks_like_is_no_habit():
    site = Entity(policy())
    site.play(minutes(0, 60, BUSY))
    for hour in (1, 4, 7):
        site.play(minutes(hour * 60, hour * 60 + 120, silent(LEDGER)))
        site.play(minutes(hour * 60 + 120, hour * 60 + 180, BUSY))
    assert [case.version for case in site.cases] == [1, 2, 1, 2, 1, 2]
    assert len({case.case_id for case in site.cases}) == 3


def test_a_feed_that_is_gone_for_a_week_is_not_waited_for():
    site = Entity(policy())
    site.play(minutes(0, 60, BUSY))
    site.play(minutes(60, 75, silent(LOGINS)))
    week_s = GONE_MS / 1000 + 7_200
    site.play([telling(week_s, silent(LOGINS)), telling(week_s + 60, silent(LOGINS))])
    assert [(case.status, case.resolution_code) for case in site.cases] == [("classified", None), ("closed", "gone")]
    assert site.play(minutes(20_000, 20_100, silent(LOGINS))) == []


def test_switched_off_it_says_nothing():
    site = Entity(policy("[entities.feeds]\nenabled = false"))
    site.play(minutes(0, 60, BUSY))
    site.play(minutes(60, 120, silent(LEDGER)))
    assert site.effects == []


def test_a_partition_tells_what_it_heard_and_begins_again():
    feeds = policy().entities.feeds
    envelope = {"source": "test", "account_id": "account"}
    tallies = FeedTallies()
    for second in (1, 4, 2):
        at = from_ms(START_MS + second * 1000)
        event = LoginSucceeded(**envelope, event_id=f"e{second}", occurred_at=at, ip="203.0.113.7")
        heard(tallies, event, to_ms(at), START_MS + 4_000, feeds)
    watermark = Watermark(**envelope, event_id="w", occurred_at=from_ms(START_MS + 9_000))
    heard(tallies, watermark, START_MS + 9_000, START_MS + 9_000, feeds)
    assert ended_telling(tallies, START_MS + 29_999, 2, count(7).__next__, feeds) is None
    told = ended_telling(tallies, START_MS + 30_000, 2, count(7).__next__, feeds)
    assert told == FeedsTold(
        at_ms=START_MS + 29_999,
        partition=2,
        sequence=7,
        feeds=(FeedTally(feed=LOGINS, newest_ms=START_MS + 4_000, events=3),),
    )
    assert ended_telling(tallies, START_MS + 90_000, 2, count(8).__next__, feeds) is None
