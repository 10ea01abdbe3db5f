"""Does somebody change their own password, leave elsewhere and turn single keys off, and nobody else's?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.browsers import Answer, Browser
from support.offices import Office
from support.passwords import PASSWORD

from streams.adapters.case_store import people, trail

NEW = "another long password"
MINUTE_MS = 60_000


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    with office.at_work():
        yield office


def changes(browser: Browser, password: str = PASSWORD, new: str = NEW, again: str | None = None) -> Answer:
    form = {"csrf": browser.csrf(), "password": password, "new": new, "again": new if again is None else again}
    return browser.asks("POST", "/settings/password", form)


def test_a_password_is_changed_and_every_other_session_ends(office: Office) -> None:
    mei, elsewhere, lin = office.person("mei"), office.person("mei"), office.person("lin")
    said = changes(mei)
    assert (said.status, said.location) == (303, "/settings?done=password")
    assert "The password is changed" in mei.asks("GET", said.location).text
    assert elsewhere.asks("GET", "/queue").location == "/login"
    assert lin.asks("GET", "/queue").status == 200
    assert office.stranger().signs_in("mei", PASSWORD).status == 401
    assert office.stranger().signs_in("mei", NEW).status == 303
    assert office.stranger().signs_in("lin", PASSWORD).status == 303
    with office.store.reading() as connection:
        rows = [(row.actor, row.outcome) for row in trail.rows(connection) if row.kind == "password_change"]
    assert rows == [("mei", 303)]


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ({"password": "wrong"}, 403, "The current password is wrong"),
        ({"new": "short", "again": "short"}, 400, "12 to 256 characters"),
        ({"new": "x" * 257}, 400, "12 to 256 characters"),
        ({"again": "another long passwort"}, 400, "typed in two ways"),
        ({"new": PASSWORD}, 400, "is the current one"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_changes(
    office: Office, asked: dict[str, str], status: int, says: str
) -> None:
    mei, elsewhere = office.person("mei"), office.person("mei")
    said = changes(mei, **asked)
    assert said.status == status
    assert says in said.text
    assert elsewhere.asks("GET", "/queue").status == 200
    assert office.stranger().signs_in("mei", PASSWORD).status == 303


def test_whoever_sits_down_at_an_open_session_guesses_five_times(office: Office) -> None:
    mei = office.person("mei")
    assert [changes(mei, f"guess {n}").status for n in range(5)] == [403] * 5
    said = changes(mei)
    assert (said.status, said.headers["retry-after"]) == (429, "900")
    assert office.person("mei").asks("GET", "/queue").status == 200, "a sign-in has a count of its own"


def test_who_comes_from_the_company_has_no_password_here(office: Office) -> None:
    mei = office.person("mei")
    with office.store.writing() as connection:
        people.set_hash(connection, "mei", "oidc")
    assert "the company keeps its password" in mei.asks("GET", "/settings").text
    assert changes(mei).status == 403


def test_other_sessions_are_shown_and_ended(office: Office) -> None:
    mei, office.clock.at_ms = office.person("mei"), office.clock.at_ms + MINUTE_MS
    elsewhere = office.person("mei")
    lin = office.person("lin")
    shown = mei.asks("GET", "/settings").text
    assert (shown.count("<li>"), shown.count("this one")) == (2, 1)
    assert mei.asks("POST", "/settings/sessions", {"csrf": mei.csrf()}).status == 303
    assert [each.asks("GET", "/queue").status for each in (mei, elsewhere, lin)] == [200, 303, 200]
    assert mei.asks("POST", "/settings/sessions", {"csrf": "wrong"}).status == 403


def test_single_keys_are_turned_off_and_on_again(office: Office) -> None:
    mei = office.person("mei")
    assert 'data-keys="off"' not in mei.asks("GET", "/queue").text
    form = {"csrf": mei.csrf(), "keys": "off", "again": "/queue?whose=mine"}
    assert mei.asks("POST", "/settings/keys", form).location == "/queue?whose=mine"
    assert 'data-keys="off"' in mei.asks("GET", "/queue").text
    mei.asks("POST", "/settings/keys", form | {"keys": "on", "again": "https://elsewhere.example"})
    assert 'data-keys="off"' not in mei.asks("GET", "/queue").text
