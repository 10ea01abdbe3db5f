"""What can a strange signal or a strange clock do to the engine of the entities agent?"""

from __future__ import annotations

import msgspec
import pytest
from support.happenings import NOON
from support.scenes import enforcing

from streams.app import entities_logic
from streams.contracts.registry import encode
from streams.contracts.signals import ClockTold, EntityObserved
from streams.contracts.topics import SIGNALS
from streams.runtime.logic import Record
from streams.runtime.options import PartitionOptions
from streams.runtime.partition import Partition


def engine_over(*signals: ClockTold | EntityObserved, partitions: int = 1) -> Partition:
    engine = Partition(entities_logic(enforcing(), None), 0, partitions, PartitionOptions())
    engine.restored()
    engine.feed(SIGNALS.name, [Record(SIGNALS.name, 0, n, NOON, b"", encode(each)) for n, each in enumerate(signals)])
    return engine


def seen(sequence: int) -> EntityObserved:
    return EntityObserved(
        at_ms=NOON + 1,
        partition=0,
        sequence=sequence,
        kind="ip",
        value="203.0.113.7",
        event_id=f"e{sequence}",
        account_id="ada",
        what="payment",
    )


def test_a_wall_clock_that_is_set_back_keeps_nothing_from_its_group() -> None:
    engine = engine_over(*(seen(number) for number in range(1, 11)))
    engine.run(3, ends={}, now_ms=NOON)
    engine.run(3, ends={}, now_ms=NOON + 600)
    assert not engine.whole, "a part of the second is handed out"
    group = engine.group(NOON + 400)
    assert group is not None
    assert group.handled >= 10


def test_a_signal_of_a_partition_that_does_not_exist_is_a_dead_letter() -> None:
    engine = engine_over(ClockTold(at_ms=NOON, partition=7, sequence=0), seen(1), partitions=4)
    engine.run(10, ends={}, now_ms=NOON)
    engine.run(10, ends={}, now_ms=NOON + 600)
    group = engine.group(NOON + 600)
    assert group is not None
    (letter,) = [emit for emit in group.emits if emit.topic == "paywarden.dead-letters"]
    assert ("reason", b"out_of_range") in letter.headers
    assert group.handled >= 2, "the good signal after it is handled"


def letters(engine: Partition, now_ms: int) -> list[bytes]:
    """Reasons of the dead letters that a live engine writes between `now_ms` and a second later."""
    found = []
    for wait_ms in range(0, 1_001, 200):
        engine.run(100, ends={}, now_ms=now_ms + wait_ms)
        group = engine.group(now_ms + wait_ms)
        if group is not None:
            emits = [emit for emit in group.emits if emit.topic == "paywarden.dead-letters"]
            found += [value for emit in emits for name, value in emit.headers if name == "reason"]
    return found


YEAR_2099 = 4_070_908_800_000


@pytest.mark.parametrize(
    "strange",
    [
        ClockTold(at_ms=YEAR_2099, partition=0, sequence=0),
        msgspec.structs.replace(seen(1), at_ms=YEAR_2099),
    ],
    ids=["clock", "signal"],
)
def test_a_signal_from_2099_is_a_dead_letter_and_no_clock_believes_it(strange: ClockTold | EntityObserved) -> None:
    engine = engine_over(strange)
    assert letters(engine, NOON) == [b"future"]
    assert engine.clock_ms <= NOON
    assert engine.positions == {SIGNALS.name: 0}, "it holds nothing back"


def test_a_signal_ahead_of_this_clock_waits_for_its_time() -> None:
    """An event may be five minutes ahead, and the host that told it a little ahead of this one."""
    ahead_ms = PartitionOptions().future_ms
    early = msgspec.structs.replace(seen(1), at_ms=NOON + ahead_ms)
    engine = engine_over(early, ClockTold(at_ms=NOON + ahead_ms, partition=0, sequence=2))
    assert letters(engine, NOON - 9_800) == []
    assert engine.clock_ms < NOON + ahead_ms - 5_000
    assert engine.positions == {SIGNALS.name: -1}, "a restart reads it again"
    assert letters(engine, NOON + 2_000) == []
    assert engine.positions == {SIGNALS.name: 1}
    assert engine.clock_ms >= NOON + ahead_ms
