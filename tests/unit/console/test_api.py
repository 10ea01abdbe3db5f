"""Does another service get what was published, only what it may see, and a sentence for everything else?"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import CHECKS
from support.examples import java
from support.services import AT, CASES, PERSON, SNAPSHOT, Service, versions
from support.stores import START_MS, case, load, record

from streams.adapters.case_store import tokens, trail
from streams.console import wishes
from streams.console.api.limits import Buckets
from streams.console.masking import masked, masked_body
from streams.contracts.actions import ActionRequested, Lock, LocksState
from streams.contracts.base import from_ms
from streams.contracts.cases import ActionRejected, AttachmentRecorded, Entities, Evidence
from streams.contracts.registry import encode
from streams.core.entities.blocks import command_id


def test_a_record_comes_as_it_was_published_and_only_when_it_changed(service: Service) -> None:
    token = service.token()
    first = service.asks("/cases/case_a", token)
    assert first.raw == encode(versions()[1])
    assert first.headers["etag"] == '"2"'
    assert first.headers["cache-control"] == "private, no-cache"
    for known in ('"2"', 'W/"2"', '"1", "2"', "*"):
        again = service.asks("/cases/case_a", token, If_None_Match=known)
        assert (again.status, again.raw) == (304, b"")
    assert service.asks("/cases/case_a", token, If_None_Match='"1"').status == 200
    masked = service.token(unmasked=False)
    assert service.asks("/cases/case_a", masked, If_None_Match='"2"').status == 200  # another representation
    load(service.store, [record(SNAPSHOT, case("case_a", 3))])
    assert service.asks("/cases/case_a", token, If_None_Match='"2"').headers["etag"] == '"3"'
    assert service.asks("/cases/case_a/versions/1", token).raw == encode(versions()[0])
    assert service.asks(f"/accounts/{PERSON}/locks", token, If_None_Match='"7"').status == 304
    assert service.asks(f"/accounts/{PERSON}/locks", token).json["locks"][0]["action"] == "lock"


def test_files_of_a_case_are_told_and_that_they_were(service: Service) -> None:
    said = AttachmentRecorded(
        occurred_at=AT,
        event_id="opr_1",
        account_id=PERSON,
        case_id="case_a",
        reference="s3://evidence/receipt.png",
        sha256="ab" * 32,
        kind="receipt",
        size_bytes=4,
        actor="mei",
        role="analyst",
    )
    load(service.store, [record(CASES, said)])
    (found,) = service.asks("/cases/case_a/attachments", service.token(unmasked=False)).json["items"]
    assert found == {
        "sha256": "ab" * 32,
        "reference": "s3://evidence/receipt.png",
        "kind": "receipt",
        "media_type": None,
        "size_bytes": 4,
        "actor": "mei",
        "role": "analyst",
        "recorded_at": "2026-03-04T15:00:00Z",
    }
    (read,) = service.asks("/cases/case_a/attachments", service.token("viewer")).json["items"]
    assert read == {**found, "reference": None}, "a token that only reads is told that there is one and not where"
    assert service.asks("/cases/case_b/attachments", service.token()).json["items"] == []
    assert service.asks("/cases/nothing/attachments", service.token()).status == 404
    with service.store.reading() as connection:
        rows = [(row.actor, row.subject, row.detail) for row in trail.rows(connection) if row.kind == "attachment_view"]
    assert rows[0] == ("api/analyst-False-60000", "case_a", "1 files")
    assert [subject for _, subject, _ in rows] == ["case_a", "case_a", "case_b", "nothing"]


def ids(service: Service, address: str, token: str, limit: int = 2) -> list[str]:
    """What all pages of `address` name, in their order."""
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        join = "&" if "?" in address else "?"
        said = service.asks(f"{address}{join}limit={limit}{cursor and f'&cursor={cursor}'}", token)
        assert said.status == 200, said.raw
        assert len(said.json["items"]) <= limit
        found += [each.get("notification_id") or f"{each['case_id']}/{each['version']}" for each in said.json["items"]]
        cursor = said.json["next_cursor"]
    return found


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("/cases", ["case_a/2", "case_b/3", "case_c/4", "inc_1/5"]),
        ("/cases?queue=technical", ["case_b/3"]),
        ("/cases?status=closed", ["case_c/4"]),
        ("/cases?type=payment_failure.single", ["case_b/3"]),
        (f"/cases?account={PERSON}", ["case_a/2"]),
        ("/cases?account=ada", ["case_b/3", "case_c/4"]),
        ("/cases?priority=P1", []),
        ("/incidents", ["inc_1/5"]),
        ("/cases/case_a/versions", ["case_a/1", "case_a/2"]),
        ("/notifications?case=case_a", ["ntf_0", "ntf_1", "ntf_2"]),
        (f"/notifications?account={PERSON}", ["ntf_0", "ntf_1", "ntf_2"]),
        ("/notifications?account=ada", []),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 200])
def test_pages_hold_everything_that_was_asked_for_once(
    service: Service, asked: str, wanted: list[str], limit: int
) -> None:
    assert ids(service, asked, service.token(), limit) == wanted


def test_what_changed_since_a_time_is_found_and_a_cursor_survives_changes(service: Service) -> None:
    token = service.token()
    since = from_ms(START_MS + 4 * 60_000).isoformat().replace("+", "%2B")
    assert ids(service, f"/cases?updated_since={since}", token) == ["case_c/4", "inc_1/5"]
    assert service.asks("/cases?updated_since=2026-01-01T00:00:00", token).status == 422  # no offset
    page = service.asks("/cases?limit=1", token).json
    load(service.store, [record(SNAPSHOT, case("case_b", 9))])  # moves behind the others
    assert ids(service, f"/cases?cursor={page['next_cursor']}", token, 200) == ["case_c/4", "inc_1/5", "case_b/9"]


def test_an_action_is_an_event_and_its_resource_says_what_became_of_it(service: Service) -> None:
    token = service.token()
    sent = service.acts(token, version=2, Idempotency_Key="order-17")
    assert sent.status == 202
    event = service.sent[-1]
    assert (event.actor, event.role, event.expected_version) == ("api/analyst-True-60000", "analyst", 2)
    assert sent.headers["location"] == f"/api/v1/actions/{event.event_id}"
    path = f"/actions/{event.event_id}"
    assert (sent.json["state"], service.asks(path, token).json["state"]) == ("pending", "pending")
    service.acts(token, version=2, Idempotency_Key="order-17")
    service.acts(token, version=2, Idempotency_Key="order-18")
    assert [each.event_id == event.event_id for each in service.sent] == [True, True, False]
    line = Evidence(at=AT, kind="operator_assign", event_id=event.event_id, text="analyst: assign")
    load(service.store, [record(CASES, case("case_a", 3, evidence=(line,)))])
    load(service.store, [record(SNAPSHOT, case("case_a", 9))])  # so many lines later that it dropped this one
    assert service.asks(path, token).json["state"] == "accepted"
    answer = ActionRejected(
        occurred_at=AT,
        event_id=service.sent[-1].event_id,
        account_id=PERSON,
        action="assign",
        cause="version_conflict",
        text="the case is at version 3, not 2",
    )
    load(service.store, [record(CASES, answer)])
    said = service.asks(f"/actions/{answer.event_id}", token).json
    assert (said["state"], said["cause"], said["detail"]) == ("refused", "version_conflict", answer.text)


@pytest.mark.parametrize("known", ['"1"', 'W/"2"', '"2-masked"', '"1", "3"', ""])
def test_an_action_on_a_version_that_is_no_more_is_not_sent(service: Service, known: str) -> None:
    said = service.acts(service.token(), version=2, If_Match=known)
    assert (said.status, service.sent) == (412, [])
    assert said.headers["content-type"] == "application/problem+json"
    assert "changed since the caller read it" in said.json["detail"]
    assert service.acts(service.token(), "resolve", 4, "case_c", If_Match='"3"').status == 412  # it is closed as well


def test_an_action_on_the_version_that_was_seen_is_sent_and_may_be_sent_again(service: Service) -> None:
    token = service.token()
    for known in ('"2"', '"1", "2"', "*"):
        assert service.acts(token, version=2, If_Match=known).status == 202
    masked = service.token(unmasked=False)
    seen = service.asks("/cases/case_a", masked).headers["etag"]
    assert service.acts(masked, version=2, If_Match=seen).status == 202
    load(service.store, [record(SNAPSHOT, case("case_a", 3))])
    assert service.acts(token, version=2, If_Match='"2"').status == 202, "it was sent before the case changed"
    assert service.acts(token, "note", 2, If_Match='"2"', body={"text": "late"}).status == 412
    assert service.acts(token, "assign", 2, "case_z", If_Match='"2"').status == 404


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("/cases?quue=technical", "query.quue: there is no such parameter; this address takes account, assignee"),
        ("/cases?queue=technical&queue=security", "query.queue: given 2 times"),
        ("/cases?limit=5&limit=5", "query.limit: given 2 times"),
        ("/incidents?priority=P1", "query.priority: there is no such parameter"),
        ("/notifications?account_id=ada", "query.account_id: there is no such parameter"),
        ("/cases/case_a?version=1", "query.version: there is no such parameter; this address takes none"),
        ("/cases/case_a/versions?page=2", "query.page: there is no such parameter"),
        ("/accounts/ada/locks?account=bob", "query.account: there is no such parameter"),
        ("/cases?13800138000=1", "query.…: there is no such parameter"),
    ],
)
def test_a_parameter_that_would_be_left_out_is_a_sentence(service: Service, address: str, says: str) -> None:
    said = service.asks(address, service.token())
    assert said.status == 422
    assert said.json["detail"].startswith(says)
    assert service.asks(address).status == 401


CHOICES: dict[str, dict[str, Any]] = {
    "lock": {"scope": "login", "hours": 4},
    "unlock": {"scope": "login"},
    "ask": {"asks_for": ["order", "time"], "zh": "是哪家店？", "en": "Which shop was it?"},
    "resolve": {"finding": "valuable_alert", "resolution": "explained", "root_cause": "merchant"},
    "merge": {"other_case_id": "case_b"},
    "link": {"other_case_id": "case_c"},
}


@pytest.mark.parametrize("action", CHOICES)
def test_whatever_a_form_can_choose_a_program_can_too(service: Service, action: str) -> None:
    assert CHOICES.keys() == wishes.TAKES.keys(), "say how a program asks for what a form has anew"
    token, choice = service.token(), CHOICES[action]
    assert choice.keys() == wishes.TAKES[action].keys()
    sent = service.acts(token, action, 2, body=choice)
    assert sent.status == 202, sent.raw
    (event,) = service.sent
    wanted = {name: tuple(value) if isinstance(value, list) else value for name, value in choice.items()}
    if "hours" in wanted:
        wanted["lasts_s"] = wanted.pop("hours") * 3_600
    assert {name: getattr(event, name) for name in wanted} == wanted
    assert service.acts(token, action, 2, body=choice).json == sent.json
    bare = service.acts(token, action, 2, body={"other_case_id": "case_s"} if "other_case_id" in choice else {})
    assert bare.json["event_id"] != event.event_id


@pytest.mark.parametrize(
    ("action", "given", "says"),
    [
        ("merge", {}, "body.other_case_id: There is no such case"),
        ("link", {"other_case_id": "case_z"}, "body.other_case_id: There is no such case"),
        ("lock", {"hours": 721}, "body.hours"),
        ("lock", {"scope": "wallet"}, "body.scope"),
        ("lock", {"order": "court"}, "body.order"),  # takes two people who have read it
        ("ask", {"asks_for": ["password"]}, "body.asks_for"),
        ("ask", {"text": "what is your PIN?"}, "body.text: A customer is never asked for a password"),
        ("ask", {"zh": "请告诉我您的密码", "en": "Which shop?"}, "body.zh: A customer is never asked for a password"),
        ("resolve", {"finding": "confirmed_fraud"}, "body.finding"),
        ("note", {"scope": "all"}, "body.scope: note takes no such field"),
        ("unlock", {"hours": 2}, "body.hours: unlock takes no such field"),
    ],
)
def test_what_no_form_offers_is_a_sentence_for_a_program_too(
    service: Service, action: str, given: dict[str, Any], says: str
) -> None:
    said = service.acts(service.token(), action, 2, body=given)
    assert (said.status, service.sent) == (422, [])
    assert said.json["detail"].startswith(says)


def test_an_action_that_cannot_be_is_refused_with_its_reason(service: Service) -> None:
    token = service.token()
    wanted = {
        "viewer may not": (service.acts(service.token("viewer")), 403),
        "no such case": (service.acts(token, case_id="case_z"), 404),
        "an incident": (service.acts(token, case_id="inc_1"), 403),
        "the case is closed": (service.acts(token, "resolve", 4, "case_c"), 409),
        "no such action": (service.acts(token, "nonsense"), 422),
        "a version that is none": (service.acts(token, body={"expected_version": "1"}), 422),
        "an unknown field": (service.acts(token, body={"second": "x"}), 422),
        "a lone surrogate": (
            service.asks(
                "/cases/case_a/actions",
                token,
                method="POST",
                body=b'{"action":"note","expected_version":1,"text":"\\ud800"}',
            ),
            422,
        ),
        "too large": (service.asks("/cases/case_a/actions", token, method="POST", body=b" " * 70_000), 413),
        "no JSON": (service.asks("/cases/case_a/actions", token, method="POST", body=b"{"), 422),
        "too deep": (service.asks("/cases/case_a/actions", token, method="POST", body=b"[" * 50_000), 422),
    }
    assert {name: said.status for name, (said, _) in wanted.items()} == {
        name: code for name, (_, code) in wanted.items()
    }
    for said, code in wanted.values():
        assert said.headers["content-type"] == "application/problem+json"
        assert said.json["status"] == code
    assert service.sent == []
    service.broker_is_up = False
    down = service.acts(token)
    assert (down.status, down.headers["retry-after"]) == (503, "5")


def test_a_token_is_kept_as_a_hash_ends_and_is_limited(service: Service) -> None:
    token = service.token(days=1)
    assert service.asks("/cases", token).status == 200
    with service.store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    assert token.encode() not in Path(str(service.store.engine.url.database)).read_bytes()
    service.clock.at_ms += 86_400_000
    for wrong in ("", token, token[:-1], "pwt_", "x" * 5_000):
        said = service.asks("/cases", wrong)
        assert (said.status, said.headers["www-authenticate"]) == (401, "Bearer")
    revoked = service.token()
    with service.store.writing() as connection:
        assert tokens.remove_token(connection, "analyst-True-60000")
    assert service.asks("/cases", revoked).status == 401
    few = service.token(per_minute=2)
    assert [service.asks("/cases", few).status for _ in range(3)] == [200, 200, 429]
    limited = service.asks("/cases", few)
    assert limited.headers["retry-after"] == "30"
    service.clock.at_ms += 30_000
    assert service.asks("/cases", few).status == 200


def test_a_bucket_never_gives_more_than_its_share() -> None:
    buckets = Buckets()
    taken = sum(buckets.take("a", 60, at_ms) == 0 for at_ms in range(0, 120_000, 100))
    assert taken == 60 + 119  # what it began with, and one a second
    assert buckets.take("b", 60, 0) == 0


def test_without_unmasked_nothing_tells_a_person(service: Service) -> None:
    token = service.token("admin", unmasked=False)
    for address in ("/cases", "/cases/case_a", "/cases/case_a/versions", "/incidents", "/notifications"):
        said = service.asks(address, token)
        assert said.status == 200
        for secret in (PERSON, "203.0.113.7", "dev-123456"):
            assert secret.encode() not in said.raw, (address, secret)
    assert service.asks("/cases/case_a", token).json["entities"]["payment_id"] == "pay_1"
    for address in (f"/cases?account={PERSON}", f"/notifications?account={PERSON}", f"/accounts/{PERSON}/locks"):
        assert service.asks(address, token).status == 403
    body = encode(case("case_x", entities=Entities(account_id="ada"), subject="Canada, ada and adalbert"))
    assert json.loads(masked_body(body))["subject"] == "Canada, … and adalbert"
    assert [masked(each) for each in ("abcdef", "abcdefg")] == ["…", "ab…efg"]


def test_requests_made_from_the_document_get_answers_that_it_documents(service: Service) -> None:
    """Both of tokens that may and that may not: no answer is a server error, and none is undocumented."""
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{service.port}/api/v1/openapi.json")
    checks = CHECKS.get_by_names(
        [
            "not_a_server_error",
            "status_code_conformance",
            "content_type_conformance",
            "response_headers_conformance",
            "response_schema_conformance",
            "unsupported_method",
        ]
    )
    asked: dict[str, set[int]] = {}

    def tries(operation: Any, token: str) -> None:
        tried = asked.setdefault(operation.label, set())

        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(request=operation.as_strategy())
        def asks(request: Any) -> None:
            response = request.call(headers={"Authorization": f"Bearer {token}"})
            tried.add(response.status_code)
            request.validate_response(response, checks=checks)

        asks()

    for token in (service.token("admin"), service.token("viewer", unmasked=False)):
        for found in schema.get_all_operations():
            tries(found.ok(), token)
    assert len(asked) == 12
    assert all(codes & {200, 202, 404} for codes in asked.values()), asked


def test_lifting_a_freeze_is_for_two_people_and_says_so_before_anything_is_sent(service: Service) -> None:
    freeze = Lock(action_id="f", action="freeze", scope="all", status="effective", reason_class="x", since=AT)
    state = LocksState(occurred_at=AT, account_id=PERSON, version=8, locks=(freeze,))
    load(service.store, [record("account.locks", state)])
    said = service.acts(service.token("admin"), "unlock", 2)
    assert (said.status, len(service.sent)) == (403, 0)
    assert "takes two people who each sign for it" in said.json["detail"]
    assert service.acts(service.token("admin"), "note", 2).status == 202


@pytest.mark.connected  # where Jackson is, beside the clients of Kafka
@pytest.mark.timeout(120)
def test_the_example_for_the_jvm_reads_every_page_and_says_where_to_go_on(service: Service, tmp_path: Path) -> None:
    load(service.store, [record(SNAPSHOT, case(f"case_{number:03}", queue="technical")) for number in range(450)])
    token = tmp_path / "token"
    token.write_text(service.token("viewer", unmasked=False) + "\n")
    address = f"http://127.0.0.1:{service.port}/api/v1"
    *lines, end = java("rest/Poll.java", address, str(token))
    found = {line["case_id"]: (line["version"], line["status"], line["queue"]) for line in lines}
    assert len(found) == len(lines) == 454
    assert found["case_a"] == (2, "in_progress", "security")
    newest = START_MS + 5 * 60_000
    assert datetime.fromisoformat(end["next_since"]) == from_ms(newest - 15 * 60_000)
    assert len(java("rest/Poll.java", address, str(token), end["next_since"])) == 455
    later = from_ms(newest).isoformat().replace("+00:00", "Z")
    assert [each.get("case_id") for each in java("rest/Poll.java", address, str(token), later)] == ["inc_1", None]


def test_a_block_is_an_event_and_its_resource_says_what_became_of_it(service: Service) -> None:
    token, asked = service.token(), {"kind": "ip", "value": "::ffff:203.0.113.7", "hours": 2, "reason": "fraud"}

    def sends(**more: Any) -> Any:
        return service.asks("/blocks", token, method="POST", body=asked | more, Idempotency_Key="order-17")

    sent = sends()
    (event,) = service.sent
    assert (sent.status, sent.json["state"]) == (202, "pending")
    assert (event.kind, event.value, event.actor, event.second_actor) == (
        "ip",
        "203.0.113.7",
        "api/analyst-True-60000",
        None,
    )
    assert event.accounts == 1
    assert event.expires_at == from_ms(service.clock.at_ms + 2 * 3_600_000)
    path = sent.headers["location"].removeprefix("/api/v1")
    assert service.asks(path, token).json == sent.json
    assert sends().json == sent.json
    assert sends(hours=3).json["event_id"] != event.event_id
    command = ActionRequested(
        occurred_at=event.occurred_at,
        action_id=command_id("ip", "203.0.113.7", event.event_id),
        account_id="ip/203.0.113.7",
        entity="ip/203.0.113.7",
        action="block_entity",
        reason_class="fraud",
        rule="operator",
    )
    load(service.store, [record("account.actions", command)])
    assert service.asks(path, token).json["state"] == "accepted"
    lifted = sends(wanted="lift")
    answer = ActionRejected(
        occurred_at=AT,
        event_id=lifted.json["event_id"],
        account_id="ip/203.0.113.7",
        action="entity_lift",
        cause="not_blocked",
        text="no operator's block of this ip stands",
    )
    load(service.store, [record(CASES, answer)])
    said = service.asks(lifted.headers["location"].removeprefix("/api/v1"), token).json
    assert (said["state"], said["cause"], said["detail"]) == ("refused", "not_blocked", answer.text)
    with service.store.reading() as connection:
        (row, *_) = [row for row in trail.rows(connection) if row.kind == "entity_block"]
    assert (row.actor, row.subject) == ("api/analyst-True-60000", trail.entity_subject("ip", "203.0.113.7"))
    assert row.detail == f"block {event.event_id}"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"value": "0.0.0.0/0"}, "this is no address"),
        ({"kind": "card", "value": "4111111111111111"}, "send the id that the events have"),
        ({"kind": "account"}, "body.kind"),
        ({"hours": 0}, "body.hours"),
        ({"reason": "because"}, "body.reason"),
        ({"second_actor": "jo"}, "body.second_actor"),
    ],
)
def test_what_cannot_be_blocked_is_a_sentence_and_no_event(service: Service, given: dict[str, Any], says: str) -> None:
    asked = {"kind": "ip", "value": "203.0.113.7", "reason": "fraud"} | given
    said = service.asks("/blocks", service.token(), method="POST", body=asked)
    assert (said.status, service.sent) == (422, [])
    assert says in said.json["detail"]
    assert str(given.get("value", "…")) not in said.json["detail"]
