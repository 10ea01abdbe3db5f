"""Which feature vectors would the stream have computed over this history, and what turned out later?"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from producers.errors import BadInput
from producers.feed import Barrier, expand, stepped
from producers.inputs import Format, InputOptions, read_inputs
from streams.adapters.geo_database import load_places
from streams.adapters.policy_file import load_schedule
from streams.agents.offline import OfflineRun, Published, run_over
from streams.app import accounts_logic, entities_logic
from streams.cli.outputs import OutFile
from streams.cli.replay import Duration, Instant
from streams.cli.terminal import terminal
from streams.contracts.partitioning import partition_of
from streams.contracts.registry import decode
from streams.core.policy import PolicySchedule
from streams.runtime.collector import look_rarely
from streams.runtime.options import PartitionOptions
from streams.settings import load_settings

if TYPE_CHECKING:
    from models.training.history import History

END_OF_TIME_MS = 2**62  # without --until the last label decides
# What a payments model scores: money that leaves an account.
SUBJECTS = ("payment", "transfer", "withdrawal", "bill")


def record_history(
    inputs: tuple[Path, ...],
    file_format: Format,
    policies: PolicySchedule,
    *,
    until_ms: int,
    barrier_ms: int,
    partitions: int,
    console: Console,
) -> History:
    """Both agents over everything that happened, and every label that arrived, before `until_ms`.

    Raises BadInput with a sentence for a file that cannot be used.
    """

    def attempt(options: PartitionOptions) -> History:
        return _recorded(inputs, file_format, policies, until_ms, barrier_ms, partitions, console, options)

    return run_over(attempt)


def _recorded(
    inputs: tuple[Path, ...],
    file_format: Format,
    policies: PolicySchedule,
    until_ms: int,
    barrier_ms: int,
    partitions: int,
    console: Console,
    options: PartitionOptions,
) -> History:
    from models.training.history import Recorder

    recorder = Recorder(frozenset(SUBJECTS))

    def sink(_: Published) -> None:
        """What would have been decided is nobody's question here."""

    run = OfflineRun(
        accounts_logic(
            policies,
            recorder,
            barrier_s=barrier_ms // 1000,
            places=load_places(load_settings().geo_databases),
        ),
        entities_logic(policies, barrier_ms // 1000),
        partitions,
        sink,
        options=options,
        partition_of_key=partition_of,
    )
    source = read_inputs(inputs, file_format, InputOptions())
    before = takewhile(lambda record: record.timestamp_ms < until_ms, source)
    with console.status("reading the history") as status:
        for item in expand(stepped(before, barrier_ms, 0), partitions):
            if isinstance(item, Barrier):
                run.settle()
                recorder.settled()
                status.update(f"history up to {datetime.fromtimestamp(item.at_ms / 1000, UTC):%Y-%m-%d %H:%M}")
                continue
            recorder.arrived(decode(item.topic, item.value), item.timestamp_ms)
            run.write(item.topic, item.partition, item.key, item.value, item.timestamp_ms)
        run.settle()
    return recorder.history()


@click.command(
    epilog="""
\b
Examples:
  paywarden features transactions.csv.xz --format fdh --out history.npz
  paywarden features events.jsonl --format jsonl --until 2026-03-01 --out history.npz
"""
)
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "file_format", required=True, type=click.Choice(["fdh", "jsonl"]))
@click.option("--out", required=True, type=OutFile(), help="File to write (.npz).")
@click.option("--until", type=Instant(), help="Leave out events and labels of this time or later; UTC.")
@click.option("--barrier", "barrier_ms", type=Duration(), default="1d", show_default=True, help="As in backtest.")
@click.option("--partitions", type=click.IntRange(1, 4096), default=4, show_default=True)
@click.option("--policy", "policy_files", multiple=True, type=click.Path(path_type=Path), help="Over the default.")
def features(
    inputs: tuple[Path, ...],
    file_format: Format,
    out: Path,
    until: int | None,
    barrier_ms: int,
    partitions: int,
    policy_files: tuple[Path, ...],
) -> None:
    """Write the feature vector of every movement in INPUTS as the stream computes it, with late labels beside it.

    The same agents as in the worker, so that training and serving cannot drift apart. `paywarden train --history`
    reads the file; needs the extra `train`.
    """
    from models.training.history import HistoryError

    console = terminal(stderr=True)
    look_rarely()
    try:
        history = record_history(
            inputs,
            file_format,
            load_schedule(policy_files),
            until_ms=END_OF_TIME_MS if until is None else until,
            barrier_ms=barrier_ms,
            partitions=partitions,
            console=console,
        )
        history.save(out)
    except (OSError, HistoryError) as error:
        raise BadInput(f"{out} cannot be written: {error}; name a file in a folder that exists.") from error
    frauds = int((history.verdicts_at(END_OF_TIME_MS) == 1).sum())
    console.print(f"{len(history.at_ms):,} movements, {frauds:,} proved frauds, {len(history.names)} features: {out}")
