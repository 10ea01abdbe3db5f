"""What does a model add: to an event on its own, and to the whole path through Kafka?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from models.artifact import SHIPPED
from models.serving.model import load_model
from streams.adapters.model_scorer import ModelScorer
from streams.adapters.policy_file import load_schedule
from streams.cli.bench_core import BATCH, Rate, least, played
from streams.core.score import ScoreUnavailable
from streams.core.steps import Prepared
from streams.runtime.logic import Record

_NOT_ASKED = ScoreUnavailable("no_model")


class _Asked:
    """Takes the place of the model and keeps what it would have been asked."""

    model_id = "asked"

    def __init__(self) -> None:
        self.prepared: list[Prepared] = []

    def score(self, batch: Sequence[Prepared]) -> Sequence[ScoreUnavailable]:
        self.prepared += [each for each in batch if each.subject == "payment"]
        return [_NOT_ASKED] * len(batch)


def shipped() -> Path:
    """The folder of the model that comes with the package."""
    return min(folder for folder in SHIPPED.iterdir() if folder.is_dir())


def scoring(folder: Path, records: list[Record]) -> Rate:
    """Scores of the payments among the records, in batches of 200 on one thread, with reasons where they are wanted.

    Raises ModelError.
    """
    scorer = ModelScorer(load_model(folder), load_schedule(()))
    asked = _Asked()
    played(records, asked)
    batches = [asked.prepared[start : start + BATCH] for start in range(0, len(asked.prepared), BATCH)]
    return least(len(asked.prepared), lambda: [scorer.score(batch) for batch in batches])
