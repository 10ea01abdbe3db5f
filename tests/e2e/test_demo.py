"""Does the one command that a stranger runs first show what it promises, and leave nothing behind?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.embedded,
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]


class Demo:
    """`paywarden demo` in a process of its own; its temporary folder is its mark on everything that it starts."""

    def __init__(self, folder: Path, *args: str) -> None:
        self.folder = folder
        self.output = folder / "output.txt"
        environment = os.environ | {"TMPDIR": str(folder), "PYTHONWARNINGS": "ignore", "PYTHONUNBUFFERED": "1"}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streams.cli", "demo", "--plain", *args],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    @property
    def text(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def children(self) -> dict[int, str]:
        """What runs in the demo's folder."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                here = os.readlink(entry / "cwd")
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue  # it ended meanwhile, or is not ours
            if here.startswith(str(self.folder / "paywarden-demo-")):
                found[int(entry.name)] = command
        return found

    def wait_for(self, true: Callable[[], object], seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert self.process.poll() is None, f"the demo ended too early:\n{self.text}"
            assert time.monotonic() < deadline, f"it did not come to that within {seconds} s:\n{self.text}"
            time.sleep(0.2)

    def assert_gone(self) -> None:
        assert self.children() == {}
        assert list(self.folder.glob("paywarden-demo-*")) == []


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
    demo = start("--seconds", "25", "--summary", str(tmp_path / "summary.json"))
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
    # Both languages are there, no parameter was left unfilled, and nothing says which rule it was.
    assert "zh " in demo.text
    assert "en " in demo.text
    told = [line for line in demo.text.splitlines() if line.strip().startswith(("en ", "zh "))]
    assert told
    assert not [line for line in told if "{" in line or "/0" in line]
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
    demo.wait_for(lambda: len(demo.children()) == 2)
    demo.process.kill()
    demo.process.wait()
    deadline = time.monotonic() + 10
    while demo.children():
        assert time.monotonic() < deadline, demo.children()
        time.sleep(0.1)
