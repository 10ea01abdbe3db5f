"""Is guessing slowed down however many guess at once, and does whoever signs in stay where they were?"""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from support.browsers import Answer
from support.offices import Office
from support.passwords import HASH, PASSWORD

from streams.adapters.case_store import people, tables, trail
from streams.adapters.case_store.people import User
from streams.console import passwords
from streams.console.audit import Strangers
from streams.console.desk import is_here
from streams.console.passwords import Doors, Tries
from streams.console.serving import serve
from streams.runtime.options import RuntimeOptions
from streams.settings import SettingsError, load_settings

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
        assert tries.begin({"a": 5, "x": 9}, now_ms=0) == 0
    assert tries.begin({"a": 5, "x": 9}, now_ms=MINUTE_MS) == 14 * 60
    for _ in range(4):
        assert tries.begin({"b": 5, "x": 9}, now_ms=MINUTE_MS) == 0, "a refused one counts for nobody"
    assert tries.begin({"c": 5, "x": 9}, now_ms=MINUTE_MS) == 14 * 60
    tries.was_right({"b": 5, "x": 9}, began_ms=MINUTE_MS)
    assert tries.begin({"c": 5, "x": 9}, now_ms=MINUTE_MS) == 0
    assert tries.begin({"a": 5, "x": 9}, now_ms=15 * MINUTE_MS) == 0


def test_a_stranger_shuts_nobody_out_of_their_own_browser(office: Office) -> None:
    ours = office.person("sun")
    assert [office.stranger().signs_in("sun", "wrong").status for _ in range(5)] == [401] * 5
    assert office.stranger().signs_in("Sun", PASSWORD).status == 429
    assert ours.signs_in("sun", PASSWORD).status == 303
    assert ours.signs_in("jo", "wrong").status == 401, "for anybody else it is any browser"


def test_whose_failures_count_where() -> None:
    doors = Doors()

    def waits(name: str, place: str, browser: str = "") -> bool:
        is_known = (name.casefold(), place) == ("sun", "desk")
        return doors.begin(doors.signs_in(name, place, browser=browser, is_known=is_known), 0) > 0

    assert not any(waits(f"name{n}", "desk") for n in range(100))
    assert waits("jo", "desk"), "a place may try so many names"
    assert not any(waits("sun", f"place{n}") for n in range(50))
    assert waits("SUN", "elsewhere"), "so guessing from everywhere ends"
    assert not any(waits("sun", "desk") for _ in range(5)), "where somebody has signed in, only their own name counts"
    assert waits("sun", "desk")
    assert not any(waits("sun", "desk", "a browser") for _ in range(5)), "and in their own browser only its own tries"
    assert waits("sun", "desk", "a browser")


def test_a_place_is_known_at_every_console_for_half_a_year_and_not_to_others(tmp_path: Path) -> None:
    office, here = Office(tmp_path), "127.0.0.1"

    def knows(name: str, place: str) -> bool:
        with office.store.reading() as connection:
            return people.is_known_place(connection, name, place, office.clock.at_ms)

    with office.at_work(2):
        office.person("sun", 0)
        assert [knows("sun", here), knows("jo", here), knows("sun", "192.0.2.1")] == [True, False, False]
        doors = office.doors()  # of the console that has not seen sun: as many failures from here as it takes
        for n in range(100):
            assert doors.begin(doors.signs_in(f"nobody{n}", here), office.clock.at_ms) == 0
        assert office.stranger(1).signs_in("jo", PASSWORD).status == 429
        assert office.stranger(1).signs_in("sun", PASSWORD).status == 303
        with office.store.reading() as connection:
            assert here not in repr(connection.execute(tables.PLACES.select()).all())
        office.clock.at_ms += people.KNOWN_MS
        assert not knows("sun", here)


def test_whoever_gets_a_new_password_from_an_administrator_is_known_nowhere(office: Office) -> None:
    office.person("sun")
    with office.store.writing() as connection:
        people.put_user(connection, User("sun", "supervisor", HASH, 0))
        assert not people.is_known_place(connection, "sun", "127.0.0.1", office.clock.at_ms)


def test_a_browser_is_known_by_what_this_console_sealed_and_not_for_ever() -> None:
    said = passwords.marked_browser("Mei Lin", "token", 1_000)
    mark = passwords.known_browser(said, "mei lin", 1_000)
    assert len(mark) == 16
    assert passwords.known_browser(said, "mei", 1_000) == ""
    assert passwords.known_browser(said, "mei lin", 1_000 + people.KNOWN_MS) == ""
    assert passwords.known_browser("", "", 1_000) == passwords.known_browser("x y mei", "mei", 0) == ""


def test_names_from_everywhere_end_at_the_last_count_before_any_is_forgotten() -> None:
    doors = Doors()
    tried = (doors.signs_in(f"name{n}", f"place{n}") for n in range(2_001))
    assert [doors.begin(each, n) > 0 for n, each in enumerate(tried)] == [False] * 2_000 + [True]


def test_whoever_has_the_form_tries_a_second_person_and_no_stranger_does(office: Office) -> None:
    case_id = office.opens("ada").case_id
    sun = office.person("sun")

    def asks(second: str, password: str) -> Answer:
        form = sun.form_of(case_id) | {"action": "unlock", "text": "seen", "second": second}
        return sun.asks("POST", f"/cases/{case_id}/actions", form | {"second_password": password})

    for _ in range(5):
        assert office.stranger().signs_in("jo", "wrong").status == 401
    assert "another supervisor" not in asks("jo", PASSWORD).text, "five strangers decide nothing"
    assert [asks("jo", "wrong").status for _ in range(5)] == [403] * 5
    said = asks("jo", PASSWORD)
    assert (said.status, said.headers["retry-after"]) == (429, "900")
    assert "five wrong passwords" in said.text


def test_refused_sign_ins_are_a_row_a_minute_whoever_asks_how_often(office: Office) -> None:
    for n in range(8):
        office.stranger().signs_in(f"nobody{n}", "wrong")
    for _ in range(7):
        office.stranger().signs_in("mei", "wrong")
    office.clock.at_ms += MINUTE_MS
    office.stranger().signs_in("nobody", "wrong")
    with office.store.reading() as connection:
        rows = [(row.actor, row.outcome, row.detail) for row in trail.rows(connection)]
    assert rows == [("", 401, ""), ("mei", 401, ""), ("", 401, "9 more before")]
    strangers = Strangers()
    assert [strangers.row(f"place{n}", "", 0) for n in range(62)] == [0] * 60 + [None] * 2
    assert [strangers.row("place61", "", MINUTE_MS * n) for n in (1, 2)] == [1, 0]


def test_a_stream_ends_with_its_session_whatever_happens(office: Office) -> None:
    case_id, mei, lin = office.opens("ada").case_id, office.person("mei"), office.person("lin")
    cookie = {"cookie": "; ".join(f"{name}={value}" for name, value in mei.cookies.items())}
    live = http.client.HTTPConnection(office.address().removeprefix("http://"), timeout=10)
    live.request("GET", "/events", headers=cookie)
    told = live.getresponse()
    assert told.readline() == b": open\n"
    assert mei.asks("POST", "/logout", {"csrf": mei.csrf()}).status == 303
    form = lin.form_of(case_id) | {"action": "note", "text": "seen"}
    assert lin.asks("POST", f"/cases/{case_id}/actions", form).status == 303
    assert b"changed" not in told.read()
    live.close()


def test_an_open_page_keeps_nobody_signed_in(office: Office) -> None:
    mei = office.person("mei")
    office.clock.at_ms += 20 * MINUTE_MS
    assert mei.asks("GET", "/events").status == 200
    office.clock.at_ms += 20 * MINUTE_MS
    assert mei.asks("GET", "/events").status == 401


def test_whose_word_about_an_address_counts(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: dict[str, Any] = {}
    monkeypatch.setattr("uvicorn.run", lambda _, **given: ran.update(given))
    monkeypatch.setattr("streams.console.serving.following", lambda *_, **__: None)
    serve(office.store, RuntimeOptions(), "127.0.0.1", 0, https=True)
    assert ran["proxy_headers"] is False
    serve(office.store, RuntimeOptions(), "127.0.0.1", 0, https=True, proxies="10.0.0.5")
    assert (ran["proxy_headers"], ran["forwarded_allow_ips"]) == (True, "10.0.0.5")


@pytest.mark.parametrize("given", ["*", "proxy", "0.0.0.0/0", "10.0.0.5, 10.1.0.0/8"])
def test_a_proxy_is_named_by_its_address(given: str) -> None:
    with pytest.raises(SettingsError, match="PAYWARDEN_CONSOLE_PROXIES"):
        load_settings(console_proxies=given)
    assert load_settings(console_proxies="10.0.0.5, 10.1.0.0/16").console_proxies


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
    assert [set(AGAIN.findall(each)) for each in (preview, refused)] == [{"/queue"}, {"/contacts"}]


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
