"""Has enough been learnt since for a better model, and may it stand beside the champion?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from models.artifact import ModelError, folder_of
from producers.errors import BadInput
from streams.adapters.policy_file import load_schedule
from streams.cli.features import END_OF_TIME_MS
from streams.cli.models import comparison_table, load_named
from streams.cli.outputs import refuse_unwritable
from streams.cli.terminal import say, terminal
from streams.cli.train import FAMILIES, data_name, read_history, training_options
from streams.runtime.collector import look_rarely
from streams.settings import load_settings

if TYPE_CHECKING:
    from models.training.fit import Unlabelled


@click.command(
    epilog="""
\b
Examples:
  paywarden retrain events.jsonl --format jsonl --champion payments-1a2b3c4d5e --models /srv/models
  paywarden retrain --history history.npz --champion payments-1a2b3c4d5e --holdout 2
Afterwards:
  PAYWARDEN_SHADOW_MODEL_DIRS='["/srv/models/NEW"]' paywarden worker
  paywarden models promote NEW --champion OLD --history history.npz --out next.toml
"""
)
@click.option("--champion", required=True, type=click.Path(path_type=Path), help="The model that decides now.")
@click.option(
    "--models", "home", type=click.Path(path_type=Path, file_okay=False), help="Folder of models; PAYWARDEN_MODELS_DIR."
)
@click.option(
    "--holdout", type=click.IntRange(1, 12), default=1, show_default=True, help="Newest mature weeks, to compare on."
)
@training_options
def retrain(
    inputs: tuple[Path, ...],
    file_format: str | None,
    history_file: Path | None,
    until: int | None,
    champion: Path,
    home: Path | None,
    holdout: int,
    families: tuple[str, ...],
    days: int,
    weeks: int,
    seed: int,
    delay_ms: int,
    unlabelled: Unlabelled | None,
    barrier_ms: int,
    currency: str | None,
    policy_files: tuple[Path, ...],
) -> None:
    """Propose a candidate for the champion's place: train, compare, and keep it only if it passes the gate.

    It is trained on what was known when the newest mature weeks (--holdout) began, and compared with the champion on
    these: a higher average precision, no more alerts by the policy's thresholds, and answers in ONNX like those of its
    trainer. What passes is written below the folder of models as a candidate, with gate.json and the comparison on its
    card. It decides nothing until `paywarden models promote` and a second person let it. Needs the extra `train`.
    """
    from models.training.candidate import propose
    from models.training.fit import NotEnough, Plan
    from models.training.history import HistoryError
    from models.training.package import NotAlike

    console = terminal(stderr=True)
    look_rarely()
    home = home or load_settings().models_dir
    if home is None:
        raise click.UsageError("Name the folder of models: --models or PAYWARDEN_MODELS_DIR.")
    refuse_unwritable(home)
    until_ms = END_OF_TIME_MS if until is None else until
    policies = load_schedule(policy_files)
    try:
        now = load_named(folder_of(champion, home))
        found, kept = propose(
            home,
            read_history(inputs, file_format, history_file, policies, until_ms, barrier_ms, console),
            now,
            Plan(until_ms, days, weeks, seed, delay_ms, unlabelled),
            holdout_weeks=holdout,
            families=families or FAMILIES,
            data=data_name(inputs, history_file),
            policy=policies.policies[-1].model,
            currency=currency or policies.policies[-1].money.home_currency,
            told=lambda line: console.print(line, highlight=False),
        )
    except (HistoryError, NotEnough, NotAlike, ModelError) as error:
        raise BadInput(str(error)) from error
    except OSError as error:
        raise BadInput(f"{home} cannot be written: {error.strerror or error}; name a folder that can.") from error
    comparison_table(found, console)
    if kept is None:
        raise BadInput(f"No candidate: what was trained does not pass the gate ({'; '.join(found.problems)}).")
    say(str(kept))
