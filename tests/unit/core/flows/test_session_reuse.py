from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event
from support.play import Player, play, policy

from streams.contracts.actions import ActionRequested
from streams.contracts.base import Event
from streams.contracts.cases import CaseVersion
from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import LoginSucceeded, SessionUsed

HOME: dict[str, Any] = {"ip": "198.51.100.4", "asn": 64500, "user_agent": "Firefox/128", "device_id": "laptop"}
THIEF: dict[str, Any] = {"ip": "203.0.113.9", "asn": 64666, "user_agent": "curl/8.5", "device_id": "box"}


def at_home() -> list[Event]:
    return [event(LoginSucceeded, NOON - (9 - day) * DAY, day, **HOME) for day in range(8)]


def used(at_ms: int, number: int, **where: Any) -> Event:
    return event(SessionUsed, at_ms, number, session_id="s", **where)


def answers(*uses: Event, overrides: str = "") -> tuple[list[ActionRequested], list[CaseVersion], list[DecisionMade]]:
    effects = play([*at_home(), *uses], policy(overrides))
    cases = {effect.case_id: effect for effect in effects if type(effect) is CaseVersion}
    commands = [effect for effect in effects if type(effect) is ActionRequested and effect.attempt == 1]
    return commands, list(cases.values()), [each for each in effects if type(each) is DecisionMade]


def test_a_thief_who_comes_back_at_once_is_put_out_once_and_an_hour_later_again() -> None:
    at_once = [used(NOON + i * SECOND, i, **THIEF) for i in range(40)]
    commands, cases, _ = answers(*at_once, used(NOON + 2 * HOUR, 99, **THIEF), overrides='[locks]\nack = "assumed"\n')
    assert [command.action for command in commands] == ["end_sessions", "end_sessions"]
    assert len(cases) == 1


def test_who_roams_or_updates_the_browser_is_left_alone() -> None:
    roaming = {**HOME, "ip": "192.0.2.8", "asn": 64510}
    updated = {**HOME, "user_agent": "Firefox/129"}
    commands, cases, decisions = answers(used(NOON, 1, **roaming), used(NOON + MINUTE, 2, **updated))
    assert (commands, cases) == ([], [])
    assert {each.subject for each in decisions} == {"login"}


def test_a_known_device_is_asked_for_a_second_factor_and_keeps_its_sessions() -> None:
    commands, cases, decisions = answers(used(NOON, 1, **{**THIEF, "device_id": "laptop"}))
    assert (commands, cases) == ([], [])
    assert [each.outcome for each in decisions if each.subject == "session"] == ["step_up"]


def test_where_the_rule_observes_nothing_is_ended() -> None:
    commands, _, _ = answers(used(NOON, 1, **THIEF), overrides='[rules.session_reuse]\nmode = "observe"\n')
    assert commands == []


@settings(max_examples=40)
@given(st.lists(st.sampled_from([HOME, THIEF]), max_size=12))
def test_uses_of_a_session_teach_nothing(uses: list[dict[str, Any]]) -> None:
    """Whatever a session did, the next stranger is as strange, and the owner as known."""
    player = Player(policy())
    for each in at_home():
        player.see(each)
    before = player.observations["a1"]
    habits = (before.systems, before.agents, before.devices, before.trusted)
    for number, where in enumerate(uses):
        player.see(used(NOON + number * MINUTE, number, **where))
    after = player.observations["a1"]
    assert (after.systems, after.agents, after.devices, after.trusted) == habits
