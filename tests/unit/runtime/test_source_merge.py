"""Are signals handled in the order of event time, once each, however reading is cut and restarted?"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.runtime.logic import Incoming, Record
from streams.runtime.merge import LIVE_WAIT_MS, Entry, Resume, SourceMerge

TOPIC = "signals"
SECOND = 1_000


def signal(offset: int, at_ms: int, source: int, sequence: int) -> Entry:
    return Entry(
        Record(TOPIC, 0, offset, at_ms, b"k", b""), Incoming(offset, b"k", at_ms, source=source, sequence=sequence)
    )


def told(offset: int, at_ms: int, source: int) -> Entry:
    return Entry(Record(TOPIC, 0, offset, at_ms, None, b""), Incoming(None, None, at_ms, source=source))


def merge(position: int = -1, resume: Resume = Resume(), *, strict: bool = True) -> SourceMerge:  # noqa: B008 - frozen
    return SourceMerge(TOPIC, 2, {} if position < 0 else {TOPIC: position}, resume, strict=strict)


def handled(entries: list[Entry]) -> list[int]:
    """Offsets of the signals among `entries`; the ticks of time are left out."""
    return [
        entry.result.event for entry in entries if isinstance(entry.result, Incoming) and entry.result.event is not None
    ]


def test_a_second_waits_for_the_clocks_of_all_sources() -> None:
    order = merge()
    order.add(TOPIC, [signal(0, 5 * SECOND + 7, 0, 1), told(1, 9 * SECOND, 0)])
    assert handled(order.take(10, {}, 0)) == []
    assert order.positions() == {TOPIC: -1}
    order.add(TOPIC, [signal(2, 5 * SECOND, 1, 1), told(3, 6 * SECOND, 1)])
    assert handled(order.take(10, {}, 0)) == [2, 0]
    assert order.positions() == {TOPIC: 3}


def test_live_hands_out_after_half_a_second_and_what_comes_later_at_once() -> None:
    order = merge(strict=False)
    order.add(TOPIC, [signal(0, 5 * SECOND, 0, 1)])
    assert handled(order.take(10, {}, 0)) == []
    assert handled(order.take(10, {}, LIVE_WAIT_MS)) == [0]
    order.add(TOPIC, [signal(1, 5 * SECOND, 1, 1)])
    assert handled(order.take(10, {}, LIVE_WAIT_MS)) == [1]


def test_a_position_never_passes_what_was_not_read_again() -> None:
    """Killed twice: the second time before everything that waited the first time was read again."""
    order = merge()
    order.add(
        TOPIC,
        [told(0, 9 * SECOND, 0), signal(1, 7 * SECOND, 0, 1), signal(2, 8 * SECOND, 0, 2), told(3, 6 * SECOND, 1)],
    )
    order.take(10, {}, 0)
    position, resume = order.positions()[TOPIC], order.resume()
    assert (position, resume.high) == (0, 3)
    again = merge(position, resume)
    again.add(TOPIC, [signal(1, 7 * SECOND, 0, 1)])
    again.take(10, {}, 0)
    assert again.positions() == {TOPIC: 0}
    third = merge(again.positions()[TOPIC], again.resume())
    third.add(
        TOPIC,
        [signal(1, 7 * SECOND, 0, 1), signal(2, 8 * SECOND, 0, 2), told(3, 6 * SECOND, 1), told(4, 9 * SECOND, 1)],
    )
    assert handled(third.take(10, {}, 0)) == [1, 2]


@st.composite
def logs(draw: st.DrawFn) -> list[Entry]:
    """What two sources write: signals never older than the clock they have told, then their clock."""
    entries: list[Entry] = []
    clocks, sequences = [0, 0], [0, 0]
    for _ in range(draw(st.integers(1, 25))):
        source = draw(st.integers(0, 1))
        for step in draw(st.lists(st.integers(0, 2_500), max_size=4)):
            clocks[source] += step
            sequences[source] += 1
            entries.append(signal(len(entries), clocks[source], source, sequences[source]))
        if draw(st.booleans()):
            entries.append(told(len(entries), clocks[source], source))
    for source in (0, 1):
        entries.append(told(len(entries), 10**9, source))
    return entries


@given(logs(), st.integers(0, 2**32))
def test_cuts_and_restarts_change_nothing(log: list[Entry], seed: int) -> None:
    whole = merge()
    whole.add(TOPIC, log)
    expected = handled(whole.take(10**6, {}, 0))
    random = Random(seed)
    order, at, done = merge(), 0, list[int]()
    committed: tuple[int, Resume, int] = (-1, Resume(), 0)
    kills = 12
    while at < len(log):
        size = random.choice([1, 2, 5])
        order.add(TOPIC, log[at : at + size])
        at += size
        done += handled(order.take(random.choice([1, 3, 100]), {}, 0))
        if order.whole and random.random() < 0.5:
            committed = (order.positions().get(TOPIC, -1), order.resume(), len(done))
        if kills and random.random() < 0.3:
            kills -= 1
            position, resume, count = committed
            del done[count:]
            order, at = merge(position, resume), position + 1
    while more := handled(order.take(100, {}, 0)):
        done += more
    assert done == expected


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_a_second_may_be_handed_out_in_parts_but_is_committed_as_a_whole(limit: int) -> None:
    order = merge()
    order.add(TOPIC, [signal(n, 5 * SECOND + n, 0, n) for n in range(3)])
    order.add(TOPIC, [told(3, 9 * SECOND, 0), told(4, 9 * SECOND, 1)])
    assert order.whole
    parts = []
    while more := handled(order.take(limit, {}, 0)):
        parts.append(more)
        assert order.whole == (sum(map(len, parts)) == 3)
    assert [offset for part in parts for offset in part] == [0, 1, 2]
    assert max(map(len, parts)) == min(limit, 3)


def test_what_waits_for_a_clock_never_stops_the_reading_that_brings_the_clock() -> None:
    order = merge()
    order.add(TOPIC, [signal(n, 5 * SECOND, 0, n + 1) for n in range(500)])
    assert handled(order.take(10, {}, 0)) == []
    assert (order.total, order.buffered(TOPIC)) == (500, 0)
    order.add(TOPIC, [told(500, 9 * SECOND, 0), told(501, 9 * SECOND, 1)])
    assert len(handled(order.take(10, {}, 0))) == 10
    assert order.buffered(TOPIC) == 490, "a slow handler, for whom no more should be fetched"
