"""Does anything that a viewer is answered, by pages, addresses, live events or the interface, tell who somebody is?

Personal data is planted wherever a store can have any: a route that shows it makes this red, and so does a new route
that nobody has added here.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from support.browsers import Browser, routes_of
from support.passwords import HASH, PASSWORD
from support.services import AT, CASES, SNAPSHOT, Service, activity, filled, page_of
from support.stores import case, load, record

from streams.adapters.case_store import desks, people, tokens
from streams.adapters.case_store.people import User
from streams.adapters.case_store.queries import Handover
from streams.adapters.case_store.rows import Record
from streams.adapters.case_store.store import Written
from streams.adapters.case_store.tokens import SentAction
from streams.console.masking import people_in
from streams.contracts.accounts import AccountProfile
from streams.contracts.actions import Lock, LocksState
from streams.contracts.cases import (
    ActionRejected,
    AttachmentRecorded,
    CustomerText,
    Entities,
    Evidence,
    NotificationRequested,
    RemarkRecorded,
)

NAME, ACCOUNT, CARD_TOKEN, DEVICE, IP = "李雷", "customer-70099", "card-token-77", "dev-123456", "203.0.113.7"
OTHER_IP, PAYEE = "198.51.100.23", "payee-9000-x"
PHONE, SPACED, EMAIL, CARD = "13800138000", "138 0013 8000", "li.lei@mail.example", "4111111111111111"
PLANTED = (NAME, ACCOUNT, CARD_TOKEN, DEVICE, IP, OTHER_IP, PAYEE, PHONE, SPACED, EMAIL, CARD)
CASE_OF = {NAME: "case_p", ACCOUNT: "case_q"}
DIGEST = "ab" * 32


def told_of(account_id: str) -> str:
    return f"客户{account_id}付款 from {OTHER_IP}, {PHONE} or {SPACED}, {EMAIL}, paid with {CARD}"


def planted(account_id: str) -> Iterator[Record]:
    case_id, told = CASE_OF[account_id], told_of(account_id)
    entities = Entities(account_id=account_id, payment_id="pay_1", device_id=DEVICE, ip=IP, card_token=CARD_TOKEN)
    line = Evidence(at=AT, kind="contact.taken", event_id=f"evt {account_id}", text=told)
    words = CustomerText(template="x", zh=told, en=told, texts={"fr": told})
    for version in (1, 2):
        yield record(
            SNAPSHOT,
            case(
                case_id,
                version,
                subject=f"account/{account_id}",
                entities=entities,
                evidence=(line,),
                messages=(words,),
                changed=("opened", f"attachment for {PHONE}"),
                incident_id="inc_p",
            ),
        )
    notice = NotificationRequested(
        occurred_at=AT,
        notification_id=f"ntf_{case_id}",
        account_id=account_id,
        template="t",
        zh=told,
        en=told,
        parameters={"said": told},
        not_after=AT,
        case_id=case_id,
    )
    refused = ActionRejected(
        occurred_at=AT,
        event_id=f"opr_{case_id}",
        account_id=account_id,
        case_id=case_id,
        action="note",
        cause="status",
        text=told,
    )
    file = AttachmentRecorded(
        occurred_at=AT,
        event_id=f"opr_file_{case_id}",
        account_id=account_id,
        case_id=case_id,
        reference=f"s3://evidence/{account_id}/{PHONE}.png" if account_id.isascii() else "s3://evidence/a.png",
        sha256=DIGEST,
        kind="receipt",
        actor="mei",
        role="analyst",
    )
    locks = tuple(
        Lock(action_id=f"l{n}", action="lock", scope="all", status="effective", reason_class="x", since=AT)
        for n in range(40)
    )
    for event_id, action in ((f"h{case_id}", "assign"), (f"n{case_id}", "note"), (f"m{case_id}", "message")):
        said = RemarkRecorded(
            occurred_at=AT,
            event_id=event_id,
            account_id=account_id,
            case_id=case_id,
            action=action,
            actor="mei",
            role="analyst",
            text=told,
        )
        yield record(CASES, said)
    yield record("customer.notifications", notice)
    yield record(CASES, refused)
    yield record(CASES, file)
    yield record("account.locks", LocksState(occurred_at=AT, account_id=account_id, version=7, locks=locks))
    profile = AccountProfile(
        event_id="p", source="t", occurred_at=AT, account_id=account_id, contact_channels=("tel.ref-9",)
    )
    yield record("account.profiles", profile)
    yield from activity(account_id)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with filled(tmp_path) as service:
        exposed = Evidence(at=AT, kind="account_exposed", event_id="inc_p", text=f"right password for {ACCOUNT}")
        attack = case(
            "inc_p", 1, owner="entity", entities=Entities(entity=f"ip/{IP}"), subject=f"ip/{IP}", evidence=(exposed,)
        )
        load(service.store, [record(SNAPSHOT, attack), *planted(NAME), *planted(ACCOUNT)])
        with service.store.writing() as connection:
            people.put_user(connection, User("vera", "viewer", HASH, 0))
            people.put_user(connection, User("mei", "analyst", HASH, 0))
            for account_id, case_id in CASE_OF.items():
                desks.note(
                    connection,
                    [Handover(f"h{case_id}", case_id, "mei", None, told_of(account_id), service.clock.at_ms)],
                )
                tokens.note_sent(connection, SentAction(f"opr_{case_id}", case_id, "note", 1, "vera", 0, "bat_x"))
        yield service


def leaks(said: str) -> set[str]:
    """What of the planted is in an answer, also as an address, a page or a cursor writes it."""
    forms = [said, unquote(said), unescape(said), unquote(unescape(said))]
    for run in re.findall(r"[A-Za-z0-9_-]{12,}", said):
        try:
            forms.append(base64.urlsafe_b64decode(run + "=" * (-len(run) % 4)).decode(errors="ignore"))
        except binascii.Error:
            continue
    return {each for each in PLANTED if any(each in form for form in forms)}


def test_who_is_hidden_in_one_record_is_hidden_in_several() -> None:
    of = case(entities=Entities(account_id=NAME, ip=IP), subject=f"device/{DEVICE}")
    assert people_in(of) == people_in((None, of)) == people_in([of]) == {NAME, IP, DEVICE}


def test_what_leaks_is_found() -> None:
    cursor = base64.urlsafe_b64encode(f'[1,"{ACCOUNT}","x"]'.encode()).decode().rstrip("=")
    for said in (quote(NAME), f"id={ACCOUNT}", f'href="/locks?after={cursor}"', "&#26446;&#38647;"):
        assert leaks(said), said


def addresses(service: Service) -> dict[str, list[str]]:
    """Where a viewer looks, by route."""
    named = [("account", NAME), ("account", ACCOUNT)]
    used = [("ip", IP), ("device", DEVICE), ("card", CARD_TOKEN), ("payee", PAYEE), ("merchant", "mer_1")]
    of_account = quote(service.app.state.desk.named("account", ACCOUNT))
    return {
        "/": ["/"],
        "/healthz": ["/healthz"],
        "/login": ["/login"],
        "/queue": ["/queue", "/queue?stage=done&queue=technical"],
        "/bulk/{batch}": ["/bulk/bat_x"],
        "/handover": ["/handover"],
        "/contacts": ["/contacts", "/contacts?order=pay_1", "/contacts?phone=tel.ref-9"],
        "/contacts/new": ["/contacts/new?case=case_p", f"/contacts/new?account={of_account}"],
        "/contacts/{event_id}": [f"/contacts/opr_x?account={of_account}", "/contacts/opr_case_p"],
        "/cases/{case_id}": [
            *("/cases/case_p", "/cases/case_q", "/cases/inc_p", "/cases/inc_1"),
            "/cases/case_p?sent=opr_case_q",
        ],
        "/incidents": ["/incidents"],
        "/locks": ["/locks"],
        "/account": [page_of(service.app, *each) for each in named],
        "/entity": [page_of(service.app, *each) for each in used],
        "/merchant": ["/merchant?id=mer_1"],
        "/knowledge": ["/knowledge", "/knowledge?q=refund"],
        "/search": ["/search?q=payments", "/search?q=paid+with"],
        "/settings": ["/settings"],
        "/audit": ["/audit"],  # for supervisors
        "/audit/export": ["/audit/export"],
        "/events": [],  # below
    }


FORMS = {
    "/bulk": {"case": "2:case_p"},
    "/bulk/resolve": {"case": "2:case_p", "form": "1"},
    "/handover": {"case": "2:case_p", "form": "1"},
    "/cases/{case_id}/actions": {"action": "note", "version": "2", "form": "1"},
    "/cases/{case_id}/question": {"version": "2", "form": "1"},
    "/cases/{case_id}/reveal": {"reason": "I want to know"},
    "/account/cases": {"flow": "F12", "text": "he called", "form": "1"},
    "/account/reveal": {"reason": "I want to know"},
    "/entity/reveal": {"kind": "ip", "reason": "I want to know"},
}


def test_no_page_and_no_address_of_one_tells_a_viewer_who_somebody_is(service: Service) -> None:
    vera = Browser(service.port)
    vera.signs_in("vera", PASSWORD)
    csrf, looked_at = vera.csrf(), addresses(service)
    routes = {each for each in routes_of(service.app) if not each[1].startswith("/api/")}
    assert {path for method, path in routes if method == "GET"} == looked_at.keys(), "say where a new page is looked at"
    follow = re.compile(r'href="(/[^"]*)"')
    seen: set[str] = set()
    pages = [each for found in looked_at.values() for each in found]
    told = 0
    while pages:
        address = pages.pop()
        if address in seen:
            continue
        seen.add(address)
        said = vera.asks("GET", address)
        assert said.status in (200, 303, 307, 403), (address, said.status)
        assert leaks(f"{address} {said.headers} {said.text}") == set(), address
        told += "…" in said.text
        pages += [unescape(each) for each in follow.findall(said.text) if "static" not in each]
    assert told >= 15, "the pages do show that there is somebody"
    assert any(each.startswith("/locks?after=") for each in seen)
    for method, path in sorted(routes - {("POST", "/login"), ("POST", "/logout")}):
        if method == "POST":
            address = path.replace("{case_id}", "case_p").replace("{sha256}", DIGEST)
            for more in FORMS.get(path, {}), {"id": ACCOUNT, "value": IP, "account": ACCOUNT}:
                said = vera.asks("POST", address, {**FORMS.get(path, {}), **more, "csrf": csrf})
                assert leaks(f"{said.headers} {said.text}") == set(), path


def test_a_viewer_who_types_a_whole_id_is_told_neither_that_it_is_known_nor_that_it_is_not(service: Service) -> None:
    vera = Browser(service.port)
    vera.signs_in("vera", PASSWORD)
    for typed in (ACCOUNT, "customer-of-nowhere"):
        for address in (f"/account?id={typed}", f"/entity?kind=device&value={typed}", f"/contacts?account={typed}"):
            said = vera.asks("GET", address)
            assert said.status == 403, address
            assert "Your role sees shortened ids only" in said.text
            assert typed not in said.text


def test_a_search_of_a_viewer_finds_what_they_can_read_and_nothing_by_what_they_cannot(service: Service) -> None:
    vera, mei = Browser(service.port), Browser(service.port)
    vera.signs_in("vera", PASSWORD)
    mei.signs_in("mei", PASSWORD)

    def found(who: Browser, asked: str, page: str = "/search?q=") -> set[str]:
        said = who.asks("GET", page + quote(asked))
        assert said.status in (200, 400), (page, asked)
        return set(re.findall(r"/cases/(case_[pq]|inc_p)", said.text))

    both = {"case_p", "case_q"}
    for asked in ("pay_1", "paid with", "客户", "case_q"):
        assert found(vera, asked) >= found(vera, f"case_q {asked}") == {"case_q"}, asked
    for typed in (
        *(set(PLANTED) - {PAYEE}),
        ACCOUNT[:-2],
        NAME[:1],
        f"paid {ACCOUNT}",
        f"ip/{IP}",
        f"客户{ACCOUNT}付款",
    ):
        assert found(mei, typed) & {*both, "inc_p"}, typed
        for page in ("/search?q=", "/contacts?order="):
            assert found(vera, typed, page) == set(), (page, typed)
    unknown, known = (
        vera.asks("GET", f"/search?q={each}").text.replace(each, "") for each in ("customer-00000", ACCOUNT)
    )
    assert unknown == known
    assert found(vera, "pay_1", "/contacts?order=") == both
    many = [case(f"case_m{n}", entities=Entities(account_id="customer-many"), subject="x") for n in range(300)]
    load(service.store, [record(SNAPSHOT, each) for each in many])
    assert 'class="more"' not in vera.asks("GET", "/search?q=customer-many").text, "nor that there is more of nothing"
    seen, page = 0, "/search?q=F01"
    while page:
        text = unescape(vera.asks("GET", page).text)
        seen += len(set(re.findall(r"/cases/(case_m\d+)", text)))
        page = next(iter(re.findall(r'class="more" href="([^"]+)"', text)), "")
    assert seen == 300


def test_live_events_name_cases_only(service: Service) -> None:
    vera = Browser(service.port)
    vera.signs_in("vera", PASSWORD)
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    connection.request("GET", "/events", headers={"cookie": "; ".join(f"{k}={v}" for k, v in vera.cookies.items())})
    response = connection.getresponse()
    assert response.readline() == b": open\n"
    desk = service.app.state.desk
    written = service.store.write([record(SNAPSHOT, case("case_p", 3, entities=Entities(account_id=NAME)))], {})
    assert isinstance(written, Written)
    lines = [b""]
    while not lines[-1].startswith(b"data:"):
        desk.changes.tell(written)
        lines.append(response.readline())
    assert lines[-1] == b"data: case_p\n"
    connection.close()


@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_no_answer_of_the_interface_tells_a_masked_token_who_somebody_is(service: Service, role: people.Role) -> None:
    token = service.token(role, unmasked=False)
    asked = {"kind": "device", "value": DEVICE, "reason": "fraud"}
    sent = service.asks("/blocks", service.token(), method="POST", body=asked)
    assert leaks(f"{sent.headers} {sent.raw.decode()}") == set()
    block_id = sent.json["block_id"]
    why = f"21 accounts used {DEVICE} lately"
    answer = ActionRejected(
        occurred_at=AT,
        event_id=sent.json["event_id"],
        account_id=f"device/{DEVICE}",
        action="entity_block",
        cause="role",
        text=why,
    )
    load(service.store, [record(CASES, answer)])
    looked_at = {
        "/cases": ["/cases", "/cases?limit=2"],
        "/incidents": ["/incidents"],
        "/notifications": ["/notifications", "/notifications?limit=1"],
        "/cases/{case_id}": ["/cases/case_p", "/cases/case_q", "/cases/inc_p"],
        "/cases/{case_id}/versions": ["/cases/case_p/versions?limit=1"],
        "/cases/{case_id}/versions/{version}": ["/cases/case_q/versions/1"],
        "/cases/{case_id}/attachments": ["/cases/case_q/attachments"],
        "/accounts/{account_id}/locks": [f"/accounts/{ACCOUNT}/locks"],
        "/actions/{event_id}": ["/actions/opr_case_p", "/actions/opr_case_q"],
        "/blocks/{block_id}": [f"/blocks/{block_id}"],
    }
    routes = {path for method, path in routes_of(service.app) if method == "GET" and path.startswith("/api/v1")}
    assert routes == {f"/api/v1{path}" for path in looked_at}, "say where a new resource is looked at"
    for address in (each for found in looked_at.values() for each in found):
        said = service.asks(address, token)
        assert said.status == (403 if "accounts" in address else 200), address
        told = f"{said.headers} {said.raw.decode()}"
        if role == "admin" and "attachments" in address:
            continue  # whoever may act on a case is told where its files are
        assert leaks(told) == set(), address
    acted = service.acts(token, "note", 2, "case_p", body={"text": told_of(NAME)})
    assert leaks(f"{acted.headers} {acted.raw.decode()}") == set()
    shown = service.asks("/cases/case_q", token).json
    assert shown["evidence"][0]["text"] == ("客户cu…099付款 from 19….23, [phone] or [phone], [email], paid with [card]")
    assert shown["entities"]["payment_id"] == "pay_1"
