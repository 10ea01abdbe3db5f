"""Can somebody see which models there are, and does only a better one become the champion?"""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from support.models import FEATURES_READ, TRAINED, drawn, small_model

from models.artifact import read_artifact, write_artifact
from models.training.history import History
from models.training.measures import DAY_MS
from producers.errors import BadInput
from streams.cli.models import models, with_champion
from streams.contracts.base import to_ms
from streams.core.features import FEATURE_NAMES, MISSING

TRAINED_UNTIL_MS = to_ms(TRAINED.until)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(models, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def history(folder: Path, days: int = 42, start_ms: int = TRAINED_UNTIL_MS - 21 * DAY_MS) -> str:
    """Payments as `drawn` makes them, evenly over some days; labels come a week later."""
    matrix, frauds = drawn(rows=100 * days, seed=5)
    found = np.full((len(matrix), len(FEATURE_NAMES)), MISSING, dtype=np.float32)
    found[:, [FEATURE_NAMES.index(name) for name in FEATURES_READ]] = matrix
    at_ms = start_ms + np.arange(len(matrix)) * (DAY_MS // 100)
    path = folder / "history.npz"
    History(
        found,
        FEATURE_NAMES,
        np.array([f"p{number}" for number in range(len(matrix))]),
        np.arange(len(matrix), dtype=np.int64),
        at_ms.astype(np.int64),
        frauds.astype(np.int8),
        (at_ms + 7 * DAY_MS).astype(np.int64),
    ).save(path)
    return str(path)


def worse(folder: Path) -> Path:
    """The same model, calibrated so that everything above a middling score looks alike."""
    good = read_artifact(small_model(folder, name="good"))
    manifest = msgspec.structs.replace(good.manifest, name="flat", calibration=((0.0, 0.95), (1.0, 0.95)))
    return write_artifact(folder, manifest, good.onnx, good.parity, "")


def test_what_is_there_is_listed_with_what_is_wrong(tmp_path: Path) -> None:
    good, spoilt = small_model(tmp_path), small_model(tmp_path, name="spoilt")
    (spoilt / "model.onnx").write_bytes(b"x")
    rows = {row["model"]: row for row in json.loads(run("list", "--models", str(tmp_path), "--json"))}
    assert rows[good.name]["usable"] == "yes"
    assert rows[spoilt.name]["usable"] == "corrupt"
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
