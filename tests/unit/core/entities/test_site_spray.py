"""Is a spray noticed that changes its address for every attempt, on a small site and on a large one?"""

from __future__ import annotations

import pytest
from support.entities import START_MS, Entity, login, policy

from streams.contracts.base import from_ms
from streams.contracts.signals import EntityObserved
from streams.core.entities.site_spray import NAMES_MAX, thresholds

DAY_S = 86_400


def site(text: str = "") -> Entity:
    return Entity(policy(text))


def failure(user: str, at_s: float, ok: bool = False, ip: str | None = None) -> EntityObserved:
    return login(user, at_s, ok, kind="health", value="site", ip=ip)


def test_on_a_small_site_two_names_in_a_minute_are_too_many():
    small = site()
    small.play(failure(f"user-{hour}", hour * 3_600) for hour in range(48))
    assert small.effects == []
    at_s = 2 * DAY_S
    small.play(failure(f"victim-{number}", at_s + number) for number in range(3))
    assert [risk.level for risk in small.risks] == ["elevated"]
    assert (small.risks[0].kind, small.risks[0].value, small.risks[0].typology) == ("health", "site", "site_spray")
    small.play(failure(f"victim-{number}", at_s + number) for number in range(3, 8))
    assert [case.flow for case in small.cases] == ["F26"]
    assert [action.action for action in small.actions] == ["step_up"]


def test_a_busy_site_is_judged_by_its_own_baseline():
    busy = site()
    # 40 distinct names fail every minute, for six hours.
    busy.play(failure(f"user-{number}", number * 1.5) for number in range(6 * 2_400))
    assert busy.effects == []
    assert busy.state.site.usual == pytest.approx(40, rel=0.05)
    start_s = 6 * 3_600
    busy.play(failure(f"victim-{number}", start_s + number * 0.3) for number in range(400))
    assert [risk.level for risk in busy.risks][:2] == ["elevated", "attack"]


def test_a_very_busy_site_does_not_alarm_because_of_its_size():
    busy = site()
    busy.play(failure(f"user-{number}", number * 0.05) for number in range(80_000))
    assert busy.effects == []
    assert len(busy.state.site.failed) == NAMES_MAX
    assert busy.size < 16_384


def test_silence_and_traffic_give_the_mean_of_both():
    quiet = site()
    quiet.play(failure(f"user-{number}", number * 600) for number in range(200))
    # One name every ten minutes.
    assert quiet.state.site.usual == pytest.approx(0.1, rel=0.1)


def test_an_attack_does_not_teach_the_baseline():
    small = site()
    small.play(failure(f"user-{hour}", hour * 3_600) for hour in range(24))
    usual = small.state.site.usual
    small.play(failure(f"victim-{number}", DAY_S + number) for number in range(1_800))
    assert small.state.site.usual < usual + 0.1


def test_the_first_hour_of_a_site_is_silent():
    new = site()
    new.play(failure(f"user-{number}", number) for number in range(3_599))
    assert new.effects == []


def test_many_names_from_one_address_are_the_business_of_that_address():
    small = site()
    small.play(failure(f"user-{hour}", hour * 3_600) for hour in range(24))
    one = [failure(f"victim-{number}", DAY_S + number, ip="203.0.113.7") for number in range(100)]
    small.play(one)
    assert small.effects == []
    small.play(failure(f"other-{number}", DAY_S + 100, ip=f"203.0.113.{number}") for number in (8, 9))
    assert [risk.level for risk in small.risks] == ["elevated"]


def test_a_stranger_who_gets_in_during_the_attack_is_exposed_and_only_that_owner_is_told():
    small = site()
    small.play(failure(f"user-{hour}", hour * 3_600) for hour in range(24))
    small.play(failure(f"victim-{number}", DAY_S + number) for number in range(8))
    small.play([failure("victim-7", DAY_S + 10, ok=True), failure("victim-7", DAY_S + 11, ok=True)])
    lines = [line.text for line in small.cases[-1].evidence if line.kind == "account_exposed"]
    assert lines == ["right password for victim-7"]
    assert [(note.template, note.account_id) for note in small.notifications] == [
        ("credential_attack.exposed", "victim-7")
    ]
    assert {action.action for action in small.actions} == {"step_up"}, "nobody is locked"


def test_an_attempt_a_minute_is_noticed_in_the_slow_window():
    small = site()
    small.play(failure(f"user-{hour}", hour * 3_600) for hour in range(0, 24, 6))
    small.play(failure(f"victim-{number}", DAY_S + number * 70) for number in range(10))
    assert [risk.level for risk in small.risks] == ["elevated", "attack"]
    assert small.risks[0].occurred_at == from_ms(START_MS + (DAY_S + 140) * 1000)
    assert [case.changed for case in small.cases] == [("opened", "actions")]


def test_the_level_ends_a_minute_after_the_attack():
    small = site()
    small.play(failure(f"user-{hour}", hour * 3_600) for hour in range(24))
    small.play(failure(f"victim-{number}", DAY_S + number) for number in range(300))
    newest = small.risks[-1]
    assert (newest.expires_at - newest.effective_at).total_seconds() == 60
    small.play([failure("honest", DAY_S + 1_000)])
    assert small.risks[-1] is newest


@pytest.mark.parametrize(
    ("usual", "elevated", "attack"), [(0.0, 2, 6), (0.05, 2, 6), (1.0, 7, 13), (100.0, 160, 220), (1_000.0, 1375, 1750)]
)
def test_thresholds_scale_with_traffic(usual: float, elevated: int, attack: int):
    assert thresholds(usual, policy().entities.site_attack) == (elevated, attack)


def test_the_failures_of_days_that_arrive_at_once_are_no_attack():
    """In a backfill one source may be days behind another: its attempts belong to no window of now."""
    site_ = site()
    site_.play(failure(f"user-{hour}", hour * 3_600) for hour in range(48))
    site_.play(failure(f"behind-{hour}", hour * 3_600 + 60) for hour in range(24))
    assert site_.effects == []
    # A source that is a little behind still counts.
    site_.play(failure(f"victim-{number}", 48 * 3_600 - 600 + number) for number in range(8))
    assert [case.flow for case in site_.cases] == ["F26"]
