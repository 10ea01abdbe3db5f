"""How does one history become one artifact with its report: compare, choose, train, pack?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from models.artifact import CARD_FILE, Spread, Trained
from models.serving.drift import SCORE, spread_of
from models.training.ablation import ablation
from models.training.costs import judged
from models.training.fit import Chosen, Plan, aged, compare, finish, mature, treated
from models.training.history import FRAUD, LEGIT, UNKNOWN, History
from models.training.measures import calibration_error
from models.training.package import package
from models.training.report import period, write_report
from models.training.selection import FEATURES_READ
from streams.contracts.base import from_ms
from streams.core.policy import ModelPolicy

_PARITY_MEASURED_ON = 20_000


def make(
    out: Path,
    history: History,
    plan: Plan,
    *,
    name: str,
    families: Sequence[str],
    subjects: Sequence[str],
    data: str,
    policy: ModelPolicy,
    currency: str | None,
    told: Callable[[str], None],
    with_groups: bool = False,
) -> Path:
    """Trains and writes a model; returns its folder. Raises NotEnough or NotAlike.

    `with_groups`: the page also says what each group of features adds.

    `currency` is that of the amounts in the history; without one nothing is said about costs.
    """
    names = FEATURES_READ
    history = history.until(plan.until_ms)
    candidates, folds = compare(history, names, plan, families, told)
    chosen = finish(history, names, plan, candidates[0], folds)
    verdicts = mature(history, plan, plan.until_ms)
    matrix = history.columns(names)
    at_ms = history.at_ms[chosen.rows]
    scored = chosen.candidate
    metrics = {
        "weeks": float(len(folds)),
        "average_precision": round(scored.average_precision, 4),
        "card_precision_100": round(scored.card_precision, 4),
        "brier": round(float(np.mean((chosen.scores - chosen.frauds) ** 2)), 6),
        "calibration_error": round(calibration_error(chosen.frauds, chosen.scores), 4),
        "block_legit_share": round(chosen.at_block.legit_share, 6),
        "block_recall": round(chosen.at_block.recall, 4),
        "block_precision": round(chosen.at_block.precision, 4),
    }
    trained = Trained(
        data=data,
        data_sha256=history.digest(),
        since=from_ms(int(at_ms.min())),
        until=from_ms(int(at_ms.max()) + 1),
        payments=len(chosen.rows),
        frauds=int((verdicts[chosen.rows] == FRAUD).sum()),
        label_delay_s=plan.delay_ms // 1000,
        seed=plan.seed,
        parameters={key: str(value) for key, value in scored.settings.items()},
        unlabelled=treated(history, plan),
    )
    home = package(
        out,
        chosen.classifier,
        matrix[np.linspace(0, len(matrix) - 1, min(_PARITY_MEASURED_ON, len(matrix))).astype(int)],
        name=name,
        family=scored.family,
        features=names,
        usual=_usual(matrix[chosen.rows][verdicts[chosen.rows] == LEGIT]),
        calibration=chosen.calibration,
        thresholds=chosen.thresholds,
        trained=trained,
        metrics=metrics,
        spreads=_spreads(matrix[verdicts != UNKNOWN][-len(chosen.scores) :], names, chosen.scores),
        subjects=subjects,
    )
    judgement = None if currency is None else judged(history, folds, chosen, policy, currency)
    steps = ablation(history, plan, folds, chosen.candidate, told) if with_groups else ()
    page = write_report(home, history, plan, candidates, folds, chosen, judgement, steps)
    card = _card(home.name, trained, chosen, names, _silence(history, plan))
    (home / CARD_FILE).write_text(card + page, encoding="utf-8")
    return home


def _usual(legit: np.ndarray) -> list[float]:
    """Per feature the median of legitimate payments; the missing value where most of them have none."""
    return [float(value) for value in np.median(legit, axis=0)]


def _spreads(matrix: np.ndarray, names: Sequence[str], scores: np.ndarray) -> dict[str, Spread]:
    """Of the newest payments, all of them: what was trained on is a sample of the honest ones."""
    spreads = {name: spread_of(matrix[:, column]) for column, name in enumerate(names)}
    return spreads | {SCORE: spread_of(scores)}


def _silence(history: History, plan: Plan) -> str:
    """What became of payments that nobody said anything about."""
    due = aged(history, plan, plan.until_ms)
    silent = int((due & (history.verdicts_at(plan.until_ms) == UNKNOWN)).sum())
    count = "count as legitimate" if treated(history, plan) == "legit" else "are left out"
    return f"Of {int(due.sum()):,} payments of that age {silent:,} had no label; such payments {count}."


def _card(model_id: str, trained: Trained, chosen: Chosen, names: Sequence[str], silence: str) -> str:
    return f"""# {model_id}

**Use.** Scores payments as they are decided: the probability that a payment will be labelled a fraud. It decides
nothing; the policy's thresholds do, and the strictest of score and rules wins.

**Made from** {trained.data}: {trained.payments:,} payments from {trained.since:%Y-%m-%d} to {trained.until:%Y-%m-%d}
with {trained.frauds:,} frauds; legitimate payments are a sample, whose weight the calibration gives back. A payment
counts, as what was known about it then, when {period(trained.label_delay_s)} have passed since it.
{silence} Family {chosen.candidate.family}, {len(names)} features.

**Cannot know** the first week of a compromised terminal, before any label has arrived; a stolen card that is used like
its owner uses it; anything about logins. It has learnt from one population: measure it on your own labels, in shadow,
before it may act. No feature describes a person (age, sex, origin); the time of day and the amount describe behaviour.

## How it was chosen

"""
