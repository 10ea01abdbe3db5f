"""Does a form say which lock, for how long, what is asked and how it ended, and is what no form offers a sentence?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from support.browsers import Answer, Browser
from support.happenings import event
from support.offices import Office
from support.stores import case, load, record

from streams.contracts.accounts import CaseAction, IncidentAction
from streams.contracts.cases import Entities
from streams.contracts.payments import RefundCredited


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    office = Office(tmp_path_factory.mktemp("office"))
    with office.at_work():
        yield office


@pytest.fixture(scope="module")
def mei(office: Office) -> Browser:
    return office.person("mei")


def acts(browser: Browser, case_id: str, action: str, **fields: Any) -> Answer:
    form = browser.form_of(case_id) | {"action": action, **fields}
    return browser.asks("POST", f"/cases/{case_id}/actions", form)


@pytest.mark.parametrize(
    ("action", "fields", "says"),
    [
        ("lock", {"lock_scope": "wallet"}, "Choose what is locked"),
        ("lock", {"lock_hours": "0"}, "from 1 hour to 30 days"),
        ("lock", {"lock_hours": "721"}, "from 1 hour to 30 days"),
        ("lock", {"lock_hours": "1.5"}, "from 1 hour to 30 days"),
        ("unlock", {"unlock_scope": "x"}, "Choose what is locked"),
        ("lock", {"lock_order": "mayor"}, "The form is not complete"),
        ("ask", {"question_en": "what is your PIN?"}, "never asked for a password"),
        ("ask", {"question_en": "see www.pay.example"}, "holds no link"),
        ("ask", {"question_en": "are you 13800138000?"}, "no card, identity or telephone number"),
        ("ask", {"question_en": "x" * 161}, "160 characters"),
        ("ask", {"question_zh": "请告知验证码", "question_en": "Which shop?"}, "never asked for a password"),
        ("ask", {"question_en": "Which shop?"}, "write the question in both"),
        ("ask", {"asks_for": "password"}, "The form is not complete"),
        ("resolve", {"finding": "confirmed_fraud"}, "The form is not complete"),
        ("resolve", {"resolution": "whatever"}, "The form is not complete"),
        ("resolve", {"resolution": "refunded"}, "Nothing shows a refund"),
        ("merge", {"other_case": ""}, "no such case"),
        ("link", {"other_case": "case_nowhere"}, "no such case"),
    ],
)
def test_what_no_form_offers_is_a_sentence_and_no_event(
    office: Office, mei: Browser, action: str, fields: dict[str, str], says: str
) -> None:
    asked = office.asks(f"calm {action} {fields}"[:60])
    before = len(office.sent)
    said = acts(mei, asked.case_id, action, **fields)
    assert (said.status, says in said.text) == (400, True), said.text[-900:]
    assert len(office.sent) == before


def test_every_choice_reaches_the_core_and_the_page(office: Office, mei: Browser) -> None:
    first, second = office.asks("chosen"), office.asks("another")
    assert acts(mei, first.case_id, "lock", lock_scope="login", lock_hours="4").status == 303
    sent = office.sent[-1]
    assert isinstance(sent, CaseAction)
    assert (sent.scope, sent.lasts_s) == ("login", 14_400)
    page = mei.asks("GET", f"/cases/{first.case_id}").text
    assert "lock login for 240 min" in page
    assert acts(mei, first.case_id, "unlock", unlock_scope="login").status == 303
    alone = acts(mei, first.case_id, "lock", lock_order="court", text="order 12/2026")
    assert "only a supervisor may freeze for an order" in mei.asks("GET", alone.location).text
    asks = {"question_zh": "是哪家店?", "question_en": "Which shop was it?", "asks_for": ["order", "time"]}
    assert acts(mei, first.case_id, "ask", **asks).status == 303
    page = mei.asks("GET", f"/cases/{first.case_id}").text
    assert "the order number, the time. Which shop was it?" in page
    assert "订单号、时间。是哪家店?" in page
    assert '<q class="quote"><small>mei</small> 是哪家店? / Which shop was it?</q>' in page
    assert acts(mei, first.case_id, "link", other_case=second.case_id).status == 303
    assert f'<a href="/cases/{second.case_id}">' in mei.asks("GET", f"/cases/{first.case_id}").text
    refused = acts(mei, first.case_id, "merge", other_case=second.case_id)
    assert "only cases of one account are merged" in mei.asks("GET", refused.location).text
    choice = {"finding": "valuable_alert", "resolution": "explained", "root_cause": "merchant"}
    assert acts(mei, first.case_id, "resolve", **choice).status == 303
    page = mei.asks("GET", f"/cases/{first.case_id}").text
    for shown in ("Valuable alert", "<dd>Explained</dd>", "<dd>Merchant</dd>"):
        assert shown in page


def test_a_case_is_opened_from_the_page_of_a_customer(office: Office, mei: Browser) -> None:
    office.asks("needs")
    page = mei.asks("GET", office.page_of("account", "needs")).text
    assert 'action="/account/cases"' in page
    form = {"csrf": mei.csrf(), "form": "1", "id": "needs", "flow": "F40", "text": "a fake shop, seen in the log"}
    for wrong, says in (({"flow": "F99"}, "Choose what the case is about"), ({"text": " "}, "Say what the customer")):
        said = mei.asks("POST", "/account/cases", form | wrong)
        assert (said.status, says in said.text) == (400, True)
    there = mei.asks("POST", "/account/cases", form).location
    opened = mei.asks("GET", there).location
    assert opened.startswith("/cases/case_")
    page = mei.asks("GET", opened).text
    assert "a fake shop, seen in the log" in page
    assert "a fake shop, seen in the log" in mei.asks("GET", office.page_of("account", "needs")).text
    assert office.person("vera").asks("POST", "/account/cases", form).status == 403


def test_an_incident_is_worked_on_its_page(office: Office, mei: Browser) -> None:
    outage = case(
        "inc_wishes",
        owner="entity",
        cause_family="outage",
        case_type="incident.channel",
        subject="gateway:g1",
        entities=Entities(entity="health/gateway:g1"),
        counters={"users": 1_204},
    )
    load(office.store, [record("support.cases", outage)])
    row = mei.asks("GET", "/queue?queue=security&whose=unassigned").text
    assert "<small>1,204 customers</small>" in row
    assert "g1" in row
    assert "gateway:g1" not in row  # said in words
    page = mei.asks("GET", "/cases/inc_wishes").text
    assert "Take it on" in page
    assert "Take it on" not in office.person("vera").asks("GET", "/cases/inc_wishes").text
    form = mei.form_of("inc_wishes")

    def does(action: str, **fields: str) -> Answer:
        return mei.asks("POST", "/cases/inc_wishes/handling", form | {"action": action, **fields})

    for action, fields, says in (
        ("note", {}, "Write the note"),
        ("root_cause", {"root_cause": "weather"}, "Choose the root cause"),
        ("statement", {"zh": "好"}, "in Chinese and in English"),
        ("statement", {"zh": "拨打13800138000", "en": "call"}, "no personal data"),
        ("freeze", {}, "The form is not complete"),
    ):
        said = does(action, **fields)
        assert (said.status, says in said.text) == (400, True)
    assert does("statement", zh="渠道故障。", en="The provider is down.").status == 303
    sent = office.sent[-1]
    assert isinstance(sent, IncidentAction)
    assert (sent.entity, sent.en, sent.known) == ("health/gateway:g1", "The provider is down.", False)
    assert sent.account_id.startswith("anonymous:")


def test_a_topic_of_public_posts_is_said_in_words_and_worked_on_its_page(office: Office, mei: Browser) -> None:
    topic = case(
        "inc_topic",
        owner="entity",
        cause_family="social_topic",
        case_type="social_escalation",
        flow="F43",
        subject="topic/fee_issue/shop-1",
        entities=Entities(entity="topic/fee_issue/shop-1", merchant_id="shop-1"),
        counters={"posts": 24, "reach": 31_000, "authors": 20},
    )
    load(office.store, [record("support.cases", topic)])
    row = mei.asks("GET", "/queue?queue=security&whose=unassigned").text
    assert "<small>24 posts</small>" in row
    page = mei.asks("GET", "/cases/inc_topic").text
    assert "Take it on" in page
    assert "shop-1" in page
    assert "fee_issue" not in page.partition("<main")[2]
    form = mei.form_of("inc_topic") | {"action": "close", "text": "answered below the posts"}
    assert mei.asks("POST", "/cases/inc_topic/handling", form).status == 303
    sent = office.sent[-1]
    assert isinstance(sent, IncidentAction)
    assert (sent.entity, sent.action) == ("topic/fee_issue/shop-1", "close")


def test_whoever_closes_an_attack_says_what_it_was(office: Office, mei: Browser) -> None:
    refunds = case(
        "inc_refunds",
        owner="entity",
        cause_family="merchant_refunds",
        case_type="refund_abuse",
        flow="F33",
        subject="merchant/shop-1",
        entities=Entities(entity="merchant/shop-1", merchant_id="shop-1"),
        counters={"refunds": 60, "accounts": 60, "without_sale": 0},
    )
    outage = case("inc_out", owner="entity", cause_family="outage", entities=Entities(entity="health/gateway:g1"))
    load(office.store, [record("support.cases", each) for each in (refunds, outage)])
    assert "Closed as" in mei.asks("GET", "/cases/inc_refunds").text
    assert "Closed as" not in mei.asks("GET", "/cases/inc_out").text

    def closes(case_id: str, finding: str, action: str = "close") -> int:
        form = mei.form_of(case_id) | {"action": action, "text": "a fashion shop, as always", "finding": finding}
        return mei.asks("POST", f"/cases/{case_id}/handling", form).status

    assert closes("inc_refunds", "outage") == 400
    assert closes("inc_out", "false_alarm") == 400
    assert closes("inc_refunds", "false_alarm", action="note") == 303
    assert isinstance(office.sent[-1], IncidentAction)
    assert office.sent[-1].finding is None, "the field is beside all buttons, and only a close says it"
    assert closes("inc_refunds", "false_alarm") == 303
    assert isinstance(office.sent[-1], IncidentAction)
    assert (office.sent[-1].action, office.sent[-1].finding) == ("close", "false_alarm")


def test_a_release_that_resets_device_ids_is_worked_on_its_page(office: Office, mei: Browser) -> None:
    release = case(
        "inc_release",
        owner="entity",
        cause_family="devices_reset",
        case_type="devices_reset",
        subject="health/release/8.0",
        entities=Entities(entity="health/release/8.0"),
    )
    load(office.store, [record("support.cases", release)])
    assert "Take it on" in mei.asks("GET", "/cases/inc_release").text
    form = mei.form_of("inc_release") | {"action": "note", "text": "the release is withdrawn"}
    assert mei.asks("POST", "/cases/inc_release/handling", form).status == 303
    sent = office.sent[-1]
    assert isinstance(sent, IncidentAction)
    assert (sent.entity, sent.action) == ("health/release/8.0", "note")


def test_a_form_sent_again_with_another_text_is_not_said_to_be_carried_out(office: Office, mei: Browser) -> None:
    asked = office.asks("twice")
    form = mei.form_of(asked.case_id) | {"action": "note"}

    def does(text: str) -> str:
        there = mei.asks("POST", f"/cases/{asked.case_id}/actions", form | {"text": text}).location
        return mei.asks("GET", there).text

    assert "Carried out" in does("the shop confirms the order")
    assert "Carried out" in does("the shop confirms the order"), "the same form is the same event"
    another = does("the shop denies the order")
    assert "Carried out" not in another
    assert "the case is at version" in another, "who reads it writes it again"
    assert len({each.event_id for each in office.sent if each.case_id == asked.case_id}) == 2
    there = mei.asks("POST", f"/cases/{asked.case_id}/actions", form | {"text": "the shop denies the order"}).location
    chinese = mei.asks("GET", there, Accept_Language="zh-Hans").text
    assert "工单已被更新，请刷新后重试<" in chinese
    assert "the case is at version" not in chinese, "neither above nor on the timeline"
    does("call 13812345678")
    does("call 13912345678")
    assert office.sent[-1].event_id == office.sent[-2].event_id, "an id says nothing of what is masked"
    assert office.sent[-1].text == "call [phone]", "nor does what is written"


def test_refunded_is_offered_where_the_store_knows_of_a_refund_and_says_why_where_not(
    office: Office, mei: Browser
) -> None:
    for name, more in (("known", {"money_state": "returned"}), ("paid", {"money_state": "moved"})):
        entities = Entities(account_id=f"one-{name}", payment_id=f"pay-{name}")
        load(office.store, [record("support.cases.snapshot", case(f"case_{name}", entities=entities, **more))])
    assert "Nothing shows a refund" not in mei.asks("GET", "/cases/case_known").text
    page = mei.asks("GET", "/cases/case_paid").text
    assert '<option value="refunded" disabled>' in page
    assert '<option value="reversed" disabled>' in page
    assert "Refunded: Nothing shows a refund" in page
    back = event(
        RefundCredited,
        office.clock.at_ms,
        77,
        account_id="one-paid",
        payment_id="pay-paid",
        refund_id="r1",
        amount_minor=5,
        currency="CNY",
    )
    load(office.store, [record("payments.transactions", back)])
    assert '<option value="refunded">' in mei.asks("GET", "/cases/case_paid").text
    assert acts(mei, "case_paid", "resolve", resolution="refunded").status == 303


def sees(browser: Browser, case_id: str, **fields: Any) -> Answer:
    """The preview of a question."""
    return browser.asks("POST", f"/cases/{case_id}/question", browser.form_of(case_id) | fields)


def form_on(page: str) -> dict[str, list[str]]:
    """What the only form that acts on a case would send."""
    form = page[page.index('/actions">') : page.rindex("</form>")]
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form):
        found.setdefault(name, []).append(unescape(value))
    return found


def test_the_whole_message_is_seen_in_both_languages_before_it_is_sent(office: Office, mei: Browser) -> None:
    asked = office.asks("previewed")
    before = len(office.sent)
    seen = sees(mei, asked.case_id, question_zh="是哪家店?", question_en='Which "shop"?', asks_for=["order", "time"])
    assert (seen.status, len(office.sent)) == (200, before)
    page = unescape(seen.text)
    zh = f"处理工单{asked.case_id}还需要您提供：订单号、时间。是哪家店? 回复本消息即可"
    en = f'To go on with case {asked.case_id} we need from you: the order number, the time. Which "shop"? Just reply'
    assert zh in page
    assert en in page
    assert mei.asks("POST", f"/cases/{asked.case_id}/actions", form_on(seen.text)).status == 303
    sent = office.sent[-1]
    assert isinstance(sent, CaseAction)
    assert (sent.zh, sent.en, sent.asks_for) == ("是哪家店?", 'Which "shop"?', ("order", "time"))
    told = unescape(mei.asks("GET", f"/cases/{asked.case_id}").text)
    assert zh in told
    assert en in told


@pytest.mark.parametrize(
    ("fields", "says"),
    [({"question_en": "what is your PIN?"}, "never asked for a password"), ({"question_en": "Which?"}, "in both")],
)
def test_what_may_not_be_asked_has_no_preview(office: Office, mei: Browser, fields: dict[str, str], says: str) -> None:
    seen = sees(mei, office.asks("unseen").case_id, **fields)
    assert seen.status == 400
    assert says in seen.text


@pytest.mark.parametrize(
    ("language", "named"), [("zh-Hans", "Chinese"), ("en", "English"), ("fr", "fr"), (None, "unknown")]
)
def test_the_form_of_a_question_says_which_language_its_customer_reads(
    office: Office, mei: Browser, language: str | None, named: str
) -> None:
    case_id = f"case_reads_{language}"
    load(office.store, [record("support.cases.snapshot", case(case_id, language=language))])
    page = unescape(mei.asks("GET", f"/cases/{case_id}").text)
    assert f"The customer's language: <b>{named}</b>" in page
