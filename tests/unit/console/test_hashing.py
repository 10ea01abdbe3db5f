"""Does a crowd of sign-ins stop nobody but itself?"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.browsers import Answer
from support.offices import Office
from support.passwords import HASH, PASSWORD
from support.waiting import wait_until

from streams.console import passwords
from streams.console.hashing import AGAIN_S, Hashing, LongLine


class SlowHasher:
    """Every hash of a stranger's password lasts until the test says so."""

    def __init__(self, real: Callable[[str | None, str], bool]) -> None:
        self._real = real
        self._lock = threading.Lock()
        self.may_end = threading.Event()
        self.at_once = 0
        self.most = 0
        self.worked = 0

    def is_right(self, stored: str | None, password: str) -> bool:
        with self._lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        if password.startswith("guess"):
            assert self.may_end.wait(60)
        with self._lock:
            self.at_once -= 1
            self.worked += 1
        return self._real(stored, password)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    with office.at_work():
        yield office


@pytest.fixture
def hasher(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowHasher]:
    slow = SlowHasher(passwords.is_right)
    monkeypatch.setattr(passwords, "is_right", slow.is_right)
    monkeypatch.setattr(passwords, "_NOBODY", HASH)  # what it costs is not asked here
    yield slow
    slow.may_end.set()


def test_sixty_strangers_at_once_stop_nobody_who_is_known(office: Office, hasher: SlowHasher) -> None:
    case_id = office.opens("ada").case_id
    sun = office.person("sun")

    def guesses(n: int) -> Answer:
        form = {"name": f"nobody{n}", "password": f"guess {n}"}
        return office.stranger().asks("POST", "/login", form, x_forwarded_for=f"192.0.2.{n % 10}")

    with ThreadPoolExecutor(60) as many:
        made = [many.submit(guesses, n) for n in range(60)]
        wait_until(lambda: sum(each.done() for each in made) == 36, "all but a line full of them are answered")
        assert office.stranger().asks("GET", "/healthz").status == 200
        assert sun.asks("GET", "/queue").status == 200
        asks = sun.form_of(case_id) | {"action": "unlock", "text": "seen", "second": "jo"}
        agreed = sun.asks("POST", f"/cases/{case_id}/actions", asks | {"second_password": PASSWORD})
        assert "another supervisor" not in agreed.text
        assert office.stranger().signs_in("sun", PASSWORD).status == 303, "from where sun has signed in before"
        form = {"csrf": sun.csrf(), "password": PASSWORD, "new": "another long password"}
        changed = sun.asks("POST", "/settings/password", form | {"again": "another long password"})
        assert changed.location == "/settings?done=password"
        hasher.may_end.set()
        answers = [each.result() for each in made]
    assert Counter(each.status for each in answers) == {429: 36, 401: 24}
    refused = next(each for each in answers if each.status == 429)
    assert refused.headers["retry-after"] == str(AGAIN_S)
    assert "Many sign in at this moment" in refused.text
    assert hasher.most <= 2


def test_who_was_not_looked_at_has_not_tried(office: Office, hasher: SlowHasher) -> None:
    def guesses(n: int) -> Answer:
        return office.stranger().signs_in(f"nobody{n}", f"guess {n}")

    with ThreadPoolExecutor(6) as many:
        made = [many.submit(guesses, n) for n in range(6)]
        wait_until(lambda: hasher.at_once == 1, "the first is looked at")
        wait_until(lambda: office.stranger().signs_in("jo", PASSWORD).status == 429, "the line of this place is full")
        for _ in range(6):
            assert "Many sign in at this moment" in office.stranger().signs_in("jo", PASSWORD).text
        hasher.may_end.set()
        assert [each.result().status for each in made] == [401] * 6
    assert office.stranger().signs_in("jo", PASSWORD).status == 303


def test_whoever_is_signed_in_may_not_fill_the_line_of_the_others(office: Office, hasher: SlowHasher) -> None:
    case_id = office.opens("ada").case_id
    sun, jo = office.person("sun"), office.person("jo")

    def asks(second: str) -> Answer:
        form = sun.form_of(case_id) | {"action": "unlock", "text": "seen", "second": second}
        return sun.asks("POST", f"/cases/{case_id}/actions", form | {"second_password": "guess"})

    with ThreadPoolExecutor(7) as many:
        made = [many.submit(asks, f"somebody{n}") for n in range(7)]
        wait_until(lambda: any(each.done() for each in made), "one was refused")
        refused = next(each for each in made if each.done()).result()
        form = {"csrf": jo.csrf(), "password": PASSWORD, "new": "another long password", "again": "x"}
        changes = many.submit(jo.asks, "POST", "/settings/password", form)
        hasher.may_end.set()
        assert "typed in two ways" in changes.result().text
        assert sorted(each.result().status for each in made) == [403] * 6 + [429]
    assert refused.headers["retry-after"] == str(AGAIN_S)
    assert "nothing was done" in refused.text


def test_a_line_forgets_whoever_has_left_it(hasher: SlowHasher) -> None:
    async def crowd() -> list[bool | BaseException]:
        hashing = Hashing()
        asked = [
            asyncio.ensure_future(hashing.is_right(None, "guess", whose=f"place{n}", is_known=False)) for n in range(30)
        ]
        await asyncio.sleep(0)
        for each in asked[10:20]:
            each.cancel()
        hasher.may_end.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        again = [hashing.is_right(None, "x", whose=f"place{n}", is_known=False) for n in range(24)]
        assert await asyncio.gather(*again) == [False] * 24
        return answers

    answers = asyncio.run(crowd())
    assert [type(each) for each in answers] == [bool] * 10 + [asyncio.CancelledError] * 10 + [bool] * 4 + [LongLine] * 6
