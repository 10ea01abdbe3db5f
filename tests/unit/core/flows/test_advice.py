from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, event, login, paid
from support.play import play, policy

from streams.contracts.accounts import AccountProfile
from streams.contracts.base import Event
from streams.contracts.cases import NotificationRequested
from streams.contracts.logins import LoginSucceeded
from streams.core.flows.advice import is_outdated

HOME = {"ip": "198.51.100.4", "device_id": "phone"}
VERSIONS = """[advice]
minimum_app_versions = ["8.4"]
vulnerable_app_versions = ["8.1.0"]
"""


def day(number: int, *, two_factor: bool | None = False, guessed: bool = True, **fields: Any) -> list[Event]:
    """A stranger mistypes, and an hour later the owner is in at home."""
    at_ms = NOON + number * DAY
    version = fields.pop("profile_version", None)
    profile = event(AccountProfile, at_ms - MINUTE, f"p{number}", two_factor=two_factor, app_version=version)
    guess = [login(at_ms, f"g{number}", device_id="box")] if guessed else []
    return [profile, *guess, event(LoginSucceeded, at_ms + 60 * MINUTE, number, **HOME, **fields)]


def told(*days: list[Event], overrides: str = "") -> list[tuple[int, str]]:
    """On which day of the story the owner got which advice."""
    first = event(LoginSucceeded, NOON - DAY, "first", **HOME)
    effects = play([first, *(each for events in days for each in events)], policy(overrides))
    return [
        (each.occurred_at.toordinal() - first.occurred_at.toordinal() - 1, each.template.removeprefix("advice."))
        for each in effects
        if type(each) is NotificationRequested and each.template.startswith("advice.")
    ]


def test_who_has_no_second_factor_hears_of_it_after_strangers_guessed_once_a_week() -> None:
    assert told(*(day(number) for number in range(16))) == [(0, "two_factor"), (7, "two_factor"), (14, "two_factor")]


def test_others_are_left_in_peace() -> None:
    assert told(day(0, two_factor=True)) == []
    assert told(day(0, two_factor=None)) == [], "nothing is known of it"
    assert told(day(0, guessed=False)) == []
    assert told(day(0), overrides='mode = "observe"\n') == []
    assert told(day(0, two_factor=True, app_version="1.0")) == [], "no minimum is set"


def test_who_pays_often_and_has_no_second_factor_hears_of_it_without_an_attack() -> None:
    payments = [paid(NOON - DAY + number * HOUR, number, **HOME) for number in range(1, 11)]
    assert told([*payments, *day(0, guessed=False)]) == [(0, "two_factor")]
    assert told([*payments[1:], *day(0, guessed=False)]) == []


def test_an_old_app_is_advised_to_be_updated_once_a_week() -> None:
    old = [day(number, two_factor=True, guessed=False, app_version="8.3.9") for number in range(9)]
    assert told(*old, overrides=VERSIONS) == [(0, "update"), (7, "update")]
    assert told(day(0, two_factor=True, app_version="8.4.0"), overrides=VERSIONS) == []
    assert told(day(0, app_version="8.3.9"), overrides=VERSIONS) == [(0, "two_factor_and_update")]


def test_the_version_of_the_login_counts_before_that_of_the_profile() -> None:
    quiet = {"two_factor": True, "guessed": False}
    assert told(day(0, **quiet, profile_version="8.0"), overrides=VERSIONS) == [(0, "update")]
    assert told(day(0, **quiet, profile_version="8.0", app_version="8.5"), overrides=VERSIONS) == []


def test_what_cannot_wait_follows_milder_advice_within_the_week_but_not_itself() -> None:
    days = [
        day(0),
        day(1, app_version="8.1.0"),
        day(2, password_leaked=True),
        day(8, password_leaked=True),
        day(9),
    ]
    assert told(*days, overrides=VERSIONS) == [
        (0, "two_factor"),
        (1, "update_now"),
        (2, "password_leaked"),
        (9, "two_factor"),
    ]


def test_a_leaked_password_and_a_vulnerable_app_do_not_keep_each_other_from_being_told() -> None:
    both = [day(number, app_version="8.1.0", password_leaked=number != 8) for number in range(10)]
    assert told(*both, overrides=VERSIONS) == [(0, "password_leaked"), (7, "password_leaked"), (8, "update_now")]
    repeated = [day(0, app_version="8.1.0"), *(day(number, password_leaked=True) for number in range(1, 10))]
    assert told(*repeated, overrides=VERSIONS) == [(0, "update_now"), (1, "password_leaked"), (8, "password_leaked")]


def test_a_leaked_password_is_told_beyond_the_cap_on_advice() -> None:
    full = "[notifications]\nweekly_cap = 1\n"
    assert told(day(0), day(1, password_leaked=True), overrides=full) == [(0, "two_factor"), (1, "password_leaked")]


def test_a_login_from_a_device_that_nobody_knows_is_advised_nothing() -> None:
    stranger = event(LoginSucceeded, NOON, "s", ip="192.0.2.9", device_id="box", password_leaked=True)
    assert told([stranger]) == []


@pytest.mark.parametrize(
    ("version", "outdated"),
    [
        ("8.3.9", True),
        ("8.4", False),
        ("8.4.0", False),
        ("8.10", False),
        ("ios/8.4", True),
        ("ios/9.0", False),
        ("android/1.0", False),
        ("8.3-beta", False),
        ("", False),
    ],
)
def test_versions_are_compared_by_their_numbers_and_within_a_program(version: str, outdated: bool) -> None:
    assert is_outdated(version, ("8.4", "ios/9.0")) is outdated
