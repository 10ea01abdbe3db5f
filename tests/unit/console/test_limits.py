"""Is whoever asks too often told so, in one sentence and with a time, and is nobody else slowed down by it?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.browsers import Answer
from support.offices import Office

from streams.adapters.case_store import trail
from streams.console.api.limits import HOUR_MS, Buckets
from streams.console.limits import Limits


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path, Limits(requests_per_minute=12, searches_per_minute=3, reveals_per_hour=2))
    with office.at_work():
        yield office


def refused(answer: Answer, says: str) -> int:
    """In how many seconds it may be asked for again."""
    assert answer.status == 429, answer.text
    seconds = int(answer.headers["retry-after"])
    assert says in answer.text
    assert f"ry again in {seconds} s" in answer.text
    return seconds


def test_pages_and_searches_have_a_limit_of_each_person(office: Office) -> None:
    mei = office.person("mei")
    for page in ("/search?q=a", "/contacts?order=b", "/search?q=c"):
        assert mei.asks("GET", page).status == 200
    wait_s = refused(mei.asks("GET", "/search?q=d"), "You have searched more often in a minute")
    again = office.person("mei")  # a session of its own is no limit of its own
    refused(again.asks("GET", "/contacts?order=e"), "You have searched more often in a minute")
    assert [mei.asks("GET", "/queue").status for _ in range(9)] == [200] * 9
    refused(mei.asks("GET", "/locks"), "You have asked for more pages in a minute")
    assert office.person("lin").asks("GET", "/search?q=a").status == 200
    office.clock.at_ms += wait_s * 1000
    assert mei.asks("GET", "/search?q=d").status == 200


def test_whole_ids_have_one_too_and_what_is_refused_is_on_record(office: Office) -> None:
    made = office.opens("customer-70021")
    mei = office.person("mei")
    form = {"csrf": mei.csrf(), "reason": "the customer is on the phone"}
    reveal = f"/cases/{made.case_id}/reveal"
    assert [mei.asks("POST", reveal, form).status for _ in range(2)] == [200, 200]
    wait_s = refused(mei.asks("POST", reveal, form), "Ask a supervisor, or try again in")
    assert wait_s == 1_800
    assert mei.asks("GET", "/queue").status == 200
    with office.store.reading() as connection:
        rows = [(row.actor, row.outcome) for row in trail.rows(connection) if row.kind == "reveal"]
    assert rows == [("mei", 200), ("mei", 200), ("mei", 429)]


@pytest.mark.parametrize(
    "reason",
    [
        "call 13800138000 back",
        "he says 138 0013 8000",
        "li.lei@mail.example asks",
        "card 4111 1111 1111 1111 lost",
        "caller read 4111111111111111 12/27 to me",
        "caller's password hunter2abc, code is A1B2C3",
    ],
)
def test_the_reason_keeps_no_number_or_address_of_anybody(office: Office, reason: str) -> None:
    made = office.opens("customer-70021")
    mei = office.person("mei")
    said = mei.asks("POST", f"/cases/{made.case_id}/reveal", {"csrf": mei.csrf(), "reason": reason})
    assert said.status == 400
    assert "without personal data" in said.text
    with office.store.reading() as connection:
        assert [row.detail for row in trail.rows(connection) if row.kind == "reveal"] == [""]


def test_nor_does_it_keep_whose_ids_were_shown(office: Office) -> None:
    made = office.opens("customer-70021")
    mei = office.person("mei")
    form = {"csrf": mei.csrf(), "reason": "customer-70021 is on the phone"}
    assert mei.asks("POST", f"/cases/{made.case_id}/reveal", form).status == 200
    mei.asks("GET", "/cases/13800138000")
    with office.store.reading() as connection:
        rows = [row for row in trail.rows(connection) if row.kind in ("reveal", "case_view")]
    assert [row.detail for row in rows] == ["cu…021 is on the phone", ""]
    assert [row.subject for row in rows] == [made.case_id, "[phone]"]


def test_a_bucket_of_an_hour_gives_its_share_of_one() -> None:
    buckets = Buckets()
    taken = sum(buckets.take("a", 60, at_ms, HOUR_MS) == 0 for at_ms in range(0, 2 * HOUR_MS, 10_000))
    assert taken == 60 + 119
    assert [buckets.take("b", 60, 0, HOUR_MS) for _ in range(61)] == [0] * 60 + [60]
