"""What does a person need to see before a model is let near money? A page with tables and four pictures."""

from __future__ import annotations

from collections.abc import Sequence, Set
from pathlib import Path

import numpy as np

from models.training.ablation import Step, table_of
from models.training.costs import Judgement
from models.training.fit import Candidate, Chosen, Fold, Plan
from models.training.history import History
from models.training.measures import DAY_MS, at_threshold, calibration_error, card_precisions
from streams.contracts.base import from_ms

PICTURES = ("precision-recall", "calibration", "card-precision", "cost")
# Le Borgne et al. 2022, one train week and 15 features, mean over the four tuning weeks of the handbook's data; by the
# family here that is of the same kind.
PUBLISHED = {
    "logistic": ("logistic regression", 0.613, 0.279),
    "random_forest": ("random forest", 0.694, 0.289),
    "hist_boosting": ("XGBoost", 0.708, 0.289),
}
Days = dict[int, tuple[float, float]]
Line = tuple[Sequence[float], Sequence[float], str, str]  # x, y, mark, label
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
        f"week was trained on {plan.days} days whose payments were older than {period(plan.delay_ms // 1000)} when it",
        f"began, by what was known then (seed {plan.seed}). Cards whose fraud was known when a day began are left out",
        "of that day. Mean and standard deviation over the weeks:",
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
        *_published({each.family for each in candidates}),
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


def _published(families: Set[str]) -> list[str]:
    """What others got with the families that were compared here; nothing if with none of them."""
    told = ", ".join(f"{name} AP {ap} CP@100 {cp}" for each, (name, ap, cp) in PUBLISHED.items() if each in families)
    return (
        [f"Published for the Fraud Detection Handbook's data, for comparison there only: {told}.", ""] if told else []
    )


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


def reliability(frauds: np.ndarray, scores: np.ndarray, bins: int = 10) -> list[tuple[float, float]]:
    """(mean score, share of frauds) of equally many scores above 0.02 each, the highest one included."""
    told = scores > 0.02
    if not told.any():
        return []
    scores, frauds = scores[told], frauds[told]
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, bins + 1)))[1:-1]
    place = np.searchsorted(edges, scores, side="right")
    return [(float(scores[place == at].mean()), float(frauds[place == at].mean())) for at in np.unique(place)]


def period(seconds: int) -> str:
    """`7 days`, `12 hours`, `90 seconds`: whole numbers of the largest unit."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds} seconds"


def daily_card_precision(history: History, folds: Sequence[Fold], best: Candidate, frauds: np.ndarray) -> Days:
    """By day since the first week began: the card precision of the table's raw scores, and what any order would get."""
    found, start = {}, 0
    for fold, raw in zip(folds, best.raw, strict=True):
        days, accounts = history.at_ms[fold.test] // DAY_MS, history.accounts[fold.test]
        bad = frauds[start : start + len(raw)]
        start += len(raw)
        for day, share in card_precisions(accounts, days, bad, raw).items():
            here = days == day
            chance = len(np.unique(accounts[here & (bad == 1)])) / len(np.unique(accounts[here]))
            found[day - folds[0].starts_ms // DAY_MS] = (share, chance)
    return found


def _pictures(folder: Path, history: History, folds: Sequence[Fold], chosen: Chosen) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from sklearn.metrics import precision_recall_curve

    folder.mkdir(parents=True, exist_ok=True)
    frauds, scores = chosen.frauds, chosen.scores

    def picture(name: str, title: str, x_label: str, y_label: str, *lines: Line) -> None:
        figure, axes = pyplot.subplots(figsize=(5, 3.5), layout="constrained")
        for x, y, mark, label in lines:
            axes.plot(x, y, mark, label=label)
        axes.set(xlabel=x_label, ylabel=y_label)
        axes.set_title(title, fontsize=10)
        axes.legend(fontsize=8)
        figure.savefig(folder / f"{name}.png", dpi=110, metadata={"Software": None})
        pyplot.close(figure)

    precision, recall, _ = precision_recall_curve(frauds, scores)
    base = float(frauds.mean())
    picture(
        "precision-recall",
        f"{len(frauds):,} payments of earlier weeks",
        "recall",
        "precision",
        (recall, precision, "-", "by score"),
        ([0, 1], [base, base], "--", f"by chance: {base:.2%} are frauds"),
    )
    told = reliability(frauds, scores)
    picture(
        "calibration",
        "Calibration of scores above 0.02, by tenths of them",
        "score",
        "share of frauds",
        ([score for score, _ in told], [share for _, share in told], "o-", "found"),
        ([0, 1], [0, 1], "--", "what the score promises"),
    )
    days = daily_card_precision(history, folds, chosen.candidate, frauds)
    mean = float(np.mean([share for share, _ in days.values()]))
    picture(
        "card-precision",
        f"Card precision by day, mean {mean:.3f}",
        "day since the first of the weeks",
        "compromised cards in 100",
        (list(days), [share for share, _ in days.values()], "o", "the first 100 by score"),
        (list(days), [chance for _, chance in days.values()], "--", "any 100, found cards among them"),
    )
    thresholds = np.linspace(0.01, 0.99, 99)
    costs = []
    for threshold in thresholds:
        found = at_threshold(frauds, scores, float(threshold))
        costs.append(float((1 - found.recall) * frauds.sum() + _FRICTION * found.legit_share * (frauds == 0).sum()))
    nothing = float(frauds.sum())
    picture(
        "cost",
        f"Cost, if a stopped honest payment costs {_FRICTION:.0%} of a fraud",
        "stopped from this score on",
        "cost, in average fraud amounts",
        (thresholds.tolist(), costs, "-", "by score"),
        ([0, 1], [nothing, nothing], "--", "nothing is stopped"),
    )
