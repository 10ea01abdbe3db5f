"""Is an owner told to be back only when that is so, and does every lock without an end stay somebody's work?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, login
from support.play import Player, policy

from streams.contracts.accounts import CaseAction, IdentityVerified, UnlockRequested, UserReport
from streams.contracts.actions import ActionRequested, LocksState
from streams.contracts.cases import ActionRejected, CaseVersion, NotificationRequested
from streams.contracts.logins import ChallengePassed
from streams.core.steps import Effect

PAUSING = 'locks.unverified_report = "restrict"'
ASSUMED = f'[locks]\nack = "assumed"\n{PAUSING.removeprefix("locks.")}\n'
EVERYBODY_WAITS = '[locks]\nsoft_lock_applies_to = "everyone"\n'  # else a stranger's guesses lock nobody
PROOF = {"method": "face_and_document", "level": 3, "passed": True, "actor": "idv", "role": "identity_service"}


def only(kind: type, effects: list[Effect]) -> list[Any]:
    return [effect for effect in effects if type(effect) is kind]


def told(effects: list[Effect]) -> list[str]:
    return [message.template for message in only(NotificationRequested, effects)]


class Desk:
    """An account, its cases, and whoever works on them."""

    def __init__(self, *overrides: str) -> None:
        self.player = Player(policy(ASSUMED, *overrides))
        self.cases: dict[str, CaseVersion] = {}
        self.number = 0

    def see(self, happening: Any) -> list[Effect]:
        return self._kept(self.player.see(happening))

    def waits(self, at_ms: int) -> list[Effect]:
        return self._kept(self.player.pass_until(at_ms))

    def _kept(self, effects: list[Effect]) -> list[Effect]:
        self.cases |= {case.flow: case for case in only(CaseVersion, effects)}
        return effects

    def stolen(self, at_ms: int, channel: str = "phone") -> list[Effect]:
        self.number += 1
        return self.see(event(UserReport, at_ms, self.number, channel=channel, kind="stolen"))

    def fails(self, at_ms: int, times: int) -> list[Effect]:
        return [
            effect
            for number in range(times)
            for effect in self.see(login(at_ms + number * SECOND, f"{at_ms}-{number}", device_id="stranger"))
        ]

    def proves(self, at_ms: int) -> list[Effect]:
        self.number += 1
        return self.see(event(IdentityVerified, at_ms, self.number, **PROOF))

    def acts(self, at_ms: int, action: str, flow: str, **more: Any) -> list[Effect]:
        self.number += 1
        case = self.cases[flow]
        given = {"actor": "ana", "role": "analyst", "case_id": case.case_id, "expected_version": case.version}
        return self.see(event(CaseAction, at_ms, self.number, action=action, **given | more))

    def unfreezes(self, at_ms: int) -> list[Effect]:
        self.proves(at_ms - MINUTE)
        return self.acts(at_ms, "unlock", "F23", role="supervisor", second_actor="bob")


@pytest.mark.parametrize("shown", ["second factor", "identity"])
def test_under_a_freeze_nobody_is_told_to_be_back_and_nothing_is_unlocked(shown: str) -> None:
    desk = Desk()
    desk.fails(NOON, 6)
    desk.stolen(NOON + 10 * SECOND, "social")
    desk.stolen(NOON + 20 * SECOND)
    if shown == "identity":
        effects = desk.proves(NOON + 30 * SECOND)
    else:
        effects = desk.see(login(NOON + 30 * SECOND, 1, ChallengePassed, device_id="stranger"))
    assert (told(effects), only(ActionRequested, effects)) == ([], [])
    assert {lock.status for state in only(LocksState, effects) for lock in state.locks} <= {"effective"}


def test_a_second_factor_under_a_restriction_lets_in_and_does_not_say_that_all_is_well() -> None:
    desk = Desk(EVERYBODY_WAITS)
    desk.stolen(NOON - MINUTE, "social")
    desk.fails(NOON, 6)
    effects = desk.see(login(NOON + 30 * SECOND, 1, ChallengePassed, device_id="stranger"))
    assert [command.action for command in only(ActionRequested, effects)] == ["unlock"]
    assert told(effects) == ["unlocked.partly"]
    assert "unlocked.limited" in told(desk.proves(NOON + HOUR))


def test_a_person_who_lifts_one_of_two_locks_does_not_say_so_either() -> None:
    desk = Desk()
    desk.stolen(NOON - MINUTE, "social")
    desk.fails(NOON, 10)
    assert told(desk.acts(NOON + MINUTE, "unlock", "F20", scope="login")) == ["unlocked.partly"]
    assert told(desk.acts(NOON + 2 * MINUTE, "unlock", "F23", scope="money_out")) == ["unlocked.by_us"]


def test_a_disabled_password_keeps_its_case_open() -> None:
    desk = Desk()
    desk.fails(NOON, 100)
    assert [each.cause for each in only(ActionRejected, desk.acts(NOON + HOUR, "resolve", "F20"))] == ["locked"]
    desk.proves(NOON + 2 * HOUR)
    assert only(ActionRejected, desk.acts(NOON + 3 * HOUR, "resolve", "F20")) == []


def test_a_freeze_does_not_lose_its_case_to_a_customer_who_cannot_answer() -> None:
    desk = Desk()
    desk.stolen(NOON)
    desk.acts(NOON + HOUR, "ask", "F23", asks_for=("screenshot",))
    assert desk.cases["F23"].status == "waiting_customer"
    desk.waits(NOON + 30 * DAY)
    assert (desk.cases["F23"].status, desk.cases["F23"].sub_status) == ("in_progress", "escalated")


def test_one_person_does_not_undo_the_limits_that_two_agreed_on() -> None:
    desk = Desk()
    desk.stolen(NOON)
    desk.unfreezes(NOON + HOUR)
    effects = desk.acts(NOON + 2 * HOUR, "confirm_legit", "F23")
    assert only(LocksState, effects) == []
    assert not [template for template in told(effects) if template.startswith("unlocked")]


def test_an_appeal_is_answered_when_the_owner_is_back_although_limits_stand() -> None:
    desk = Desk()
    desk.stolen(NOON)
    desk.number += 1
    desk.see(event(UnlockRequested, NOON + MINUTE, desk.number, channel="phone"))
    desk.unfreezes(NOON + HOUR)
    assert desk.cases["F22"].status == "resolved"


def heard_late(desk: Desk, at_ms: int) -> None:
    """The clock of the partition stands at `at_ms`, so that what happened long before is late."""
    desk.see(login(at_ms, f"clock-{at_ms}", device_id="other"))


@pytest.mark.parametrize("late_ms", [10 * MINUTE, 16 * MINUTE, 90 * MINUTE])
class TestWhatAnOwnerShowedCountsHoweverLateItIsHeard:
    def test_an_identity_check_gives_a_restricted_account_back(self, late_ms: int) -> None:
        desk = Desk()
        desk.stolen(NOON, "social")
        heard_late(desk, NOON + 2 * HOUR)
        effects = desk.proves(NOON + 2 * HOUR - late_ms)
        assert "unlock" in [each.action for each in only(ActionRequested, effects)]
        assert told(effects) == ["unlocked.limited"]

    def test_an_identity_check_under_a_freeze_is_seen_by_who_lifts_it(self, late_ms: int) -> None:
        desk = Desk()
        desk.stolen(NOON)
        heard_late(desk, NOON + 2 * HOUR)
        desk.proves(NOON + 2 * HOUR - late_ms)
        effects = desk.acts(NOON + 2 * HOUR + MINUTE, "unlock", "F23", role="supervisor", second_actor="bob")
        assert only(ActionRejected, effects) == []
        assert "unlock" in [each.action for each in only(ActionRequested, effects)]

    def test_who_asks_for_the_account_has_a_case(self, late_ms: int) -> None:
        desk = Desk()
        desk.stolen(NOON)
        heard_late(desk, NOON + 2 * HOUR)
        desk.see(event(UnlockRequested, NOON + 2 * HOUR - late_ms, "asks", channel="app"))
        assert "F22" in desk.cases


@pytest.mark.parametrize("late_ms", [10 * MINUTE, 16 * MINUTE, 25 * MINUTE])
def test_a_second_factor_lets_in_however_late_it_is_heard(late_ms: int) -> None:
    desk = Desk(EVERYBODY_WAITS)
    desk.fails(NOON, 10)
    heard_late(desk, NOON + 30 * MINUTE)
    effects = desk.see(login(NOON + 30 * MINUTE - late_ms, "code", ChallengePassed, device_id="stranger"))
    assert [each.action for each in only(ActionRequested, effects)] == ["unlock"]


def test_a_proof_that_is_older_than_the_lock_lifts_nothing_when_it_is_heard_late() -> None:
    desk = Desk(EVERYBODY_WAITS)
    desk.stolen(NOON, "social")
    heard_late(desk, NOON + HOUR)
    assert only(ActionRequested, desk.proves(NOON - MINUTE)) == []
