"""How many attempts does each part of the payment system carry in each partition, how many fail, and why?

Accounts partitions count trials in short buckets of event time (`HealthBuckets`) and send each bucket as one signal.
What follows from the buckets of all partitions is another question: `streams.core.incidents.detector`.

A trial is the end of an attempt, or its silence: a payment that was requested and has no answer after `hung_s`. A
second factor, of a login or a payment, is a trial of whoever asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from streams.contracts.base import Event
from streams.contracts.logins import ChallengeFailed, ChallengePassed
from streams.contracts.payments import (
    BillpayFailed,
    BillpayPosted,
    Failure,
    Movement,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentPending,
    PaymentRequested,
    PaymentReversed,
    PaymentSucceeded,
    TopupCredited,
    TopupFailed,
    TransferFailed,
    TransferSucceeded,
    WithdrawalCredited,
    WithdrawalFailed,
)
from streams.contracts.signals import HealthBucket, Member, Trial
from streams.core.entities.policies import HealthPolicy
from streams.core.entities.recent import mark
from streams.core.familiar import network_of
from streams.core.incidents.causes import METERED, Group, group_of_codes
from streams.core.incidents.keys import Route, challenge_key, dimension_of, keys_of, route_of
from streams.core.incidents.statistics import distinct
from streams.core.library import Library

_SUCCESSES = (PaymentSucceeded, TransferSucceeded, TopupCredited, WithdrawalCredited, BillpayPosted)
_FAILURES = (PaymentFailed, TransferFailed, TopupFailed, WithdrawalFailed, BillpayFailed)
_TRIALS: dict[type[Event], bool] = {**dict.fromkeys(_SUCCESSES, False), **dict.fromkeys(_FAILURES, True)}
Challenged: TypeAlias = Movement | ChallengePassed | ChallengeFailed  # what may name who asked for a second factor
_ANSWERS = (PaymentAuthorized, PaymentCaptured, PaymentReversed)

# Keys of one bucket and dimension. More distinct issuers or merchants than this within five seconds are the long tail,
# or an attack on our memory; a flood of invented merchants leaves the gateways' keys alone.
DIMENSION_KEYS_MAX = 160
# Orders of one bucket: a client that retries at once is one trial (domain 3.2). More orders are counted as they come.
BUCKET_ORDERS_MAX = 256
# Payments whose silence is watched. A sample: places become free as answers come, and where answers stay away all of
# them are soon taken by payments that hang. This many per partition are seen to hang in a minute, far above the
# threshold of the detector, and they cost 6 KiB of the partition's state.
WATCHED_MAX = 64
# Accounts, devices and networks of failed second factors that are remembered for a window.
CHALLENGED_MAX = 768
MEMBERS_MAX = 16  # incidents of one bucket
CODES_MAX = 8  # codes of one incident in one bucket
# Seconds that end each class of duration; what takes longer is in the last one.
SPANS_S = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
TIMED = frozenset({"gateway", "issuer", "network", "method"})


class Counter(msgspec.Struct, array_like=True):
    """Trials of one key in one bucket."""

    attempts: int = 0
    failures: int = 0
    users: int = 0  # a 63-bit map of hashed users: enough to tell 1, 10 and 100 apart
    failing: int = 0  # the same, of users with a failure
    groups: list[int] = []  # refusals by group, in the order of METERED
    spans: list[int] = []  # measured attempts by class of duration


class Started(msgspec.Struct, array_like=True):
    """A payment that waits for its answer."""

    at_ms: int
    user: int
    route: Route


class Joined(msgspec.Struct, array_like=True):
    """Failures that were found to belong to an incident and are not told yet."""

    users: int = 0
    failures: int = 0
    amounts: dict[str, int] = {}
    codes: dict[str, int] = {}


class HealthBuckets(msgspec.Struct, array_like=True):
    """The trials that an accounts partition has not sent yet; part of the partition's state."""

    bucket_ms: int = 0  # start of the bucket; 0 = empty
    counters: dict[str, Counter] = {}
    orders: list[int] = []
    waiting: dict[int, Started] = {}  # by payment, oldest first
    joined: dict[str, Joined] = {}  # by incident
    crowd: dict[str, int] = {}  # keys of the bucket by dimension
    # When the account, device and network of a second factor that failed were counted last, oldest first.
    challenged: dict[int, int] = {}


def failed_trial(event: Event) -> bool | None:
    """True for a failed trial, False for a good one, None for an event that is not the end of an attempt."""
    return _TRIALS.get(type(event))


def count_trial(
    buckets: HealthBuckets, event: Event, at_ms: int, policy: HealthPolicy, library: Library, *, at_home: bool = False
) -> None:
    """Counts `event`, if it is a trial, at `at_ms`: its own time, or the partition's clock if it is late.

    `ended_bucket` must have been asked for `at_ms` before, so that the bucket of `at_ms` is the open one. `at_home`: as
    far as the account can tell, it was its owner. Only owners' second factors count: strangers fail where all works.
    """
    if isinstance(event, ChallengePassed | ChallengeFailed):
        is_wrong = isinstance(event, ChallengeFailed)
        if at_home and (not is_wrong or _is_news(buckets, event, at_ms, policy)):
            _count_challenge(buckets, event, is_wrong, at_ms, policy)
        return
    if not isinstance(event, Movement):
        return
    failed = failed_trial(event)
    if failed is None:
        _watch(buckets, event, at_ms, library)
        return
    started = buckets.waiting.pop(mark(event.payment_id), None) if buckets.waiting else None
    route = route_of(event)
    if route is None and event.challenge_provider_id is None:
        return
    order = mark(f"{event.account_id}\x1f{event.order_id or event.payment_id}")
    if order in buckets.orders:
        return
    if len(buckets.orders) < BUCKET_ORDERS_MAX:
        buckets.orders.append(order)
    group: Group | None = None
    if isinstance(event, Failure):
        group = group_of_codes(event.codes, event.network, library)
    if group == "authentication" and not (at_home and _is_news(buckets, event, at_ms, policy)):
        group = "customer"  # a stranger's failure, or one more of the same customer: nobody's outage
    elif at_home and group not in ("channel", "merchant"):  # else nobody knows how the second factor went
        _count_challenge(buckets, event, group == "authentication", at_ms, policy)
    if route is None:
        return
    span = -1 if started is None else _span((at_ms - started.at_ms) / 1000)
    _count(buckets, route, mark(event.account_id), group, span, at_ms, policy)


def join(
    buckets: HealthBuckets,
    incident_id: str,
    at_ms: int,
    policy: HealthPolicy,
    *,
    new_user: bool,
    amount_minor: int,
    currency: str,
    code: str,
) -> None:
    """Notes a failure that belongs to an incident; the next bucket tells it."""
    _open(buckets, at_ms, policy)
    joined = buckets.joined.get(incident_id)
    if joined is None:
        if len(buckets.joined) >= MEMBERS_MAX:
            return
        joined = buckets.joined[incident_id] = Joined()
    joined.users += new_user
    joined.failures += 1
    if currency and (currency in joined.amounts or len(joined.amounts) < CODES_MAX):  # a second factor moves no money
        # Below what the wire and a 64-bit sum of all partitions can hold.
        joined.amounts[currency] = min(10**15, joined.amounts.get(currency, 0) + amount_minor)
    if code in joined.codes or len(joined.codes) < CODES_MAX:
        joined.codes[code] = joined.codes.get(code, 0) + 1


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
            Trial(
                key=key,
                attempts=c.attempts,
                failures=c.failures,
                users=min(c.attempts, distinct(c.users)),
                failing=c.failing,
                groups=tuple(c.groups),
                spans=tuple(c.spans),
            )
            for key, c in buckets.counters.items()
        ),
        members=tuple(
            Member(incident_id=incident_id, users=j.users, failures=j.failures, amounts=j.amounts, codes=j.codes)
            for incident_id, j in buckets.joined.items()
        ),
    )
    buckets.bucket_ms = 0
    buckets.counters = {}
    buckets.orders = []
    buckets.joined = {}
    buckets.crowd = {}
    return signal


def count_hung(buckets: HealthBuckets, heard_ms: int, clock_ms: int, policy: HealthPolicy) -> None:
    """Counts watched payments without an answer for `hung_s` as failures of the channel, at `clock_ms`.

    `heard_ms` is how far the feed was heard that answers come from: of what is later nobody knows that it is missing.
    """
    since_ms = min(heard_ms, clock_ms) - policy.hung_s * 1000
    while buckets.waiting:
        payment = next(iter(buckets.waiting))
        started = buckets.waiting[payment]
        if started.at_ms > since_ms:
            return
        del buckets.waiting[payment]
        _count(buckets, started.route, started.user, "channel", len(SPANS_S), clock_ms, policy)


def _watch(buckets: HealthBuckets, event: Movement, at_ms: int, library: Library) -> None:
    """Follows a payment from its request to any answer; a provider that says "wait" has answered, unless unknown."""
    match event:
        case PaymentRequested():
            route = route_of(event) if len(buckets.waiting) < WATCHED_MAX else None
            if route is not None:
                buckets.waiting.setdefault(mark(event.payment_id), Started(at_ms, mark(event.account_id), route))
        case PaymentPending():
            if event.codes and group_of_codes(event.codes, event.network, library) != "channel":
                buckets.waiting.pop(mark(event.payment_id), None)
        case _ if isinstance(event, _ANSWERS):
            buckets.waiting.pop(mark(event.payment_id), None)
        case _:
            pass


def _count(
    buckets: HealthBuckets, route: Route, user: int, group: Group | None, span: int, at_ms: int, policy: HealthPolicy
) -> None:
    """One trial on every key of its route; `group` None: it went well."""
    _open(buckets, at_ms, policy)
    bit = 1 << user % 63
    metered = METERED.index(group) if group in METERED else -1
    for key in keys_of(route):
        counter = _counter(buckets, key)
        if counter is None:
            continue
        counter.attempts += 1
        counter.users |= bit
        if group == "channel" or (group == "merchant" and key.startswith("merchant")):
            counter.failures += 1
            counter.failing |= bit
        elif metered >= 0 and key.startswith(("issuer:", "network:")):
            if not counter.groups:
                counter.groups = [0] * len(METERED)
            counter.groups[metered] += 1
        if span >= 0 and dimension_of(key) in TIMED:
            if not counter.spans:
                counter.spans = [0] * (len(SPANS_S) + 1)
            counter.spans[span] += 1


def _counter(buckets: HealthBuckets, key: str) -> Counter | None:
    """The key's numbers in this bucket; None if its dimension has no place left."""
    counter = buckets.counters.get(key)
    if counter is None:
        dimension = dimension_of(key)
        crowd = buckets.crowd.get(dimension, 0)
        if crowd >= DIMENSION_KEYS_MAX:
            return None
        buckets.crowd[dimension] = crowd + 1
        counter = buckets.counters[key] = Counter()
    return counter


def _count_challenge(buckets: HealthBuckets, event: Challenged, failed: bool, at_ms: int, policy: HealthPolicy) -> None:
    """One trial of whoever asked for the second factor. Its customers are told apart by their networks.

    So those of one network are one customer, in all partitions together.
    """
    key = challenge_key(event.challenge_provider_id)
    if key is None:
        return
    _open(buckets, at_ms, policy)
    counter = _counter(buckets, key)
    if counter is None:
        return
    bit = 1 << mark(event.account_id if event.ip is None else network_of(event.ip)) % 63
    counter.attempts += 1
    counter.users |= bit
    if failed:
        counter.failures += 1
        counter.failing |= bit


def _is_news(buckets: HealthBuckets, event: Challenged, at_ms: int, policy: HealthPolicy) -> bool:
    """Whether no second factor of this account, device or network has failed within the window.

    Who tries on and on is one failure, and so is who tries many accounts from one place.
    """
    known = buckets.challenged
    while known:
        oldest = next(iter(known))
        if known[oldest] > at_ms - policy.window_s * 1000 and len(known) <= CHALLENGED_MAX:
            break
        del known[oldest]
    places = (("device", event.device_id), ("network", None if event.ip is None else network_of(event.ip)))
    marks = [mark(f"account\x1f{event.account_id}")]
    marks += [mark(f"{kind}\x1f{value}") for kind, value in places if value is not None]
    if any(each in known for each in marks):
        return False
    known.update(dict.fromkeys(marks, at_ms))
    return True


def _open(buckets: HealthBuckets, at_ms: int, policy: HealthPolicy) -> None:
    if not buckets.bucket_ms:
        bucket_ms = policy.bucket_s * 1000
        buckets.bucket_ms = at_ms - at_ms % bucket_ms


def _span(seconds: float) -> int:
    for number, most in enumerate(SPANS_S):
        if seconds <= most:
            return number
    return len(SPANS_S)
