"""Does a rule look at what an entity is held for, and not only at how high?"""

from __future__ import annotations

import pytest
from support.happenings import NOON, login, paid

from streams.adapters.policy_file import load_policy
from streams.contracts.base import from_ms
from streams.contracts.signals import EntityRisk
from streams.core.basis import basis_of
from streams.core.entities.risk_state import RiskState
from streams.core.features import features_of
from streams.core.observations import Observations
from streams.core.rules import evaluate

POLICY = load_policy()


def held(typology: str) -> RiskState:
    """An entity at the highest level, for one thing."""
    state = RiskState()
    state.apply(
        EntityRisk(
            occurred_at=from_ms(NOON - 1),
            kind="ip",
            value="x",
            effective_at=from_ms(NOON - 1),
            expires_at=from_ms(NOON + 9),
            level="attack",
            typology=typology,
            score=1.0,
            version=1,
        )
    )
    return state


def rules_of(event, where: str, typology: str) -> set[str]:
    state = held(typology)
    risk = lambda kind, _, at_ms: state.fact(at_ms) if kind == where else None  # noqa: E731
    features = features_of(Observations(), event, NOON, risk, basis_of(POLICY, NOON))
    return {hit.rule for hit in evaluate(event, NOON, features, POLICY)}


PAYMENT = paid(NOON, 1, 100, merchant_id="m", device_id="d", ip="192.0.2.1", bin="400099", card_token="c")
ATTEMPT = login(NOON, 1, ip="192.0.2.1", device_id="d")


@pytest.mark.parametrize("where", ["device", "ip", "merchant"])
@pytest.mark.parametrize("typology", ["risky_terminal", "password_spray"])
def test_proved_frauds_and_guessed_passwords_are_no_card_testing(where, typology):
    assert not any(rule.startswith("card-testing") for rule in rules_of(PAYMENT, where, typology))


@pytest.mark.parametrize("where", ["device", "ip", "merchant", "bin"])
def test_tested_cards_are(where):
    assert "card-testing/02" in rules_of(PAYMENT, where, "card_testing")


@pytest.mark.parametrize("where", ["ip", "device"])
@pytest.mark.parametrize("typology", ["risky_terminal", "card_testing"])
def test_proved_frauds_and_tested_cards_are_no_attack_on_logins(where, typology):
    assert not any(rule.startswith("hostile-address") for rule in rules_of(ATTEMPT, where, typology))


@pytest.mark.parametrize("where", ["ip", "device"])
def test_guessed_passwords_are(where):
    assert "hostile-address/02" in rules_of(ATTEMPT, where, "password_spray")


def test_several_things_at_once_are_told_apart():
    state = held("risky_terminal")
    state.apply(
        EntityRisk(
            occurred_at=from_ms(NOON - 1),
            kind="device",
            value="x",
            effective_at=from_ms(NOON - 1),
            expires_at=from_ms(NOON + 9),
            level="elevated",
            typology="card_testing",
            score=0.2,
            version=1,
        )
    )
    fact = state.fact(NOON)
    assert (fact.level, fact.labelled, fact.testing, fact.guessing) == (2, 2, 1, 0)
