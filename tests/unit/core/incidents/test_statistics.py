"""Are the tails upper bounds, and does the CUSUM keep its promise about false alarms?"""

from __future__ import annotations

import math
from random import Random

import pytest

from streams.core.incidents.statistics import binomial_tail, cusum, distinct, poisson_tail, shifted, threshold


def binomial(trials: int, failures: int, p0: float) -> float:
    return sum(math.comb(trials, k) * p0**k * (1 - p0) ** (trials - k) for k in range(failures, trials + 1))


def poisson(expected: float, seen: int) -> float:
    return sum(math.exp(-expected) * expected**k / math.factorial(k) for k in range(seen + 1))


@pytest.mark.parametrize("p0", [0.01, 0.1, 0.4])
@pytest.mark.parametrize("failures", [0, 1, 5, 17, 30])
def test_tails_never_flatter(p0: float, failures: int) -> None:
    assert binomial_tail(30, failures, p0) >= math.log(binomial(30, failures, p0)) - 1e-9
    assert poisson_tail(30 * p0 + 20, failures) >= math.log(poisson(30 * p0 + 20, failures)) - 1e-9


def test_a_tail_is_close_enough_to_be_of_use() -> None:
    assert binomial_tail(100, 30, 0.1) == pytest.approx(math.log(binomial(100, 30, 0.1)), rel=0.15)
    assert poisson_tail(50.0, 10) == pytest.approx(math.log(poisson(50.0, 10)), rel=0.1)


def test_the_shift_is_in_odds() -> None:
    assert shifted(0.02) == pytest.approx(0.0577, abs=1e-4)
    assert shifted(0.2) == pytest.approx(0.4286, abs=1e-4)


def test_the_threshold_is_that_of_the_literature() -> None:
    assert threshold(2_000 * 5_000, 10.0) == pytest.approx(18.4, abs=0.05)
    assert (threshold(1.0, 1.0), threshold(1e20, 10.0)) == (9.2, 20.0)


@pytest.mark.parametrize("h", [3.0, 5.0])
def test_false_alarms_are_at_least_e_to_the_h_trials_apart(h: float) -> None:
    rng, p0 = Random(4), 0.05
    p1 = shifted(p0)
    statistic, alarms, trials = 0.0, 0, 60_000
    for _ in range(trials):
        statistic = cusum(statistic, 1, rng.random() < p0, p0, p1)
        if statistic >= h:
            alarms, statistic = alarms + 1, 0.0
    assert alarms <= trials / math.exp(h)


@pytest.mark.parametrize("users", [0, 1, 10, 40])
def test_few_and_many_are_told_apart(users: int) -> None:
    rng = Random(users)
    bits = 0
    for _ in range(users):
        bits |= 1 << rng.randrange(63)
    assert distinct(bits) == pytest.approx(users, rel=0.3)
