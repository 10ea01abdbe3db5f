"""Who may see and do what, and can a hostile page, form or text change that?"""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from sqlalchemy import text
from support.browsers import Browser, routes_of, served
from support.passwords import HASH, PASSWORD
from support.services import HandClock, activity, page_of
from support.stores import START_MS, case, fresh, load, record

from streams.adapters.case_store import people
from streams.adapters.case_store.people import IDLE_MS, LONGEST_MS, Role, User
from streams.console.desk import COOKIE, Changes
from streams.console.masking import masked
from streams.console.pages import HOW_MANY, span
from streams.console.web import build
from streams.console.wording import load_texts
from streams.contracts.accounts import AskedFor, CaseAction, HandledBy
from streams.contracts.actions import ActionKind, Lock, LocksState, Scope
from streams.contracts.base import from_ms
from streams.contracts.cases import (
    ActionRejected,
    CustomerText,
    Entities,
    Evidence,
    Finding,
    Queue,
    ResolutionCode,
    RootCause,
    Status,
)
from streams.contracts.signals import EntityKind
from streams.core.cases.attachments import NOT_KEPT
from streams.core.cases.operator import PERMITTED
from streams.core.entities.attacks import BY_TYPOLOGY
from streams.core.incidents.cases import KINDS
from streams.core.incidents.transitions import STATES
from streams.core.intake.topics import SCAMMED, TOPICS
from streams.core.messages.render import MESSAGES
from streams.core.reasons import SafeClass

SNAPSHOT = "support.cases.snapshot"
ROLES: tuple[Role, ...] = ("viewer", "analyst", "supervisor", "admin")
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'{{7*7}}"


class Console:
    """The pages over a store of their own, with what they sent."""

    def __init__(self, folder: Path) -> None:
        self.store = fresh(folder)
        self.clock = HandClock()
        self.sent: list[CaseAction] = []
        self.port = 0
        with self.store.writing() as connection:
            for role in ROLES:
                people.put_user(connection, User(role, role, HASH, 0))
            people.put_user(connection, User("other", "supervisor", HASH, 0))
        self.app = build(self.store, self._send, self.clock, Changes(), secure=False)

    async def _send(self, action: CaseAction, _: int) -> None:
        self.sent.append(action)

    def browser(self, role: str = "") -> Browser:
        browser = Browser(self.port)
        if role:
            assert browser.signs_in(role, PASSWORD).location == "/queue"
        return browser


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    console = Console(tmp_path)
    at = from_ms(START_MS)
    lock = Lock(
        action_id="a", action="lock", scope="all", status="effective", reason_class="x", since=from_ms(START_MS)
    )
    load(
        console.store,
        [
            record(SNAPSHOT, case("case_a", priority="P1", amount_minor=12_345, currency="CNY")),
            record(SNAPSHOT, case("inc_1", owner="entity", cause_family="outage", entities=Entities())),
            record("account.locks", LocksState(occurred_at=at, account_id="ada", version=1, locks=(lock,))),
            *activity("ada"),
        ],
    )
    with served(console.app) as port:
        console.port = port
        yield console
    console.store.close()


PUBLIC = {("GET", "/healthz"), ("GET", "/login"), ("POST", "/login")}


def pages(console: Console) -> set[tuple[str, str]]:
    return {each for each in routes_of(console.app) if not each[1].startswith("/api/")}


def test_nobody_without_a_session_gets_anything_but_the_sign_in(console: Console) -> None:
    found = pages(console)
    assert found > PUBLIC
    assert len(found) >= 14
    for method, path in sorted(found - PUBLIC):
        answer = console.browser().asks(method, path.replace("{case_id}", "case_a"), {} if method == "POST" else None)
        wanted = (401, "") if path == "/events" else (303, "/login")
        assert (answer.status, answer.location) == wanted, (method, path)
        assert "case_a" not in answer.text
    assert console.browser().asks("GET", "/docs").status == 404
    assert console.browser().asks("GET", "/openapi.json").status == 404


@pytest.mark.parametrize("role", ROLES)
def test_every_role_sees_every_page_and_does_only_what_it_may(console: Console, role: str) -> None:
    browser = console.browser(role)
    for method, path in sorted(pages(console) - PUBLIC):
        if method == "GET" and path not in ("/events", "/bulk/{batch}", "/contacts/new"):
            known = page_of(console.app, "account", "ada").partition("?")[2]
            asked = {"/account": known, "/entity": "kind=merchant&value=mer_1", "/merchant": "id=mer_1"}
            address = f"{path.replace('{case_id}', 'case_a')}?{asked.get(path, 'q=payments')}"
            answer = browser.asks("GET", address)
            wanted = (403,) if path.startswith("/audit") and role not in ("supervisor", "admin") else (200, 303)
            assert answer.status in wanted, (path, answer.text)
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["cache-control"] == "no-store"
    text = browser.asks("GET", "/cases/case_a").text
    offered = set(re.findall(r'name="action" value="(\w+)"', text))
    form = browser.form_of("case_a")
    csrf = browser.csrf()
    for action in (*PERMITTED, "nonsense"):
        may = role in PERMITTED.get(action, ())
        before = len(console.sent)
        sent = browser.asks(
            "POST",
            "/cases/case_a/actions",
            {"version": "1", "form": "1", **form, "csrf": csrf, "action": action, "other_case": "inc_1"},
        )
        # It is open, of nobody, has nothing attached and names no payment. Nothing is on hold, which the core refuses;
        # what a customer is asked is previewed first.
        is_possible = may and action not in ("reopen", "put_back", "attach", "query", "open")
        assert (len(console.sent) - before, sent.status) == ((1, 303) if is_possible else (0, 403)), (action, sent)
        assert (action in offered) is (is_possible and action not in ("release", "block", "ask"))
        if is_possible:
            said = console.sent[-1]
            assert (said.actor, said.role, said.case_id, said.expected_version) == (role, role, "case_a", 1)
            assert sent.location == f"/cases/case_a?sent={said.event_id}"
    assert (
        browser.asks(
            "POST", "/cases/inc_1/actions", {**form, "csrf": csrf, "action": "note", "version": "1", "form": "1"}
        ).status
        == 403
    )


def test_a_form_without_the_token_of_its_session_does_nothing(console: Console) -> None:
    browser, other = console.browser("analyst"), console.browser("supervisor")
    form = browser.form_of("case_a") | {"action": "note"}
    for token in ("", "0" * 64, other.csrf(), "é"):
        for path, fields in (("/cases/case_a/actions", form), ("/logout", {}), ("/language", {})):
            assert browser.asks("POST", path, {**fields, "csrf": token}).status == 403, path
    strange = browser.asks("POST", "/cases/case_a/actions", form, origin="https://evil.example")
    assert strange.status == 403
    assert console.sent == []
    assert (
        console.browser()
        .asks("POST", "/login", {"name": "viewer", "password": PASSWORD}, origin="https://evil.example")
        .status
        == 403
    )
    hidden = {"origin": "null"}  # our own pages say this, and so do frames of others
    for site in ({}, {"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}):
        assert browser.asks("POST", "/cases/case_a/actions", form, **hidden, **site).status == 403, site
    assert browser.asks("POST", "/logout", {"csrf": browser.csrf()}, sec_fetch_site="cross-site").status == 403
    assert browser.asks("POST", "/cases/case_a/actions", form, **hidden, sec_fetch_site="same-origin").status == 303
    here = f"http://127.0.0.1:{console.port}"
    assert browser.asks("POST", "/cases/case_a/actions", form | {"form": "9"}, origin=here).status == 303


def test_the_same_form_sent_twice_is_one_event(console: Console) -> None:
    browser = console.browser("analyst")
    form = browser.form_of("case_a") | {"action": "note"}
    browser.asks("POST", "/cases/case_a/actions", form)
    browser.asks("POST", "/cases/case_a/actions", form)
    console.clock.at_ms += 1
    browser.asks("POST", "/cases/case_a/actions", browser.form_of("case_a") | {"action": "note"})
    first, again, another = (each.event_id for each in console.sent)
    assert first == again != another


def test_a_second_person_signs_with_a_password_of_their_own(console: Console) -> None:
    browser = console.browser("supervisor")
    form = browser.form_of("case_a") | {"action": "unlock"}

    def asked(second: str, password: str) -> int:
        return browser.asks(
            "POST", "/cases/case_a/actions", {**form, "second": second, "second_password": password}
        ).status

    assert asked("other", "wrong") == 403
    assert asked("analyst", PASSWORD) == 403
    assert asked("supervisor", PASSWORD) == 403
    assert asked("nobody", PASSWORD) == 403
    assert console.sent == []
    assert asked("other", PASSWORD) == 303
    assert (console.sent[-1].second_actor, console.sent[-1].second_role) == ("other", "supervisor")


def test_a_session_ends_by_rest_by_age_by_signing_out_and_with_its_user(console: Console) -> None:
    browser = console.browser("viewer")
    console.clock.at_ms += IDLE_MS - 1
    assert browser.asks("GET", "/queue").status == 200
    console.clock.at_ms += IDLE_MS - 1
    assert browser.asks("GET", "/queue").status == 200  # the page before was a sign of life
    console.clock.at_ms += IDLE_MS + 1
    assert browser.asks("GET", "/queue").location == "/login"
    busy = console.browser("viewer")
    end = console.clock.at_ms + LONGEST_MS
    while console.clock.at_ms < end:
        assert busy.asks("GET", "/queue").status == 200
        console.clock.at_ms += IDLE_MS - 1
    console.clock.at_ms = end + 1
    assert busy.asks("GET", "/queue").location == "/login"
    leaving = console.browser("viewer")
    token = leaving.cookies[COOKIE]
    assert leaving.asks("POST", "/logout", {"csrf": leaving.csrf()}).location == "/login"
    leaving.cookies[COOKIE] = token
    assert leaving.asks("GET", "/queue").location == "/login"
    removed = console.browser("viewer")
    with console.store.writing() as connection:
        people.remove_user(connection, "viewer")
    assert removed.asks("GET", "/queue").location == "/login"


def test_guessing_is_slowed_down_and_a_password_is_kept_as_a_hash(console: Console) -> None:
    browser = console.browser()
    for _ in range(5):
        assert browser.signs_in("admin", "wrong").status == 401
    assert browser.signs_in("admin", PASSWORD).status == 429
    console.clock.at_ms += 16 * 60_000
    assert browser.signs_in("admin", PASSWORD).status == 303
    assert browser.signs_in("nobody", PASSWORD).status == 401
    with console.store.reading() as connection:
        user = people.user(connection, "admin")
        assert user is not None
        assert user.password_hash.startswith("$argon2id$")
    raw = Path(str(console.store.engine.url.database)).read_bytes()
    assert PASSWORD.encode() not in raw
    assert browser.cookies[COOKIE].encode() not in raw


def test_hostile_text_is_shown_and_does_nothing(console: Console, caplog: pytest.LogCaptureFixture) -> None:
    at = from_ms(START_MS)
    hostile = case(
        "case_x",
        subject=HOSTILE,
        case_type=HOSTILE[:64],
        rules=(HOSTILE[:64],),
        evidence=(Evidence(at=at, kind=HOSTILE[:64], event_id="e", text=HOSTILE),),
        messages=(CustomerText(template=HOSTILE[:64], zh=HOSTILE, en=HOSTILE),),
        assignee=HOSTILE,
        entities=Entities(account_id=HOSTILE),
    )
    refused = ActionRejected(
        occurred_at=at, event_id="ev", account_id=HOSTILE, case_id="case_x", action="note", cause="c", text=HOSTILE
    )
    load(console.store, [record(SNAPSHOT, hostile), record("support.cases", refused)])
    browser = console.browser("analyst")
    pages = (
        "/cases/case_x?sent=ev",
        "/queue",
        "/search?q=" + "%3Cscript%3Ealert",
        page_of(console.app, "account", HOSTILE),
    )
    for address in pages:
        answer = browser.asks("GET", address)
        assert answer.status == 200, address
        assert "<script>alert" not in answer.text
        assert "<img" not in answer.text
        assert "49" not in re.findall(r"&#39;(\d+)", answer.text)
        # A value of an attribute stays one: it holds no quote that would end it.
        assert not re.search(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', '""', answer.text))
    assert "Refused" in browser.asks("GET", "/cases/case_x?sent=ev").text
    assert HOSTILE not in caplog.text


@pytest.mark.parametrize(
    "address",
    [
        "/cases/nothing",
        "/queue?after=nonsense",
        "/locks?after=W10",
        "/nowhere",
        "/static/../web.py",
    ],
)
def test_what_is_not_there_is_a_sentence(console: Console, address: str) -> None:
    answer = console.browser("viewer").asks("GET", address)
    assert answer.status in (400, 404)
    assert "Traceback" not in answer.text


def test_a_store_that_fails_is_a_sentence_without_what_it_holds(
    console: Console, caplog: pytest.LogCaptureFixture
) -> None:
    browser = console.browser("viewer")
    with console.store.writing() as connection:
        connection.execute(text("DROP TABLE versions"))
    answer = browser.asks("GET", "/cases/case_a")
    assert answer.status == 503
    assert "The case store does not answer" in answer.text
    assert "case_a" not in answer.text + caplog.text


def test_ids_of_people_are_masked_in_lists(console: Console) -> None:
    load(console.store, [record(SNAPSHOT, case("case_m", entities=Entities(account_id="customer-70021")))])
    text = console.browser("viewer").asks("GET", "/queue").text
    assert "cu…021" in text
    assert "customer-70021" not in text
    assert [masked(each) for each in (None, "ada", "abcdef")] == ["", "…", "…"]


def test_a_time_is_said_in_the_readers_language_and_one_that_has_passed_is_overdue() -> None:
    texts = load_texts()
    times = (None, 0, 59_000, 7_200_000, 4 * 86_400_000, -1, -60_000, -60_001, -300_000, -7_200_000)
    told = {
        language: [span(each, lambda key, language=language: texts[key][language]) for each in times]
        for language in ("en", "zh")
    }
    assert told == {
        "en": [
            *("", "0 min", "0 min", "2 h", "4 d"),
            *("overdue 1 min", "overdue 1 min", "overdue 2 min", "overdue 5 min", "overdue 2 h"),
        ],
        "zh": [
            *("", "0 分钟", "0 分钟", "2 小时", "4 天"),
            *("已超时 1 分钟", "已超时 1 分钟", "已超时 2 分钟", "已超时 5 分钟", "已超时 2 小时"),
        ],
    }


def test_every_text_is_there_in_both_languages_and_the_reader_chooses(console: Console) -> None:
    texts = load_texts()
    assert all(set(each) == {"zh", "en"} and all(each.values()) for each in texts.values())
    words = load_texts("words.toml")
    assert all(set(each) == {"zh", "en"} and all(each.values()) for each in words.values())
    for group, values in (
        ("status", get_args(Status)),
        ("finding", get_args(Finding)),
        ("queue", get_args(Queue)),
        ("role", ROLES),
        ("measure", get_args(ActionKind)),
        ("scope", get_args(Scope)),
        ("kind", [f"operator_{name}" for name in PERMITTED]),
        ("class", get_args(SafeClass)),
        ("type", [topic.case_type for topic in (*TOPICS.values(), SCAMMED)]),
        ("type", [kind.case_type for kind in (*KINDS.values(), *BY_TYPOLOGY.values()) if kind is not None]),
        ("status", [*STATES, "escalated"]),
        ("cause", BY_TYPOLOGY),
        ("counter", HOW_MANY),
        ("entity", get_args(EntityKind)),
        ("resolution", get_args(ResolutionCode)),
        ("root_cause", get_args(RootCause)),
        ("ask", get_args(AskedFor)),
        ("message", {template.kind for template in MESSAGES.template.values()}),
        ("kind", [f"operator_{name}" for name in get_args(HandledBy)]),
    ):
        assert {f"{group}.{value}" for value in values} <= words.keys(), group
    used = {f"act.{name}" for name in PERMITTED}
    for path in Path("streams/console").rglob("*"):
        if path.suffix in (".html", ".py"):
            used |= set(re.findall(r"""t\('([a-z_.]+[a-z])'\)""", path.read_text()))
            used |= set(re.findall(r'"((?:why|refused)\.[a-z_]+)"', path.read_text()))
    used |= {f"refused.file_{word}" for word in NOT_KEPT}
    assert used <= texts.keys()
    browser = console.browser("viewer")
    assert "worked on today" in browser.asks("GET", "/queue").text
    assert "今日已处理" in browser.asks("GET", "/queue", accept_language="zh-CN,zh;q=0.9").text
    browser.asks("POST", "/language", {"csrf": browser.csrf()})
    assert "今日已处理" in browser.asks("GET", "/queue").text


def test_an_address_that_cannot_be_read_is_answered_with_a_page(console: Console) -> None:
    said = console.browser("analyst").asks("GET", "/merchant?id=m&days=%3Cscript%3E")
    assert said.status == 400
    assert "The address asks for what this page cannot read" in said.text
    assert "script>" not in said.text.partition("<main")[2]


@pytest.mark.parametrize("path", ["/login", "/cases/case_x/actions", "/bulk"])
def test_what_is_larger_than_a_form_is_refused_in_a_sentence_and_read_by_nobody(console: Console, path: str) -> None:
    said = console.browser("analyst").asks("POST", path, {"text": "x" * 300_000})
    assert (said.status, "larger than 256 KiB" in said.text) == (413, True)
    assert "frame-ancestors 'none'" in said.headers["content-security-policy"]


def test_a_form_of_too_many_fields_is_told_so(console: Console) -> None:
    analyst = console.browser("analyst")
    said = analyst.asks("POST", "/bulk", {"csrf": analyst.csrf(), "case": [f"1:case_{n}" for n in range(3_000)]})
    assert (said.status, "more than 1,000 fields" in said.text) == (400, True)


def test_a_body_that_does_not_say_how_large_it_is_is_not_read(console: Console) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=30)
    sent = {"content-type": "application/x-www-form-urlencoded", "transfer-encoding": "chunked"}
    connection.request("POST", "/login", iter([b"name=mei"]), sent, encode_chunked=True)
    answer = connection.getresponse()
    assert (answer.status, "The form is not complete" in answer.read().decode()) == (411, True)
    connection.close()
