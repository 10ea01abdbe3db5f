"""One scene for all browser tests: broker, worker, console, people who may sign in, stories that just ended."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from prometheus_client.parser import text_string_to_metric_families
from support.broker import start_embedded
from support.broker_client import Cluster
from support.browsers import served
from support.passwords import HASH
from support.people import Person, chromium
from support.product import Product
from support.stores import fresh
from support.waiting import wait_until

from producers.durations import DAY_MS
from producers.feed import Outgoing
from producers.simulate.catalog import scenario
from streams.adapters.case_store import people, queries
from streams.adapters.case_store.people import Role, User
from streams.adapters.case_store.queries import CaseLine, Filters
from streams.adapters.case_store.store import CaseStore
from streams.adapters.embedded_broker import free_port
from streams.console.serving import following
from streams.contracts.accounts import AccountProfile, UserReport
from streams.contracts.base import from_ms
from streams.contracts.registry import encode
from streams.runtime.options import RuntimeOptions

USERS: dict[str, Role] = {
    "vera": "viewer",
    "mei": "analyst",
    "lin": "analyst",
    "sun": "supervisor",
    "jo": "supervisor",
    "ada": "admin",
}
DAYS = 15  # of habits, before something happens
# A survey comes a day after a case was resolved; nobody waits for it here.
_SOON = "[cases.survey]\nafter_s = 2\n"


@dataclass
class Scene:
    """Where everything is, and what the store knows by now."""

    product: Product
    store: CaseStore
    browser: Browser
    address: str
    metrics: str  # where the worker tells them
    seated: list[Person] = field(default_factory=list)

    def person(self, name: str, **context: Any) -> Person:
        """Somebody who has signed in, in a browser of their own."""
        self.seated.append(Person(self.browser, self.address, name, **context))
        return self.seated[-1].signs_in()

    def cases(self, **filters: Any) -> tuple[CaseLine, ...]:
        with self.store.reading() as connection:
            return queries.ranked(connection, Filters(**filters), 200).lines

    def counted(self, name: str, **labels: str) -> float:
        """A metric of the worker as it is now, over all labels that are not given; 0 while it is absent."""
        with urllib.request.urlopen(self.metrics, timeout=10) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        samples = (sample for family in families for sample in family.samples if sample.name == name)
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    def time_passes(self, account_id: str) -> None:
        """Something happens now that says nothing about the account: the clock of its partition moves on."""
        now_ms = time.time_ns() // 1_000_000
        known = AccountProfile(
            event_id=f"known-{now_ms}", source="test", occurred_at=from_ms(now_ms), account_id=account_id
        )
        self.product.write([Outgoing("account.profiles", account_id.encode(), encode(known), now_ms)])

    def is_awake(self) -> bool:
        """Whether the worker decides about what is new; reports until one opens a case."""
        now_ms = time.time_ns() // 1_000_000
        theft = UserReport(
            event_id=f"awake-{now_ms}",
            source="test",
            occurred_at=from_ms(now_ms),
            account_id="somebody",
            channel="app",
            kind="stolen",
        )
        self.product.write([Outgoing("support.requests", b"somebody", encode(theft), now_ms)])
        return bool(self.cases(account_id="somebody"))

    def tells(self, name: str, seed: int, *, without: str = "", **changes: float) -> None:
        """A scenario on every topic but `without`, habits and all, moved so that its last event happened just now."""
        told = scenario(name)
        changes = {"customers": 3, "days": DAYS} | changes
        begins_ms = int(changes["days"]) * DAY_MS
        ends_ms = max(
            each.timestamp_ms
            for each in told.records(seed, 0, changes)
            if begins_ms <= each.timestamp_ms < begins_ms + DAY_MS
        )
        now_ms = time.time_ns() // 1_000_000
        records = told.records(seed, now_ms - ends_ms, changes)
        self.product.write(each for each in records if each.timestamp_ms <= now_ms and each.topic != without)

    def plays(self, name: str, seed: int, case_type: str, *, without: str = "", **changes: float) -> CaseLine:
        """Tells a story of its own people, and waits for the case that it opens."""
        known = {line.case_id for line in self.cases(case_type=case_type)}
        self.tells(name, seed, without=without, **changes)

        def opened() -> CaseLine | None:
            return next((line for line in self.cases(case_type=case_type) if line.case_id not in known), None)

        found: CaseLine = wait_until(opened, f"{name} opens a case of type {case_type}", 180)
        return found


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Broker, worker, store, console and browser, until the last test is over."""
    folder = tmp_path_factory.mktemp("scene")
    with ExitStack() as stack:
        broker = start_embedded(tmp_path_factory.mktemp("broker"))
        stack.callback(broker.stop)
        product = Product(Cluster(broker.bootstrap), folder, "b1")
        product.create_topics()  # runs a loop of its own, which a browser that is open would not let it
        browser = stack.enter_context(chromium())
        soon = product.policy.read_text() + _SOON
        product.policy.write_text(soon)
        web_port = free_port()
        (model,) = resources.files("models").joinpath("registry").iterdir()
        product.start("w1", merge="live", clock="live", model_dir=model.name, web_port=str(web_port))
        stack.callback(lambda: print(product.end(), product.logs()))
        store = store_with_users(folder)
        stack.callback(store.close)
        options = RuntimeOptions(bootstrap=broker.bootstrap, topic_prefix=product.prefix)
        port = stack.enter_context(served(following(store, options, https=False)))
        scene = Scene(product, store, browser, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{web_port}/metrics")
        wait_until(scene.is_awake, "a report opens a case", 180, 1)
        yield scene


def store_with_users(folder: Path) -> CaseStore:
    store = fresh(folder)
    with store.writing() as connection:
        for name, role in USERS.items():
            people.put_user(connection, User(name, role, HASH, 0))
    return store


@pytest.fixture
def person(scene: Scene) -> Iterator[Callable[..., Person]]:
    """Seats people; at the end none of their pages has complained."""
    yield scene.person
    seated, scene.seated = scene.seated, []
    for each in seated:
        each.leaves()
    assert {each.name: each.complaints for each in seated if each.complaints} == {}
