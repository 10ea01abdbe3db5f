"""Is the case store what the topics say, through kills and rebuilds?"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select
from support.broker import ON_KAFKA
from support.broker_client import Line
from support.happenings import login
from support.product import Product, story
from support.stores import START_MS, case, content, record
from support.waiting import wait_until

from streams.adapters.case_store import queries
from streams.adapters.case_store.store import CaseStore
from streams.adapters.case_store.tables import ACTIVITY
from streams.adapters.embedded_broker import free_port
from streams.cli.main import paywarden
from streams.console import sink
from streams.contracts.base import to_ms
from streams.contracts.cases import AccountErased, Entities
from streams.contracts.registry import encode
from streams.contracts.topics import physical
from streams.runtime.options import RuntimeOptions

SNAPSHOT, CASES = "support.cases.snapshot", "support.cases"


def cluster(product: Product) -> list[str]:
    return ["--bootstrap", product.cluster.bootstrap, "--prefix", product.prefix, "--app-id", product.name]


def ran(product: Product, *words: str, url: str) -> Result:
    return CliRunner().invoke(paywarden, ["store", *words, "--store", url, "--json", *cluster(product)])


def answer(product: Product, *words: str, url: str, exit_code: int = 0) -> dict[str, Any]:
    result = ran(product, *words, url=url)
    assert result.exit_code == exit_code, (result.output, result.exception)
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def write(product: Product, topic: str, *lines: Line) -> None:
    product.cluster.write(physical(product.prefix, topic), lines, partitions=product.partitions)


def bodies(url: str) -> dict[str, bytes]:
    store = CaseStore(url)
    with store.reading() as connection:
        found = dict(queries.bodies(connection))
    store.close()
    return found


@ON_KAFKA
@pytest.mark.timeout(300)
def test_what_workers_publish_is_kept_byte_for_byte_and_made_again(
    product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/cases.db"
    product.start("w1")
    product.replay(story("account_takeover", "debited_but_failed"), deadline_s=120)
    loaded = answer(product, "load", url=url)
    assert loaded["read"] > 0
    assert answer(product, "check", url=url)["ok"]
    records = product.cluster.read(physical(product.prefix, SNAPSHOT), partitions=product.partitions)
    newest = {(record.key or b"").decode(): record.value for record in records}
    before = bodies(url)
    assert before == {case_id: value for case_id, value in newest.items() if value is not None}
    assert len(before) >= 2
    assert answer(product, "load", url=url)["read"] == 0
    store = CaseStore(url)
    rows = content(store)
    with socket.create_server(("127.0.0.1", 0)) as pages:  # of a worker on the same machine
        monkeypatch.setenv("PAYWARDEN_WEB_PORT", str(pages.getsockname()[1]))
        again = answer(product, "rebuild", url=url)["read"]
    monkeypatch.delenv("PAYWARDEN_WEB_PORT")
    assert 0 < again <= loaded["read"]  # fewer where the topic of snapshots was compacted in the meantime
    assert content(store) == rows
    store.close()
    (tmp_path / "cases.db").unlink()
    for each in tmp_path.glob("cases.db-*"):
        each.unlink()
    answer(product, "load", url=url)
    assert bodies(url) == before


@ON_KAFKA
@pytest.mark.timeout(300)
def test_a_store_that_is_killed_again_and_again_loses_and_doubles_nothing(product: Product, tmp_path: Path) -> None:
    cases = 3_000
    versions = [case(f"case_{number:05}", version) for version in (1, 2, 3) for number in range(cases)]
    lines = [Line(each.case_id.encode(), encode(each), to_ms(each.occurred_at)) for each in versions]
    write(product, CASES, *lines)
    write(product, SNAPSHOT, *lines)
    calm, struck = f"sqlite:///{tmp_path}/calm.db", f"sqlite:///{tmp_path}/struck.db"
    answer(product, "load", url=calm)
    program = shutil.which("paywarden", path=Path(sys.executable).parent)
    assert program is not None
    store = CaseStore(struck)
    store.migrate()
    kills = 0
    for _ in range(6):
        before = sum(store.positions().values())
        process = subprocess.Popen(
            [program, "store", "load", "--store", struck, "--json", *cluster(product)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ},
        )
        # After its next commit it is in the middle of the batch that follows.
        wait_until(
            lambda process=process, before=before: (
                process.poll() is not None or sum(store.positions().values()) > before
            ),
            "it has read on",
            every_s=0.005,
        )
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    assert kills >= 1
    answer(product, "load", url=struck)
    undisturbed = CaseStore(calm)
    assert content(store) == content(undisturbed)
    with store.reading() as connection:
        assert queries.sizes(connection)["versions"] == len(versions)
    store.close()
    undisturbed.close()


def test_a_store_that_follows_says_how_far_it_is(product: Product, tmp_path: Path) -> None:
    url, port = f"sqlite:///{tmp_path}/cases.db", free_port()
    program = shutil.which("paywarden", path=Path(sys.executable).parent)
    assert program is not None

    def shown() -> dict[str, float]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
                lines = page.read().decode().splitlines()
        except OSError:
            return {}  # not yet
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[:1] != "#")}

    def lag() -> float:
        return sum(value for name, value in shown().items() if name.startswith("paywarden_store_lag_records{"))

    process = subprocess.Popen(
        [program, "store", "load", "--follow", "--web-port", str(port), "--store", url, "--json", *cluster(product)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    level = "paywarden_store_level_timestamp_seconds"
    try:
        wait_until(lambda: shown().get(level, 0) > time.time() - 60, "it has everything")
        assert shown()['paywarden_store_records_total{stored="support.cases"}'] == 0
        assert (lag(), shown()["paywarden_store_refused_total"]) == (0, 0)
        good = case("case_a", 1)
        write(product, CASES, Line(b"case_a", encode(good), START_MS), Line(b"case_a", b"no case", START_MS))
        wait_until(lambda: shown()['paywarden_store_records_total{stored="support.cases"}'] == 2, "it took both in")
        assert shown()["paywarden_store_refused_total"] == 1
        before = shown()[level]
        one = f'paywarden_store_open_cases{{priority="{good.priority}",queue="{good.queue}"}}'
        wait_until(lambda: shown()[one] == 1, "the open case is counted")
        assert sum(value for name, value in shown().items() if name.startswith("paywarden_store_open_cases{")) == 1
        wait_until(lambda: shown()[level] > before, "the clock of a store that is level goes on")
        assert lag() == 0
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_an_erasure_and_a_tombstone_reach_the_store_and_stay(product: Product, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/cases.db"
    leaver = [case("case_leaver", version, entities=Entities(account_id="leaver")) for version in (1, 2)]
    closed, stays = case("case_closed"), case("case_stays")
    for each in (*leaver, closed, stays):
        line = Line(each.case_id.encode(), encode(each), to_ms(each.occurred_at))
        write(product, CASES, line)
        write(product, SNAPSHOT, line)
    answer(product, "load", url=url)
    assert len(bodies(url)) == 3
    receipt = AccountErased(
        occurred_at=leaver[1].occurred_at, event_id="ers_1", account_id="leaver", actor="mei", second_actor="jo"
    )
    write(product, CASES, Line(b"leaver", encode(receipt), START_MS + 200_000))
    write(product, SNAPSHOT, Line(b"case_leaver", None, START_MS + 200_000))
    write(product, SNAPSHOT, Line(b"case_closed", None, START_MS + 200_000))
    found = answer(product, "check", url=url, exit_code=1)
    assert (found["behind"], found["extra"]) == (3, ["case_closed", "case_leaver"])
    for words in (("load",), ("rebuild",)):
        answer(product, *words, url=url)
        assert set(bodies(url)) == {"case_stays"}
        assert answer(product, "check", url=url)["rows"]["erasures"] == 1


def test_a_store_of_another_deployment_or_of_topics_made_anew_is_refused(product: Product, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/cases.db"
    store = CaseStore(url)
    store.migrate()
    store.write([], {(f"other.{CASES}", 0): 3})
    assert ran(product, "load", url=url).exit_code != 0
    assert "another deployment" in str(ran(product, "load", url=url).exception)
    store.clear()
    store.write([], {(physical(product.prefix, CASES), 0): 3})
    assert "made anew" in str(ran(product, "load", url=url).exception)
    assert answer(product, "rebuild", url=url)["rows"]["cases"] == 0
    store.close()


@pytest.mark.timeout(120)
def test_a_store_that_is_filled_says_how_much_is_left(product: Product, tmp_path: Path) -> None:
    logins = [login(START_MS, n, account_id=f"a{n}", username=f"a{n}", ip="192.0.2.7") for n in range(2_000)]
    write(product, "auth.logins", *(Line(each.account_id.encode(), encode(each), START_MS) for each in logins))
    write(product, SNAPSHOT, *(Line(b"%d" % n, encode(case(f"case_{n}")), START_MS) for n in range(6_000)))
    store = CaseStore(f"sqlite:///{tmp_path}/cases.db")
    store.migrate()
    options = RuntimeOptions(bootstrap=product.cluster.bootstrap, app_id="filled", topic_prefix=product.prefix)
    left: list[int] = []

    def count() -> int:
        with store.reading() as connection:
            return queries.sizes(connection)["cases"]

    cases_beside: list[int] = []  # what happened on accounts

    def told(*_: object) -> None:
        with store.reading() as connection:
            happened = connection.scalar(select(func.count()).select_from(ACTIVITY))
        if happened:
            cases_beside.append(count())

    assert asyncio.run(sink.load(options, store, told, fills=left.append)) == 8_000
    assert set(cases_beside) == {6_000}, "cases come first"
    assert left[0] >= 8_000, "before anything is read"
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0
    assert len(left) >= 3, "and on the way"
    write(product, SNAPSHOT, Line(b"case_1", encode(case("case_1", 2)), START_MS))
    left.clear()
    assert asyncio.run(sink.load(options, store, fills=left.append)) == 1
    assert left == [], "one that only follows is whole"
    assert count() == 6_000
    store.write([record(CASES, case("case_late"))], {}, fills=True)  # killed before it made the case
    assert count() == 6_000
    assert asyncio.run(sink.load(options, store)) == 0
    assert count() == 6_001
    store.close()
