"""How often may an agent commit?"""

from __future__ import annotations

import pytest

from streams.runtime.commit import Pace


def test_the_first_commit_need_not_wait() -> None:
    assert Pace(0.02, 4.0).wait_s(1_000.0) == 0.0


@pytest.mark.parametrize(("took_s", "wait_s"), [(0.001, 0.02), (0.005, 0.02), (0.05, 0.2)])
def test_at_least_the_pace_and_four_times_the_last_commit(took_s: float, wait_s: float) -> None:
    pace = Pace(0.02, 4.0)
    pace.committed(ended_s=100.0, took_s=took_s)
    assert pace.wait_s(100.0) == pytest.approx(wait_s)
    assert pace.wait_s(100.0 + wait_s / 2) == pytest.approx(wait_s / 2)
    assert pace.wait_s(101.0) == 0.0
