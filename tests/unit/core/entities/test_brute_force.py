"""Are many guesses at one account one incident, of the place that they come from or of the account?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.entities import Entity, login, policy

from streams.core.entities.brute_force import GUESSES_MAX
from streams.core.entities.pipeline import forgets_ms
from streams.core.handover import unsay_entity

MINUTE = 60


def guesses(number: int, pace_s: float = 20, user: str = "anna", start_s: float = 0, **fields: object):
    return [login(user, start_s + turn * pace_s, **fields) for turn in range(number)]


def test_nine_wrong_passwords_are_the_business_of_the_ladder_and_ten_an_incident():
    ip = Entity(policy())
    ip.play(guesses(9))
    assert ip.effects == []
    ip.play(guesses(1, start_s=200))
    (case,) = ip.cases
    assert (case.case_type, case.flow, case.priority, case.rules) == (
        "credential_attack",
        "F26",
        "P1",
        ("brute-force/02",),
    )
    assert case.counters == {"usernames": 1, "attempts": 10, "refused": 10, "accounts_exposed": 0}
    assert [(action.action, action.entity) for action in ip.actions] == [("step_up", "ip/203.0.113.7")]
    assert ip.notifications == []


def test_whoever_waits_as_long_as_the_ladder_demands_is_not_seen():
    ip = Entity(policy())
    ip.play(guesses(60, pace_s=90))
    assert ip.effects == []


def test_the_same_guess_again_is_none():
    ip = Entity(policy())
    ip.play(guesses(60, pace_s=5, guess="saved-password"))
    assert ip.effects == [], "a mail client with an old password is no attacker"


def test_who_is_at_home_is_never_counted():
    ip = Entity(policy())
    ip.play(guesses(30, pace_s=5, familiar=True))
    assert ip.effects == []


def test_what_one_device_does_is_its_own_case_and_not_once_more_the_address():
    device, ip = Entity(policy()), Entity(policy())
    device.play(guesses(20, kind="device", value="tablet", device_id="tablet"))
    ip.play(guesses(20, device_id="tablet"))
    assert len({case.case_id for case in device.cases}) == 1
    assert ip.effects == []


def test_guesses_at_one_account_from_ten_addresses_are_the_accounts_incident():
    account = Entity(policy())
    account.play(
        login("anna", turn * MINUTE, kind="account", value="anna", origin=f"198.51.100.{turn % 12}")
        for turn in range(30)
    )
    assert {(case.subject, case.priority) for case in account.cases} == {("account/anna", "P1")}
    assert len({case.case_id for case in account.cases}) == 1
    assert account.actions == [], "nobody is locked for what strangers do"
    assert account.wait(4 * 3_600)[-1].status == "closed"


def test_an_accounts_incident_that_nobody_was_told_of_is_told_when_it_goes_on():
    account = Entity(policy())
    from_many = [
        login("anna", turn * MINUTE, kind="account", value="anna", origin=f"198.51.100.{turn % 12}")
        for turn in range(30)
    ]
    account.play(from_many[:24])
    assert unsay_entity(account.state, policy().entities) == ["attack"]
    told = len(account.cases)
    account.play(from_many[24:])
    assert [case.version for case in account.cases[told:]][:1] == [1]


def test_guesses_at_an_account_are_remembered_as_long_as_they_count():
    account = Entity(policy())
    account.play([login("anna", 0, kind="account", value="anna", origin="198.51.100.1")])
    assert account.size < 160
    assert forgets_ms(account.state) - account.state.newest_ms == 3_600_000


def at_account(addresses: list[int], pace_s: float, **fields: object):
    """One guess at one account from each of these addresses in turn."""
    return [
        login("anna", turn * pace_s, kind="account", value="anna", origin=f"198.51.100.{address}", **fields)
        for turn, address in enumerate(addresses)
    ]


def test_ten_guesses_within_ten_minutes_from_three_addresses_are_the_accounts_incident():
    account = Entity(policy())
    account.play(at_account([0, 1, 2] * 3, 60))
    assert account.effects == []
    account.play([login("anna", 540, kind="account", value="anna", origin="198.51.100.0")])
    assert {(case.subject, case.priority) for case in account.cases} == {("account/anna", "P1")}
    assert account.actions == [], "nobody is locked for what strangers do"


def test_what_one_address_or_one_device_guesses_alone_is_not_once_more_the_accounts_incident():
    for guesses_of_one in (at_account([0] * 30, 10), at_account([0, 1, 2] * 10, 10, device_id="tablet")):
        account = Entity(policy())
        account.play(guesses_of_one)
        assert account.effects == []


def test_a_right_password_without_a_guess_before_is_nothing():
    account = Entity(policy())
    account.play([login("anna", 0, ok=True, kind="account", value="anna", origin="198.51.100.0", flagged=True)])
    assert account.effects == []


def test_twenty_guesses_within_an_hour_from_ten_addresses_count_in_any_mix():
    account = Entity(policy())
    account.play(at_account([0] * 13 + list(range(1, 8)), 150))
    assert account.effects == [], "from eight"
    account = Entity(policy())
    account.play(at_account([0] * 11 + list(range(1, 10)), 150))
    assert len({case.case_id for case in account.cases}) == 1


def test_a_right_password_after_the_guesses_is_told_to_its_owner():
    ip = Entity(policy())
    ip.play([*guesses(12), login("anna", 300, ok=True)])
    assert [note.account_id for note in ip.notifications] == ["anna"]
    assert ip.cases[-1].counters["accounts_exposed"] == 1


@pytest.mark.parametrize("first", ["deep", "wide"])
def test_one_address_that_guesses_deeply_and_widely_is_one_case(first: str):
    ip = Entity(policy())
    deep = guesses(15, pace_s=5, start_s=0 if first == "deep" else 100)
    wide = [login(f"user-{turn}", (100 if first == "deep" else 0) + turn * 5) for turn in range(15)]
    ip.play(sorted([*deep, *wide], key=lambda signal: signal.at_ms))
    assert len({case.case_id for case in ip.cases}) == 1
    assert len({(case.cause_family, case.rules) for case in ip.cases}) == 1, "a case does not change what it is about"
    assert ip.cases[-1].counters["attempts"] >= 16


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 600), st.integers(0, 3)), max_size=80))
def test_what_is_remembered_is_bounded_and_fewer_guesses_than_demanded_are_silent(attempts: list[tuple[int, int, int]]):
    account = Entity(policy())
    account.play(
        login("anna", at_s, kind="account", value="anna", origin=f"198.51.100.{address}", guess=f"guess-{guess}")
        for address, at_s, guess in sorted(attempts, key=lambda attempt: attempt[1])
    )
    assert account.effects == [], "four different guesses from six addresses"
    assert account.state.target is None or len(account.state.target.guesses) <= GUESSES_MAX
