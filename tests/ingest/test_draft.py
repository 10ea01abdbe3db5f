"""Is a proposal a file that can be used, does it see what is plain, and does it keep values to itself?"""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime, timedelta
from typing import Any

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


NOW_MS = 1_795_690_000_000  # 2026-11-26 10:26:40 UTC


def drafted(documents: list[dict[str, Any]], times_ms: list[int]) -> tuple[str, dict[str, Any]]:
    values = [json.dumps(each).encode() for each in documents]
    facts = [Facts("t", None, at_ms) for at_ms in times_ms]
    text = propose("t", "t", facts, values, None)
    assert text is not None
    return text, tomllib.loads(text)


def brazilian(count: int) -> tuple[list[dict[str, Any]], list[int]]:
    """A wallet in Portuguese: nested, times day first and in Brazil's zone, amounts as people write them."""
    documents, times = [], []
    for number in range(count):
        at_ms = NOW_MS - (count - number) * 61_000
        local = datetime.fromtimestamp(at_ms / 1000, UTC) - timedelta(hours=3)
        cents = 100 + (number * 7919) % 900_000
        documents.append(
            {
                "mensagem": {"uuid": f"5f0c{number:08x}", "versao": "2.1"},
                "transacao": {
                    "codigo": f"E{number:020d}",
                    "situacao": ("APROVADO", "RECUSADO", "PENDENTE")[number % 3],
                    "valor": f"R$ {cents / 100:,.2f}".translate(str.maketrans(",.", ".,")),
                    "moeda": "BRL",
                    "dataHora": local.strftime("%d/%m/%Y %H:%M:%S"),
                },
                "pagador": {
                    "conta": f"{70000 + number % 40}-{number % 40 % 10}",
                    "nome": ("Ana Souza", "Bruno Lima")[number % 2] + f" {number % 40}",
                    "nascimento": f"{1 + number % 28:02d}/0{1 + number % 9}/1985",
                },
                "origem": {"ip": f"198.51.100.{number % 200}"},
            }
        )
        times.append(at_ms)
    return documents, times


def test_a_wallet_in_portuguese_is_understood_by_its_values() -> None:
    documents, times = brazilian(200)
    text, table = drafted(documents, times)
    assert table["account_id"] == "pagador.conta"
    assert table["event_id"] == "mensagem.uuid"
    assert table["occurred_at"] == {
        "path": "transacao.dataHora",
        "time": "%d/%m/%Y %H:%M:%S",
        "zone": "Etc/GMT+3",
    }
    assert table["type"]["path"] == "transacao.situacao"
    assert table["type"]["values"] == {
        "APROVADO": "payment.succeeded.v1",
        "RECUSADO": "payment.failed.v1",
        "PENDENTE": "payment.pending.v1",
    }
    assert table["fields"]["payment_id"] == "transacao.codigo"
    assert table["fields"]["currency"] == "transacao.moeda"
    assert table["fields"]["ip"] == "origem.ip"
    mapper = Mapper(parse_source(table, "draft"))
    for document, at_ms in zip(documents, times, strict=True):
        mapped = mapper.map(document, b"", Facts("t", None, at_ms))
        assert not isinstance(mapped, Refusal), mapped
        event = json.loads(mapped[0].value)
        digits = "".join(each for each in document["transacao"]["valor"] if each.isdigit())
        assert event["amount_minor"] == int(digits)
        told = datetime.fromisoformat(event["occurred_at"])
        assert abs(told.timestamp() * 1000 - at_ms) < 1000
    assert "which zone is it?" in text
    rest = text[text.index("# No line above uses these") :]
    assert "pagador.nome: texts" in rest
    assert "mensagem.versao" in rest
    assert "Souza" not in text
    assert "198.51" not in text


def test_a_number_of_a_state_is_no_id_and_compact_times_are_times() -> None:
    documents = [
        {
            "order": {"ref": f"OR{number:06d}", "state": (1, 2, 7)[number % 3]},
            "buyer": {"no": f"B{number % 30:04d}"},
            "stamp": 20261126090000 + number % 60,
            "sum": f"{number % 90 + 1}.25",
            "ccy": "EUR",
        }
        for number in range(150)
    ]
    text, table = drafted(documents, [NOW_MS + number for number in range(150)])
    assert table["occurred_at"]["path"] == "stamp"
    assert table["occurred_at"]["time"] == "%Y%m%d%H%M%S"
    assert table["account_id"] == "buyer.no"
    assert 'id = "order.state"' not in text
    assert table["type"]["path"] == "order.state"
    for value in ("1", "2", "7"):
        assert f'# ? "{value}" = "..."  # 50 records' in text
    assert "order.ref" in text


def test_candidates_are_listed_where_nothing_decides() -> None:
    documents = [
        {"x1": f"A{n % 20:05d}", "x2": f"B{n % 25:05d}", "v": n, "w": f"{n}.10", "kind": f"k{n % 50}"}
        for n in range(100)
    ]
    text, table = drafted(documents, [NOW_MS] * 100)
    assert "account_id" not in table
    assert "#     perhaps x1: texts, 20 values in 100 records, like A99999" in text
    assert "#     perhaps x2: texts, 25 values in 100 records, like A99999" in text


@pytest.mark.parametrize("few", [("id", 2), ("customerId", 3), ("paymentId", 1), ("deviceId", 2)])
def test_a_field_with_few_values_is_never_an_id(few: tuple[str, int]) -> None:
    name, distinct = few
    documents = [{name: number % distinct + 100, "amount": f"{number}.50", "currency": "EUR"} for number in range(100)]
    text, _ = drafted(documents, [NOW_MS] * 100)
    assert f'_id = "{name}"' not in text


def test_a_name_cannot_break_out_of_its_line() -> None:
    documents = [{'a"]\nname = "x': f"u{n}", "evil\x1b]0;t\x07": n, "amount": n, "cur": "EUR"} for n in range(20)]
    text, table = drafted(documents, [NOW_MS] * 20)
    assert table["name"] == "t"
    assert "\x1b" not in text


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
