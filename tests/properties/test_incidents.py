"""Incidents: do partitions, restarts and floods leave the same incidents, a bounded state, the real keys in place?"""

from __future__ import annotations

from itertools import count
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.entities import START_MS, policy

from streams.contracts.signals import HealthBucket, Member, Trial
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.pipeline import fire, next_due_ms, observe
from streams.core.entities.state import EntityState
from streams.core.incidents.state import INCIDENTS_MAX
from streams.core.signals import order_of

pytestmark = pytest.mark.timeout(300)
POLICY = policy()
BUCKET_MS = 5_000
KEYS = ("platform:all", "gateway:g1", "gateway:g2", "issuer:i1", "issuer+gateway:i1+g1", "merchant:m1")

Counts = tuple[int, int]
# One bucket: trials and failures of every key, in one of three moods.
counts = st.one_of(
    st.tuples(st.integers(1, 30), st.integers(0, 1)),
    st.tuples(st.integers(1, 30), st.integers(20, 30)).map(lambda pair: (max(pair), pair[1])),
    st.just((0, 0)),
)
stories = st.lists(st.tuples(st.integers(1, 24), st.lists(counts, min_size=6, max_size=6)), min_size=1, max_size=6)


def told(story: list[tuple[int, list[Counts]]], partitions: int) -> list[HealthBucket]:
    """The story's buckets as `partitions` sources would tell them, trials dealt out among the sources."""
    numbers = [count(1) for _ in range(partitions)]
    buckets = []
    at_ms = START_MS
    for repeats, row in story:
        for _ in range(repeats):
            for partition in range(partitions):
                trials = []
                for key, (n, f) in zip(KEYS, row, strict=True):
                    part_n = n // partitions + (partition < n % partitions)
                    part_f = min(part_n, f // partitions + (partition < f % partitions))
                    if part_n:
                        failing = (2**63 - 1) if f > 1 else 0
                        trials.append(Trial(key=key, attempts=part_n, failures=part_f, users=part_n, failing=failing))
                if trials:
                    buckets.append(
                        HealthBucket(
                            at_ms=at_ms + BUCKET_MS - 1,
                            partition=partition,
                            sequence=next(numbers[partition]),
                            bucket_ms=at_ms,
                            trials=tuple(trials),
                        )
                    )
            at_ms += BUCKET_MS
    return buckets


def play(buckets: list[HealthBucket], *, cut: int = 0, wait_s: int = 9_000) -> tuple[list[EntityEffect], EntityState]:
    """Effects of the buckets and of the time after them; with `cut` the state goes through bytes that often."""
    state, effects = EntityState(), []

    def pass_until(until_ms: int) -> None:
        while (due_ms := next_due_ms(state)) is not None and due_ms <= until_ms:
            effects.extend(fire(state, due_ms, POLICY, context(due_ms)))

    def context(at_ms: int) -> EntityContext:
        return EntityContext(partition=0, partitions=4, now_ms=at_ms)

    for number, bucket in enumerate(sorted(buckets, key=order_of), start=1):
        pass_until(bucket.at_ms)
        effects.extend(observe(state, bucket, POLICY, context(bucket.at_ms)))
        if cut and number % cut == 0:
            state = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=EntityState)
    if buckets:
        pass_until(buckets[-1].at_ms + wait_s * 1000)
    return effects, state


@given(stories, st.integers(2, 4))
@settings(max_examples=15, deadline=None)
def test_how_trials_are_dealt_out_among_partitions_changes_nothing(
    story: list[tuple[int, list[Counts]]], partitions: int
):
    assert play(told(story, 1))[0] == play(told(story, partitions))[0]


@given(stories, st.integers(1, 5), st.integers(0, 1_000))
@settings(max_examples=15, deadline=None)
def test_arrival_and_restarts_change_nothing(story: list[tuple[int, list[Counts]]], cut: int, seed: int):
    buckets = told(story, 3)
    whole = play(buckets)
    Random(seed).shuffle(buckets)
    buckets.sort(key=lambda bucket: bucket.at_ms)  # the wait after the end counts from the last one
    assert play(buckets, cut=cut) == whole


@given(stories)
@settings(max_examples=15, deadline=None)
def test_every_incident_ends_and_its_versions_rise_by_one(story: list[tuple[int, list[Counts]]]):
    effects, state = play(told(story, 2), wait_s=20_000)
    cases = [effect for effect in effects if effect.__struct_config__.tag == "case.version.v1"]
    for case_id in {case.case_id for case in cases}:
        versions = [case for case in cases if case.case_id == case_id]
        assert [case.version for case in versions] == list(range(1, len(versions) + 1))
        assert versions[-1].status == "closed"
    risks = [effect for effect in effects if effect.__struct_config__.tag == "entity.risk.v1"]
    assert [risk.version for risk in risks] == list(range(1, len(risks) + 1))
    for case_id in {risk.case_id for risk in risks}:
        assert [risk for risk in risks if risk.case_id == case_id][-1].closed
    assert state.health is not None
    assert state.health.incidents == {}


def test_a_flood_of_invented_keys_stays_bounded_and_the_real_ones_keep_their_places():
    dice = Random(3)
    health = EntityState()
    effects = 0
    for number in range(1_500):  # two hours
        at_ms = START_MS + number * BUCKET_MS
        real = [Trial(key=f"gateway:g{each}", attempts=20, failures=0, users=20) for each in range(3)]
        invented = [
            Trial(key=f"app:{dice.getrandbits(200):060x}"[:90], attempts=1, failures=1, users=1, failing=1)
            for _ in range(60)
        ]
        bucket = HealthBucket(
            at_ms=at_ms + BUCKET_MS - 1,
            partition=0,
            sequence=number,
            bucket_ms=at_ms,
            trials=(*real, *invented),
            members=(Member(incident_id="inc_unknown", users=1, failures=1, amounts={"EUR": 10**15}),),
        )
        context = EntityContext(partition=0, partitions=1, now_ms=at_ms)
        while (due_ms := next_due_ms(health)) is not None and due_ms <= bucket.at_ms:
            effects += len(fire(health, due_ms, POLICY, context))
        effects += len(observe(health, bucket, POLICY, context))
    assert health.health is not None
    assert len(health.health.keys) <= POLICY.entities.health.keys_max + 1
    assert {f"gateway:g{each}" for each in range(3)} <= set(health.health.keys)
    assert len(health.health.incidents) <= INCIDENTS_MAX
    assert len(msgspec.msgpack.encode(health)) < 1_300_000
    assert effects == 0
