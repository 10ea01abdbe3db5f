"""Does whoever never gave the second factor stay unknown, however often they come and whoever else gives one?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, login
from support.play import Player, policy

from streams.contracts.accounts import AccountProfile
from streams.contracts.actions import ActionRequested, LocksState
from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import ChallengePassed, DeviceBound, LoginFailed, LoginSucceeded
from streams.core.familiar import key_of, tallied
from streams.core.steps import Effect

HOME = {"ip": "198.51.100.7", "asn": 64_500, "country": "DE", "device_id": "own", "user_agent": "Wallet/5.0 (iPhone)"}
THIEF = {"ip": "192.0.2.9", "asn": 64_999, "country": "RO", "device_id": "thief", "user_agent": "Wallet/5.0 (Linux)"}


def outcome(effects: list[Effect]) -> str:
    return next(each.outcome for each in effects if type(each) is DecisionMade)


def is_known(player: Player, device: str) -> bool:
    return tallied(player.observations["a1"].trusted, key_of(device)) > 0


@pytest.fixture
def player() -> Player:
    """An owner who has logged in at home for a month; the site is too young for a score."""
    player = Player(policy())
    player.see(event(AccountProfile, NOON - 40 * DAY, 0, language="en"))
    for day in range(30):
        player.see(login(NOON - (30 - day) * DAY, f"home{day}", LoginSucceeded, **HOME))
    return player


def comes(player: Player, at_ms: int, number: int | str, where: dict[str, Any], kind: Any = LoginSucceeded) -> str:
    return outcome(player.see(login(at_ms, f"{number}-{at_ms}", kind, **where)))


def test_who_was_asked_and_did_not_answer_is_asked_again(player: Player) -> None:
    asked = [comes(player, NOON + number * HOUR, number, THIEF) for number in range(4)]
    assert set(asked) == {"step_up"}
    assert not is_known(player, "thief")


def test_who_answers_is_known(player: Player) -> None:
    assert comes(player, NOON, "first", THIEF) == "step_up"
    player.see(login(NOON + MINUTE, "otp", ChallengePassed, **THIEF))
    assert is_known(player, "thief")
    assert comes(player, NOON + HOUR, "again", THIEF) == "allow"


def test_a_device_that_is_bound_while_it_is_doubted_stays_unknown(player: Player) -> None:
    comes(player, NOON, "first", THIEF)
    player.see(login(NOON + MINUTE, "bound", DeviceBound, **THIEF))
    assert not is_known(player, "thief")
    player.see(login(NOON + 2 * MINUTE, "otp", ChallengePassed, **THIEF))
    assert is_known(player, "thief")


@pytest.mark.parametrize("came", [("thief",), ("other", "thief"), ("thief", "other")])
def test_nobody_who_gave_no_second_factor_makes_any_device_known(player: Player, came: tuple[str, ...]) -> None:
    for number, device in enumerate(came):
        comes(player, NOON + number * MINUTE, "first", THIEF | {"device_id": device})
    player.see(login(NOON + HOUR, "bound", DeviceBound, **THIEF | {"device_id": "other"}))
    assert not is_known(player, "other")
    assert comes(player, NOON + 2 * HOUR, "again", THIEF | {"device_id": "other"}) == "step_up"


def test_an_owner_at_home_binds_a_new_device_whoever_tried_to_come_in(player: Player) -> None:
    comes(player, NOON, "first", THIEF)
    player.see(login(NOON + HOUR, "bound", DeviceBound, **HOME | {"device_id": "new"}))
    assert is_known(player, "new")


@pytest.mark.parametrize("first", ["login", "factor"])
def test_the_owners_second_factor_does_not_vouch_for_another_device_at_the_same_address(
    player: Player, first: str
) -> None:
    behind = THIEF | {"ip": HOME["ip"]}
    steps = [(LoginSucceeded, behind), (ChallengePassed, HOME)]
    for number, (kind, where) in enumerate(steps if first == "login" else reversed(steps)):
        player.see(login(NOON + number * MINUTE, f"step{number}", kind, **where))
    assert not is_known(player, "thief")


def test_a_hundred_failures_in_a_row_disable_a_password_however_slowly_they_come(player: Player) -> None:
    effects: list[Effect] = []
    for number in range(100):  # ten a day, as the ladder lets through
        at_ms = NOON + number // 10 * DAY + number % 10 * 2 * HOUR + number * SECOND
        effects += player.see(login(at_ms, f"guess{number}", LoginFailed, **HOME))
    assert [state.state for state in effects if type(state) is LocksState][-1] == "hard_lock"
    endless = [
        each for each in effects if type(each) is ActionRequested and each.action == "lock" and not each.expires_at
    ]
    assert len({each.action_id for each in endless}) == 1


def test_a_success_clears_them(player: Player) -> None:
    for number in range(99):
        player.see(login(NOON + number * 3 * HOUR, f"guess{number}", LoginFailed, **HOME))
    player.see(login(NOON + 300 * HOUR, "in", LoginSucceeded, **HOME))
    player.see(login(NOON + 303 * HOUR, "guess", LoginFailed, **HOME))
    assert "lock" not in {held.action for held in player.obligations["a1"].locks}
