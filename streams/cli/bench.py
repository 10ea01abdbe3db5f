"""How fast is PayWarden on this machine, and what of that is its own doing?"""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from models.artifact import ModelError
from streams.cli import bench_core, bench_model, bench_money
from streams.cli.bench_core import Rate, records_of, traffic
from streams.cli.bench_incidents import incidents
from streams.cli.bench_ingest import bench_ingest
from streams.cli.bench_logins import bench_logins
from streams.cli.outputs import OutFile
from streams.cli.terminal import say_json, terminal
from streams.runtime.collector import look_rarely
from streams.runtime.logic import Record

STAGES = ("decode", "core", "memory", "money", "model", "store", "console", "whole", "latency")
PARTITIONS = 4
# A customer does something about five times, 20 minutes apart: most accounts are known, none is suspicious.
EVENTS_PER_ACCOUNT = 5
STEP_MS = 200
SETTLE_MS = 60_000

Told = Callable[[int], None]


class _Stages(click.ParamType):
    """`decode,core`."""

    name = "stages"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        chosen = tuple(part.strip() for part in value.split(","))
        unknown = [part for part in chosen if part not in STAGES]
        if unknown:
            self.fail(f"{unknown[0]!r} is none of {', '.join(STAGES)}", param, ctx)
        return chosen


@click.group(
    invoke_without_command=True,
    epilog="""
\b
Examples:
  paywarden bench
  paywarden bench --only decode,core --events 50000 --json
  paywarden bench --only latency --rate 2000 --seconds 30 --bootstrap kafka-1:9092
""",
)
@click.option("--events", type=click.IntRange(1_000), default=20_000, show_default=True, help="Of each stage.")
@click.option("--only", type=_Stages(), default=",".join(STAGES), show_default=True, help="Stages, comma separated.")
@click.option("--rate", type=click.FloatRange(min=1), default=5_000, show_default=True, help="latency: payments/s.")
@click.option("--seconds", type=click.FloatRange(min=1), default=15, show_default=True, help="latency: how long.")
@click.option("--bootstrap", help="Measure on this broker, in topics of its own. Default: an embedded broker.")
@click.option("--out", type=OutFile(), help="Also write the JSON to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@click.pass_context
def bench(
    ctx: click.Context,
    events: int,
    only: tuple[str, ...],
    rate: float,
    seconds: float,
    bootstrap: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Measure decoding, the core, memory, failures, a model, the case store, the path through Kafka, and latency.

    With `model` and `whole` the path is measured twice in the same run, by rules alone and with the shipped model.

    CPU time counts, because neighbours on the machine do not change it much; the ratio to a bare
    consume-decode-produce loop on the same broker is the number to compare between machines.
    """
    if ctx.invoked_subcommand is not None:
        return
    look_rarely()
    console = terminal(stderr=as_json)
    results: dict[str, Any] = {"machine": machine(), "events": events}
    with (
        tempfile.TemporaryDirectory(prefix="paywarden-bench-", ignore_cleanup_errors=True) as folder,
        Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.completed:,}/{task.total:,}", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=as_json,
        ) as progress,
    ):

        def begin(what: str, total: int) -> Told:
            task = progress.add_task(what, total=total)
            return lambda done: progress.update(task, completed=min(done, total))

        results |= _in_memory(only, events, begin)
        if "store" in only:
            results["store"] = _store(events, Path(folder), begin)
        if "console" in only:
            results["console"] = _console(events // 2, Path(folder), begin)
        if "whole" in only or "latency" in only:
            model = bench_model.shipped() if "skipped" not in results.get("model", {"skipped": ""}) else None
            results |= _through_kafka(only, events, rate, seconds, bootstrap, Path(folder), begin, model)
    text = msgspec.json.format(msgspec.json.encode(results), indent=2)
    if out is not None:
        out.write_bytes(text + b"\n")
    if as_json:
        say_json(text)
    else:
        show(results, console)


bench.add_command(incidents)
bench.add_command(bench_ingest)
bench.add_command(bench_logins)


def machine() -> dict[str, Any]:
    """What the figures belong to."""
    return {
        "cpus": os.cpu_count(),
        "architecture": platform.machine(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "load_1m": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def _in_memory(only: tuple[str, ...], events: int, begin: Callable[[str, int], Told]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    stages: tuple[tuple[str, Callable[[list[Record]], Rate]], ...] = (
        ("decode", bench_core.decoding),
        ("core", bench_core.core),
    )
    if not {"decode", "core", "model"}.isdisjoint(only):
        records = records_of(traffic(events, events // EVENTS_PER_ACCOUNT, STEP_MS))
        for name, measure in stages:
            if name in only:
                told = begin(name, 1)
                found[name] = _rate(measure(records))
                told(1)
        if "model" in only:
            told = begin("model", 1)
            try:
                rate = bench_model.scoring(bench_model.shipped(), records)
            except ModelError as error:
                found["model"] = {"skipped": str(error)}
            else:
                found["model"] = {**_rate(rate), "batch": bench_core.BATCH, "model": bench_model.shipped().name}
            told(1)
    if "memory" in only:
        told = begin("memory", 1)
        found["memory"] = msgspec.to_builtins(bench_core.footprint())
        told(1)
    if "money" in only:
        told = begin("money", 1)
        found["money"] = msgspec.to_builtins(bench_money.cost(events // 4))
        told(1)
    return found


def _store(versions: int, folder: Path, begin: Callable[[str, int], Told]) -> dict[str, Any]:
    try:
        # Imported here: only the extra `console` brings a database.
        from streams.cli.bench_store import measure
    except ModuleNotFoundError as error:
        return {"skipped": f"the case store needs {error.name}: pip install 'paywarden[console]'"}
    found: dict[str, Any] = msgspec.to_builtins(measure(versions, folder, begin("case versions", versions)))
    return found


def _console(cases: int, folder: Path, begin: Callable[[str, int], Told]) -> dict[str, Any]:
    try:
        from streams.cli.bench_console import measure  # like the case store
    except ModuleNotFoundError as error:
        return {"skipped": f"the console needs {error.name}: pip install 'paywarden[console]'"}
    found: dict[str, Any] = msgspec.to_builtins(measure(cases, folder, begin("open cases", cases)))
    return found


def _through_kafka(
    only: tuple[str, ...],
    events: int,
    rate: float,
    seconds: float,
    bootstrap: str | None,
    folder: Path,
    begin: Callable[[str, int], Told],
    model: Path | None,
) -> dict[str, Any]:
    # Imported here: it knows Faust, which the stages in memory do without.
    from streams.cli import bench_cluster as cluster

    found: dict[str, Any] = {}
    name = f"bench-{time.time_ns() // 1_000_000}"
    with cluster.broker(bootstrap, folder) as address:
        if "whole" in only:
            with cluster.deployment(address, PARTITIONS, name + "-whole") as settings:
                feed = traffic(events, events // EVENTS_PER_ACCOUNT, STEP_MS)
                cluster.fill(settings, feed, SETTLE_MS, begin("writing the input", events))
                told = begin("bare loop", 1)
                bare = cluster.bare(settings, events)
                told(1)
                worker = cluster.whole(settings, events, folder, begin("whole path", events))
            found["bare"], found["whole"] = _rate(bare), _rate(worker)
            found["whole"]["speed_to_bare"] = round(worker.per_s / bare.per_s, 3)
            found["whole"]["cpu_to_bare"] = round(worker.cpu_us / bare.cpu_us, 2)
            if model is not None:
                with cluster.deployment(address, PARTITIONS, name + "-model") as settings:
                    feed = traffic(events, events // EVENTS_PER_ACCOUNT, STEP_MS)
                    cluster.fill(settings, feed, SETTLE_MS, begin("writing the input again", events))
                    scored = cluster.whole(settings, events, folder, begin("with the model", events), model)
                found["whole_model"] = _rate(scored)
                found["whole_model"]["speed_to_whole"] = round(scored.per_s / worker.per_s, 3)
                found["whole_model"]["cpu_to_whole"] = round(scored.cpu_us / worker.cpu_us, 2)
        if "latency" in only:
            with cluster.deployment(address, PARTITIONS, name + "-latency") as settings:
                told = begin("constant rate", int(rate * seconds))
                found["latency"] = {
                    key: round(value, 1)
                    for key, value in msgspec.to_builtins(
                        cluster.latency(settings, rate, seconds, folder, told)
                    ).items()
                }
    return found


def _rate(rate: Rate) -> dict[str, Any]:
    return {
        "events": rate.events,
        "events_per_s": round(rate.per_s),
        "cpu_us_per_event": round(rate.cpu_us, 1),
        "seconds": round(rate.seconds, 3),
    }


_TITLES = {
    "decode": "decode only",
    "core": "core only (one partition in memory, states encoded)",
    "bare": "bare aiokafka loop: consume, decode, produce",
    "whole": "whole path (a worker, exactly once, read_committed)",
    "whole_model": "whole path with the shipped model",
    "model": "the model alone, per payment in batches of 200",
}


def show(results: dict[str, Any], console: Console) -> None:
    """The results as tables."""
    about = results["machine"]
    console.print(
        f"{about['cpus']} CPUs ({about['architecture']}), Python {about['python']}, load {about['load_1m']}",
        highlight=False,
    )
    rates = Table("stage", "events/s", "CPU us/event", box=None, padding=(0, 2))
    for name, title in _TITLES.items():
        if name in results and "skipped" not in results[name]:
            each = results[name]
            rates.add_row(title, f"{each['events_per_s']:,}", f"{each['cpu_us_per_event']:,}")
    if rates.row_count:
        console.print(rates)
    if "whole" in results:
        whole = results["whole"]
        console.print(
            f"whole path: {whole['speed_to_bare']:.0%} of the bare loop's speed, {whole['cpu_to_bare']} times its CPU",
            highlight=False,
        )
    if "whole_model" in results:
        scored = results["whole_model"]
        console.print(
            f"with the model: {scored['speed_to_whole']:.0%} of the speed, {scored['cpu_to_whole']} times the CPU",
            highlight=False,
        )
    if "skipped" in results.get("model", {}):
        console.print(f"no model measured: {results['model']['skipped']}", highlight=False)
    if "skipped" in results.get("store", {}):
        console.print(f"no case store measured: {results['store'].pop('skipped')}", highlight=False)
    if "skipped" in results.get("console", {}):
        console.print(f"no console measured: {results['console'].pop('skipped')}", highlight=False)
    for name, page in results.get("console", {}).get("pages", {}).items():
        console.print(
            f"page {name.replace('_', ' ')}: median {page['median_ms']} ms, p95 {page['p95_ms']} ms, "
            f"worst {page['worst_ms']} ms, {page['kilobytes']} KB",
            highlight=False,
        )
    for name in ("memory", "money", "store", "latency"):
        if results.get(name):
            table = Table(title=name, title_justify="left", show_header=False, box=None, padding=(0, 2))
            for key, value in results[name].items():
                table.add_row(key.replace("_", " "), f"{value:,}")
            console.print(table)
