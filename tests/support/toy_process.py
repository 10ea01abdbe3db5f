"""How does a test start, watch and hurt worker processes?"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import msgspec

from streams.adapters.embedded_broker import free_port
from streams.runtime.options import RuntimeOptions
from support.waiting import wait_until

PROGRAM = Path(__file__).parent / "toy_worker.py"


class ToyProcess:
    """One worker process of the toy, with its pages and its log."""

    def __init__(self, folder: Path, name: str, options: RuntimeOptions, **changes: Any) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.port = free_port()
        options = msgspec.structs.replace(options, web_port=self.port)
        command = [sys.executable, str(PROGRAM), msgspec.json.encode(options).decode(), json.dumps(changes)]
        self._log_begins = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    def page(self, path: str) -> tuple[int, bytes]:
        """Status and body; status 0 while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except OSError:
            return 0, b""

    def said(self) -> str:
        """The log of this process, without those that had its name before."""
        with self.log.open("rb") as log:
            log.seek(self._log_begins)
            return log.read().decode(errors="replace")

    def wait_until_ready(self, within_s: float = 60.0) -> None:
        def ready() -> bool:
            status = self.process.poll()
            assert status is None, f"{self.name} ended with {status}:\n{self.said()[-3000:]}"
            return self.page("/readyz")[0] == 200

        wait_until(ready, f"{self.name} ready; see {self.log}", within_s)

    def wait_for_exit(self, within_s: float = 30.0) -> int:
        return self.process.wait(within_s)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self, within_s: float = 15.0) -> int:
        """SIGTERM; returns the status."""
        self.process.terminate()
        return self.process.wait(within_s)
