"""What follows when a second factor fails again and again (F08)?"""

from __future__ import annotations

from support.happenings import MINUTE, NOON, login
from support.play import Player, policy

from streams.contracts.actions import ActionRequested
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.logins import ChallengeFailed, ChallengePassed
from streams.core.steps import Effect


def fails(player: Player, times: int) -> list[Effect]:
    effects: list[Effect] = []
    for n in range(times):
        effects += player.see(login(NOON + n * MINUTE, n, ChallengeFailed, device_id="phone", reason="sms"))
    return effects


def cases(effects: list[Effect]) -> list[tuple[str, str, str]]:
    return [(each.flow, each.priority, each.status) for each in effects if isinstance(each, CaseVersion)]


def told(effects: list[Effect]) -> list[str]:
    return [each.template for each in effects if isinstance(each, NotificationRequested)]


def test_three_slips_are_nobodys_business() -> None:
    effects = fails(Player(policy()), 3)
    assert (cases(effects), told(effects)) == ([], [])


def test_from_the_fourth_on_the_owner_hears_once_of_other_factors_and_nobody_is_locked() -> None:
    effects = fails(Player(policy()), 6)
    assert {each[:2] for each in cases(effects)} == {("F08", "P3")}
    assert told(effects) == ["verification.other_factor"]
    assert not [each for each in effects if isinstance(each, ActionRequested)]


def test_the_first_factor_that_is_right_ends_the_case() -> None:
    player = Player(policy())
    fails(player, 4)
    effects = player.see(login(NOON + 9 * MINUTE, "ok", ChallengePassed, device_id="phone", reason="face"))
    assert cases(effects)[-1] == ("F08", "P3", "resolved")
