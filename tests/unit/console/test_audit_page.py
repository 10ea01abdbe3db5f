"""Does a supervisor see who did and saw what, page by page, and whether the record of it was touched?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import update
from support.browsers import Answer
from support.offices import Office
from support.passwords import PASSWORD

from streams.adapters.case_store import tables
from streams.console.audit import RECORDED
from streams.console.wording import Wording


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    with office.at_work():
        yield office


def numbers(page: Answer) -> list[int]:
    return [int(each) for each in re.findall(r'<td class="n">(\d+)</td>', page.text)]


def test_everything_is_there_once_and_the_newest_comes_first(office: Office) -> None:
    case_id, mei, sun = office.opens("ada").case_id, office.person("mei"), office.person("sun")
    for _ in range(60):
        mei.asks("GET", f"/cases/{case_id}")
    page, seen = sun.asks("GET", "/audit"), []
    while True:
        assert page.status == 200
        seen += numbers(page)
        link = re.search(r'class="more" href="([^"]+)"', page.text)
        if link is None:
            break
        page = sun.asks("GET", unescape(link[1]))
    assert len(set(seen)) == len(seen)
    assert seen == sorted(seen, reverse=True)
    assert {1, 2, 62} <= set(seen)


def test_rows_are_found_by_who_and_what_and_lead_to_their_case(office: Office) -> None:
    case_id, mei, sun = office.opens("ada").case_id, office.person("mei"), office.person("sun")
    mei.asks("GET", f"/cases/{case_id}")
    office.stranger().signs_in("mei", "wrong")
    found = sun.asks("GET", "/audit?actor=mei&kind=case_view").text
    assert found.count("<tr><td") == 1
    assert f'href="/cases/{case_id}"' in found
    assert "refused 401" in sun.asks("GET", "/audit?actor=mei&kind=sign_in").text
    assert "No such rows" in sun.asks("GET", "/audit?actor=lin").text
    assert "13800138000" not in sun.asks("GET", "/audit?actor=13800138000").text
    assert sun.asks("GET", "/audit?before=x").status == 400
    assert 'href="/audit"' in sun.asks("GET", "/queue").text
    assert 'href="/audit"' not in mei.asks("GET", "/queue").text


def test_the_verdict_on_the_chain_names_the_row_that_was_touched(office: Office) -> None:
    sun = office.person("sun")
    for _ in range(3):
        sun.asks("GET", "/handover")
    whole = sun.asks("GET", "/audit?check=1").text
    assert "The chain is whole. Rows that follow each other: 4." in whole
    assert re.search(r"4:[0-9a-f]{64}", whole)
    with office.store.writing() as connection:
        connection.execute(update(tables.AUDIT).where(tables.AUDIT.c.number == 2).values(actor="nobody"))
    assert "The chain is broken: row 2 was changed. Keep" in sun.asks("GET", "/audit?check=1").text


def test_an_export_is_every_row_and_is_a_row_itself(office: Office) -> None:
    sun = office.person("sun")
    sun.asks("GET", "/handover")
    said = sun.asks("GET", "/audit/export")
    assert said.headers["content-disposition"] == 'attachment; filename="paywarden-audit.jsonl"'
    rows = [json.loads(line) for line in said.text.splitlines()]
    assert [(row["number"], row["actor"], row["kind"]) for row in rows] == [
        (1, "sun", "sign_in"),
        (2, "sun", "handover_view"),
        (3, "sun", "export"),
    ]
    assert rows[0]["at"].startswith("2026-")
    assert office.person("mei").asks("GET", "/audit/export").status == 403
    assert PASSWORD not in said.text


def test_every_kind_of_row_has_words() -> None:
    assert [kind for kind in RECORDED if not Wording().knows("audit", kind)] == []
