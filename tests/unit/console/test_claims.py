"""Does whoever asks for the next case get one that nobody else has, however many ask at once?"""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.browsers import Browser
from support.offices import Office

from streams.contracts.accounts import CaseAction


def claims(browser: Browser, form: str = "1", **fields: str) -> str:
    """Where somebody is sent who asks for the next case."""
    said = browser.asks("POST", "/claim", {"csrf": browser.csrf(), "form": form, **fields})
    assert said.status == 303, said.text
    return said.location


def case_of(location: str) -> str:
    found = re.match(r"/cases/(case_[a-z0-9]+)\?sent=opr_", location)
    assert found, location
    return found[1]


def test_the_first_of_the_queue_is_theirs_until_nothing_is_left(tmp_path: Path) -> None:
    office = Office(tmp_path)
    opened = [office.opens(f"a{number}").case_id for number in range(3)]
    with office.at_work():
        mei = office.person("mei")
        got = [case_of(claims(mei, str(number))) for number in range(3)]
        assert got == opened, "the older of equal ones first"
        assert {office.case(case_id).assignee for case_id in opened} == {"mei"}
        assert claims(mei, "4") == "/queue?queue=&priority=&whose=unassigned&nothing=1"
        assert "No case is left" in mei.asks("GET", claims(mei, "5")).text
        assert claims(mei, "6", queue="policy").startswith("/queue?queue=policy")


def test_what_was_answered_by_itself_is_nobodys_work_until_its_customer_writes_again(tmp_path: Path) -> None:
    office = Office(tmp_path)
    answered = office.asks("a1", "I forgot my password").case_id
    opened = office.opens("a2").case_id
    with office.at_work():
        mei = office.person("mei")
        assert answered not in mei.asks("GET", "/queue").text
        assert answered in mei.asks("GET", "/queue?stage=waiting").text
        assert case_of(claims(mei, "1")) == opened
        assert claims(mei, "2").endswith("nothing=1")
        office.asks("a1", "I still forgot my password")
        assert case_of(claims(mei, "3")) == answered


def test_a_form_sent_twice_takes_one_case(tmp_path: Path) -> None:
    office = Office(tmp_path)
    for number in range(3):
        office.opens(f"a{number}")
    with office.at_work():
        mei, lin = office.person("mei"), office.person("lin")
        first = claims(mei, "same")
        assert claims(mei, "same") == first
        assert case_of(claims(lin, "same")) != case_of(first)
        assert len(office.sent) == 2


def test_of_two_consoles_that_offer_the_same_case_the_core_decides_and_the_loser_gets_the_next(tmp_path: Path) -> None:
    office = Office(tmp_path)
    first, second = (office.opens(f"a{number}").case_id for number in range(2))
    both = threading.Barrier(2, timeout=20)

    def meet(sent: object) -> None:
        assert isinstance(sent, CaseAction)
        if sent.case_id == first:
            both.wait()  # each has chosen the first case before either is answered

    office.before = meet
    with office.at_work(consoles=2), ThreadPoolExecutor(2) as pool:
        seats = [office.person("mei", 0), office.person("lin", 1)]
        got = [case_of(each) for each in pool.map(claims, seats)]
    assert sorted(got) == sorted([first, second])
    names = {"mei": got[0], "lin": got[1]}
    assert {office.case(case_id).assignee: case_id for case_id in got} == names
    assert len(office.sent) == 3


def test_of_many_who_ask_at_once_each_has_another_and_nobody_waits_in_vain(tmp_path: Path) -> None:
    office = Office(tmp_path)
    opened = {office.opens(f"a{number}").case_id for number in range(5)}
    with office.at_work(), ThreadPoolExecutor(6) as pool:
        seats = [office.person(("mei", "lin", "sun")[number % 3]) for number in range(6)]
        got = list(pool.map(claims, seats, map(str, range(6))))
    assert sum("nothing=1" in each for each in got) == 1
    assert {case_of(each) for each in got if "nothing" not in each} == opened


@pytest.mark.parametrize(("form", "status"), [("", 400), ("x" * 33, 400)])
def test_a_form_that_is_none_of_ours_is_refused(tmp_path: Path, form: str, status: int) -> None:
    office = Office(tmp_path)
    office.opens("a1")
    with office.at_work():
        mei = office.person("mei")
        assert mei.asks("POST", "/claim", {"csrf": mei.csrf(), "form": form}).status == status
        assert mei.asks("POST", "/claim", {"csrf": "0" * 64, "form": "1"}).status == 403
        assert office.sent == []


def test_mine_unassigned_and_all_are_lists_of_their_own(tmp_path: Path) -> None:
    office = Office(tmp_path)
    opened = [office.opens(f"a{number}").case_id for number in range(3)]
    with office.at_work():
        mei, vera = office.person("mei"), office.person("vera")
        claims(mei)

        def listed(browser: Browser, whose: str) -> list[str]:
            return re.findall(r'<a href="/cases/(case_\w+)"', browser.asks("GET", f"/queue?whose={whose}").text)

        assert listed(mei, "mine") == opened[:1]
        assert listed(mei, "unassigned") == opened[1:]
        assert listed(mei, "nonsense") == opened[1:], "what was worked on today is not in the list of all"
        assert listed(vera, "mine") == []
        # Put back, it is there for the next one at once.
        form = mei.form_of(opened[0]) | {"action": "put_back"}
        assert mei.asks("POST", f"/cases/{opened[0]}/actions", form).status == 303
        assert listed(mei, "mine") == []
        assert listed(vera, "unassigned") == [*opened[1:], opened[0]], "they have had no answer yet"
        shown = vera.asks("GET", "/queue").text
        assert re.search(r'<button type="button" disabled aria-describedby="why-claim">', shown)
        assert vera.asks("POST", "/claim", {"csrf": vera.csrf(), "form": "1"}).status == 403


def test_supervisors_see_and_get_first_what_was_escalated_and_analysts_never_do(tmp_path: Path) -> None:
    office = Office(tmp_path)
    urgent, escalated = office.opens("urgent"), office.asks("calm")
    with office.at_work():
        mei, sun = office.person("mei"), office.person("sun")
        form = mei.form_of(escalated.case_id) | {"action": "escalate", "text": "too large for me"}
        assert mei.asks("POST", f"/cases/{escalated.case_id}/actions", form).status == 303
        assert office.case(escalated.case_id).assignee == "supervisors.policy"
        listed = sun.asks("GET", "/queue?whose=escalated").text
        assert escalated.case_id in listed
        assert urgent.case_id not in listed
        assert "case waits for a supervisor" in sun.asks("GET", "/locks").text
        assert "waits for a supervisor" not in mei.asks("GET", "/locks").text
        assert case_of(claims(mei, "1")) == urgent.case_id
        assert claims(mei, "2").endswith("nothing=1")
        assert case_of(claims(sun, "3")) == escalated.case_id
        assert office.case(escalated.case_id).assignee == "sun"
        assert "waits for a supervisor" not in sun.asks("GET", "/locks").text
