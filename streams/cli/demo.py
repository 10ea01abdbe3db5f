"""How does somebody who has nothing yet see all of it at work?"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from producers import demo as programme
from producers.feed import Outgoing, expand
from producers.responder import Responder
from producers.writer import KafkaWriter, OnTime, Pace
from streams.adapters.child import Child
from streams.adapters.clock import SystemClock
from streams.adapters.embedded_broker import BrokerFailed, BrokerMissing, EmbeddedBroker, free_port
from streams.cli.cluster import asking
from streams.cli.demo_console import HOST, DemoConsole, News, answers
from streams.cli.demo_tally import Reader, Tally, summary_of
from streams.cli.demo_view import Place, View, open_view
from streams.cli.main import NotInstalled
from streams.cli.outputs import OutFile
from streams.cli.topics import create_all
from streams.cli.web_port import is_taken
from streams.contracts.topics import MERGED, physical
from streams.runtime.clients import kafka_python_kwargs
from streams.runtime.failstop import EXIT_INFRASTRUCTURE
from streams.settings import Settings, load_settings

PARTITIONS: Final = 4
# Everything shares one small machine here: a few large requests leave more of it to the worker than many small ones.
LINGER_MS: Final = 20
READY_S: Final = 60.0  # a worker needs 3 s; a machine that is busy with other things may need several times that
LOOK_EVERY_S: Final = 0.25
# The stand-in answers at once: an answer that is dated two seconds ahead would pull the live clock along.
ANSWER_MS: Final = 50
# HUP: the terminal was closed.
_ENDING: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
WORKER_LOG: Final = "worker.log"
WORKER_RESTARTS: Final = 3
# The console starts with the first case, so that it takes nothing from the worker before; or without one after this.
CONSOLE_LATEST_S: Final = 10.0


class DemoFailed(click.ClickException):
    """A part of the demo ended by itself: exit code 70."""

    exit_code = 70


class CannotStart(click.ClickException):
    """Something that the demo needs is not there: exit code 78."""

    exit_code = 78


@click.command()
@click.option("--seconds", type=click.FloatRange(min=1), help="End by itself after this long of live feed.")
@click.option("--summary", type=OutFile(), help="Write the counts here, as JSON.")
@click.option("--bootstrap", help="Use this broker instead of the embedded one; topics get a prefix of their own.")
@click.option("--speed", type=click.FloatRange(0.1, 10), default=1.0, show_default=True, help="2: twice as fast.")
@click.option("--seed", type=click.IntRange(min=0), default=7, show_default=True, help="Other people, other cards.")
@click.option("--console-port", type=click.IntRange(1, 65_535), help="Port of the console. Default: any.")
@click.option("--no-console", is_flag=True, help="Leave the console out.")
@click.option("--plain", is_flag=True, help="Line by line. Default where the output is not a terminal.")
def demo(
    seconds: float | None,
    summary: Path | None,
    bootstrap: str | None,
    speed: float,
    seed: int,
    console_port: int | None,
    no_console: bool,
    plain: bool,
) -> None:
    """Start everything on this machine and play attacks against it: broker, worker, console, live feed, live view.

    Nothing is left behind: the broker's data lie in a temporary folder. Ctrl-C ends it.

    \b
    Examples:
      paywarden demo
      paywarden demo --seconds 60 --plain --summary counts.json
      paywarden demo --bootstrap 127.0.0.1:9092
    """
    if console_port is not None and not no_console and is_taken(HOST, console_port):
        raise CannotStart(f"port {console_port} cannot be had for the console: name another with --console-port.")
    tally = Tally()
    view = open_view(tally, plain=plain)
    console = None if no_console else DemoConsole(console_port)
    ready_s: float | None = None
    try:
        with _Ending() as ending, ExitStack() as stack:
            folder = stack.enter_context(_folder())
            stack.enter_context(view)
            try:
                ready_s = _play(stack, ending, folder, tally, view, console, seed, speed, seconds, bootstrap)
            finally:
                _end_undisturbed()
    except KeyboardInterrupt:
        pass
    if summary is not None:
        found = summary_of(tally, ready_s, console.address if console is not None else None)
        summary.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    view.farewell()


def _play(
    stack: ExitStack,
    ending: _Ending,
    folder: Path,
    tally: Tally,
    view: View,
    console: DemoConsole | None,
    seed: int,
    speed: float,
    seconds: float | None,
    bootstrap: str | None,
) -> float:
    """Everything from the broker to the last look; what it starts, `stack` ends in the opposite order."""
    clock = SystemClock()
    broker: EmbeddedBroker | None = None
    if bootstrap is None:
        view.tell("starting the embedded broker")
        with ending.waits():
            broker = stack.enter_context(_embedded(folder))
    settings = _settings(broker, bootstrap, clock.now_ms())
    _create_topics(stack, settings, temporary=broker is None)
    security = _security(settings)

    view.tell("writing two weeks of history")
    with KafkaWriter(settings.bootstrap, prefix=settings.names, security=security) as writer:
        history = programme.history(seed, clock.now_ms())
        written = writer.write(expand(history, PARTITIONS), pace=Pace(None))

    web_port = free_port()
    place = Place(settings.bootstrap, settings.topic_prefix, f"http://127.0.0.1:{web_port}/metrics")
    reader = Reader(
        tally,
        settings.bootstrap,
        prefix=settings.names,
        partitions=PARTITIONS,
        now_ms=clock.now_ms,
        security=security,
    )
    stack.callback(reader.stop)
    reader.start()

    view.tell("starting a worker")
    surroundings = _environment(settings, folder)
    with ending.waits():
        worker = Worker(folder, surroundings | _worker_environment(web_port), view.worker)
        stack.callback(worker.stop)
    if console is not None:  # all of it while the worker starts
        console = prepared(console, folder, view, clock.now_ms())
    traffic = programme.strangers(seed)
    _wait_until_ready(worker, web_port)
    responder = Responder(
        settings.bootstrap,
        prefix=settings.names,
        security=security,
        group_id=f"{settings.app_id}-responder",
        delay_ms=ANSWER_MS,
    )
    stack.callback(responder.stop)
    responder.start()
    view.tell("the worker decides about the history")
    _wait_until_handled(settings, security, written.records, lambda: _check(broker, worker, reader, responder))
    ready_s = tally.seconds

    anchor_ms = clock.now_ms() + 1_000  # a second to make the first records in
    tally.live_from_ms, tally.live_from_s = anchor_ms, tally.seconds
    feed = Feed(settings, security, programme.live(traffic, seed, anchor_ms, speed))
    stack.callback(feed.stop)
    feed.start()
    view.live(place, programme.scenes(anchor_ms, speed), clock.now_ms)
    ends_s = None if seconds is None else tally.seconds + seconds
    while ends_s is None or tally.seconds < ends_s:
        _check(broker, worker, reader, responder, feed)
        if console is not None:
            _watch(console, stack, ending, folder, surroundings, tally, view)
        view.update()
        time.sleep(LOOK_EVERY_S)
    view.tell("stopping")
    return ready_s


def prepared(console: DemoConsole, folder: Path, view: View, now_ms: int) -> DemoConsole | None:
    """The console, ready to start; None without the extra, which the view is told."""
    try:
        console.prepare(folder, now_ms)
    except NotInstalled as error:
        view.console(News(f"no console: {error.message}"))
        return None
    return console


def _watch(
    console: DemoConsole,
    stack: ExitStack,
    ending: _Ending,
    folder: Path,
    surroundings: dict[str, str],
    tally: Tally,
    view: View,
) -> None:
    """Starts the console when it is time, and tells what becomes of it; the demo does not end with it."""
    if not console.is_started:
        assert tally.live_from_s is not None, "there is no console before the live feed"
        if tally.first_case_s is None and tally.seconds < tally.live_from_s + CONSOLE_LATEST_S:
            return
        with ending.waits():
            console.start(folder, surroundings)
            stack.callback(console.stop)
    if (news := console.news()) is not None:
        view.console(news)


class Worker:
    """The worker and its supervisor: where its surroundings end it, a busy machine say, it starts again a few times.

    `tell`: told of each time, with the worker's last word.
    """

    def __init__(self, folder: Path, environment: dict[str, str], tell: Callable[[str], None]) -> None:
        self._folder, self._environment, self._tell = folder, environment, tell
        self._starts_left = WORKER_RESTARTS
        self.child = self._start()

    def _start(self) -> Child:
        return Child(_worker_command(), self._folder / WORKER_LOG, env=self._environment)

    def ended(self) -> int | None:
        """The exit code, or None while it runs or starts again."""
        code = self.child.ended()
        if code == EXIT_INFRASTRUCTURE and self._starts_left:
            self._starts_left -= 1
            last = "".join(self.child.last_lines(1)) or "it said nothing"
            self._tell(f"the worker ended with exit code {code} and is started again: {last}")
            self.child = self._start()
            return None
        return code

    def stop(self) -> int:
        return self.child.stop()


class Feed(threading.Thread):
    """Writes the live programme, each record when it happens, until `stop`."""

    def __init__(self, settings: Settings, security: dict[str, Any], records: Iterator[Outgoing]) -> None:
        super().__init__(name="feed", daemon=True)
        self.error: Exception | None = None
        self._ending = threading.Event()
        self._writer = KafkaWriter(settings.bootstrap, prefix=settings.names, security=security, linger_ms=LINGER_MS)
        self._records = records

    def run(self) -> None:
        try:
            with self._writer:
                records = takewhile(lambda _: not self._ending.is_set(), self._records)
                self._writer.write(expand(records, PARTITIONS), pace=OnTime())
        except Exception as error:  # the thread has no caller; `_check` hands it on
            self.error = error

    def stop(self, timeout_s: float = 10.0) -> None:
        self._ending.set()
        self.join(timeout_s)


def _wait_until_handled(settings: Settings, security: dict[str, Any], records: int, check: Callable[[], None]) -> None:
    """Until the group has committed positions behind all `records` of the history; a slow machine goes live anyway.

    Not a barrier: the clock of a live worker moves on, so its topics never come to rest.
    """
    inputs = [
        TopicPartition(physical(settings.names, topic.name), number) for topic in MERGED for number in range(PARTITIONS)
    ]
    deadline_s = time.monotonic() + READY_S
    admin = KafkaAdminClient(bootstrap_servers=settings.bootstrap.split(","), **security)
    try:
        while time.monotonic() < deadline_s:
            check()
            committed = admin.list_group_offsets({settings.app_id: inputs})[settings.app_id]
            if sum(max(known.offset, 0) for known in committed.values()) >= records:
                return
            time.sleep(LOOK_EVERY_S)
    finally:
        admin.close()


def _check(
    broker: EmbeddedBroker | None, worker: Worker, reader: Reader, responder: Responder, feed: Feed | None = None
) -> None:
    """Ends the demo when one of its parts has ended."""
    if (code := worker.ended()) is not None:
        raise DemoFailed(_last_words("The worker", code, worker.child))
    if broker is not None and (code := broker.child.ended()) is not None:
        raise DemoFailed(_last_words("The embedded broker", code, broker.child))
    for name, error in (("reader", reader.error), ("feed", feed.error if feed is not None else None)):
        if error is not None:
            raise DemoFailed(f"The {name} ended: {error}") from error
    if not responder.is_alive():
        raise DemoFailed("The stand-in for the payment system ended.")


def _last_words(who: str, code: int, child: Child) -> str:
    said = "\n".join(f"  {line}" for line in child.last_lines())
    return f"{who} ended with exit code {code}. Its last lines, of {child.log}:\n{said}"


@contextmanager
def _folder() -> Iterator[Path]:
    """Where broker and worker keep their files; it stays only when there is something to look up in it."""
    folder = Path(tempfile.mkdtemp(prefix="paywarden-demo-"))
    try:
        yield folder
    except DemoFailed:
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    else:
        shutil.rmtree(folder, ignore_errors=True)


class _Ending:
    """TERM and HUP end the demo like Ctrl-C: at once, but never between the start of a process and its place on the
    list of what is to be stopped."""

    def __init__(self) -> None:
        self._is_starting = self._came = False

    def __enter__(self) -> _Ending:
        self._before = {each: signal.signal(each, self._interrupt) for each in _ENDING}
        return self

    def __exit__(self, *_: object) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)

    def _interrupt(self, number: int, frame: object) -> None:
        self._came = True
        if not self._is_starting:
            _end_undisturbed()
            raise KeyboardInterrupt

    @contextmanager
    def waits(self) -> Iterator[None]:
        """What comes meanwhile ends the demo afterwards."""
        self._is_starting = True
        try:
            yield
        finally:
            self._is_starting = False
        if self._came:
            _end_undisturbed()
            raise KeyboardInterrupt


def _end_undisturbed() -> None:
    """From here on everything ends in its order, within some seconds, whatever comes."""
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)


@contextmanager
def _embedded(folder: Path) -> Iterator[EmbeddedBroker]:
    try:
        broker = EmbeddedBroker(folder)
    except BrokerMissing as error:
        raise CannotStart(str(error)) from error
    except BrokerFailed as error:
        raise DemoFailed(str(error)) from error
    with broker:
        yield broker


def _settings(broker: EmbeddedBroker | None, bootstrap: str | None, now_ms: int) -> Settings:
    """Of this run. On a broker that others use too, topics and group bear a name that nobody used before."""
    shared = {"partitions": PARTITIONS, "replication": 1}
    if broker is not None:
        return load_settings(
            bootstrap=broker.bootstrap,
            topic_prefix="",
            topic_names={},
            app_id="paywarden",
            security_protocol="PLAINTEXT",
            **shared,
        )
    name = f"demo-{now_ms // 1000}"
    return load_settings(bootstrap=bootstrap, topic_prefix=f"{name}.", topic_names={}, app_id=name, **shared)


def _security(settings: Settings) -> dict[str, Any]:
    connection = kafka_python_kwargs(settings.runtime())
    del connection["bootstrap_servers"]
    return connection


def _create_topics(stack: ExitStack, settings: Settings, *, temporary: bool) -> None:
    """`temporary`: on somebody's own broker; they leave with the demo."""
    import asyncio

    with asking(settings):
        created = asyncio.run(create_all(settings, replay=True))
    if temporary:
        stack.callback(_delete_topics, settings, created)


def _delete_topics(settings: Settings, names: list[str]) -> None:
    with asking(settings):
        admin = KafkaAdminClient(bootstrap_servers=settings.bootstrap.split(","), **_security(settings))
        try:
            admin.delete_topics(names)
        finally:
            admin.close()


def _worker_command() -> list[str]:
    return [sys.executable, "-P", "-m", "streams.cli", "worker"]


def _environment(settings: Settings, folder: Path) -> dict[str, str]:
    """What every child is told, with the policy that it finds in `folder`. What the surrounding deployment says about
    security holds for a broker of that deployment, and nothing else of it holds here."""
    policy = folder / "demo.policy.toml"
    policy.write_text((files("streams.cli") / policy.name).read_text(encoding="utf-8"), encoding="utf-8")
    kept = ("PAYWARDEN_SECURITY_", "PAYWARDEN_SASL_", "PAYWARDEN_SSL_")
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PAYWARDEN_") or (settings.topic_prefix and name.startswith(kept))
    }
    return inherited | {
        "PAYWARDEN_BOOTSTRAP": settings.bootstrap,
        "PAYWARDEN_APP_ID": settings.app_id,
        "PAYWARDEN_TOPIC_PREFIX": settings.topic_prefix,
        "PAYWARDEN_POLICY_FILES": json.dumps([str(policy)]),
    }


def _worker_environment(web_port: int) -> dict[str, str]:
    return {
        # The embedded broker waits for a dynamic member that ended for a minute: a new process takes its own place.
        "PAYWARDEN_INSTANCE_ID": "demo",
        "PAYWARDEN_CLOCK": "live",
        "PAYWARDEN_MERGE": "live",
        "PAYWARDEN_WEB_PORT": str(web_port),
    }


def _wait_until_ready(worker: Worker, web_port: int) -> None:
    deadline_s = time.monotonic() + READY_S
    while True:
        if (code := worker.ended()) is not None:
            raise DemoFailed(_last_words("The worker", code, worker.child))
        if answers(f"http://127.0.0.1:{web_port}/readyz"):
            return
        if time.monotonic() > deadline_s:
            raise DemoFailed(f"The worker was not ready within {READY_S:.0f} s; its log is {worker.child.log}.")
        time.sleep(LOOK_EVERY_S)
