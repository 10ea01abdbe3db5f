"""How does a test start the demo, see what it says and what runs in it, and know that nothing is left?"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


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

    def console(self) -> tuple[int, dict[str, str]] | None:
        """The printed port and logins, once they are there."""
        found = re.search(r"console: http://127\.0\.0\.1:(\d+)\n((?: +\S+ +[0-9a-f]{16}\n){4})", self.text)
        return None if found is None else (int(found[1]), dict(line.split() for line in found[2].splitlines()))

    def wait_for(self, true: Callable[[], object], seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert self.process.poll() is None, f"the demo ended too early:\n{self.text}"
            assert time.monotonic() < deadline, f"it did not come to that within {seconds} s:\n{self.text}"
            time.sleep(0.2)

    def assert_gone(self) -> None:
        assert self.children() == {}
        assert list(self.folder.glob("paywarden-demo-*")) == []

    def metrics_pages(self, count: int) -> list[str]:
        """Where metrics are shown, the worker's first; empty before so many are named."""
        found = re.findall(r"curl http://(\S+)/metrics", self.text)
        return found if len(found) >= count else []

    def kill(self, command: str) -> None:
        """Kills the process of the demo whose command line has these words."""
        (process,) = (pid for pid, line in self.children().items() if command in line)
        os.kill(process, signal.SIGKILL)
