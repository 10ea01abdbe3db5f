"""How long does live merging wait for an input that is known to hold more?"""

from __future__ import annotations

import pytest

from streams.runtime.logic import Incoming, Input, Record
from streams.runtime.merge import CATCH_UP_WAIT_MS, LIVE_WAIT_MS, RECENT_MS, Entry, TopicMerge

NOW = 1_700_000_000_000
BEHIND = {"payments": False, "ledger": True}


def entry(topic: str, offset: int, at_ms: int) -> Entry:
    return Entry(Record(topic, 0, offset, at_ms, b"k", b""), Incoming(offset, b"k", at_ms))


def watermark(topic: str, offset: int, at_ms: int) -> Entry:
    return Entry(Record(topic, 0, offset, at_ms, None, b""), Incoming(None, None, at_ms))


def test_what_a_watermark_promised_holds_after_a_restart() -> None:
    inputs = (Input("payments"), Input("answers"))
    before = TopicMerge(inputs, {}, strict=True)
    for topic in ("payments", "answers"):
        before.add(topic, [watermark(topic, 0, NOW)])
    assert len(before.take(10, {}, NOW)) == 2
    after = TopicMerge(inputs, before.positions(), before.resume(), strict=True)
    after.add("answers", [entry("answers", 1, NOW - 5)])
    assert len(after.take(10, {}, NOW)) == 1, "no payment of then can still come"
    after.add("answers", [entry("answers", 2, NOW + 5)])
    assert after.take(10, {}, NOW) == []


def waiting(head_ms: int) -> TopicMerge:
    """A ledger line is here, and payments are not read to their end."""
    merge = TopicMerge((Input("payments"), Input("ledger")), {}, strict=False)
    merge.add("ledger", [entry("ledger", 0, head_ms)])
    assert merge.take(10, BEHIND, NOW) == []
    return merge


@pytest.mark.parametrize(("age_ms", "wait_ms"), [(0, LIVE_WAIT_MS), (RECENT_MS, CATCH_UP_WAIT_MS)])
def test_it_goes_on_in_the_end(age_ms: int, wait_ms: int) -> None:
    merge = waiting(NOW - age_ms)
    assert merge.take(10, BEHIND, NOW + wait_ms - 1) == []
    assert len(merge.take(10, BEHIND, NOW + wait_ms + 1)) == 1


def test_what_comes_meanwhile_goes_first() -> None:
    merge = waiting(NOW - RECENT_MS)
    merge.add("payments", [entry("payments", 0, NOW - RECENT_MS - 5)])
    assert [each.record.topic for each in merge.take(10, {"payments": True, "ledger": True}, NOW + 3_000)] == [
        "payments",
        "ledger",
    ]


def test_nobody_waits_for_an_input_that_is_read_to_its_end() -> None:
    merge = waiting(NOW - RECENT_MS)
    assert len(merge.take(10, {"payments": True, "ledger": True}, NOW)) == 1
