"""Is a file kept by its reference only, shown to whom may see it, and is every look on record?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.offices import Office
from support.stores import START_MS, case, fresh, load, record

from streams.adapters.case_store import queries, trail
from streams.console.addresses import is_public
from streams.contracts.base import from_ms
from streams.contracts.cases import AccountErased, AttachmentRecorded, CaseVersion

DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
GOOD = {"kind": "receipt", "media_type": "image/png", "size": "4", "sha256": DIGEST, "form": "1"}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    with office.at_work():
        yield office


def attach(office: Office, made: CaseVersion, name: str = "mei", **fields: str) -> tuple[int, str]:
    browser = office.person(name)
    given = {"csrf": browser.csrf(), "version": str(made.version), **GOOD, **fields}
    said = browser.asks("POST", f"/cases/{made.case_id}/attachments", given)
    return said.status, said.text


def test_it_is_attached_through_the_stream_and_each_look_is_a_row(office: Office) -> None:
    made = office.asks("customer-70021")
    assert attach(office, made, reference="https://93.184.216.34/receipt.png")[0] == 303
    mei = office.person("mei")
    page = mei.asks("GET", f"/cases/{made.case_id}").text
    assert DIGEST[:12] in page
    assert "93.184.216.34" not in page, "a reference is told to whoever asks for it, on record"
    shown = mei.asks("POST", f"/cases/{made.case_id}/attachments/{DIGEST}", {"csrf": mei.csrf()})
    assert '<a href="https://93.184.216.34/receipt.png" target="_blank" rel="noopener noreferrer">' in shown.text
    assert DIGEST in shown.text
    with office.store.reading() as connection:
        rows = [(row.actor, row.kind, row.subject, row.detail) for row in trail.rows(connection)]
    assert ("mei", "attachment_view", made.case_id, DIGEST) in rows
    assert ("mei", "attachment", made.case_id, f"{DIGEST[:12]} {office.sent[-1].event_id}") in rows
    assert "receipt.png" not in repr(rows)


def test_the_same_file_under_another_reference_is_refused_and_not_lost(office: Office) -> None:
    made = office.asks("customer-70021")
    assert attach(office, made, reference="s3://evidence/a.png")[0] == 303
    status, text = attach(office, office.case(made.case_id), reference="s3://evidence/b.png")
    assert (status, "has this very file" in text) == (400, True)
    assert len([each for each in office.sent if getattr(each, "action", "") == "attach"]) == 1
    status, text = attach(office, office.case(made.case_id), reference="s3://evidence/a.png", form="2")
    assert (status, "has this very file" in text) == (400, True)


def test_a_type_that_does_not_fit_its_name_is_shown_as_such(office: Office) -> None:
    made = office.asks("customer-70021")
    attach(office, made, reference="s3://evidence/receipt.pdf")
    mei = office.person("mei")
    assert "type does not fit the name" in mei.asks("GET", f"/cases/{made.case_id}").text
    view = f"/cases/{made.case_id}/attachments/{DIGEST}"
    assert "type does not fit the name" in mei.asks("POST", view, {"csrf": mei.csrf()}).text


def test_what_a_browser_cannot_open_is_no_link(office: Office) -> None:
    made = office.asks("customer-70021")
    attach(office, made, reference="s3://evidence/receipt.png")
    mei = office.person("mei")
    shown = mei.asks("POST", f"/cases/{made.case_id}/attachments/{DIGEST}", {"csrf": mei.csrf()}).text
    assert "s3://evidence/receipt.png" in shown
    assert 'href="s3' not in shown


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"reference": "javascript:alert(1)"}, "Reference: it begins with none of"),
        ({"reference": "https://10.0.0.8/a"}, "Reference: it leads into a private network"),
        ({"reference": "https://files.example.com/a?token=1"}, "Reference: it has blanks, a query"),
        ({"reference": "s3://evidence/13800138000.png"}, "Rename the file where it lies"),
        ({"reference": "s3://a/b", "media_type": "text/html"}, "Attach a picture, PDF, text"),
        ({"reference": "s3://a/b", "media_type": "png"}, "Give one such as image/png"),
        ({"reference": "s3://a/b", "size": "99999999"}, "more than 50 MiB. Attach a smaller copy"),
        ({"reference": "s3://a/b", "sha256": "abc"}, "64 hexadecimal digits"),
        ({"reference": "s3://a/b", "size": "-1"}, "not complete"),
        ({"reference": "s3://a/b", "kind": "virus"}, "not complete"),
        ({"reference": "s3://a/" + "b" * 300}, "64 hexadecimal digits"),
    ],
)
def test_what_is_not_kept_is_a_sentence_and_no_event(office: Office, fields: dict[str, str], says: str) -> None:
    status, text = attach(office, office.asks("customer-70021"), **fields)
    assert (status, says in text) == (400, True)
    assert "alert(1)" not in text
    assert office.sent == []


def test_a_viewer_sees_that_there_is_one_and_not_where(office: Office) -> None:
    made = office.asks("customer-70021")
    attach(office, made, reference="s3://evidence/receipt.png")
    before = len(office.sent)
    assert attach(office, made, "vera", reference="s3://a/b")[0] == 403
    vera = office.person("vera")
    page = vera.asks("GET", f"/cases/{made.case_id}").text
    assert (DIGEST[:12] in page, "evidence" in page) == (True, False)
    view = f"/cases/{made.case_id}/attachments/{DIGEST}"
    assert vera.asks("POST", view, {"csrf": vera.csrf()}).status == 403
    assert vera.asks("POST", view, {"csrf": "0" * 64}).status == 403
    assert len(office.sent) == before


def test_it_stays_when_the_store_is_made_again_and_goes_with_the_person(tmp_path: Path) -> None:
    store = fresh(tmp_path)
    at = from_ms(START_MS + 60_000)
    known = {"case_id": "case_a", "sha256": DIGEST, "reference": "s3://a/b", "kind": "receipt"}
    attached = AttachmentRecorded(occurred_at=at, event_id="e", account_id="ada", actor="mei", role="analyst", **known)
    rows = [record("support.cases.snapshot", case("case_a")), record("support.cases", attached)]
    load(store, [*rows, rows[1]])

    def count() -> int:
        with store.reading() as connection:
            return len(queries.attachments(connection, "case_a"))

    assert count() == 1
    store.clear()
    assert count() == 1, "its topic has forgotten it long before its case ends"
    gone = AccountErased(
        occurred_at=from_ms(START_MS + 120_000), event_id="x", account_id="ada", actor="a", second_actor="b"
    )
    load(store, [record("support.cases", gone)])
    assert count() == 0
    load(store, [rows[1]])
    assert count() == 0, "what is read again does not come back"
    store.close()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.216.34", True),
        ("10.1.2.3", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b:1::a00:1", False),
        ("2002:7f00:1::", False),
        ("::127.0.0.1", False),
        ("fec0::1", False),
    ],
)
def test_where_an_address_leads(address: str, expected: bool) -> None:
    assert is_public(address) is expected
