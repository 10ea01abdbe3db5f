"""Does a value of entity risk count exactly from its effective time to its end?"""

from __future__ import annotations

from typing import Any

from streams.contracts.base import from_ms
from streams.contracts.signals import EntityRisk
from streams.core.entities.risk_state import (
    TYPOLOGIES_MAX,
    VERSIONS_MAX,
    RiskState,
    apply_risk,
    forgets_ms,
    risk_fact,
    risk_key,
)

DELAY_S = 604_800


def risk(version: int, effective_s: int, expires_s: int, level: str = "attack", **fields: Any) -> EntityRisk:
    return EntityRisk(
        occurred_at=from_ms(effective_s * 1000),
        kind="ip",
        value="203.0.113.7",
        effective_at=from_ms(effective_s * 1000),
        expires_at=from_ms(expires_s * 1000),
        level=level,  # type: ignore[arg-type]
        typology=fields.pop("typology", "password_spray"),
        score=fields.pop("score", 0.5),
        version=version,
    )


def level_at(state: RiskState, at_s: float) -> int | None:
    fact = risk_fact(state, int(at_s * 1000), DELAY_S)
    return None if fact is None else fact.level


def test_a_value_counts_from_its_effective_time_until_it_expires():
    state = RiskState()
    assert apply_risk(state, risk(1, 100, 200))
    assert [level_at(state, at_s) for at_s in (99.999, 100, 199.999, 200)] == [None, 2, 2, None]
    assert forgets_ms(state) == 200_000


def test_a_late_event_uses_the_value_of_its_own_time():
    state = RiskState()
    apply_risk(state, risk(1, 100, 1_000, "elevated"))
    apply_risk(state, risk(2, 200, 1_000, "attack"))
    apply_risk(state, risk(3, 300, 1_000, "normal"))
    assert [level_at(state, at_s) for at_s in (50, 150, 250, 350)] == [None, 1, 2, 0]


def test_a_newer_value_hides_an_older_one_even_when_the_newer_one_has_expired():
    state = RiskState()
    apply_risk(state, risk(1, 100, 1_000, "attack"))
    apply_risk(state, risk(2, 200, 300, "elevated"))
    assert level_at(state, 400) is None


def test_a_repeated_or_older_record_changes_nothing():
    state = RiskState()
    apply_risk(state, risk(1, 100, 200))
    assert not apply_risk(state, risk(1, 100, 900, "elevated"))
    assert not apply_risk(state, risk(1, 50, 900, "elevated"))
    assert level_at(state, 150) == 2


def test_versions_may_start_again_after_the_entity_was_forgotten():
    state = RiskState()
    apply_risk(state, risk(7, 100, 200))
    assert apply_risk(state, risk(1, 5_000, 6_000, "elevated"))
    assert level_at(state, 5_500) == 1


def test_the_worst_of_several_typologies_counts():
    state = RiskState()
    apply_risk(state, risk(1, 100, 900, "elevated", typology="card_testing", score=0.9))
    apply_risk(state, risk(2, 100, 300, "attack", score=0.4))
    fact = risk_fact(state, 250_000, DELAY_S)
    assert fact is not None
    assert (fact.level, fact.typology, fact.score, fact.age_s) == (2, "password_spray", 0.4, 150)
    assert level_at(state, 400) == 1


def test_versions_and_typologies_are_bounded():
    state = RiskState()
    for version in range(1, 500):
        apply_risk(state, risk(version, version * 10, version * 10 + 50, typology=f"kind-{version % 9}"))
    assert len(state.versions) <= VERSIONS_MAX * (TYPOLOGIES_MAX + 1)


def test_the_key_names_the_entity():
    assert risk_key("ip", "2001:db8::1") == b"risk/ip/2001:db8::1"
