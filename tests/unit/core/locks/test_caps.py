from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from streams.core.locks.caps import BUCKETS, RULES, TOTAL, PartitionLimits, counted_as
from streams.core.policy import LockCaps

CAPS = LockCaps(window_s=3600, per_rule=4, total=6, partition_share=0.5)  # 2 per rule and 3 in total here
NOON = 1_775_044_800_000


def test_a_rule_stops_at_its_cap_and_everybody_at_the_total() -> None:
    limits = PartitionLimits()
    assert [limits.take("a", NOON, CAPS, 2) for _ in range(3)] == [True, True, False]
    assert limits.take("b", NOON, CAPS, 2)
    assert not limits.take("b", NOON, CAPS, 2)


def test_what_rules_have_locked_keeps_no_owner_from_a_freeze() -> None:
    """Whoever makes rules lock many accounts would else keep a theft from being stopped."""
    limits = PartitionLimits()
    assert [limits.take(rule, NOON, CAPS, 2) for rule in "aabbcc"] == [True, True, True, False, False, False]
    limits.stop(TOTAL, NOON, NOON + 3_600_000)
    assert limits.is_stopped("a", NOON)
    assert not limits.is_stopped("reported_stolen", NOON)
    assert [limits.take("reported_stolen", NOON, CAPS, 2) for _ in range(3)] == [True, True, False]
    assert limits.take("customer_denied", NOON, CAPS, 2)
    assert sum(limits.counts[TOTAL]) == 3, "and reports use up nothing of what rules may lock"
    assert limits.reached("reported_stolen", CAPS) == []


def test_the_window_moves_on() -> None:
    limits = PartitionLimits()
    assert limits.take("a", NOON, CAPS, 2)
    assert limits.take("a", NOON + 3_000_000, CAPS, 2)
    assert not limits.take("a", NOON + 3_500_000, CAPS, 2)
    assert limits.take("a", NOON + 3_900_000, CAPS, 2)  # the first one is more than an hour ago


def test_a_burst_is_told_at_the_first_and_each_tenfold() -> None:
    limits = PartitionLimits()
    told = [limits.refuse("a", NOON + at, CAPS) for at in range(1_000)]
    assert {each.window_ms for each in told} == {NOON}
    assert [each.version for each in told if each.version] == [1, 2, 3, 4]
    assert limits.refuse("b", NOON + 3_599_999, CAPS).version == 1, "each rule has its own"
    assert limits.refuse("a", NOON + 3_600_000, CAPS) == (NOON + 3_600_000, "a", 1)


def test_accounts_with_a_history_have_a_cap_of_their_own_for_what_their_owners_ask() -> None:
    limits = PartitionLimits()
    old = counted_as("reported_stolen", established=True)
    assert [limits.take("reported_stolen", NOON, CAPS, 2) for _ in range(3)] == [True, True, False]
    assert [limits.take(old, NOON, CAPS, 2) for _ in range(3)] == [True, True, False]
    limits.stop("reported_stolen", NOON, NOON + 3_600_000)
    assert limits.is_stopped("reported_stolen", NOON)
    assert not limits.is_stopped(old, NOON)
    assert counted_as("login-risk", established=True) == "login-risk", "rules have one cap for all"


def test_a_small_cap_still_locks() -> None:
    assert PartitionLimits().take("a", NOON, LockCaps(window_s=60, per_rule=1, total=1, partition_share=0.0), 12)


@given(st.lists(st.tuples(st.integers(0, 60).map(str), st.integers(0, 10**8)), max_size=300))
def test_it_stays_small_and_survives_a_round_trip(wishes: list[tuple[str, int]]) -> None:
    limits = PartitionLimits()
    for rule, at_ms in wishes:
        limits.take(rule, NOON + at_ms, LockCaps(window_s=60, per_rule=5, total=9, partition_share=1.0), 1)
        assert sum(limits.counts["total"]) <= 9
    assert len(limits.counts) <= RULES + 1
    assert all(len(row) == BUCKETS for row in limits.counts.values())
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(limits), type=PartitionLimits) == limits
