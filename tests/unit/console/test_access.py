"""Who may ask which address, and is what they did on record?

A route without a row in WHO, or without one in the table of the trail, makes this red.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import delete, update
from support.browsers import Browser, routes_of
from support.command import Ended, paywarden
from support.passwords import HASH, PASSWORD
from support.services import PERSON, Service, page_of

from streams.adapters.case_store import people, tables, trail
from streams.adapters.case_store.people import Role, User
from streams.adapters.case_store.trail import account_subject
from streams.console.audit import KINDS

ROLES: tuple[Role, ...] = ("viewer", "analyst", "supervisor", "admin")
ALL, ACTS = frozenset(ROLES), frozenset(ROLES) - {"viewer"}
LEADS = frozenset({"supervisor", "admin"})
ANYBODY = ALL | {"nobody"}
NOTE = {"action": "note", "version": "2", "form": "1", "text": ""}
ADDRESS = {"kind": "ip", "value": "203.0.113.7"}
BLOCK = {**ADDRESS, "wanted": "block", "hours": "24", "reason": "fraud", "form": "1"}
ASKED = {"/account": ("account", PERSON), "/entity": ("ip", "203.0.113.7")}
ATTACHED = {
    "form": "1",
    "version": "2",
    "reference": "s3://evidence/receipt.png",
    "sha256": "0" * 64,
    "kind": "receipt",
    "media_type": "image/png",
    "size": "4",
}
CONTACT = {"form": "1", "account": PERSON, "channel": "phone", "disposition": "dropped", "flow": "F12"}
# address -> who may, what is sent, and the answer of those who may
WHO: dict[tuple[str, str], tuple[frozenset[str], dict[str, str] | None, int]] = {
    ("GET", "/"): (ALL, None, 303),
    ("GET", "/healthz"): (ANYBODY, None, 200),
    ("GET", "/login"): (ANYBODY, None, 200),
    ("POST", "/login"): (ANYBODY, {"name": "viewer", "password": PASSWORD}, 303),
    ("POST", "/logout"): (ALL, {}, 303),
    ("POST", "/language"): (ALL, {}, 303),
    ("GET", "/queue"): (ALL, None, 200),
    ("POST", "/claim"): (ACTS, {"form": "1", "queue": "policy"}, 303),
    ("POST", "/bulk"): (ACTS, {"case": "2:case_a"}, 200),
    ("POST", "/bulk/resolve"): (ACTS, {"case": "2:case_a", "form": "1"}, 303),
    ("GET", "/bulk/{batch}"): (ALL, None, 404),
    ("GET", "/handover"): (ALL, None, 200),
    ("POST", "/handover"): (ACTS, {"case": "2:case_a", "form": "1"}, 403),  # nobody has it, so nobody passes it on
    ("POST", "/views"): (ACTS, {"name": "mine", "whose": "mine"}, 303),
    ("POST", "/views/remove"): (ACTS, {"name": "mine"}, 303),
    ("GET", "/contacts"): (ALL, None, 200),
    ("GET", "/contacts/new"): (ACTS, None, 404),  # no account is named
    ("POST", "/contacts"): (ACTS, CONTACT, 303),
    ("GET", "/contacts/{event_id}"): (ALL, None, 200),
    ("GET", "/cases/{case_id}"): (ALL, None, 200),
    ("POST", "/cases/{case_id}/actions"): (ACTS, NOTE, 303),
    ("POST", "/cases/{case_id}/handling"): (ACTS, NOTE, 400),  # no incident
    ("POST", "/cases/{case_id}/attachments"): (ACTS, ATTACHED, 303),
    ("POST", "/cases/{case_id}/attachments/{sha256}"): (ACTS, {}, 404),
    ("POST", "/cases/{case_id}/question"): (ACTS, {"version": "2", "form": "1"}, 200),
    ("POST", "/cases/{case_id}/reveal"): (ACTS, {"reason": "the customer is on the phone"}, 200),
    ("GET", "/incidents"): (ALL, None, 200),
    ("GET", "/locks"): (ALL, None, 200),
    ("GET", "/account"): (ALL, None, 200),
    ("POST", "/account/reveal"): (ACTS, {"id": PERSON, "reason": "the customer is on the phone"}, 200),
    ("POST", "/account/cases"): (ACTS, {"id": PERSON, "form": "1", "flow": "F40", "text": "a fake shop"}, 303),
    ("GET", "/entity"): (ALL, None, 200),
    ("POST", "/entity/reveal"): (ACTS, {**ADDRESS, "reason": "the customer is on the phone"}, 200),
    ("POST", "/entity/block"): (ACTS, BLOCK, 303),
    ("GET", "/merchant"): (ALL, None, 200),
    ("GET", "/knowledge"): (ALL, None, 200),
    ("GET", "/search"): (ALL, None, 200),
    ("GET", "/audit"): (LEADS, None, 200),
    ("GET", "/audit/export"): (LEADS, None, 200),
    ("GET", "/settings"): (ALL, None, 200),
    ("POST", "/settings/password"): (ALL, {"password": PASSWORD, "new": "short", "again": "short"}, 400),
    ("POST", "/settings/sessions"): (ALL, {}, 303),
    ("POST", "/settings/keys"): (ALL, {"keys": "off"}, 303),
    ("GET", "/events"): (ALL, None, 200),
}
OF_PROGRAMS: dict[tuple[str, str], tuple[frozenset[str], Any, int]] = {
    ("GET", "/cases"): (ALL, None, 200),
    ("GET", "/incidents"): (ALL, None, 200),
    ("GET", "/notifications"): (ALL, None, 200),
    ("GET", "/cases/{case_id}"): (ALL, None, 200),
    ("GET", "/cases/{case_id}/versions"): (ALL, None, 200),
    ("GET", "/cases/{case_id}/versions/{version}"): (ALL, None, 200),
    ("GET", "/cases/{case_id}/attachments"): (ALL, None, 200),
    ("GET", "/accounts/{account_id}/locks"): (ALL, None, 200),
    ("POST", "/cases/{case_id}/actions"): (ACTS, {"action": "note", "expected_version": 2}, 202),
    ("GET", "/actions/{event_id}"): (ALL, None, 404),
    ("POST", "/blocks"): (ACTS, {**ADDRESS, "reason": "fraud"}, 202),
    ("GET", "/blocks/{block_id}"): (ALL, None, 404),
}


@pytest.fixture
def service(service: Service) -> Service:
    with service.store.writing() as connection:
        for role in ROLES:
            people.put_user(connection, User(role, role, HASH, 0))
    return service


def test_every_route_has_a_row(service: Service) -> None:
    rows = set(WHO) | {(method, f"/api/v1{path}") for method, path in OF_PROGRAMS}
    assert routes_of(service.app) == rows, "say in WHO or OF_PROGRAMS who may ask for a new route"
    of_provider = {("GET", "/oidc/start"), ("GET", "/oidc/callback")}  # test_oidc.py
    assert rows | of_provider == set(KINDS), "say in streams/console/audit.py as what a new route is recorded"


def address(path: str, service: Service) -> str:
    if path in ASKED:
        return page_of(service.app, *ASKED[path])
    filled = path.replace("{case_id}", "case_a").replace("{version}", "1").replace("{account_id}", PERSON)
    filled = filled.replace("{batch}", "bat_x").replace("{block_id}", "~nothing")
    return filled.replace("{event_id}", "opr_x") + ("?id=mer_1" if path == "/merchant" else "")


@pytest.mark.parametrize("who", ["nobody", *ROLES])
def test_everybody_gets_what_their_role_may_and_nothing_else(service: Service, who: str) -> None:
    browser, csrf = Browser(service.port), ""
    for (method, path), (allowed, fields, wanted) in WHO.items():
        if who != "nobody" and not csrf:
            browser.signs_in(who, PASSWORD)
            csrf = browser.csrf()
        before = len(service.sent)
        said = browser.asks(method, address(path, service), None if fields is None else {**fields, "csrf": csrf})
        if path in ("/login", "/logout"):
            browser, csrf = Browser(service.port), ""
        if who in allowed:
            assert said.status == wanted, (who, method, path, said.text)
        elif who == "nobody":
            assert said.status in (303, 401), (method, path)
            assert said.location in ("/login", "")
        else:
            assert said.status == 403, (who, method, path)
        if who not in allowed:
            assert len(service.sent) == before
            assert "case_a" not in said.text or who != "nobody"


@pytest.mark.parametrize("who", ["nobody", *ROLES])
def test_every_token_gets_what_its_role_may_and_nothing_else(service: Service, who: Any) -> None:
    token = "" if who == "nobody" else service.token(who)
    for (method, path), (allowed, body, wanted) in OF_PROGRAMS.items():
        said = service.asks(address(path, service), token, method=method, body=body)
        assert said.status == (wanted if who in allowed else 401 if who == "nobody" else 403), (who, method, path)


def test_a_session_is_none_to_programs_and_a_token_none_to_pages(service: Service) -> None:
    browser = Browser(service.port)
    browser.signs_in("admin", PASSWORD)
    assert browser.asks("GET", "/api/v1/cases").status == 401
    assert Browser(service.port).asks("GET", "/queue", authorization=f"Bearer {service.token('admin')}").status == 303


HOSTILE = [
    "' OR 1=1 --",
    '"; DROP TABLE cases; --',
    "{{7*7}}${7*7}",
    "../../etc/passwd",
    "a\r\nset-cookie: x=1",
    "%00",
    "🙂",
]


@pytest.mark.parametrize("given", HOSTILE)
def test_hostile_parameters_are_text_and_nothing_more(service: Service, given: str) -> None:
    browser = Browser(service.port)
    browser.signs_in("admin", PASSWORD)
    token, asked = service.token("admin"), quote(given, safe="")
    for path in (
        f"/cases/{asked}",
        f"/account?id={asked}",
        f"/search?q={asked}",
        f"/queue?queue={asked}&after={asked}",
    ):
        said = browser.asks("GET", path)
        if said.status == 303:
            said = browser.asks("GET", said.location)
        assert said.status in (200, 400, 404), (path, said.status)
        assert "49$" not in said.text
        assert "set-cookie" not in said.headers
    for path in (
        f"/cases/{asked}",
        f"/cases?account={asked}&type={asked}",
        f"/cases?cursor={asked}",
        f"/accounts/{asked}/locks",
    ):
        assert service.asks(path, token).status in (200, 400, 404, 422), path
    sent = browser.asks("POST", "/cases/case_a/reveal", {"reason": given * 3, "csrf": browser.csrf()})
    assert sent.status in (200, 400)
    assert service.asks("/cases", token).json["items"], "the tables are still there"


def entries(service: Service) -> list[tuple[str, str, str, int]]:
    with service.store.reading() as connection:
        return [(row.actor, row.kind, row.subject, row.outcome) for row in trail.rows(connection)]


def test_what_somebody_did_and_saw_is_on_record(service: Service) -> None:
    browser = Browser(service.port)
    browser.signs_in("analyst", "wrong")
    browser.signs_in("a password typed as a name", PASSWORD)
    browser.signs_in("analyst", PASSWORD)
    browser.asks("GET", "/cases/case_a")
    browser.asks("GET", page_of(service.app, "account", PERSON))
    csrf = browser.csrf()
    browser.asks("POST", "/cases/case_a/actions", {**NOTE, "csrf": csrf})
    browser.asks("POST", "/cases/case_a/reveal", {"reason": "no", "csrf": csrf})
    shown = browser.asks("POST", "/cases/case_a/reveal", {"reason": "the customer is on the phone", "csrf": csrf})
    assert PERSON in shown.text
    service.asks("/cases/case_a", service.token())
    service.asks("/cases/case_a", service.token(unmasked=False))
    service.asks("/cases/case_a", "pwt_wrong")
    browser.asks("POST", "/logout", {"csrf": csrf})
    assert entries(service) == [
        ("analyst", "sign_in", "", 401),
        ("", "sign_in", "", 401),
        ("analyst", "sign_in", "", 303),
        ("analyst", "case_view", "case_a", 200),
        ("analyst", "account_view", account_subject(PERSON), 200),
        ("analyst", "action", "case_a", 303),
        ("analyst", "reveal", "case_a", 400),
        ("analyst", "reveal", "case_a", 200),
        ("api/analyst-True-60000", "api_read", "case_a", 200),
        ("analyst", "sign_out", "", 303),
    ]
    with service.store.reading() as connection:
        whole = list(trail.rows(connection))
    assert whole[7].detail == "the customer is on the phone"
    assert whole[5].detail == f"note {service.sent[0].event_id}"
    assert PERSON not in repr(whole)
    assert "typed as a name" not in repr(whole)


def test_a_page_masks_ids_until_they_are_revealed(service: Service) -> None:
    browser = Browser(service.port)
    browser.signs_in("viewer", PASSWORD)
    for path in ("/queue", "/locks", "/incidents"):
        seen = re.sub(r"<[^>]*>", "", browser.asks("GET", path).text)
        assert PERSON not in seen, path


def ran(service: Service, *args: str) -> Ended:
    return paywarden("console", "--store", str(service.store.engine.url), "audit", *args)


def test_a_trail_that_was_touched_is_found_out(service: Service) -> None:
    browser = Browser(service.port)
    browser.signs_in("viewer", PASSWORD)
    for _ in range(4):
        browser.asks("GET", "/cases/case_a")
    whole = ran(service, "verify")
    assert (whole.exit_code, whole.stdout.splitlines()[0]) == (0, "5 rows follow each other")
    noted = whole.stdout.splitlines()[1]
    exported = ran(service, "export", "--by", "lin", "--after", "1")
    lines = [json.loads(line) for line in exported.stdout.splitlines()]
    assert [line["number"] for line in lines] == [2, 3, 4, 5, 6]
    assert lines[-1]["kind"] == "export"
    assert ran(service, "verify", "--noted", noted).exit_code == 0
    audit = tables.AUDIT
    with service.store.reading() as connection:
        rows = [msgspec_row(row) for row in trail.rows(connection)]

    def broken(*statements: Any, note: bool = False) -> str:
        with service.store.writing() as connection:
            for each in statements:
                connection.execute(each)
        said = ran(service, "verify", *(("--noted", noted) if note else ()))
        with service.store.writing() as connection:
            connection.execute(delete(audit))
            connection.execute(audit.insert(), rows)
        assert said.exit_code == 1, said.stdout
        return str(said.stdout)

    def moved(number: int, to: int) -> Any:
        return update(audit).where(audit.c.number == number).values(number=to)

    assert "row 3 was changed" in broken(update(audit).where(audit.c.number == 3).values(actor="somebody"))
    assert "row 3 is missing" in broken(delete(audit).where(audit.c.number == 3))
    assert "row 1 is missing" in broken(delete(audit).where(audit.c.number == 1))
    assert "row 2" in broken(moved(2, 99), moved(3, 2), moved(99, 3))
    assert "ends at row 3" in broken(delete(audit).where(audit.c.number > 3), note=True)
    assert "another hash" in broken(delete(audit), *forged(rows), note=True)
    assert ran(service, "verify", "--noted", "nonsense").exit_code == 64
    assert ran(service, "verify").exit_code == 0


def msgspec_row(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__}


def forged(rows: list[dict[str, Any]]) -> list[Any]:
    """The whole trail written anew with another first row, each hash right: only a noted one tells."""
    made, previous = [], trail.FIRST
    for row in rows:
        entry = trail.Entry(**{name: row[name] for name in trail.Entry.__struct_fields__} | {"detail": "forged"})
        again = trail._hash(row["number"], previous, entry)
        made.append(tables.AUDIT.insert().values(**{**row, "detail": "forged", "previous": previous, "hash": again}))
        previous = again
    return made
