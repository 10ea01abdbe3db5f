from __future__ import annotations

from support.happenings import DAY, MINUTE, NOON, event, login
from support.play import play, policy

from streams.contracts.accounts import AccountProfile
from streams.contracts.base import Event
from streams.contracts.cases import NotificationRequested
from streams.contracts.logins import LoginSucceeded

HOME = {"ip": "198.51.100.4", "device_id": "phone"}


def day(number: int, *, two_factor: bool | None = False, guessed: bool = True) -> list[Event]:
    """A stranger mistypes, and an hour later the owner is in at home."""
    at_ms = NOON + number * DAY
    profile = event(AccountProfile, at_ms - MINUTE, f"p{number}", two_factor=two_factor)
    guess = [login(at_ms, f"g{number}", device_id="box")] if guessed else []
    return [profile, *guess, event(LoginSucceeded, at_ms + 60 * MINUTE, number, **HOME)]


def advised(*days: list[Event], overrides: str = "") -> list[int]:
    first = event(LoginSucceeded, NOON - DAY, "first", **HOME)
    effects = play([first, *(each for events in days for each in events)], policy(overrides))
    told = [each for each in effects if type(each) is NotificationRequested and each.template == "advice.two_factor"]
    return [(each.occurred_at.toordinal()) for each in told]


def test_who_has_no_second_factor_hears_of_it_after_strangers_guessed_once_a_week() -> None:
    told = advised(*(day(number) for number in range(16)))
    assert [each - told[0] for each in told] == [0, 7, 14]


def test_others_are_left_in_peace() -> None:
    assert advised(day(0, two_factor=True)) == []
    assert advised(day(0, two_factor=None)) == [], "nothing is known of it"
    assert advised(day(0, guessed=False)) == []
    assert advised(day(0), overrides='mode = "observe"\n') == []
