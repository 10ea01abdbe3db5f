"""Can somebody see which models there are, and does only a better one become the champion?"""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.models import history, small_model, worse

from producers.errors import BadInput
from streams.cli.models import models, with_champion
from streams.contracts.base import to_ms


def run(*arguments: str) -> str:
    result = CliRunner().invoke(models, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_what_is_there_is_listed_with_what_is_wrong(tmp_path: Path) -> None:
    good, spoilt = small_model(tmp_path), small_model(tmp_path, name="spoilt")
    (spoilt / "model.onnx").write_bytes(b"x")
    rows = {row["model"]: row for row in json.loads(run("list", "--models", str(tmp_path), "--json"))}
    assert rows[good.name]["usable"] == "yes"
    assert rows[spoilt.name]["usable"] == "corrupt"
    lines = run("list", "--models", str(tmp_path)).splitlines()
    assert {good.name, spoilt.name} < set(lines), "an id stands alone, so that it can be copied"
    assert good.name in run("show", good.name, "--models", str(tmp_path))
    with pytest.raises(BadInput, match="checksum"):
        run("show", str(spoilt))


def test_only_a_better_model_is_promoted(tmp_path: Path) -> None:
    bad = worse(tmp_path)
    (good,) = tmp_path.glob("good-*")
    told = history(tmp_path)
    given = ("--models", str(tmp_path), "--history", told)
    compared = json.loads(run("compare", bad.name, good.name, *given, "--json"))
    assert compared["problems"] == []
    assert compared["models"][good.name]["average_precision"] > compared["models"][bad.name]["average_precision"]
    assert f"candidate: {good.name}" in run("compare", bad.name, good.name, *given).splitlines()
    out = tmp_path / "next.toml"
    with pytest.raises(BadInput, match="stays where it is: average precision"):
        run("promote", bad.name, "--champion", good.name, *given, "--out", str(out))
    assert not out.exists()
    assert "paywarden policy publish" in run("promote", good.name, "--champion", bad.name, *given, "--out", str(out))
    assert tomllib.loads(out.read_text())["model"]["champion"] == good.name


def test_the_gate_compares_with_the_champion_of_the_policy(tmp_path: Path) -> None:
    bad = worse(tmp_path)
    (good,) = tmp_path.glob("good-*")
    over, out = tmp_path / "over.toml", tmp_path / "next.toml"
    over.write_text(f'name = "mine"\n[model]\nchampion = "{good.name}"\n')
    given = ("--models", str(tmp_path), "--history", history(tmp_path), "--over", str(over), "--out", str(out))
    with pytest.raises(BadInput, match=f"is not the champion: .* names {good.name}"):
        run("promote", good.name, "--champion", bad.name, *given)
    over.write_text(f'name = "mine"\n[model]\nchampion = "{bad.name}"\n')
    run("promote", good.name, *given)
    assert tomllib.loads(out.read_text()) == {"name": "mine", "model": {"champion": good.name}}


@pytest.mark.parametrize(
    "alerts",
    ["[model.payment]\nnotify = 0.0003\nstep_up = 0.0005\nreview = 0.001\n", '[model]\ndecides = "cost"\n'],
    ids=["over", "cost"],
)
def test_alerts_are_counted_by_the_policy_that_is_written(tmp_path: Path, alerts: str) -> None:
    """By the packaged thresholds the flat model alerts about everything; `over` says otherwise for both."""
    bad = worse(tmp_path)
    (good,) = tmp_path.glob("good-*")
    over = tmp_path / "over.toml"
    over.write_text(alerts)
    told = history(tmp_path)
    given = (bad.name, good.name, "--models", str(tmp_path), "--history", told, "--currency", "EUR", "--json")
    packaged = json.loads(run("compare", *given))["models"]
    wanted = json.loads(run("compare", *given, "--policy", str(over)))["models"]
    assert {name: each["alerts"] for name, each in packaged.items()} != {
        name: each["alerts"] for name, each in wanted.items()
    }
    out = ("--out", str(tmp_path / "next.toml"))
    arguments = ["promote", good.name, "--champion", bad.name, "--over", str(over), *given[2:-1], *out]
    promoted = CliRunner().invoke(models, arguments)
    assert f"{wanted[good.name]['alerts']:.3%}" in promoted.output


def test_cost_without_a_currency_is_asked_for(tmp_path: Path) -> None:
    bad = worse(tmp_path)
    (good,) = tmp_path.glob("good-*")
    over = tmp_path / "over.toml"
    over.write_text('[model]\ndecides = "cost"\n')
    given = ("--models", str(tmp_path), "--history", history(tmp_path), "--policy", str(over))
    with pytest.raises(BadInput, match="--currency"):
        run("compare", bad.name, good.name, *given)


def test_what_a_model_was_trained_on_proves_nothing(tmp_path: Path) -> None:
    good, other = small_model(tmp_path, name="good"), small_model(tmp_path, name="other", seed=1)
    before = history(tmp_path, start_ms=to_ms(datetime(2025, 11, 1, tzinfo=UTC)))
    with pytest.raises(BadInput, match=r"Only 0 frauds .* let it watch"):
        run("compare", str(good), str(other), "--history", before)


@pytest.mark.parametrize(
    "text",
    [
        "",
        'name = "mine"\n',
        '[model]\nchampion = "old-1"\nmissing_score = "review"\n[locks]\nack = "assumed"\n',
        "[model]\n[model.payment]\nhold = 0.8\n",
        "[model.payment]\nhold = 0.8\n",
        '[ model ] # ours\nchampion = "old-1"\n',
        '  [model]\n  champion = "old-1"\n  [locks]\n  ack = "assumed"\n',
        'name = "mine"\n[model]',
        '# [model]\n[[rule]]\nname = "x"\nchampion = "not this"\n',
    ],
)
def test_the_policy_changes_in_nothing_else(text: str) -> None:
    before, after = tomllib.loads(text), tomllib.loads(with_champion(text, "new-2"))
    assert after.pop("model") == {**before.pop("model", {}), "champion": "new-2"}
    assert after == before


@pytest.mark.parametrize(
    "text", ['model.champion = "old-1"\n', 'model = { champion = "old-1" }\n', '[model]\n"champion" = "old-1"\n']
)
def test_what_cannot_be_changed_in_a_line_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"write its model keys as a table \[model\]"):
        with_champion(text, "new-2")
