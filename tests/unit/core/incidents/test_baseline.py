"""Does the normal follow the hours of the week, borrow from the parent, and refuse to be dragged away?"""

from __future__ import annotations

import pytest
from support.entities import START_MS

from streams.core.incidents.baseline import HOUR_MS, Learnt, begin_hour, learn

FIRST = START_MS // HOUR_MS  # a Monday, 00:00


def hours(learnt: Learnt, begin: int, number: int, trials: int, failed: dict[int, float], usual: float = 0.02) -> None:
    """`number` hours with `trials` each; `failed` is the share at some hours of the day."""
    for hour in range(begin, begin + number):
        learnt.hour_trials = trials
        learnt.hour_failures = round(trials * failed.get(hour % 24, usual))
        learn(learnt, hour, profiled=True, change_per_day=0.3, warm_trials=200.0)


def normal(learnt: Learnt, hour: int, parent: Learnt | None = None, weight: float = 200.0) -> float:
    begin_hour(learnt, hour, parent, prior=0.05, weight=weight, floor=0.005, cold=0.2, warm_trials=200.0)
    return learnt.p0


def test_what_nothing_is_known_of_is_trusted_little() -> None:
    assert normal(Learnt(), FIRST) == 0.2


def test_the_hour_of_the_day_is_known_after_some_days_and_that_of_the_week_after_weeks() -> None:
    learnt = Learnt()
    hours(learnt, FIRST, 5 * 24, 1_000, {3: 0.12})
    assert normal(learnt, FIRST + 5 * 24 + 3) == pytest.approx(0.12, rel=0.15)
    assert normal(learnt, FIRST + 5 * 24 + 12) == pytest.approx(0.02, rel=0.3)
    for week in range(3):
        hours(learnt, FIRST + 168 * (week + 1), 24, 1_000, {9: 0.2})  # Mondays at nine
        hours(learnt, FIRST + 168 * (week + 1) + 24, 144, 1_000, {})
    begin = FIRST + 168 * 4
    assert normal(learnt, begin + 9) > 3 * normal(learnt, begin + 24 + 9)


def test_a_young_key_follows_its_parent_and_its_parents_hours() -> None:
    parent = Learnt()
    hours(parent, FIRST, 8 * 24, 2_000, {4: 0.1})
    young = Learnt(trials=250.0, failures=5.0, hours=5)
    quiet, busy = FIRST + 8 * 24 + 12, FIRST + 8 * 24 + 4
    normal(parent, quiet)
    at_noon = normal(young, quiet, parent)
    normal(parent, busy)
    assert normal(young, busy, parent) > 2 * at_noon


def test_the_normal_moves_by_a_third_a_day_at_most() -> None:
    learnt = Learnt()
    hours(learnt, FIRST, 48, 1_000, {})
    before = learnt.failures / learnt.trials
    hours(learnt, FIRST + 48, 24, 100_000, dict.fromkeys(range(24), 0.5))
    assert learnt.failures / learnt.trials <= 1.31 * before


def test_expected_traffic_needs_a_week() -> None:
    learnt = Learnt()
    hours(learnt, FIRST, 167, 120, {})
    normal(learnt, FIRST + 167)
    assert learnt.expected == 0.0
    hours(learnt, FIRST + 167, 170, 120, {})
    normal(learnt, FIRST + 337)
    assert learnt.expected == pytest.approx(120, rel=0.1)
    assert learnt.per_day == pytest.approx(24 * 120, rel=0.05)
