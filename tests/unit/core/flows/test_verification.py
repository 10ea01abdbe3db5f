"""What follows when a second factor fails again and again (F08)?"""

from __future__ import annotations

from support.happenings import DAY, MINUTE, NOON, SECOND, login
from support.play import Player, policy, settled

from streams.contracts.actions import ActionRequested
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.logins import ChallengeFailed, ChallengePassed, ChallengeSent
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


def test_whoever_was_worn_down_by_prompts_is_not_asked_for_a_rating() -> None:
    player = settled(policy('[locks]\nack = "assumed"\n'))
    thief = {"ip": "192.0.2.9", "device_id": "box", "reason": "push"}
    fails(player, 4)
    for number in range(8):
        player.see(login(NOON + number * MINUTE, f"sent{number}", ChallengeSent, **thief))
        player.see(login(NOON + number * MINUTE + SECOND, f"no{number}", ChallengeFailed, **thief))
    player.see(login(NOON + 8 * MINUTE, "own", ChallengePassed, device_id="phone", reason="face"))
    effects = player.pass_until(NOON + 4 * DAY)
    by_flow = {each.flow: each for each in player.obligations["a1"].cases}
    assert {"F08", "F24"} <= set(by_flow)
    assert (by_flow["F08"].status, by_flow["F08"].resolution) == ("resolved", "challenge_passed")
    assert "case.survey" not in told(effects)
