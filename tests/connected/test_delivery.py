"""Outside of crashes: what reaches the outputs, what never does, and what is left when a worker is told to stop?"""

from __future__ import annotations

import time

from support.broker_client import Line
from support.toy import CHANGELOG, COUNTS, DEAD_LETTERS, IDLE_MS, ToyEvent, encode_event
from support.toy_bench import TOPICS, Bench, account
from support.waiting import wait_until

FIRST, SECOND = TOPICS


def wait_for_outputs(bench: Bench, count: int) -> None:
    wait_until(lambda: bench.counted() >= count, f"{count} outputs", every_s=0.1)


def test_an_aborted_transaction_in_an_input_leaves_no_trace(bench: Bench) -> None:
    bench.create_topics()
    bench.write_events(0, 100)
    aborted = [
        Line(account(number), encode_event(ToyEvent(at_ms=1_000_100, id=f"never-{number}")), 1_000_100)
        for number in range(50)
    ]
    bench.write(FIRST, aborted, ending="abort")
    committed = [
        Line(account(number), encode_event(ToyEvent(at_ms=1_000_101, id=f"decided-{number}")), 1_000_101)
        for number in range(50)
    ]
    bench.write(SECOND, committed, ending="commit")
    bench.write_events(200, 100)
    bench.start()
    wait_for_outputs(bench, 250)
    outcome = bench.outcome()
    assert outcome.counts == bench.expected()
    ids = {each.id for counts in outcome.counts.values() for each in counts}
    assert not any(each.startswith("never") for each in ids)
    assert len(ids) == 250


def test_recovery_continues_counts_timers_and_the_memory_of_duplicates(bench: Bench) -> None:
    bench.create_topics()
    bench.write_events(0, 2_000)
    bench.write_events(2_001, 400, accounts=4, timer_ms=60_000)
    first = bench.start()
    wait_for_outputs(bench, 2_400)
    assert first.stop() == 0
    truth = {topic: list(lines) for topic, lines in bench.written.items()}
    for topic, lines in truth.items():
        bench.write(topic, [line for line in lines[-100:] if line.key is not None])
    bench.written = truth
    bench.write_events(2_402, 1_000)
    second = bench.start()
    wait_for_outputs(bench, 3_400)
    bench.write_watermark(1_000_000 + 120_000)
    wait_for_outputs(bench, 3_404)
    assert second.stop() == 0
    counts = bench.outcome().counts
    timers = [each for each in counts.values() if each[-1].id.startswith("timer:")]
    assert len(timers) == 4
    assert {key: [each for each in every if each.id[0] == "e"] for key, every in counts.items()} == bench.expected()
    assert " 0 rows read" not in second.said()


def test_sigterm_ends_a_busy_worker_with_nothing_left_open(bench: Bench) -> None:
    bench.create_topics()
    bench.write_events(0, 30_000)
    worker = bench.start(group_records=1_000)
    # However quick the machine is, there is more to read when the signal comes.
    with bench.flowing(30_000, step=2_000, pause_s=0.0):
        wait_until(bench.counted, "first outputs")
        began = time.monotonic()
        assert worker.stop() == 0, worker.said()[-3000:]
        assert time.monotonic() - began <= 3.0
    outcome = bench.outcome()
    assert outcome.aborted == 0
    assert 0 < sum(map(len, outcome.counts.values())) < sum(map(len, bench.expected().values()))
    # Its group knows what it committed, so that the next owner and every lag tool start from the truth.
    told = bench.cluster.group_offsets(bench.options.app_id)
    for number, offsets in bench.positions().items():
        for topic, offset in offsets.items():
            assert told[bench.topic(topic), number] == offset + 1


def test_a_poison_event_loses_only_itself(bench: Bench) -> None:
    bench.create_topics()
    bench.write_events(0, 400)
    poison = ToyEvent(at_ms=1_000_400, id="poison", poison=True)
    bench.cluster.write(bench.topic(FIRST), [Line(account(3), encode_event(poison), 1_000_400)], partitions=4)
    bench.write_events(401, 400)
    worker = bench.start()
    wait_for_outputs(bench, 800)
    assert bench.outcome().counts == bench.expected()
    (letter,) = bench.cluster.read(bench.topic(DEAD_LETTERS), partitions=4)
    assert dict(letter.headers)["reason"] == b"raised"
    assert "on which it raised" in worker.said()
    assert worker.page("/healthz")[0] == 200


def test_an_outlived_state_is_removed_with_a_tombstone(bench: Bench) -> None:
    bench.create_topics()
    bench.write_events(0, 100, accounts=10)
    bench.start()
    wait_for_outputs(bench, 100)
    bench.write_watermark(1_000_100 + IDLE_MS + 1_000)

    def tombstones() -> set[bytes]:
        rows = bench.cluster.read(bench.topic(CHANGELOG), partitions=4)
        return {row.key for row in rows if row.value is None}

    wait_until(lambda: tombstones() == {account(number) for number in range(10)}, "tombstones", every_s=0.2)
    assert not bench.outcome().states
    assert bench.workers["w1"].stop() == 0
    bench.written = {topic: [] for topic in TOPICS}
    bench.write_events(IDLE_MS + 10_000, 100, accounts=10)
    bench.start()
    wait_for_outputs(bench, 200)
    newest = {each.key: each for each in bench.cluster.read(bench.topic(COUNTS), partitions=4)}
    assert {key: counts[-1].seen for key, counts in bench.expected().items()} == dict.fromkeys(newest, 10)


def test_an_input_that_floods_while_another_is_silent_is_paused_and_loses_nothing(bench: Bench) -> None:
    bench.create_topics()
    events = 12_000
    flood = [
        Line(
            account(number % 97), encode_event(ToyEvent(at_ms=1_000_000 + number, id=f"e{number}")), 1_000_000 + number
        )
        for number in range(events)
    ]
    bench.write(FIRST, flood)
    worker = bench.start(pause_above=500, resume_below=100, fetch_max_bytes=64 * 1024)
    wait_until(lambda: b'"paused":4' in worker.page("/readyz")[1], "all flooding partitions paused")
    assert bench.counted() == 0  # strict merging waits for the silent input
    bench.write_watermark(1_000_000 + events)
    wait_for_outputs(bench, events)
    assert bench.outcome().counts == bench.expected()


def test_what_an_output_looks_like_on_the_wire(bench: Bench) -> None:
    bench.create_topics()
    bench.write_events(0, 10)
    larger_than_a_batch = ToyEvent(at_ms=1_000_010, id="x" * 700_000)
    bench.write(FIRST, [Line(account(1), encode_event(larger_than_a_batch), 1_000_010)])
    bench.write_events(11, 10)
    bench.start()
    wait_for_outputs(bench, 21)
    assert bench.outcome().counts == bench.expected()
    outputs = bench.cluster.read(bench.topic(COUNTS), partitions=4)
    assert {each.timestamp for each in outputs} == {1_000_000 + number for number in range(21)}  # event time
    for each in outputs:
        headers = dict(each.headers)
        assert headers["worker"] == b"w1"
        assert int(headers["published_at_ms"]) > 1_600_000_000_000  # the wall clock stays outside of the value


def test_live_a_silent_input_holds_nothing_up_and_an_idle_partition_still_tells_the_time(bench: Bench) -> None:
    """Neither watermarks nor anything on the second input: the wall clock alone lets the timers fire."""
    bench.create_topics()
    bench.start(partition_merge="live", partition_clock="live", partition_lateness_ms=2_000, idle_tick_s=0.2)
    now_ms = int(time.time() * 1000)
    lines = [
        Line(account(number), encode_event(ToyEvent(at_ms=now_ms, id=f"e{number}", timer_ms=1_000)), now_ms)
        for number in range(40)
    ]
    bench.write(FIRST, lines)
    wait_for_outputs(bench, 80)
    counts = bench.outcome().counts
    assert {key: [each.id for each in every] for key, every in counts.items()} == {
        account(number): [f"e{number}", f"timer:{now_ms + 1_000}"] for number in range(40)
    }
