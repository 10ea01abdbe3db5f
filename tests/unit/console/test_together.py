"""Is what is done with several cases done by an event for each, and told one by one; and does a shift lose nothing?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.browsers import Answer, Browser
from support.offices import Office

from streams.contracts.accounts import CaseAction
from streams.contracts.cases import CaseVersion


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    with office.at_work():
        yield office


def field(case: CaseVersion) -> str:
    return f"{case.version}:{case.case_id}"


def posts(browser: Browser, path: str, form: str = "1", **fields: object) -> Answer:
    return browser.asks("POST", path, {"csrf": browser.csrf(), "form": form, **fields})


def acts(browser: Browser, case_id: str, action: str) -> None:
    form = browser.form_of(case_id) | {"action": action}
    assert browser.asks("POST", f"/cases/{case_id}/actions", form).status == 303


def test_the_preview_tells_which_are_left_out_and_why_and_the_result_what_became_of_each(office: Office) -> None:
    mei, lin = office.person("mei"), office.person("lin")
    calm = [office.asks(f"calm{number}") for number in range(3)]
    over, theirs, frozen = office.asks("over"), office.asks("theirs"), office.opens("frozen")
    acts(mei, over.case_id, "resolve")
    acts(lin, theirs.case_id, "assign")
    chosen = [office.case(each.case_id) for each in (*calm, over, theirs, frozen)]
    page = posts(mei, "/bulk", case=[field(each) for each in chosen])
    assert page.status == 200
    assert re.findall(r'name="case" value="([^"]+)"', page.text) == [field(each) for each in calm]
    for why in ("The case is over", "Somebody else has the case", "The account is frozen: look at it by itself"):
        assert why in page.text
    acts(lin, calm[1].case_id, "note")  # somebody is faster at one of them
    before = len(office.sent)
    sent = posts(mei, "/bulk/resolve", case=[field(each) for each in chosen], text="known outage")
    assert sent.location.startswith("/bulk/bat_")
    actions = office.sent[before:]
    assert [each.action for each in actions if isinstance(each, CaseAction)] == ["resolve"] * 3
    assert len({each.event_id for each in actions}) == 3
    shown = re.sub(r"<[^>]+>", " ", mei.asks("GET", sent.location).text)
    assert re.search(r"2\s+carried out", shown)
    assert re.search(r"1\s+refused", shown)
    assert "the case is at version" in shown
    assert [office.case(each.case_id).status for each in (calm[0], calm[2])] == ["resolved", "resolved"]
    assert office.case(theirs.case_id).status == "assigned"
    # The same form again is the same events, which the core has seen.
    for _ in range(2):  # by then one is still open, and then none
        again = posts(mei, "/bulk/resolve", case=[field(each) for each in chosen], text="known outage")
        assert (again.status, again.location) == (303, sent.location)
        if office.case(calm[1].case_id).status != "resolved":
            acts(mei, calm[1].case_id, "resolve")
    count = len(office.sent)
    assert posts(mei, "/bulk/resolve", case=[field(each) for each in chosen], text="other words").status == 403
    assert len(office.sent) == count, "nothing is sent for what is over"
    assert lin.asks("GET", sent.location).status == 404, "another analyst's"
    assert office.person("sun").asks("GET", sent.location).status == 200


@pytest.mark.parametrize("given", [[], ["x"], ["1:"], [":case"], [f"1:case_{number}" for number in range(51)]])
def test_a_choice_that_is_none_is_refused(office: Office, given: list[str]) -> None:
    mei = office.person("mei")
    for path in ("/bulk", "/bulk/resolve", "/handover"):
        assert posts(mei, path, case=given).status == 400
    assert office.sent == []


def test_a_shift_hands_over_to_a_colleague_and_to_whoever_comes_next(office: Office) -> None:
    mei, lin, vera = office.person("mei"), office.person("lin"), office.person("vera")
    for number in range(3):
        office.asks(f"calm{number}")
    mine = []
    for number in range(3):
        claimed = posts(mei, "/claim", form=str(number)).location
        mine.append(office.case(claimed.partition("?")[0].rpartition("/")[2]))
    page = mei.asks("GET", "/handover").text
    assert re.findall(r'name="case" value="([^"]+)"', page) == [field(each) for each in mine]
    for note, to, case in (("call the bank at nine", "lin", mine[0]), ("waits for the gateway", "", mine[1])):
        done = posts(mei, "/handover", case=field(case), to=to, **{f"note:{case.case_id}": note})
        assert done.location.startswith("/bulk/bat_"), done.text
    assert [office.case(each.case_id).assignee for each in mine] == ["lin", None, "mei"]
    to_lin, to_next = lin.asks("GET", "/handover").text.split("Left for the next shift")
    assert ("call the bank at nine" in to_lin, "call the bank at nine" in to_next) == (True, False)
    assert "waits for the gateway" in to_next
    assert "call the bank" not in vera.asks("GET", "/handover").text
    # Whoever takes it has it, and it is left to nobody any more.
    acts(lin, mine[1].case_id, "assign")
    assert "waits for the gateway" not in lin.asks("GET", "/handover").text
    told = mei.asks("GET", f"/cases/{mine[0].case_id}").text
    assert re.search(r'<q class="quote"[^>]*><small>mei</small> call the bank at nine</q>', told)


@pytest.mark.parametrize(
    ("to", "note", "says"),
    [
        ("vera", "", "Choose a colleague"),
        ("nobody", "", "Choose a colleague"),
        ("lin", "call 13800138000", "no personal data"),
        ("lin", "x" * 501, "500 characters"),
    ],
)
def test_a_handover_that_cannot_be_is_a_sentence_and_no_event(office: Office, to: str, note: str, says: str) -> None:
    mei = office.person("mei")
    case = office.asks("calm")
    acts(mei, case.case_id, "assign")
    before = len(office.sent)
    said = posts(mei, "/handover", case=field(office.case(case.case_id)), to=to, **{f"note:{case.case_id}": note})
    assert (said.status, says in said.text) == (400, True)
    assert len(office.sent) == before


def test_what_somebody_else_has_is_handed_over_by_nobody_but_a_supervisor(office: Office) -> None:
    mei, lin, sun = (office.person(name) for name in ("mei", "lin", "sun"))
    case = office.asks("calm")
    acts(mei, case.case_id, "assign")
    chosen = field(office.case(case.case_id))
    refused = posts(lin, "/handover", case=chosen, to="jo")
    assert "only a supervisor gives away" in lin.asks("GET", refused.location).text
    assert office.case(case.case_id).assignee == "mei"
    # Nor does its note look as if it had been handed over, when the receiver gets the case another way.
    noted = {f"note:{case.case_id}": "she asked for you"}
    posts(lin, "/handover", case=chosen, to="jo", form="2", **noted)
    posts(sun, "/handover", case=field(office.case(case.case_id)), to="jo", form="3")
    shown = office.person("jo").asks("GET", "/handover").text
    assert "she asked for you" not in shown
    assert "she asked for you" not in mei.asks("GET", f"/cases/{case.case_id}").text
    posts(sun, "/handover", case=field(office.case(case.case_id)), to="lin", form="4")
    assert office.case(case.case_id).assignee == "lin"


def test_views_are_of_a_person_and_supervisors_share_them(office: Office) -> None:
    mei, lin, sun = (office.person(name) for name in ("mei", "lin", "sun"))

    def names(browser: Browser) -> list[str]:
        return re.findall(r'<a href="/queue\?[^"]*">([^<]+)</a>(?=.*?</span>)', views(browser))

    def views(browser: Browser) -> str:
        found = re.search(r'<div class="views">.*?</div>', browser.asks("GET", "/queue").text, re.DOTALL)
        return found[0] if found else ""

    filters = {"queue": "security", "priority": "P1", "stage": "work", "whose": "unassigned"}
    kept = posts(mei, "/views", name="  my   urgent ones ", **filters)
    assert kept.location == "/queue?queue=security&priority=P1&stage=work&whose=unassigned"
    posts(sun, "/views", name="Night", shared="1", queue="accounting")
    assert names(mei) == ["my urgent ones", "Night"]
    assert names(lin) == ["Night"]
    assert posts(mei, "/views", name="Mine for all", shared="1").status == 403
    assert posts(mei, "/views", name="13800138000").status == 400
    assert posts(mei, "/views", name=" ").status == 400
    posts(lin, "/views/remove", name="Night")  # hers, of which there is none
    assert names(mei) == ["my urgent ones", "Night"]
    posts(mei, "/views/remove", name="my urgent ones")
    assert names(mei) == ["Night"]
    posts(sun, "/views", name="<script>alert(1)</script>", shared="1")
    assert "<script>alert" not in mei.asks("GET", "/queue").text
