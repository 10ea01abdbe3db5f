"""Is a source file refused as a whole, with the place and the remedy, before a record is read?"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from streams.contracts.registry import Refusal
from streams.ingest.mapping import Facts, Mapper, needs_key
from streams.ingest.source import SourceError, load_source, parse_source

GOOD = """
name = "shop"
topics = ["shop.orders"]
account_id = "customer"
occurred_at = { path = "at", time = "unix_ms" }
type = "payment.succeeded.v1"
[fields]
payment_id = "id"
amount_minor = { path = "total", unit = "major" }
currency = "currency"
"""


def refusal(text: str) -> str:
    with pytest.raises(SourceError) as refused:
        parse_source(tomllib.loads(text), "shop.toml")
    said = str(refused.value)
    assert said.startswith("shop.toml: ")
    assert "\n" not in said
    return said


def test_a_small_file_is_enough() -> None:
    source = parse_source(tomllib.loads(GOOD), "shop.toml")
    assert (source.format, source.envelope, source.source) == ("json", "none", "shop")
    assert list(source.plans) == ["payment.succeeded.v1"]
    assert not needs_key(source)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('name = "shop"', 'name = "Shop 1"', "lower-case letters"),
        ('topics = ["shop.orders"]', "topics = []", "name the topics to read"),
        ('topics = ["shop.orders"]', 'topics = ["a/b"]', "not a topic name for Kafka"),
        ('topics = ["shop.orders"]', 'topics = ["a", "a"]', "named twice"),
        ('account_id = "customer"', "", "account_id: say where the account is"),
        ('account_id = "customer"', 'acount_id = "customer"', "did you mean account_id?"),
        ('account_id = "customer"', 'account_id = "a..b"', "is not JMESPath"),
        ('account_id = "customer"', 'account_id = { paht = "a" }', "did you mean path?"),
        ('account_id = "customer"', 'account_id = { path = "a", value = "b" }', "exactly one of path"),
        ('account_id = "customer"', 'account_id = "c"\nformat = "xml"', "format: one of json, avro, protobuf"),
        ('account_id = "customer"', 'account_id = "c"\nschema_file = "x"', "only Avro and Protobuf"),
        ('occurred_at = { path = "at", time = "unix_ms" }', "", "occurred_at: say where the time"),
        ('time = "unix_ms"', 'time = "epoch"', "one of rfc3339, unix_s"),
        ('time = "unix_ms"', 'time = "rfc3339", zone = "Mars/Olympus"', "no time zone 'Mars/Olympus'"),
        ('"payment.succeeded.v1"', '"payment.succeded.v1"', "did you mean payment.succeeded.v1?"),
        ('"payment.succeeded.v1"', '"case.action.v1"', "privileged"),
        ('"payment.succeeded.v1"', '"identity.verified.v1"', "privileged"),
        ('type = "payment.succeeded.v1"', 'type = { path = "status" }', "needs path, and values"),
        ('payment_id = "id"', "", "needs payment_id"),
        ('payment_id = "id"', 'payment_id = "id"\nevent_id = "x"', "belongs to the top of the file"),
        ('payment_id = "id"', 'payment_id = "id"\ncuntry = "x"', "did you mean country?"),
        ('payment_id = "id"', 'payment_id = { path = "id", unit = "minor" }', "belong to amounts"),
        ('payment_id = "id"', 'payment_id = { path = "id", otherwise = "x" }', "use default instead"),
        ('payment_id = "id"', 'payment_id = { path = "id", time = "unix_s" }', "fields that hold a time"),
        ('payment_id = "id"', 'payment_id = { path = "id", hash = "yes" }', "true or false"),
        (', unit = "major"', "", "a factor of 100"),
        ('unit = "major"', 'unit = "major", grouping = "."', "cannot both be '.'"),
        ('unit = "major"', 'unit = "major", grouping = ";"', "what separates thousands"),
        ('unit = "major"', 'unit = "major", decimal = "·"', '"." or ","'),
        ('unit = "major"', 'unit = "major", symbol = "1$"', "at most 8 characters, no digits"),
        ('unit = "major"', 'unit = "major", scale = 2, decimal = ","', "only one can be true"),
        ('payment_id = "id"', 'payment_id = { path = "id", decimal = "," }', "belong to amounts"),
        ('unit = "major"', 'unit = "cents"', '"major" (12.34) or "minor" (1234)'),
        (
            'currency = "currency"',
            'currency = "currency"\n[fields."payment.failed.v1"]\nmessage = "m"',
            "does not name it",
        ),
        (
            'currency = "currency"',
            'currency = "currency"\n[fields."payment.succeeded.v1"]\ncodes = "x"',
            "has no such field",
        ),
        (
            'currency = "currency"',
            'currency = "currency"\n[exponents]\nISK = "2"',
            "decimals of the source's minor unit",
        ),
        ('currency = "currency"', 'currency = "currency"\n[unmapped]\nskip = []', "takes ignore"),
    ],
)
def test_a_mistake_ends_in_one_sentence(old: str, new: str, says: str) -> None:
    assert old in GOOD
    assert says in refusal(GOOD.replace(old, new))


def test_an_amount_with_separators_is_mapped() -> None:
    text = GOOD.replace('unit = "major"', 'unit = "major", grouping = ".", decimal = ",", symbol = "R$"')
    mapper = Mapper(parse_source(tomllib.loads(text), "shop.toml"))
    order = {"customer": "c", "at": 1_764_547_200_000, "id": "1", "total": "R$ 1.234,56", "currency": "BRL"}
    mapped = mapper.map(order, b"", Facts("shop.orders", None, 1_764_547_200_000))
    assert not isinstance(mapped, Refusal), mapped
    assert json.loads(mapped[0].value)["amount_minor"] == 123_456
    refused = mapper.map({**order, "total": "R$ 1,234.56"}, b"", Facts("shop.orders", None, 1_764_547_200_000))
    assert isinstance(refused, Refusal)
    assert refused.detail.startswith("amount_minor from total: not an amount as the file says")


def test_codes_are_rows() -> None:
    text = GOOD.replace("payment.succeeded.v1", "payment.failed.v1")
    assert "a list of tables" in refusal(text + 'codes = "error.code"\n')
    assert "each row is a table" in refusal(text + 'codes = ["error.code"]\n')


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.toml cannot be read"):
        load_source(tmp_path / "gone.toml")
    (tmp_path / "bad.toml").write_text("name = ")
    with pytest.raises(SourceError, match=r"bad\.toml: not TOML"):
        load_source(tmp_path / "bad.toml")


def test_pseudonyms_need_a_key() -> None:
    assert needs_key(parse_source(tomllib.loads(GOOD.replace('"customer"', '{ path = "customer", hash = true }')), "f"))
