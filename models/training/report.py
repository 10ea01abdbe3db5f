"""What does a person need to see before a model is let near money? A page with tables and four pictures."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.training.ablation import Step, table_of
from models.training.costs import Judgement
from models.training.fit import Candidate, Chosen, Fold, Plan
from models.training.history import History
from models.training.measures import DAY_MS, at_threshold, calibration_error, card_precision
from streams.contracts.base import from_ms

PICTURES = ("precision-recall", "calibration", "card-precision", "cost")
# Le Borgne et al. 2022, one train week and 15 features, mean over the four tuning weeks of the handbook's data.
PUBLISHED = {"logistic regression": (0.613, 0.279), "random forest": (0.694, 0.289), "XGBoost": (0.708, 0.289)}
# Of the cost curve: what a stopped honest payment costs, in average fraud amounts.
_FRICTION = 0.05


def write_report(
    folder: Path,
    history: History,
    plan: Plan,
    candidates: Sequence[Candidate],
    folds: Sequence[Fold],
    chosen: Chosen,
    judgement: Judgement | None,
    steps: Sequence[Step],
) -> str:
    """Writes the pictures into `folder` and returns the page that shows them."""
    _pictures(folder, history, folds, chosen)
    weeks = ", ".join(f"{from_ms(fold.starts_ms):%Y-%m-%d}" for fold in folds)
    lines = [
        f"Settings, calibration and thresholds were chosen on the test weeks that start on {weeks}. Each model of a",
        f"week was trained on {plan.days} days whose labels had arrived when the week began (seed {plan.seed}). Cards",
        "whose fraud was known by then are left out. Mean and standard deviation over the weeks:",
        "",
        "| family | settings | AP | CP@100 | AUC |",
        "|---|---|---|---|---|",
    ]
    for each in candidates:
        settings = ", ".join(f"{name} {value}" for name, value in each.settings.items())
        lines.append(
            f"| {each.family.replace('_', ' ')} | {settings} | {_spread([m.average_precision for m in each.measured])} "
            f"| {_spread([m.card_precision for m in each.measured])} | {_spread([m.auc for m in each.measured])} |"
        )
    lines += [
        "",
        "Published for the Fraud Detection Handbook's data, for comparison there only: "
        + ", ".join(f"{name} AP {ap} CP@100 {cp}" for name, (ap, cp) in PUBLISHED.items())
        + ".",
        "",
        *((*table_of(steps), "") if steps else ()),
        (
            f"Chosen: {chosen.candidate.family.replace('_', ' ')}. After calibration on the same weeks: Brier "
            f"{float(np.mean((chosen.scores - chosen.frauds) ** 2)):.5f}, calibration error over scores above 0.02 "
            f"{calibration_error(chosen.frauds, chosen.scores):.3f}."
        ),
        (
            f"Blocking from {chosen.thresholds['block']:.4f} on stops {chosen.at_block.legit_share:.3%} of legitimate "
            f"payments, with recall {chosen.at_block.recall:.2f} and precision {chosen.at_block.precision:.2f}."
        ),
        "",
        *_suggested(chosen, judgement),
        *(f"![{name.replace('-', ' ')}]({name}.png)" for name in PICTURES),
    ]
    return "\n".join(lines) + "\n"


def _suggested(chosen: Chosen, judgement: Judgement | None) -> list[str]:
    """What belongs into the policy of whoever uses this model, and what it would have cost on those weeks."""
    lines = ["```toml", "[model.payment]", *(f"{name} = {value}" for name, value in chosen.thresholds.items())]
    if judgement is None:
        return [*lines, "```", ""]
    costs = "; ".join(f"{name} {cost:.2f}" for name, cost in judgement.cost_minor.items())
    shares = ", ".join(f"{name} {share:.3%}" for name, share in judgement.shares.items())
    return [
        *lines,
        "",
        "[model.costs]",
        f"review_loss_minor = {{ {judgement.currency} = {judgement.review_loss_minor} }}",
        "```",
        "",
        f"The second table leaves {judgement.reviews_per_day} payments a day to analysts, those of the largest",
        f"expected loss. By the costs of the policy, in minor units of {judgement.currency} per payment and judged by",
        f"what turned out: {costs}. Decided by cost: {shares}.",
        "",
    ]


def _spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values):.3f}"


def _pictures(folder: Path, history: History, folds: Sequence[Fold], chosen: Chosen) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from sklearn.metrics import precision_recall_curve

    folder.mkdir(parents=True, exist_ok=True)
    frauds, scores = chosen.frauds, chosen.scores

    def picture(name: str, x: Sequence[float], y: Sequence[float], x_label: str, y_label: str, mark: str = "-") -> None:
        figure, axes = pyplot.subplots(figsize=(5, 3.5), layout="constrained")
        axes.plot(x, y, mark)
        axes.set(xlabel=x_label, ylabel=y_label)
        figure.savefig(folder / f"{name}.png", dpi=110, metadata={"Software": None})
        pyplot.close(figure)

    precision, recall, _ = precision_recall_curve(frauds, scores)
    picture("precision-recall", recall, precision, "recall", "precision")
    told = scores[scores > 0.02]
    edges = np.unique(np.quantile(told, np.linspace(0, 1, 11))).tolist() if len(told) else []
    bins = [(scores >= low) & (scores < high) for low, high in itertools.pairwise(edges)]
    picture(
        "calibration",
        [float(scores[rows].mean()) for rows in bins if rows.any()],
        [float(frauds[rows].mean()) for rows in bins if rows.any()],
        "score",
        "share of frauds",
        "o-",
    )
    days, shares, start = [], [], 0
    for fold in folds:
        at = history.at_ms[fold.test] // DAY_MS
        here = slice(start, start + len(at))
        start += len(at)
        for day in np.unique(at):
            rows = at == day
            accounts = history.accounts[fold.test][rows]
            days.append(float(day - folds[0].starts_ms // DAY_MS))
            shares.append(card_precision(accounts, at[rows], frauds[here][rows], scores[here][rows]))
    picture("card-precision", days, shares, "day", "compromised cards among the first 100", "o")
    thresholds = np.linspace(0.01, 0.99, 99)
    costs = []
    for threshold in thresholds:
        found = at_threshold(frauds, scores, float(threshold))
        costs.append(float((1 - found.recall) * frauds.sum() + _FRICTION * found.legit_share * (frauds == 0).sum()))
    picture("cost", thresholds.tolist(), costs, "stopped from this score on", "cost, in average fraud amounts")
