"""Does retraining put a better model beside the champion, keep a worse one out, and promote none?"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.models import TRAINED_UNTIL_MS, history, small_model, worse

from models.artifact import read_artifact
from models.standing import gate_of
from models.training.measures import DAY_MS
from producers.errors import BadInput
from streams.cli.models import models
from streams.cli.retrain import retrain
from streams.contracts.base import to_ms


def run(*arguments: str) -> str:
    result = CliRunner().invoke(models, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def retrained(champion: Path, home: Path, *more: str) -> Path:
    arguments = ["--champion", champion.name, "--models", str(home), "--family", "logistic", "--weeks", "1", *more]
    result = CliRunner().invoke(retrain, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return Path(result.stdout.splitlines()[-1])


def test_a_better_model_becomes_a_candidate_and_a_person_its_champion(tmp_path: Path) -> None:
    bad = worse(tmp_path)
    told = history(tmp_path, days=56)
    new = retrained(bad, tmp_path, "--history", told)
    assert new.parent == tmp_path
    manifest, gate = read_artifact(new).manifest, gate_of(new)
    assert gate is not None
    assert manifest.name == "flat", "it carries on the champion's name"
    assert (gate.champion.model, gate.candidate.model) == (bad.name, new.name)
    assert gate.candidate.average_precision > gate.champion.average_precision
    assert manifest.trained.until <= gate.since, "what judges it is none of what it was trained on"
    assert "## Against the champion" in (new / "card.md").read_text()
    rows = {row["model"]: row for row in json.loads(run("list", "--models", str(tmp_path), "--json"))}
    assert rows[new.name]["standing"] == f"candidate for {bad.name}"
    assert f"candidate for {bad.name}" in run("show", new.name, "--models", str(tmp_path))
    given = ("--models", str(tmp_path), "--history", told, "--weeks", "1")
    assert json.loads(run("compare", bad.name, new.name, *given, "--json"))["problems"] == []
    out = tmp_path / "next.toml"
    run("promote", new.name, "--champion", bad.name, *given, "--out", str(out))
    assert tomllib.loads(out.read_text())["model"]["champion"] == new.name


def test_the_same_history_proposes_the_same_model(tmp_path: Path) -> None:
    bad = worse(tmp_path)
    told = history(tmp_path, days=56)
    assert retrained(bad, tmp_path, "--history", told) == retrained(bad, tmp_path, "--history", told)


def test_what_is_not_better_stays_out(tmp_path: Path) -> None:
    good = small_model(tmp_path, name="good")
    told = history(tmp_path, days=56)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(BadInput, match=r"No candidate: .* does not pass the gate"):
        retrained(good, tmp_path, "--history", told)
    assert sorted(tmp_path.iterdir()) == before


def test_frauds_that_are_reported_early_are_not_all_that_is_compared(tmp_path: Path) -> None:
    """Whatever is known after twelve hours, payments judge when they are a week old, honest ones and frauds alike."""
    judged = []
    for name, frauds_after_ms in (("late", 7 * DAY_MS), ("early", DAY_MS // 2)):
        home = tmp_path / name
        home.mkdir()
        told = history(home, days=56, frauds_after_ms=frauds_after_ms)
        gate = gate_of(retrained(worse(home), home, "--history", told, "--until", "2026-03-01"))
        assert gate is not None
        judged.append((gate.since, gate.until, gate.payments, gate.frauds))
    assert judged[0] == judged[1]
    assert judged[0][2] > 4 * judged[0][3] > 0


def test_the_label_delay_moves_what_judges(tmp_path: Path) -> None:
    home = worse(tmp_path)
    told = history(tmp_path, days=56)
    given = ("--history", told, "--until", "2026-03-01", "--unlabelled", "skip")
    week, longer = (gate_of(retrained(home, tmp_path, *given, "--label-delay", delay)) for delay in ("7d", "10d"))
    assert week is not None
    assert longer is not None
    assert (week.until - longer.until).days == 3
    compare = ("compare", home.name, home.name, "--models", str(tmp_path), "--history", told, "--weeks", "1", "--json")
    assert json.loads(run(*compare, "--label-delay", "10d"))["frauds"] > 20
    result = CliRunner().invoke(models, [*compare, "--label-delay", "0"])
    assert result.exit_code == 2
    assert "a label takes a second at least" in result.output


def test_labels_that_come_later_teach_nothing(tmp_path: Path) -> None:
    """What is known only after the compared weeks began may judge the candidate, and has no part in making it."""
    bad = worse(tmp_path)
    until_ms = TRAINED_UNTIL_MS + 20 * DAY_MS
    told = history(tmp_path, days=56)
    new = retrained(bad, tmp_path, "--history", told, "--until", "2026-02-21")
    trained = read_artifact(new).manifest.trained
    # At --until everything up to a week before is known; the last of it judges; a week before that is what was known.
    assert to_ms(trained.until) <= until_ms - (7 + 7 + 7 - 1) * DAY_MS


def test_a_champion_that_has_seen_everything_cannot_be_compared(tmp_path: Path) -> None:
    good = small_model(tmp_path, name="good")
    before = history(tmp_path, days=56, start_ms=TRAINED_UNTIL_MS - 80 * DAY_MS)
    with pytest.raises(BadInput, match=r"Only 0 frauds .* let it watch"):
        retrained(good, tmp_path, "--history", before)
    assert not list(tmp_path.glob(".candidate-*"))


def test_it_needs_a_folder_to_write_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PAYWARDEN_MODELS_DIR", raising=False)
    result = CliRunner().invoke(retrain, ["--champion", "x", "--history", "y"])
    assert result.exit_code == 2
    assert "PAYWARDEN_MODELS_DIR" in result.output
