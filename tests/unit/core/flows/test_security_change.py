"""Can the owner say no to every change of a setting, and does it slow money down meanwhile (F28)?"""

from __future__ import annotations

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, event, login
from support.play import PHONE, Player, policy, settled

from streams.contracts.accounts import CaseAction, CustomerConfirmed
from streams.contracts.base import Event
from streams.contracts.cases import NotificationRequested
from streams.contracts.logins import CredentialChanged, LoginSucceeded
from streams.core.cases.clocks import is_escalated
from streams.core.obligations import Case
from streams.core.steps import Effect

ASSUMED = policy('[locks]\nack = "assumed"\n')


def change(at_ms: int, name: str, reason: str = "password") -> Event:
    return login(at_ms, name, CredentialChanged, reason=reason, **PHONE)


def says(at_ms: int, answer: str, case: Case, channel: str = "app") -> Event:
    return event(CustomerConfirmed, at_ms, answer, answer=answer, channel=channel, case_id=case.case_id)


def told(effects: list[Effect]) -> list[str]:
    return [each.template for each in effects if type(each) is NotificationRequested]


def actions(player: Player) -> list[str]:
    return [held.action for held in player.obligations["a1"].locks]


def changed() -> tuple[Player, Case]:
    player = settled()
    player.see(change(NOON, "pw"))
    (case,) = player.obligations["a1"].cases
    return player, case


@pytest.mark.parametrize(("reason", "limits"), [("password", True), ("payee", True), ("nickname", False)])
def test_a_change_on_the_owners_device_limits_money_out_and_asks(reason: str, limits: bool) -> None:
    player = settled()
    effects = player.see(change(NOON, "c", reason))
    assert told(effects) == [f"security_change.at_home{'_limited' if limits else ''}"]
    assert actions(player) == (["limit"] if limits else [])
    (case,) = player.obligations["a1"].cases
    assert (case.flow, case.priority, case.status) == ("F28", 3, "auto_answered")
    player.stored()


def test_one_no_freezes_and_makes_it_a_takeover() -> None:
    player, case = changed()
    player.see(says(NOON + HOUR, "no", case))
    assert "freeze" in actions(player)
    assert (case.flow, case.priority, case.finding) == ("F23", 1, "confirmed_fraud")
    player.stored()


def test_a_no_on_a_postcard_freezes_nothing() -> None:
    player, case = changed()
    player.see(says(NOON + HOUR, "no", case, channel="email"))
    assert "freeze" not in actions(player)


@pytest.mark.parametrize("after_ms", [HOUR, 2 * DAY])
def test_a_no_on_a_postcard_is_for_people_and_no_answer_closes_it(after_ms: int) -> None:
    player, case = changed()
    player.pass_until(NOON + after_ms - 1)
    player.see(says(NOON + after_ms, "no", case, channel="email"))
    assert case.status == ("classified" if after_ms == HOUR else "reopened")
    player.pass_until(NOON + after_ms + 2 * DAY)
    assert (case.priority, case.is_open, is_escalated(case)) == (1, True, True)


def test_an_analyst_who_confirms_a_change_as_fraud_freezes_the_account() -> None:
    player, case = changed()
    known = {"case_id": case.case_id, "expected_version": case.version, "actor": "ana", "role": "analyst"}
    player.see(event(CaseAction, NOON + HOUR, "confirm", action="confirm_fraud", **known))
    assert "freeze" in actions(player)
    player.pass_until(NOON + 3 * DAY)
    assert (case.flow, case.priority, case.is_open) == ("F23", 1, True)


def test_a_no_counts_after_the_case_has_closed() -> None:
    player, case = changed()
    player.pass_until(NOON + 2 * DAY)
    assert not case.is_open
    player.see(says(NOON + 2 * DAY + HOUR, "no", case))
    assert "freeze" in actions(player)
    assert case.is_open


def test_a_yes_closes_the_case_and_the_limit_ends_by_itself() -> None:
    player, case = changed()
    player.see(says(NOON + HOUR, "yes", case))
    assert (case.status, case.resolution) == ("closed", "customer_confirmed")
    assert actions(player) == ["limit"]
    player.pass_until(NOON + 2 * DAY)
    assert actions(player) == []


def test_two_changes_are_one_case_and_both_are_told() -> None:
    player, case = changed()
    effects = player.see(change(NOON + MINUTE, "c2", "phone"))
    assert len(told(effects)) == 1
    assert player.obligations["a1"].cases == [case]
    assert case.status == "auto_answered"


def test_a_new_customer_who_sets_the_account_up_pays_as_usual() -> None:
    player = Player(ASSUMED)
    player.see(login(NOON, "first", LoginSucceeded, **PHONE))
    effects = [
        each
        for number, reason in enumerate(("password", "phone", "payee"), start=1)
        for each in player.see(change(NOON + number * MINUTE, reason, reason))
    ]
    assert told(effects) == ["security_change"] * 3
    assert player.obligations["a1"].locks == []
    assert player.obligations["a1"].cases == []


def test_a_payee_a_day_is_no_limit_every_day() -> None:
    player = settled()
    player.see(change(NOON, "payee-0", "payee"))
    assert actions(player) == ["limit"]
    for day in range(1, 4):
        effects = player.see(change(NOON + day * DAY + MINUTE, f"payee-{day}", "payee"))
        assert told(effects)[-1] == "security_change.at_home"
        assert actions(player) == []
    player.see(change(NOON + 4 * DAY, "pw"))
    assert actions(player) == ["limit"]


@pytest.mark.parametrize(("device", "status"), [("phone", "closed"), ("tablet", "auto_answered")])
def test_a_yes_from_an_older_device_closes_the_case_of_a_change_on_a_new_one(device: str, status: str) -> None:
    player = settled()
    on_tablet = PHONE | {"device_id": "tablet", "ip": "198.51.100.9"}
    player.see(login(NOON, "pw", CredentialChanged, reason="password", **on_tablet))
    (case,) = player.obligations["a1"].cases
    assert (case.flow, case.status) == ("F28", "auto_answered")
    word = {"answer": "yes", "channel": "app", "case_id": case.case_id, "device_id": device}
    player.see(event(CustomerConfirmed, NOON + HOUR, "yes", **word))
    assert case.status == status
    assert "limit" in actions(player)


HERE = {name: value for name, value in PHONE.items() if name != "device_id"}
ABROAD = {"ip": "198.51.100.9"}


def test_a_change_without_a_device_at_home_is_asked_about_as_on_the_owners_device() -> None:
    player = settled()
    effects = player.see(login(NOON, "c", CredentialChanged, reason="phone", **HERE))
    assert told(effects) == ["security_change.at_home_limited"]
    (case,) = player.obligations["a1"].cases
    player.see(says(NOON + HOUR, "no", case))
    assert "freeze" in actions(player)
    assert player.obligations["a1"].cases[0].lines[0].text.endswith("in a known network")


def test_a_change_without_a_device_from_a_strange_network_is_a_strangers() -> None:
    player = settled()
    effects = player.see(login(NOON, "c", CredentialChanged, reason="phone", **ABROAD))
    assert told(effects) == ["security_change.limited"]
    assert actions(player) == ["limit"]
    (case,) = player.obligations["a1"].cases
    assert (case.flow, case.priority) == ("F28", 3)
    player.see(login(NOON + MINUTE, "d", CredentialChanged, reason="email", **ABROAD))
    assert case.priority == 1
    player.see(says(NOON + HOUR, "no", case))
    assert "freeze" in actions(player)


def test_an_account_that_is_being_set_up_without_a_device_is_told_and_no_more() -> None:
    player = Player(settled().policy)
    effects = player.see(login(NOON, "c", CredentialChanged, reason="phone", **HERE))
    assert told(effects) == ["security_change"]
    assert player.obligations["a1"].cases == []
