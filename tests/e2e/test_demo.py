"""Does the one command that a stranger runs first show what it promises, and leave nothing behind?"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.browsers import Browser
from support.demo import Demo
from support.waiting import wait_until

pytestmark = [
    pytest.mark.embedded,
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    begun: list[Demo] = []

    def start(*args: str) -> Demo:
        begun.append(Demo(tmp_path, *args))
        return begun[-1]

    yield start
    for demo in begun:
        if demo.process.poll() is None:
            demo.process.kill()  # its children end with it
            demo.process.wait()


def test_half_a_minute_unattended(start, tmp_path: Path) -> None:
    demo = start("--seconds", "25", "--no-console", "--summary", str(tmp_path / "summary.json"))
    assert demo.process.wait(200) == 0, demo.text
    summary = json.loads((tmp_path / "summary.json").read_bytes())
    assert summary["events"] > 1_000
    assert summary["decisions"] > 500
    assert summary["locks"] > 0
    assert summary["cases"] > 0
    assert summary["notifications"] > 0
    assert summary["dead_letters"] == 0
    # The history holds no missing money: where a worker thinks so, it has read one topic ahead of another.
    assert summary["cases_by_type"].get("debited_not_confirmed", 0) <= 3
    assert 0 < summary["first_case_s"] < 60
    assert summary["cases_by_type"].keys() >= {"credential_attack", "account_takeover"}
    assert summary["console"] is None  # it was not wanted
    assert "console" not in demo.text
    # Both languages are there, no parameter was left unfilled, and nothing says which rule it was.
    assert "zh " in demo.text
    assert "en " in demo.text
    told = [line for line in demo.text.splitlines() if line.strip().startswith(("en ", "zh "))]
    assert told
    assert not [line for line in told if "{" in line or "/0" in line]
    demo.assert_gone()


def test_whoever_is_printed_signs_in_works_a_case_and_leaves_nothing_behind(start, tmp_path: Path) -> None:
    demo = start("--summary", str(tmp_path / "summary.json"))
    demo.wait_for(demo.console, 150)
    port, logins = demo.console()
    assert logins.keys() == {"analyst", "supervisor", "supervisor-2", "viewer"}
    assert len(set(logins.values())) == 4
    files = [path.read_bytes() for path in demo.folder.glob("paywarden-demo-*/*") if path.is_file()]
    assert files
    assert not [secret for secret in logins.values() for held in files if secret.encode() in held]

    assert Browser(port).signs_in("analyst", logins["viewer"]).status == 401
    person = Browser(port)
    assert person.signs_in("analyst", logins["analyst"]).status == 303

    def takeover() -> str | None:
        found = re.search(r"/cases/(case_\w+)", person.asks("GET", "/search?q=takeover").text)
        return found and found[1]

    wait_until(lambda: "/cases/case_" in person.asks("GET", "/queue").text, "a case in the queue", 60, 0.5)
    case_id = wait_until(takeover, "the takeover's case", 60, 0.5)

    def assigned() -> bool:
        """A case goes on while somebody reads it: who is refused for that reads it again, as a person does."""
        sent = person.asks(
            "POST", f"/cases/{case_id}/actions", person.form_of(case_id) | {"action": "assign", "text": ""}
        )
        assert sent.status == 303

        def answer() -> tuple[str, str] | None:
            found = re.search(r'class="outcome (done|refused)"[^>]*>([^<]*)', person.asks("GET", sent.location).text)
            return found and (found[1], found[2])

        state, why = wait_until(answer, "the demo's worker answers", 60, 0.5)
        assert state == "done" or "the case is at version" in why, why
        return state == "done"

    wait_until(assigned, "the page of the next version says who has the case", 60, 0.5)

    # The owner reports the theft some seconds after it, and passes a check some seconds later: only then two people may
    # lift the freeze, and the case can be resolved. Whoever is quicker lifts only the restriction that stood before.
    frozen = "The account is frozen because of this case"
    wait_until(lambda: frozen in person.asks("GET", f"/cases/{case_id}").text, "the owner's report freezes", 60, 0.5)
    sun = Browser(port)
    assert sun.signs_in("supervisor", logins["supervisor"]).status == 303

    def does(somebody: Browser, action: str, **fields: str) -> bool:
        """Whether it was carried out; what is not offered yet, or was refused because the case went on, was not."""
        if f'name="action" value="{action}"' not in somebody.asks("GET", f"/cases/{case_id}").text:
            return False
        form = somebody.form_of(case_id) | {"action": action, **fields}
        sent = somebody.asks("POST", f"/cases/{case_id}/actions", form)
        assert sent.status == 303

        def answer() -> str | None:
            found = re.search(r'class="outcome (done|refused)"', somebody.asks("GET", sent.location).text)
            return found and found[1]

        return wait_until(answer, "the demo's worker answers", 60, 0.5) == "done"

    two = {"second": "supervisor-2", "second_password": logins["supervisor-2"]}
    wait_until(lambda: does(sun, "unlock", **two), "two people lift the freeze", 60, 0.5)
    wait_until(lambda: does(person, "resolve"), "the case is resolved", 60, 0.5)
    closed = re.compile(r"<dt>Status</dt><dd>.*?Closed")
    wait_until(lambda: closed.search(person.asks("GET", f"/cases/{case_id}").text), "the case is closed", 60, 0.5)

    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(40) == 0, demo.text
    assert json.loads((tmp_path / "summary.json").read_bytes())["console"] == f"http://127.0.0.1:{port}"
    demo.assert_gone()


def test_a_console_that_dies_does_not_end_the_demo(start) -> None:
    demo = start()
    demo.wait_for(lambda: any("streams.cli console" in command for command in demo.children().values()), 150)
    console = next(pid for pid, command in demo.children().items() if "streams.cli console" in command)
    os.kill(console, signal.SIGKILL)
    demo.wait_for(lambda: "the console ended with exit code -9, the demo goes on without it" in demo.text)
    seen = demo.text.count(" decisions (")
    demo.wait_for(lambda: demo.text.count(" decisions (") > seen)
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(40) == 0, demo.text
    demo.assert_gone()


def test_a_port_that_is_taken_is_refused_before_anything_starts(start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        demo = start("--console-port", str(port))
        assert demo.process.wait(60) == 78, demo.text
    assert f"port {port} cannot be had for the console: name another with --console-port." in demo.text
    demo.assert_gone()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_in_order(start, number: signal.Signals) -> None:
    demo = start()
    demo.wait_for(lambda: "starting a worker" in demo.text and len(demo.children()) == 2)
    demo.process.send_signal(number)
    assert demo.process.wait(30) == 0, demo.text
    demo.assert_gone()


def test_a_worker_that_dies_ends_the_demo_with_its_last_words(start) -> None:
    demo = start()
    demo.wait_for(lambda: "live; look around" in demo.text)
    worker = next(pid for pid, command in demo.children().items() if "streams.cli worker" in command)
    os.kill(worker, signal.SIGKILL)
    assert demo.process.wait(30) == 70, demo.text
    assert "The worker ended with exit code -9. Its last lines, of" in demo.text
    assert demo.children() == {}
    [left] = demo.folder.glob("paywarden-demo-*/worker.log")
    assert "paywarden-demo-" in demo.text
    assert left.stat().st_size > 0


def test_children_do_not_survive_a_parent_that_was_killed(start) -> None:
    demo = start()
    demo.wait_for(lambda: len(demo.children()) == 3, 150)  # broker, worker, console
    demo.process.kill()
    demo.process.wait()
    deadline = time.monotonic() + 10
    while demo.children():
        assert time.monotonic() < deadline, demo.children()
        time.sleep(0.1)
