"""Does every bad record get its own named refusal, and every good one through?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.contracts.base import Watermark
from streams.contracts.logins import LoginFailed
from streams.contracts.payments import PaymentSucceeded
from streams.contracts.registry import MAX_BYTES, REASONS, Refusal, decode, encode, read
from streams.contracts.topics import TOPICS

PAYMENTS = "payments.transactions"
EVENT = PaymentSucceeded(
    event_id="e-1",
    source="shop",
    occurred_at=datetime(2024, 1, 1, tzinfo=UTC),
    account_id="a-1",
    payment_id="p-1",
    amount_minor=1250,
    currency="EUR",
    merchant_id="m-1",
)
GOOD = encode(EVENT)


def test_what_was_encoded_is_decoded() -> None:
    assert decode(PAYMENTS, GOOD) == EVENT
    assert read(PAYMENTS, b"a-1", GOOD) == EVENT


def test_unknown_fields_are_ignored() -> None:
    assert decode(PAYMENTS, GOOD.replace(b'{"type"', b'{"added_in_2031":{"deep":[1]},"type"')) == EVENT


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b" " * (MAX_BYTES + 1), "too_large"),
        (GOOD[:-1], "undecodable"),
        (b"hello", "undecodable"),
        (b"\xff\xfe", "undecodable"),
        (GOOD.replace(b":1250,", b":NaN,"), "undecodable"),
        (GOOD.replace(b"m-1", b"m-\xff"), "bad_utf8"),
        (b"null", "not_an_event"),
        (b"[]", "not_an_event"),
        (b"{}", "not_an_event"),
        (b'{"type":7}', "not_an_event"),
        (GOOD.replace(b'{"type"', b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b',"type"'), "too_deep"),
        (GOOD.replace(b"succeeded.v1", b"succeeded.v2"), "unknown_type"),
        (GOOD.replace(b"payment.succeeded.v1", b"login.failed.v1"), "wrong_topic"),
        (GOOD.replace(b"payment.succeeded.v1", b"case.action.v1"), "privileged"),
        (GOOD.replace(b"payment.succeeded.v1", b"identity.verified.v1"), "privileged"),
        (GOOD.replace(b'"account_id":"a-1",', b""), "missing_field"),
        (GOOD.replace(b":1250,", b':"1250",'), "wrong_type"),
        (GOOD.replace(b":1250,", b":12.5,"), "wrong_type"),
        (GOOD.replace(b":1250,", b":-1,"), "out_of_range"),
        (GOOD.replace(b":1250,", b":1e999,"), "out_of_range"),
        (GOOD.replace(b":1250,", b":" + b"9" * 5000 + b","), "out_of_range"),
        (GOOD.replace(b'"EUR"', b'"eur"'), "out_of_range"),
        (GOOD.replace(b'"EUR"', b'"EUR\\n"'), "out_of_range"),
        (GOOD.replace(b'"a-1"', b'""'), "out_of_range"),
        (GOOD.replace(b"00Z", b"00"), "bad_time"),
        (GOOD.replace(b"2024-01-01", b"1969-12-31"), "bad_time"),
        (GOOD.replace(b"2024-01-01", b"2200-01-01"), "bad_time"),
        (GOOD.replace(b"2024-01-01", b"2024-13-01"), "bad_time"),
        (GOOD.replace(b'"2024-01-01T00:00:00Z"', b"1704067200"), "bad_time"),
        (GOOD.replace(b'"a-1"', b'"anonymous:x"'), "bad_account"),
        (GOOD.replace(b'"a-1"', b'"a-1","known":false'), "bad_account"),
        (GOOD.replace(b'"a-1"', b'"\\u0000position"'), "bad_account"),
    ],
)
def test_each_kind_of_damage_has_its_name(raw: bytes | None, reason: str) -> None:
    refused = decode(PAYMENTS, raw)
    assert isinstance(refused, Refusal)
    assert refused.reason == reason
    assert refused.counts is (reason != "unknown_type")


def test_a_key_must_be_the_account() -> None:
    assert read(PAYMENTS, b"a-2", GOOD).reason == "key_mismatch"
    assert read(PAYMENTS, None, GOOD).reason == "key_missing"


def test_watermarks_pass_under_any_key() -> None:
    mark = Watermark(event_id="w", source="replay", occurred_at=EVENT.occurred_at, account_id="-")
    assert read(PAYMENTS, None, encode(mark)) == mark


def test_a_deleted_profile_is_not_damage() -> None:
    refused = decode("account.profiles", None)
    assert (refused.reason, refused.counts) == ("tombstone", False)


def test_an_attempt_without_an_account_is_marked_twice() -> None:
    attempt = LoginFailed(
        event_id="e", source="web", occurred_at=EVENT.occurred_at, account_id="anonymous:k3j", known=False, ip="::1"
    )
    assert decode("auth.logins", encode(attempt)) == attempt


def test_a_refusal_never_repeats_a_value() -> None:
    raw = encode(EVENT).replace(b'"payment.succeeded.v1"', b'"4111 1111 1111 1111"')
    assert "4111" not in decode(PAYMENTS, raw).detail
    label = (
        b'{"type":"label.recorded.v1","event_id":"e","source":"s","occurred_at":"2024-01-01T00:00:00Z","account_id":"a",'
        b'"subject_id":"p","verdict":"4111 1111 1111 1111","label_source":"x",'
        b'"subject_occurred_at":"2024-01-01T00:00:00Z"}'
    )
    refused = decode("risk.labels", label)
    assert refused.reason == "wrong_type"
    assert "4111" not in refused.detail
    assert "verdict" in refused.detail


@given(st.sampled_from([topic.name for topic in TOPICS.values() if topic.types]), st.none() | st.binary(max_size=300))
def test_arbitrary_bytes_never_raise(topic: str, raw: bytes | None) -> None:
    refused = decode(topic, raw)
    assert isinstance(refused, Refusal)
    assert refused.reason in REASONS


@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=4), st.integers(0, 8))
def test_damaged_events_never_raise(at: int, noise: bytes, removed: int) -> None:
    result = decode(PAYMENTS, GOOD[:at] + noise + GOOD[at + removed :])
    assert isinstance(result, (Refusal, PaymentSucceeded))
