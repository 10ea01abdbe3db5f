"""When does a profile close an account, and what does closing leave of its locks?"""

from __future__ import annotations

import pytest
from support.happenings import DAY, MINUTE, NOON, event
from support.play import Player, policy

from streams.contracts.accounts import AccountProfile, UserReport
from streams.contracts.actions import LocksState
from streams.contracts.base import from_ms


def told(player: Player, at_ms: int, number: int, closed_at_ms: int | None = None) -> list[str]:
    closed_at = None if closed_at_ms is None else from_ms(closed_at_ms)
    effects = player.see(event(AccountProfile, at_ms, number, closed_at=closed_at))
    return [effect.state for effect in effects if isinstance(effect, LocksState)]


def frozen() -> Player:
    player = Player(policy())
    player.see(event(UserReport, NOON, 1, channel="phone", kind="stolen"))
    return player


@pytest.mark.parametrize(
    ("at_ms", "closed_at_ms"), [(NOON + MINUTE, NOON + 90 * DAY), (NOON - 300 * DAY, NOON - 300 * DAY)]
)
def test_a_day_that_has_not_come_and_a_profile_that_is_late_close_nothing(at_ms: int, closed_at_ms: int) -> None:
    player = frozen()
    assert told(player, at_ms, 1, closed_at_ms) == []
    assert [held.action for held in player.obligations["a1"].locks] == ["freeze"]


def test_closing_leaves_the_freeze_and_a_newer_profile_opens_it_again() -> None:
    player = frozen()
    assert told(player, NOON + MINUTE, 1, NOON + MINUTE) == ["closed"]
    assert [held.action for held in player.obligations["a1"].locks] == ["freeze"]
    assert told(player, NOON + 2 * MINUTE, 2) == ["frozen"]
    assert told(player, NOON + MINUTE, 3, NOON + MINUTE) == []  # older than what is known
