from __future__ import annotations

import pytest

from streams.core.locks.transitions import ABSENT, LOCK_TRANSITIONS, RELEASED, step

STATES = {row.status for row in LOCK_TRANSITIONS} | {row.to for row in LOCK_TRANSITIONS}


def reachable(start: str, backwards: bool = False) -> set[str]:
    found, fresh = {start}, {start}
    while fresh:
        fresh = {
            (row.status if backwards else row.to)
            for row in LOCK_TRANSITIONS
            if (row.to if backwards else row.status) in fresh
        } - found
        found |= fresh
    return found


def test_every_state_can_be_reached() -> None:
    assert reachable(ABSENT) == STATES


def test_every_state_has_a_way_out() -> None:
    assert reachable(RELEASED, backwards=True) == STATES


@pytest.mark.parametrize("status", sorted(STATES - {ABSENT, RELEASED}))
def test_every_lock_can_end_by_itself_and_by_somebody(status: str) -> None:
    assert step(status, "expired") is not None
    assert status == "lifting" or step(status, "lifted") is not None
    assert status == "lifting" or step(status, "lifted_unheard") is not None


def test_nothing_is_answered_twice() -> None:
    assert len({(row.status, row.on) for row in LOCK_TRANSITIONS}) == len(LOCK_TRANSITIONS)
    assert step("effective", "acknowledged") is None
