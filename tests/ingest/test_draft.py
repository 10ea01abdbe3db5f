"""Is a proposal a file that can be used, does it see what is plain, and does it keep values to itself?"""

from __future__ import annotations

import json
import tomllib

import pytest
from support.foreign import GOLDEN, KEY, SHAPES, registry_of, sent
from support.foreign_traffic import traffic

from streams.contracts.registry import Refusal
from streams.ingest.documents import Documents
from streams.ingest.draft import propose, source_name
from streams.ingest.logic import Reader
from streams.ingest.mapping import Facts, Mapper
from streams.ingest.source import parse_source

# A shop nobody here has seen: named otherwise than our contracts, three outcomes, one customer in several payments.
UNKNOWN = [
    {
        "uuid": f"u-{number}",
        "txnRef": f"T{number:06d}",
        "client": {"no": f"K{number % 7}", "country": "DE", "ipAddress": f"192.0.2.{number % 200}"},
        "totalAmount": f"{number}.50",
        "ccy": "EUR",
        "state": ("PAID", "DECLINED", "NEW")[number % 3],
        "createdAt": 1764547200000 + number * 1000,
        "merchantId": "m-1",
        "deviceId": f"d-{number % 9}",
    }
    for number in range(60)
]


def proposal(documents: list[dict[str, object]]) -> str:
    values = [json.dumps(each).encode() for each in documents]
    text = propose(
        "shop.orders", "shop-orders", [Facts("shop.orders", None, 1764547300000)] * len(values), values, None
    )
    assert text is not None
    return text


def test_an_unknown_shop_is_recognised() -> None:
    text = proposal(UNKNOWN)
    source = parse_source(tomllib.loads(text), "draft")
    reader = Reader(Documents(source), Mapper(source))
    events = []
    for each in UNKNOWN:
        _, mapped = reader.read(Facts("shop.orders", None, 1764547300000), json.dumps(each).encode())
        assert not isinstance(mapped, Refusal), (mapped, text)
        events += [json.loads(one.value) for one in mapped]
    assert {each["type"] for each in events} == {
        "payment.succeeded.v1",
        "payment.failed.v1",
        "payment.requested.v1",
    }
    assert events[3]["account_id"] == "K3"
    assert events[3]["payment_id"] == "T000003"
    assert (events[3]["amount_minor"], events[3]["currency"]) == (350, "EUR")
    assert events[3]["occurred_at"] == "2025-12-01T00:00:03Z"
    assert (events[3]["ip"], events[3]["merchant_id"], events[3]["device_id"]) == ("192.0.2.3", "m-1", "d-3")


def test_a_login_feed_is_recognised() -> None:
    text = proposal(
        [
            {"id": f"e{n}", "userId": f"u{n % 5}", "ip": "192.0.2.9", "result": ("OK", "BAD_PASSWORD")[n % 2],
             "ts": "2025-12-01T00:00:00Z", "userAgent": "Mozilla/5.0"}
            for n in range(20)
        ]
    )  # fmt: skip
    source = parse_source(tomllib.loads(text), "draft")
    assert set(source.plans) == {"login.succeeded.v1", "login.failed.v1"}


def test_values_of_customers_are_not_repeated() -> None:
    text = proposal(UNKNOWN)
    for value in ("192.0.2", "T000003", "K3", "u-3", "d-3"):
        assert value not in text


@pytest.mark.parametrize("shape", SHAPES)
def test_a_proposal_for_every_shape_is_toml_and_says_what_it_lacks(shape: str) -> None:
    records = [each for each in sent(GOLDEN / shape) if each.value is not None]
    if shape in ("stripe", "alipay", "debezium", "avro"):
        records = traffic(shape, 50)
    topic = f"any.{shape}"
    facts = [Facts(topic, each.key, each.timestamp_ms, each.headers) for each in records]
    text = propose(topic, source_name(topic), facts, [each.value for each in records], registry_of(GOLDEN / shape))
    assert text is not None
    table = tomllib.loads(text)
    assert table["topics"] == [topic]
    if "# ?" not in text:
        source = parse_source(table, shape)
        Mapper(source, KEY)


def test_what_is_no_document_gets_no_proposal() -> None:
    assert propose("t", "t", [Facts("t", None, 0)] * 2, [b"\xff\xfe", b"plain text"], None) is None


def test_names() -> None:
    assert source_name("core.public.Ledger_Entries") == "core-public-ledger-entries"
    assert source_name("...") == "source"
