"""Does a vector know anything of its own event's future, were it of the same batch or of the same second?"""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.training.history import History, Recorder
from producers.feed import Barrier, expand, stepped
from producers.sources import fdh
from streams.adapters.policy_file import load_schedule
from streams.agents.offline import OfflineRun
from streams.app import accounts_logic, entities_logic
from streams.contracts.partitioning import partition_of
from streams.core.features import MISSING

DAY_S = 86_400
POLICIES = load_schedule()
# Seconds within an hour, few enough to share, by two customers at two terminals; all of it is one batch.
PAYMENTS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 1), st.integers(0, 1), st.integers(100, 50_000), st.booleans()),
    min_size=2,
    max_size=8,
)
Drawn = list[tuple[int, int, int, int, bool]]


def vectors(drawn: Drawn) -> History:
    rows = [
        fdh.Row(str(number), f"c{customer}", f"t{terminal}", amount, second * 600, bad, int(bad))
        for number, (second, customer, terminal, amount, bad) in enumerate(sorted(drawn, key=lambda each: each[0]))
    ]
    recorder = Recorder(frozenset({"payment"}))
    logics = accounts_logic(POLICIES, recorder, barrier_s=DAY_S), entities_logic(POLICIES, DAY_S)
    run = OfflineRun(*logics, 1, lambda published: None, partition_of_key=partition_of)
    for item in expand(stepped(fdh.records(rows), DAY_S * 1000, 0), 1):
        if isinstance(item, Barrier):
            run.settle()
        else:
            run.write(item.topic, item.partition, item.key, item.value, item.timestamp_ms)
    run.settle()
    return recorder.history()


@settings(max_examples=8)
@given(PAYMENTS)
def test_it_is_the_same_if_nothing_came_after(drawn: Drawn) -> None:
    ordered = sorted(drawn, key=lambda each: each[0])
    whole = vectors(ordered)
    for end in range(1, len(ordered)):
        cut = vectors(ordered[:end])
        assert np.array_equal(cut.matrix, whole.matrix[:end])


@given(st.integers(100, 50_000))
@settings(max_examples=5)
def test_the_first_event_of_an_account_is_no_habit_yet(amount: int) -> None:
    found = vectors([(0, 0, 0, amount, True)])
    first = dict(zip(found.names, found.matrix[0].tolist(), strict=True))
    assert first["account_events"] == 0.0
    assert first["merchant_new"] == 1.0
    assert first["spend_count_1d"] == 1.0  # counts hold the event itself, once
    assert first["amount_to_usual"] == MISSING
    assert first["own_frauds_7d"] == 0.0
