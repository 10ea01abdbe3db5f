"""Does a value of entity risk count exactly from its effective time to its end?"""

from __future__ import annotations

from typing import Any

from streams.contracts.base import from_ms
from streams.contracts.signals import EntityRisk
from streams.core.entities.risk_state import (
    TYPOLOGIES_MAX,
    VERSIONS_MAX,
    RiskState,
)


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
        **fields,
    )


def level_at(state: RiskState, at_s: float) -> int | None:
    fact = state.fact(int(at_s * 1000))
    return None if fact is None else fact.level


def test_an_attack_where_honest_people_are_at_home_has_strangers_asked_and_nobody_blocked():
    state = RiskState()
    assert state.apply(risk(1, 100, 200, shared=True))
    fact = state.fact(150_000)
    assert fact is not None
    assert (fact.level, fact.guessing) == (2, 1)


def test_a_value_counts_from_its_effective_time_until_it_expires():
    state = RiskState()
    assert state.apply(risk(1, 100, 200))
    assert [level_at(state, at_s) for at_s in (99.999, 100, 199.999, 200)] == [None, 2, 2, None]
    assert state.forgets_ms() == 200_000


def test_a_late_event_uses_the_value_of_its_own_time():
    state = RiskState()
    state.apply(risk(1, 100, 1_000, "elevated"))
    state.apply(risk(2, 200, 1_000, "attack"))
    state.apply(risk(3, 300, 1_000, "normal"))
    assert [level_at(state, at_s) for at_s in (50, 150, 250, 350)] == [None, 1, 2, 0]


def test_a_newer_value_hides_an_older_one_even_when_the_newer_one_has_expired():
    state = RiskState()
    state.apply(risk(1, 100, 1_000, "attack"))
    state.apply(risk(2, 200, 300, "elevated"))
    assert level_at(state, 400) is None


def test_a_repeated_or_older_record_changes_nothing():
    state = RiskState()
    state.apply(risk(1, 100, 200))
    assert not state.apply(risk(1, 100, 900, "elevated"))
    assert not state.apply(risk(1, 50, 900, "elevated"))
    assert level_at(state, 150) == 2


def test_versions_may_start_again_after_the_entity_was_forgotten():
    state = RiskState()
    state.apply(risk(7, 100, 200))
    assert state.apply(risk(1, 5_000, 6_000, "elevated"))
    assert level_at(state, 5_500) == 1


def test_the_worst_of_several_typologies_counts():
    state = RiskState()
    state.apply(risk(1, 100, 900, "elevated", typology="card_testing", score=0.9))
    state.apply(risk(2, 100, 300, "attack", score=0.4))
    fact = state.fact(250_000)
    assert fact is not None
    assert (fact.level, fact.typology, fact.score, fact.age_s) == (2, "password_spray", 0.4, 150)
    assert level_at(state, 400) == 1


def test_versions_and_typologies_are_bounded():
    state = RiskState()
    for version in range(1, 500):
        state.apply(risk(version, version * 10, version * 10 + 50, typology=f"kind-{version % 9}"))
    assert len(state.versions) <= VERSIONS_MAX * (TYPOLOGIES_MAX + 1)
