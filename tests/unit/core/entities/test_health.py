"""Are trials counted once, in the right bucket, for every part of the system that could be down?"""

from __future__ import annotations

from itertools import count
from typing import Any

import msgspec
import pytest
from support.entities import START_MS, Entity, policy

from streams.contracts.base import from_ms
from streams.contracts.payments import PaymentFailed, PaymentPending, PaymentSucceeded, TopupFailed
from streams.contracts.signals import HealthBucket, Trial
from streams.core.entities.health import (
    BUCKET_KEYS_MAX,
    HealthBuckets,
    HealthCounters,
    count_bucket,
    count_trial,
    ended_bucket,
    failed_trial,
    keys_of,
    window_totals,
)

HEALTH = policy().entities.health


def paid(
    order: str = "order",
    account: str = "account",
    kind: type[PaymentSucceeded | PaymentFailed] = PaymentSucceeded,
    **fields: Any,
) -> PaymentSucceeded | PaymentFailed:
    return kind(
        event_id=f"{account}-{order}",
        source="test",
        occurred_at=from_ms(START_MS),
        account_id=account,
        payment_id=order,
        order_id=order,
        amount_minor=100,
        currency="USD",
        **({"gateway_id": "g1", "issuer_id": "i1"} | fields),
    )


def bucket_of(buckets: HealthBuckets, clock_s: float) -> HealthBucket | None:
    return ended_bucket(buckets, START_MS + int(clock_s * 1000), 2, count(7).__next__, HEALTH)


def test_ends_of_attempts_are_trials():
    movement = msgspec.structs.asdict(paid())
    assert failed_trial(paid()) is False
    assert failed_trial(PaymentFailed(**movement)) is True
    assert failed_trial(TopupFailed(**movement)) is True
    assert failed_trial(PaymentPending(**movement)) is None


def test_keys_name_every_party_and_the_pairs_that_tell_them_apart():
    assert keys_of(paid(network="visa", region="eu", app_version="5.1")) == [
        "method:card",
        "gateway:g1",
        "gateway+method:g1+card",
        "issuer:i1",
        "issuer+method:i1+card",
        "issuer+gateway:i1+g1",
        "network:visa",
        "region:eu",
        "app:5.1",
    ]
    assert keys_of(paid(gateway_id=None, issuer_id=None, region="eu")) == []


def test_a_bucket_is_sent_when_it_has_ended_and_only_then():
    buckets = HealthBuckets()
    count_trial(buckets, paid(issuer_id=None), START_MS + 1_200, HEALTH)
    count_trial(buckets, paid("second", "other", PaymentFailed, issuer_id=None), START_MS + 4_999, HEALTH)
    assert bucket_of(buckets, 4.999) is None
    assert bucket_of(buckets, 5) == HealthBucket(
        at_ms=START_MS + 4_999,
        partition=2,
        sequence=7,
        bucket_ms=START_MS,
        trials=tuple(
            Trial(key=key, attempts=2, failures=1, users=2)
            for key in ("method:card", "gateway:g1", "gateway+method:g1+card")
        ),
    )
    assert bucket_of(buckets, 100) is None


def test_a_retry_of_the_same_order_is_the_same_trial():
    buckets = HealthBuckets()
    for _ in range(5):
        count_trial(buckets, paid(), START_MS, HEALTH)
    count_trial(buckets, paid(account="other"), START_MS, HEALTH)
    assert buckets.counters["gateway:g1"].attempts == 2


def test_a_payment_without_a_party_opens_no_bucket():
    buckets = HealthBuckets()
    count_trial(buckets, paid(gateway_id=None, issuer_id=None), START_MS, HEALTH)
    assert bucket_of(buckets, 100) is None


@pytest.mark.parametrize("users", [1, 2, 10, 30])
def test_users_are_estimated_well_enough_to_tell_few_from_many(users: int):
    buckets = HealthBuckets()
    for number in range(users):
        count_trial(buckets, paid(f"order-{number}", f"account-{number}"), START_MS, HEALTH)
    bucket = bucket_of(buckets, 5)
    assert bucket is not None
    assert bucket.trials[0].users == pytest.approx(users, rel=0.25)


def test_invented_keys_cannot_fill_the_memory():
    buckets = HealthBuckets()
    for number in range(5_000):
        count_trial(buckets, paid(f"order-{number}", gateway_id=f"gateway-{number}"), START_MS, HEALTH)
    assert len(buckets.counters) == BUCKET_KEYS_MAX
    assert buckets.counters["method:card"].attempts == 5_000
    few = policy("[entities.health]\nkeys_max = 10").entities.health
    health = HealthCounters()
    bucket = bucket_of(buckets, 5)
    assert bucket is not None
    count_bucket(health, bucket, few)
    assert len(health.keys) == 10


def test_buckets_of_all_partitions_add_up_over_the_window():
    entity = Entity(policy())
    for partition in range(3):
        for number in range(102):  # 510 seconds
            entity.play(
                [
                    HealthBucket(
                        at_ms=START_MS + number * 5_000 + 5_000,
                        partition=partition,
                        sequence=number,
                        bucket_ms=START_MS + number * 5_000,
                        trials=(Trial(key="gateway:g1", attempts=4, failures=1, users=4),),
                    )
                ]
            )
    health = entity.state.health
    assert health is not None
    assert window_totals(health, "gateway:g1", START_MS + 509_999, HEALTH) == (3 * 60 * 4, 3 * 60, 3 * 60 * 4)
    assert window_totals(health, "gateway:g1", START_MS + 900_000, HEALTH) == (0, 0, 0)
    assert window_totals(health, "gateway:g2", START_MS + 499_999, HEALTH) == (0, 0, 0)
    assert entity.effects == []


def test_pending_trials_survive_a_restart():
    buckets = HealthBuckets()
    count_trial(buckets, paid(), START_MS, HEALTH)
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(buckets), type=HealthBuckets)
    assert bucket_of(again, 5) == bucket_of(buckets, 5)
