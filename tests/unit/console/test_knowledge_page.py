"""Does somebody find the article for a question, in both languages, and see what no article answers?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from support.offices import Office
from support.stores import case, record

SNAPSHOT = "support.cases.snapshot"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    reasons = ("asks_card", "asks_fee", "nearest_fees"), ("asks_card",), ("article_refund-time@1",)
    told = [
        case(f"case_{number}", number, flow="F42", reason_codes=each, status="in_progress")
        for number, each in enumerate(reasons, start=1)
    ]
    office.store.write([record(SNAPSHOT, each) for each in told], {})
    with office.at_work():
        yield office


def test_all_articles_and_what_they_lack(office: Office) -> None:
    page = office.person("vera").asks("GET", "/knowledge").text
    assert page.count('href="/knowledge?article=') >= 45
    assert "<b>card</b> · 2 questions" in page
    assert "<b>fee</b> · 1 question" in page
    assert '<a href="/knowledge?article=fees">fees</a> (1)' in page
    assert "refund-time@1</a> · 1 answered" in page
    assert "1 did not help" in page


@pytest.mark.parametrize("asked", ["how long does a refund take", "退款多久到账"])
def test_a_question_finds_its_article_in_both_languages(office: Office, asked: str) -> None:
    browser = office.person("mei")
    page = browser.asks("GET", f"/knowledge?{urlencode({'q': asked})}").text
    first = page.index('href="/knowledge?article=refund-time"')
    assert first < page.find('href="/knowledge?article=', first + 1) or page.count("?article=") == 1
    shown = browser.asks("GET", "/knowledge?article=refund-time").text
    assert 'lang="zh-Hans"' in shown
    assert 'lang="en"' in shown
    assert "As customers ask it" in shown


def test_nothing_found_says_so_and_hostile_words_stay_words(office: Office) -> None:
    browser = office.person("mei")
    assert "No article speaks of this." in browser.asks("GET", f"/knowledge?{urlencode({'q': 'zzqq'})}").text
    hostile = browser.asks("GET", f"/knowledge?{urlencode({'q': '<script>alert(1)</script>'})}").text
    assert "<script>alert" not in hostile
    assert browser.asks("GET", "/knowledge?article=nothing").status == 404


@pytest.mark.parametrize("path", ["/knowledge", "/search"])
def test_what_somebody_asks_is_not_shown_where_it_is_personal(office: Office, path: str) -> None:
    browser = office.person("mei")
    for asked, shown in (("my card is 4111 1111 1111 1111", "my card is [card]"), ("order A-88120", "order A-88120")):
        page = browser.asks("GET", f"{path}?{urlencode({'q': asked})}").text
        assert f'value="{shown}"' in page
        assert "1111" not in page
