"""How does a test get a case store on each database, and what does it hold?"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from streams.adapters.case_store import tables
from streams.adapters.case_store.rows import Record
from streams.adapters.case_store.store import CaseStore
from streams.adapters.case_store.tables import WORDS
from streams.adapters.embedded_broker import free_port
from streams.contracts.base import from_ms, to_ms
from streams.contracts.cases import CaseVersion, Entities
from streams.contracts.registry import encode
from support.waiting import wait_until

START_MS = 1_772_636_400_000


def fresh(folder: Path) -> CaseStore:
    """An empty store in a file of its own. Its tables are made once and copied: that takes less than making them."""
    path = folder / "cases.db"
    path.write_bytes(_empty())
    return CaseStore(f"sqlite:///{path}")


@cache
def _empty() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        store = CaseStore(f"sqlite:///{folder}/cases.db")
        store.migrate()
        store.close()
        return (Path(folder) / "cases.db").read_bytes()


def case(case_id: str = "case_a", version: int = 1, **fields: Any) -> CaseVersion:
    """A case of the account `ada`; each version comes a minute after the one before."""
    given: dict[str, Any] = {
        "occurred_at": from_ms(START_MS + version * 60_000),
        "changed": ("opened",),
        "case_type": "payment_failure.repeat",
        "flow": "F01",
        "cause_family": "funds",
        "queue": "security",
        "priority": "P2",
        "subject": "payments fail again and again",
        "entities": Entities(account_id="ada"),
        "created_at": from_ms(START_MS),
        "detected_at": from_ms(START_MS),
    }
    return CaseVersion(case_id=case_id, version=version, **(given | fields))


def record(topic: str, event: Any, offset: int = 0, *, key: str = "") -> Record:
    """What lies on `topic`; an event that is a number is a deletion of `key` at that time."""
    if isinstance(event, int):
        return Record(topic, 0, offset, key.encode(), None, event)
    return Record(topic, 0, offset, key.encode(), encode(event), to_ms(event.occurred_at))


def load(
    store: CaseStore, records: Iterable[Record], size: int = 1_000, fills: Callable[[], bool] = lambda: False
) -> None:
    """Writes the records in batches of `size`; of each `fills` says whether its cases are made in the end only."""
    given = list(records)
    for begin in range(0, len(given), size):
        store.write(given[begin : begin + size], {}, fills=fills())
    build(store)


def build(store: CaseStore) -> None:
    """Makes the cases that a fill has left."""
    while store.build() is not None:
        pass


def content(store: CaseStore) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but the positions, without the numbers that the store gave itself."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    with store.reading() as connection:
        numbers = {row.number: row.case_id for row in connection.execute(select(tables.CASES))}
        for table in tables.FROM_TOPICS:
            if table is not tables.POSITIONS:
                columns = [column for column in table.columns if column.name != "number"]
                found[table.name] = sorted(map(tuple, connection.execute(select(*columns))), key=repr)
        column = "rowid" if connection.dialect.name == "sqlite" else "number"
        words = connection.execute(text(f"SELECT {column}, words FROM {WORDS}"))
        found[WORDS] = sorted((numbers[number], written) for number, written in words)
    return found


def postgres_folder() -> Path | None:
    """Where PostgreSQL's programs are, if they are."""
    # Debian keeps each version's programs in a folder of its own; what is on the path may be a wrapper.
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL of the test's own.

    Where there are no programs for one the test is skipped, or fails if PAYWARDEN_REQUIRE_POSTGRESQL=1 wants it.
    """
    programs = postgres_folder()
    if programs is None:
        if os.environ.get("PAYWARDEN_REQUIRE_POSTGRESQL") == "1":
            pytest.fail("no PostgreSQL here: apt-get install postgresql")
        pytest.skip("no PostgreSQL here (Debian: apt-get install postgresql)")
    # It refuses to run as root, and another run of pytest closes the folders of this one to everybody else.
    nobody: dict[str, Any] = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="paywarden-postgres-") as name:
        folder = Path(name)
        if nobody:
            shutil.chown(folder, **nobody)
        yield from _served(programs, folder, nobody)


def _served(programs: Path, folder: Path, nobody: dict[str, Any]) -> Iterator[str]:
    data, port = folder / "data", free_port()
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "paywarden", "-A", "trust", "-E", "UTF8"],
        check=True,
        capture_output=True,
        timeout=60,
        cwd=folder,
        **nobody,
    )
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, "-p", str(port), *options], stdout=log, stderr=log, cwd=folder, **nobody
        )
    try:
        wait_until(lambda: _listens(port), "PostgreSQL listens")
        yield f"postgresql://paywarden@127.0.0.1:{port}/postgres"
    finally:
        process.send_signal(signal.SIGINT)  # fast shutdown
        process.wait(30)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
