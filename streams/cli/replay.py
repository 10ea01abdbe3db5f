"""How does recorded history get onto the input topics?"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from kafka.errors import KafkaError
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from producers.barrier import AgentsAtEnd
from producers.durations import parse_duration, parse_instant
from producers.errors import BadInput
from producers.feed import DEFAULT_STEP_MS, Barrier, Outgoing, expand, retimed, stepped
from producers.inputs import Format, InputOptions, read_inputs
from producers.sources.fdh import Release
from producers.sources.jsonl import Malformed
from producers.sources.logins import DEMO_KEY
from producers.writer import KafkaWriter, Pace, Written
from streams.cli.cluster import ClusterFailed
from streams.cli.terminal import say, say_json, terminal
from streams.contracts.base import from_ms
from streams.contracts.topics import Naming
from streams.runtime.clients import kafka_python_kwargs
from streams.settings import load_settings

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


class Duration(click.ParamType):
    """`500ms`, `90s`, `30m`, `1h`, `7d`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return parse_duration(value)
        except BadInput as error:
            self.fail(str(error), param, ctx)


class Instant(click.ParamType):
    """`2018-08-08` or `2018-08-08T12:00:00Z`."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return parse_instant(value)
        except BadInput as error:
            self.fail(str(error), param, ctx)


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where and how the records are written; filled from the command line."""

    bootstrap: str
    prefix: Naming
    security: dict[str, Any]
    app_id: str
    responder_group: str | None
    speed: float | None
    step_ms: int | None
    barrier_ms: int | None
    barrier_timeout_ms: int
    settle_ms: int
    shift_now: bool
    as_json: bool


_TARGET_OPTIONS = (
    click.option("--bootstrap", help="Brokers. Default: PAYWARDEN_BOOTSTRAP."),
    click.option("--prefix", help="Before every topic name. Default: PAYWARDEN_TOPIC_PREFIX."),
    click.option("--app-id", help="Of the workers that --barrier waits for. Default: PAYWARDEN_APP_ID."),
    click.option("--speed", type=click.FloatRange(min=0.001), help="Event seconds per second. Default: full speed."),
    click.option("--step", "step_ms", type=Duration(), help="Watermarks at these intervals. Default 1h; 0 for none."),
    click.option("--barrier", "barrier_ms", type=Duration(), help="Step, and wait there until both agents are done."),
    click.option("--barrier-timeout", "barrier_timeout_ms", type=Duration(), default="5m", show_default=True),
    click.option("--responder-group", help="With --barrier: the consumer group of a responder to wait for as well."),
    click.option("--settle", "settle_ms", type=Duration(), default=None, help="Event time after the last event."),
    click.option(
        "--shift",
        type=click.Choice(["now"]),
        help="Move event times so that they keep pace with the clock: for workers with clock=live. Needs --speed.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end instead of a progress bar."),
)


def target_options(command: CommandT) -> CommandT:
    """The options that `replay` and `simulate` share."""
    for option in reversed(_TARGET_OPTIONS):
        command = option(command)
    return command


def target_of(options: Mapping[str, Any]) -> Target:
    """Checks the shared options against each other."""
    shift_now = options["shift"] == "now"
    if shift_now and options["speed"] is None:
        raise click.UsageError("--shift now needs --speed: at full speed event times would run ahead of the clock.")
    if shift_now and options["barrier_ms"]:
        raise click.UsageError(
            "--shift now and --barrier exclude each other: barriers are for workers with clock=replay."
        )
    runtime = load_settings(
        bootstrap=options["bootstrap"], topic_prefix=options["prefix"], app_id=options["app_id"]
    ).runtime()
    return Target(
        bootstrap=runtime.bootstrap,
        prefix=runtime.names,
        security=kafka_python_kwargs(runtime),
        app_id=runtime.app_id,
        responder_group=options["responder_group"],
        speed=options["speed"],
        step_ms=options["step_ms"],
        barrier_ms=options["barrier_ms"],
        barrier_timeout_ms=options["barrier_timeout_ms"],
        settle_ms=options["settle_ms"] or 0,
        shift_now=shift_now,
        as_json=options["as_json"],
    )


def write_records(target: Target, records: Iterable[Outgoing], about: str) -> Written:
    """Writes everything with progress on the terminal. Raises the errors of producers.writer, each one sentence."""
    # The client logs every attempt to connect; the sentence of the error says it once.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    try:
        return _write(target, records, about, terminal(stderr=True))
    except KafkaError as error:
        raise ClusterFailed(f"{target.bootstrap} refused: {error}") from error


def report(written: Written, *, as_json: bool) -> None:
    """What was written, for a script or for a person."""
    if as_json:
        say_json(msgspec.json.encode(written))
        return
    rate = written.records / written.seconds if written.seconds else 0.0
    topics = ", ".join(f"{name} {count:,}" for name, count in sorted(written.by_topic.items()))
    say(f"{written.records:,} records in {written.seconds:.1f} s ({rate:,.0f}/s): {topics or 'nothing'}")
    if written.first_ms is not None and written.last_ms is not None:
        say(f"event time {from_ms(written.first_ms):%Y-%m-%d %H:%M:%S} to {from_ms(written.last_ms):%Y-%m-%d %H:%M:%S}")


def counting(console: Console, *, quiet: bool) -> Progress:
    """A line that counts records while they go by."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:,} records", markup=False),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=quiet,
    )


def _write(target: Target, records: Iterable[Outgoing], about: str, console: Console) -> Written:
    # The first record shows what is wrong with most files, and how old the events are, before anything is written.
    source = iter(records)
    first = next(source, None)
    if first is None:
        raise BadInput("There is not a single record to write.")
    records = chain((first,), source)
    now_ms = time.time_ns() // 1_000_000
    # A barrier is a step. Live workers need no watermarks: their clock is the wall's.
    step_ms = target.barrier_ms or (target.step_ms if target.step_ms is not None else DEFAULT_STEP_MS)
    speed = target.speed
    if target.shift_now:
        records = retimed(records, now_ms, target.speed or 1.0)
        step_ms, speed = 0, 1.0
    with KafkaWriter(target.bootstrap, prefix=target.prefix, security=target.security) as writer:
        items = expand(stepped(records, step_ms, target.settle_ms), writer.partitions())
        if not target.shift_now:
            writer.refuse_expired(first.timestamp_ms, now_ms)
        with (
            _barrier(target) as agents,
            counting(console, quiet=target.as_json) as progress,
        ):
            task = progress.add_task(about, total=None)

            def told(written: Written) -> None:
                when = "" if written.last_ms is None else f" {from_ms(written.last_ms):%Y-%m-%d %H:%M}"
                progress.update(task, completed=written.records, description=about + when)

            def wait(barrier: Barrier) -> None:
                if agents is not None:
                    agents.wait(barrier.at_ms)

            return writer.write(items, pace=Pace(speed), at_barrier=None if agents is None else wait, told=told)


def _barrier(target: Target) -> AgentsAtEnd | nullcontext[None]:
    if target.barrier_ms is None:
        return nullcontext()
    return AgentsAtEnd(
        target.bootstrap,
        target.app_id,
        prefix=target.prefix,
        security=target.security,
        responder_group=target.responder_group,
        deadline_s=target.barrier_timeout_ms / 1000,
    )


@click.command(
    epilog="""
\b
Examples:
  paywarden topics create --replay --prefix history.
  paywarden replay week.csv.xz --format fdh --start 2018-08-01 --end 2018-08-08 --barrier 1d --prefix history.
  paywarden replay ch_08.csv --format logins --shift now --speed 3600
  paywarden replay events.jsonl --format jsonl --malformed stop
"""
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "file_format", required=True, type=click.Choice(["fdh", "logins", "jsonl"]))
@click.option("--start", type=Instant(), help="Leave out what happened before; UTC.")
@click.option("--end", type=Instant(), help="Leave out what happened at this time or later; UTC.")
@click.option("--label-delay", type=Duration(), default="7d", show_default=True, help="fdh: when the truth is known.")
@click.option("--label-release", type=click.Choice(["exact", "day-end"]), default="exact", show_default=True)
@click.option(
    "--malformed",
    type=click.Choice(["send", "stop"]),
    default="send",
    show_default=True,
    help="jsonl: send lines that the contracts refuse as they are (they end as dead letters), or stop at the first.",
)
@click.option(
    "--pseudonym-key",
    envvar="PAYWARDEN_PSEUDONYM_KEY",
    default=DEMO_KEY,
    help="logins: key of the hash of unknown user names. The default is public.",
)
@target_options
def replay(
    files: tuple[Path, ...],
    file_format: Format,
    start: int | None,
    end: int | None,
    label_delay: int,
    label_release: Release,
    malformed: Malformed,
    pseudonym_key: str,
    **options: Any,
) -> None:
    """Write FILES to the input topics, in order of event time, with watermarks.

    Record timestamps are event times. Workers that read a replay should run with merge=strict and clock=replay; for
    workers on the live clock use --shift now --speed N. Events older than a topic's retention are refused: the broker
    would delete them at once.
    """
    target = target_of(options)
    records = read_inputs(
        files,
        file_format,
        InputOptions(
            start_ms=start,
            end_ms=end,
            label_delay_ms=label_delay,
            label_release=label_release,
            malformed=malformed,
            pseudonym_key=pseudonym_key,
        ),
    )
    report(write_records(target, records, f"replay {file_format}"), as_json=target.as_json)
