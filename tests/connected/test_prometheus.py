"""Does a real Prometheus that scrapes a running demo have an answer to everything that dashboards and alerts ask?

The configuration is the shipped one: only addresses, and how often it asks, are other ones. Expressions are asked until
each of them has data; what a demo cannot have is in one short list, with the test that shows it instead.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import yaml
from support.browsers import Browser
from support.demo import Demo
from support.prometheus import ALERTS, asked, expressions_of_dashboards, prometheus_is_installed
from support.waiting import wait_until

from producers.feed import expand, outgoing
from producers.writer import KafkaWriter, Pace
from streams import metrics as catalogue
from streams.adapters.embedded_broker import free_port
from streams.cli.demo import PARTITIONS
from streams.contracts.accounts import UserMessage
from streams.contracts.base import from_ms
from streams.core.personal import kind_of
from streams.metrics import LABELS, OTHER

ROOT: Final = Path(__file__).parents[2]
PROMETHEUS: Final = ROOT / "dashboards/prometheus"
pytestmark = [pytest.mark.connected, pytest.mark.timeout(900)]

# Metrics that a demo cannot have, why, and the test that shows them recorded. Their alerts have cases for promtool.
NOT_IN_A_DEMO: Final = {
    "paywarden_model_ready": ("it decides by rules alone", "tests/artifacts/test_scorer.py"),
    "paywarden_model_average_precision": ("no model, so no scores", "tests/unit/core/test_learning.py"),
    "paywarden_model_card_precision": ("labels of eight days", "tests/unit/core/test_learning.py"),
    "paywarden_model_psi": ("no model", "tests/artifacts/test_drift.py"),
    "paywarden_model_skew": ("no model", "tests/artifacts/test_drift.py"),
    "paywarden_amounts_unrated_total": ("its currencies have rates", "tests/agents/test_unjudged_fees.py"),
    "paywarden:review:share1d": ("the day before", "dashboards/prometheus/alerts_days_test.yml"),
}
# True only without a worker: the last test ends it.
ONLY_IN_AN_OUTAGE: Final = {"PaywardenNoWorker"}
SECRETS: Final = ("13800138000", "4111111111111111")  # typed into search and address


class Prometheus:
    """The server of the system, over the shipped rules, with its interface."""

    def __init__(self, folder: Path, workers: str, services: dict[str, str]) -> None:
        self.log = folder / "prometheus.log"
        shutil.copytree(PROMETHEUS, folder / "etc")
        config = yaml.safe_load((folder / "etc/prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        for job in config["scrape_configs"]:
            if job["job_name"] == "paywarden":
                del job["dns_sd_configs"]
                job["static_configs"] = [{"targets": [workers]}]
        (folder / "etc/prometheus.yml").write_text(yaml.safe_dump(config))
        rules = yaml.safe_load((folder / "etc/recording.yml").read_text())
        for group in rules["groups"]:
            group.pop("interval", None)
        (folder / "etc/recording.yml").write_text(yaml.safe_dump(rules))
        listed = [{"targets": [where], "labels": {"service": name}} for name, where in services.items()]
        (folder / "etc/services/demo.yml").write_text(yaml.safe_dump(listed))
        self._port = free_port()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={folder}/etc/prometheus.yml",
                    f"--storage.tsdb.path={folder}/data",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def asks(self, path: str, **parameters: str) -> Any:
        """What /api/v1/PATH answers. Raises OSError; an expression that is not valid is an AssertionError."""
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/api/v1/{path}?{query}", timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/-/ready", timeout=5):
                return True
        except OSError:
            return False

    def answers(self, expression: str) -> bool:
        """Whether the expression has data now."""
        return bool(self.asks("query", query=expression)["result"])

    def firing(self) -> set[str]:
        return {each["labels"]["alertname"] for each in self.asks("alerts")["alerts"] if each["state"] == "firing"}

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


class Watched(NamedTuple):
    """A demo, and the Prometheus that scrapes it."""

    demo: Demo
    prometheus: Prometheus


def receiver() -> ThreadingHTTPServer:
    """Takes what comes to /good and refuses the rest."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204 if self.path == "/good" else 500)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def start_webhooks(folder: Path, bootstrap: str, port: int, web_port: int) -> subprocess.Popen[bytes]:
    (folder / "secret").write_text("0123456789abcdef")
    (folder / "webhooks.toml").write_text(
        "".join(
            f'[[endpoint]]\nname = "{name}"\nurl = "http://127.0.0.1:{port}/{name}"\nsecret_file = "secret"\n'
            f'allow_private = true\nbegin = "beginning"\nattempts = 2\nfirst_wait_ms = 10\n'
            for name in ("good", "refuses")
        )
    )
    command = [sys.executable, "-m", "streams.cli", "webhooks", "run", "--config", str(folder / "webhooks.toml")]
    command += ["--store", f"sqlite:///{folder}/hooks.db", "--bootstrap", bootstrap, "--web-port", str(web_port)]
    with (folder / "webhooks.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)


def write_texts(bootstrap: str) -> None:
    """What customers write, which the demo's stories do not."""
    at_ms = time.time_ns() // 1_000_000
    texts = ("忘记密码了怎么登录", "my withdrawal has not arrived", "qwrt zzz")
    messages = [
        UserMessage(
            event_id=f"text-{number}",
            source="test",
            occurred_at=from_ms(at_ms),
            account_id=f"writer-{number}",
            channel="chat",
            text=text,
        )
        for number, text in enumerate(texts)
    ]
    with KafkaWriter(bootstrap) as writer:
        writer.write(expand((outgoing("support.requests", each) for each in messages), PARTITIONS), pace=Pace(None))


def work_at_the_console(browser: Browser, logins: dict[str, str]) -> None:
    """Signs in, looks around, acts on a case."""
    assert browser.signs_in("analyst", logins["analyst"]).status == 303
    found = wait_until(
        lambda: re.search(r"/cases/(case_\w+)", browser.asks("GET", "/queue").text), "a case in the queue", 90, 0.5
    )
    hidden = browser.form_of(found[1])
    assert browser.asks("POST", f"/cases/{found[1]}/actions", {**hidden, "action": "assign", "text": ""}).status == 303
    for path in (f"/search?q={SECRETS[0]}", f"/cases/{SECRETS[1]}", "/incidents", "/locks", f"/{SECRETS[0]}"):
        browser.asks("GET", path)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    if not prometheus_is_installed():
        pytest.skip("no Prometheus here: apt-get install prometheus")
    folder = tmp_path
    demo = Demo(folder)
    started: list[Any] = []
    server = receiver()
    try:
        demo.wait_for(demo.console, 180)
        bootstrap = re.search(r"--bootstrap (\S+)", demo.text)
        assert bootstrap is not None
        pages = wait_until(lambda: demo.metrics_pages(2), "both pages of metrics are named", 30)
        web_port = free_port()
        webhooks = start_webhooks(folder, bootstrap[1], server.server_address[1], web_port)
        started.append(webhooks)
        prometheus = Prometheus(folder, pages[0], {"console": pages[1], "webhooks": f"127.0.0.1:{web_port}"})
        started.append(prometheus.process)
        wait_until(prometheus.is_ready, "Prometheus is ready", 60)
        found = demo.console()
        assert found is not None
        browser = Browser(found[0])
        write_texts(bootstrap[1])
        work_at_the_console(browser, found[1])
        yield Watched(demo, prometheus)
    finally:
        for process in (*started, demo.process):
            if process.poll() is None:
                process.kill()
                process.wait()
        server.shutdown()
        server.server_close()


def metrics_of(expression: str) -> set[str]:
    """Recorded ones, too."""
    return set(re.findall(r"paywarden_[a-z_]+|paywarden:[a-z0-9_:]+", expression))


def has_an_answer_to_everything(prometheus: Prometheus) -> None:
    wanted = {asked(expression) for expression in expressions_of_dashboards()}
    wanted |= {asked(rule["expr"]) for rule in ALERTS if rule["alert"] not in ONLY_IN_AN_OUTAGE}
    left = {each for each in wanted if not metrics_of(each) & NOT_IN_A_DEMO.keys()}
    assert len(left) > 150

    def all_answered() -> bool:
        left.difference_update([each for each in left if prometheus.answers(each)])
        return not left

    try:
        wait_until(all_answered, "every expression has data", 150, 1.0)
    except AssertionError:
        pytest.fail("no data for:\n" + "\n".join(sorted(left)))
    for each in wanted:  # those that a demo cannot have are valid all the same
        prometheus.asks("query", query=each)
    for name in NOT_IN_A_DEMO:
        assert not prometheus.answers(name), f"{name} has data: take it off the list"


def tells_the_outage_that_the_demo_plays(watched: Watched) -> None:
    prometheus = watched.prometheus
    fired = 'ALERTS{alertname="PaywardenIncident", dimension="gateway", alertstate="firing"}'
    # At any time of the demo: it may be over before everything else has been looked at. A worker with little of a busy
    # machine is minutes behind the feed.
    try:
        wait_until(
            lambda: prometheus.answers(f"count_over_time({fired}[15m])"), "the outage of a gateway is told", 360, 1.0
        )
    except AssertionError as error:
        pytest.fail(f"{error}; the demo:\n{watched.demo.text[-4_000:]}")
    rules = [rule for group in prometheus.asks("rules")["groups"] for rule in group["rules"]]
    told = [rule["annotations"]["runbook"] for rule in rules if rule["name"] == "PaywardenIncident"]
    assert told == ["docs/runbook.md#paywardenincident"]


def scrapes_and_evaluates_without_an_error(prometheus: Prometheus) -> None:
    targets = prometheus.asks("targets")["activeTargets"]
    assert sorted(each["labels"].get("service", "worker") for each in targets) == ["console", "webhooks", "worker"]
    assert [(each["scrapeUrl"], each["lastError"]) for each in targets if each["health"] != "up"] == []
    rules = [rule for group in prometheus.asks("rules")["groups"] for rule in group["rules"]]
    assert len(rules) > 50
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []
    assert [line for line in prometheus.log.read_text().splitlines() if re.search("level=(warn|error)", line)] == []


def names_nobody_and_stays_small(prometheus: Prometheus) -> None:
    series = prometheus.asks("series", **{"match[]": '{__name__=~"paywarden_.+"}'})
    assert len({each["__name__"] for each in series}) > 90
    for each in series:
        for label in each.keys() - {"__name__", "job", "instance", "service", "le"}:
            value = each[label]
            assert LABELS[label].admits(value), f"{each['__name__']}: {label}={value!r}"
            assert value != OTHER, f"{each['__name__']}: {label} has a value outside its set"
            assert kind_of(value) is None, f"{each['__name__']}: {label}={value!r}"
    assert [secret for secret in SECRETS if secret in json.dumps(series)] == []
    per_metric = Counter(each["__name__"] for each in series)
    assert per_metric.most_common(1)[0][1] < 1_000, per_metric.most_common(3)
    assert len(series) < 8_000


def pages_somebody_when_no_worker_is_left(watched: Watched) -> None:
    prometheus = watched.prometheus
    assert "PaywardenNoWorker" not in prometheus.firing()
    watched.demo.kill("streams.cli worker")
    wait_until(lambda: "PaywardenNoWorker" in prometheus.firing(), "the page, a minute after", 100, 1.0)
    for rule in ALERTS:
        if rule["alert"] in ONLY_IN_AN_OUTAGE:
            assert prometheus.answers(rule["expr"]), rule["alert"]


def test_prometheus_sees_a_running_demo_and_its_outages(watched: Watched) -> None:
    """In this order: the last step ends the worker, and with it the demo."""
    has_an_answer_to_everything(watched.prometheus)
    tells_the_outage_that_the_demo_plays(watched)
    scrapes_and_evaluates_without_an_error(watched.prometheus)
    names_nobody_and_stays_small(watched.prometheus)
    pages_somebody_when_no_worker_is_left(watched)


@pytest.mark.parametrize("name", NOT_IN_A_DEMO)
def test_what_a_demo_cannot_have_is_shown_elsewhere(name: str) -> None:
    """A metric by the test that names its constant; a recorded one by the tests of the alerts that ask for it."""
    shown = (ROOT / NOT_IN_A_DEMO[name][1]).read_text()
    constants = [key for key, value in vars(catalogue).items() if getattr(value, "name", None) == name]
    names = constants or [rule["alert"] for rule in ALERTS if name in rule["expr"]]
    assert names
    assert [each for each in names if each not in shown] == []
