"""What would PayWarden have said about these files? The workers' agents over records in memory, without a broker."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from models.artifact import ModelError
from producers.answers import Books, replies
from producers.errors import BadInput
from producers.feed import WATERMARK_KEY, Barrier, expand, stepped
from producers.inputs import Format, InputOptions, read_inputs
from producers.sources.fdh import Release
from producers.sources.logins import DEMO_KEY
from streams.adapters.champions import replay_scorer
from streams.adapters.geo_database import load_places
from streams.adapters.model_scorer import RULES_ONLY
from streams.adapters.overlay import load_library
from streams.adapters.policy_file import load_schedule
from streams.agents.offline import STRICT, OfflineRun, run_over
from streams.app import accounts_logic, entities_logic
from streams.cli.backtest_compare import compare
from streams.cli.backtest_compare import show as show_difference
from streams.cli.backtest_results import STEP_MS, Results, known_risk, results_folder
from streams.cli.replay import Duration, Instant, counting
from streams.cli.terminal import say_json, terminal
from streams.contracts.base import from_ms
from streams.contracts.partitioning import partition_of
from streams.core.policy import PolicySchedule
from streams.core.steps import Prepared
from streams.ports import Scorer
from streams.runtime.collector import look_rarely
from streams.runtime.logic import Emit
from streams.runtime.options import PartitionOptions
from streams.settings import load_settings

_BARRIER_HELP = "As in replay; what falls due within a step is said at its end. Default: 1m for jsonl, else 1d."


def respond(books: Books, emit: Emit) -> list[tuple[str, bytes, bytes, int]]:
    """The payment system's answers to one record, as (topic, key, value, record timestamp)."""
    assert emit.value is not None
    told = replies(emit.topic, emit.value, books=books)
    return [(each.topic, each.key, each.value, each.timestamp_ms) for each in told]


def run_backtest(
    inputs: tuple[Path, ...],
    file_format: Format,
    options: InputOptions,
    out: Path,
    *,
    partitions: int,
    barrier_ms: int,
    settle_ms: int,
    policies: PolicySchedule,
    responder: bool,
    console: Console,
    quiet: bool,
    scorer: Scorer[Prepared] | None = None,
    engine: PartitionOptions = STRICT,
) -> dict[str, Any]:
    """Run both agents over the files and write what they publish to `out`; returns what summary.json holds.

    Raises BadInput with a sentence for a file that cannot be used.
    """
    began = time.perf_counter()
    settings = load_settings()
    # The first record shows what is wrong with most files: then an earlier backtest in this folder stays.
    source = read_inputs(inputs, file_format, options)
    first = next(source)
    with results_folder(out), ExitStack() as stack:
        results, books = Results(out, stack, file_format), Books()
        run = OfflineRun(
            accounts_logic(
                policies,
                scorer,
                barrier_s=barrier_ms // 1000,
                library=load_library(settings.overlay),
                pseudonym_key=settings.secret("pseudonym_key"),
                places=load_places(settings.geo_databases),
            ),
            entities_logic(policies, barrier_ms // 1000),
            partitions,
            results,
            options=engine,
            partition_of_key=partition_of,
            respond=partial(respond, books) if responder else None,
        )
        progress = stack.enter_context(counting(console, quiet=quiet))
        task = progress.add_task("backtest", total=None)
        feed = stepped(chain((first,), source), barrier_ms, settle_ms)
        for item in expand(feed, partitions):
            if isinstance(item, Barrier):
                run.settle()
                results.step_ended()
                if not quiet:
                    day = f"{from_ms(item.at_ms):%Y-%m-%d %H:%M}"
                    progress.update(task, completed=results.records, description=f"backtest {day}")
                continue
            if item.topic == "auth.logins":
                results.came_from(item.value, item.timestamp_ms, partial(known_risk, run.accounts[item.partition]))
            elif item.topic == "risk.labels":
                results.turned_out(item.value)
            if responder:
                books.hear(item.topic, item.value)
            run.write(item.topic, item.partition, item.key, item.value, item.timestamp_ms)
            if item.key != WATERMARK_KEY:
                results.read(item)
        run.settle()
        seconds = time.perf_counter() - began
        summary = {
            **results.summary(),
            "partitions": partitions,
            "barrier_s": barrier_ms // 1000,
            "policy": [policy.policy_hash for policy in policies.policies],
            "mode": policies.policies[-1].mode,
            "model": RULES_ONLY if scorer is None else scorer.model_id,
            "states": sum(len(partition.states) for partition in run.accounts),  # accounts and known entities
            "seconds": round(seconds, 2),
            "records_per_s": round(results.records / seconds) if seconds else 0,
        }
        (out / "summary.json").write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")
    return summary


def show(summary: dict[str, Any], console: Console, out: Path) -> None:
    """The summary as tables."""
    console.print(
        f"{summary['records']:,} records from {summary['from']} to {summary['to']} in {summary['seconds']} s "
        f"({summary['records_per_s']:,}/s), mode {summary['mode']}, model {summary['model']}",
        highlight=False,
    )
    for title, counts in (
        ("decisions", summary["outcomes"]),
        *((f"{name} would have decided", found) for name, found in summary["shadows"].items()),
        ("cases opened", summary["cases"]),
        ("rules that fired", summary["rules"]),
        ("written to " + str(out), summary["published"]),
    ):
        table = Table(title=title, title_justify="left", show_header=False, box=None, padding=(0, 2))
        for name, number in counts.items():
            if number:
                table.add_row(name, f"{number:,}")
        if table.row_count:
            console.print(table)


@click.command(
    epilog="""
\b
Examples:
  paywarden backtest events.jsonl --format jsonl --out out/
  paywarden backtest transactions.csv.xz --format fdh --start 2018-07-25 --end 2018-08-15 --out out/
  paywarden backtest transactions.csv.xz --format fdh --model models/fdh-1a2b3c4d5e --out out/
  paywarden backtest events.jsonl --format jsonl --policy stricter.toml --out new/ --compare out/
  paywarden backtest ch_08_logs_log.csv --format logins --policy stricter.toml --out out/
"""
)
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "file_format", required=True, type=click.Choice(["fdh", "logins", "jsonl"]))
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for the results.")
@click.option("--partitions", type=click.IntRange(1, 4096), default=4, show_default=True)
@click.option("--barrier", "barrier_ms", type=Duration(), help=_BARRIER_HELP)
@click.option("--settle", "settle_ms", type=Duration(), default="0s", help="Event time after the last event.")
@click.option("--policy", "policy_files", multiple=True, type=click.Path(path_type=Path), help="Over the default.")
@click.option(
    "--model", "model_dir", type=click.Path(path_type=Path), help="Folder of the model that scores; else rules only."
)
@click.option(
    "--shadow",
    "shadow_dirs",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder of a model that scores beside it; its answers are decision.shadowed.v1 in decisions.jsonl.",
)
@click.option("--start", type=Instant(), help="Leave out what happened before; UTC.")
@click.option("--end", type=Instant(), help="Leave out what happened at this time or later; UTC.")
@click.option("--label-delay", type=Duration(), default="7d", show_default=True, help="fdh: when the truth is known.")
@click.option("--label-release", type=click.Choice(["exact", "day-end"]), default="exact", show_default=True)
@click.option("--malformed", type=click.Choice(["send", "stop"]), default="send", show_default=True, help="jsonl.")
@click.option("--responder/--no-responder", default=True, help="Let a stand-in payment system acknowledge actions.")
@click.option(
    "--compare",
    "before",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="The --out of an earlier backtest of the same input: say what changes for people.",
)
@click.option("--minutes-per-case", type=click.FloatRange(min=0.0), default=10.0, show_default=True, help="--compare.")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json instead of tables.")
def backtest(
    inputs: tuple[Path, ...],
    file_format: Format,
    out: Path,
    partitions: int,
    barrier_ms: int | None,
    settle_ms: int,
    policy_files: tuple[Path, ...],
    model_dir: Path | None,
    shadow_dirs: tuple[Path, ...],
    start: int | None,
    end: int | None,
    label_delay: int,
    label_release: Release,
    malformed: Any,
    responder: bool,
    before: Path | None,
    minutes_per_case: float,
    as_json: bool,
) -> None:
    """Run both agents over INPUTS without a broker and write what they would publish.

    The same code as the workers, in strict order and replay time: for the same input, policy, partitions and barrier
    the workers publish these records, byte for byte. Writes decisions.jsonl, cases.jsonl, actions.jsonl, locks.jsonl,
    notifications.jsonl, commands.jsonl, dead_letters.jsonl, scores.csv, flags.csv, labels.csv and
    summary.json.
    """
    barrier_ms = STEP_MS[file_format] if barrier_ms is None else barrier_ms
    if barrier_ms <= 0 or barrier_ms % 1000:
        raise click.UsageError("--barrier must be a positive number of whole seconds.")
    options = InputOptions(
        start_ms=start,
        end_ms=end,
        label_delay_ms=label_delay,
        label_release=label_release,
        pseudonym_key=DEMO_KEY,
        malformed=malformed,
    )
    console = terminal(stderr=as_json)
    look_rarely()
    policies = load_schedule(policy_files)
    try:
        scorer = replay_scorer(model_dir, policies, shadow_dirs, load_settings().models_dir)
    except ModelError as error:  # unlike a worker, a backtest without its model would answer another question
        raise BadInput(str(error)) from None
    try:
        if out.exists() and any(out.iterdir()) and not (out / "summary.json").exists():
            raise BadInput(f"{out} holds other files; name an empty folder or an earlier backtest's.")
        attempt = partial(
            run_backtest,
            inputs,
            file_format,
            options,
            out,
            partitions=partitions,
            barrier_ms=barrier_ms,
            settle_ms=settle_ms,
            policies=policies,
            responder=responder,
            console=console,
            quiet=as_json,
            scorer=scorer,
        )
        summary = run_over(lambda engine: attempt(engine=engine))
    except OSError as error:  # inputs have their own sentences
        raise BadInput(f"{out} cannot be written: {error.strerror or error}; name a folder that can.") from error
    difference = None if before is None else compare(before, out, minutes_per_case)
    if as_json:
        told = summary if difference is None else summary | {"compared": difference}
        say_json(msgspec.json.encode(told))
    else:
        show(summary, console, out)
        if difference is not None:
            show_difference(difference, console)
    if 0 < summary["records"] == summary["published"]["dead_letters.jsonl"]:
        raise BadInput(f"none of the {summary['records']:,} records is an event; see {out / 'dead_letters.jsonl'}.")
