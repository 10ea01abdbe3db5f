"""Are trials counted once, in the right bucket, for every part of the system that could be down?"""

from __future__ import annotations

from itertools import count
from typing import Any

import msgspec
import pytest
from support.entities import START_MS, policy

from streams.contracts.base import from_ms
from streams.contracts.logins import ChallengeFailed, ChallengePassed
from streams.contracts.payments import (
    Code,
    PaymentAuthorized,
    PaymentFailed,
    PaymentPending,
    PaymentRequested,
    PaymentSucceeded,
    TopupFailed,
)
from streams.contracts.signals import HealthBucket
from streams.core.entities.health import (
    CHALLENGED_MAX,
    DIMENSION_KEYS_MAX,
    WATCHED_MAX,
    HealthBuckets,
    count_hung,
    count_trial,
    ended_bucket,
    failed_trial,
    join,
)
from streams.core.incidents.causes import METERED
from streams.core.incidents.keys import keys_of, route_of
from streams.core.incidents.statistics import distinct
from streams.core.library import packaged_library

HEALTH = policy().entities.health
LIBRARY = packaged_library()


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
    route = route_of(paid(network="visa", region="eu", app_version="5.1", merchant_id="m+1"))
    assert route is not None
    assert keys_of(route) == [
        "platform:all",
        "method:card",
        "gateway:g1",
        "gateway+method:g1+card",
        "issuer:i1",
        "issuer+method:i1+card",
        "issuer+gateway:i1+g1",
        "network:visa",
        "merchant:m+1",
        "merchant+method:m%2B1+card",
        "region:eu",
        "app:5.1",
    ]
    nobody = {"gateway_id": None, "issuer_id": None, "network": None, "merchant_id": None}
    assert route_of(paid(**nobody)) is None
    in_region = route_of(paid(**nobody, region="eu"))
    assert in_region is not None
    assert keys_of(in_region) == ["platform:all", "method:card", "region:eu"]


def test_a_bucket_is_sent_when_it_has_ended_and_only_then():
    buckets = HealthBuckets()
    count_trial(buckets, paid(issuer_id=None), START_MS + 1_200, HEALTH, LIBRARY)
    count_trial(buckets, paid("second", "other", PaymentFailed, issuer_id=None), START_MS + 4_999, HEALTH, LIBRARY)
    assert bucket_of(buckets, 4.999) is None
    bucket = bucket_of(buckets, 5)
    assert bucket is not None
    assert (bucket.at_ms, bucket.partition, bucket.sequence, bucket.bucket_ms) == (START_MS + 4_999, 2, 7, START_MS)
    assert [(trial.key, trial.attempts, trial.failures, trial.users) for trial in bucket.trials] == [
        (key, 2, 1, 2) for key in ("platform:all", "method:card", "gateway:g1", "gateway+method:g1+card")
    ]
    assert bucket_of(buckets, 100) is None


def test_a_retry_of_the_same_order_is_the_same_trial():
    buckets = HealthBuckets()
    for _ in range(5):
        count_trial(buckets, paid(), START_MS, HEALTH, LIBRARY)
    count_trial(buckets, paid(account="other"), START_MS, HEALTH, LIBRARY)
    assert buckets.counters["gateway:g1"].attempts == 2


def test_a_payment_without_a_party_opens_no_bucket():
    buckets = HealthBuckets()
    count_trial(buckets, paid(gateway_id=None, issuer_id=None), START_MS, HEALTH, LIBRARY)
    assert bucket_of(buckets, 100) is None


@pytest.mark.parametrize("users", [1, 2, 10, 30])
def test_users_are_estimated_well_enough_to_tell_few_from_many(users: int):
    buckets = HealthBuckets()
    for number in range(users):
        count_trial(buckets, paid(f"order-{number}", f"account-{number}"), START_MS, HEALTH, LIBRARY)
    bucket = bucket_of(buckets, 5)
    assert bucket is not None
    assert bucket.trials[0].users == pytest.approx(users, rel=0.25)


def test_invented_keys_cannot_fill_the_memory_nor_push_others_out():
    buckets = HealthBuckets()
    for number in range(5_000):
        count_trial(buckets, paid(f"order-{number}", app_version=f"app-{number}"), START_MS, HEALTH, LIBRARY)
    assert len(buckets.counters) < DIMENSION_KEYS_MAX + 10
    assert buckets.counters["gateway:g1"].attempts == 5_000
    count_trial(buckets, paid("long", issuer_id="i" * 120), START_MS, HEALTH, LIBRARY)
    assert max(map(len, buckets.counters)) < 100


def failed(code: str, order: str, **fields: Any) -> PaymentFailed:
    event = paid(order, order, PaymentFailed, codes=(Code(source="iso8583_1987", code=code),), **fields)
    assert isinstance(event, PaymentFailed)
    return event


@pytest.mark.parametrize(
    ("code", "gateway", "merchant", "group"),
    [
        ("96", 1, 1, None),
        ("91", 1, 1, None),
        ("03", 0, 1, None),
        ("51", 0, 0, "funds"),
        ("05", 0, 0, "refusal"),
        ("59", 0, 0, "fraud"),
        ("86", 0, 0, "authentication"),
        ("54", 0, 0, None),
        ("never heard of", 1, 1, None),
    ],
)
def test_a_failure_counts_where_its_cause_can_be(code: str, gateway: int, merchant: int, group: str | None):
    buckets = HealthBuckets()
    event = failed(code, "order", merchant_id="m1", network="visa")
    count_trial(buckets, event, START_MS, HEALTH, LIBRARY, at_home=True)
    counters = buckets.counters
    assert (counters["gateway:g1"].failures, counters["merchant:m1"].failures) == (gateway, merchant)
    metered = [0] * len(METERED)
    if group is not None:
        metered[[*METERED].index(group)] = 1
    assert counters["issuer:i1"].groups == (metered if group else [])


CODES = "authentication@challenge:sms-1"


def challenge(
    account: str, kind: type[ChallengePassed | ChallengeFailed] = ChallengeFailed, **fields: Any
) -> ChallengePassed | ChallengeFailed:
    given = {"challenge_provider_id": "sms-1", "device_id": f"phone of {account}", "ip": f"10.0.{account}.1"} | fields
    return kind(event_id=account, source="test", occurred_at=from_ms(START_MS), account_id=account, **given)


def challenged(*events: Any, at_home: bool = True) -> tuple[int, int, int]:
    """Attempts, failures and different customers who failed, of one provider in one bucket."""
    buckets = HealthBuckets()
    for event in events:
        count_trial(buckets, event, START_MS, HEALTH, LIBRARY, at_home=at_home)
    bucket = bucket_of(buckets, 5)
    for trial in () if bucket is None else bucket.trials:
        if trial.key == CODES:
            return trial.attempts, trial.failures, distinct(trial.failing)
    return 0, 0, 0


def test_a_second_factor_is_a_trial_of_whoever_asked_for_it():
    passed = challenge("1", ChallengePassed)
    assert challenged(passed, challenge("2"), challenge("3")) == (3, 2, 2)
    assert challenged(challenge("1", challenge_provider_id=None)) == (0, 0, 0)
    assert challenged(challenge("1", challenge_provider_id="p" * 120)) == (0, 0, 0)


def test_a_payment_tells_how_its_second_factor_went_unless_the_channel_broke_first():
    asked = {"challenge_provider_id": "sms-1", "network": "visa"}
    refused = failed("86", "a", **asked)
    assert challenged(paid("b", "b", **asked), refused, failed("51", "c", **asked)) == (3, 1, 1)
    assert challenged(failed("91", "d", **asked), failed("03", "e", **asked)) == (0, 0, 0)


def test_only_owners_second_factors_count_and_guessing_on_counts_once():
    assert challenged(*(challenge(str(number)) for number in range(9)), at_home=False) == (0, 0, 0)
    assert challenged(*(challenge("1") for _ in range(9))) == (1, 1, 1)
    assert challenged(*(challenge(str(number), device_id="phone") for number in range(9))) == (1, 1, 1)
    assert challenged(*(challenge(str(number), ip=f"10.0.0.{number}") for number in range(9))) == (1, 1, 1)


def test_who_failed_is_counted_again_after_the_window_and_few_are_remembered():
    buckets = HealthBuckets()
    for at_ms in (START_MS, START_MS + 299_000, START_MS + 301_000):
        count_trial(buckets, challenge("1"), at_ms, HEALTH, LIBRARY, at_home=True)
    assert buckets.counters[CODES].failures == 2
    for number in range(2 * CHALLENGED_MAX):
        event = challenge(str(number), ip=f"10.{number // 256}.{number % 256}.1")
        count_trial(buckets, event, START_MS + 301_000, HEALTH, LIBRARY, at_home=True)
    assert len(buckets.challenged) <= CHALLENGED_MAX + 3


@pytest.mark.parametrize("at_home", [True, False])
def test_the_meter_of_an_issuer_leaves_strangers_second_factors_out(at_home: bool):
    buckets = HealthBuckets()
    for number in range(3):
        count_trial(
            buckets, failed("86", f"order-{number}", network="visa"), START_MS, HEALTH, LIBRARY, at_home=at_home
        )
    groups = buckets.counters["issuer:i1"].groups
    assert sum(groups) == (3 if at_home else 0)


def request(order: str) -> PaymentRequested:
    return PaymentRequested(**msgspec.structs.asdict(paid(order, order)))


def test_silence_is_a_failure_after_a_minute_and_an_answer_is_not():
    buckets = HealthBuckets()
    for order in ("answered", "asked to wait", "unknown", "silent"):
        count_trial(buckets, request(order), START_MS, HEALTH, LIBRARY)
    count_trial(buckets, PaymentAuthorized(**msgspec.structs.asdict(paid("answered"))), START_MS + 900, HEALTH, LIBRARY)
    for order, code in (("asked to wait", "54"), ("unknown", "68")):
        fields = msgspec.structs.asdict(paid(order))
        codes = (Code(source="iso8583_1987", code=code),)
        count_trial(buckets, PaymentPending(**fields, codes=codes), START_MS + 900, HEALTH, LIBRARY)
    count_hung(buckets, START_MS + 59_999, START_MS + 59_999, HEALTH)
    assert bucket_of(buckets, 59) is None
    count_hung(buckets, START_MS + 60_000, START_MS + 60_000, HEALTH)
    assert (buckets.counters["gateway:g1"].attempts, buckets.counters["gateway:g1"].failures) == (2, 2)
    assert not buckets.waiting


def test_a_payment_is_not_missed_before_its_feed_was_heard():
    buckets = HealthBuckets()
    count_trial(buckets, request("silent"), START_MS, HEALTH, LIBRARY)
    count_hung(buckets, START_MS + 3_000, START_MS + 600_000, HEALTH)
    assert buckets.waiting
    count_hung(buckets, START_MS + 60_000, START_MS + 600_000, HEALTH)
    assert not buckets.waiting


def test_answers_are_measured_and_the_watch_is_bounded():
    buckets = HealthBuckets()
    for number in range(1_000):
        count_trial(buckets, request(f"order-{number}"), START_MS, HEALTH, LIBRARY)
    assert len(buckets.waiting) == WATCHED_MAX
    assert len(msgspec.msgpack.encode(buckets)) < 8_000
    count_trial(buckets, paid("order-0", "order-0"), START_MS + 3_000, HEALTH, LIBRARY)
    assert buckets.counters["gateway:g1"].spans == [0, 0, 0, 1, 0, 0, 0, 0]


def test_members_of_an_incident_are_told_with_the_bucket_and_only_once():
    buckets = HealthBuckets()
    for number in range(40):
        join(
            buckets,
            "inc_1",
            START_MS,
            HEALTH,
            new_user=number < 3,
            amount_minor=100,
            currency="USD",
            code=f"iso8583_1987/{number}",
        )
    bucket = bucket_of(buckets, 5)
    assert bucket is not None
    (member,) = bucket.members
    assert (member.users, member.failures, member.amounts, len(member.codes)) == (3, 40, {"USD": 4_000}, 8)
    count_trial(buckets, paid(), START_MS + 5_000, HEALTH, LIBRARY)
    later = bucket_of(buckets, 10)
    assert later is not None
    assert later.members == ()


def test_pending_trials_survive_a_restart():
    buckets = HealthBuckets()
    count_trial(buckets, paid(), START_MS, HEALTH, LIBRARY)
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(buckets), type=HealthBuckets)
    assert bucket_of(again, 5) == bucket_of(buckets, 5)
