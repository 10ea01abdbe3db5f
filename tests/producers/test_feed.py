"""Is what a producer writes in order, complete, and the same every time?"""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from producers.durations import DAY_MS, HOUR_MS
from producers.feed import (
    SETTLE_STEPS,
    WATERMARK_KEY,
    Barrier,
    Outgoing,
    Placed,
    Step,
    TimeOrder,
    expand,
    merged,
    outgoing,
    retimed,
    stepped,
)
from streams.contracts.accounts import LabelRecorded
from streams.contracts.base import Watermark, from_ms, to_ms
from streams.contracts.logins import LoginSucceeded
from streams.contracts.partitioning import partition_of
from streams.contracts.registry import decode, read
from streams.contracts.topics import MERGED

NOON = 1_767_614_400_000  # 2026-01-05T12:00:00Z


def login(at_ms: int, account: str = "a1") -> Outgoing:
    return outgoing(
        "auth.logins",
        LoginSucceeded(
            event_id=f"{account}-{at_ms}", source="test", occurred_at=from_ms(at_ms), account_id=account, ip="10.0.0.1"
        ),
    )


def label(at_ms: int, subject_ms: int) -> Outgoing:
    return outgoing(
        "risk.labels",
        LabelRecorded(
            event_id=f"label-{at_ms}",
            source="test",
            occurred_at=from_ms(at_ms),
            account_id="a1",
            subject_id="p1",
            verdict="legit",
            label_source="test",
            subject_occurred_at=from_ms(subject_ms),
        ),
    )


def test_time_order_puts_labels_before_payments_of_the_same_time_and_keeps_arrivals_in_order() -> None:
    order = TimeOrder()
    first, second = login(NOON, "a"), login(NOON, "b")
    truth = label(NOON, NOON - DAY_MS)
    for record in (first, second, truth, login(NOON - 1)):
        order.push(record)
    assert list(order.before(NOON)) == [login(NOON - 1)]
    assert list(order.rest()) == [truth, first, second]


def test_sources_are_merged_by_time_then_rank() -> None:
    truth = label(NOON, NOON - DAY_MS)
    assert list(merged([iter([login(NOON - 5), login(NOON)]), iter([truth])])) == [
        login(NOON - 5),
        truth,
        login(NOON),
    ]


def test_a_step_stands_before_the_first_record_at_or_after_it_and_one_at_the_end() -> None:
    early, late = login(NOON + 1), login(NOON + HOUR_MS)
    assert list(stepped([early, late], HOUR_MS)) == [
        early,
        Step(NOON + HOUR_MS),
        late,
        Step(NOON + 2 * HOUR_MS),
    ]


def test_a_gap_of_years_makes_two_steps() -> None:
    far = NOON + 400 * DAY_MS + 7
    assert [item for item in stepped([login(NOON), login(far)], DAY_MS) if isinstance(item, Step)] == [
        Step(NOON + DAY_MS // 2),
        Step(NOON + 400 * DAY_MS - DAY_MS // 2),
        Step(NOON + 400 * DAY_MS + DAY_MS // 2),
    ]


def test_settling_reaches_as_far_as_asked() -> None:
    steps = [item for item in stepped([login(NOON)], HOUR_MS, settle_ms=90 * 60_000) if isinstance(item, Step)]
    assert steps == [Step(NOON + HOUR_MS), Step(NOON + 2 * HOUR_MS), Step(NOON + 3 * HOUR_MS)]


def test_a_long_end_is_told_in_few_steps() -> None:
    steps = [item for item in stepped([login(NOON)], HOUR_MS, settle_ms=100 * DAY_MS) if isinstance(item, Step)]
    assert len(steps) <= 1 + SETTLE_STEPS
    assert steps[-1].at_ms == NOON + HOUR_MS + 100 * DAY_MS


def test_step_zero_makes_no_watermarks() -> None:
    assert list(stepped([login(NOON)], 0)) == [login(NOON)]


@given(st.lists(st.integers(0, 10 * DAY_MS), max_size=60), st.integers(1, 3 * DAY_MS), st.integers(0, DAY_MS))
def test_no_record_after_a_step_is_older_than_it(offsets: list[int], step_ms: int, settle_ms: int) -> None:
    records = [login(NOON + offset) for offset in sorted(offsets)]
    told = 0
    kept = []
    for item in stepped(records, step_ms, settle_ms):
        if isinstance(item, Step):
            assert item.at_ms > told
            told = item.at_ms
        else:
            assert item.timestamp_ms >= told
            kept.append(item)
    assert kept == records
    assert not records or told >= records[-1].timestamp_ms + settle_ms


def test_a_step_becomes_one_watermark_on_every_partition_of_every_merged_input() -> None:
    *marks, barrier = expand([Step(NOON)], 3)
    assert barrier == Barrier(NOON)
    assert Counter((mark.topic, mark.partition) for mark in marks if isinstance(mark, Placed)) == {
        (topic.name, partition): 1 for topic in MERGED for partition in range(3)
    }
    for mark in marks:
        assert isinstance(mark, Placed)
        event = read(mark.topic, WATERMARK_KEY, mark.value)
        assert type(event) is Watermark
        assert to_ms(event.occurred_at) == mark.timestamp_ms == NOON


def test_expanding_twice_gives_the_same_and_partitions_follow_the_key() -> None:
    records = [login(NOON + n, f"account-{n}") for n in range(50)]
    first, again = (list(expand(stepped(records, HOUR_MS), 4)) for _ in range(2))
    assert first == again
    placed = [item for item in first if isinstance(item, Placed) and item.key != WATERMARK_KEY]
    assert [(item.topic, *item[2:]) for item in placed] == [tuple(record) for record in records]
    assert all(item.partition == partition_of(item.key, 4) for item in placed)


def test_retiming_moves_stamps_and_all_instants_together() -> None:
    now = 1_800_000_000_000
    first, second = retimed([login(NOON), label(NOON + 60_000, NOON)], now, speed=60.0)
    assert (first.timestamp_ms, second.timestamp_ms) == (now, now + 1_000)
    moved = decode("risk.labels", second.value)
    assert to_ms(moved.occurred_at) == now + 1_000
    assert to_ms(moved.subject_occurred_at) == now


def test_retiming_leaves_undecodable_bytes_alone() -> None:
    broken = Outgoing("auth.logins", b"k", b"{not json", NOON + 1_000)
    assert list(retimed([login(NOON), broken], 5_000_000))[1] == broken._replace(timestamp_ms=5_001_000)
