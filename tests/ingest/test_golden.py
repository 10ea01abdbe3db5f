"""Does each foreign shape become the events that were agreed on, and does what does not fit name its field?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.foreign import GOLDEN, SHAPES, reader_of, sent

from streams.contracts.registry import Refusal, decode
from streams.contracts.topics import TOPICS
from streams.ingest.mapping import Facts
from streams.ingest.paths import spelled


def outcome(folder: Path) -> list[dict[str, Any]]:
    """One row per record: its events, or why there are none, and the fields that no rule looks at."""
    reader = reader_of(folder)
    rows = []
    for number, record in enumerate(sent(folder)):
        facts = Facts(reader.source.topics[0], record.key, record.timestamp_ms, record.headers)
        document, mapped = reader.read(facts, record.value)
        row: dict[str, Any] = {"record": number}
        if isinstance(mapped, Refusal):
            row["refused"] = {"reason": mapped.reason, "detail": mapped.detail}
        else:
            row["events"] = [
                {"topic": each.topic, "key": each.key.decode(), "at_ms": each.at_ms, "event": json.loads(each.value)}
                for each in mapped
            ]
        if document is not None and (unmapped := reader.unmapped(document)):
            row["unmapped"] = sorted(map(spelled, unmapped))
        rows.append(row)
    return rows


@pytest.mark.parametrize("shape", SHAPES)
def test_records_become_the_expected_events(shape: str, request: pytest.FixtureRequest) -> None:
    folder = GOLDEN / shape
    found = "".join(json.dumps(row, sort_keys=True) + "\n" for row in outcome(folder))
    expected = folder / "expected.jsonl"
    if request.config.getoption("--update-golden"):
        expected.write_text(found)
    assert found == expected.read_text()


@pytest.mark.parametrize("shape", SHAPES)
def test_every_event_is_one_that_the_agents_accept(shape: str) -> None:
    written = [event for row in outcome(GOLDEN / shape) for event in row.get("events", ())]
    assert written
    for each in written:
        event = decode(each["topic"], json.dumps(each["event"]).encode())
        assert type(event) in TOPICS[each["topic"]].types
        assert each["key"] == event.account_id


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_shows_a_record_that_does_not_fit(shape: str) -> None:
    assert any("refused" in row for row in outcome(GOLDEN / shape))
