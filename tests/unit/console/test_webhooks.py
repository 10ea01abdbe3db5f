"""Is each version told once it was taken, in order, signed, and is nobody held up by somebody else?"""

from __future__ import annotations

import asyncio
import hmac
import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.command import paywarden
from support.examples import jdk_command
from support.examples import load as load_example
from support.metrics import RecordingMetrics
from support.stores import START_MS, case, fresh, load, record
from support.waiting import wait_until

from streams.adapters.case_store import outbox
from streams.adapters.case_store.errors import StoreError
from streams.adapters.case_store.outbox import Message
from streams.adapters.case_store.store import CaseStore
from streams.adapters.clock import SystemClock
from streams.console.webhooks import delivery, posting
from streams.console.webhooks.delivery import message_of
from streams.console.webhooks.endpoints import Endpoint, load_endpoints, secrets_of
from streams.console.webhooks.signing import signature, wait_ms
from streams.contracts.registry import encode
from streams.metrics import (
    WEBHOOK_DEAD_LETTERS,
    WEBHOOK_FAILED,
    WEBHOOK_GIVEN_UP,
    WEBHOOK_OLDEST,
    WEBHOOK_POST_SECONDS,
    WEBHOOK_WAITING,
    Silent,
)
from streams.ports import Metrics

SECRET = b"0123456789abcdef"


class Post(NamedTuple):
    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str:
        return self.headers["idempotency-key"]


class Receiver:
    """A real HTTP server; `answers` decides what a post gets."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.answers: Any = lambda post: 204
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                post = Post({name.lower(): value for name, value in self.headers.items()}, body)
                receiver.posts.append(post)
                status = receiver.answers(post)
                self.send_response(status)
                if status in (301, 302):
                    self.send_header("Location", "http://169.254.169.254/")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def told(self) -> list[str]:
        return [post.key for post in self.posts]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CaseStore]:
    store = fresh(tmp_path)
    yield store
    store.close()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_bytes(SECRET + b"\n")
    return tmp_path / "webhooks.toml"


class Clock:
    """The wall clock, moved forward by hand."""

    def __init__(self) -> None:
        self.at_ms = START_MS

    def now_ms(self) -> int:
        return self.at_ms

    def monotonic_s(self) -> float:
        return self.at_ms / 1000


def endpoint(url: str, **fields: Any) -> Endpoint:
    return Endpoint(**{"name": "billing", "url": url, "secret_file": "secret", "allow_private": True, **fields})


def message(case_id: str, version: int) -> Message:
    made = message_of("support.cases", encode(case(case_id, version)), ("case.version.v1",))
    assert isinstance(made, Message)
    return made


def queue(store: CaseStore, *messages: Message, name: str = "billing") -> None:
    with store.writing() as connection:
        outbox.put(connection, name, messages, START_MS)


@contextmanager
def posting_to(
    store: CaseStore, config: Path, clock: Clock, *endpoints: Endpoint, metrics: Metrics | None = None
) -> Iterator[None]:
    """The task that posts, in a thread of its own, until it is told to end."""
    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(delivery._post(store, each, config, clock, metrics or Silent())) for each in endpoints]

    def work() -> None:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        for each in tasks:
            loop.call_soon_threadsafe(each.cancel)
        thread.join(30)


def waiting(store: CaseStore, name: str = "billing") -> tuple[int, int]:
    with store.reading() as connection:
        return outbox.counts(connection).get(name, (0, 0))


def test_what_is_posted_is_the_record_signed_with_its_key(store: CaseStore, config: Path, receiver: Receiver) -> None:
    queue(store, message("case_a", 3))
    with posting_to(store, config, Clock(), endpoint(receiver.url)):
        wait_until(lambda: waiting(store) == (0, 0), "it was taken")
    (post,) = receiver.posts
    assert post.body == encode(case("case_a", 3))
    assert post.key == "case_a:3"
    said = dict(part.split("=", 1) for part in post.headers["paywarden-signature"].split(","))
    assert said["v1"] == hmac.new(SECRET, f"{said['t']}.".encode() + post.body, sha256).hexdigest()
    assert int(said["t"]) == START_MS // 1000


def test_a_case_keeps_its_order_and_does_not_hold_up_another(
    store: CaseStore, config: Path, receiver: Receiver
) -> None:
    """The first version of one case is refused three times: its others wait, other cases and endpoints do not."""
    refused = Counter[str]()
    moved: list[int] = []

    def answers(post: Post) -> int:
        if post.key == "case_a:1" and refused["case_a:1"] < 3:
            refused["case_a:1"] += 1
            moved.append(len(receiver.posts))
            return 500
        return 200

    receiver.answers = answers
    queue(store, *(message(name, version) for version in (1, 2, 3) for name in ("case_a", "case_b")))
    queue(store, message("case_c", 1), name="other")
    clock = Clock()
    both = (endpoint(receiver.url, first_wait_ms=1_000), endpoint("http://127.0.0.1:9/", name="other"))
    with posting_to(store, config, clock, *both):
        wait_until(lambda: "case_b:3" in receiver.told(), "the other case went on")
        assert "case_a:2" not in receiver.told()

        def later() -> bool:
            clock.at_ms += 1_000
            return waiting(store) == (0, 0)

        wait_until(later, "everything was taken")
    order = [key for key in receiver.told() if key.startswith("case_a")]
    assert order == ["case_a:1"] * 4 + ["case_a:2", "case_a:3"]
    assert [post.headers["paywarden-attempt"] for post in receiver.posts if post.key == "case_a:1"] == list("1234")
    assert sum(waiting(store, "other")) == 1


def test_attempts_are_counted_by_endpoint_and_what_became_of_them(
    store: CaseStore, config: Path, receiver: Receiver
) -> None:
    receiver.answers = lambda post: 500 if post.key == "case_a:1" else 200
    queue(store, message("case_a", 1), message("case_b", 1))
    queue(store, message("case_c", 1), name="other")
    clock, metrics = Clock(), RecordingMetrics()
    hook = endpoint(receiver.url, attempts=3)

    def look() -> None:
        delivery.look_at_queues(store, metrics, (hook, endpoint(receiver.url, name="idle")))

    look()
    assert metrics.gauges[WEBHOOK_WAITING, ("billing",)] == 2
    assert metrics.gauges[WEBHOOK_OLDEST, ("billing",)] == message("case_a", 1).at_ms / 1000
    assert metrics.gauges[WEBHOOK_WAITING, ("idle",)] == 0
    assert (WEBHOOK_OLDEST, ("idle",)) not in metrics.gauges

    def later() -> bool:
        clock.at_ms += 1_000
        return waiting(store) == (0, 1) and metrics.total(WEBHOOK_DEAD_LETTERS) == 1

    with posting_to(store, config, clock, hook, metrics=metrics):
        wait_until(later, "one was taken, one was given up")
    look()
    counted = {each.name.removeprefix("paywarden_webhook_"): number for (each, _), number in metrics.counted.items()}
    assert counted == {"delivered_total": 1, "failed_total": 3, "retried_total": 2, "dead_letters_total": 1}
    assert {labels for _, labels in metrics.counted} == {("billing",)}
    assert len(metrics.observed[WEBHOOK_POST_SECONDS, ("billing",)]) == 4
    assert metrics.gauges[WEBHOOK_WAITING, ("billing",)] == 0
    assert metrics.gauges[WEBHOOK_GIVEN_UP, ("billing",)] == 1
    assert (WEBHOOK_OLDEST, ("billing",)) not in metrics.gauges


def test_what_is_never_taken_is_given_up_seen_and_replayed(store: CaseStore, config: Path, receiver: Receiver) -> None:
    receiver.answers = lambda post: 503 if post.key == "case_a:1" else 200
    queue(store, message("case_a", 1), message("case_a", 2))
    clock = Clock()
    hook = endpoint(receiver.url, attempts=3)

    def until(wanted: tuple[int, int]) -> None:
        clock.at_ms = max(clock.at_ms, SystemClock().now_ms())  # by which the commands queue

        def later() -> bool:
            clock.at_ms += 1_000
            return waiting(store) == wanted

        with posting_to(store, config, clock, hook):
            wait_until(later, f"{wanted}")

    until((0, 1))
    assert receiver.told() == ["case_a:1"] * 3 + ["case_a:2"]  # a later version is the whole case: it goes on
    where = ("--store", str(store.engine.url))
    listed = paywarden("webhooks", "dead", "list", *where).stdout
    assert "billing  case_a:1  3 attempts: it answered 503" in listed
    assert json.loads(paywarden("webhooks", "status", "--json", *where).stdout) == {
        "billing": {"waiting": 0, "dead": 1}
    }
    receiver.answers = lambda post: 200
    assert paywarden("webhooks", "dead", "replay", *where).stdout == "1 will be tried again\n"
    until((0, 0))
    assert receiver.told()[-1] == "case_a:1"
    assert receiver.posts[-1].headers["paywarden-replay"] == "true"
    load(store, [record("support.cases", case("case_a", version)) for version in (1, 2, 3)])
    again = ("webhooks", "replay", "case_a", "--from-version", "2", "--endpoint", "billing", *where)
    with store.writing() as connection:
        outbox.take_in(connection, "billing", (), {}, {("support.cases", 0): 9}, 0)
    assert paywarden(*again).stdout == "2 versions will be posted again\n"
    until((0, 0))
    assert receiver.told()[-2:] == ["case_a:2", "case_a:3"]
    assert paywarden("webhooks", "replay", "nothing", "--endpoint", "billing", *where).exit_code == 64


@pytest.mark.parametrize("command", [("replay", "case_a"), ("dead", "replay"), ("dead", "list")])
def test_an_endpoint_that_nobody_serves_is_a_sentence_and_gets_nothing(
    store: CaseStore, command: tuple[str, ...]
) -> None:
    load(store, [record("support.cases", case("case_a", 1))])
    asked = ("webhooks", *command, "--endpoint", "biling", "--store", str(store.engine.url))
    said = paywarden(*asked)
    assert (said.exit_code, said.stdout) == (64, "")
    assert "no endpoint is called 'biling'; `webhooks run` has served none yet" in said.stderr
    with store.writing() as connection:
        outbox.take_in(connection, "billing", (), {}, {("support.cases", 0): 9}, 0)
    assert "has served billing." in paywarden(*asked).stderr
    assert waiting(store) == (0, 0)


def test_a_case_that_hangs_holds_one_place_and_the_next_case_takes_each_that_is_free(
    store: CaseStore, config: Path, receiver: Receiver
) -> None:
    gate = threading.Event()
    under_way: set[str] = set()
    most: list[int] = []

    def answers(post: Post) -> int:
        under_way.add(post.key)
        most.append(len(under_way))
        if post.key == "case_a:1":
            gate.wait(30)
        under_way.discard(post.key)
        return 204

    receiver.answers = answers
    others = [message(f"case_{number}", version) for version in (1, 2) for number in range(10)]
    queue(store, message("case_a", 1), message("case_a", 2), *others)
    with posting_to(store, config, Clock(), endpoint(receiver.url, at_once=3, timeout_s=30.0)):
        wait_until(lambda: waiting(store) == (2, 0), "the others were taken while one hangs")
        assert under_way == {"case_a:1"}
        assert "case_a:2" not in receiver.told()
        gate.set()
        wait_until(lambda: waiting(store) == (0, 0), "it goes on")
    assert 1 < max(most) <= 3
    for name in ("case_a", *(f"case_{number}" for number in range(10))):
        assert [key for key in receiver.told() if key.startswith(f"{name}:")] == [f"{name}:1", f"{name}:2"]


@pytest.mark.parametrize("broken", [b"", b"too short\n", b"0123456789abcdef\n" * 3, None])
def test_a_secret_file_that_is_not_good_stops_its_endpoint_only_and_until_it_is(
    store: CaseStore, config: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture, broken: bytes | None
) -> None:
    file = config.parent / "own"
    if broken is not None:
        file.write_bytes(broken)
    queue(store, message("case_a", 1))
    queue(store, message("case_b", 1), name="other")
    clock, metrics = Clock(), RecordingMetrics()
    both = (endpoint(receiver.url, secret_file="own", attempts=1), endpoint(receiver.url, name="other"))

    def later() -> bool:
        clock.at_ms += 1_000
        return metrics.counted[WEBHOOK_FAILED, ("billing",)] > 3 and waiting(store, "other") == (0, 0)

    with posting_to(store, config, clock, *both, metrics=metrics):
        wait_until(later, "the other endpoint is told, and the file is looked at again")
        assert receiver.told() == ["case_b:1"]
        assert waiting(store) == (1, 0)
        file.write_bytes(SECRET)

        def mended() -> bool:
            clock.at_ms += 1_000
            return waiting(store) == (0, 0)

        wait_until(mended, "it was taken in its first attempt")
    assert receiver.posts[-1].headers["paywarden-attempt"] == "1"
    said = [each.getMessage() for each in caplog.records if each.name == delivery.__name__]
    assert len(said) == 2
    assert "billing: nothing is posted to it until its secret file is good again" in said[0]
    assert said[1] == "billing: its secret file is good again"


def test_an_account_of_any_name_is_told_of(store: CaseStore, config: Path, receiver: Receiver) -> None:
    told = msgspec.structs.replace(message("case_a", 1), idempotency_key="locks:账户 %\n:3")
    queue(store, told)
    with posting_to(store, config, Clock(), endpoint(receiver.url)):
        wait_until(lambda: waiting(store) == (0, 0), "it was taken")
    assert unquote(receiver.posts[0].key) == told.idempotency_key


def test_an_erased_person_is_in_no_queue(store: CaseStore) -> None:
    load(store, [record("support.cases.snapshot", case("case_a", 1))])
    queue(store, message("case_a", 1), message("case_b", 1))
    load(store, [record("support.cases.snapshot", START_MS + 10**7, key="case_a")])
    assert waiting(store) == (1, 0)


def test_two_that_read_for_one_endpoint_are_found_out(store: CaseStore) -> None:
    with store.writing() as connection:
        outbox.take_in(connection, "billing", [], {}, {("support.cases", 0): 5}, 0)
    with store.writing() as connection, pytest.raises(StoreError, match="another process posts for billing"):
        outbox.take_in(connection, "billing", [], {("support.cases", 0): 4}, {("support.cases", 0): 9}, 0)


def attempt(url: str, *, allow_private: bool, timeout_s: float = 5.0) -> posting.Posted:
    async def once() -> posting.Posted:
        async with posting.client(allow_private=allow_private, timeout_s=timeout_s) as using:
            return await posting.post(using, url, b"{}", {"Content-Length": "2"}, timeout_s)

    return asyncio.run(once())


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "[::ffff:10.0.0.1]", "0.0.0.0", "2130706433"],
)
def test_addresses_of_the_own_network_are_not_asked(receiver: Receiver, host: str) -> None:
    port = receiver.url.rpartition(":")[2]
    said = attempt(f"http://{host}:{port}", allow_private=False)
    assert not said.is_taken
    assert "private network" in said.problem or "no connection" in said.problem
    assert receiver.posts == []


def test_a_redirect_is_not_followed_and_silence_ends(receiver: Receiver) -> None:
    receiver.answers = lambda post: 302
    assert attempt(receiver.url, allow_private=True).problem == "it answered 302"
    assert len(receiver.posts) == 1
    gate = threading.Event()
    receiver.answers = lambda post: 200 if gate.wait(20) else 500
    assert "no answer within 0.2 s" in attempt(receiver.url, allow_private=True, timeout_s=0.2).problem
    gate.set()
    assert "no connection" in attempt("http://127.0.0.1:9/", allow_private=True).problem


@pytest.mark.parametrize(
    "url",
    [
        "https://a..b/",
        f"https://{'a' * 64}.example/",
        "https://x:99999/",
        "https://[::zz]/",
        "https://a\0b/",
        "",
        "x:y",
    ],
)
def test_an_address_that_cannot_be_one_is_a_failed_attempt(url: str) -> None:
    assert "no connection" in attempt(url, allow_private=True).problem


@given(st.text(max_size=20), st.integers(1, 60), st.integers(10, 60_000), st.integers(10, 3_600_000))
def test_waits_grow_are_bounded_and_the_same_again(key: str, attempts: int, first: int, longest: int) -> None:
    wait = wait_ms(key, attempts, first, longest)
    whole = min(longest, first * 2 ** min(attempts - 1, 40))
    assert whole // 2 <= wait <= whole
    assert wait == wait_ms(key, attempts, first, longest)


@pytest.mark.parametrize(
    ("said", "waits_s"),
    [
        ("30", 30),
        ("3600", 3_600),
        ("100000", posting.LONGEST_S),
        ("9" * 5_000, posting.LONGEST_S),
        ("Wed, 04 Mar 2026 12:00:30 GMT", 30),
        ("Wed, 04 Mar 2026 11:59:00 GMT", 0),
        ("Wed, 04 Mar 9999 12:00:00 GMT", posting.LONGEST_S),
        ("Wed, 04 Mar 2026 12:00:30 -0000", 30),
        ("-1", 0),
        ("soon", 0),
        ("²", 0),
        ("", 0),
    ],
)
def test_an_endpoint_says_when_to_come_again(said: str, waits_s: int) -> None:
    assert posting.retry_after_s({"retry-after": said}, 1_772_625_600) == waits_s


def test_both_secrets_sign_while_one_is_replaced(config: Path) -> None:
    (config.parent / "secret").write_bytes(b"the new secret is long\n" + SECRET + b"\n")
    secrets = secrets_of(config, endpoint("https://a.example/"))
    said = signature(secrets, 7, b"x").split(",")
    assert said[0] == "t=7"
    assert f"v1={hmac.new(SECRET, b'7.x', sha256).hexdigest()}" == said[2]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense", "docs/api.md"),
        ('[[endpoint]]\nname="a"\nurl="http://a.example/"\nsecret_file="secret"', "https"),
        ('[[endpoint]]\nname="a"\nurl="https://u:p@a.example/"\nsecret_file="secret"', "no user"),
        ('[[endpoint]]\nname="a"\nurl="https://a.example/"\nsecret_file="nowhere"', "cannot be read"),
        ('[[endpoint]]\nname="a"\nurl="https://a.example/"\nsecret_file="a\\u0000b"', "cannot be read"),
        ('[[endpoint]]\nname="a"\nurl="https://a..b/"\nsecret_file="secret"', "a: its url has a host or port"),
        (f'[[endpoint]]\nname="a"\nurl="https://{"a" * 64}.example/"\nsecret_file="secret"', "cannot be one"),
        (f'[[endpoint]]\nname="a"\nurl="https://{"ab." * 90}example/"\nsecret_file="secret"', "cannot be one"),
        ('[[endpoint]]\nname="a"\nurl="https://a.example:99999/"\nsecret_file="secret"', "cannot be one"),
        ('[[endpoint]]\nname="a"\nurl="https://a b.example/"\nsecret_file="secret"', "cannot be one"),
        ('[[endpoint]]\nname="a"\nurl="https://xn--a/"\nsecret_file="secret"', "cannot be one"),
        ('[[endpoint]]\nname="a"\nurl="https://a.example/"\nsecret_file="secret"\nretry=3', "retry"),
        ('[[endpoint]]\nname="A b"\nurl="https://a.example/"\nsecret_file="secret"', "name"),
        ('[[endpoint]]\nname="a"\nurl="https://a.example/"\nsecret_file="secret"\n' * 2, "same name"),
    ],
)
def test_a_wrong_file_is_one_sentence(config: Path, text: str, says: str) -> None:
    config.write_text(text)
    with pytest.raises(StoreError, match=says):
        load_endpoints(config)


def test_the_example_takes_what_we_sign_once_and_nothing_else(store: CaseStore, config: Path) -> None:
    example = load_example("webhook/receiver.py")
    handled: list[tuple[str, str]] = []
    server = example.receiver(SECRET, lambda key, given: handled.append((key, given["type"])))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    try:
        queue(store, message("case_a", 1), message("case_a", 1), message("case_a", 2))
        with posting_to(store, config, SystemClock(), endpoint(url)):
            wait_until(lambda: waiting(store) == (0, 0), "all were taken")
        assert handled == [("case_a:1", "case.version.v1"), ("case_a:2", "case.version.v1")]
        assert attempt(url, allow_private=True).problem == "it answered 401"
    finally:
        server.shutdown()
        server.server_close()
    now, body = 1_772_636_400, b"{}"
    good = signature([SECRET], now, body)
    assert example.is_genuine(SECRET, good, body, now + 299)
    assert not example.is_genuine(SECRET, good, body, now + 301)
    assert not example.is_genuine(SECRET, good, b"{ }", now)
    assert not example.is_genuine(b"another secret..", good, body, now)
    for header in ("", "t=,v1=", f"t={now}", good.replace("v1=", "v2="), f"t=1,{good}", f"t={now},v1=é"):
        assert not example.is_genuine(SECRET, header, body, now), header


@pytest.mark.timeout(120)
def test_the_example_for_the_jvm_takes_the_same(store: CaseStore, config: Path, tmp_path: Path) -> None:
    (tmp_path / "jvm.secret").write_bytes(SECRET + b"\n")
    command = jdk_command("webhook/Receiver.java", str(tmp_path / "jvm.secret"), "0")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as program:
        try:
            assert program.stdout is not None
            url = program.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:"), url
            queue(store, message("case_a", 1), message("case_a", 1), message("case_a", 2))
            with posting_to(store, config, SystemClock(), endpoint(url)):
                wait_until(lambda: waiting(store) == (0, 0), "all were taken")
            assert attempt(url, allow_private=True).problem == "it answered 401"
            now, body = int(time.time()), b'{"a":1}'
            good = signature([SECRET], now, body)
            replaced = signature([b"another secret..", SECRET], now, body)
            for header, sent, wanted in (
                (good, body, 204),
                (replaced, body, 204),
                (good, b'{"a":2}', 401),
                (signature([SECRET], now - 400, body), body, 401),
                (signature([b"another secret.."], now, body), body, 401),
                (good.replace("v1=", "v2="), body, 401),
                (f"t=1,{good}", body, 401),
                ("t=,v1=", body, 401),
            ):
                given = {
                    "PayWarden-Signature": header,
                    "Idempotency-Key": "case_b:1",
                    "PayWarden-Type": "case.version.v1",
                }
                assert httpx.post(url, content=sent, headers=given).status_code == wanted, header
            assert httpx.post(url, content=body).status_code == 401
        finally:
            program.terminate()
        assert program.stdout.read().split("\n")[:-1] == [
            f"{key} case.version.v1" for key in ("case_a:1", "case_a:2", "case_b:1")
        ]
