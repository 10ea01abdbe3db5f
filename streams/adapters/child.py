"""How does a program run beside this one, and end with it?"""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
# A worker's clean stop is promised within 3 s; a machine that also runs everything else may take twice that.
STOP_S: Final = 8.0


class Child:
    """A process with a log file. It ends when the thread that started it ends (Linux: even by `kill -9`).

    It lives in a session of its own: Ctrl-C in the terminal reaches the parent only, which stops its children in order.
    """

    def __init__(self, command: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None) -> None:
        self.log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=log.parent,
                start_new_session=True,
                preexec_fn=_end_with_parent(),
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def ended(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._process.poll()

    def stop(self, timeout_s: float = STOP_S) -> int:
        """TERM, then KILL; returns the exit code."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """At once; returns the exit code."""
        self._process.kill()
        return self._process.wait()

    def last_lines(self, count: int = 15) -> list[str]:
        """The end of the log."""
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]


def _end_with_parent() -> Callable[[], None] | None:
    """What a child does before it becomes the program. Only Linux lets a process ask for a signal at that moment."""
    if sys.platform != "linux":
        return None
    # Looked up here: between fork and exec nothing may be loaded.
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
