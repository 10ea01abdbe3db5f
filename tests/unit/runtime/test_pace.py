"""How often may an agent commit?"""

from __future__ import annotations

import pytest

from streams.runtime.commit import Pace


@pytest.mark.parametrize("busy", [False, True])
def test_the_first_commit_need_not_wait(busy: bool) -> None:
    assert Pace(0.02, 1.0, 4.0).wait_s(1_000.0, busy=busy) == 0.0


@pytest.mark.parametrize(
    ("took_s", "busy", "wait_s"),
    [(0.001, False, 0.02), (0.05, False, 0.05), (0.001, True, 0.02), (0.05, True, 0.2)],
)
def test_at_least_the_pace_and_a_multiple_of_the_last_commit(took_s: float, busy: bool, wait_s: float) -> None:
    pace = Pace(0.02, 1.0, 4.0)
    pace.committed(ended_s=100.0, took_s=took_s)
    assert pace.wait_s(100.0, busy=busy) == pytest.approx(wait_s)
    assert pace.wait_s(100.0 + wait_s / 2, busy=busy) == pytest.approx(wait_s / 2)
    assert pace.wait_s(101.0, busy=busy) == 0.0
