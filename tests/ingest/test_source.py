"""Is a source file refused as a whole, with the place and the remedy, before a record is read?"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

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
        ('time = "unix_ms"', 'time = "%Q"', "no pattern of strptime"),
        ('time = "unix_ms"', 'time = "%Y-%"', "no pattern of strptime"),
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


ORDER = {"customer": "c", "at": 1_764_547_200_000, "id": "1", "total": "5.00", "currency": "EUR", "state": "OK"}


def mapped(text: str, **changed: object) -> dict[str, Any] | Refusal:
    """The one event that an order becomes, or why it does not."""
    found = Mapper(parse_source(tomllib.loads(text), "shop.toml")).map(
        {**ORDER, **changed}, b"", Facts("shop.orders", None, 1_764_547_200_000)
    )
    return found if isinstance(found, Refusal) else json.loads(found[0].value)


def test_an_amount_with_separators_is_mapped() -> None:
    text = GOOD.replace('unit = "major"', 'unit = "major", grouping = ".", decimal = ",", symbol = "R$"')
    event = mapped(text, total="R$ 1.234,56", currency="BRL")
    assert not isinstance(event, Refusal), event
    assert event["amount_minor"] == 123_456
    refused = mapped(text, total="R$ 1,234.56", currency="BRL")
    assert isinstance(refused, Refusal)
    assert refused.detail.startswith("amount_minor from total: not an amount as the file says")


@pytest.mark.parametrize(
    ("changed", "reason", "says"),
    [
        ({"currency": "ZZZ"}, "out_of_range", "amount_minor from total: its currency is none of ISO 4217"),
        ({"ip": "999.1.1.1"}, "out_of_range", "ip from ip: not one IPv4 or IPv6 address"),
        ({"ip": "192.0.2.1, 192.0.2.2"}, "out_of_range", "ip from ip: not one IPv4 or IPv6 address"),
        ({"customer": "a\x00b"}, "out_of_range", "account_id from customer: holds a control character"),
        ({"event": "a\nb"}, "out_of_range", "event_id from event: holds a control character"),
        ({"customer": "k" * 200}, "out_of_range", "account_id from customer: "),
        ({"event": "k" * 200}, "out_of_range", "event_id from event: "),
        ({"event": ["e"]}, "wrong_type", "event_id from event: neither a text nor a whole number"),
        ({"state": ["OK"]}, "wrong_type", "type from state: neither a text nor a whole number"),
        ({"at": "2025-03-30T02:30:00"}, "bad_time", "occurred_at from at: a local time that did not exist"),
    ],
)
def test_what_does_not_fit_is_refused_with_both_names(changed: dict[str, Any], reason: str, says: str) -> None:
    text = GOOD.replace(
        'type = "payment.succeeded.v1"', 'type = { path = "state", values = { OK = "payment.succeeded.v1" } }'
    )
    text = text.replace('account_id = "customer"', 'account_id = "customer"\nevent_id = "event"') + 'ip = "ip"\n'
    text = text.replace('time = "unix_ms"', 'time = "rfc3339", zone = "Europe/Berlin"')
    given = {"event": "e", "ip": "2001:db8::1", "at": "2025-12-01T08:00:00"}
    event = mapped(text, **given)
    assert not isinstance(event, Refusal), event
    refused = mapped(text, **{**given, **changed})
    assert isinstance(refused, Refusal)
    assert refused.reason == reason
    assert refused.detail.startswith(says), refused.detail


def test_a_currency_of_ones_own_says_its_decimals() -> None:
    event = mapped(GOOD + "[exponents]\nZZZ = 2\n", currency="ZZZ")
    assert not isinstance(event, Refusal), event
    assert event["amount_minor"] == 500


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


def test_a_source_may_not_read_what_the_deployment_writes(tmp_path: Path) -> None:
    (tmp_path / "loop.toml").write_text(GOOD.replace("shop.orders", "eu.payments.transactions"))
    assert load_source(tmp_path / "loop.toml", "us.").topics == ("eu.payments.transactions",)
    with pytest.raises(SourceError, match=r"topics: eu\.payments\.transactions is a topic of this deployment"):
        load_source(tmp_path / "loop.toml", "eu.")


def test_pseudonyms_need_a_key() -> None:
    assert needs_key(parse_source(tomllib.loads(GOOD.replace('"customer"', '{ path = "customer", hash = true }')), "f"))
