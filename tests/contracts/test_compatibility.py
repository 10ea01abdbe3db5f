"""Is every change that would hurt somebody called breaking, and no other?"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from streams.contracts.compatibility import breaking
from streams.contracts.schema_writer import ASYNCAPI, render

FILES = render()
Schema = dict[str, Any]


def changed(tag: str, change: Callable[[Schema], object]) -> list[str]:
    schema = json.loads(FILES[f"{tag}.json"])
    change(schema)
    return breaking(FILES, {**FILES, f"{tag}.json": json.dumps(schema)})


def changed_channels(change: Callable[[Schema], object]) -> list[str]:
    document = copy.deepcopy(json.loads(FILES[ASYNCAPI]))
    change(document["channels"])
    return breaking(FILES, {**FILES, ASYNCAPI: json.dumps(document)})


def test_no_change_breaks_nothing() -> None:
    assert breaking(FILES, FILES) == []


def test_a_removed_type_breaks() -> None:
    rest = {name: text for name, text in FILES.items() if name != "payment.failed.v1.json"}
    assert breaking(FILES, rest) == ["payment.failed.v1: the type was removed"]


def test_a_new_type_does_not() -> None:
    assert breaking({k: v for k, v in FILES.items() if k != "payment.failed.v1.json"}, FILES) == []


BREAKING: list[tuple[str, Callable[[Schema], object], str]] = [
    ("payment.failed.v1", lambda s: s["properties"].pop("mcc"), "payment.failed.v1.mcc: the field was removed"),
    ("payment.failed.v1", lambda s: s["required"].append("mcc"), "payment.failed.v1.mcc: the field became required"),
    ("payment.failed.v1", lambda s: s["required"].remove("currency"), "readers counted on the field"),
    ("payment.failed.v1", lambda s: s["properties"]["amount_minor"].update(minimum=1), "minimum narrowed from 0 to 1"),
    ("payment.failed.v1", lambda s: s["properties"]["amount_minor"].update(maximum=9), "maximum narrowed"),
    ("payment.failed.v1", lambda s: s["properties"]["amount_minor"].update(type="string"), "type changed from integer"),
    ("payment.failed.v1", lambda s: s["properties"]["event_id"].update(maxLength=64), "maxLength narrowed"),
    ("payment.failed.v1", lambda s: s["properties"]["currency"].update(pattern="^E"), "pattern narrowed"),
    ("payment.failed.v1", lambda s: s["properties"]["codes"].update(maxItems=2), "codes: maxItems narrowed"),
    ("payment.failed.v1", lambda s: s["properties"]["method"].update(default="qr"), "default changed"),
    ("payment.failed.v1", lambda s: s["properties"]["mcc"].update(anyOf=[{"type": "null"}]), "string is no longer"),
    ("payment.failed.v1", lambda s: s["properties"]["message"]["anyOf"].pop(), "null is no longer accepted"),
    ("payment.failed.v1", lambda s: s["$defs"]["Code"]["required"].append("note"), "items.note: the field became"),
    ("payment.failed.v1", lambda s: s["$defs"]["Code"]["properties"].pop("source"), "items.source: the field was"),
    ("case.action.v1", lambda s: s["properties"]["action"]["enum"].remove("note"), "action: no longer accepts note"),
    ("payment.failed.v1", lambda s: s["properties"]["channel"]["anyOf"][0].update(enum=["app"]), "now only app"),
    ("health.bucket.v1", lambda s: s["$defs"]["Trial"]["prefixItems"].pop(), "1 places of the list were removed"),
    ("health.bucket.v1", lambda s: s["$defs"]["Trial"]["prefixItems"].reverse(), "was key, is spans"),
    ("health.bucket.v1", lambda s: s["$defs"]["Trial"].update(minItems=5), "minItems narrowed from 4 to 5"),
    ("case.version.v1", lambda s: s["properties"]["counters"].update(maxProperties=1), "maxProperties narrowed"),
    (
        "case.version.v1",
        lambda s: s["properties"]["counters"]["additionalProperties"].update(minimum=1),
        "counters.additionalProperties: minimum narrowed",
    ),
    ("case.version.v1", lambda s: s["properties"]["csat"].update({"not": {}}), "cannot compare not"),
    ("case.version.v1", lambda s: s["properties"]["csat"].update(enum=[1]), "cannot compare enum beside anyOf"),
]


@pytest.mark.parametrize(("tag", "change", "told"), BREAKING, ids=[told for _, _, told in BREAKING])
def test_what_breaks_is_told(tag: str, change: Callable[[Schema], object], told: str) -> None:
    found = changed(tag, change)
    assert any(told in line for line in found), found


HARMLESS: list[tuple[str, Callable[[Schema], object]]] = [
    ("payment.failed.v1", lambda s: s["properties"].update(extra={"type": "string", "default": ""})),
    ("payment.failed.v1", lambda s: s["properties"]["amount_minor"].update(maximum=10**18)),
    ("payment.failed.v1", lambda s: s["properties"]["event_id"].pop("maxLength")),
    ("payment.failed.v1", lambda s: s["properties"]["event_id"].update(description="opaque")),
    ("payment.failed.v1", lambda s: s["properties"]["amount_minor"].update(type="number")),
    ("payment.failed.v1", lambda s: s["properties"].update(method={"anyOf": [{"type": "string"}, {"type": "null"}]})),
    ("case.action.v1", lambda s: s["properties"]["action"]["enum"].append("wave")),
    ("health.bucket.v1", lambda s: s["$defs"]["Trial"]["prefixItems"].append({"type": "integer", "title": "amount"})),
]


@pytest.mark.parametrize(("tag", "change"), HARMLESS)
def test_what_only_widens_is_not(tag: str, change: Callable[[Schema], object]) -> None:
    assert changed(tag, change) == []


def test_a_removed_or_rekeyed_topic_breaks() -> None:
    assert changed_channels(lambda c: c.pop("fraud.decisions")) == ["topic fraud.decisions: removed"]
    assert changed_channels(lambda c: c["fraud.decisions"]["messages"].pop("decision.amended.v1")) == [
        "topic fraud.decisions: no longer carries decision.amended.v1"
    ]
    assert changed_channels(lambda c: c["fraud.decisions"].update({"x-paywarden-key": "case_id"})) == [
        "topic fraud.decisions: key changed from account_id to case_id"
    ]
