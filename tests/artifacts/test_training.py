"""Does training use what had arrived and nothing later, and does one command make a model that a backtest can use?"""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from models.artifact import read_artifact
from models.training.calibration import calibrated, calibration_of
from models.training.families import FAMILIES
from models.training.fit import NotEnough, Plan, compare, folds_of, mature
from models.training.history import FRAUD, LEGIT, UNKNOWN, History, HistoryError, load_history
from models.training.measures import DAY_MS, card_precision, counted, threshold_within
from models.training.report import daily_card_precision, reliability
from models.training.selection import FEATURES_READ, GROUPS
from producers.errors import BadInput
from producers.sources import fdh
from streams.cli.backtest import backtest
from streams.cli.features import features
from streams.cli.train import train
from streams.contracts.base import to_ms

DAY_S = 86_400
DAYS = 50
UNTIL = datetime(2018, 5, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def payments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Customers with a habit; stolen cards pay five times as much, and some terminals are compromised for weeks."""
    chance = random.Random(1)
    rows = []
    for customer in range(70):
        mean, second = chance.uniform(10, 60), 0.0
        stolen = chance.uniform(0, DAYS) if customer % 3 == 0 else DAYS
        while (second := second + chance.expovariate(1.6) * DAY_S) < DAYS * DAY_S:
            day, terminal = second / DAY_S, chance.randrange(25)
            amount, fraud = max(1.0, chance.gauss(mean, mean / 3)), 0
            if stolen <= day < stolen + 10 and chance.random() < 0.5:
                amount, fraud = amount * 5, 1
            elif terminal % 8 == 0 and terminal <= day < terminal + 21:
                fraud = 1
            rows.append((int(second), customer, terminal, amount, fraud))
    rows.sort()
    lines = [
        f"{number},{customer},{terminal},{amount:.2f},{second},{fraud},{fraud}"
        for number, (second, customer, terminal, amount, fraud) in enumerate(rows)
    ]
    path = tmp_path_factory.mktemp("payments") / "payments.csv"
    path.write_text("\n".join((",".join(fdh.COLUMNS), *lines)) + "\n")
    return path


def recorded(payments: Path, out: Path, *more: str) -> History:
    arguments = [str(payments), "--format", "fdh", "--partitions", "2", "--out", str(out), *more]
    result = CliRunner().invoke(features, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return load_history(out)


@pytest.fixture(scope="module")
def history(payments: Path, tmp_path_factory: pytest.TempPathFactory) -> History:
    return recorded(payments, tmp_path_factory.mktemp("history") / "all.npz")


@pytest.fixture(scope="module")
def history_file(history: History, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "again.npz"
    history.save(path)
    return path


def test_no_vector_knows_anything_later(payments: Path, history: History, tmp_path: Path) -> None:
    """The same payments have the same vectors when everything after them never happened."""
    cut = recorded(payments, tmp_path / "cut.npz", "--until", "2018-05-01")
    number = len(cut.at_ms)
    assert 0 < number < len(history.at_ms)
    assert (cut.subjects == history.subjects[:number]).all()
    assert (cut.matrix == history.matrix[:number]).all()
    until_ms = int(cut.at_ms.max()) // DAY_MS * DAY_MS + DAY_MS
    assert (cut.verdicts_at(2**62) == history.verdicts_at(until_ms)[:number]).all()


def test_a_verdict_is_unknown_until_it_arrives(history: History) -> None:
    middle = int(np.median(history.at_ms))
    found = history.verdicts_at(middle)
    assert (found[history.at_ms > middle - 7 * DAY_MS] == UNKNOWN).all()
    assert (found[history.at_ms < middle - 7 * DAY_MS] != UNKNOWN).all()


def test_a_fold_trains_on_what_was_known_when_its_week_began(history: History) -> None:
    plan = Plan(2**62, days=14, weeks=2)
    first = folds_of(history, plan)[0]
    for row in np.flatnonzero(first.train & (history.at_ms < first.starts_ms - 15 * DAY_MS))[:10].tolist():
        told, known_ms = int(first.learnt[row]), int(history.at_ms[row]) + 7 * DAY_MS
        history = with_verdicts(history, row, [(told, known_ms), (1 - told, first.starts_ms)])  # corrected too late
    assert (folds_of(history, plan)[0].learnt == first.learnt).all()
    for fold in folds_of(history, plan):
        assert history.at_ms[fold.train].max() < fold.starts_ms - 7 * DAY_MS
        assert (fold.learnt[fold.train] == history.verdicts_at(fold.starts_ms)[fold.train]).all()
        assert history.at_ms[fold.test].min() >= fold.starts_ms
        assert not (fold.train & fold.test).any()
        bad = history.verdicts_at(fold.starts_ms) == FRAUD
        recent = bad & (history.at_ms > fold.starts_ms - 10 * DAY_MS)
        assert recent.any()
        assert not set(history.accounts[recent].tolist()) & set(history.accounts[fold.test].tolist())


@pytest.fixture(autouse=True)
def small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested here does not depend on the size of a forest."""
    settings = ({"n_estimators": 12, "max_depth": 8, "min_samples_leaf": 3, "max_features": 0.5},)
    monkeypatch.setitem(FAMILIES, "extra_trees", FAMILIES["extra_trees"]._replace(settings=settings))


def arriving(history: History, known_ms: np.ndarray) -> History:
    """The same verdicts, arriving at these times."""
    order = np.argsort(known_ms, kind="stable")
    return replace(
        history, labelled=history.labelled[order], verdicts=history.verdicts[order], known_ms=known_ms[order]
    )


def with_verdicts(history: History, row: int, told: list[tuple[int, int]]) -> History:
    """The history with other verdicts about one movement, as (verdict, arrival)."""
    others = history.labelled != row
    more = np.array(told, dtype=np.int64)
    changed = replace(
        history,
        labelled=np.append(history.labelled[others], np.full(len(more), row)),
        verdicts=np.append(history.verdicts[others], more[:, 0].astype(np.int8)),
    )
    return arriving(changed, np.append(history.known_ms[others], more[:, 1]))


def run_train(out: Path, *more: str) -> Path:
    arguments = ["--out", str(out), "--days", "14", "--weeks", "2", "--family", "extra_trees", *more]
    result = CliRunner().invoke(train, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return Path(result.stdout.strip())


@pytest.mark.parametrize("unlabelled", ["legit", "skip"])
def test_labels_that_arrive_later_change_nothing(unlabelled: str, history: History, tmp_path: Path) -> None:
    """Labels take 7 to 60 days. Those that come later are turned round, and the model is the same, byte for byte."""
    until_ms = to_ms(UNTIL)
    slow = history.labelled % 3 == 0
    late = arriving(history, np.where(slow, history.known_ms + (history.labelled % 54) * DAY_MS, history.known_ms))
    mature = late.at_ms[late.labelled] < until_ms - 7 * DAY_MS
    assert (mature & (late.verdicts == FRAUD) & (late.known_ms >= until_ms)).sum() > 20
    turned = np.where(late.known_ms >= until_ms, 1 - late.verdicts, late.verdicts)
    homes = []
    for each in (late, replace(late, verdicts=turned.astype(np.int8)), late.until(until_ms)):
        path = tmp_path / str(len(homes)) / "history.npz"
        path.parent.mkdir()
        each.save(path)
        given = ("--history", str(path), "--until", f"{UNTIL:%Y-%m-%d}", "--unlabelled", unlabelled)
        homes.append(run_train(path.parent, *given))
    for other in homes[1:]:
        assert other.name == homes[0].name
        for file in homes[0].iterdir():
            assert file.read_bytes() == (other / file.name).read_bytes()


def test_a_payment_counts_when_it_is_mature_whatever_is_known_earlier(history: History, tmp_path: Path) -> None:
    """Frauds are reported after twelve hours, and that a payment was honest is known after seven days."""
    reported = history.at_ms[history.labelled] + DAY_MS // 2
    early = arriving(history, np.where(history.verdicts == FRAUD, reported, history.known_ms))
    for told, delay_days in ((early, 7), (history, 10)):
        plan = Plan(to_ms(UNTIL), days=14, weeks=2, delay_ms=delay_days * DAY_MS)
        truth = mature(told, plan, plan.until_ms)
        assert told.at_ms[truth != UNKNOWN].max() < plan.until_ms - plan.delay_ms
        for fold in folds_of(told, plan):
            assert told.at_ms[fold.train].max() < fold.starts_ms - plan.delay_ms
            for verdicts, rows in ((fold.learnt, fold.train), (truth, fold.test)):
                assert (verdicts[rows] != UNKNOWN).all()
                assert (verdicts[rows] == FRAUD).mean() < 0.25, "the newest of them are not frauds alone"
        path = tmp_path / f"{delay_days}.npz"
        told.save(path)
        given = ("--history", str(path), "--until", f"{UNTIL:%Y-%m-%d}", "--label-delay", f"{delay_days}d")
        home = run_train(tmp_path, *given)
        trained = read_artifact(home).manifest.trained
        assert trained.label_delay_s == delay_days * DAY_S
        assert to_ms(trained.until) <= plan.until_ms - plan.delay_ms
        card = (home / "card.md").read_text()
        assert f"when {delay_days} days have passed since it" in card
        assert "nan" not in card


def test_a_card_that_was_reported_early_needs_no_model_from_the_next_day_on(history: History) -> None:
    """And one whose fraud was taken back by then does."""
    plan = Plan(2**62, days=14, weeks=1)
    (fold,) = folds_of(history, plan)
    day = history.at_ms // DAY_MS
    first = day[fold.test].min()
    early = [set(history.accounts[fold.test & (day == first + number)].tolist()) for number in range(4)]
    own = fold.test & (history.accounts == min(set.intersection(*early)))
    row = int(np.flatnonzero(own)[0])
    reported_ms = int(day[row] + 1) * DAY_MS - 1
    for taken_back, gone in (
        ([], day > day[row]),
        ([(LEGIT, reported_ms + DAY_MS)], day == day[row] + 1),
        ([(LEGIT, reported_ms + 2 * DAY_MS)], (day > day[row]) & (day <= day[row] + 2)),
    ):
        (after,) = folds_of(with_verdicts(history, row, [(FRAUD, reported_ms), *taken_back]), plan)
        assert (own & gone).any()
        assert (after.test == fold.test & ~(own & gone)).all()


def test_a_shop_that_hears_of_frauds_only_trains_on_the_others_as_honest(history: History, tmp_path: Path) -> None:
    kept = history.verdicts == FRAUD
    only = replace(
        history,
        labelled=history.labelled[kept],
        verdicts=history.verdicts[kept],
        known_ms=history.known_ms[kept],
    )
    path = tmp_path / "frauds.npz"
    only.save(path)
    given = ("--history", str(path), "--until", f"{UNTIL:%Y-%m-%d}")
    home, whole = run_train(tmp_path / "models", *given), tmp_path / "whole.npz"
    history.save(whole)
    trained = read_artifact(home).manifest.trained
    assert trained.unlabelled == "legit"
    assert "had no label; such payments count as legitimate" in (home / "card.md").read_text()
    other = run_train(tmp_path / "models", "--history", str(whole), *given[2:])
    assert read_artifact(other).manifest.trained.unlabelled == "skip", "where most are labelled, none is guessed"
    assert "such payments are left out" in (other / "card.md").read_text()
    assert trained.frauds == read_artifact(other).manifest.trained.frauds
    with pytest.raises(BadInput, match=r"too few legitimate payments .* --unlabelled legit"):
        run_train(tmp_path / "models", *given, "--unlabelled", "skip")
    plan = Plan(to_ms(UNTIL), days=14, weeks=2)
    truth = mature(only, plan, plan.until_ms)
    assert (truth[only.at_ms >= plan.until_ms - 7 * DAY_MS] == UNKNOWN).all(), "too young to be called honest"


def test_a_history_that_ends_early_makes_nobody_honest(history: History) -> None:
    """Without --until, or with a later one, silence counts from the last record on and not from then."""
    young = history.until(int(history.at_ms[-1]) - 10 * DAY_MS)
    for until_ms in (2**62, int(history.at_ms[-1])):
        truth = mature(young, Plan(until_ms, unlabelled="legit"), until_ms)
        assert (truth[young.at_ms > young.at_ms[-1] - 7 * DAY_MS] == UNKNOWN).all()


def test_from_a_file_to_decisions(payments: Path, history_file: Path, tmp_path: Path) -> None:
    home = run_train(tmp_path / "models", "--history", str(history_file), "--name", "drawn")
    manifest = read_artifact(home).manifest
    assert manifest.family == "extra_trees"
    assert manifest.parity_difference <= 1e-5
    assert manifest.metrics["average_precision"] > 0.6
    assert {path.name for path in home.iterdir()} >= {"card.md", "precision-recall.png", "calibration.png"}
    card = (home / "card.md").read_text()
    assert manifest.model_id in card
    assert "Published for" not in card, "others published nothing about the only family that was tried"
    out = tmp_path / "out"
    arguments = [str(payments), "--format", "fdh", "--partitions", "2", "--model", str(home), "--out", str(out)]
    result = CliRunner().invoke(backtest, [*arguments, "--json"], catch_exceptions=False)
    assert json.loads(result.stdout)["model"] == manifest.model_id
    decisions = [msgspec.json.decode(line) for line in (out / "decisions.jsonl").read_bytes().splitlines()]
    assert all(0.0 <= decision["score"] <= 1.0 for decision in decisions)
    assert max(decision["score"] for decision in decisions) > 0.5


def test_the_page_says_what_each_group_of_features_adds(history_file: Path, tmp_path: Path) -> None:
    home = run_train(tmp_path / "models", "--history", str(history_file), "--groups")
    rows = [line.split("|")[1:5] for line in (home / "card.md").read_text().splitlines() if line.startswith("| + ")]
    assert [name.strip() for name, *_ in rows] == [f"+ {group}" for group in GROUPS]
    assert int(rows[-1][1]) == len(FEATURES_READ)
    best = read_artifact(home).manifest.metrics["average_precision"]
    assert float(rows[-1][2]) == pytest.approx(best, abs=0.0006), "with all groups it is the model itself"
    assert float(rows[0][2]) < best
    assert "the handbook's features" in (home / "card.md").read_text()


def test_what_is_missing_is_said(payments: Path, history_file: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="too few frauds"):
        run_train(tmp_path, "--history", str(history_file), "--until", "2018-04-12")
    with pytest.raises(BadInput, match="No label had arrived"):
        run_train(tmp_path, "--history", str(history_file), "--until", "2018-04-03")
    (tmp_path / "text.npz").write_text("not a history")
    with pytest.raises(BadInput, match="is not a history"):
        run_train(tmp_path, "--history", str(tmp_path / "text.npz"))
    with pytest.raises(HistoryError, match=r"nowhere\.npz"):
        load_history(tmp_path / "nowhere.npz")
    assert issubclass(NotEnough, Exception)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ({"matrix": lambda found: found[:100]}, "100 x .* values for"),
        ({"names": lambda found: found[:-100]}, "values for .* features"),
        ({"names": lambda found: found[::-1]}, "is damaged"),
        ({"verdicts": lambda found: found[:-1]}, "its column labelled"),
        ({"at_ms": lambda found: found[0]}, "is damaged"),
        ({"known_ms": lambda found: found.astype(str)}, "its column known_ms"),
        ({"seen_ms": lambda found: found[:-1]}, "its column seen_ms"),
        ({"labelled": lambda found: found + len(found)}, "verdicts about movements that are not in it"),
        ({"verdicts": lambda found: found + 1}, "neither 0 nor 1"),
        ({"known_ms": lambda found: found[::-1]}, "out of order"),
        ({"format": lambda found: found - 1}, "was made by a release that kept verdicts otherwise"),
        ({"format": lambda found: np.array([2, 2])}, "not a history, or a damaged one"),
        ({"verdicts": lambda found: found.astype(object)}, "not a history, or a damaged one"),
    ],
)
def test_a_damaged_history_is_one_sentence(
    damage: dict[str, Any], says: str, history_file: Path, tmp_path: Path
) -> None:
    stored = dict(np.load(history_file))
    (name,) = damage
    stored[name] = damage[name](stored[name])
    np.savez(tmp_path / "bad.npz", **stored)
    with pytest.raises(HistoryError, match=says) as caught:
        load_history(tmp_path / "bad.npz")
    assert "pickle" not in str(caught.value)
    assert str(caught.value).count("\n") == 0


def test_a_file_that_is_cut_off_or_something_else_is_bad_input(history_file: Path, tmp_path: Path) -> None:
    whole = history_file.read_bytes()
    contents = {
        "cut": whole[: len(whole) // 2],
        "changed": whole[:2000] + bytes(1000) + whole[3000:],
        "empty": b"",
        "text": b"not a history",
        "array": np.lib.format.MAGIC_PREFIX + whole[:100],
    }
    for name, content in contents.items():
        (tmp_path / f"{name}.npz").write_bytes(content)
        with pytest.raises(BadInput, match="history") as caught:
            run_train(tmp_path / "models", "--history", str(tmp_path / f"{name}.npz"))
        assert "pickle" not in str(caught.value)


def test_card_precision_forgets_cards_that_were_found() -> None:
    accounts = np.array([1, 1, 2, 3, 1, 2])
    day = np.array([0, 0, 0, 0, 1, 1])
    frauds = np.array([0, 1, 0, 1, 1, 1])
    scores = np.array([0.1, 0.9, 0.8, 0.2, 0.9, 0.3])
    # Day 0: card 1 hits, card 2 does not. Day 1: card 1 is gone, card 2 hits.
    assert card_precision(accounts, day, frauds, scores, k=2) == pytest.approx((0.5 + 0.5) / 2)


def test_the_picture_of_card_precision_shows_the_tables_numbers(history: History) -> None:
    plan = Plan(2**62, days=14, weeks=2)
    (candidate,), folds = compare(history, FEATURES_READ, plan, ["extra_trees"], lambda line: None)
    truth = mature(history, plan, plan.until_ms)
    frauds = np.concatenate([(truth[fold.test] == FRAUD).astype(int) for fold in folds])
    days = daily_card_precision(history, folds, candidate, frauds)
    assert sorted(days) == list(range(14))
    assert np.mean([share for share, _ in days.values()]) == pytest.approx(candidate.card_precision)


def test_the_highest_score_is_in_the_picture_of_calibration() -> None:
    scores = np.arange(1, 11) / 10
    found = reliability((scores > 0.75).astype(int), scores)
    assert found[-1] == pytest.approx((1.0, 1.0))
    assert len(found) == 10
    assert reliability(np.zeros(3), np.zeros(3)) == []


@pytest.mark.parametrize("top", [0.9, 1.0], ids=["below one", "at one"])
@pytest.mark.parametrize("honest", [0, 3])
def test_no_score_promises_more_certainty_than_was_seen(top: float, honest: int) -> None:
    """A hundred payments share the highest raw score, as in a forest; none or three of them are honest."""
    raw = np.concatenate([np.linspace(0, 0.5, 1000), np.full(100, top)])
    frauds = np.concatenate([np.arange(1000) % 50 == 0, np.arange(100) >= honest]).astype(int)
    knots = calibration_of(raw, frauds)
    assert all(before[0] < after[0] and before[1] < after[1] for before, after in itertools.pairwise(knots))
    assert calibrated(np.array([top]), knots)[0] == pytest.approx(min(0.995, 1 - honest / 100), abs=1e-4)
    assert knots[-1][0] == 1.0
    assert knots[-1][1] < 1.0


def test_a_card_counts_until_the_day_its_fraud_is_known() -> None:
    start = 0
    day_ms = np.array([3, 9, 14, 16, 17, 18]) * DAY_MS
    accounts = np.array([1, 2, 1, 2, 2, 3])
    frauds = np.array([1, 1, 0, 0, 0, 1])
    _, test = counted(accounts, day_ms, frauds, start)
    # Card 1 was known in the train week; card 2's fraud of day 9 is known from the start of day 17 on.
    assert test.tolist() == [False, False, False, True, False, True]


def test_a_threshold_stops_at_most_its_share_of_honest_payments() -> None:
    scores = np.arange(1000) / 1000
    frauds = np.zeros(1000, dtype=int)
    threshold = threshold_within(frauds, scores, 0.01)
    assert (scores >= threshold).mean() <= 0.01
    assert (scores >= threshold - 0.002).mean() > 0.01
