"""Is a new password taken for what it is, when its owner sets it because a stranger with the old one was kept out?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, login
from support.play import PHONE, Player, policy, settled

from streams.contracts.accounts import CustomerConfirmed
from streams.contracts.cases import NotificationRequested
from streams.contracts.logins import ChallengePassed, CredentialChanged, DeviceBound, LoginSucceeded, SessionUsed
from streams.core.obligations import Case
from streams.core.steps import Effect

BOX: dict[str, Any] = {"device_id": "box", "ip": "192.0.2.9", "country": "RU"}
ASSUMED = '[locks]\nack = "assumed"\n'
STOPS = '[rules.new_country]\noutcomes = ["block", "block", "block"]\n'


def stranger(rules: str = "") -> Player:
    player = settled(policy(ASSUMED, rules))
    player.see(login(NOON, "thief", LoginSucceeded, **BOX))
    return player


def changes(player: Player, after_ms: int = HOUR, reason: str = "password", **where: Any) -> list[str]:
    """What the owner is told of the change."""
    where = PHONE | where
    player.see(login(NOON + after_ms - MINUTE, f"own-{after_ms}", LoginSucceeded, **where))
    return told(player.see(login(NOON + after_ms, f"pw-{after_ms}", CredentialChanged, reason=reason, **where)))


def told(effects: list[Effect]) -> list[str]:
    return [each.template for each in effects if type(each) is NotificationRequested]


def change_of(player: Player) -> Case:
    return next(
        case for case in player.obligations["a1"].cases if any(line.event_id.startswith("Cred") for line in case.lines)
    )


def limits(player: Player) -> list[str]:
    return [held.action for held in player.obligations["a1"].locks]


@pytest.mark.parametrize("rules", ["", STOPS], ids=["asked", "stopped"])
def test_the_owner_who_does_as_told_is_no_case_for_people_and_not_limited(rules: str) -> None:
    player = stranger(rules)
    before = limits(player)
    assert changes(player) == ["security_change.at_home"]
    case = change_of(player)
    assert (case.flow, case.priority, case.status) == ("F28", 3, "auto_answered")
    assert limits(player) == before
    player.pass_until(NOON + 3 * DAY)
    assert not case.is_open


def test_a_no_freezes_all_the_same() -> None:
    player = stranger()
    changes(player)
    known = {"channel": "app", "case_id": change_of(player).case_id, "device_id": "phone"}
    player.see(event(CustomerConfirmed, NOON + 2 * HOUR, "no", answer="no", **known))
    assert "freeze" in limits(player)


@pytest.mark.parametrize(
    "then",
    [
        pytest.param(lambda: login(NOON + 20 * SECOND, "otp", ChallengePassed, reason="sms", **BOX), id="factor"),
        pytest.param(lambda: login(NOON + MINUTE, "bound", DeviceBound, **BOX), id="bound"),
        pytest.param(lambda: login(NOON + MINUTE, "mail", CredentialChanged, reason="email", **BOX), id="change"),
    ],
)
def test_whoever_was_in_makes_any_change_a_doubted_one(then: Any) -> None:
    player = stranger()
    player.see(then())
    assert "security_change.at_home" not in changes(player)
    assert change_of(player).priority == 1


@pytest.mark.parametrize("where", [{"device_id": "new"}, BOX], ids=["new device", "the stranger's"])
def test_what_is_not_from_a_device_of_before_stays_doubted(where: dict[str, Any]) -> None:
    player = stranger()
    assert "security_change.at_home" not in changes(player, **where)
    assert change_of(player).priority == 1


def test_another_setting_stays_doubted() -> None:
    player = stranger()
    changes(player, reason="phone")
    assert change_of(player).priority == 1


def test_a_stolen_session_makes_the_own_device_no_witness() -> None:
    player = stranger()
    used = {"device_id": "phone", "ip": "192.0.2.77", "user_agent": "other", "asn": 9, "country": "RU"}
    player.see(login(NOON + 10 * MINUTE, "session", SessionUsed, session_id="s1", **used))
    trace = player.obligations["a1"].trail[-1]
    assert (trace.kind, trace.doubted) == ("session.used", True)
    changes(player)
    assert change_of(player).priority == 1
