"""How many payments does each gateway, issuer, network, method, region and release carry, and how many fail?

Accounts partitions count trials in short buckets of event time (`HealthBuckets`) and send each bucket as one signal;
the entities agent adds the buckets of all partitions up (`HealthCounters`). Whether a share of failures is an incident
is another question and not asked here.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec

from streams.contracts.base import Event
from streams.contracts.payments import (
    BillpayFailed,
    BillpayPosted,
    Movement,
    PaymentFailed,
    PaymentSucceeded,
    TopupCredited,
    TopupFailed,
    TransferFailed,
    TransferSucceeded,
    WithdrawalCredited,
    WithdrawalFailed,
)
from streams.contracts.signals import HealthBucket, Trial
from streams.core.entities.policies import HealthPolicy
from streams.core.entities.recent import mark

_SUCCESSES = (PaymentSucceeded, TransferSucceeded, TopupCredited, WithdrawalCredited, BillpayPosted)
_FAILURES = (PaymentFailed, TransferFailed, TopupFailed, WithdrawalFailed, BillpayFailed)
_TRIALS: dict[type[Event], bool] = {**dict.fromkeys(_SUCCESSES, False), **dict.fromkeys(_FAILURES, True)}

# Keys of one bucket: a partition sees some dozens of gateways and issuers; the rest is an attack on our memory.
BUCKET_KEYS_MAX = 1024
# Orders of one bucket: a client that retries at once is one trial (domain 3.2). More orders are counted as they come.
BUCKET_ORDERS_MAX = 256
SLOTS = 10


class Counter(msgspec.Struct, array_like=True):
    """Trials of one key in one bucket."""

    attempts: int = 0
    failures: int = 0
    users: int = 0  # a 63-bit map of hashed users: enough to tell 1, 10 and 100 apart


class HealthBuckets(msgspec.Struct, array_like=True):
    """The trials that an accounts partition has not sent yet; part of the partition's state."""

    bucket_ms: int = 0  # start of the bucket; 0 = empty
    counters: dict[str, Counter] = {}
    orders: list[int] = []


class KeyHealth(msgspec.Struct, array_like=True):
    """Trials of one key over the window, in SLOTS slots of [slot number, attempts, failures, users]."""

    slots: list[tuple[int, int, int, int]] = []


class HealthCounters(msgspec.Struct, array_like=True):
    """Health of all keys of the system, least recently used first."""

    keys: dict[str, KeyHealth] = {}


def failed_trial(event: Event) -> bool | None:
    """True for a failed trial, False for a good one, None for an event that is not the end of an attempt."""
    return _TRIALS.get(type(event))


def keys_of(event: Movement) -> list[str]:
    """The health keys of a movement; none if it names no party that could be down."""
    gateway, issuer, network = event.gateway_id, event.issuer_id, event.network
    if gateway is None and issuer is None and network is None:
        return []
    method = event.method
    keys = [f"method:{method}"]
    if gateway is not None:
        keys += (f"gateway:{gateway}", f"gateway+method:{gateway}+{method}")
    if issuer is not None:
        keys += (f"issuer:{issuer}", f"issuer+method:{issuer}+{method}")
        if gateway is not None:
            keys.append(f"issuer+gateway:{issuer}+{gateway}")
    if network is not None:
        keys.append(f"network:{network}")
    if event.region is not None:
        keys.append(f"region:{event.region}")
    if event.app_version is not None:
        keys.append(f"app:{event.app_version}")
    return [key for key in keys if len(key) <= 256]


def count_trial(buckets: HealthBuckets, event: Event, at_ms: int, policy: HealthPolicy) -> None:
    """Counts `event`, if it is a trial, at `at_ms`: its own time, or the partition's clock if it is late.

    `ended_bucket` must have been asked for `at_ms` before, so that the bucket of `at_ms` is the open one.
    """
    failed = failed_trial(event)
    if failed is None or not isinstance(event, Movement):
        return
    keys = keys_of(event)
    if not keys:
        return
    order = mark(f"{event.account_id}\x1f{event.order_id or event.payment_id}")
    if order in buckets.orders:
        return
    if len(buckets.orders) < BUCKET_ORDERS_MAX:
        buckets.orders.append(order)
    if not buckets.bucket_ms:
        bucket_ms = policy.bucket_s * 1000
        buckets.bucket_ms = at_ms - at_ms % bucket_ms
    user = 1 << mark(event.account_id) % 63
    for key in keys:
        counter = buckets.counters.get(key)
        if counter is None:
            if len(buckets.counters) >= BUCKET_KEYS_MAX:
                continue
            counter = buckets.counters[key] = Counter()
        counter.attempts += 1
        counter.failures += failed
        counter.users |= user


def ended_bucket(
    buckets: HealthBuckets, clock_ms: int, partition: int, next_sequence: Callable[[], int], policy: HealthPolicy
) -> HealthBucket | None:
    """The bucket, if it has ended at `clock_ms`; it is then empty again."""
    end_ms = buckets.bucket_ms + policy.bucket_s * 1000
    if not buckets.bucket_ms or clock_ms < end_ms:
        return None
    signal = HealthBucket(
        at_ms=end_ms - 1,  # never at the clock: what is told for a boundary belongs to the step before it
        partition=partition,
        sequence=next_sequence(),
        bucket_ms=buckets.bucket_ms,
        trials=tuple(
            Trial(key=key, attempts=c.attempts, failures=c.failures, users=min(c.attempts, _users(c.users)))
            for key, c in buckets.counters.items()
        ),
    )
    buckets.bucket_ms = 0
    buckets.counters = {}
    buckets.orders = []
    return signal


def count_bucket(health: HealthCounters, bucket: HealthBucket, policy: HealthPolicy) -> None:
    """Adds one bucket of one partition."""
    slot = bucket.bucket_ms * SLOTS // (policy.window_s * 1000)
    keys = health.keys
    for trial in bucket.trials:
        entry = keys.pop(trial.key, None) or KeyHealth()
        keys[trial.key] = entry
        slots = [kept for kept in entry.slots if kept[0] > slot - SLOTS]
        for index, (number, attempts, failures, users) in enumerate(slots):
            if number == slot:
                slots[index] = (
                    slot,
                    attempts + trial.attempts,
                    failures + trial.failures,
                    users + trial.users,
                )
                break
        else:
            slots.append((slot, trial.attempts, trial.failures, trial.users))
            # A bucket that comes late must not push newer slots out.
            slots.sort()
            del slots[:-SLOTS]
        entry.slots = slots
    while len(keys) > policy.keys_max:
        del keys[next(iter(keys))]


def window_totals(health: HealthCounters, key: str, at_ms: int, policy: HealthPolicy) -> tuple[int, int, int]:
    """(attempts, failures, users) of `key` in the window that ends at `at_ms`, in whole slots.

    Users are summed over buckets: a user who tries in two buckets counts twice.
    """
    entry = health.keys.get(key)
    if entry is None:
        return (0, 0, 0)
    newest = at_ms * SLOTS // (policy.window_s * 1000)
    inside = [slot for slot in entry.slots if newest - SLOTS < slot[0] <= newest]
    return (sum(slot[1] for slot in inside), sum(slot[2] for slot in inside), sum(slot[3] for slot in inside))


def _users(bits: int) -> int:
    """Linear counting: how many users set that many of 63 bits."""
    free = 63 - bits.bit_count()
    return round(-63 * math.log(max(free, 0.5) / 63))
