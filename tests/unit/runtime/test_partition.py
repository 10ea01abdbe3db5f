"""Does the engine of one partition keep order, time, duplicates, poison and groups right?"""

from __future__ import annotations

from itertools import cycle

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tally import PARTITIONS, Ping, TallyLogic, key_in, record

from streams.contracts.signals import DeadLetter
from streams.metrics import DUPLICATES
from streams.runtime.logic import Emit, Record
from streams.runtime.open_group import Group
from streams.runtime.options import PartitionOptions
from streams.runtime.partition import NoWayBack, Partition
from streams.runtime.position import POSITION_KEY, ForeignPartitionCount
from streams.runtime.states import FORMAT, StateFromTheFuture

STRICT = PartitionOptions(merge="strict", clock="replay")
LIVE = PartitionOptions(merge="live", clock="live")
T0 = 1_700_000_000_000
A, B = key_in(0), key_in(0, 1)
INPUTS = TallyLogic.inputs


def partition(options: PartitionOptions = STRICT, topics: int = 1) -> Partition:
    engine = Partition(TallyLogic(), 0, PARTITIONS, options, INPUTS[:topics])
    engine.restored()
    return engine


def ping(at_s: int, key: str = A, ident: str = "", **more: object) -> Ping:
    return Ping(key, ident or f"{key}-{at_s}", T0 + at_s * 1000, **more)  # type: ignore[arg-type]


def records(pings: list[Ping], topic: str = "pings", start: int = 0) -> list[Record]:
    return [record(topic, start + number, each) for number, each in enumerate(pings)]


def run(engine: Partition, ends: dict[str, bool] | None = None, now_ms: int = T0) -> Group:
    while engine.run(1_000, ends=ends or {}, now_ms=now_ms):
        pass
    group = engine.group(now_ms)
    assert group is not None
    engine.committed()
    return group


def outputs(group: Group) -> list[list[object]]:
    return [msgspec.json.decode(emit.value or b"") for emit in group.emits if emit.topic == "out"]


def letters(emits: list[Emit]) -> list[DeadLetter]:
    return [msgspec.json.decode(emit.value or b"", type=DeadLetter) for emit in emits if "dead" in emit.topic]


def restarted(engine: Partition, groups: list[Group], options: PartitionOptions = STRICT, topics: int = 1) -> Partition:
    again = Partition(TallyLogic(), 0, PARTITIONS, options, INPUTS[:topics])
    for group in groups:
        for key, raw in group.rows:
            again.restore(key, raw)
    again.restored()
    return again


def test_features_come_from_before_the_event_and_positions_follow():
    engine = partition()
    engine.feed("pings", records([ping(0), ping(1), ping(2, B)]))
    group = run(engine)
    assert [row[2] for row in outputs(group)] == [0, 1, 0]
    assert group.offsets == {"pings": 2}
    assert group.clock_ms == T0 + 2000


def test_a_restart_goes_on_behind_the_last_group():
    engine = partition()
    everything = records([ping(0), ping(1), ping(2)])
    engine.feed("pings", everything[:2])
    first = run(engine)
    again = restarted(engine, [first])
    assert again.positioned
    again.feed("pings", everything)  # read again from the beginning
    assert [row[1:4] for row in outputs(run(again))] == [[f"{A}-2", 2, 3]]


def test_a_state_that_is_being_replaced_has_no_position():
    """The rows of the old state are still in the log when the tombstone of its position comes."""
    engine = partition()
    engine.feed("pings", records([ping(0)]))
    again = restarted(engine, [run(engine)])
    again.restore(POSITION_KEY, None)
    again.restored()
    assert not again.positioned
    assert again.positions == {}
    assert len(again.states) == 1


def test_what_was_not_committed_happens_again():
    engine = partition()
    everything = records([ping(0), ping(1)])
    engine.feed("pings", everything[:1])
    first = run(engine)
    engine.feed("pings", everything[1:])
    engine.run(1_000, ends={}, now_ms=T0)  # the process dies here
    again = restarted(engine, [first])
    again.feed("pings", everything)
    assert [row[1] for row in outputs(run(again))] == [f"{A}-1"]


class TestMerging:
    def test_heads_go_by_record_time_then_rank(self):
        engine = partition(topics=2)
        engine.feed("pongs", records([ping(0, ident="o0"), ping(2, ident="o2"), ping(9, watermark=True)], "pongs"))
        engine.feed("pings", records([ping(0, ident="i0"), ping(1, ident="i1"), ping(9, watermark=True)]))
        assert [row[1] for row in outputs(run(engine))] == ["i0", "o0", "i1", "o2"]

    def test_strict_waits_for_a_silent_topic_until_its_watermark(self):
        engine = partition(topics=2)
        engine.feed("pings", records([ping(0)]))
        assert engine.run(10, ends={"pongs": True}, now_ms=T0 + 10**9) == 0
        engine.feed("pongs", records([ping(5, watermark=True)], "pongs"))
        assert engine.run(10, ends={}, now_ms=T0) == 1
        engine.feed("pings", records([ping(4), ping(6)], start=1))
        engine.run(10, ends={}, now_ms=T0)
        assert [row[1] for row in outputs(run(engine))] == [f"{A}-0", f"{A}-4"]

    def test_equal_watermarks_of_all_topics_are_handled_to_the_last(self):
        engine = partition(topics=2)
        engine.feed("pings", records([ping(0), ping(9, watermark=True)]))
        engine.feed("pongs", records([ping(9, watermark=True)], "pongs"))
        assert run(engine).offsets == {"pings": 1, "pongs": 0}

    def test_live_does_not_wait_for_a_topic_read_to_its_end(self):
        engine = partition(LIVE, topics=2)
        engine.feed("pings", records([ping(0)]))
        assert engine.run(10, ends={"pongs": True}, now_ms=T0) == 1

    def test_live_waits_half_a_second_for_unread_records(self):
        engine = partition(LIVE, topics=2)
        engine.feed("pings", records([ping(0)]))
        assert engine.run(10, ends={"pongs": False}, now_ms=T0) == 0
        assert engine.run(10, ends={"pongs": False}, now_ms=T0 + 499) == 0
        assert engine.run(10, ends={"pongs": False}, now_ms=T0 + 500) == 1

    def test_risk_is_handed_out_first_and_waited_for_by_nobody(self):
        engine = partition(topics=3)
        engine.feed("pings", records([ping(5), ping(9, watermark=True)]))
        engine.feed("pongs", records([ping(9, watermark=True)], "pongs"))
        engine.feed("risk", records([ping(50, B, "risk")], "risk"))
        group = run(engine)
        assert [row[1] for row in outputs(group)] == ["risk", f"{A}-5"]
        assert group.clock_ms == T0 + 9_000


class TestTime:
    def test_due_alarms_ring_before_the_event_stamped_with_their_own_time(self):
        engine = partition()
        engine.feed("pings", records([ping(0, alarm_s=60), ping(0, B, alarm_s=30), ping(90, B)]))
        rows = outputs(run(engine))
        assert [row[:3] for row in rows[2:4]] == [[B, "alarm", T0 + 30_000], [A, "alarm", T0 + 60_000]]
        assert rows[4][1] == f"{B}-90"

    def test_a_watermark_and_an_idle_tick_move_the_clock_too(self):
        engine = partition()
        engine.feed("pings", records([ping(0, alarm_s=60), ping(61, watermark=True)]))
        assert outputs(run(engine))[-1][1] == "alarm"
        live = partition(LIVE)
        live.feed("pings", records([ping(0, alarm_s=60)]))
        live.run(10, ends={}, now_ms=T0)
        live.tick(T0 + 60_000 + LIVE.lateness_ms)
        assert outputs(run(live))[-1][1] == "alarm"

    def test_alarms_survive_a_restart(self):
        engine = partition()
        engine.feed("pings", records([ping(0, alarm_s=60)]))
        again = restarted(engine, [run(engine)])
        again.feed("pings", records([ping(61, B)], start=1))
        assert [row[1] for row in outputs(run(again))] == ["alarm", f"{B}-61"]

    def test_an_event_from_2099_is_a_dead_letter_and_moves_nothing(self):
        engine = partition()
        far = Ping(A, "far", 4_080_000_000_000)
        engine.feed("pings", [*records([ping(0, alarm_s=60)]), record("pings", 1, far, timestamp_ms=T0 + 1)])
        engine.feed("pings", records([ping(2)], start=2))
        group = run(engine)
        assert [letter.reason for letter in letters(group.emits)] == ["future"]
        assert group.clock_ms == T0 + 2_000
        assert [row[4] for row in outputs(group)] == [False, False]

    def test_live_also_compares_with_the_arrival(self):
        engine = partition(LIVE)
        engine.feed("pings", [record("pings", 0, Ping(A, "far", 4_080_000_000_000))])
        assert [letter.reason for letter in letters(run(engine, now_ms=T0).emits)] == ["future"]

    def test_a_watermark_from_2099_promises_nothing(self):
        """Believed, it would let the other topic go ahead of whatever comes behind it."""
        engine = partition(topics=2)
        far = Ping(A, "far", 4_080_000_000_000, watermark=True)
        engine.feed("pings", [record("pings", 0, far, timestamp_ms=T0)])
        engine.feed("pongs", records([ping(5, ident="o5")], "pongs"))
        group = run(engine)
        assert [letter.reason for letter in letters(group.emits)] == ["future"]
        assert outputs(group) == []
        engine.feed("pings", records([ping(4, ident="i4"), ping(9, watermark=True)], start=1))
        assert [row[1] for row in outputs(run(engine))] == ["i4", "o5"]

    def test_older_than_the_lateness_bound_is_late(self):
        engine = partition()
        engine.feed("pings", records([ping(10_000), ping(9_200), ping(9_000)]))
        assert [row[4] for row in outputs(run(engine))] == [False, False, True]


class TestForgetting:
    def test_an_idle_state_becomes_a_tombstone(self):
        engine = partition()
        engine.feed("pings", records([ping(0)]))
        run(engine)
        engine.feed("pings", records([ping(3_601, B)], start=1))
        assert (A.encode(), None) in run(engine).rows
        assert A.encode() not in engine.states

    def test_an_event_after_the_idle_time_starts_anew_in_the_same_batch_too(self):
        engine = partition()
        engine.feed("pings", records([ping(0), ping(1), ping(4_000)]))
        group = run(engine)
        assert [row[2] for row in outputs(group)] == [0, 1, 0]
        assert dict(group.rows)[A.encode()] is not None


class TestDuplicates:
    def test_the_same_event_id_counts_once_within_the_lateness_bound(self):
        engine = partition()
        engine.feed("pings", records([ping(0, ident="x"), ping(5, ident="x"), ping(6, ident="y")]))
        group = run(engine)
        assert [row[1] for row in outputs(group)] == ["x", "y"]
        assert group.counts[(DUPLICATES, ("accounts", "pings"))] == 1

    def test_and_after_a_restart(self):
        engine = partition()
        engine.feed("pings", records([ping(0, ident="x")]))
        again = restarted(engine, [run(engine)])
        again.feed("pings", records([ping(5, ident="x"), ping(6, ident="y")], start=1))
        assert [row[1] for row in outputs(run(again))] == ["y"]


class TestBadRecords:
    def test_undecodable_and_stray_records_become_dead_letters_in_the_same_group(self):
        engine = partition()
        stray = key_in(1)
        good = records([ping(0)])
        engine.feed("pings", [*good, Record("pings", 0, 1, T0, b"x", b"{broken"), record("pings", 2, ping(1, stray))])
        group = run(engine)
        assert [(letter.reason, letter.offset) for letter in letters(group.emits)] == [
            ("undecodable", 1),
            ("wrong_partition", 2),
        ]
        assert group.offsets == {"pings": 2}

    def test_another_partitioner_stops_the_worker_with_a_sentence(self):
        engine = partition()
        engine.feed("pings", records([ping(0, key_in(n % PARTITIONS, n // PARTITIONS)) for n in range(400)]))
        run(engine)
        assert "partitioner" in (engine.stop_sentence or "")

    def test_a_flood_of_rubbish_stops_the_worker_and_a_trickle_does_not(self):
        engine = partition(PartitionOptions(merge="strict", clock="replay", dead_letter_window=100))
        engine.feed("pings", records([ping(n) for n in range(95)]))
        engine.feed("pings", [Record("pings", 0, 95 + n, T0, b"x", b"{") for n in range(5)])
        run(engine)
        assert engine.stop_sentence is None
        engine.feed("pings", [Record("pings", 0, 100 + n, T0, b"x", b"{") for n in range(100)])
        run(engine)
        assert "dead-letters list" in (engine.stop_sentence or "")

    def test_what_may_be_a_secret_is_told_by_its_length_alone(self):
        engine = partition()
        engine.feed("pings", [Record("pings", 0, 0, T0, b"4111 1111 1111 1111", b'{"pan": "4111111111111111"')])
        (letter,) = letters(run(engine).emits)
        assert (letter.key, letter.body, letter.size) == ("<text 19>", None, 26)


class TestPoison:
    @pytest.mark.parametrize("step", ["prepare", "decide"])
    def test_only_the_poison_is_lost(self, step: str):
        engine = partition()
        pings = [ping(0), ping(1, B), ping(2, poison=step), ping(3), ping(4, B)]
        engine.feed("pings", records(pings))
        group = run(engine)
        assert [row[1:4] for row in outputs(group)] == [
            [f"{A}-0", 0, 1],
            [f"{B}-1", 0, 1],
            [f"{A}-3", 1, 2],
            [f"{B}-4", 1, 2],
        ]
        assert [(letter.reason, letter.offset) for letter in letters(group.emits)] == [("raised", 2)]
        assert outputs(group)[-1][6] == 4, "the shared state does not count the poison"
        assert group.offsets == {"pings": 4}

    def test_it_leaves_clock_and_duplicates_untouched(self):
        engine = partition()
        engine.feed("pings", records([ping(0), ping(100, ident="x", poison="decide"), ping(1, ident="x")]))
        group = run(engine)
        assert [row[1] for row in outputs(group)] == [f"{A}-0", "x"]
        assert group.clock_ms == T0 + 1_000

    def test_an_earlier_slice_of_the_same_group_is_not_repeated(self):
        engine = partition()
        engine.feed("pings", records([ping(0), ping(1)]))
        engine.run(10, ends={}, now_ms=T0)
        engine.feed("pings", records([ping(2, poison="prepare"), ping(3)], start=2))
        assert [row[2] for row in outputs(run(engine))] == [0, 1, 2]

    def test_a_timer_that_raises_is_set_aside_and_does_not_take_an_event_with_it(self):
        engine = partition()
        engine.feed("pings", records([ping(0, alarm_s=60, poison="alarm"), ping(0, B, alarm_s=90), ping(120, B)]))
        group = run(engine)
        assert [row[1] for row in outputs(group)] == [f"{A}-0", f"{B}-0", "alarm", f"{B}-120"]
        assert [(letter.reason, letter.topic) for letter in letters(group.emits)] == [("raised", "timer")]

    def test_of_timers_that_are_due_together_only_the_one_that_raises_is_put_off(self):
        engine = partition()
        first, second = sorted((A, B))
        pings = [ping(0, first, alarm_s=60), ping(0, second, alarm_s=60, poison="alarm"), ping(120, first)]
        engine.feed("pings", records(pings))
        group = run(engine)
        assert [row[1] for row in outputs(group)] == [f"{first}-0", f"{second}-0", "alarm", f"{first}-120"]
        (letter,) = letters(group.emits)
        assert (letter.reason, letter.topic, letter.key) == ("raised", "timer", second)

    def test_a_release_that_raises_on_everything_stops_the_worker(self):
        engine = partition()
        for start in range(0, 5_000, 250):
            pings = [ping(n, poison="decide") for n in range(start, start + 250)]
            engine.feed("pings", records(pings, start=start))
            run(engine)
        assert "deployment mistake" in (engine.stop_sentence or "")

    @pytest.mark.parametrize("step", ["prepare", "decide"])
    @pytest.mark.parametrize(("bad", "stops"), [(150, False), (250, True)])
    def test_the_share_of_poison_counts_every_record_once(self, step: str, bad: int, stops: bool):
        """However often a batch is run again to find out which of its events raise; the limit is a fifth."""
        engine = partition()
        for start in range(0, 5_000, 1_000):
            pings = [ping(n, poison=step if n % 1_000 < bad else "") for n in range(start, start + 1_000)]
            engine.feed("pings", records(pings, start=start))
            run(engine)
        assert (engine.stop_sentence is not None) == stops


class TestWhileACommitIsUnderWay:
    """The pump goes on handling events between `group` and `committed`, and not every state stays decoded."""

    @given(
        st.lists(st.tuples(st.integers(0, 9_000), st.integers(0, 5), st.sampled_from([0, 30])), min_size=20),
        st.lists(st.integers(1, 6), min_size=1, max_size=5),
    )
    def test_states_that_change_meanwhile_are_kept(self, drawn: list[tuple[int, int, int]], sizes: list[int]):
        keys = [key_in(0, number) for number in range(6)]
        pings = [ping(at, keys[key], alarm_s=alarm) for at, key, alarm in sorted(drawn)]
        everything = records(pings)
        found = []
        for resident, overlaps in ((10_000, False), (1, True)):
            engine = partition(PartitionOptions(merge="live", clock="replay", resident=resident))
            emits: list[Emit] = []
            rows: dict[bytes, bytes | None] = {}
            at = 0
            for size in cycle(sizes):
                engine.feed("pings", everything[at : at + size])
                at += size
                while engine.run(1_000, ends={"pings": True}, now_ms=T0):
                    pass
                if overlaps:
                    engine.committed()  # the group before: what has just been handled came while it was under way
                group = engine.group(T0)
                if group is not None:
                    emits += group.emits
                    rows |= dict(group.rows)
                if not overlaps:
                    engine.committed()
                if at >= len(everything):
                    break
            found.append((emits, {key: row for key, row in rows.items() if key != POSITION_KEY}))
        assert found[0] == found[1]


class TestNothingDurable:
    """Options of runs that commit nothing: states are encoded only to leave memory."""

    @given(st.lists(st.tuples(st.integers(0, 9_000), st.integers(0, 5), st.integers(0, 30), st.sampled_from([0, 30]))))
    def test_outputs_are_those_of_a_worker(self, drawn: list[tuple[int, int, int, int]]):
        keys = [key_in(0, number) for number in range(6)]
        pings = [ping(at, keys[key], f"e{ident}", alarm_s=alarm) for at, key, ident, alarm in drawn]
        everything = records([*pings, ping(20_000, watermark=True)])
        found = []
        for durable in (True, False):
            engine = partition(PartitionOptions(merge="strict", clock="replay", resident=2, durable=durable))
            emits, counts, rows = [], [], []
            for start in range(0, len(everything), 3):
                engine.feed("pings", everything[start : start + 3])
                group = run(engine)
                emits += group.emits
                counts.append((group.counts, group.handled))
                rows += group.rows
            found.append((emits, counts, len(engine.states)))
            assert bool(rows) is durable
        assert found[0] == found[1]

    def test_an_event_on_which_the_core_raises_is_no_output_but_the_end(self):
        engine = partition(PartitionOptions(merge="strict", clock="replay", durable=False))
        engine.feed("pings", records([ping(0), ping(1, poison="decide")]))
        with pytest.raises(NoWayBack) as raised:
            run(engine)
        assert isinstance(raised.value.__cause__, ValueError)


class TestRefusals:
    def test_another_partition_count_is_refused(self):
        engine = partition()
        engine.feed("pings", records([ping(0)]))
        group = run(engine)
        other = Partition(TallyLogic(), 0, PARTITIONS * 2, STRICT, INPUTS[:1])
        with pytest.raises(ForeignPartitionCount, match="belongs to 4 partitions"):
            other.restore(POSITION_KEY, dict(group.rows)[POSITION_KEY])

    def test_a_newer_format_is_refused(self):
        engine = partition()
        engine.feed("pings", records([ping(0)]))
        row = dict(run(engine).rows)[A.encode()]
        newer = msgspec.msgpack.encode([FORMAT + 1, *msgspec.msgpack.decode(row or b"")[1:]])
        other = Partition(TallyLogic(), 0, PARTITIONS, STRICT, INPUTS[:1])
        other.restore(A.encode(), newer)
        with pytest.raises(StateFromTheFuture):
            other.restored()


POISON = st.sampled_from(["", "", "", "", "", "prepare", "decide", "alarm"])
PINGS = st.lists(
    st.tuples(
        st.integers(0, 9_000),
        st.sampled_from([A, B, key_in(0, 2)]),
        st.integers(0, 30),
        st.sampled_from([0, 0, 0, 30, 900]),
        POISON,
    ),
    max_size=40,
)


def test_a_tick_before_an_event_changes_nothing():
    """A timer fires and its state outlives itself before the next event of the key, whoever moves the clock there."""
    pings = records([ping(0, alarm_s=1_000), ping(6_000)])
    whole = partition()
    whole.feed("pings", pings)
    engine = partition()
    engine.feed("pings", pings[:1])
    first = run(engine)
    engine.tick(T0 + 5_999_000 + STRICT.lateness_ms)
    engine.feed("pings", pings[1:])
    assert first.emits + run(engine).emits == run(whole).emits


@given(PINGS, st.lists(st.integers(1, 7), min_size=1, max_size=8), st.booleans())
def test_cutting_the_stream_differently_changes_nothing(
    drawn: list[tuple[int, str, int, int, str]], cuts: list[int], restarts: bool
):
    pings = [ping(at, key, f"e{ident}", alarm_s=alarm, poison=bad) for at, key, ident, alarm, bad in drawn]
    everything = records([*pings, ping(20_000, watermark=True)])
    whole = partition()
    whole.feed("pings", everything)
    expected = run(whole)

    engine, groups, at, cut = partition(), [], 0, 0
    while at < len(everything):
        size = cuts[cut % len(cuts)]
        engine.feed("pings", everything[at : at + size])
        while engine.run(3, ends={}, now_ms=T0):
            pass
        if cut % 2:
            group = engine.group(T0)
            if group is not None:
                engine.committed()
                groups.append(group)
                if restarts:
                    engine = restarted(engine, groups)
        at, cut = at + size, cut + 1
    last = engine.group(T0)
    groups += [last] if last else []
    emits = [emit for group in groups for emit in group.emits]
    assert sorted(emits) == sorted(expected.emits)
    assert [emit for emit in emits if emit.topic == "out"] == [emit for emit in expected.emits if emit.topic == "out"]
