"""Does a page tell the whole story, once, beside what is usual, and without the ids of people?"""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.browsers import Answer, Browser
from support.passwords import HASH, PASSWORD
from support.services import AT, CASES, PERSON, Service, activity, page_of
from support.stores import START_MS, case, load, record

from streams.adapters.case_store import activity as activity_of
from streams.adapters.case_store import linked, people, trail
from streams.adapters.case_store.people import User
from streams.adapters.case_store.queries import Answer as Refusal
from streams.adapters.case_store.rows import Record
from streams.adapters.case_store.trail import account_subject, entity_subject
from streams.console.desk import PAGE
from streams.console.masking import masked_in
from streams.console.references import References
from streams.console.routes.merchants import report_of
from streams.console.timeline import LANES, Moment, habit, judged, lane_of, timeline, whole
from streams.console.wording import load_texts
from streams.contracts.actions import Lock, LocksState
from streams.contracts.base import from_ms
from streams.contracts.cases import CaseVersion, Entities, Evidence, NotificationRequested
from streams.contracts.decisions import DecisionAmended, DecisionMade
from streams.contracts.payments import PaymentRequested
from streams.contracts.registry import tag_of
from streams.contracts.topics import TOPICS
from streams.core.entities.threat import exposed_text

IP, DEVICE, PAYEE, CARD = "203.0.113.7", "dev-123456", "payee-9000-x", "card-token-77"
PEOPLE = (PERSON, IP, DEVICE, PAYEE, CARD)


@pytest.fixture
def analyst(service: Service) -> Browser:
    with service.store.writing() as connection:
        people.put_user(connection, User("ann", "analyst", HASH, 0))
    browser = Browser(service.port)
    browser.signs_in("ann", PASSWORD)
    return browser


def shown(answer: Answer) -> str:
    """The whole page: addresses of links and hidden fields tell no more than what somebody reads."""
    assert answer.status == 200
    return answer.text


def acts(service: Service) -> tuple[linked.Act, ...]:
    with service.store.reading() as connection:
        return linked.of_account(connection, PERSON, 100)


def test_one_timeline_holds_everything_once_and_in_order(service: Service) -> None:
    entities = Entities(account_id=PERSON, payment_id="pay_1")
    lines = (
        Evidence(at=from_ms(START_MS + 1_000), kind="payment.succeeded", event_id="act_2", text="paid from afar"),
        Evidence(at=from_ms(START_MS + 3_000), kind="operator_assign", event_id="opr_1", text="analyst mei: assign"),
    )
    first = case("case_z", 1, entities=entities, evidence=lines)
    second = case("case_z", 2, entities=entities, evidence=lines, changed=("status", "evidence"), status="assigned")
    counted = case("case_z", 3, entities=entities, evidence=lines, changed=("counters",))
    notice = NotificationRequested(
        occurred_at=from_ms(START_MS + 2_500),
        notification_id="ntf",
        account_id=PERSON,
        template="held",
        zh="您好",
        en="Hello",
        not_after=from_ms(START_MS),
    )
    refused = Refusal("opr_2", PERSON, "case_z", START_MS + 4_000, "unlock", "no_lock", "the account has no lock")
    found = timeline(
        (counted,), acts=acts(service), versions=(first, second, counted), notices=(notice,), answers=(refused,)
    )
    assert [(each.kind, each.lane) for each in found] == [
        ("login.succeeded", "login"),
        ("payment.succeeded", "payment"),
        ("decision.made", "decision"),
        ("payment.failed", "payment"),
        ("message.sent", "message"),
        ("operator_assign", "person"),
        ("operator.refused", "person"),
        ("case.version", "case"),
        ("case.version", "case"),
    ]
    paid = found[1]
    assert (paid.text, paid.case_id, paid.act and paid.act.ip) == ("paid from afar", "case_z", IP)
    assert [each.changed for each in found[-2:]] == [("opened",), ("status",)]
    again = timeline(
        (counted,), acts=acts(service)[::-1], versions=(counted, second, first), notices=(notice,), answers=(refused,)
    )
    assert again == found


def at_second(second: int) -> Any:
    return from_ms(START_MS + 1_000 * second)


def test_lines_that_a_case_has_no_room_for_come_from_its_older_versions(service: Service, analyst: Browser) -> None:
    entities = Entities(account_id=PERSON)
    opened = Evidence(at=at_second(1), kind="payment.failed", event_id="act_9", text="declined")
    released = Evidence(at=at_second(2), kind="operator_release", event_id="opr_9", text="analyst mei: release")
    ticked = Evidence(at=at_second(3), kind="clock.next_update", event_id="timer/1", text="next update: missed")
    noted = Evidence(at=at_second(4), kind="operator_note", event_id="opr_8", text="analyst mei: note")
    first = case("case_l", 1, entities=entities, evidence=(opened, released, ticked))
    second = case("case_l", 2, entities=entities, evidence=(opened, noted), evidence_dropped=3)
    load(service.store, [record("support.cases", each) for each in (first, second)])
    story = whole(second, (first, second))
    assert [line.kind for line in story.evidence] == ["payment.failed", "operator_release", "operator_note"]
    assert story.evidence_dropped == 1  # in none of the versions
    text = shown(analyst.asks("GET", "/cases/case_l"))
    assert "1 older lines are not kept" in text
    assert text.count("Person") >= 2


def test_versions_stand_in_their_order_also_where_the_event_of_one_is_older() -> None:
    versions = (
        case("case_v", 5, occurred_at=at_second(9), changed=("status",)),
        case("case_v", 6, occurred_at=at_second(4), changed=("timeline: acknowledged",)),
        case("case_v", 7, occurred_at=at_second(9), changed=("finding confirmed_fraud",)),
    )
    assert [each.version for each in timeline(versions=versions)] == [5, 6, 7]


def test_of_one_instant_a_cause_stands_before_what_followed_from_it() -> None:
    lines = tuple(
        Evidence(at=at_second(1), kind=kind, event_id=f"{place}", text="")
        for place, kind in enumerate(
            ("action.requested", "decision.made", "payment.succeeded", "user.report", "payment.requested")
        )
    )
    sent = NotificationRequested(
        occurred_at=at_second(1),
        notification_id="0",
        account_id=PERSON,
        template="account_takeover",
        zh="您好",
        en="Hello",
        not_after=at_second(9),
    )
    story = case("case_o", 1, entities=Entities(account_id=PERSON), evidence=lines)
    assert [each.kind for each in timeline((story,), notices=(sent,))] == [
        "payment.requested",
        "payment.succeeded",
        "user.report",
        "decision.made",
        "action.requested",
        "message.sent",
    ]


def test_every_kind_of_event_has_a_lane_and_words() -> None:
    words = load_texts("words.toml")
    for name in ("payments.transactions", "auth.logins", "fraud.decisions", "account.actions"):
        for kind in map(tag_of, TOPICS[name].types):
            kind = kind.rpartition(".")[0]
            if kind not in ("stream.watermark", "decision.shadowed"):
                assert lane_of(kind) in ("payment", "login", "decision", "lock"), kind
                assert f"kind.{kind}" in words, kind
    assert {f"area.{lane}" for lane in LANES} <= words.keys()
    assert Moment(at_ms=0, lane=lane_of("clock.next_update"), kind="x").lane == "case"


def test_what_has_left_a_stolen_account_is_told_beside_its_first_payment(service: Service, analyst: Browser) -> None:
    def line(kind: str, text: str, amount_minor: int, currency: str = "EUR") -> Evidence:
        at = from_ms(START_MS)
        return Evidence(
            at=at, kind=kind, event_id=f"{kind}{amount_minor}", text=text, amount_minor=amount_minor, currency=currency
        )

    story = (
        line("payment.requested", "step_up: new-payee/03; score 0.91", 85_374),
        line("payment.succeeded", "allow", 85_374),
        line("transfer.succeeded", "allow", 100_000),
        line("withdrawal.requested", "hold", 7_000, "CNY"),
        line("payment.requested", "block: takeover/03", 999_900),
        line("refund.sent", "sent", 12_300),
    )
    counters = {"suspect_payments": 4, "expected_loss_usd_minor": 284_394}
    stolen = case("case_t", amount_minor=85_374, currency="EUR", counters=counters, evidence=story)
    load(service.store, [record("support.cases.snapshot", stolen)])
    facts = re.sub(r"<[^>]+>", " ", analyst.asks("GET", "/cases/case_t").text)
    assert re.search(r"First suspect payment\s+EUR 853.74", facts)
    assert re.search(r"Suspect payments that were not blocked\s+EUR 1,853.74, CNY 70.00", facts)
    assert re.search(r"Expected loss \(of all currencies in USD, with fees\)\s+USD 2,843.94", facts)


def test_reasons_come_ranked_beside_what_is_usual(service: Service, analyst: Browser) -> None:
    text = analyst.asks("GET", "/cases/case_a").text
    table = text[text.index('<table class="reasons') :]
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", table[: table.index("</table>")])
    assert cells[:5] == ["1", "R01 Amount far above the customer&#39;s habit", "90,000", "4,500", "raises"]
    assert cells[5] == "2"
    assert cells[7:9] == ["–", "–"]
    mine, other = acts(service), case("case_q", entities=Entities(account_id=PERSON, payment_id="pay_77"))
    assert judged(mine, other) == ()  # a decision about another payment is no reason of this case
    assert [each.outcome for each in judged(mine)] == ["hold"]


def test_what_is_usual_is_what_succeeded_and_what_decisions_said(service: Service) -> None:
    held = acts(service)
    found = habit(tuple(each for each in held if each.kind != "decision.made"))
    assert found.amounts == (("CNY", 90_000, 90_000),)
    assert (found.payments, found.countries, sum(found.hours)) == (1, (("CN", 1),), 2)
    assert [(each.code, each.usual, of) for each, of in habit(held).reasons] == [("R01", 4_500.0, "")]
    assert habit(()).payments == 0


def test_what_a_thief_may_have_done_is_not_usual(service: Service) -> None:
    def decided(event_id: str, subject_id: str, outcome: str, kind: str = "decision.made") -> linked.Act:
        about = activity_of.Detail(event_id=None if kind == "decision.amended" else event_id)
        named = "dec_x:released" if kind == "decision.amended" else "dec_x"
        return msgspec.structs.replace(
            login, event_id=named, kind=kind, label=outcome, subject_id=subject_id, country=None, detail=about
        )

    paid, login = (
        next(each for each in acts(service) if each.kind == kind) for kind in ("payment.succeeded", "login.succeeded")
    )

    def usual(*decisions: linked.Act, cases: Any = ()) -> tuple[int, int]:
        found = habit((*decisions, paid, login), cases)
        return found.payments, len(found.countries)

    assert usual(decided("tried", "pay_1", "step_up")) == (1, 1)
    assert usual(decided("tried", "pay_1", "hold")) == usual(decided("tried", "pay_1", "block")) == (0, 1)
    released = decided("", "pay_1", "allow", "decision.amended")
    assert usual(released, decided("tried", "pay_1", "hold")) == (1, 1)
    assert usual(decided("act_1", "act_1", "notify")) == (1, 1)
    assert usual(decided("act_1", "act_1", "step_up")) == (1, 0)
    line = Evidence(at=AT, kind="login", event_id="act_1", text="from afar")
    stolen = case(entities=Entities(account_id=PERSON, payment_id="pay_1"), evidence=(line,))
    assert usual(cases=[stolen]) == (1, 1)
    assert usual(cases=[msgspec.structs.replace(stolen, finding="confirmed_fraud")]) == (0, 0)


def test_an_incident_says_how_many_cases_it_has_and_shows_all_of_them(service: Service, analyst: Browser) -> None:
    found = case("inc_9", owner="entity", case_type="incident", entities=Entities(entity="gateway/g1"))
    many = [case(f"case_{n:03}", incident_id="inc_9", entities=Entities(account_id=f"acc-{n}")) for n in range(201)]
    load(service.store, [record("support.cases", each) for each in (found, *many)])
    first = analyst.asks("GET", "/cases/inc_9").text
    assert "1–200 / 201" in first
    assert "/cases/case_199" in first
    assert "/cases/case_200" not in first
    assert 'href="/cases/inc_9?page=2#cases"' in first
    second = analyst.asks("GET", "/cases/inc_9?page=2").text
    assert "201–201 / 201" in second
    assert "/cases/case_200" in second
    assert 'href="/cases/inc_9?page=1#cases"' in second
    assert analyst.asks("GET", f"/cases/inc_9?page={10**30}").status == 200


NAMED = (("account", PERSON), ("ip", IP), ("device", DEVICE), ("card", CARD), ("payee", PAYEE))


def test_nobody_is_named_whole_on_any_page_or_in_any_address(service: Service, analyst: Browser) -> None:
    pages = [page_of(service.app, *each) for each in NAMED]
    for address in (*pages, "/cases/case_a", "/cases/inc_1", "/entity?kind=merchant&value=mer_1", "/merchant?id=mer_1"):
        text = address + shown(analyst.asks("GET", address))
        assert {each for each in PEOPLE if each in text} == set(), address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"from {IP}, not device {DEVICE}0", f"from 20…3.7, not device {DEVICE}0"),
        (f"来自{IP}的付款", "来自20…3.7的付款"),
        ("2001:db8::7 at 12:30:45 and 2026-03-04T15:00:00Z", "20…::7 at 12:30:45 and 2026-03-04T15:00:00Z"),
        ("right password for customer-1", "right password for cu…r-1"),
        ("right password for shop-7-00015", "right password for sh…015"),
        ("step_up, from 198.18.163.102", "step_up, from 19…102"),  # eleven digits, as a telephone
        ("password changed from 198.18.163.69", "password changed from 19….69"),  # ours, and no password
        ("密码已更改，来自 2001:db8::7", "密码已更改，来自 20…::7"),
        ("password 882211 from 198.18.163.69", "password [code] from 19….69"),
        ("the code is 4711 \ue000", "the code is [code] "),
        ("李雷付款给ada, not Canada", "…付款给…, not Canada"),
        ("call 138 0013 8000", "call [phone]"),
        ("您好，退款 12.50 元（原路退回）。", "您好，退款 12.50 元（原路退回）。"),
    ],
)
def test_texts_tell_nobody(text: str, expected: str) -> None:
    assert masked_in(text, ("李雷", "ada", DEVICE)) == expected


def test_who_was_exposed_by_an_attack_is_a_link_away(service: Service, analyst: Browser) -> None:
    named = ("spray-7-00015", "spray-7-00016")
    lines = tuple(Evidence(at=AT, kind="account_exposed", event_id=each, text=exposed_text(each)) for each in named)
    attack = case("inc_2", 9, owner="entity", entities=Entities(entity=f"ip/{IP}"), subject=f"ip/{IP}", evidence=lines)
    load(service.store, [record(CASES, attack)])
    page = analyst.asks("GET", "/cases/inc_2").text
    for each in named:
        assert f'href="{page_of(service.app, "account", each)}"' in page
        assert each not in page


def test_pages_lead_to_each_other(service: Service, analyst: Browser) -> None:
    def leads(address: str) -> set[str]:
        return {
            each.replace("&amp;", "&") for each in re.findall(r'href="(/[^"]*)"', analyst.asks("GET", address).text)
        }

    page = {kind: page_of(service.app, kind, value) for kind, value in NAMED}
    assert {page["account"], page["ip"], page["device"]} <= leads("/cases/case_a")
    assert {page["account"], "/cases/inc_1", "/cases/case_a"} <= leads(page["ip"])
    assert {"/cases/case_a", "/entity?kind=merchant&value=mer_1", page["payee"]} <= leads(page["account"])
    assert "/merchant?id=mer_1" in leads("/entity?kind=merchant&value=mer_1")
    assert "/entity?kind=merchant&value=mer_1" in leads("/merchant?id=mer_1")
    assert page["ip"] in leads("/cases/inc_1")


def test_a_whole_id_that_somebody_types_does_not_stay_in_the_address(service: Service, analyst: Browser) -> None:
    for typed, kind, value in (
        (f"/account?id={PERSON}", "account", PERSON),
        (f"/entity?kind=ip&value={IP}", "ip", IP),
    ):
        assert analyst.asks("GET", typed).location == page_of(service.app, kind, value)


def test_a_reference_is_the_same_for_ever_and_says_nothing() -> None:
    ours, theirs = References(b"a secret of the deployment"), References(b"another secret")
    made = ours.of("account", PERSON)
    assert made == References(b"a secret of the deployment").of("account", PERSON)
    assert ours.opened("account", made) == PERSON
    assert len({made, ours.of("device", PERSON), theirs.of("account", PERSON), ours.of("account", PERSON[:-1])}) == 4
    assert len(made) == len(ours.of("account", "李雷")), "nor how long the id is"
    assert [each.opened(kind, made) for each, kind in ((theirs, "account"), (ours, "device"))] == [None, None]
    for wrong in ("", "~", made[1:], made[:-2], made + "A", "~é", "~" * 2_000, PERSON):
        assert ours.opened("account", wrong) is None


@given(st.text(min_size=1, max_size=128).filter(lambda each: not each.endswith("\0")))
def test_what_was_sealed_is_read_again(value: str) -> None:
    references = References(b"x")
    assert references.opened("payee", references.of("payee", value)) == value


def test_a_block_shows_how_long_it_stands(service: Service, analyst: Browser) -> None:
    page = page_of(service.app, "ip", IP)
    assert "3 h left" in shown(analyst.asks("GET", page))
    assert "Entity blocked" in shown(analyst.asks("GET", page))
    service.clock.at_ms += 20 * 60_000 * 10
    analyst.signs_in("ann", PASSWORD)
    assert "over since" in shown(analyst.asks("GET", page))


def test_whole_ids_are_shown_for_a_reason_that_is_recorded(service: Service, analyst: Browser) -> None:
    for path, fields, subject, wanted in (
        ("/entity/reveal", {"kind": "ip", "value": IP}, entity_subject("ip", IP), {IP, PERSON}),
        ("/account/reveal", {"id": PERSON}, account_subject(PERSON), {PERSON, IP, DEVICE, CARD, PAYEE}),
    ):
        form = {**fields, "csrf": analyst.csrf()}
        assert analyst.asks("POST", path, {**form, "reason": "no"}).status == 400
        said = analyst.asks("POST", path, {**form, "reason": "the customer is on the phone"})
        assert {each for each in wanted if each in shown(said)} == wanted
        with service.store.reading() as connection:
            *_, row = trail.rows(connection)
        assert (row.kind, row.actor, row.subject, row.outcome) == ("reveal", "ann", subject, 200)
        assert row.detail == "the customer is on the phone"
        raw = repr([each for each in PEOPLE if each in repr(row)])
        assert raw == "[]"


@pytest.mark.parametrize(
    "address",
    [
        "/entity?kind=nonsense&value=x",
        "/entity?kind=ip&value=",
        "/entity",
        "/merchant?id=nobody",
        "/merchant",
        "/account?id=nobody",
    ],
)
def test_what_nobody_knows_is_said_so(analyst: Browser, address: str) -> None:
    said = analyst.asks("GET", address)
    if said.status == 303:
        said = analyst.asks("GET", said.location)
    assert said.status == 404


def test_a_merchants_report_counts_its_period(service: Service, analyst: Browser) -> None:
    text = shown(analyst.asks("GET", "/merchant?id=mer_1&days=1"))
    assert "50.0 %" in text
    assert "iso8583_1987 51" in text
    assert analyst.asks("GET", "/merchant?id=mer_1&days=999").status == 200
    days = [linked.DayOfMerchant(*each) for each in found_days()]
    report = report_of(days, 10, 12)
    assert [(each.paid, each.failed, each.refunded) for each in report.days] == [(3, 0, 0), (0, 0, 0), (1, 4, 2)]
    assert (report.total.failure_share, report.money) == (0.5, (("CNY", 400, 80, 20),))


def test_refunds_that_were_sent_are_in_the_merchants_report_and_count_once(service: Service, analyst: Browser) -> None:
    sent = [(11, "refund.sent", "", "CNY", 5, 50), (12, "refund.sent", "", "CNY", 1, 10)]
    report = report_of([linked.DayOfMerchant(*each) for each in (*found_days(), *sent)], 10, 12)
    assert [each.refunded for each in report.days] == [0, 5, 2]
    assert (report.total.refunds_sent, report.total.refunds_credited, report.total.refunded) == (6, 2, 6)
    assert report.money == (("CNY", 400, 80, 60),)
    text = shown(analyst.asks("GET", "/merchant?id=mer_1&days=1"))
    assert "Refunds sent" in text


def found_days() -> list[tuple[Any, ...]]:
    return [
        (9, "payment.succeeded", "", "CNY", 7, 700),  # before the period
        (10, "payment.succeeded", "", "CNY", 3, 300),
        (12, "payment.succeeded", "", "CNY", 1, 100),
        (12, "payment.failed", "iso 51", "CNY", 4, 80),
        (12, "refund.credited", "", "CNY", 2, 20),
        (12, "login.succeeded", "", None, 5, 0),
    ]


def test_a_customer_without_cases_has_a_page(service: Service, analyst: Browser) -> None:
    load(service.store, activity("eve-of-nowhere"))
    text = shown(analyst.asks("GET", page_of(service.app, "account", "eve-of-nowhere")))
    assert "Payment failed" in text
    assert "eve-of-nowhere" not in text


def test_pages_say_that_the_store_is_being_filled(service: Service, analyst: Browser) -> None:
    changes = service.app.state.desk.changes
    assert "being filled" not in analyst.asks("GET", "/queue").text
    changes.fills(12_345)
    for page in ("/queue", "/cases/case_a"):
        assert "being filled: pages show only a part. Records not read yet (12,345)" in analyst.asks("GET", page).text
    changes.fills(0)
    assert "being filled" not in analyst.asks("GET", "/queue").text


def worked_on(case_id: str) -> CaseVersion:
    line = Evidence(at=AT, kind="operator_note", event_id="opr_9", text="analyst mei: note")
    return case(case_id, 2, evidence=(line,))


def ends_before(answer: Answer) -> list[str]:
    """Cases of a list that come behind the line where the day's capacity ends."""
    text = shown(answer)
    return re.findall(r"/cases/(\w+)\"", text[text.index('class="ends"') :]) if 'class="ends"' in text else []


def test_the_queue_shows_where_the_capacity_of_the_day_ends(service: Service, analyst: Browser) -> None:
    service.app.state.desk.capacity = 3
    load(service.store, [record(CASES, worked_on("case_w"))])
    load(service.store, [record(CASES, case(f"case_q{number}", priority="P4")) for number in range(4)])
    answer = analyst.asks("GET", "/queue?queue=security")
    assert "<b>1</b> worked on today · <b>3</b> a day can be worked on" in answer.text
    assert "Today's capacity ends here" in answer.text.replace("&#39;", "'")
    listed = re.findall(r"/cases/(\w+)\"", answer.text)
    assert ends_before(answer) == listed[2:], "three a day, one of which is done"
    for narrowed in ("whose=mine", "whose=unassigned", "stage=done", "priority=P4"):
        assert not ends_before(analyst.asks("GET", f"/queue?queue=security&{narrowed}")), narrowed
    service.app.state.desk.capacity = None
    assert not ends_before(analyst.asks("GET", "/queue?queue=security"))


def test_the_line_of_the_day_stands_on_the_page_that_it_falls_on(service: Service, analyst: Browser) -> None:
    service.app.state.desk.capacity = 60
    load(service.store, [record(CASES, case(f"case_q{number:03}")) for number in range(PAGE + 20)])
    first = analyst.asks("GET", "/queue?queue=security")
    assert not ends_before(first)
    more = re.search(r'class="more" href="([^"]+)"', first.text)
    assert more is not None
    second = analyst.asks("GET", more[1].replace("&amp;", "&"))
    listed = re.findall(r"/cases/(\w+)\"", second.text)
    assert ends_before(second) == listed[60 - PAGE :]


@pytest.mark.parametrize(
    ("subject", "zh", "en"),
    [
        ("issuer:issuer-south", "发卡行 issuer-south", "Issuer issuer-south"),
        ("gateway+method:gateway-2+card", "支付通道 + 支付方式 gateway-2+card", "Gateway + method gateway-2+card"),
        ("platform:all", "平台", "Platform"),
        ("device/dev-123456", "设备 de…456", "Device de…456"),
        ("account/customer-70021", "账户 cu…021", "Account cu…021"),
    ],
)
def test_what_an_incident_is_about_is_said_in_the_language(
    service: Service, analyst: Browser, subject: str, zh: str, en: str
) -> None:
    about = case("inc_9", owner="entity", entities=Entities(entity="health/all"), subject=subject)
    load(service.store, [record(CASES, about)])
    for language, said in (("zh", zh), ("en", en)):
        analyst.cookies["paywarden_language"] = language
        for path in ("/incidents", "/cases/inc_9"):
            told = " ".join(re.sub("<[^>]+>", " ", shown(analyst.asks("GET", path))).split())
            assert said in told, (path, language)


def test_what_was_sent_is_headed_in_sentence_case(service: Service, analyst: Browser) -> None:
    assert "· In app<" in shown(analyst.asks("GET", "/cases/case_a"))


def test_a_login_that_was_asked_for_more_is_no_payment_that_waits(service: Service, analyst: Browser) -> None:
    load(service.store, hold_on("ask_1", 1))  # of a login the decision names the event itself
    assert not offers(analyst, "release")


def hold_on(payment_id: str, number: int) -> list[Record]:
    """A payment that is held because of `case_h`."""
    at, about = from_ms(START_MS + number), {"source": "test", "account_id": PERSON, "payment_id": payment_id}
    asked = PaymentRequested(event_id=f"ask_{number}", occurred_at=at, amount_minor=9_000, currency="CNY", **about)
    held = DecisionMade(
        occurred_at=at,
        decision_id=f"dec_h{number}",
        event_id=f"ask_{number}",
        account_id=PERSON,
        subject="payment",
        subject_id=payment_id,
        outcome="hold",
        policy="p",
        feature_set="f",
    )
    line = Evidence(at=at, kind="payment", event_id=f"ask_{number}", text="hold: velocity/02")
    alert = case("case_h", 9, entities=Entities(account_id=PERSON, payment_id=payment_id), evidence=(line,))
    return [
        record("payments.transactions", asked), record("fraud.decisions", held), record(CASES, alert)
    ]  # fmt: skip


def offers(browser: Browser, action: str) -> bool:
    """Whether the button can be pressed; where it cannot, the page says why."""
    text = shown(browser.asks("GET", "/cases/case_h"))
    if f'name="action" value="{action}"' in text:
        return True
    assert re.search(rf'disabled aria-describedby="why-{action}">[^<]+</button><small class="why"[^>]*>[^<]+<', text)
    return False


def test_a_hold_that_waits_can_be_let_go_or_blocked(service: Service, analyst: Browser) -> None:
    load(service.store, hold_on("pay_h", 1))
    assert offers(analyst, "release")
    assert offers(analyst, "block")


def test_of_a_hold_that_has_ended_the_page_says_so(service: Service, analyst: Browser) -> None:
    load(service.store, hold_on("pay_h", 1))
    amended = DecisionAmended(
        occurred_at=from_ms(START_MS + 9),
        decision_id="dec_h1",
        account_id=PERSON,
        subject_id="pay_h",
        outcome="allow",
        cause="expired",
    )
    load(service.store, [record("fraud.decisions", amended)])
    assert not offers(analyst, "release")
    assert not offers(analyst, "block")


def test_a_payment_that_went_on_all_the_same_waits_no_more(service: Service, analyst: Browser) -> None:
    load(service.store, hold_on("pay_1", 1))  # it has succeeded since
    assert not offers(analyst, "release")


def test_under_a_freeze_nothing_is_let_go_and_nothing_more_is_locked(service: Service, analyst: Browser) -> None:
    load(service.store, hold_on("pay_h", 1))
    frozen = Lock(action_id="fr", action="freeze", scope="all", status="effective", reason_class="x", since=AT)
    load(
        service.store,
        [record("account.locks", LocksState(occurred_at=AT, account_id=PERSON, version=8, locks=(frozen,)))],
    )
    assert not offers(analyst, "release")
    assert not offers(analyst, "lock")
    assert offers(analyst, "block")


def test_every_page_says_that_no_worker_decides_and_stops_when_one_does(service: Service, analyst: Browser) -> None:
    pulse, now_ms = service.app.state.desk.changes.pulse, service.clock.at_ms
    pulse.heard({"auth.logins": 100}, now_ms - 120_000)
    for page in ("/queue", "/cases/case_a", "/locks"):
        assert "Events come in, but nothing is decided" in shown(analyst.asks("GET", page))
    pulse.heard({"fraud.decisions": 1}, now_ms)
    assert "nothing is decided" not in shown(analyst.asks("GET", "/queue"))
