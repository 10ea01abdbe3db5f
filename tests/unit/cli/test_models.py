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
        '# [model]\n[[rule]]\nname = "x"\nchampion = "not this"\n',
    ],
)
def test_the_policy_changes_in_nothing_else(text: str) -> None:
    before, after = tomllib.loads(text), tomllib.loads(with_champion(text, "new-2"))
    assert after.pop("model") == {**before.pop("model", {}), "champion": "new-2"}
    assert after == before
