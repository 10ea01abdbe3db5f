"""Which dead letters become a record again, and which do not?"""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from aiokafka import ConsumerRecord

from streams.contracts.partitioning import partition_of
from streams.contracts.registry import Refusal, decode
from streams.contracts.signals import DeadLetter
from streams.runtime.dead_letters import BODY_LIMIT, dead_letter
from streams.runtime.logic import Record, Refused
from streams.runtime.reading import runs
from streams.runtime.refeed import Again, Letter, again, group_of

LOGINS = "auth.logins"
PAYMENT = (
    b'{"type":"payment.failed.v1","event_id":"e","source":"s","occurred_at":"2026-01-01T00:00:00Z","account_id":"a1",'
    b'"payment_id":"p","amount_minor":1000,"currency":"EUR","codes":[]}'
)
PLAIN = b'{"type":"payment.requested.v9"}'
CARD = b'{"card": "4111 1111 1111 1111"}'


def letter(value: bytes | None, *, topic: str = LOGINS, key: bytes | None = b"a", partition: int = 1) -> Letter:
    emit = dead_letter(Record(topic, partition, 7, 1_000, key, value), Refused("undecodable", "why"))
    assert emit.value is not None
    return Letter(0, 3, emit.key, msgspec.json.decode(emit.value, type=DeadLetter))


def lying(value: bytes, key: bytes | None = b"a") -> ConsumerRecord:
    return ConsumerRecord(LOGINS, 1, 7, 1_000, 0, key, value, None, 1, len(value), (("trace", b"t"),))


def test_the_original_is_written_with_its_key_time_and_headers_where_the_hash_says() -> None:
    found = again(letter(CARD), lying(CARD), 4)
    assert found == Again(LOGINS, partition_of(b"a", 4), b"a", CARD, 1_000, (("trace", b"t"),))


def test_a_stray_goes_where_it_belongs() -> None:
    for partition in range(4):
        found = again(letter(PLAIN, partition=partition), None, 4)
        assert isinstance(found, Again)
        assert found.partition == partition_of(b"a", 4)


def test_records_between_the_agents_go_back_to_their_partition() -> None:
    found = again(letter(PLAIN, topic="paywarden.signals", key=b"health", partition=3), None, 4)
    assert isinstance(found, Again)
    assert found.partition == 3


def test_without_the_original_a_complete_letter_will_do() -> None:
    found = again(letter(PLAIN), None, 4)
    assert isinstance(found, Again)
    assert found.value == PLAIN


@pytest.mark.parametrize("value", [CARD, b"x", PLAIN + b" " * BODY_LIMIT], ids=["partly hidden", "no JSON", "cut off"])
def test_a_letter_that_is_not_the_whole_record_is_not_fed(value: bytes) -> None:
    assert "gone from its topic" in str(again(letter(value), None, 4))


@pytest.mark.parametrize("key", [b"alice@example.com", b"a" * 200])
def test_a_letter_that_hides_its_key_is_not_fed_under_another(key: bytes) -> None:
    assert "gone from its topic" in str(again(letter(PLAIN, key=key), None, 4))


def test_a_letter_of_an_older_build_is_fed_as_before() -> None:
    old = msgspec.structs.replace(letter(CARD).letter, sha256=hashlib.sha256(CARD).hexdigest(), key="*" * 17)
    found = again(Letter(0, 3, b"*" * 17, old), lying(CARD), 4)
    assert isinstance(found, Again)
    assert (found.key, found.value) == (b"a", CARD)
    assert "gone from its topic" in str(again(Letter(0, 3, b"*" * 17, old), None, 4))


def test_another_record_in_its_place_is_not_taken_for_it() -> None:
    assert "gone from its topic" in str(again(letter(CARD), lying(b"something else"), 4))


def test_no_value_is_nothing_to_feed() -> None:
    assert again(letter(None), None, 4) == "it had no value"


def test_a_letter_without_a_key_stays_on_its_partition() -> None:
    found = again(letter(PLAIN, key=None, partition=2), None, 4)
    assert isinstance(found, Again)
    assert (found.key, found.partition) == (None, 2)


def test_progress_is_kept_per_reason_and_topic() -> None:
    assert group_of("paywarden", letter(b"x").letter) == "paywarden.dead-letters.undecodable.auth.logins"


def test_runs_join_what_is_near() -> None:
    assert runs([900, 3, 1, 2, 5_000, 5_001]) == [(1, 3), (900, 900), (5_000, 5_001)]
    assert runs([0, 500, 1_000]) == [(0, 1_000)]
    assert runs([]) == []


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (b'{"type":"payment.requested.v1","event_id":7}', "$.event_id"),
        (PAYMENT.replace(b"1000", b"-1"), "$.amount_minor"),
        (PAYMENT.replace(b'"codes":[]', b'"codes":[{"source":"x","code":7}]'), "$.codes[0].code"),
        (b"{", None),
        (b'{"type":"payment.requested.v9"}', None),
    ],
)
def test_a_letter_names_the_field_that_could_not_be_decoded(value: bytes, path: str | None) -> None:
    refused = decode("payments.transactions", value)
    assert type(refused) is Refusal
    emit = dead_letter(Record("payments.transactions", 0, 7, 1_000, b"a1", value), Refused(*refused))
    assert emit.value is not None
    assert msgspec.json.decode(emit.value, type=DeadLetter).path == path
