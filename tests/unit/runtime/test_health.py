"""When is a worker ready, and when should its supervisor end it?"""

from __future__ import annotations

import pytest

from streams.runtime.health import judge

SERVING = {"rebalancing": False, "assigned": 4, "serving": True, "stalled_s": 0.0, "most_stalled_s": 60.0}


@pytest.mark.parametrize(
    ("change", "ready", "alive"),
    [
        ({}, True, True),
        ({"rebalancing": True}, False, True),
        ({"assigned": 0}, False, True),
        ({"serving": False}, False, True),
        ({"stalled_s": 59.0}, True, True),
        ({"stalled_s": 61.0}, True, False),
        ({"stalled_s": 61.0, "rebalancing": True}, False, True),  # a long restore of another member is not our fault
    ],
)
def test_judge(change: dict[str, float | bool], ready: bool, alive: bool) -> None:
    assert judge(**SERVING | change)[:2] == (ready, alive)  # type: ignore[arg-type]
