"""Is a spray noticed that stays within one network, autonomous system or user agent, and is it one case?"""

from __future__ import annotations

import pytest
from support.entities import Entity, login, policy

from streams.contracts.base import from_ms
from streams.contracts.logins import LoginFailed, LoginSucceeded
from streams.core.entities.pipeline import forgets_ms
from streams.core.risk import slices_of
from streams.core.signals import Door, signals_of

DAY_S = 86_400


def failure(user: str, at_s: float, origin: str, kind: str = "network", value: str = "203.0.113.0/24", **more):
    return login(user, at_s, kind=kind, value=value, origin=origin, **more)


def test_twenty_names_from_addresses_of_one_network_are_one_case():
    network = Entity(policy())
    network.play(failure(f"victim-{number}", number * 60, f"203.0.113.{number}") for number in range(20))
    assert [risk.level for risk in network.risks] == ["elevated", "attack"]
    assert {risk.typology for risk in network.risks} == {"slice_spray"}
    assert [case.flow for case in network.cases] == ["F26"]
    assert [action.action for action in network.actions] == ["step_up"], "honest people live in a network, too"


def test_the_site_has_a_minute_to_recognise_an_attack_as_its_own():
    network = Entity(policy())
    network.play(failure(f"victim-{number}", number, f"203.0.113.{number}") for number in range(59))
    assert [risk.level for risk in network.risks] == ["elevated"], "strangers are challenged at once"
    assert network.cases == []
    network.play([failure("victim-60", 61, "203.0.113.60", incident_id="case_site")])
    assert network.cases == []
    assert [action.case_id for action in network.actions] == ["case_site"]


def test_many_names_from_one_address_are_the_business_of_that_address():
    network = Entity(policy())
    network.play(failure(f"victim-{number}", number, "203.0.113.7") for number in range(200))
    assert network.effects == []


def test_a_spray_that_shares_nothing_but_its_tls_fingerprint_is_one_case():
    handshake = Entity(policy())
    handshake.play([failure("somebody", 0, "64500", "fingerprint", "e7d705a3286e19ea")])
    assert forgets_ms(handshake.state) - handshake.state.newest_ms == 1_800_000, "a flood leaves nothing"
    handshake.play(
        failure(f"victim-{number}", 7_200 + number * 60, f"{64_600 + number}", "fingerprint", "e7d705a3286e19ea")
        for number in range(30)
    )
    assert len({case.case_id for case in handshake.cases}) == 1
    assert {(action.action, action.entity) for action in handshake.actions} == {
        ("step_up", "fingerprint/e7d705a3286e19ea")
    }


def test_the_fingerprint_of_a_failed_login_is_a_slice_of_its_own():
    attempt = LoginFailed(
        event_id="e", source="s", occurred_at=from_ms(0), account_id="a", ip="203.0.113.7", ja3="e7d705a3286e19ea"
    )
    assert ("fingerprint", "e7d705a3286e19ea") in slices_of(attempt)


def test_a_system_is_judged_by_its_own_baseline():
    carrier = Entity(policy())
    # Some 30 customers an hour mistype on new phones, from everywhere in the carrier's network, for four days.
    carrier.play(
        failure(f"honest-{number}", number * 120, f"10.{number % 250}.0.0/24", "system", "64500")
        for number in range(4 * 720)
    )
    assert carrier.effects == []
    start_s = 4 * DAY_S
    carrier.play(
        failure(f"victim-{number}", start_s + number * 10, f"10.{number % 250}.1.0/24", "system", "64500")
        for number in range(300)
    )
    assert [risk.level for risk in carrier.risks][:2] == ["elevated", "attack"]
    assert carrier.size < 16_384


def test_the_first_hour_of_a_system_is_silent_and_that_of_a_network_is_not():
    system = Entity(policy())
    system.play(failure(f"a-{at}", at * 60, f"10.{at}.0.0/24", "system", "64500") for at in range(59))
    assert system.effects == []


def test_a_name_every_six_minutes_is_noticed_within_the_day():
    network = Entity(policy())
    network.play(failure(f"victim-{number}", number * 360, f"203.0.113.{number % 250}") for number in range(240))
    assert [risk.level for risk in network.risks][:2] == ["elevated", "attack"]
    assert "F26" in {case.flow for case in network.cases}


def test_an_attack_that_the_site_knows_is_no_second_case():
    network = Entity(policy())
    network.play(
        failure(f"victim-{number}", number * 60, f"203.0.113.{number}", incident_id="case_site") for number in range(30)
    )
    assert network.cases == []
    assert {action.case_id for action in network.actions} == {"case_site"}


def test_a_flood_of_made_up_user_agents_is_forgotten_in_half_an_hour_and_a_suspect_after_a_day():
    once, often = Entity(policy()), Entity(policy())
    once.play([failure("a", 0, "64500", "agent", "made up 1")])
    often.play(failure(f"a-{number}", number, str(number), "agent", "curl/8") for number in range(5))
    assert once.size < 160
    assert forgets_ms(once.state) - once.state.newest_ms == 1_800_000
    assert forgets_ms(often.state) - often.state.newest_ms == DAY_S * 1000


def event(kind=LoginFailed, **more):
    return kind(event_id="e", source="s", occurred_at=from_ms(0), account_id="a", ip="203.0.113.7", **more)


def told(attempt, door, flagged=False):
    numbers = iter(range(100))
    found = signals_of(
        attempt,
        0,
        flagged=flagged,
        first=True,
        partition=0,
        next_sequence=lambda: next(numbers),
        policy=policy().entities,
        door=door,
    )
    return {
        (signal.kind, signal.value): signal.origin for signal in found if signal.kind in ("network", "system", "agent")
    }


def test_a_strangers_failure_is_told_to_its_slices_each_with_the_narrower_one():
    attempt = event(asn=64_500, user_agent="curl/8.5")
    assert told(attempt, Door()) == {
        ("network", "203.0.113.0/24"): "203.0.113.7",
        ("system", "64500"): "203.0.113.0/24",
        ("agent", "curl/8.5"): "64500",
    }
    assert told(attempt, Door(familiar=True)) == {}
    assert told(event(LoginSucceeded, asn=64_500), Door(warm=True)) == {}, "an honest new phone is nobody's business"
    assert len(told(event(LoginSucceeded, asn=64_500), Door(warm=True), flagged=True)) == 2


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("no address", "no address"),
    ],
)
def test_networks_have_readable_names(ip, network):
    assert (
        slices_of(LoginFailed(event_id="e", source="s", occurred_at=from_ms(0), account_id="a", ip=ip))[0][1] == network
    )


def test_a_long_or_odd_user_agent_is_named_by_its_hash():
    for agent in ("x" * 500, "\u202eevil", ""):
        (_, (kind, value)) = slices_of(event(user_agent=agent))
        assert kind == "agent"
        assert value.isascii()
        assert 0 < len(value) <= 64
