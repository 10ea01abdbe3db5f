"""Does a history know of each verdict when it arrived, and at every moment no more than had arrived by then?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.training.fit import Plan, mature
from models.training.history import FRAUD, LEGIT, UNKNOWN, History
from producers.feed import Outgoing
from producers.sources import fdh, jsonl
from streams.adapters.policy_file import load_schedule
from streams.cli.features import END_OF_TIME_MS, record_history
from streams.cli.terminal import terminal
from streams.contracts.base import from_ms, to_ms

DAY_MS = 86_400_000
START_MS = to_ms(datetime(2026, 1, 1, tzinfo=UTC))
POLICIES = load_schedule()


class Told(NamedTuple):
    """A label: when it arrives, when it says that it was written, and what it says, by which event."""

    arrives_ms: int
    dated_ms: int
    verdict: str
    event_id: str


def payment(number: int, at_ms: int, seen_ms: int) -> Outgoing:
    row = fdh.Row(f"p{number}", f"c{number % 3}", f"t{number % 2}", 1000 + number, 0, False, 0)
    return fdh.payment_of(row, at_ms)._replace(timestamp_ms=seen_ms)


def label(number: int, at_ms: int, told: Told) -> Outgoing:
    row = fdh.Row(f"p{number}", f"c{number % 3}", f"t{number % 2}", 1000 + number, 0, told.verdict == "fraud", 0)
    record = fdh.label_of(row, at_ms, told.dated_ms)
    event = msgspec.json.decode(record.value) | {"event_id": told.event_id}
    return record._replace(value=msgspec.json.encode(event), timestamp_ms=told.arrives_ms)


def folded(records: list[Outgoing], path: Path, until_ms: int = END_OF_TIME_MS) -> History:
    jsonl.write(path, sorted(records, key=lambda record: record.timestamp_ms))
    return record_history(
        (path,), "jsonl", POLICIES, until_ms=until_ms, barrier_ms=DAY_MS, partitions=2, console=terminal(stderr=True)
    )


def turns(history: History, number: int) -> list[tuple[int, float]]:
    """The verdicts about one payment, with the days from the payment until they arrived."""
    (row,) = np.flatnonzero(history.subjects == f"p{number}")
    own = history.labelled == row
    days = (history.known_ms[own] - history.at_ms[row]) / DAY_MS
    return list(zip(history.verdicts[own].tolist(), days.tolist(), strict=True))


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ([(1, 1, "fraud", "a")], [(FRAUD, 1)]),
        ([(40, 0.04, "fraud", "a")], [(FRAUD, 40)]),
        ([(1, 1, "fraud", "a"), (40, 40, "fraud", "b")], [(FRAUD, 1)]),
        ([(1, 1, "fraud", "a"), (40, 40, "legit", "b")], [(FRAUD, 1), (LEGIT, 40)]),
        ([(1, 1, "legit", "a"), (3, 3, "fraud", "b"), (45, 45, "legit", "c")], [(LEGIT, 1), (FRAUD, 3), (LEGIT, 45)]),
        ([(1, 1, "fraud", "a"), (2, 2, "legit", "b"), (9, 1, "fraud", "a")], [(FRAUD, 1), (LEGIT, 2)]),
    ],
    ids=["on time", "dated back", "confirmed later", "corrected", "corrected twice", "delivered again"],
)
def test_a_verdict_counts_from_its_arrival_and_until_its_correction(
    told: list[tuple[float, float, str, str]], wanted: list[tuple[int, float]], tmp_path: Path
) -> None:
    labels = [
        label(0, START_MS, Told(START_MS + int(at * DAY_MS), START_MS + int(dated * DAY_MS), verdict, event_id))
        for at, dated, verdict, event_id in told
    ]
    history = folded([payment(0, START_MS, START_MS), *labels], tmp_path / "events.jsonl")
    assert turns(history, 0) == wanted
    for number, (verdict, day) in enumerate(wanted):
        at_ms = START_MS + int(day * DAY_MS)
        before = wanted[number - 1][0] if number else UNKNOWN
        assert history.verdicts_at(at_ms).tolist() == [before], "not before it arrived"
        assert history.verdicts_at(at_ms + 1).tolist() == [verdict]


@st.composite
def events(draw: st.DrawFn) -> list[Outgoing]:
    """Payments, some of which come days late, and up to three labels about each, dated back or ahead of each other."""
    records = []
    for number in range(draw(st.integers(2, 6))):
        at_ms = START_MS + draw(st.integers(0, 20)) * DAY_MS // 2
        records.append(payment(number, at_ms, at_ms + draw(st.sampled_from([0, 0, 0, 1_000, 2 * DAY_MS, 9 * DAY_MS]))))
        for turn in range(draw(st.integers(0, 3))):
            arrives_ms = at_ms + draw(st.integers(0, 60)) * DAY_MS // 2
            dated_ms = at_ms + draw(st.integers(0, 60)) * DAY_MS // 2
            verdict = draw(st.sampled_from(["fraud", "legit"]))
            records.append(label(number, at_ms, Told(arrives_ms, dated_ms, verdict, f"l{number}-{turn}")))
    return records


@settings(max_examples=15, deadline=None)
@given(records=events(), half_days=st.integers(1, 70), delay_days=st.integers(1, 12))
def test_until_sees_what_a_history_that_ends_there_holds(
    tmp_path_factory: pytest.TempPathFactory, records: list[Outgoing], half_days: int, delay_days: int
) -> None:
    folder = tmp_path_factory.mktemp("events")
    until_ms = START_MS + half_days * DAY_MS // 2
    if min(record.timestamp_ms for record in records) >= until_ms:
        return
    whole, ended = folded(records, folder / "whole.jsonl"), folded(records, folder / "ended.jsonl", until_ms)
    cut = whole.until(until_ms)
    for name in ("subjects", "at_ms", "seen_ms", "matrix", "labelled", "verdicts", "known_ms"):
        assert np.array_equal(getattr(cut, name), getattr(ended, name)), name
    assert cut.digest() == ended.digest()
    names = dict(zip(cut.accounts.tolist(), ended.accounts.tolist(), strict=True))
    assert [names[account] for account in cut.accounts.tolist()] == ended.accounts.tolist()
    for unlabelled in (None, "legit", "skip"):
        plan = Plan(until_ms, delay_ms=delay_days * DAY_MS, unlabelled=unlabelled)
        found = mature(ended, plan, until_ms)
        assert np.array_equal(mature(cut, plan, until_ms), found)
        assert np.array_equal(mature(ended, Plan(END_OF_TIME_MS, 28, 4, 0, plan.delay_ms, unlabelled), 2**62), found)
        arrived = np.isin(whole.subjects, ended.subjects)
        assert (mature(whole, plan, until_ms)[~arrived] == UNKNOWN).all()
        counts = found != UNKNOWN
        assert (ended.at_ms[counts] < until_ms - plan.delay_ms).all()


def test_what_came_late_was_not_there_before(tmp_path: Path) -> None:
    records = [payment(number, START_MS + number * DAY_MS, START_MS + number * DAY_MS) for number in range(3)]
    late = payment(3, START_MS + DAY_MS // 2, START_MS + 2 * DAY_MS + 1)
    history = folded([*records, late], tmp_path / "events.jsonl")
    assert history.subjects.tolist() == ["p0", "p3", "p1", "p2"]
    assert history.until(START_MS + 2 * DAY_MS).subjects.tolist() == ["p0", "p1"]
    assert from_ms(int(history.seen_ms[1])) == from_ms(START_MS + 2 * DAY_MS + 1)
