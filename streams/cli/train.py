"""How does a history with late labels become a model that a worker may be given?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from models.artifact import NAME
from producers.errors import BadInput
from streams.adapters.policy_file import load_schedule
from streams.cli.features import END_OF_TIME_MS, SUBJECTS, record_history
from streams.cli.outputs import OutFolder
from streams.cli.replay import Duration, Instant
from streams.cli.terminal import say, terminal
from streams.core.policy import PolicySchedule
from streams.runtime.collector import look_rarely

if TYPE_CHECKING:
    from models.training.fit import Unlabelled
    from models.training.history import History

FAMILIES = ("logistic", "random_forest", "hist_boosting", "extra_trees")


def _positive(_context: click.Context, _option: click.Parameter, value: int) -> int:
    if value < 1000:
        raise click.BadParameter("a label takes a second at least; write for example 7d.")
    return value


def maturity_options(command: Any) -> Any:
    """From when on, and as what, payments count: for everything that trains or compares."""
    for option in (
        click.option(
            "--unlabelled",
            type=click.Choice(["legit", "skip"]),
            help="Payments older than the label delay without label: legitimate, or left out; default: legit if fewer "
            "than half of them have one.",
        ),
        click.option(
            "--label-delay",
            "delay_ms",
            type=Duration(),
            default="7d",
            show_default=True,
            callback=_positive,
            help="Age from which on a payment counts, as fraud and as legitimate.",
        ),
    ):
        command = option(command)
    return command


def training_options(command: Any) -> Any:
    """The options of everything that trains: from which history, and how."""
    for option in (
        click.option(
            "--policy", "policy_files", multiple=True, type=click.Path(path_type=Path), help="Over the default."
        ),
        click.option("--currency", help="Of the amounts, to judge by the policy's costs; default: its home currency."),
        click.option(
            "--barrier", "barrier_ms", type=Duration(), default="1d", show_default=True, help="As in backtest."
        ),
        click.option("--seed", type=click.IntRange(0, 2**31), default=0, show_default=True),
        click.option(
            "--weeks", type=click.IntRange(1, 12), default=4, show_default=True, help="Earlier weeks that choose."
        ),
        click.option(
            "--days", type=click.IntRange(1, 365), default=28, show_default=True, help="Of payments to train on."
        ),
        click.option(
            "--family", "families", multiple=True, type=click.Choice(FAMILIES), help="Compare these; default: all."
        ),
        click.option("--until", type=Instant(), help="Labels of this time or later do not exist yet; UTC."),
        click.option("--history", "history_file", type=click.Path(path_type=Path), help="Instead of INPUTS."),
        click.option("--format", "file_format", type=click.Choice(["fdh", "jsonl"]), help="Of INPUTS."),
        click.argument("inputs", nargs=-1, type=click.Path(path_type=Path)),
        maturity_options,
    ):
        command = option(command)
    return command


def read_history(
    inputs: tuple[Path, ...],
    file_format: str | None,
    history_file: Path | None,
    policies: PolicySchedule,
    until_ms: int,
    barrier_ms: int,
    console: Console,
) -> History:
    """The history that was named; raises BadInput, HistoryError or a usage error."""
    from models.training.history import load_history

    if (history_file is None) == (not inputs):
        raise click.UsageError("Name either INPUTS with their --format, or one --history.")
    if history_file is not None:
        return load_history(history_file)
    if file_format is None:
        raise click.UsageError("INPUTS need their --format.")
    return record_history(
        inputs,
        file_format,  # type: ignore[arg-type]
        policies,
        until_ms=until_ms,
        barrier_ms=barrier_ms,
        partitions=4,
        console=console,
    )


@click.command(
    epilog="""
\b
Examples:
  paywarden train events.jsonl --format jsonl --until 2026-03-01 --out models/
  paywarden train transactions.csv.xz --format fdh --until 2018-08-08 --name fdh --out models/
  paywarden features transactions.csv.xz --format fdh --out history.npz
  paywarden train --history history.npz --until 2018-08-08 --family extra_trees --out models/
"""
)
@click.option("--name", default="payments", show_default=True, help="Begins the model's id.")
@click.option("--out", required=True, type=OutFolder(), help="The model's parent folder.")
@click.option("--groups", "with_groups", is_flag=True, help="Also measure what each group of features adds.")
@training_options
def train(
    inputs: tuple[Path, ...],
    file_format: str | None,
    history_file: Path | None,
    until: int | None,
    out: Path,
    name: str,
    families: tuple[str, ...],
    days: int,
    weeks: int,
    seed: int,
    delay_ms: int,
    unlabelled: Unlabelled | None,
    barrier_ms: int,
    currency: str | None,
    policy_files: tuple[Path, ...],
    with_groups: bool,
) -> None:
    """Train a model on INPUTS, or on what `paywarden features` made of them, and write it below the folder OUT.

    Compares four families on earlier weeks, calibrates and chooses thresholds there, then trains the best one on the
    newest days whose payments are older than --label-delay. Needs the extra `train`.
    """
    from models.training.fit import NotEnough, Plan
    from models.training.history import HistoryError
    from models.training.make import make

    if re.fullmatch(NAME, name) is None:
        raise click.UsageError("--name has at most 31 small letters, digits and hyphens, and no hyphen first.")
    console = terminal(stderr=True)
    look_rarely()
    until_ms = END_OF_TIME_MS if until is None else until
    policies = load_schedule(policy_files)
    try:
        history = read_history(inputs, file_format, history_file, policies, until_ms, barrier_ms, console)
        home = make(
            out,
            history,
            Plan(until_ms, days, weeks, seed, delay_ms, unlabelled),
            name=name,
            families=families or FAMILIES,
            subjects=SUBJECTS,
            policy=policies.policies[-1].model,
            currency=currency or policies.policies[-1].money.home_currency,
            data=data_name(inputs, history_file),
            told=lambda line: console.print(line, highlight=False),
            with_groups=with_groups,
        )
    except (HistoryError, NotEnough) as error:
        raise BadInput(str(error)) from error
    except OSError as error:
        raise BadInput(f"{out} cannot be written: {error.strerror or error}; name a folder that can.") from error
    say(str(home))


def data_name(inputs: tuple[Path, ...], history_file: Path | None) -> str:
    """What the manifest calls the history."""
    return ", ".join(path.name for path in inputs) or str(history_file and history_file.name)
