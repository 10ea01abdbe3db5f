"""Is every request counted once, under the route that the code knows, and no word of it shown?"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from support.browsers import Browser, served
from support.command import paywarden
from support.metrics import RecordingMetrics
from support.passwords import HASH, PASSWORD
from support.services import Service

from streams.adapters.case_store import people
from streams.adapters.case_store.people import IDLE_MS, User
from streams.console.counted import Counted, count_sessions
from streams.metrics import CONSOLE_ACTIONS, CONSOLE_REQUESTS, CONSOLE_SECONDS, CONSOLE_SESSIONS, LABELS


@pytest.fixture
def metrics() -> RecordingMetrics:
    return RecordingMetrics()


@pytest.fixture
def browser(service: Service, metrics: RecordingMetrics) -> Iterator[Browser]:
    with service.store.writing() as connection:
        for role in ("viewer", "analyst"):
            people.put_user(connection, User(role, role, HASH, 0))
    app: Any = Counted(service.app, metrics, service.clock)
    with served(app) as port:
        service.port = port  # of the interface, too
        yield Browser(port)


def requests(metrics: RecordingMetrics) -> dict[tuple[str, ...], float]:
    return {labels: number for (each, labels), number in metrics.counted.items() if each is CONSOLE_REQUESTS}


def actions(metrics: RecordingMetrics) -> dict[tuple[str, ...], float]:
    return {labels: number for (each, labels), number in metrics.counted.items() if each is CONSOLE_ACTIONS}


def test_pages_are_counted_by_route_and_never_by_address(
    service: Service, browser: Browser, metrics: RecordingMetrics
) -> None:
    browser.asks("GET", "/queue")
    assert browser.signs_in("analyst", "wrong").status == 401
    assert browser.signs_in("analyst", PASSWORD).status == 303
    for case_id in ("case_a", "case_b", "4111111111111111"):
        browser.asks("GET", f"/cases/{case_id}")
    browser.asks("GET", "/static/console.css")
    browser.asks("GET", "/secret/13800138000")
    service.asks("/cases/case_a", service.token())
    service.asks("/cases/case_a", "no token")
    seen = requests(metrics)
    seen = {labels: number for labels, number in seen.items() if labels[1:] != ("/login", "200")}
    assert seen == {
        ("GET", "/queue", "303"): 1,
        ("POST", "/login", "401"): 1,
        ("POST", "/login", "303"): 1,
        ("GET", "/cases/{case_id}", "200"): 2,
        ("GET", "/cases/{case_id}", "404"): 1,
        ("GET", "/static", "200"): 1,
        ("GET", "none", "404"): 1,
        ("GET", "/api/v1/cases/{case_id}", "200"): 1,
        ("GET", "/api/v1/cases/{case_id}", "401"): 1,
    }
    assert {labels for each, labels in metrics.observed if each is CONSOLE_SECONDS} >= {("/queue",), ("none",)}


def test_actions_are_counted_by_what_became_of_them(
    service: Service, browser: Browser, metrics: RecordingMetrics
) -> None:
    assert service.acts(service.token(), "assign").status == 202
    assert service.acts(service.token("viewer"), "note").status == 403
    service.broker_is_up = False
    assert service.acts(service.token(), "resolve").status == 503
    assert actions(metrics) == {("assign", "sent"): 1, ("note", "refused"): 1, ("resolve", "failed"): 1}
    service.broker_is_up = True
    assert browser.signs_in("analyst", PASSWORD).status == 303
    form = browser.form_of("case_a")
    assert browser.asks("POST", "/cases/case_a/actions", {**form, "action": "note", "text": "seen"}).status == 303
    assert actions(metrics)["note", "sent"] == 1


@pytest.mark.parametrize(
    ("operation", "address", "fields", "answer"),
    [
        ("claim", "/claim", {"queue": "policy"}, "sent"),
        ("bulk", "/bulk/resolve", {"case": "2:case_a"}, "sent"),
        ("handover", "/handover", {"case": "2:case_a"}, "refused"),  # nobody has it
        (
            "contact",
            "/contacts",
            {"account": "ada", "channel": "phone", "disposition": "dropped", "flow": "F12"},
            "sent",
        ),
        ("attach", "/cases/case_a/attachments", {"version": "2"}, "refused"),  # no file
    ],
)
def test_what_has_a_form_of_its_own_is_counted_too(
    browser: Browser, metrics: RecordingMetrics, operation: str, address: str, fields: dict[str, str], answer: str
) -> None:
    assert browser.signs_in("analyst", PASSWORD).status == 303
    browser.asks("POST", address, {"csrf": browser.csrf(), "form": "1", **fields})
    assert actions(metrics) == {(operation, answer): 1}
    assert LABELS["operation"].admits(operation)


def test_a_word_that_is_no_action_is_counted_as_other(service: Service, browser: Browser) -> None:
    from streams.adapters.prometheus import PrometheusMetrics
    from streams.metrics import OF_CONSOLE

    metrics = PrometheusMetrics(OF_CONSOLE)
    app: Any = Counted(service.app, metrics, service.clock)
    with served(app) as port:
        person = Browser(port)
        assert person.signs_in("analyst", PASSWORD).status == 303
        form = person.form_of("case_a")
        said = person.asks("POST", "/cases/case_a/actions", {**form, "action": "13800138000 zhang@example.com"})
        assert said.status >= 400
    page = metrics.exposition().decode()
    assert 'paywarden_console_actions_total{answer="refused",operation="other"} 1.0' in page
    assert "13800138000" not in page
    assert "paywarden_decisions_total" not in page  # a worker's: it would stand at zero here


def test_who_is_signed_in_is_who_was_seen_lately(service: Service, browser: Browser, metrics: RecordingMetrics) -> None:
    def number() -> float:
        count_sessions(service.store, metrics, service.clock)
        return metrics.gauges[CONSOLE_SESSIONS, ()]

    assert number() == 0
    browser.signs_in("analyst", PASSWORD)
    Browser(service.port).signs_in("analyst", PASSWORD)  # on another machine: one person
    Browser(service.port).signs_in("viewer", PASSWORD)
    assert number() == 2
    service.clock.at_ms += IDLE_MS + 1
    assert number() == 0


@pytest.mark.parametrize(
    "command", [("console",), ("store", "load", "--follow"), ("webhooks", "run", "--config", "none.toml")]
)
def test_a_port_that_is_taken_is_refused_in_one_sentence(command: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = paywarden(*command, "--web-port", str(port))
    assert said.exit_code == 78
    assert f"port {port} of 127.0.0.1 cannot be had for /metrics" in said.stderr
