"""Is somebody who calls found by what they can say, and does what they want go through the stream into a case?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from support.browsers import Answer, Browser
from support.happenings import SECOND, event
from support.offices import Office
from support.stores import START_MS, case, load, record

from streams.adapters.case_store import trail
from streams.console.actions import Refused, opening_of
from streams.console.contacts import SCRIPT
from streams.contracts.accounts import AccountProfile, ContactTaken
from streams.contracts.base import from_ms
from streams.contracts.cases import Entities, Evidence
from streams.contracts.payments import PaymentFailed

SNAPSHOT, PROFILES = "support.cases.snapshot", "account.profiles"
PERSON = "customer-70021"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    entities = Entities(account_id=PERSON, payment_id="pay-77", order_id="order-88120")
    known = case(
        "case_o", entities=entities, amount_minor=4_250, currency="CNY", flow="F12", case_type="duplicate_charge"
    )
    profile = event(
        AccountProfile, office.clock.at_ms, 1, account_id="customer-2", contact_channels=("tel.ref-5", "13800138000")
    )
    office.store.write([record(SNAPSHOT, known), record(PROFILES, profile)], {})
    with office.at_work():
        yield office


def found(browser: Browser, query: str) -> list[str]:
    """The cases and accounts that a contact can be taken about."""
    text = browser.asks("GET", f"/contacts?{query}").text
    return sorted(set(re.findall(r"/contacts/new\?account=([^&]*)&amp;case=([^&]*)&", text)))


def posts(browser: Browser, **fields: Any) -> Answer:
    given = {"account": PERSON, "channel": "phone", "disposition": "follow_up", "form": "1", "csrf": browser.csrf()}
    return browser.asks("POST", "/contacts", given | fields)


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("order=order-88120", True),
        ("order=pay-77", True),
        ("order=order-1", False),
        ("amount=42.50&currency=CNY", True),
        ("amount=42,50&currency=CNY", True),  # as half of Europe writes it
        ("amount=42.50&currency=USD", False),
        ("amount=42.51&currency=CNY", False),
        ("at=2026-03-04T15:00", True),
        ("at=2026-03-04T23:00", False),
        ("at=2026-03-04T15:00&amount=42.50&currency=CNY&order=order-88120", True),
        ("at=2026-03-04T15:00&amount=1&currency=CNY", False),
        (f"account={PERSON}", True),
    ],
)
def test_a_case_is_found_by_what_somebody_can_say(office: Office, query: str, is_found: bool) -> None:
    cases = [case_id for _, case_id in found(office.person("mei"), query) if case_id]
    assert cases == (["case_o"] if is_found else [])


def test_an_account_is_found_by_the_reference_of_its_telephone_and_by_no_number(office: Office) -> None:
    mei = office.person("mei")
    assert found(mei, "phone=tel.ref-5") == [(office.named("account", "customer-2"), "")]
    assert found(mei, "phone=tel.ref-6") == []
    said = mei.asks("GET", "/contacts?phone=13800138000")
    assert (said.status, "Type a reference" in said.text, "13800138000" in said.text) == (400, True, False)
    later = office.clock.at_ms + SECOND
    without = event(AccountProfile, later, 2, account_id="customer-2")
    office.store.write([record(PROFILES, without)], {})
    assert found(mei, "phone=tel.ref-5") == []
    with office.store.reading() as connection:
        details = [row.detail for row in trail.rows(connection) if row.kind == "contact_search"]
    assert details == ["phone", "phone", "phone", "phone"], "which fields, and never what stood in them"


@pytest.mark.parametrize("field", ["order", "phone", "account", "amount"])
def test_no_number_of_anybody_is_looked_for_or_shown_again(office: Office, field: str) -> None:
    said = office.person("mei").asks("GET", f"/contacts?{urlencode({field: 'call 160-6220-3843、'})}")
    assert (said.status, "6220-3843" in said.text) == (400, False)


def test_the_form_knows_what_the_case_knows_and_goes_back_to_it(office: Office) -> None:
    mei = office.person("mei")
    opened = office.asks(PERSON)
    page = mei.asks("GET", "/contacts/new?case=case_o").text
    for value in (
        'name="order" maxlength="128" autocomplete="off" value="order-88120"',
        'value="42.50"',
        'value="pay-77"',
    ):
        assert value in page
    assert '<option value="F12" selected>' in page
    sent = posts(mei, case=opened.case_id, text="and now the card is gone", **{"check:app_code": "right"})
    page_of = mei.asks("GET", sent.location)
    assert page_of.location == f"/cases/{opened.case_id}?sent={office.sent[-1].event_id}"
    assert "Carried out" in mei.asks("GET", page_of.location).text
    (line,) = [each for each in office.case(opened.case_id).evidence if each.kind == "contact.taken"]
    assert line.text == "phone; analyst mei: follow_up; identity NOT PROVED (app_code right)"


def test_a_new_matter_opens_a_case_and_the_same_form_twice_opens_one(office: Office) -> None:
    mei = office.person("mei")
    checks = {"check:app_code": "right", "check:callback": "right", "check:approved_in_app": "not_asked"}
    first = posts(mei, flow="F14", amount="100", currency="JPY", order="o-1", **checks)
    again = posts(mei, flow="F14", amount="100", currency="JPY", order="o-1", **checks)
    assert first.location == again.location
    taken = office.sent[-1]
    assert isinstance(taken, ContactTaken)
    assert (taken.amount_minor, taken.currency, taken.order_id, taken.flow) == (100, "JPY", "o-1", "F14")
    assert [(each.question, each.result) for each in taken.checks] == [("app_code", "right"), ("callback", "right")]
    case_id = mei.asks("GET", first.location).location.partition("?")[0].rpartition("/")[2]
    made = office.case(case_id)
    assert (made.case_type, made.amount_minor, made.currency) == ("withdrawal_delay", 100, "JPY")
    assert [each.kind for each in made.evidence].count("contact.taken") == 1
    with office.store.reading() as connection:
        rows = [row for row in trail.rows(connection) if row.kind == "contact"]
    assert all(PERSON not in repr(row) for row in rows)
    assert rows[0].detail == f"follow_up {taken.event_id}"


def test_nobody_reads_a_code_out_to_us_or_is_asked_what_a_thief_knows() -> None:
    # OWASP ASVS 5.0, 6.4.2; every message to customers says that we never ask for a code.
    assert set(SCRIPT) == {"app_code", "callback", "approved_in_app"}
    for said in SCRIPT.values():
        assert re.search("请客户.*读出|客户能说出|代码|密码|最近一次", said["zh"]) is None
        assert re.search(r"password|customer (knows|says|tells|reads)|\bthe last\b", said["en"]) is None
    assert "切勿让客户读出" in SCRIPT["app_code"]["zh"]
    assert "Never let the customer read one out" in SCRIPT["app_code"]["en"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "Say what the customer wants"),
        ({"account": "", "flow": "F12"}, "not complete"),
        ({"account": "13800138000", "flow": "F12"}, "Type a reference"),
        ({"flow": "F12", "order": "4111111111111111"}, "Type a reference"),
        ({"flow": "F12", "amount": "1.234", "currency": "CNY"}, "no amount"),
        ({"flow": "F12", "amount": "1,23,4", "currency": "CNY"}, "no amount"),
        ({"flow": "F12", "amount": "NaN", "currency": "CNY"}, "no amount"),
        ({"flow": "F12", "amount": "1e999999", "currency": "CNY"}, "no amount"),
        ({"flow": "F12", "amount": "5", "currency": "ZZZ"}, "no amount"),
        ({"flow": "F12", "channel": "pigeon"}, "not complete"),
        ({"flow": "the blue one", "text": "hello"}, "not complete"),
        ({"flow": "F30", "text": "hello"}, "not complete"),  # which events raise, and no customer
        ({"case": "case_nobody_has", "text": "hello"}, "not complete"),
        ({"case": "case_o", "account": "customer-2", "text": "hello"}, "not complete"),
        ({"flow": "F12", "disposition": "lost"}, "not complete"),
        ({"flow": "F12", "check:app_code": "123456"}, "not complete"),
        ({"flow": "F12", "at": "yesterday"}, "This is no time"),
        ({"flow": "F12", "at": "2199-01-01T00:00"}, "later than now"),
        ({"flow": "F12", "payee": "13800138000"}, "Type a reference"),
        ({"flow": "F12", "device": "a@b.example"}, "Type a reference"),
        ({"flow": "F12", "merchant": "4111111111111111"}, "Type a reference"),
    ],
)
def test_what_is_no_contact_is_a_sentence_and_no_event(office: Office, fields: dict[str, str], says: str) -> None:
    said = posts(office.person("mei"), **fields)
    assert (said.status, says in said.text) == (400, True), said.text
    assert office.sent == []


def test_a_contact_is_found_in_its_case_although_later_lines_have_pushed_it_out(office: Office) -> None:
    def told(event_id: str) -> Evidence:
        return Evidence(at=from_ms(START_MS), kind="contact.taken", event_id=event_id, text="phone")

    entities = Entities(account_id="busy-1")
    before = case("case_b", entities=entities, evidence=(told("opr_1"),))
    after = case("case_b", 2, entities=entities, evidence=(told("opr_2"),), evidence_dropped=1)
    load(office.store, [record(topic, each) for topic in ("support.cases", SNAPSHOT) for each in (before, after)])
    mei = office.person("mei")
    sent = mei.asks("GET", f"/contacts/opr_1?account={office.named('account', 'busy-1')}")
    assert (sent.status, sent.location) == (303, "/cases/case_b?sent=opr_1")
    assert "Carried out" in mei.asks("GET", sent.location).text


def test_a_refusal_of_the_core_is_shown(office: Office) -> None:
    mei = office.person("mei")
    sent = posts(mei, case="case_o", text="hello")  # the core has never made this case
    assert "this account remembers no such case" in mei.asks("GET", sent.location).text
    assert from_ms(office.clock.at_ms)


def test_a_viewer_finds_and_takes_nothing(office: Office) -> None:
    vera = office.person("vera")
    page = vera.asks("GET", "/contacts?order=order-88120").text
    assert "/contacts/new" not in page
    assert "Your role may not do this" in page
    assert vera.asks("GET", f"/contacts/new?account={PERSON}").status == 403
    assert posts(vera, flow="F12").status == 403
    assert office.sent == []


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("order=order-5", True),
        ("order=pay-5", True),
        ("amount=17.05&currency=CNY", True),
        ("amount=17.05&currency=CNY&at=2026-03-04T15:00", True),
        ("amount=17.05&currency=CNY&at=2026-03-04T23:00", False),
        ("phone=tel.ref-5", True),
        ("account=customer-2", True),
        ("at=2026-03-04T15:00", False),
    ],
)
def test_a_payment_without_a_case_is_found_and_fills_in_the_form(office: Office, query: str, is_found: bool) -> None:
    payment = PaymentFailed(
        event_id="e5",
        source="psp",
        occurred_at=from_ms(START_MS),
        account_id="customer-2",
        payment_id="pay-5",
        order_id="order-5",
        amount_minor=1_705,
        currency="CNY",
    )
    office.store.write([record("payments.transactions", payment)], {})
    mei = office.person("mei")
    text = mei.asks("GET", f"/contacts?{query}").text
    (link,) = re.findall(r"/contacts/new[?]([^\"]*pay-5[^\"]*)", text) or [""]
    assert bool(link) is is_found
    if link:
        form = mei.asks("GET", f"/contacts/new?{unescape(link)}").text
        wanted = ("pay-5", "order-5", "17.05", office.named("account", "customer-2"))
        assert all(f'value="{each}"' in form for each in wanted)


def test_the_form_knows_the_payment_of_the_case_and_sends_what_it_shows_shortened(office: Office) -> None:
    payment = PaymentFailed(
        event_id="e7",
        source="psp",
        occurred_at=from_ms(START_MS),
        account_id=PERSON,
        payment_id="pay-77",
        amount_minor=4_250,
        currency="CNY",
        merchant_id="shop-3",
        counterparty_id="payee-990017",
        device_id="device-990018",
    )
    office.store.write([record("payments.transactions", payment)], {})
    mei = office.person("mei")
    page = mei.asks("GET", "/contacts/new?case=case_o").text
    assert 'name="at" value="2026-03-04T15:00"' in page
    assert 'name="merchant" maxlength="128" autocomplete="off" value="shop-3"' in page
    assert "payee-990017" not in page
    assert "device-990018" not in page
    assert 'Type it only if it is not <span class="mono">pa…017</span>' in page
    known = dict(re.findall(r'name="((?:payee|device):known)" value="([^"]*)"', page))
    assert known == {
        "payee:known": office.named("payee", "payee-990017"),
        "device:known": office.named("device", "device-990018"),
    }
    posts(mei, flow="F41", at="2026-03-04T15:00", merchant="shop-3", device="another-phone", **known)
    taken = office.sent[-1]
    assert isinstance(taken, ContactTaken)
    assert taken.happened_at == from_ms(START_MS)
    assert (taken.merchant_id, taken.counterparty_id, taken.device_id) == ("shop-3", "payee-990017", "another-phone")
    sent = mei.asks("GET", f"/contacts/{taken.event_id}?account={office.named('account', PERSON)}")
    case_page = mei.asks("GET", sent.location).text
    assert office.page_of("payee", "payee-990017") in unescape(case_page)
    assert "payee-990017" not in case_page
    assert "who was paid <small>(the case knows it)</small>" in case_page
    assert "screenshot <small>" not in case_page


def test_an_account_that_nothing_is_known_of_is_said_on_the_form(office: Office) -> None:
    mei = office.person("mei")
    assert "Nothing is on record of this account" in mei.asks("GET", "/contacts/new?account=custommer-70021").text
    assert "Nothing is on record" not in mei.asks("GET", f"/contacts/new?account={PERSON}").text


@pytest.mark.parametrize("payment", ["4111111111111111", "13800138000", "ann@mail.example", "pwd: hunter22"])
def test_a_case_that_is_opened_by_hand_names_no_number_of_anybody_as_its_payment(payment: str) -> None:
    about = {"flow": "F40", "text": "a fake shop", "actor": "mei", "role": "analyst", "at_ms": 0, "form": "1"}
    with pytest.raises(Refused, match=r"refused\.personal"):
        opening_of("ada", payment_id=payment, **about)
    assert opening_of("ada", payment_id="p-20260401-7", **about).payment_id == "p-20260401-7"
