"""Where does a broker come from on a machine that has none? The embedded one, for the demo and for tests."""

from __future__ import annotations

import importlib.util
import os
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Final

from streams.adapters.child import Child

START_S: Final = 30.0
_ASK_EVERY_S: Final = 0.05
REMEDY: Final = (
    "Install it with `pip install paywarden[demo]`, or start Apache Kafka with `docker compose up kafka` and add "
    "`--bootstrap 127.0.0.1:9092`."
)


class BrokerMissing(Exception):
    """The embedded broker cannot run here; the message says what to install or to start instead."""


class BrokerFailed(Exception):
    """The embedded broker ended or did not answer; the message ends with what it said."""


class EmbeddedBroker:
    """noida-db with nothing but its Kafka service, on a free port, with its data in `folder`.

    Never for production: one process, no replicas, nobody has proven its durability.
    """

    def __init__(self, folder: Path) -> None:
        program = broker_program()
        self._port = free_port()
        self.bootstrap = f"127.0.0.1:{self._port}"
        self.log = folder / "broker.log"
        self.child = Child(
            [
                str(program),
                "start",
                "--only",
                "kafka",
                "--kafka-port",
                str(self._port),
                "--data-dir",
                str(folder / "data"),
            ],
            self.log,
        )
        try:
            self._wait_until_it_listens()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> EmbeddedBroker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> int:
        """Kills it: on TERM it would write everything that it holds to a folder that nobody wants. Returns its code."""
        return self.child.kill()

    def _wait_until_it_listens(self) -> None:
        deadline_s = time.monotonic() + START_S
        while True:
            if (code := self.child.ended()) is not None:
                raise BrokerFailed(f"The embedded broker ended with code {code}: {self._said()} {REMEDY}")
            with socket.socket() as probe:
                probe.settimeout(0.2)
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            if time.monotonic() > deadline_s:
                raise BrokerFailed(
                    f"The embedded broker did not answer within {START_S:.0f} s: {self._said()} {REMEDY}"
                )
            time.sleep(_ASK_EVERY_S)

    def _said(self) -> str:
        return " / ".join(self.child.last_lines(3)) or "it said nothing."


def broker_program() -> Path:
    """The broker's executable. Raises BrokerMissing where there is no wheel for this machine or it is not installed."""
    found = importlib.util.find_spec("noida_db")
    if found is None or found.origin is None:
        raise BrokerMissing(f"The embedded broker (noida-db) is not installed. {REMEDY}")
    program = Path(found.origin).parent / ("noida-db.exe" if os.name == "nt" else "noida-db")
    if not program.is_file():
        raise BrokerMissing(f"The embedded broker has no program for this machine ({program}). {REMEDY}")
    if not os.access(program, os.X_OK):
        program.chmod(0o755)  # some installers lose the mark
    return program


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
