"""Is guessing slowed down however many guess at once, and does whoever signs in stay where they were?"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path

import pytest
from support.offices import PASSWORD, Office

from streams.console.desk import is_here
from streams.console.passwords import Tries

MINUTE_MS = 60_000


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    with office.at_work():
        yield office


def test_many_guesses_at_once_are_no_more_than_one_after_the_other(office: Office) -> None:
    with ThreadPoolExecutor(12) as many:
        made = list(many.map(lambda n: office.stranger().signs_in("sun", f"guess {n}"), range(12)))
    assert sorted(each.status for each in made) == [401] * 5 + [429] * 7
    refused = next(each for each in made if each.status == 429)
    assert refused.headers["retry-after"] == "900"
    assert "Try again in a quarter of an hour" in refused.text


def test_who_is_right_leaves_no_try_behind(office: Office) -> None:
    assert [office.stranger().signs_in("mei", PASSWORD).status for _ in range(6)] == [303] * 6


def test_a_try_is_counted_when_it_begins_and_forgotten_after_a_quarter_of_an_hour() -> None:
    tries = Tries()
    for _ in range(5):
        assert tries.begin("name a", "from x", now_ms=0) == 0
    assert tries.begin("name b", "from x", now_ms=MINUTE_MS) == 14 * 60
    assert tries.begin("name b", "from y", now_ms=MINUTE_MS) == 0, "a refused one counts for nobody"
    tries.was_right("name a", "from x", began_ms=0)
    assert tries.begin("name a", "from x", now_ms=MINUTE_MS) == 0
    assert tries.begin("name a", "from x", now_ms=15 * MINUTE_MS) == 0


AGAIN = re.compile(r'name="again" value="([^"]*)"')


@pytest.mark.parametrize("page", ["/queue?stage=done&queue=policy", "/search?q=a+%26+b", "/locks", "/knowledge"])
def test_the_other_language_shows_the_same_page(office: Office, page: str) -> None:
    mei = office.person("mei")
    found = AGAIN.search(mei.asks("GET", page).text)
    assert found is not None
    assert mei.asks("POST", "/language", {"csrf": mei.csrf(), "again": unescape(found[1])}).location == page


def test_an_answer_to_a_form_or_a_refusal_is_not_gone_back_to(office: Office) -> None:
    mei = office.person("mei")
    preview = mei.asks("POST", "/bulk", {"csrf": mei.csrf(), "case": "1:case_x"}).text
    refused = mei.asks("GET", "/contacts?phone=13800138000").text
    assert [AGAIN.findall(each) for each in (preview, refused)] == [["/queue"], ["/contacts"]]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/queue?stage=done", True),
        ("/", True),
        ("", False),
        ("queue", False),
        ("//evil.example/queue", False),
        ("/\\evil.example", False),
        ("https://evil.example/queue", False),
        ("/queue\r\nset-cookie: x=1", False),
        ("javascript:alert(1)", False),
    ],
)
def test_only_an_address_of_this_console_is_gone_back_to(office: Office, address: str, expected: bool) -> None:
    assert is_here(address) is expected
    mei = office.person("mei")
    sent = mei.asks("POST", "/language", {"csrf": mei.csrf(), "again": address})
    assert sent.location == (address if expected else "/queue")


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/queue/", "/queue"),
        ("/queue/?stage=done", "/queue?stage=done"),
        ("//evil.example/", "/evil.example"),
        ("/cases/%E6%A1%88/", "/cases/%E6%A1%88"),
    ],
)
def test_a_slash_too_many_leads_to_no_other_host(office: Office, path: str, location: str) -> None:
    said = office.person("mei").asks("GET", path, host="evil.example")
    assert (said.status, said.location) == (307, location)


def test_the_interface_sends_nobody_to_another_host(office: Office) -> None:
    said = office.stranger().asks("GET", "/api/v1/cases/", host="evil.example")
    assert (said.status, said.location) == (404, "")


def test_no_command_warns_of_what_a_library_has_inside() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import streams.console.oidc"], check=True, capture_output=True, timeout=60
    )
    assert said.stderr == b""
