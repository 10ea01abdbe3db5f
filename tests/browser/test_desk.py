"""Can people share the work at the desk: claim, take contacts, resolve together, hand over, attach, in a real browser?

The core is behind it without a broker: what a broker adds is in test_stories.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from support.browsers import Browser as Plain
from support.offices import Office
from support.people import SEATS, Person, chromium
from support.stores import case, load, record

from streams.contracts.cases import Entities

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

Seat = Callable[..., Person]
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    with office.at_work():
        yield office


@pytest.fixture
def seat(office: Office, request: pytest.FixtureRequest) -> Iterator[Seat]:
    seated: list[Person] = []
    with chromium() as browser:

        def sit(name: str, **context: Any) -> Person:
            seated.append(Person(browser, office.address(), name, **context))
            return seated[-1].signs_in()

        yield sit
        for each in seated:
            each.leaves()
    assert {each.name: each.complaints for each in seated if each.complaints} == {}


def test_two_analysts_who_ask_at_once_get_two_cases_and_a_third_gets_none(office: Office, seat: Seat) -> None:
    cases = {office.asks(f"calm{number}").case_id for number in range(2)}
    mei, lin = seat("mei"), seat("lin")
    for each in (mei, lin):
        each.page.keyboard.press("n")  # neither waits for the other
    got = []
    for each in (mei, lin):
        each.page.wait_for_url("**/cases/**")
        expect(each.page.locator(".outcome.done")).to_be_visible()
        got.append(re.findall(r"case_\w+", each.page.url)[0])
    assert set(got) == cases
    assert [office.case(case_id).assignee for case_id in got] == ["mei", "lin"]
    office.clock.at_ms += 1  # the clock is the form's number
    lin.opens("/queue?whose=mine")
    expect(lin.page.locator(".list tbody tr")).to_have_count(1)
    lin.page.get_by_role("button", name="Take the next case").click()
    expect(lin.page.get_by_role("status")).to_contain_text("No case is left that nobody has")


def test_a_viewer_can_do_none_of_it(office: Office, seat: Seat) -> None:
    line = office.asks("calm")
    vera = seat("vera")
    claim = vera.page.get_by_role("button", name="Take the next case")
    expect(claim).to_be_disabled()
    expect(claim).to_have_accessible_description("Your role may not do this")
    expect(vera.page.locator('input[type="checkbox"], #bulk, .keep')).to_have_count(0)
    csrf = vera.page.locator('input[name="csrf"]').first.input_value()
    case = f"{line.version}:{line.case_id}"
    for path, form in (
        ("/claim", {}),
        ("/bulk", {"case": case}),
        ("/bulk/resolve", {"case": case}),
        ("/handover", {"case": case}),
        ("/views", {"name": "mine"}),
        ("/contacts", {"account": "calm", "channel": "phone", "disposition": "dropped", "flow": "F12"}),
        (f"/cases/{line.case_id}/attachments", {"version": "1", "reference": "s3://a/b", "sha256": DIGEST}),
        (f"/cases/{line.case_id}/attachments/{DIGEST}", {}),
    ):
        given = {"csrf": csrf, "form": "1", **form}
        answer = vera.page.request.post(f"{office.address()}{path}", form=given)
        assert answer.status == 403, path
    assert office.sent == []


def test_a_call_becomes_a_case_and_its_receipt_is_attached_and_looked_at(office: Office, seat: Seat) -> None:
    mei = seat("mei")
    page = mei.opens("/contacts?account=customer-70021")
    page.get_by_role("link", name="Another matter").click()
    for legend in ("You read out the number", "call back"):
        page.get_by_role("group", name=re.compile(legend)).get_by_label("right").check()
    page.get_by_label("What it is about").select_option("F12")
    page.get_by_label("What they said").fill("the same coffee was charged two times")
    page.get_by_role("textbox", name="Order").fill("order-88120")
    page.get_by_role("textbox", name="Amount").fill("42.50")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/cases/**")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Charged twice")
    expect(page.locator(".timeline")).to_contain_text("identity checked (app_code right, callback right)")
    page.get_by_text("Attach a file by reference").click()
    page.locator('input[type="file"]').set_input_files(
        files=[{"name": "r.png", "mimeType": "image/png", "buffer": b"test"}]
    )
    expect(page.get_by_label("SHA-256")).to_have_value(DIGEST)
    expect(page.get_by_label("Bytes")).to_have_value("4")
    page.get_by_label("Reference").fill("s3://evidence/r.png")
    mei.does("Attach")
    page.locator("li.file").get_by_role("button", name="Show").click()
    expect(page.locator("main dl")).to_contain_text("s3://evidence/r.png")


def test_hands_stay_on_the_keys(office: Office, seat: Seat) -> None:
    for number in range(3):
        office.asks(f"calm{number}")
    mei = seat("mei")
    for key in ("j", "x", "j", "x", "r"):
        mei.page.keyboard.press(key)
    mei.page.wait_for_url("**/bulk")
    mei.page.get_by_role("button", name="Resolve (2)").click()
    mei.page.wait_for_url("**/bulk/bat_*")
    expect(mei.page.get_by_role("status")).to_contain_text("2 carried out")
    mei.page.keyboard.press("c")
    mei.page.wait_for_url("**/contacts")


@pytest.mark.parametrize("where", SEATS)
def test_nothing_keeps_anybody_out(office: Office, seat: Seat, where: str) -> None:
    calm = [office.asks(f"customer-{number}") for number in range(5)]
    frozen = office.opens("customer-90")
    for name, role_of in (("lin", 0), ("sun", 1)):
        taken = office.person(name)
        _acts(taken, calm[role_of].case_id, "assign")
    sun = seat("sun", **SEATS[where])
    helper = office.person("sun")
    csrf = helper.csrf()
    views = {"csrf": csrf, "name": "Night", "shared": "1", "queue": "policy", "stage": "work", "whose": "unassigned"}
    helper.asks("POST", "/views", views)
    attached = {"kind": "receipt", "media_type": "image/png", "size": "48213", "sha256": DIGEST}
    form = helper.form_of(calm[1].case_id)
    reference = {"reference": "https://93.184.216.34/2026/receipt-1.png", "version": form["version"], "form": "7"}
    case_of = f"/cases/{calm[1].case_id}"
    assert helper.asks("POST", f"{case_of}/attachments", {"csrf": csrf, **attached, **reference}).status == 303
    lin = office.person("lin")
    now = office.case(calm[0].case_id)
    handed = {"csrf": lin.csrf(), "form": "1", "to": "sun", "case": f"{now.version}:{now.case_id}"}
    assert lin.asks("POST", "/handover", {**handed, f"note:{now.case_id}": "bank answers at nine"}).status == 303
    chosen = [f"{office.case(each.case_id).version}:{each.case_id}" for each in (*calm[2:], frozen)]
    batch = helper.asks("POST", "/bulk/resolve", {"csrf": csrf, "form": "9", "case": chosen[:2]}).location
    _acts(lin, calm[4].case_id, "escalate", text="the owner is not sure what happened\nand calls again at noon")
    outage = case(
        "inc_desk",
        owner="entity",
        cause_family="outage",
        case_type="incident.channel",
        queue="technical",
        priority="P1",
        subject="issuer+gateway:bank-of-somewhere-far-away+gateway-with-a-long-name",
        entities=Entities(entity="health/issuer+gateway:bank-of-somewhere-far-away+gateway-with-a-long-name"),
        counters={"users": 12_345},
    )
    load(office.store, [record("support.cases", outage)])
    barriers: dict[str, list[str]] = {}

    def looked_at(name: str) -> None:
        sun.keeps_picture(f"{name}-{where}")
        found = sun.barriers()
        width = sun.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if found or width > 0:
            barriers[name] = [*found, f"wider by {width}"]

    for name, address in {
        "queue-all": "/queue?stage=work&whose=all",
        "queue-mine": "/queue?whose=mine",
        "queue-nothing": "/queue?whose=unassigned&queue=technical&nothing=1",
        "contacts": "/contacts",
        "contacts-found": "/contacts?account=customer-0",
        "contacts-none": "/contacts?order=nothing",
        "contact-new": f"/contacts/new?case={calm[0].case_id}",
        "contact-sent": "/contacts/opr_x?account=customer-0",
        "handover": "/handover",
        "batch": batch,
        "case-attached": case_of,
        "queue-escalated": "/queue?whose=escalated",
        "case-escalated": f"/cases/{calm[4].case_id}",
        "incident": "/cases/inc_desk",
        "account": "/account?id=customer-4",
    }.items():
        sun.opens(address)
        if name in ("case-attached", "case-escalated", "incident", "account"):
            # Whatever there is to choose.
            sun.page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        looked_at(name)
        if name == "contact-sent":
            sun.opens("/queue")  # it would go on asking
    sun.opens(case_of)
    sun.page.locator("li.file button").first.click()
    sun.page.wait_for_url("**/attachments/**")
    looked_at("attachment")
    sun.opens("/queue?whose=unassigned")
    for each in sun.page.locator('input[name="case"]').all():
        each.check()
    sun.page.locator("#bulk button").click()
    sun.page.wait_for_url("**/bulk")
    looked_at("bulk")
    assert barriers == {}


def _acts(browser: Plain, case_id: str, action: str, **fields: str) -> None:
    form = browser.form_of(case_id) | {"action": action, **fields}
    assert browser.asks("POST", f"/cases/{case_id}/actions", form).status == 303
