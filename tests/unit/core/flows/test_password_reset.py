"""Which reset of a password needs a second factor (F19)?"""

from __future__ import annotations

from support.happenings import DAY, HOUR, MINUTE, NOON, login, paid
from support.play import Player, policy

from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import LoginFailed, LoginSucceeded, PasswordResetRequested
from streams.core.steps import Effect

HOME = {"device_id": "phone", "ip": "198.51.100.4", "country": "DE"}


def owner() -> Player:
    player = Player(policy())
    for day in range(-40, 0, 4):
        player.see(login(NOON + day * DAY, day, LoginSucceeded, **HOME))
        player.see(paid(NOON + day * DAY + MINUTE, day, 2_000 - day, device_id="phone"))
    return player


def asks(player: Player, at_ms: int, **where: str) -> tuple[str, list[str]]:
    """(outcome, codes of its reasons); no case follows."""
    effects = player.see(login(at_ms, at_ms, PasswordResetRequested, **where))
    assert not [each for each in effects if isinstance(each, CaseVersion)]
    (decision,) = (each for each in effects if isinstance(each, DecisionMade))
    return decision.outcome, [reason.code for reason in decision.reasons]


def test_the_owners_own_phone_resets_by_itself() -> None:
    assert asks(owner(), NOON, **HOME)[0] == "allow"


def test_another_device_needs_a_second_factor() -> None:
    outcome, codes = asks(owner(), NOON, device_id="other", ip="9.3.3.3", country="RU")
    assert (outcome, codes[0]) == ("step_up", "R02")


def test_an_account_that_was_never_entered_is_nobodys_yet() -> None:
    assert asks(Player(policy()), NOON, **HOME)[0] == "step_up"


def test_where_the_policy_observes_nothing_is_asked() -> None:
    player = Player(policy('mode = "observe"\n'))
    assert asks(player, NOON + HOUR, **HOME)[0] == "allow"


def helped(effects: list[Effect]) -> list[str]:
    told = [each for each in effects if isinstance(each, NotificationRequested)]
    return [each.template for each in told if each.template.startswith("login_issue.")]


def test_the_owner_hears_of_a_reset_once_a_day_however_many_are_asked_for() -> None:
    player = owner()
    effects = [
        each
        for number in range(30)
        for each in player.see(login(NOON + number * HOUR, f"r{number}", PasswordResetRequested, device_id="other"))
    ]
    assert helped(effects) == ["login_issue.reset"] * 2


def test_an_owner_who_has_to_wait_hears_how_to_get_back_in() -> None:
    player = owner()
    effects = [
        player.see(login(NOON + number * MINUTE, f"f{number}", LoginFailed, reason="wrong_password", **HOME))
        for number in range(7)
    ]
    assert [helped(each) for each in effects] == [[], [], [], [], ["login_issue.help"], [], []]


def test_strangers_who_guess_bring_the_owner_no_such_message() -> None:
    player = owner()
    stranger = {"device_id": "box", "ip": "9.3.3.3"}
    for number in range(7):
        assert helped(player.see(login(NOON + number * MINUTE, f"s{number}", LoginFailed, **stranger))) == []
