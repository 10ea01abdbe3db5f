"""Is a foreign list of names noticed by those that are nobody's, on a site too busy to notice it by their number?"""

from __future__ import annotations

import random

from support.entities import Entity, login, policy

from streams.core.entities.credential_stuffing import NAMES_MAX

DAY_S = 86_400
SITE = {"kind": "health", "value": "site"}


def crowd(start_s: int, until_s: int, per_minute: int = 40, unknown: float = 0.03):
    """Strangers of a busy site, of whom few mistype their name."""
    dice = random.Random(start_s)
    for turn in range((until_s - start_s) * per_minute // 60):
        at_s = start_s + turn * 60 / per_minute
        known = dice.random() >= unknown
        ip = f"10.{turn % 200}.{turn % 7}.9"
        yield login(f"person-{start_s}-{turn}", at_s, dice.random() < 0.7, known=known, ip=ip, **SITE)


def listed(start_s: int, number: int, every_s: float):
    for turn in range(number):
        yield login(
            f"list-{turn}",
            start_s + turn * every_s,
            known=turn % 3 == 0,
            ip=f"172.16.{turn // 250}.{turn % 250}",
            **SITE,
        )


def test_a_list_that_hides_in_the_crowd_is_one_case():
    site = Entity(policy())
    site.play(crowd(0, DAY_S))
    assert site.cases == [], "a busy site is no attack"
    attack = sorted([*crowd(DAY_S, DAY_S + 1_200), *listed(DAY_S, 300, 4)], key=lambda signal: signal.at_ms)
    site.play(attack)
    assert {(case.flow, case.cause_family, case.subject) for case in site.cases} == {
        ("F26", "credential_stuffing", "health/site")
    }
    assert len({case.case_id for case in site.cases}) == 1
    assert [action.action for action in site.actions] == ["step_up", "step_up"]
    assert site.size < 16_384


def test_the_same_number_of_names_that_exist_is_not_seen_by_their_number():
    site = Entity(policy())
    site.play(crowd(0, DAY_S))
    known = [login(f"victim-{turn}", DAY_S + turn * 4, ip=f"172.16.0.{turn}", **SITE) for turn in range(300)]
    site.play(sorted([*crowd(DAY_S, DAY_S + 1_200), *known], key=lambda signal: signal.at_ms))
    assert site.cases == []


def test_a_site_where_many_names_are_mistyped_all_the_time_is_used_to_it():
    site = Entity(policy())
    site.play(crowd(0, DAY_S, per_minute=20, unknown=0.3))
    assert site.cases == []


def test_traffic_that_changes_for_good_is_an_attack_for_a_day_at_most():
    site = Entity(policy("[entities.site_attack]\nenabled = false"))
    site.play(crowd(0, DAY_S // 4, per_minute=20))
    site.play(crowd(DAY_S // 4, 2 * DAY_S + DAY_S // 4, per_minute=20, unknown=0.5))
    site.wait(3 * DAY_S)
    assert site.cases[-1].status == "closed"
    before = len(site.cases)
    site.play(crowd(3 * DAY_S, 3 * DAY_S + 7_200, per_minute=20, unknown=0.5))
    assert len(site.cases) == before


def test_one_address_with_a_list_is_its_own_business():
    system = Entity(policy())
    system.play(
        login(f"list-{turn}", turn * 3, known=False, kind="system", value="64500", origin="203.0.113.0/24")
        for turn in range(500)
    )
    assert system.effects == []
    assert len(system.state.unknown.names) <= NAMES_MAX


def test_a_system_has_a_baseline_of_its_own():
    system = Entity(policy("[entities.slice_attack]\nenabled = false"))
    system.play(
        login(f"person-{turn}", turn * 300, kind="system", value="64500", origin=f"10.{turn % 250}.1.0/24")
        for turn in range(24)
    )
    system.play(
        login(
            f"list-{turn}",
            7_200 + turn * 3,
            known=turn % 3 == 0,
            kind="system",
            value="64500",
            origin=f"10.{turn}.0.0/24",
        )
        for turn in range(100)
    )
    assert {(case.cause_family, case.subject) for case in system.cases} == {("credential_stuffing", "system/64500")}
