"""Does a backtest decide with the model that it is given, and say so on every decision?"""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
from support.backtests import payments_file, run
from support.models import small_model

from producers.errors import BadInput

HOUR_S = 3600


@pytest.fixture
def payments(tmp_path: Path) -> Path:
    """Two weeks of one customer's habit, then ten times as much."""
    rows = [f"{number},7,{number % 3},20.00,{number * 9 * HOUR_S},0,0" for number in range(40)]
    rows.append(f"40,7,9,200.00,{40 * 9 * HOUR_S},1,1")
    return payments_file(tmp_path, rows)


def scores(out: Path) -> dict[str, float]:
    with (out / "scores.csv").open(newline="") as lines:
        return {row["TRANSACTION_ID"]: float(row["score"]) for row in csv.DictReader(lines)}


def test_scores_and_decisions_are_the_models(payments: Path, tmp_path: Path) -> None:
    model = small_model(tmp_path / "models")
    summary = run(payments, tmp_path / "out", "--model", str(model))
    assert summary["model"] == model.name
    assert summary["unscored"] == {}
    decisions = [json.loads(line) for line in (tmp_path / "out/decisions.jsonl").read_text().splitlines()]
    assert {decision["model_id"] for decision in decisions} == {model.name}
    found = scores(tmp_path / "out")
    assert found == {decision["subject_id"]: decision["score"] for decision in decisions}
    assert max(found, key=lambda payment: found[payment]) == "40"
    assert found["40"] > 0.5


def test_it_is_the_same_again_and_without_a_model_rules_rank(payments: Path, tmp_path: Path) -> None:
    model = small_model(tmp_path / "models")
    for name in ("one", "two"):
        run(payments, tmp_path / name, "--model", str(model))
    assert (tmp_path / "one/decisions.jsonl").read_bytes() == (tmp_path / "two/decisions.jsonl").read_bytes()
    summary = run(payments, tmp_path / "rules")
    assert summary["model"] == "rules-only"
    assert summary["unscored"] == {"no_model": 41}


def test_a_model_that_cannot_be_used_is_refused_before_anything_is_written(payments: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"manifest\.json cannot be read"):
        run(payments, tmp_path / "out", "--model", str(tmp_path / "nowhere"))
    assert not (tmp_path / "out").exists()


def published(out: Path, name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / name).read_text().splitlines()]


@pytest.mark.parametrize("champion", [False, True])
def test_a_shadow_model_is_published_and_changes_nothing_else(payments: Path, tmp_path: Path, champion: bool) -> None:
    """Whatever it says: decisions, cases, actions and messages are the same to the byte without it."""
    decides = ("--model", str(small_model(tmp_path / "models", name="quiet"))) if champion else ()
    strict = tmp_path / "strict.toml"
    strict.write_text(
        'mode = "enforce"\nmax_effect_age_s = 604800\n'
        "[model.payment]\nstep_up = 0.1\nreview = 0.2\nhold = 0.25\nblock = 0.3\n"
    )
    loud = small_model(tmp_path / "models", name="loud", seed=9)
    alone, beside = tmp_path / "alone", tmp_path / "beside"
    run(payments, alone, "--policy", str(strict), *decides)
    told = run(payments, beside, "--policy", str(strict), *decides, "--shadow", str(loud))["shadows"]
    decisions = published(beside, "decisions.jsonl")
    shadows = [each for each in decisions if each["type"] == "decision.shadowed.v1"]
    assert [each for each in decisions if each not in shadows] == published(alone, "decisions.jsonl")
    for name in ("cases.jsonl", "actions.jsonl", "locks.jsonl", "notifications.jsonl", "commands.jsonl", "scores.csv"):
        assert (beside / name).read_bytes() == (alone / name).read_bytes(), name
    assert len(shadows) == 41
    assert {each["model_id"] for each in shadows} == {loud.name}
    stopped = [each for each in shadows if each["outcome"] == "block"]
    assert stopped, "it would have blocked, so there was something to leak"
    if not champion:
        assert all(each["decided"] != "block" for each in stopped)
    apart = sum(each["outcome"] != each["decided"] for each in shadows)
    assert (apart > 0) is not champion
    assert Counter(told[loud.name]) == Counter(each["outcome"] for each in shadows) + Counter(differs=apart)
