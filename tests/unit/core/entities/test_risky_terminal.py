"""Do late labels make a terminal risky, and do decisions count exactly the windows of their own time?"""

from __future__ import annotations

from support.entities import START_MS, Entity, label, policy

from streams.contracts.base import from_ms
from streams.core.entities.risk_state import RiskState
from streams.core.entities.risky_terminal import EXACT_MAX

DAY_S = 86_400
DELAY_S = 7 * DAY_S


def terminal(text: str = "", barrier_s: int | None = None) -> Entity:
    return Entity(policy(text), barrier_s=barrier_s)


def verdict(fraud: bool, subject_s: float, at_s: float | None = None):
    at_s = subject_s + DELAY_S if at_s is None else at_s
    return label(fraud, at_s, subject_s, kind="terminal", value="t-1")


def known(entity: Entity) -> RiskState:
    state = RiskState()
    for risk in entity.risks:
        state.apply(risk)
    return state


def test_legitimate_labels_alone_publish_nothing():
    honest = terminal()
    honest.play(verdict(False, day * DAY_S) for day in range(60))
    assert honest.effects == []
    assert len(honest.state.labels.days) == 45


def test_the_first_fraud_publishes_the_whole_ring_and_the_second_raises_the_level():
    risky = terminal()
    risky.play(verdict(False, day * DAY_S + 7) for day in range(5))
    risky.play([verdict(True, 5 * DAY_S)])
    assert [(risk.level, risk.typology, len(risk.ring)) for risk in risky.risks] == [("normal", "risky_terminal", 6)]
    assert [(point.frauds, point.labels) for point in risky.risks[0].ring] == [(0, 1)] * 5 + [(1, 1)]
    risky.play([verdict(True, 6 * DAY_S)])
    assert risky.risks[-1].level == "elevated"
    risky.play([verdict(True, 7 * DAY_S + second) for second in range(4)])
    assert risky.risks[-1].level == "attack"


def test_levels_do_not_flap_and_go_when_the_frauds_are_old():
    risky = terminal()
    risky.play(verdict(True, day * DAY_S) for day in range(4))
    risky.play(verdict(False, day * DAY_S + 7_200 * part) for day in range(4, 80) for part in range(3))
    levels = [risk.level for risk in risky.risks]
    changes = [level for before, level in zip(["normal", *levels], levels, strict=False) if level != before]
    assert changes == ["elevated", "attack", "elevated", "normal"]
    assert risky.risks[-1].ring[0].frauds == 0, "the last record says that the frauds have left"
    assert len(risky.risks) < 45 * 3 + 5, "then the terminal is silent again"


def test_in_a_replay_in_steps_one_record_tells_all_labels_of_the_step():
    risky = terminal(barrier_s=DAY_S)
    risky.play(verdict(number % 2 == 0, number * 600) for number in range(10))
    assert risky.effects == []
    assert risky.wait(8 * DAY_S - 0.002) == []
    risky.wait(8 * DAY_S - 0.001)
    assert [(risk.effective_at, sum(point.labels for point in risk.ring)) for risk in risky.risks] == [
        (from_ms(START_MS + 8 * DAY_S * 1000), 10)
    ]


def test_a_busy_merchant_can_be_told_less_often():
    busy = terminal("[entities.risky_terminal]\npublish_every_s = 3600")
    busy.play(verdict(True, number * 10) for number in range(1_000))
    assert 2 <= len(busy.risks) <= 3


def test_a_subject_of_the_future_or_the_far_past_changes_nothing():
    risky = terminal()
    risky.play([verdict(True, 100 * DAY_S)])
    risky.play([verdict(True, 40_000 * DAY_S, at_s=107 * DAY_S), verdict(True, 55 * DAY_S, at_s=107 * DAY_S)])
    assert len(risky.risks) == 1
    assert [day.labels for day in risky.state.labels.days] == [1]


def test_a_busy_day_is_kept_as_a_total():
    busy = terminal()
    busy.play([verdict(True, 0)])
    busy.play(verdict(False, 10 + number) for number in range(5_000))
    point = busy.risks[-1].ring[0]
    assert (point.frauds, point.labels, point.fraud_s, point.legit_s) == (1, 5_001, (), ())
    assert busy.size < 1_024
    fact = known(busy).fact(START_MS + (DELAY_S + DAY_S) * 1000 - 1)
    assert fact is not None
    assert (fact.labels_1d, fact.frauds_1d) == (5_001, 1)


def test_the_ring_is_bounded():
    full = terminal()
    full.play(verdict(True, day * DAY_S + 3 * number) for day in range(60) for number in range(EXACT_MAX))
    assert full.size < 8_192
    assert len(full.state.labels.days) == 45
