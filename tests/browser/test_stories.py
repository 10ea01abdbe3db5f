"""Can people do their work at the console, each in their role, alone and two at once, in a real browser?"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect
from support.passwords import PASSWORD
from support.people import Person
from support.waiting import wait_until

from producers.feed import Outgoing
from streams.adapters.case_store import linked, queries
from streams.adapters.case_store.queries import CaseLine
from streams.adapters.case_store.store import decode_case
from streams.contracts.accounts import IdentityVerified, SurveyAnswered
from streams.contracts.base import from_ms
from streams.contracts.cases import CaseVersion
from streams.contracts.registry import encode
from streams.metrics import LABELLED_SCORES

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

Seat = Callable[..., Person]


def newest(scene, line: CaseLine) -> CaseVersion:
    with scene.store.reading() as connection:
        body = queries.case_body(connection, line.case_id)
    assert body is not None
    return decode_case(body)


def fact(page: Page, name: str) -> str:
    return (
        page.locator("dl dt", has_text=re.compile(f"^{name}$")).locator("xpath=following-sibling::dd[1]").inner_text()
    )


def test_an_analyst_works_a_takeover_from_the_queue_to_its_end(scene, person: Seat) -> None:
    line = scene.plays("account_takeover", 11, "account_takeover", without="support.requests")
    mei = person("mei")
    mei.page.locator(f'a[href="/cases/{line.case_id}"]').click()
    expect(mei.page.get_by_role("heading", level=1)).to_contain_text("Account takeover")
    assert mei.does("Assign to me") == "Carried out."
    assert fact(mei.page, "Assignee") == "mei"
    assert mei.does("Restrict") == "Carried out."
    held = mei.row_of("/locks", line.account_id)
    expect(held).to_have_count(1)
    expect(held).to_contain_text("money out")
    with scene.store.reading() as connection:
        acts = linked.of_account(connection, line.account_id, 10)
    strange = next(act.device_id for act in acts if act.device_id)  # the newest one is the thief's
    mei.opens(f"/entity?{urlencode({'kind': 'device', 'value': strange})}")
    assert mei.does("Block") == "Carried out."
    expect(mei.page.get_by_text("Blocked; time left")).to_be_visible()
    mei.opens(f"/cases/{line.case_id}")
    mei.unfolds("Preview the message")
    mei.page.get_by_label("The question in Chinese").fill("您在应用还是网站上付款？")
    mei.page.get_by_label("The question in English").fill("Did you pay in the app or on the website?")
    mei.page.get_by_role("button", name="Preview the message", exact=True).click()
    expect(mei.page.get_by_text("Did you pay in the app or on the website?")).to_be_visible()
    expect(mei.page.get_by_text("您在应用还是网站上付款？")).to_be_visible()
    assert mei.barriers() == []
    mei.keeps_picture("question")
    assert mei.does("Send it to the customer") == "Carried out."
    found = scene.counted(LABELLED_SCORES.name, truth="legit")
    assert mei.does("Confirm legit") == "Carried out."
    assert fact(mei.page, "Finding").lower() == "false alarm"
    mei.opens("/locks")
    expect(held).to_have_count(0)
    # What she found is the truth about the payment by which the model was wrong.
    wait_until(lambda: scene.counted(LABELLED_SCORES.name, truth="legit") > found, "the finding judges the model")
    mei.opens(f"/cases/{line.case_id}")
    assert mei.does("Resolve") == "Carried out."
    ended = newest(scene, line)
    assert (ended.status, ended.finding, ended.assignee) == ("resolved", "false_alarm", "mei")
    mei.opens("/queue")
    expect(mei.page.locator(f'a[href="/cases/{line.case_id}"]')).to_have_count(0)
    mei.opens("/queue?stage=done")
    expect(mei.page.locator(f'a[href="/cases/{line.case_id}"]')).to_have_count(1)

    def asked() -> bool:
        scene.time_passes(line.account_id)
        return newest(scene, line).status == "surveyed"

    wait_until(asked, "the customer is asked how content they are", every_s=0.5)
    now_ms = time.time_ns() // 1_000_000
    rating = SurveyAnswered(
        event_id=f"rated-{now_ms}",
        source="test",
        occurred_at=from_ms(now_ms),
        account_id=line.account_id,
        channel="app",
        case_id=line.case_id,
        score=5,
    )
    scene.product.write([Outgoing("support.requests", line.account_id.encode(), encode(rating), now_ms)])
    wait_until(lambda: newest(scene, line).status == "closed", "the case is closed")
    mei.opens(f"/cases/{line.case_id}")
    assert fact(mei.page, "Status") == "Closed"
    expect(mei.page.locator(".timeline")).to_contain_text("rated 5 of 5")


def test_a_supervisor_and_a_second_person_lift_a_freeze(scene, person: Seat) -> None:
    line = scene.plays("account_takeover", 12, "account_takeover")
    analyst, sun = person("mei"), person("sun")
    for each in (analyst, sun):
        each.opens(f"/cases/{line.case_id}")
    unlock = analyst.page.get_by_role("button", name="Unlock", exact=True)
    expect(unlock).to_be_disabled()
    expect(unlock).to_have_accessible_description("A freeze takes a supervisor and a second person")
    unproved = sun.page.get_by_role("button", name="Unlock", exact=True)
    expect(unproved).to_be_disabled()
    expect(unproved).to_have_accessible_description(
        "The owner has passed no check of face and document that still counts"
    )
    now_ms = time.time_ns() // 1_000_000
    proof = IdentityVerified(
        event_id=f"idv-{now_ms}",
        source="test",
        occurred_at=from_ms(now_ms),
        account_id=line.account_id,
        method="face_and_document",
        level=3,
        passed=True,
        actor="idv",
        role="identity_service",
    )
    scene.product.write([Outgoing("identity.results", line.account_id.encode(), encode(proof), now_ms)])
    wait_until(lambda: "identity" in {each.kind for each in newest(scene, line).evidence}, "the owner is proved")
    offered = 'button[name="action"][value="unlock"]'
    wait_until(lambda: sun.opens(f"/cases/{line.case_id}").locator(offered).count(), "and may be let in", every_s=0.5)
    assert "needs a second person" in sun.does("Unlock")
    sun.opens(f"/cases/{line.case_id}")
    sun.page.locator("summary", has_text="Lifting a freeze and large refunds take two people.").click()
    sun.page.get_by_label("Second person (supervisor)").fill("jo")
    sun.page.get_by_label("Their password").fill(PASSWORD)
    assert sun.does("Unlock") == "Carried out."
    held = sun.row_of("/locks", line.account_id)
    expect(held).to_contain_text("Lower limits")  # while the account recovers
    expect(held.filter(has_text="Freeze")).to_have_count(0)
    said = [each.text for each in newest(scene, line).evidence if each.kind == "operator_unlock"]
    assert said == ["supervisor sun with jo: unlock"]


def test_a_viewer_sees_it_and_can_do_none_of_it(scene, person: Seat) -> None:
    line = scene.plays("account_takeover", 13, "account_takeover")
    vera = person("vera")
    page = vera.opens(f"/cases/{line.case_id}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Account takeover")
    assert page.locator('button[name="action"]:enabled').count() == 0
    csrf = page.locator('input[name="csrf"]').first.input_value()
    for action in ("assign", "unlock", "confirm_fraud", "resolve"):
        form = {"csrf": csrf, "version": "1", "form": "1", "action": action}
        answer = page.request.post(f"{scene.address}/cases/{line.case_id}/actions", form=form)
        assert answer.status == 403, action
    assert not [each for each in newest(scene, line).evidence if each.kind.startswith("operator_")]


def test_of_two_analysts_at_one_case_both_are_answered_and_nothing_is_lost(scene, person: Seat) -> None:
    line = scene.plays("account_takeover", 14, "account_takeover", without="support.requests")
    mei, lin = person("mei"), person("lin")
    for each in (mei, lin):
        each.opens(f"/cases/{line.case_id}")
    for each in (mei, lin):  # both have seen the same version
        each.page.get_by_role("button", name="Assign to me", exact=True).click()
    outcomes = []
    for each in (mei, lin):
        outcome = each.page.locator(".outcome.done, .outcome.refused")
        expect(outcome).to_be_visible()
        outcomes.append(outcome.inner_text())
    assert sorted("Carried out" in each for each in outcomes) == [False, True]
    assert any(re.search(r"the case is at version \d+, not \d+", each) for each in outcomes)
    winner, loser = (mei, lin) if "Carried out" in outcomes[0] else (lin, mei)
    assert newest(scene, line).assignee == winner.name
    # Whoever was too late sees what happened and goes on from there.
    loser.opens(f"/cases/{line.case_id}")
    assert fact(loser.page, "Assignee") == winner.name
    expect(winner.page.locator("#changed")).to_be_hidden()
    assert loser.does("Note") == "Carried out."
    expect(winner.page.locator("#changed")).to_be_visible()  # told that the other one did something
    kinds = [each.kind for each in newest(scene, line).evidence]
    assert kinds.count("operator_assign") == 1
    assert kinds.count("operator_note") == 1


def test_what_was_typed_stays_until_it_was_carried_out(scene, person: Seat) -> None:
    line = scene.plays("account_takeover", 15, "account_takeover")
    mei = person("mei")
    note = mei.opens(f"/cases/{line.case_id}").get_by_label("Note (shown on the timeline, personal data masked)")
    note.fill("the customer called back")
    mei.page.reload()
    expect(note).to_have_value("the customer called back")
    assert mei.does("Note") == "Carried out."
    expect(note).to_have_value("")
    note.fill("and once more")
    mei.page.reload()  # the page still says that the first one was carried out
    expect(note).to_have_value("and once more")
    mei.page.get_by_role("button", name="Sign out").click()
    mei.page.wait_for_url("**/login")
    assert mei.page.evaluate("sessionStorage.length") == 0


def test_on_a_narrow_screen_the_queue_says_what_and_whose(scene, person: Seat) -> None:
    scene.plays("account_takeover", 16, "account_takeover")
    page = person("mei", viewport={"width": 390, "height": 844}).page
    for cell in ("td .p", "td a", "td.whose"):
        box = page.locator(f".list tbody tr:first-child {cell}").first.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
