"""Is one password on many accounts noticed, whatever else changes?"""

from __future__ import annotations

from support.entities import Entity, login, policy

from streams.contracts.base import from_ms
from streams.contracts.logins import LoginFailed
from streams.core.signals import Door, signals_of


def tried(user: str, at_s: float, network: str, **fields: object):
    return login(user, at_s, kind="guess", value="a1b2", origin=network, **fields)


def test_one_password_on_thirty_accounts_within_an_hour_is_one_case():
    guess = Entity(policy())
    guess.play(tried(f"victim-{turn}", turn * 60, f"10.{turn}.0.0/24") for turn in range(45))
    assert [risk.level for risk in guess.risks] == ["elevated", "attack"]
    assert {(case.flow, case.cause_family, case.subject) for case in guess.cases} == {
        ("F26", "guess_spray", "guess/a1b2")
    }
    assert [(action.action, action.entity) for action in guess.actions] == [("step_up", "guess/a1b2")]
    assert guess.notifications == []
    assert guess.wait(4 * 3_600)[-1].status == "closed"


def test_one_password_of_one_network_is_the_business_of_that_network():
    guess = Entity(policy())
    guess.play(tried(f"victim-{turn}", turn * 10, "203.0.113.0/24") for turn in range(300))
    assert guess.effects == []


def test_somebody_who_repeats_a_wrong_password_is_nobody():
    guess = Entity(policy())
    guess.play(tried("anna", turn * 10, f"10.{turn}.0.0/24") for turn in range(100))
    assert guess.effects == []


def test_only_a_stranger_s_failure_tells_its_guess():
    def kinds(door: Door, **fields: object) -> set[str]:
        event = LoginFailed(
            event_id="e", source="s", occurred_at=from_ms(0), account_id="a", ip="203.0.113.7", **fields
        )
        found = signals_of(
            event,
            0,
            flagged=False,
            first=True,
            partition=0,
            next_sequence=lambda: 0,
            policy=policy().entities,
            door=door,
        )
        return {signal.kind for signal in found}

    assert "guess" in kinds(Door(), guess_hash="a1b2")
    assert "guess" not in kinds(Door())
    assert "guess" not in kinds(Door(familiar=True), guess_hash="a1b2")
