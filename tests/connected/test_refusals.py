"""Does a worker refuse, with status 78 and a next step, whatever would silently lose or repeat something?"""

from __future__ import annotations

import msgspec
import pytest
from support.broker_client import Line
from support.toy import CHANGELOG, COUNTS, DEAD_LETTERS, INPUTS, ToyEvent, encode_event
from support.toy_bench import TOPICS, Bench, account
from support.waiting import wait_until

from streams.runtime.position import POSITION_KEY, Position

FIRST, SECOND = TOPICS


def refusal(bench: Bench, **settings: object) -> str:
    """Start a worker, which must refuse; returns its last words."""
    worker = bench.start(ready=False, **settings)
    assert worker.wait_for_exit(60) == 78, worker.said()[-3000:]
    words = worker.said().strip().splitlines()[-1]
    assert words.startswith("paywarden refuses to run:")
    return words


def run_once(bench: Bench, events: int = 200, *, static: bool = True) -> None:
    """Some input, handled and committed, and told to the group."""
    bench.create_topics()
    bench.write_events(0, events)
    worker = bench.start(static=static)
    wait_until(lambda: bench.counted() == events, "outputs")
    assert worker.stop() == 0
    assert any(bench.cluster.group_offsets(bench.options.app_id).values())


def test_inputs_with_unequal_partition_counts(bench: Bench) -> None:
    bench.cluster.create([bench.topic(each) for each in (FIRST, COUNTS, DEAD_LETTERS, CHANGELOG)], 4)
    bench.cluster.create([bench.topic(SECOND)], 3)
    words = refusal(bench)
    assert "same number of partitions" in words
    assert "toy.second=3" in words


def test_missing_topics(bench: Bench) -> None:
    bench.cluster.create([bench.topic(each.topic) for each in INPUTS], 4)
    words = refusal(bench)
    assert "paywarden topics create" in words
    assert CHANGELOG in words


def test_a_lost_changelog(bench: Bench) -> None:
    run_once(bench)
    bench.cluster.delete(bench.topic(CHANGELOG))
    wait_until(lambda: recreated(bench), "the changelog again", every_s=0.2)
    assert "paywarden state rebuild" in refusal(bench)


def recreated(bench: Bench) -> bool:
    """Kafka deletes in the background, so the same name may still be taken."""
    try:
        bench.create_changelog()
        return not bench.cluster.read(bench.topic(CHANGELOG), partitions=bench.partitions)
    except Exception:
        return False


def test_input_that_retention_removed_before_it_was_read(bench: Bench) -> None:
    run_once(bench)
    handled = bench.positions()[0][FIRST]
    bench.write(FIRST, [Line(account(0), encode_event(ToyEvent(at_ms=2_000_000, id="lost")), 2_000_000, 0)] * 5)
    bench.cluster.delete_before(bench.topic(FIRST), 0, handled + 3)
    words = refusal(bench)
    assert "retention" in words
    assert "paywarden state rebuild" in words


def test_retention_up_to_the_position_is_harmless(bench: Bench) -> None:
    run_once(bench)
    for number, offsets in bench.positions().items():
        for topic, offset in offsets.items():
            bench.cluster.delete_before(bench.topic(topic), number, offset + 1)
    bench.write_events(200, 100)
    bench.start()
    wait_until(lambda: bench.counted() == 300, "outputs")


@pytest.mark.parametrize(
    ("position", "says"),
    [
        (Position(1, 8, 0, 0, {FIRST: 3}, {}), "8 partitions"),
        (Position(99, 4, 0, 0, {FIRST: 3}, {}), "newer release"),
    ],
    ids=["other partition count", "newer format"],
)
def test_a_position_that_does_not_fit(bench: Bench, position: Position, says: str) -> None:
    bench.create_topics()
    row = Line(POSITION_KEY, msgspec.msgpack.encode(position), 1_000_000, 2)
    bench.cluster.write(bench.topic(CHANGELOG), [row], partitions=4)
    assert says in refusal(bench)


def test_a_producer_with_another_partitioner(bench: Bench) -> None:
    bench.create_topics()
    lines = [
        Line(account(number), encode_event(ToyEvent(at_ms=1_000_000 + number, id=f"e{number}")), 1_000_000 + number, 1)
        for number in range(400)
    ]
    bench.write(FIRST, lines)
    bench.write_watermark(2_000_000)
    assert "partitioner" in refusal(bench)
    letters = bench.cluster.read(bench.topic(DEAD_LETTERS), partitions=4)
    assert {dict(each.headers)["reason"] for each in letters} == {b"wrong_partition"}


def test_a_feed_that_is_mostly_garbage(bench: Bench) -> None:
    bench.create_topics()
    bench.write_events(0, 300)
    bench.write(FIRST, [Line(account(number), b"not json", 1_002_000) for number in range(300)])
    bench.write_watermark(2_000_000)
    assert "could not be handled" in refusal(bench, partition_dead_letter_window=100)
    assert len(bench.cluster.read(bench.topic(DEAD_LETTERS), partitions=4)) > 0


def test_a_worker_that_refuses_leaves_its_group_at_once(bench: Bench) -> None:
    """A dynamic member that only disappeared would hold up all others for the member timeout."""
    run_once(bench, static=False)
    bench.cluster.delete(bench.topic(CHANGELOG))
    wait_until(lambda: recreated(bench), "the changelog again", every_s=0.2)
    patient = 120.0  # a member that is merely silent would stay for this long
    assert "paywarden state rebuild" in refusal(bench, instance_id="", member_timeout_s=patient)
    wait_until(lambda: not bench.cluster.members(bench.options.app_id), "an empty group", 30.0, every_s=0.2)
