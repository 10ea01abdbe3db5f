"""Does the history of a place's labels equal its definition, and end where the labels that may be known end?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.adapters.policy_file import load_policy
from streams.contracts.base import from_ms
from streams.contracts.signals import EntityObserved, EntityRisk, RiskPoint
from streams.core.entities import pipeline
from streams.core.entities.context import EntityContext
from streams.core.entities.risk_state import DAY_S, RiskState
from streams.core.entities.state import EntityState
from streams.core.risk import LabelHistory

DELAY_S = 7 * DAY_S
DAY_0 = 20_000  # days since 1970


def told(labels: list[tuple[int, bool, bool]]) -> RiskState:
    """The accounts' view of a terminal with these (second, fraud, plain) labels."""
    days: dict[int, RiskPoint] = {}
    for number in sorted({second // DAY_S for second, _, _ in labels}):
        mine = [(second % DAY_S, fraud, plain) for second, fraud, plain in labels if second // DAY_S == number]
        days[number] = RiskPoint(
            day=number,
            frauds=sum(fraud for _, fraud, _ in mine),
            labels=len(mine),
            fraud_s=tuple(second for second, fraud, _ in mine if fraud),
            legit_s=tuple(second for second, fraud, _ in mine if not fraud),
            plain=sum(plain for _, fraud, plain in mine if fraud),
            plain_s=tuple(second for second, fraud, plain in mine if fraud and plain),
        )
    state = RiskState()
    state.apply(
        EntityRisk(
            occurred_at=from_ms(0),
            kind="terminal",
            value="t",
            effective_at=from_ms(0),
            expires_at=from_ms(10**14),
            level="elevated",
            typology="risky_terminal",
            ring=tuple(days.values()),
            label_delay_s=DELAY_S,
            version=1,
        )
    )
    return state


def defined(labels: list[tuple[int, bool, bool]], at_s: int) -> LabelHistory | None:
    seen = [each for each in labels if each[0] <= at_s - DELAY_S]
    frauds = [second for second, fraud, _ in seen if fraud]
    if not frauds:
        return None
    plain = [second for second, fraud, bare in seen if fraud and bare]
    last = max(index for index, (_, fraud, _) in enumerate(seen) if fraud)
    first = last
    while first and seen[first - 1][1]:
        first -= 1
    run = seen[first : last + 1]
    weights = [2.0 ** ((second - (at_s - DELAY_S)) / DELAY_S) for second, _, _ in seen]
    return LabelHistory(
        at_s - seen[last][0],
        len(seen) - 1 - last,
        len(run),
        at_s - run[0][0],
        sum(bare for _, _, bare in run),
        sum(at_s - DELAY_S - second < 7 * DAY_S for second in plain),
        sum(at_s - DELAY_S - second < 30 * DAY_S for second in plain),
        at_s - plain[-1] if plain else -1,
        at_s - plain[0] if plain else -1,
        sum(weight for weight, (_, fraud, _) in zip(weights, seen, strict=True) if fraud),
        sum(weight for weight, (_, fraud, bare) in zip(weights, seen, strict=True) if fraud and bare),
        sum(weights),
    )


@given(
    st.lists(st.tuples(st.integers(1, 2 * DAY_S), st.booleans(), st.booleans()), min_size=1, max_size=40),
    st.integers(0, 60 * DAY_S),
)
def test_it_is_what_its_words_say(steps, later):
    labels, second = [], DAY_0 * DAY_S
    for step, fraud, plain in steps:
        second += step
        labels.append((second, fraud, fraud and plain))
    at_s = DAY_0 * DAY_S + later
    fact = told(labels).fact(at_s * 1000)
    assert fact is not None
    wanted = defined(labels, at_s)
    if wanted is None:
        assert fact.history is None
        return
    assert fact.history is not None
    for name in LabelHistory.__struct_fields__:
        assert getattr(fact.history, name) == pytest.approx(getattr(wanted, name)), name


def test_a_label_is_not_seen_before_its_delay_is_over():
    second = DAY_0 * DAY_S + 100
    state = told([(second, True, True)])
    early, due = state.fact((second + DELAY_S - 1) * 1000), state.fact((second + DELAY_S) * 1000)
    assert early is not None
    assert early.history is None
    assert due is not None
    assert due.history is not None
    assert due.history.since_fraud_s == DELAY_S


@pytest.mark.parametrize(("times_usual", "plain"), [(None, 1), (1.0, 1), (2.4, 1), (2.5, 0), (8.0, 0)])
def test_a_large_amount_explains_a_fraud(times_usual, plain):
    policy, state = load_policy(), EntityState()
    at_ms = (DAY_0 + 7) * DAY_S * 1000
    signal = EntityObserved(
        at_ms=at_ms,
        partition=0,
        sequence=1,
        kind="terminal",
        value="t",
        event_id="e",
        account_id="a",
        what="label",
        fraud=True,
        subject_at_ms=DAY_0 * DAY_S * 1000,
        times_usual=times_usual,
    )
    (risk,) = pipeline.observe(state, signal, policy, EntityContext(0, 1, at_ms))
    assert isinstance(risk, EntityRisk)
    assert [point.plain for point in risk.ring] == [plain]
    assert [len(point.plain_s) for point in risk.ring] == [plain]
