"""Is a restriction lifted when its login turns out to be one of an attack, and only then?"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from support.happenings import HOUR, MINUTE, NOON, event, login, paid
from support.play import PHONE, Player, policy, settled

from streams.contracts.base import from_ms
from streams.contracts.cases import NotificationRequested
from streams.contracts.logins import LoginSucceeded
from streams.contracts.payments import TransferRequested
from streams.contracts.signals import EntityRisk
from streams.core.attacked_places import AttackedPlaces, is_attacked_place, marks_of
from streams.core.obligations import Case
from streams.core.risk import RiskFact, RiskView, no_risk
from streams.core.steps import Effect

# Every login by a stranger is of the third band.
RISKY = '[locks]\nack = "assumed"\n[rules.login_risk]\nratios = [1e-12, 2e-12, 3e-12]\n'
FAR: dict[str, Any] = {"device_id": "box", "ip": "198.51.100.9", "country": "US", "asn": 60781}


def attack(at_ms: int, kind: Any = "ip", value: str = "198.51.100.9", **fields: Any) -> EntityRisk:
    known: dict[str, Any] = {
        "occurred_at": from_ms(at_ms),
        "kind": kind,
        "value": value,
        "effective_at": from_ms(at_ms),
        "expires_at": from_ms(at_ms + HOUR),
        "level": "attack",
        "typology": "credential_burst",
        "version": 1,
        "case_id": "case_attack",
    }
    return EntityRisk(**known | fields)


@cache
def busy_site() -> bytes:
    """One that has seen enough logins to score anybody, with a customer at home."""
    player = settled(policy(RISKY))
    for number in range(1_000):
        other = {"account_id": f"a{number + 2}", "device_id": f"phone-{number}", "user_agent": "wallet/5.3"}
        player.see(login(NOON - 2 * HOUR + number, number, LoginSucceeded, **other))
    return player.saved()


def entered(more: str = "", risk: RiskView = no_risk) -> tuple[Player, Case]:
    player = Player.revived(busy_site(), policy(RISKY + more), risk)
    player.see(login(NOON, "in", LoginSucceeded, user_agent="wallet/5.3", **FAR))
    (case,) = player.obligations["a1"].cases
    assert case.flow == "F21"
    assert actions(player) == ["restrict"]
    return player, case


def actions(player: Player) -> list[str]:
    return [held.action for held in player.obligations["a1"].locks]


def told(effects: list[Effect]) -> list[str]:
    return [each.template for each in effects if type(each) is NotificationRequested]


@pytest.mark.parametrize(("kind", "value"), [("ip", "198.51.100.9"), ("device", "box"), ("system", "60781")])
def test_a_first_victim_joins_the_attack_and_is_not_restricted_any_longer(kind: str, value: str) -> None:
    player, case = entered()
    player.attacked.apply(attack(NOON + 10 * MINUTE, kind, value))
    assert told(player.pass_until(NOON + 20 * MINUTE)) == ["unlocked.contained"]
    assert actions(player) == []
    assert case.incident_id == "case_attack"
    assert player.obligations["a1"].early == []
    player.stored()


UNCONTAINED = [f"[entities.credential_burst]\n{each}\n" for each in ('mode = "observe"', 'containment = "none"')]


@pytest.mark.parametrize("uncontained", UNCONTAINED)
def test_where_nothing_contains_the_attack_its_victim_joins_it_and_stays_restricted(uncontained: str) -> None:
    player, case = entered(uncontained)
    player.attacked.apply(attack(NOON + 10 * MINUTE))
    assert told(player.pass_until(NOON + 2 * HOUR)) == []
    assert actions(player) == ["restrict"]
    assert case.incident_id == "case_attack"
    assert [line.kind for line in case.lines].count("joined_incident") == 1


def test_the_widest_attack_is_joined_and_whichever_is_contained_lifts_the_restriction() -> None:
    player, case = entered(UNCONTAINED[0])
    player.attacked.apply(attack(NOON + 10 * MINUTE, "system", "60781"))
    player.attacked.apply(attack(NOON + 40 * MINUTE, typology="password_spray", case_id="case_narrow"))
    player.pass_until(NOON + 30 * MINUTE)
    assert actions(player) == ["restrict"]
    assert told(player.pass_until(NOON + 2 * HOUR)) == ["unlocked.contained"]
    assert case.incident_id == "case_attack"


@pytest.mark.parametrize("uncontained", UNCONTAINED)
def test_a_known_attack_spares_its_victims_only_where_it_is_contained(uncontained: str) -> None:
    def look(kind: str, value: str, at_ms: int) -> RiskFact | None:
        known = at_ms >= NOON and (kind, value) == ("ip", "198.51.100.9")
        return RiskFact(2, incident="case_attack", incident_typology="credential_burst") if known else None

    player = Player.revived(busy_site(), policy(RISKY), look)
    player.see(login(NOON, "in", LoginSucceeded, user_agent="wallet/5.3", **FAR))
    assert actions(player) == []
    player, case = entered(uncontained, look)
    assert case.incident_id == "case_attack"


def test_without_an_attack_the_restriction_stands() -> None:
    player, case = entered()
    player.attacked.apply(attack(NOON + 10 * MINUTE, value="203.0.113.200"))
    player.pass_until(NOON + 2 * HOUR)
    assert actions(player) == ["restrict"]
    assert case.incident_id == ""
    assert player.obligations["a1"].early == [], "nobody looks for ever"


def test_who_moved_money_meanwhile_stays_restricted_and_is_a_child_all_the_same() -> None:
    player, case = entered()
    player.see(
        paid(NOON + MINUTE, 900, 50_000, TransferRequested, counterparty_id="mule", device_id="box", ip="198.51.100.9")
    )
    player.attacked.apply(attack(NOON + 10 * MINUTE))
    player.pass_until(NOON + 20 * MINUTE)
    assert "restrict" in actions(player)
    assert case.incident_id == "case_attack"


def test_a_place_counts_from_and_until_when_the_entities_agent_says() -> None:
    places, marks = AttackedPlaces(), marks_of(event(LoginSucceeded, NOON, 1, **FAR))
    places.apply(attack(NOON))
    places.apply(attack(NOON + 30 * MINUTE))
    assert not places.held(marks, NOON - 1)
    assert places.held(marks, NOON)
    assert places.held(marks, NOON + 89 * MINUTE)
    assert not places.held(marks, NOON + 90 * MINUTE)
    assert not places.held(marks_of(event(LoginSucceeded, NOON, 2, **PHONE)), NOON)


def test_what_is_no_place_of_an_attack_on_logins_is_not_remembered() -> None:
    assert is_attacked_place(attack(NOON))
    assert not is_attacked_place(attack(NOON, case_id=None))
    assert not is_attacked_place(attack(NOON, typology="card_testing"))
    assert not is_attacked_place(attack(NOON, "health", "site"))
