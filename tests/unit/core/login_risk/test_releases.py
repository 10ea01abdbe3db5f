"""Is a release that resets device ids told from thieves, and does it let no thief in?"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, login
from support.play import Player, policy

from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import ChallengePassed, LoginSucceeded
from streams.core.login_risk.frequencies import Frequencies
from streams.core.login_risk.releases import VERSIONS_MAX, Release, note, version_of

APP = "Mozilla/5.0 ({}) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Wallet/{}"
IPHONE = "iPhone; CPU iPhone OS 17_5 like Mac OS X"
WINDOWS = "Windows NT 10.0; Win64; x64"
CUSTOMERS = 40


def comes(
    player: Player, user: int, at_ms: int, device: str, version: str = "5.0", *, system: str = IPHONE, ip: str = "",
    proves: bool = False,
) -> list[Any]:  # fmt: skip
    where = {
        "account_id": f"user-{user}",
        "ip": ip or f"198.51.{user}.7",
        "asn": 64_500 + user % 5,
        "country": "DE",
        "device_id": device,
        "user_agent": APP.format(system, version),
    }
    if proves:
        player.see(login(at_ms - SECOND, f"proof-{user}-{at_ms}", ChallengePassed, **where))
    return player.see(login(at_ms, f"in-{user}-{at_ms}", LoginSucceeded, **where))


def outcome(effects: list[Any]) -> str:
    return str(next(each.outcome for each in effects if type(each) is DecisionMade))


@pytest.fixture(scope="module")
def before() -> bytes:
    """A site whose customers have used version 5.0 for 40 days, each on a phone of their own."""
    player = Player(policy())
    for day in range(40):
        for user in range(CUSTOMERS):
            comes(player, user, NOON - (40 - day) * DAY + user * MINUTE, f"phone-{user}", proves=day < 3)
    assert player.frequencies.logins >= 1_000
    return player.saved()


def site(before: bytes) -> Player:
    return Player.revived(before, policy())


def released(player: Player, version: str = "6.0", users: int = 30) -> list[list[Any]]:
    return [comes(player, user, NOON + user * MINUTE, f"reset-{user}", version) for user in range(users)]


def test_owners_at_home_are_asked_until_it_is_a_release_and_then_no_more(before: bytes) -> None:
    asked = [outcome(effects) for effects in released(site(before))]
    assert set(asked[:20]) == {"step_up"}
    assert set(asked[20:]) == {"allow"}


def told(player: Player, user: int, at_ms: int, device: str, version: str = "6.0") -> str:
    """What the login says about its version, for the entities agent."""
    comes(player, user, at_ms, device, version)
    return player.prepared.release


def test_it_is_told_once_and_once_more_for_each_hour_in_which_it_goes_on(before: bytes) -> None:
    player = site(before)
    first = [told(player, user, NOON + user * MINUTE, f"reset-{user}") for user in range(30)]
    assert [user for user, said in enumerate(first) if said] == [19]
    again = [told(player, user, NOON + HOUR + user * MINUTE, f"again-{user}") for user in range(30)]
    assert [user for user, said in enumerate(again) if said] == [0]  # about the hour before
    known = [told(player, user, NOON + 2 * HOUR + user * MINUTE, f"again-{user}") for user in range(30)]
    assert [user for user, said in enumerate(known) if said] == [0]
    assert not any(told(player, user, NOON + 3 * HOUR + user * MINUTE, f"again-{user}") for user in range(30))


@pytest.mark.parametrize(
    "elsewhere",
    [{"ip": "192.0.2.9"}, {"system": WINDOWS}, {"version": "5.1"}],
    ids=["unknown network", "unknown system", "another version"],
)
def test_it_is_no_open_door(before: bytes, elsewhere: dict[str, Any]) -> None:
    """Whoever claims the version is asked, unless from the owner's network with the owner's kind of device."""
    player = site(before)
    released(player)
    thief = {"version": "6.0"} | elsewhere
    assert outcome(comes(player, 0, NOON + 2 * HOUR, "thief", **thief)) in ("step_up", "block")


def test_one_attacker_with_one_account_brings_no_release_about(before: bytes) -> None:
    player = site(before)
    for number in range(60):
        comes(player, 0, NOON + number * SECOND, f"made-up-{number}", "6.0")
    assert outcome(comes(player, 1, NOON + HOUR, "new", "6.0")) == "step_up"


def test_a_few_new_phones_among_many_old_ones_are_no_release(before: bytes) -> None:
    player = site(before)
    for user in range(CUSTOMERS):
        for again in range(3):
            comes(player, user, NOON + user * MINUTE + again * SECOND, f"phone-{user}", "5.0")
    assert not any(told(player, user, NOON + user * MINUTE, f"reset-{user}", "5.0") for user in range(29))


def test_it_ends(before: bytes) -> None:
    player = site(before)
    released(player)
    week = policy().rules.login_risk.release_s * SECOND
    assert outcome(comes(player, 0, NOON + week - MINUTE, "again", "6.0")) == "allow"
    assert outcome(comes(player, 0, NOON + week + HOUR, "and again", "6.0")) == "step_up"


def test_the_program_is_what_is_no_engine() -> None:
    assert version_of(APP.format(IPHONE, "5.3")) == "wallet/5.3"
    assert version_of("Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36") == (
        "chrome/120.0.0.0"
    )
    assert version_of("Mozilla/5.0 AppleWebKit/605.1.15 Mobile/15E148") == ""


def test_it_stays_small_whatever_is_claimed() -> None:
    releases: dict[str, Release] = {}
    for number in range(2_000):
        event = login(
            NOON, number, LoginSucceeded, user_agent=f"App/{number % 40}", account_id=f"a{number}", device_id="d"
        )
        note(releases, event, b"", NOON + number, accounts=20, share=0.5, lasts_s=60)
    assert len(releases) <= VERSIONS_MAX
    known = Frequencies(releases=releases)
    assert len(msgspec.msgpack.encode(known)) < 5_000
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(known), type=Frequencies) == known
