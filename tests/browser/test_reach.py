"""Are the actions of a case near, and is no column out of sight, whatever a case is made of?"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect
from support.passwords import HASH
from support.people import Person
from support.services import PERSON, filled, page_of
from support.stores import START_MS, case, load, record

from streams.adapters.case_store import people
from streams.adapters.case_store.people import User
from streams.contracts.base import from_ms
from streams.contracts.cases import Entities, Evidence, Sla

pytestmark = pytest.mark.browser

_IN_ROW = "[...document.querySelectorAll('.list tbody tr')].indexOf(document.activeElement.closest('tr'))"
_CUT = """[...document.querySelectorAll("main .scroll")].filter((each) => each.scrollWidth > each.clientWidth)
  .map((each) => each.getAttribute("aria-label"))"""
_FOCUS = "document.activeElement.closest('#actions') !== null"


def test_escalated_and_overdue_cases_fit_and_their_actions_are_a_key_away(scene, tmp_path: Path) -> None:
    at = from_ms(START_MS)
    lines = tuple(
        Evidence(at=from_ms(START_MS + n), kind="payment.failed", event_id=f"e{n}", text="it failed") for n in range(60)
    )
    worst = case(
        "case_x",
        case_type="payment_failure.repeat",
        queue="technical",
        status="in_progress",
        sub_status="escalated",
        assignee="supervisors.security",
        finding="confirmed_fraud",
        amount_minor=123_456_789,
        currency="CNY",
        entities=Entities(account_id=PERSON, ip="203.0.113.7", merchant_id="mer_1"),
        sla=Sla(first_response_due=at, next_update_due=at, resolution_due=at),
        evidence=lines,
    )
    with filled(tmp_path) as service:
        with service.store.writing() as connection:
            people.put_user(connection, User("sun", "supervisor", HASH, 0))
        load(service.store, [record("support.cases", worst)])
        service.clock.at_ms = START_MS + 50 * 3_600_000
        address = f"http://127.0.0.1:{service.port}"
        sun = Person(scene.browser, address, "sun", viewport={"width": 1280, "height": 800}).signs_in()
        lists = ("/queue", "/search?q=payment", "/incidents", "/locks", "/merchant?id=mer_1", "/audit")
        pages = (*lists, page_of(service.app, "account", PERSON), page_of(service.app, "ip", "203.0.113.7"))
        for width in (1280, 1024, 768):
            sun.page.set_viewport_size({"width": width, "height": 800})
            assert {each: cut for each in pages if (cut := sun.opens(each).evaluate(_CUT))} == {}, width
        sun.page.set_viewport_size({"width": 1024, "height": 800})
        assert "1,234,567.89" in sun.opens("/queue").locator("tbody").inner_text(), "what matters stays"
        sun.page.set_viewport_size({"width": 1280, "height": 800})
        page = sun.opens("/cases/case_x")
        for key in ("Tab", "Tab", "Enter", "Tab"):
            page.keyboard.press(key)
        assert page.evaluate(_FOCUS), "the second link of the page leads there"
        page = sun.opens("/cases/case_x")
        page.keyboard.press("a")
        assert page.evaluate(_FOCUS)
        page.set_viewport_size({"width": 360, "height": 780})
        page = sun.opens("/cases/case_x")
        page.locator(".jump").click()
        assert abs(page.evaluate("document.querySelector('#actions').getBoundingClientRect().top")) < 40
        assert sun.barriers() == []
        sun.leaves()


def test_keys_move_the_focus_and_can_be_turned_off(scene, tmp_path: Path) -> None:
    with filled(tmp_path) as service:
        with service.store.writing() as connection:
            people.put_user(connection, User("sun", "supervisor", HASH, 0))
        sun = Person(scene.browser, f"http://127.0.0.1:{service.port}", "sun").signs_in()
        page = sun.opens("/queue")
        where = []
        for key in ("j", "j", "k"):
            page.keyboard.press(key)
            where.append(page.evaluate(_IN_ROW))
        assert where == [0, 1, 0]
        assert page.evaluate("document.activeElement.matches('a[href^=\"/cases/\"]')"), "it is read out, and opens"
        page.keyboard.press("x")
        assert page.locator('tbody tr:nth-child(1) input[type="checkbox"]').is_checked()
        page.keyboard.press("?")
        help_ = page.get_by_role("dialog", name="Keys")
        expect(help_).to_contain_text("take the next case")
        assert sun.barriers() == []
        page.keyboard.press("c")
        expect(help_).to_be_visible()  # the page behind it hears no key
        page.keyboard.press("Escape")
        expect(help_).to_be_hidden()
        page.keyboard.press("?")
        help_.get_by_role("button", name="Turn single keys off").click()
        expect(page.get_by_role("contentinfo")).to_contain_text("Single keys are off")
        for key in ("j", "?", "c"):
            page.keyboard.press(key)
        assert page.evaluate(_IN_ROW) == -1
        assert page.url.endswith("/queue")
        page = sun.opens("/settings")
        page.get_by_role("button", name="Turn single keys on").click()
        sun.opens("/queue").keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url("**/cases/**")
        sun.leaves()
