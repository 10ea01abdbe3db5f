"""Which family with which settings is best on earlier weeks, and what does it become when it is trained on all of it?

Everything respects that labels are late: at `until` only those that have arrived exist. Reports of frauds are early and
the word that a payment was honest is late, or never comes, so payments count only when they are mature: when the label
delay has passed since them, and then of either kind. A fold trains on what was mature when its test week began, so it
asks exactly what the worker will be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from models.training.calibration import Knots, calibrated, calibration_of
from models.training.families import FAMILIES, Family
from models.training.history import FRAUD, LEGIT, UNKNOWN, History
from models.training.measures import (
    DAY_MS,
    DAYS,
    DELAY_DAYS,
    AtThreshold,
    Measured,
    at_threshold,
    measured,
    threshold_within,
)

# Of the legitimate payments of a fold's training days; the calibration gives them their weight back.
LEGIT_SHARE = 0.25
# Legitimate payments that get an outcome or a stricter one, on earlier weeks. A block may stop a tenth of a per cent of
# them; what is chosen stays below it, because a week is not like the next.
DISTURBED_LEGIT_SHARE = {"step_up": 0.01, "review": 0.003, "hold": 0.0015, "block": 0.0006}

# Fewer in the training days and in the test week of a fold say nothing; by verdict.
_LEAST = {FRAUD: ("frauds", 10, 5), LEGIT: ("legitimate payments", 100, 20)}
# Of mature payments. Where most get a label in the end, one without is undecided; where few do, silence is the verdict.
_MOST_ARE_LABELLED = 0.5

Told = Callable[[str], None]
Unlabelled = Literal["legit", "skip"]


class NotEnough(Exception):
    """The history does not hold what training needs; the message says what is missing."""


@dataclass(frozen=True)
class Plan:
    """What is trained on what."""

    until_ms: int  # labels that arrived before this moment exist, later ones do not
    days: int = 28  # of mature payments that a model is trained on
    weeks: int = 4  # earlier weeks that choose settings, calibration and thresholds
    seed: int = 0
    delay_ms: int = DELAY_DAYS * DAY_MS  # from a payment until it counts, as either kind
    unlabelled: Unlabelled | None = None  # mature payments without label; None: `treated` finds out


@dataclass(frozen=True)
class Fold:
    """One earlier week: which rows train, which rows count in its test."""

    starts_ms: int
    train: np.ndarray
    test: np.ndarray
    learnt: np.ndarray  # the verdicts of `mature` when the week began


@dataclass
class Candidate:
    """One setting of one family, with what it made of every fold."""

    family: str
    settings: dict[str, Any]
    raw: list[np.ndarray] = field(default_factory=list)  # per fold, of its test rows
    measured: list[Measured] = field(default_factory=list)

    @property
    def average_precision(self) -> float:
        """Mean over the folds."""
        return float(np.mean([each.average_precision for each in self.measured]))

    @property
    def card_precision(self) -> float:
        """Mean over the folds."""
        return float(np.mean([each.card_precision for each in self.measured]))


@dataclass(frozen=True)
class Chosen:
    """The best candidate, trained on the newest mature days, with what earlier weeks say about its scores."""

    candidate: Candidate
    classifier: Any
    calibration: Knots
    thresholds: dict[str, float]
    at_block: AtThreshold
    rows: np.ndarray  # what it was trained on
    frauds: np.ndarray  # of the folds' test rows, all together
    scores: np.ndarray


def aged(history: History, plan: Plan, at_ms: int) -> np.ndarray:
    """Which payments had had the time for a label to arrive before `at_ms`, or before the history ends."""
    ends_ms = history.newest_ms(at_ms) + 1
    aged: np.ndarray = (history.seen_ms < at_ms) & (history.at_ms + plan.delay_ms < ends_ms)
    return aged


def treated(history: History, plan: Plan) -> Unlabelled:
    """What mature payments without label count as: what the plan says, else what the labels of the history suggest."""
    if plan.unlabelled is not None:
        return plan.unlabelled
    found = history.verdicts_at(plan.until_ms)[aged(history, plan, plan.until_ms)]
    return "skip" if (found != UNKNOWN).sum() >= _MOST_ARE_LABELLED * len(found) else "legit"


def mature(history: History, plan: Plan, at_ms: int) -> np.ndarray:
    """What was known just before `at_ms` about payments that were mature then; UNKNOWN for all that do not count."""
    found = history.verdicts_at(at_ms)
    if treated(history, plan) == "legit":
        found[found == UNKNOWN] = LEGIT
    found[~aged(history, plan, at_ms)] = UNKNOWN
    return found


def folds_of(history: History, plan: Plan) -> list[Fold]:
    """Earlier weeks whose payments are mature at `until`, oldest first. Raises NotEnough."""
    verdicts = mature(history, plan, plan.until_ms)
    labelled = verdicts != UNKNOWN
    if not labelled.any():
        raise NotEnough(
            "No label had arrived by then about a payment that was older than the label delay; name a later --until, a "
            "shorter --label-delay, or a history with labels."
        )
    end_ms = int(history.at_ms[labelled].max()) // DAY_MS * DAY_MS + DAY_MS
    folds = []
    for number in range(plan.weeks, 0, -1):
        starts_ms = end_ms - number * DAYS * DAY_MS
        learnt = mature(history, plan, starts_ms)
        train = (learnt != UNKNOWN) & (history.at_ms >= starts_ms - plan.delay_ms - plan.days * DAY_MS)
        # A card known by the day before needs no model; its later payments would only flatter the result.
        day = (history.at_ms - starts_ms) // DAY_MS
        test = labelled & (day >= 0) & (day < DAYS) & ~_compromised(history, starts_ms)
        for verdict, (name, to_learn, to_test) in _LEAST.items():
            if (learnt[train] == verdict).sum() < to_learn or (verdicts[test] == verdict).sum() < to_test:
                raise NotEnough(
                    f"The week {number} weeks before the last mature payment has too few {name} to learn from or to be "
                    "tested with; name fewer --weeks, a later --until, a longer history, or --unlabelled legit if only "
                    "frauds are labelled."
                )
        folds.append(Fold(starts_ms, train, test, learnt))
    return folds


def _compromised(history: History, starts_ms: int) -> np.ndarray:
    """Payments of accounts with a fraud of the two weeks before that was known when the payment's day began."""
    recent = history.at_ms >= starts_ms - 2 * DAYS * DAY_MS
    day = (history.at_ms - starts_ms) // DAY_MS
    compromised = np.zeros(len(day), dtype=bool)
    for number in range(DAYS):
        bad = recent & (history.verdicts_at(starts_ms + number * DAY_MS) == FRAUD)
        compromised |= (day == number) & np.isin(history.accounts, history.accounts[bad])
    return compromised


def sampled(rows: np.ndarray, verdicts: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Indices of all frauds among `rows` and a share of the others, drawn with the seed."""
    indices = np.flatnonzero(rows)
    drawn = np.random.default_rng(seed).random(len(indices)) < share
    return np.asarray(indices[drawn | (verdicts[indices] == FRAUD)])


def fitted(family: Family, settings: dict[str, Any], matrix: np.ndarray, frauds: np.ndarray, seed: int) -> Any:
    """A classifier of the family, trained on float32 rows."""
    return family.make(seed, **settings).fit(matrix, frauds)


def compare(
    history: History, names: Sequence[str], plan: Plan, families: Sequence[str], told: Told
) -> tuple[list[Candidate], list[Fold]]:
    """Every setting of every family on every earlier week, best first."""
    folds = folds_of(history, plan)
    matrix = history.columns(names)
    candidates = []
    for name in families:
        for settings in FAMILIES[name].settings:
            candidate = tried(history, matrix, plan, folds, name, settings)
            told(f"{name} {settings}: AP {candidate.average_precision:.3f}, CP {candidate.card_precision:.3f}")
            candidates.append(candidate)
    return sorted(candidates, key=lambda each: -each.average_precision), folds


def tried(
    history: History, matrix: np.ndarray, plan: Plan, folds: Sequence[Fold], family: str, settings: dict[str, Any]
) -> Candidate:
    """One setting of one family over `matrix`, one row per payment of the history, on every earlier week."""
    verdicts = mature(history, plan, plan.until_ms)
    candidate = Candidate(family, settings)
    for fold in folds:
        rows = sampled(fold.train, fold.learnt, LEGIT_SHARE, plan.seed)
        classifier = fitted(FAMILIES[family], settings, matrix[rows], fold.learnt[rows] == FRAUD, plan.seed)
        raw = classifier.predict_proba(matrix[fold.test])[:, 1]
        candidate.raw.append(raw)
        truth = (verdicts[fold.test] == FRAUD).astype(int)
        candidate.measured.append(measured(history.accounts[fold.test], history.at_ms[fold.test], truth, raw))
    return candidate


def finish(history: History, names: Sequence[str], plan: Plan, best: Candidate, folds: Sequence[Fold]) -> Chosen:
    """The best candidate trained on the newest mature days; calibration and thresholds from its earlier weeks."""
    verdicts = mature(history, plan, plan.until_ms)
    truth = np.concatenate([(verdicts[fold.test] == FRAUD).astype(int) for fold in folds])
    raw = np.concatenate(best.raw)
    knots = calibration_of(raw, truth)
    scores = calibrated(raw, knots)
    labelled = verdicts != UNKNOWN
    newest_ms = int(history.at_ms[labelled].max())
    rows = sampled(labelled & (history.at_ms > newest_ms - plan.days * DAY_MS), verdicts, LEGIT_SHARE, plan.seed)
    matrix = history.columns(names)[rows]
    classifier = fitted(FAMILIES[best.family], best.settings, matrix, verdicts[rows] == FRAUD, plan.seed)
    thresholds = {outcome: threshold_within(truth, scores, share) for outcome, share in DISTURBED_LEGIT_SHARE.items()}
    at_block = at_threshold(truth, scores, thresholds["block"])
    return Chosen(best, classifier, knots, thresholds, at_block, rows, truth, scores)
