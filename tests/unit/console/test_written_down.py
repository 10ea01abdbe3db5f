"""Does a number or address of somebody that is typed anywhere end on a topic, in the database, in a log or on a page?

Forms, their fields and those of the interface are found, not listed: a new one that writes it down makes this red, and
so does a route that takes a form which no page here shows.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote_plus, urlsplit

import click
import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import compile_path
from support.browsers import Browser
from support.passwords import HASH, PASSWORD
from support.services import AT, CASES, PERSON, SNAPSHOT, Service, filled, page_of
from support.stores import case, load, record

from streams.adapters.case_store import people
from streams.adapters.case_store.people import User
from streams.cli.main import paywarden
from streams.contracts.cases import AttachmentRecorded, Entities
from streams.contracts.registry import encode

PLANTED = ("4111 1111 1111 1111", "13800138000", "li.lei@mail.example", "11010519491231002X")
TYPED = (PLANTED[0], PLANTED[1], f"please note {PLANTED[2]} for later", f"he is {PLANTED[3]}")
# Answers of pages that show a form which no address shows.
BEFORE: dict[str, dict[str, str]] = {"/bulk": {"case": "2:case_a"}}
UNTYPED = {"csrf", "form", "second_password"}  # made by the page, or a secret that is only compared
# Names by which somebody comes in, and secrets: nothing of them is a text of the desk.
NOT_TEXTS = {"/login", "/logout", "/settings/password", "/settings/sessions"}


class Form(NamedTuple):
    action: str
    fields: dict[str, str]  # with what a person would send who chose the first of everything


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self.outside: dict[str, dict[str, str]] = {}  # fields that stand elsewhere, by the form that they belong to
        self._open: dict[str, str] | None = None
        self._buttons: list[tuple[str, str]] = []
        self._action = self._select = self._id = ""
        self._others: list[str] = []  # where else its buttons send it

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "form":
            self._open = {} if given.get("method") == "post" else None
            self._action, self._buttons, self._others = given.get("action", ""), [], []
            self._id = given.get("id", "")
        elif name and given.get("form"):
            self.outside.setdefault(given["form"], {}).setdefault(name, value)
        elif self._open is None:
            return
        elif tag == "button" and given.get("formaction"):
            self._others.append(given["formaction"])
        elif tag == "button" and name:
            self._buttons.append((name, value))
        elif tag == "option" and self._select and not self._open.get(self._select):
            self._open[self._select] = value
        elif tag in ("input", "textarea", "select") and name:
            self._select = name if tag == "select" else ""
            self._open.setdefault(name, value)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._open is not None:
            fields = {**self._open, **self.outside.get(self._id, {})}
            self.found += [Form(self._action, {**fields, name: value}) for name, value in self._buttons]
            self.found += [Form(each, fields) for each in self._others]
            if not self._buttons:
                self.found.append(Form(self._action, fields))
            self._open = None


def forms_of(text: str) -> list[Form]:
    parser = _Forms()
    parser.feed(text)
    return parser.found


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with filled(tmp_path) as service:
        ip = "198.51.100.23"
        attack = case(
            "inc_2", 7, owner="entity", entities=Entities(entity=f"ip/{ip}"), subject=f"ip/{ip}", cause_family="outage"
        )
        mine = case("case_m", 8, assignee="sun", entities=Entities(account_id=PERSON, payment_id="pay_9"))
        file = AttachmentRecorded(
            occurred_at=AT,
            event_id="a",
            account_id=PERSON,
            case_id="case_a",
            reference="https://files.example/a.png",
            sha256="ab" * 32,
            kind="receipt",
            actor="mei",
            role="analyst",
        )
        load(service.store, [*(record(SNAPSHOT, each) for each in (attack, mine)), record(CASES, file)])
        with service.store.writing() as connection:
            people.put_user(connection, User("sun", "supervisor", HASH, 0))
            people.put_user(connection, User("mei", "analyst", HASH, 0))
        yield service


def kept(service: Service, folder: Path) -> str:
    """All that is written down: what was sent, and the bytes of the database."""
    sent = "\n".join(encode(each).decode() for each in service.sent)
    return sent + "".join(each.read_bytes().decode(errors="ignore") for each in folder.rglob("*") if each.is_file())


def found_in(text: str) -> list[str]:
    return [each for each in PLANTED if any(form in text for form in (each, each.replace(" ", "")))]


def shown(service: Service, sun: Browser) -> Iterator[Form]:
    """Every form that a supervisor is shown."""
    used = [("ip", "203.0.113.7"), ("device", "dev-123456"), ("card", "card-token-77"), ("merchant", "mer_1")]
    pages = ["/queue", "/handover", "/settings", "/cases/case_a", "/cases/case_m", "/cases/inc_2", "/login"]
    pages += ["/contacts/new?case=case_a", page_of(service.app, "account", PERSON)]
    pages += [page_of(service.app, *each) for each in used]
    seen: set[str] = set()
    answers = [sun.asks("GET", each).text for each in pages]
    answers += [sun.asks("POST", to, {**form, "csrf": sun.csrf()}).text for to, form in BEFORE.items()]
    for form in (each for answer in answers for each in forms_of(answer)):
        name = json.dumps([form.action.replace("case_m", "case_a"), sorted(form.fields), form.fields.get("action")])
        if name not in seen:
            seen.add(name)
            yield form


def routes(app: Any) -> dict[str, set[str]]:
    """The fields that each address takes which a form is sent to."""
    return {
        route.path: {each.alias for each in route.dependant.body_params}
        for route in (each.original_route for each in iter_route_contexts(app.routes))
        if isinstance(route, APIRoute) and "POST" in route.methods
    }


def test_what_is_typed_into_any_field_of_any_form_is_masked_or_refused(
    service: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sun = Browser(service.port)
    sun.signs_in("sun", PASSWORD)
    sun.asks("POST", "/views", {"csrf": sun.csrf(), "name": "of the morning"})
    taken = {path: fields for path, fields in routes(service.app).items() if path not in NOT_TEXTS}
    seen: dict[str, set[str]] = {path: set() for path in taken}
    done: set[str] = set()
    told: list[tuple[str, str, str]] = []
    for form in list(shown(service, sun)):
        action = urlsplit(form.action).path
        path = next((each for each in taken if compile_path(each)[0].fullmatch(action)), None)
        if path is None:
            continue
        seen[path] |= form.fields.keys()
        fields = {**form.fields, "csrf": sun.csrf()}
        free = {name: "he called" for name, value in fields.items() if not value and name in ("text", "reason", "name")}
        done |= {path} if sun.asks("POST", action, {**fields, **free}).status < 400 else set()
        for name in form.fields.keys() - UNTYPED:
            for typed in TYPED:
                service.clock.at_ms += 61_000 if path.endswith(("reveal", "{sha256}")) else 1_000  # nobody is so fast
                answer = sun.asks("POST", action, {**fields, **free, name: typed})
                assert answer.status != 429 or name == "second", path
                said = unquote_plus(f"{answer.text} {answer.headers}")
                told += [(path, name, each) for each in found_in(said)]
    assert told == []
    assert found_in(kept(service, tmp_path) + caplog.text) == []
    forgotten = {path: fields - seen[path] for path, fields in taken.items() if fields - seen[path]}
    assert forgotten == {}, "show a page above that has this form, with these fields"
    assert done >= {"/cases/{case_id}/actions", "/account/cases", "/contacts", "/views", "/handover"}, done
    assert len(service.sent) > 30


def test_what_is_typed_into_any_field_of_the_interface_is_masked_or_refused(
    service: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    token = service.token("analyst")
    document = service.asks("/openapi.json", token).json
    schemas = document["components"]["schemas"]
    walked = 0
    for path, methods in document["paths"].items():
        for method in methods.keys() & {"post", "put", "patch"}:
            (content,) = methods[method]["requestBody"]["content"].values()
            schema = schemas[content["schema"]["$ref"].rpartition("/")[2]]
            actions = schema["properties"].get("action", {}).get("enum", [None])
            for action in actions:
                least = {"action": action, "expected_version": 1, "kind": "device", "value": "d", "reason": "fraud"}
                body = {name: value for name, value in least.items() if name in schema["properties"] and value}
                for name in schema["properties"]:
                    for typed in TYPED:
                        walked += 1
                        where = path.replace("{case_id}", "case_a")
                        key = {"Idempotency_Key": typed.replace(" ", "")}
                        said = service.asks(where, token, method="POST", body={**body, name: typed}, **key)
                        assert said.status < 500, (path, name)
                        assert found_in(unquote_plus(f"{said.raw.decode()} {said.headers}")) == [], (path, name)
    assert walked > 400
    assert len(service.sent) > 20
    assert found_in(kept(service, tmp_path) + caplog.text) == []


def reasons(command: click.Command, name: str = "paywarden") -> Iterator[tuple[str, click.Command, click.Parameter]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for each in command.list_commands(context):
            below = command.get_command(context, each)
            assert below is not None
            yield from reasons(below, f"{name} {each}")
    yield from ((name, command, each) for each in command.params if each.name == "why")


def test_the_reason_that_a_command_is_given_is_masked() -> None:
    found = list(reasons(paywarden))
    assert {"paywarden erase", "paywarden policy publish", "paywarden models rollback"} <= {name for name, *_ in found}
    for name, command, option in found:
        said = option.process_value(click.Context(command), f"she wrote from {PLANTED[2]}, {PLANTED[1]}")
        assert found_in(said) == [], name
        assert said.startswith("she wrote from"), name
