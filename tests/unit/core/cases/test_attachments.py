"""Which references are kept, which are refused, and does a customer's file reach its case?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.happenings import MINUTE, NOON, event
from support.play import Player, policy

from streams.contracts.accounts import Attachment, CaseAction, UserMessage
from streams.contracts.cases import ActionRejected, AttachmentRecorded, CaseVersion
from streams.core.cases.attachments import MOST, NOT_KEPT, doubt_of, refusal_of

DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def file(reference: str, **fields: Any) -> Attachment:
    return Attachment(**{"reference": reference, "sha256": DIGEST, "kind": "receipt"} | fields)


@pytest.mark.parametrize(
    "reference",
    [
        "https://files.example.com/2026/receipt-1.png",
        "https://93.184.216.34/receipt.png",
        "https://[2606:2800:220:1:248:1893:25c8:1946]/receipt.png",
        "https://files.example.com:8443/a/%E6%94%B6.png",
        "s3://evidence/2026/receipt.png",
        "gs://evidence/receipt.png",
        "upload://2026/03/receipt-1",
        "blob/1",
    ],
)
def test_a_reference_to_a_store_or_a_public_host_is_kept(reference: str) -> None:
    assert refusal_of(file(reference)) is None


HOSTILE = [
    "",
    "../receipt.png",
    "a/../b",
    "/etc/passwd",
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "data:text/html;base64,PHNjcmlwdD4=",
    "file:///etc/passwd",
    "ftp://files.example.com/a",
    "http://files.example.com/a",
    "//files.example.com/a",
    "https://",
    "https:///a",
    "https://localhost/a",
    "https://db/a",
    "https://intranet.local/a",
    "https://vault.internal./a",
    "https://a.LOCALHOST/a",
    "https://127.0.0.1/a",
    "https://127.1/a",
    "https://2130706433/a",
    "https://0x7f000001/a",
    "https://1.0x7f/a",
    "https://10.0.0.8/a",
    "https://172.16.3.4/a",
    "https://192.168.1.1/a",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.64.0.1/a",
    "https://0.0.0.0/a",
    "https://224.0.0.1/a",
    "https://[::1]/a",
    "https://[::ffff:10.0.0.8]/a",
    "https://[fe80::1]/a",
    "https://[fd00::1]/a",
    "https://[::1/a",
    "https://files.example.com:99999/a",
    "https://files.example.com@10.0.0.8/a",
    "https://user:word@files.example.com/a",
    "https://files.example.com/a?X-Amz-Signature=abc",
    "https://files.example.com/a#b",
    "https://files.example.com\\@10.0.0.8/a",
    "https://files.example.com/a b",
    "https://files.example.com/a\n",
    "https://f\u0456les.example.com/a",
    "s3://",
    "s3://bucket",
    "s3://bucket/",
    "s3://bucket/../other",
    "s3://user@bucket/key",
    "mailto:somebody@example.com",
]


@pytest.mark.parametrize("reference", HOSTILE)
def test_a_hostile_reference_is_refused_and_not_repeated(reference: str) -> None:
    why = refusal_of(file(reference))
    assert why is not None
    assert len(reference) < 8 or reference not in why.text


def word(attachment: Attachment) -> str | None:
    why = refusal_of(attachment)
    return None if why is None else why.word


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [
        *((each, None) for each in ("image/png", "application/pdf", "text/plain", "video/mp4")),
        *((each, "media_kind") for each in ("text/html", "image/svg+xml", "application/javascript")),
        *((each, "media_kind") for each in ("application/zip", "application/x-sh", "application/vnd.ms-excel")),
        *((each, "media_type") for each in ("png", "IMAGE/PNG")),
    ],
)
def test_only_a_file_that_shows_and_does_nothing_is_kept(media_type: str, expected: str | None) -> None:
    assert word(file("s3://a/b", media_type=media_type)) == expected


@pytest.mark.parametrize(
    "reference",
    [
        "s3://evidence/13800138000.png",
        "s3://evidence/138-0013-8000/receipt.png",
        "s3://evidence/card_4111111111111111.png",
        "https://files.example.com/li.lei%40mail.example/a.png",
        "https://files.example.com/li.lei@mail.example/a.png",
        "upload://11010519491231002X/a",
        "upload://+447700900123/a",
    ],
)
def test_a_reference_that_tells_who_somebody_is_is_kept_by_nobody(reference: str) -> None:
    assert word(file(reference)) == "personal"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("s3://a/receipt%E2%80%AEgnp.exe", "unseen"),  # is shown as receiptexe.png
        ("s3://a/receipt%E2%80%8B.png", "unseen"),
        ("s3://a/receipt%0A.png", "unseen"),
        ("s3://a/receipt%00.png", "unseen"),
        ("s3://a/receipt.exe", "active"),
        ("https://files.example.com/a.png.HTML", "active"),
        ("s3://a/macro.docm", "active"),
        ("upload/photo.svg.", "active"),
        ("https://files.example.com/%E6%94%B6%E6%8D%AE.png", None),
        ("https://archive.zip/receipt.png", None),
        ("s3://a/2026.03", None),
        ("upload://2026/03/receipt-1", None),
    ],
)
def test_a_name_hides_nothing_and_ends_like_nothing_that_runs(reference: str, expected: str | None) -> None:
    assert word(file(reference, media_type="image/png")) == expected


@pytest.mark.parametrize(
    ("reference", "media_type", "expected"),
    [
        ("s3://a/receipt.png", "image/png", None),
        ("s3://a/receipt.JPG", "image/jpeg", None),
        ("s3://a/receipt.png", None, None),
        ("s3://a/receipt", "image/png", None),
        ("s3://a/v1.2", "image/png", None),
        ("s3://a/2026.03.png", "image/png", None),
        ("s3://a/receipt.png", "application/pdf", "type"),
        ("s3://a/report.pdf", "image/png", "type"),
        ("s3://a/receipt.exe.png", "image/png", "endings"),
        ("s3://a/receipt.pdf.png", "image/png", "endings"),
    ],
)
def test_what_a_name_and_a_type_say_of_each_other(reference: str, media_type: str | None, expected: str | None) -> None:
    assert doubt_of(reference, media_type) == expected


@pytest.mark.parametrize(("size", "expected"), [(0, None), (50 << 20, None), ((50 << 20) + 1, "size")])
def test_a_file_has_a_largest_size(size: int, expected: str | None) -> None:
    assert word(file("s3://a/b", size_bytes=size)) == expected


def test_each_refusal_says_where_what_and_what_to_do() -> None:
    for name, why in NOT_KEPT.items():
        assert why.word == name
        assert len(why.text) <= 200, "a line of the timeline holds all of it"
        where, _, rest = why.text.partition(": ")
        assert where in ("reference", "media type", "size")
        assert "; " in rest


@given(st.text(max_size=256))
def test_any_text_is_kept_or_refused(text: str) -> None:
    why = refusal_of(file(text))
    assert why is None or why.text


class Desk:
    """A customer who writes, and an analyst."""

    def __init__(self) -> None:
        self.player = Player(policy())
        self.number = 0

    def writes(self, *files: Attachment) -> list[Any]:
        self.number += 1
        at_ms = NOON + self.number * MINUTE
        text = "charged twice for the same order 20260401120000111"
        return self.player.see(event(UserMessage, at_ms, self.number, channel="app", text=text, attachments=files))

    def attaches(self, case: CaseVersion, attachment: Attachment | None, role: str = "analyst") -> list[Any]:
        self.number += 1
        known = {"case_id": case.case_id, "expected_version": case.version, "actor": "ana", "role": role}
        at_ms = NOON + self.number * MINUTE
        act = event(CaseAction, at_ms, self.number, action="attach", attachment=attachment, **known)
        return self.player.see(act)


def numbered(number: int, **fields: Any) -> Attachment:
    return file(**{"reference": f"s3://a/{number}", "sha256": f"{number:064x}"} | fields)


def only(kind: type, effects: list[Any]) -> list[Any]:
    return [each for each in effects if isinstance(each, kind)]


def test_a_customers_file_is_recorded_on_the_case_of_the_message() -> None:
    desk = Desk()
    effects = desk.writes(file("upload://a/b", media_type="image/png", size_bytes=9), file("javascript:alert(1)"))
    case = only(CaseVersion, effects)[-1]
    (recorded,) = only(AttachmentRecorded, effects)
    assert (recorded.case_id, recorded.actor, recorded.role) == (case.case_id, "customer", "customer")
    assert (recorded.reference, recorded.media_type, recorded.size_bytes) == ("upload://a/b", "image/png", 9)
    assert [line.kind for line in case.evidence].count("attachment.refused") == 1
    assert "javascript" not in repr(effects)


def test_an_analyst_attaches_and_the_line_says_what_and_not_where() -> None:
    desk = Desk()
    case = only(CaseVersion, desk.writes())[-1]
    effects = desk.attaches(case, file("https://files.example.com/r.png", media_type="image/png", size_bytes=9))
    (recorded,) = only(AttachmentRecorded, effects)
    assert (recorded.actor, recorded.role, recorded.sha256) == ("ana", "analyst", DIGEST)
    version = only(CaseVersion, effects)[-1]
    assert version.evidence[-1].text == "analyst ana: attach receipt image/png 9 bytes sha256 9f86d081884c"
    assert "files.example.com" not in repr(version)


@pytest.mark.parametrize(
    ("attachment", "role", "cause"),
    [
        (file("s3://a/b"), "viewer", "role"),
        (None, "analyst", "no_attachment"),
        (file("https://10.0.0.8/a"), "analyst", "attachment"),
    ],
)
def test_what_may_not_be_attached_is_answered(attachment: Attachment | None, role: str, cause: str) -> None:
    desk = Desk()
    case = only(CaseVersion, desk.writes())[-1]
    (rejected,) = desk.attaches(case, attachment, role)
    assert isinstance(rejected, ActionRejected)
    assert rejected.cause == cause


def test_a_case_has_so_many_files_and_no_more() -> None:
    desk = Desk()
    case = only(CaseVersion, desk.writes())[-1]
    for number in range(MOST):
        case = only(CaseVersion, desk.attaches(case, numbered(number)))[-1]
    (rejected,) = desk.attaches(case, numbered(MOST))
    assert rejected.cause == "too_many"
    assert desk.player.stored() < 16 * 1024


@pytest.mark.parametrize(
    "again",
    [numbered(1), numbered(1, reference="s3://b/1"), numbered(1, sha256="f" * 64)],
    ids=["the same", "the file elsewhere", "another file there"],
)
def test_a_file_and_a_reference_are_on_a_case_once(again: Attachment) -> None:
    desk = Desk()
    case = only(CaseVersion, desk.writes(numbered(0)))[-1]
    case = only(CaseVersion, desk.attaches(case, numbered(1)))[-1]
    (rejected,) = desk.attaches(case, again)
    assert (rejected.action, rejected.cause) == ("attach", "twice")
    assert rejected.text.startswith("reference: the case has this file")
    (rejected,) = desk.attaches(case, numbered(0))
    assert rejected.cause == "twice", "the customer has sent that one"


def test_what_a_customer_sends_once_more_is_left_as_it_is() -> None:
    desk = Desk()
    desk.writes(numbered(0))
    effects = desk.writes(numbered(0), numbered(1))
    assert [each.reference for each in only(AttachmentRecorded, effects)] == ["s3://a/1"]
    assert "attachment.refused" not in repr(effects)
