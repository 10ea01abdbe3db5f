"""Entities: do order, batches, restarts, floods and label delays leave results right and states small?"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.entities import START_MS, Entity, card, label, login, policy, posted

from streams.contracts.cases import NotificationRequested
from streams.contracts.signals import EntityObserved
from streams.core.cases.shelf import SnapshotDropped
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.pipeline import fire, forgets_ms, next_due_ms, observe
from streams.core.entities.risk_state import RiskState
from streams.core.entities.risky_terminal import EXACT_MAX
from streams.core.entities.state import EntityState
from streams.core.signals import order_of, state_key

POLICY = policy()
DAY_S = 86_400
DELAY_S = 7 * DAY_S

times = st.integers(0, 7_200)
users = st.sampled_from([f"user-{number}" for number in range(12)])
signals = st.lists(
    st.one_of(
        st.builds(login, users, times, st.booleans()),
        st.builds(lambda user, at_s, refused: card(user, at_s, refused), users, times, st.booleans()),
        st.builds(lambda fraud, at_s, age_s: label(fraud, at_s, at_s - age_s), st.booleans(), times, times),
        st.builds(posted, users, times, st.integers(0, 50_000)),
    ),
    max_size=60,
)


@given(signals, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_arrival_does_not_matter_only_time_partition_and_sequence(stream: list[EntityObserved], dice: random.Random):
    stream = [msgspec.structs.replace(entry, partition=number % 3) for number, entry in enumerate(stream)]
    shuffled = stream.copy()
    dice.shuffle(shuffled)
    first, second = Entity(POLICY), Entity(POLICY)
    first.play(sorted(stream, key=order_of))
    second.play(sorted(shuffled, key=order_of))
    assert first.effects == second.effects
    assert first.state == second.state


@given(signals, st.integers(1, 7))
@settings(max_examples=60, deadline=None)
def test_restarting_from_bytes_at_any_point_changes_nothing(stream: list[EntityObserved], step: int):
    stream.sort(key=order_of)
    whole, cut = Entity(POLICY), Entity(POLICY)
    whole.play(stream)
    whole.wait(200_000)
    for start in range(0, len(stream), step):
        cut.play(stream[start : start + step])
    cut.wait(200_000)
    assert whole.effects == cut.effects


@given(signals)
@settings(max_examples=60, deadline=None)
def test_versions_rise_by_one_and_every_attack_case_ends(stream: list[EntityObserved]):
    entity = Entity(POLICY)
    entity.play(sorted(stream, key=order_of))
    entity.wait(300_000)
    entity.wait(95 * DAY_S)  # and the snapshot of every case has gone
    assert next_due_ms(entity.state) is None
    dropped = [effect.case_id for effect in entity.effects if isinstance(effect, SnapshotDropped)]
    assert sorted(dropped) == sorted({case.case_id for case in entity.cases})
    assert [risk.version for risk in entity.risks] == list(range(1, len(entity.risks) + 1))
    for case_id in {case.case_id for case in entity.cases}:
        versions = [case for case in entity.cases if case.case_id == case_id]
        assert [case.version for case in versions] == list(range(1, len(versions) + 1))
        assert [case.status for case in versions[-1:]] == ["closed"]
        assert all(case.status != "closed" for case in versions[:-1])


labels = st.lists(
    st.tuples(st.integers(0, 60 * DAY_S), st.integers(0, 12 * DAY_S), st.booleans()), min_size=1, max_size=80
)


@given(labels, st.sampled_from([None, DAY_S, 3_600]), st.lists(st.integers(0, 75 * DAY_S), min_size=1, max_size=8))
@settings(max_examples=80, deadline=None)
def test_label_windows_equal_a_count_over_the_labels_that_had_arrived(
    given_labels: Sequence[tuple[int, int, bool]], barrier_s: int | None, moments: list[int]
):
    # Above that many a day is counted as a whole.
    assume(max(Counter(subject_s // DAY_S for subject_s, _, _ in given_labels).values()) <= EXACT_MAX)
    everything = policy("[entities.risky_terminal]\nnotable_frauds = 0\nexpires_s = 100000000")
    terminal = Entity(everything, barrier_s=barrier_s)
    arrivals = sorted((subject_s + delay_s, subject_s, fraud) for subject_s, delay_s, fraud in given_labels)
    state = RiskState()
    told = 0
    for at_s in sorted(moments):
        while arrivals and arrivals[0][0] <= at_s:
            arrived_s, subject_s, fraud = arrivals.pop(0)
            terminal.play([label(fraud, arrived_s, subject_s, kind="terminal", value="t-1")])
        terminal.wait(at_s)
        for risk in terminal.risks[told:]:
            state.apply(risk)
        told = len(terminal.risks)
        newest_s = at_s if barrier_s is None else at_s // barrier_s * barrier_s - 1
        inside = [(subject_s, fraud) for subject_s, delay_s, fraud in given_labels if subject_s + delay_s <= newest_s]
        fact = state.fact(START_MS + at_s * 1000)
        if fact is None:
            assert not inside
            continue
        counted = [
            (fact.labels_1d, fact.frauds_1d),
            (fact.labels_7d, fact.frauds_7d),
            (fact.labels_30d, fact.frauds_30d),
        ]
        for days, count in zip((1, 7, 30), counted, strict=True):
            frauds = [
                fraud for subject_s, fraud in inside if at_s - DELAY_S - days * DAY_S < subject_s <= at_s - DELAY_S
            ]
            assert count == (len(frauds), sum(frauds)), days


def _flood(number: int, dice: random.Random) -> list[EntityObserved]:
    """`number` attempts, each from another IPv6 address."""
    return [
        login(f"user-{dice.randrange(1000)}", index / 50, value=f"2001:db8::{dice.getrandbits(48):x}")
        for index in range(number)
    ]


def test_a_flood_of_random_addresses_leaves_small_states_that_are_soon_forgotten():
    states: dict[bytes, EntityState] = {}
    for signal in _flood(20_000, random.Random(7)):
        key = state_key(signal)
        state = states.get(key) or states.setdefault(key, EntityState())
        observe(state, signal, POLICY, EntityContext(partition=0, partitions=1, now_ms=signal.at_ms))
    assert len(states) > 19_000
    sizes = [len(msgspec.msgpack.encode(state)) for state in states.values()]
    assert max(sizes) < 150
    for state in states.values():
        until_ms = forgets_ms(state)
        assert until_ms is not None
        assert until_ms <= state.newest_ms + 1_800_000


@pytest.mark.parametrize("kind", ["ip", "device", "health", "merchant", "bin"])
def test_a_hostile_stream_for_one_entity_stays_bounded(kind: str):
    dice = random.Random(kind)
    value = "site" if kind == "health" else "subject"
    state = EntityState()
    largest = 0
    effects: list[EntityEffect] = []
    at_s = 0.0
    for number in range(20_000):
        at_s += dice.choice((0.0, 0.001, 0.2, 3.0, 700.0 if number % 500 == 0 else 0.0))
        name = f"{dice.getrandbits(64):0128d}"
        if kind == "health" or dice.random() < 0.5:
            signal = login(name, at_s, dice.random() < 0.3, kind=kind, value=value)
        else:
            signal = card(name, at_s, dice.random() < 0.8, amount_minor=dice.choice((1, 100, 10**15)), kind=kind)
        signal = msgspec.structs.replace(signal, value=value, event_id=name, account_id=name)
        ctx = EntityContext(partition=0, partitions=1, now_ms=signal.at_ms)
        while (due_ms := next_due_ms(state)) is not None and due_ms <= signal.at_ms:
            effects += fire(state, due_ms, POLICY, ctx)
        effects += observe(state, signal, POLICY, ctx)
        if number % 400 == 0:
            largest = max(largest, len(msgspec.msgpack.encode(state)))
    assert largest < 40_000
    told = [effect.account_id for effect in effects if isinstance(effect, NotificationRequested)]
    assert len(told) == len(set(told))  # an owner whose password was right is told once
    assert len(effects) - len(told) < 1_000
