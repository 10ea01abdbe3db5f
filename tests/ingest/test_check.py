"""Does `ingest check` show hostile names and values as they are, and nothing else?"""

from __future__ import annotations

import tomllib

import msgspec
import pytest
from aiokafka import ConsumerRecord

from streams.cli.ingest import Sampled, _show, facts_of
from streams.ingest.documents import Documents
from streams.ingest.logic import Reader
from streams.ingest.mapping import Mapper
from streams.ingest.source import parse_source

FILE = """
name = "shop"
topics = ["shop.orders"]
account_id = "customer"
occurred_at = { time = "record" }
type = "payment.succeeded.v1"
[fields]
payment_id = "id"
amount_minor = { path = "total", unit = "major" }
currency = "currency"
"""


def said(capsys: pytest.CaptureFixture[str], **more: object) -> str:
    source = parse_source(tomllib.loads(FILE), "shop.toml")
    reader = Reader(Documents(source), Mapper(source))
    order = {"customer": "c", "id": "1", "total": "5.00", "currency": "EUR", **more}
    value = msgspec.json.encode(order)
    record = ConsumerRecord("shop.orders", 0, 0, 1_764_547_200_000, 0, None, value, None, 0, len(value), ())
    _show([Sampled(record, *reader.read(facts_of(record), value))], reader)
    return capsys.readouterr().out


def test_a_card_number_is_not_shown_even_where_no_rule_looks(capsys: pytest.CaptureFixture[str]) -> None:
    told = said(capsys, karte={"pan": "4111111111111111", "pan_number": 4111111111111111})
    assert "4111111111" not in told
    assert told.count("<card>") == 2


def test_a_name_that_looks_like_markup_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, **{"[/evil]": 1, "[red]x": "[/]"})
    assert "[/evil]" in shown
    assert "[red]x" in shown
    assert "[unmapped] ignore = [...] says so" in shown


def test_nothing_that_a_terminal_obeys_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, note="\x1b]0;owned\x07\x1b[2J", **{"n\x1b[31m": "\x9b5m"}, customer="c\x1b[2Jd")
    assert not any(each in shown for each in "\x1b\x07\x9b")
    assert "owned" in shown
