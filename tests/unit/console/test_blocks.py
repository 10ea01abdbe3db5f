"""Is an entity blocked from its page by whoever may, with what the store knows about it, and is the answer shown?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.browsers import Answer, Browser
from support.offices import Office
from support.passwords import PASSWORD
from support.services import activity
from support.stores import record

from streams.adapters.case_store import trail
from streams.adapters.case_store.activity import Detail
from streams.adapters.case_store.linked import Act
from streams.console.blocking import measures
from streams.contracts.accounts import EntityBlock
from streams.contracts.actions import ActionRequested
from streams.contracts.base import from_ms, to_ms
from streams.contracts.cases import ActionRejected
from streams.core.entities.blocks import command_id

ENTITY = {"kind": "device", "value": "dev-123456"}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    office.store.write([*activity("ada"), *activity("bo")], {})
    with office.at_work():
        yield office


def asks(browser: Browser, **fields: Any) -> Answer:
    form = {"wanted": "block", "hours": "24", "reason": "mule", "form": "1", "csrf": browser.csrf()}
    return browser.asks("POST", "/entity/block", ENTITY | form | fields)


def carried_out(office: Office, asked: EntityBlock) -> None:
    """What the workers answer."""
    command = ActionRequested(
        occurred_at=asked.occurred_at,
        action_id=command_id(asked.kind, asked.value, asked.event_id),
        account_id="device/dev-123456",
        action="block_entity",
        expires_at=asked.expires_at or asked.occurred_at,
        reason_class=asked.reason,
        rule="operator",
        entity="device/dev-123456",
    )
    office.store.write([record("account.actions", command)], {})


def test_a_block_is_asked_for_shown_with_its_time_and_lifted(office: Office) -> None:
    mei = office.person("mei")
    sent = asks(mei)
    (asked,) = office.sent
    assert isinstance(asked, EntityBlock)
    assert (asked.kind, asked.value, asked.wanted, asked.reason) == ("device", "dev-123456", "block", "mule")
    assert (asked.actor, asked.role, asked.second_actor, asked.accounts) == ("mei", "analyst", None, 2)
    assert asked.expires_at is not None
    assert to_ms(asked.expires_at) - to_ms(asked.occurred_at) == 24 * 3_600_000
    assert "Sent; waiting" in mei.asks("GET", sent.location).text
    assert asks(mei).location == sent.location, "the same form is the same event"
    carried_out(office, asked)
    shown = mei.asks("GET", sent.location).text
    assert "Carried out." in shown
    assert re.search(r"Blocked; time left 24 h <small>Mule account", shown)
    office.clock.at_ms += 60_000
    asks(mei, wanted="lift", form="2")
    lift = office.sent[-1]
    assert isinstance(lift, EntityBlock)
    assert (lift.wanted, lift.expires_at, lift.account_id) == ("lift", None, asked.account_id)
    carried_out(office, lift)
    shown = mei.asks("GET", office.page_of(*ENTITY.values())).text
    assert "Last block:" in shown
    assert 'value="lift"' not in shown


def test_what_nobody_has_seen_yet_is_blocked_from_a_page_of_its_own(office: Office) -> None:
    fresh = {"kind": "ip", "value": "203.0.113.77"}
    page = "/entity?kind=ip&value=203.0.113.77"
    mei = office.person("mei")
    found = mei.asks("GET", page)
    shown = mei.asks("GET", found.location)
    assert shown.status == 200
    assert 'value="block"' in shown.text
    sent = asks(mei, **fresh)
    assert mei.asks("GET", sent.location).status == 200
    for nothing in ("/entity?kind=terminal&value=t-404", "/entity?kind=ip&value=nowhere"):
        seen = mei.asks("GET", nothing)
        assert (mei.asks("GET", seen.location) if seen.status == 303 else seen).status == 404


def test_a_refusal_says_why(office: Office) -> None:
    mei = office.person("mei")
    where = asks(mei).location
    why = ActionRejected(
        occurred_at=from_ms(office.clock.at_ms),
        event_id=office.sent[0].event_id,
        account_id="device/dev-123456",
        action="entity_block",
        cause="role",
        text="21 accounts used this device lately, more than 20: only a supervisor may block it",
    )
    office.store.write([record("support.cases", why)], {})
    assert "Refused: Your role may not · 21 accounts used this device lately" in mei.asks("GET", where).text
    chinese = mei.asks("GET", where, Accept_Language="zh-Hans").text
    assert "被拒绝：角色权限不足<" in chinese
    assert "only a supervisor" not in chinese


def test_a_second_person_types_a_password_of_their_own(office: Office) -> None:
    sun = office.person("sun")
    for second, password in (("jo", "wrong password 1"), ("sun", PASSWORD), ("lin", PASSWORD)):
        assert asks(sun, second=second, second_password=password).status == 403
    assert office.sent == []
    assert asks(sun, second="jo", second_password=PASSWORD).status == 303
    (asked,) = office.sent
    assert isinstance(asked, EntityBlock)
    assert (asked.second_actor, asked.second_role) == ("jo", "supervisor")


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "account"},
        {"kind": "terminal"},
        {"value": ""},
        {"value": "x" * 129},
        {"hours": "-1"},
        {"hours": "9000"},
        {"reason": "because"},
        {"wanted": "kill"},
        {"form": ""},
    ],
)
def test_what_is_no_request_is_refused_and_sends_nothing(office: Office, given: dict[str, str]) -> None:
    assert asks(office.person("mei"), **given).status == 400
    assert office.sent == []


def test_a_viewer_sees_that_it_could_be_done_and_cannot(office: Office) -> None:
    vera = office.person("vera")
    page = vera.asks("GET", office.page_of(*ENTITY.values())).text
    assert 'action="/entity/block"' not in page
    assert re.search(r"<button type=.button. disabled aria-describedby=.why-block", page)
    assert asks(vera).status == 403
    assert office.sent == []
    with office.store.reading() as connection:
        rows = [each for each in trail.rows(connection) if each.kind == "entity_block"]
    assert [(each.actor, each.outcome) for each in rows] == [("vera", 403)]


@pytest.mark.parametrize("written", ["::ffff:203.0.113.9", "0:0:0:0:0:FFFF:203.0.113.9", "203.0.113.9"])
def test_an_address_is_counted_and_blocked_as_what_it_is_however_it_is_written(office: Office, written: str) -> None:
    mei = office.person("mei")
    asks(mei, kind="ip", value=written)
    (asked,) = office.sent
    assert isinstance(asked, EntityBlock)
    plain = asks(mei, kind="ip", value="203.0.113.9", form="2")
    assert plain.location.startswith(office.page_of("ip", "203.0.113.9"))
    other = office.sent[1]
    assert isinstance(other, EntityBlock)
    assert (asked.value, asked.accounts) == (other.value, other.accounts) == ("203.0.113.9", other.accounts)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("ip", "0.0.0.0/0"),
        ("ip", "no address"),
        ("ip", "203.0.113"),
        ("card", "4111111111111111"),
        ("payee", "a@b.example"),
        ("payee", "13812345678"),
    ],
)
def test_what_is_no_entity_is_sent_to_nobody(office: Office, kind: str, value: str) -> None:
    answer = asks(office.person("mei"), kind=kind, value=value)
    assert answer.status == 400
    assert office.sent == []


def test_a_block_of_two_people_that_one_lifts_is_over_and_the_trail_names_all_three(office: Office) -> None:
    sun, mei = office.person("sun"), office.person("mei")
    asks(sun, second="jo", second_password=PASSWORD)
    carried_out(office, office.sent[0])
    assert "24 h left" in mei.asks("GET", office.page_of(*ENTITY.values())).text
    office.clock.at_ms += 3_600_000
    mei = office.person("mei")
    asks(mei, wanted="lift", form="2")
    carried_out(office, office.sent[1])
    office.clock.at_ms += 60_000
    shown = mei.asks("GET", office.page_of(*ENTITY.values())).text
    assert "lifted by people" in shown
    assert not re.search(r"\d (h|min|d) left", shown)
    assert "Blocked; time left" not in shown
    with office.store.reading() as connection:
        rows = [(each.actor, each.detail) for each in trail.rows(connection) if each.kind == "entity_block"]
    assert rows == [
        ("sun", f"block {office.sent[0].event_id} with jo"),
        ("mei", f"lift {office.sent[1].event_id}"),
    ]


def command(at: int, ends: int, rule: str = "operator") -> Act:
    empty = dict.fromkeys(Act.__struct_fields__)
    detail = Detail(expires_ms=ends, rules=(rule,))
    return Act(**{**empty, "account_id": "ip/x", "at_ms": at, "event_id": f"e{at}", "label": "block", "detail": detail})


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        ([(0, 100)], [(0, 100, False)]),
        ([(0, 100), (40, 40)], [(0, 40, True)]),
        ([(0, 100), (40, 200)], [(40, 200, False), (0, 40, False)]),
        ([(0, 100), (40, 40), (50, 90)], [(50, 90, False), (0, 40, True)]),
        ([(0, 100), (120, 120)], [(0, 100, False)]),
        ([(0, 100, "credential_attack"), (40, 40)], [(0, 100, False)]),
    ],
)
def test_of_what_people_order_the_newest_counts(
    commands: list[tuple[Any, ...]], expected: list[tuple[int, int, bool]]
) -> None:
    found = measures(tuple(command(*each) for each in reversed(commands)))
    assert [(each.at_ms, each.ends_ms, each.is_lifted) for each in found] == expected
