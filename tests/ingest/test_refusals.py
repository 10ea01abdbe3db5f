"""Does an ingest go on whatever it is fed, and say what it could not map?"""

from __future__ import annotations

import logging

import pytest
from support.foreign import GOLDEN, KEY

from streams.app import ingest_options
from streams.contracts.registry import refusal
from streams.ingest.logic import RefusalLog
from streams.ingest.source import load_source
from streams.runtime.screening import Screen
from streams.settings import Settings

SOURCE = load_source(GOLDEN / "stripe" / "source.toml")


def screen(**changed: object) -> Screen:
    settings = Settings(pseudonym_key=KEY, web_port=0, **changed)
    return Screen(ingest_options(settings, SOURCE).partition, 0, 1, ())


def test_a_flood_of_rubbish_does_not_stop_it() -> None:
    judged = screen()
    for _ in range(200):
        judged.count(250, 250, 0)
    assert judged.stop_sentence("ingest/0") is None


def test_it_stops_where_its_owner_wants_that_and_names_the_right_command() -> None:
    judged = screen(ingest_dead_letter_share=0.2)
    judged.count(5_000, 2_000, 0)
    said = judged.stop_sentence("ingest/0")
    assert said is not None
    assert "paywarden ingest refeed FILE" in said
    assert "dead-letters replay" not in said


def test_one_line_a_minute_counts_by_reason_and_field(caplog: pytest.LogCaptureFixture) -> None:
    now = [100.0]
    log = RefusalLog("psp", lambda: now[0])
    caplog.set_level(logging.WARNING)

    def refuse(reason: str, detail: str, times: int) -> None:
        for _ in range(times):
            log.note(refusal(reason, detail))  # type: ignore[arg-type]
            log.tell()

    refuse("missing_field", "account_id: nothing at customer.id", 1)
    assert len(caplog.records) == 1  # the first at once
    refuse("wrong_type", "element 3: amount_minor from total: not a number", 40)
    refuse("undecodable", "not JSON", 2)
    assert len(caplog.records) == 1
    now[0] += 61
    log.tell()
    log.tell()
    assert [each.getMessage().split(".")[0] for each in caplog.records] == [
        "psp: 1 dead letters: 1 x missing_field, account_id",
        "psp: 42 dead letters: 40 x wrong_type, amount_minor from total; 2 x undecodable",
    ]
