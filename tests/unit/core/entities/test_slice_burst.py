"""Is it noticed when accounts open one after the other through one network or program, each from another device?"""

from __future__ import annotations

import pytest
from support.entities import Entity, login, policy

from streams.contracts.base import from_ms
from streams.contracts.logins import LoginSucceeded
from streams.core.entities.policies import EntitiesPolicy
from streams.core.entities.slice_burst import SAMPLED
from streams.core.signals import Door, signals_of

SLICES = {"network": "203.0.113.0/24", "agent": "curl/8"}


def entered(kind: str, number: int, at_s: float, ip: str, *, at_home: bool = False, account: str = "victim"):
    fields = {"kind": kind, "value": SLICES[kind], "ip": ip, "origin": ip, "warm": True, "familiar": at_home}
    return login(f"{account}-{number}", at_s, ok=True, **fields)


def address(kind: str, number: int) -> str:
    """Another address in the network, or in another network behind the user agent."""
    return f"203.0.113.{number}" if kind == "network" else f"198.51.{number}.7"


@pytest.mark.parametrize("kind", SLICES)
def test_sixteen_accounts_are_one_case_and_all_their_owners_are_told(kind: str):
    entity = Entity(policy())
    entity.play(entered(kind, n, n * 120, address(kind, n)) for n in range(24))
    assert {(case.flow, case.priority, case.rules) for case in entity.cases} == {
        ("F26", "P1", ("credential-burst/02",))
    }
    assert len({case.case_id for case in entity.cases}) == 1
    assert {note.account_id for note in entity.notifications} == {f"victim-{n}" for n in range(24)}
    assert {action.action for action in entity.actions} == {"step_up"}
    assert entity.wait(24 * 120 + 7_200)[-1].status == "closed"


@pytest.mark.parametrize("kind", SLICES)
def test_one_address_is_its_own_business(kind: str):
    entity = Entity(policy())
    entity.play(entered(kind, n, n * 60, address(kind, n % 3)) for n in range(50))
    assert entity.effects == []


def test_a_new_release_of_an_app_has_strangers_and_many_who_are_at_home():
    # A fifth come with a new phone on a new network; of the others one in eight is told.
    agent = Entity(policy())
    agent.play(
        entered("agent", n, n * 7, address("agent", n % 200), at_home=n % 3 == 0, account="user") for n in range(500)
    )
    assert agent.effects == []


def test_a_burst_slower_than_the_window_is_none():
    network = Entity(policy())
    network.play(entered("network", n, n * 300, address("network", n)) for n in range(60))
    assert network.effects == []


def test_a_state_full_of_entries_stays_small_and_goes_when_it_is_quiet():
    network = Entity(policy("[entities.credential_burst]\nenabled = false"))
    network.play(entered("network", n, n, address("network", n % 250)) for n in range(5_000))
    assert network.size < 6_144
    assert network.state.forget_ms - network.state.newest_ms == 3_600_000


def told(door: Door, *, number: int = 0, flagged: bool = False) -> dict[str, bool]:
    """By kind of slice, whether those who come are told to be at home there."""
    event = LoginSucceeded(
        event_id=f"e{number}",
        source="s",
        occurred_at=from_ms(0),
        account_id="a",
        ip="203.0.113.7",
        asn=64_500,
        user_agent="curl/8",
    )
    policies: EntitiesPolicy = policy().entities
    signals = signals_of(
        event,
        0,
        flagged=flagged,
        first=True,
        partition=0,
        next_sequence=iter(range(99)).__next__,
        policy=policies,
        door=door,
    )
    return {each.kind: each.familiar for each in signals if each.kind in SLICES}


def test_strangers_are_told_and_of_those_at_home_one_in_eight():
    assert told(Door(warm=True, strange=True)) == {"network": False, "agent": False}
    assert told(Door(warm=False, strange=True)) == {}, "nobody ever entered this account"
    sampled = [told(Door(warm=True, familiar=True), number=number) for number in range(400)]
    assert 400 // SAMPLED // 2 < sum(map(bool, sampled)) < 400 // SAMPLED * 2
    assert {"network": True, "agent": True} in sampled
