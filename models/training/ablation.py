"""How far does one come with the features of the published tables alone, and what does each group add to them?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from models.training.families import FAMILIES
from models.training.fit import Candidate, Fold, Plan, tried
from models.training.history import History
from models.training.selection import GROUPS

# Le Borgne et al. 2022, chapter 3: the amount, two of time, six of the customer, six of the terminal.
HANDBOOK: Final[tuple[str, ...]] = (
    "amount",
    "weekend",
    "night",
    *(f"spend_{what}_{window}" for what in ("count", "mean") for window in ("1d", "7d", "30d")),
    *(f"terminal_{what}_{window}" for what in ("labels", "fraud_rate") for window in ("1d", "7d", "30d")),
)
BASELINES: Final = ("logistic", "random_forest")


class Step(NamedTuple):
    """A set of features, and what a model of them made of the earlier weeks."""

    label: str
    features: int
    candidate: Candidate


def ablation(
    history: History, plan: Plan, folds: Sequence[Fold], best: Candidate, told: Callable[[str], None]
) -> list[Step]:
    """Baselines with the handbook's features, then the best family with one group after the other.

    It takes as long as comparing two more settings of the best family.
    """
    steps = []
    for label, names, family, settings in _sets(best):
        step = Step(label, len(names), tried(history, history.columns(names), plan, folds, family, settings))
        told(f"{label}: AP {step.candidate.average_precision:.3f}, CP {step.candidate.card_precision:.3f}")
        steps.append(step)
    return steps


def _sets(best: Candidate) -> Iterator[tuple[str, Sequence[str], str, dict[str, object]]]:
    for family in BASELINES:
        name = family.replace("_", " ")
        yield f"{name}, the handbook's features", HANDBOOK, family, FAMILIES[family].settings[0]
    for label, names in zip(GROUPS, accumulate(GROUPS.values(), lambda some, more: some + more), strict=True):
        yield f"+ {label}", names, best.family, best.settings


def table_of(steps: Sequence[Step]) -> list[str]:
    """The page's lines."""
    lines = ["| features | number | AP | CP@100 |", "|---|---|---|---|"]
    for step in steps:
        found = step.candidate
        lines.append(f"| {step.label} | {step.features} | {found.average_precision:.3f} | {found.card_precision:.3f} |")
    return lines
