"""Can whoever writes to a foreign topic, or answers for a registry, stop an ingest or have it say something wrong?"""

from __future__ import annotations

import json
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import msgspec
import pytest

from streams.adapters.schema_registry import RegistryFailed, SchemaRegistry
from streams.contracts.registry import Refusal
from streams.ingest.documents import Documents
from streams.ingest.logic import Reader
from streams.ingest.mapping import Facts, Mapped, Mapper
from streams.ingest.source import parse_source
from streams.settings import SettingsError, load_settings

FILE = """
name = "shop"
topics = ["shop.orders"]
account_id = "customer"
occurred_at = {{ time = "record" }}
type = "payment.succeeded.v1"
{more}
[fields]
payment_id = "id"
amount_minor = {{ path = "{amount}", unit = "major" }}
currency = "currency"
"""
ORDER = {"customer": "c", "id": "1", "total": 5.25, "currency": "EUR"}


def read(
    order: dict[str, Any] | bytes,
    *,
    more: str = "",
    amount: str = "total",
    headers: tuple[tuple[str, bytes | None], ...] = (),
) -> dict[str, Any] | Refusal | None:
    """The one event, why there is none, or None for a record that is skipped."""
    source = parse_source(tomllib.loads(FILE.format(more=more, amount=amount)), "shop.toml")
    raw = order if isinstance(order, bytes) else json.dumps(order).encode()
    _, mapped = Reader(Documents(source), Mapper(source)).read(Facts("shop.orders", None, 10**12, headers), raw)
    if isinstance(mapped, Refusal):
        return mapped
    events: list[Mapped] = mapped
    return msgspec.json.decode(events[0].value) if events else None


def refused(*args: Any, **kwargs: Any) -> Refusal:
    answer = read(*args, **kwargs)
    assert isinstance(answer, Refusal), answer
    return answer


def test_headers_without_a_value_are_no_attributes() -> None:
    cloud = 'envelope = "cloudevents"'
    headers = (("ce_specversion", None), ("ce_id", None))
    assert refused(ORDER, more=cloud, headers=headers).reason == "not_an_event"
    assert read(ORDER, more='keep = "_record.headers.x == null"', headers=(("x", None),)) is not None


@pytest.mark.parametrize("version", [None, "9", 1, []])
def test_a_cloud_event_of_an_unknown_version_is_refused(version: Any) -> None:
    document = {"specversion": version, "data": ORDER, **ORDER}
    assert refused(document, more='envelope = "cloudevents"').reason == "not_an_event"


@pytest.mark.parametrize(
    "keep", ["contains(tags, code)", "merge(tags, code)", "total[::0]", "sort_by(tags, &x)", "max(tags)", "keys(tags)"]
)
def test_a_function_that_does_not_fit_finds_nothing(keep: str) -> None:
    assert read({**ORDER, "tags": "abc", "code": 5}, more=f'keep = "{keep}"') is None  # not wanted, so skipped


def test_what_nobody_foresaw_is_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("4111111111111111")

    monkeypatch.setattr(Mapper, "map", broken)
    answer = refused(ORDER)
    assert answer.reason == "raised"
    assert "ZeroDivisionError" in answer.detail
    assert "4111" not in answer.detail


def test_functions_of_numbers_take_decimals() -> None:
    answer = read({**ORDER, "total": -5.25}, amount="abs(total)")
    assert isinstance(answer, dict)
    assert answer["amount_minor"] == 525


@pytest.mark.parametrize(
    "written",
    [
        "100.0000000000000000000000000000000001",
        "1e-9999999",
        "1e-400",
        '"\u0661\u0662"',
        '"\uff11\uff12"',
        '"12.34\\r"',
        '" 12"',
        "1" + "0" * 5_000,
    ],
)
def test_no_amount_is_rounded_or_read_in_another_script(written: str) -> None:
    raw = json.dumps({**ORDER, "total": "@"}, ensure_ascii=False).replace('"@"', written).encode()
    assert refused(raw).reason in ("out_of_range", "wrong_type", "undecodable")


@pytest.mark.parametrize("customer", ["  ", "\u00a0", "a\u202eb", "\u2066x", "a\u200b"])
def test_an_id_that_nobody_can_see_is_refused(customer: str) -> None:
    assert refused({**ORDER, "customer": customer}).reason == "out_of_range"


class Registry:
    """Answers whatever it was told, and counts."""

    def __init__(self) -> None:
        self.answer: tuple[int, Any] = (404, {"error_code": 40403})
        self.asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                code, body = outer.answer
                self.send_response(code)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def registry() -> Any:
    running = Registry()
    yield running
    running.server.shutdown()
    running.server.server_close()


def test_an_id_may_be_registered_later(registry: Registry) -> None:
    now = [0.0]
    known = SchemaRegistry(registry.url, seconds=lambda: now[0])
    for _ in range(3):
        assert known.get(2, serialized=False) is None
    assert registry.asked == 1  # whoever writes unknown ids does not make a request of each
    registry.answer = (200, {"schema": "{}"})
    now[0] += 6.0
    found = known.get(2, serialized=False)
    assert found is not None
    assert known.get(2, serialized=False) is found
    assert registry.asked == 2


@pytest.mark.parametrize("answer", [{"ok": 1}, [], "x", {"schema": 5}, {"schema": "{}", "references": 7}])
def test_a_registry_that_answers_rubbish_is_named(registry: Registry, answer: Any) -> None:
    registry.answer = (200, answer)
    with pytest.raises(RegistryFailed, match=registry.url):
        SchemaRegistry(registry.url).get(1, serialized=False)


def test_a_password_in_the_address_of_the_registry_is_refused() -> None:
    with pytest.raises(SettingsError, match="PAYWARDEN_SCHEMA_REGISTRY_USERNAME") as refusal:
        load_settings(schema_registry_url="http://user:hunter2@127.0.0.1:1")
    assert "hunter2" not in str(refusal.value)
