"""Is a model that is damaged, foreign or of other features refused with its reason, and a good one served alike?"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from support.features import calm
from support.models import FEATURES_READ, drawn, small_model

from models import artifact
from models.artifact import Manifest, ModelError, read_artifact, sealed
from models.serving.model import load_model
from models.training.export import probabilities_of
from streams.core.features import FEATURE_NAMES, feature_set_of


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("models"))


@pytest.fixture
def model(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / good.name))


def again(folder: Path, **changes: object) -> None:
    """Changes the manifest and seals it again: as if somebody had made it so on purpose."""
    path = folder / artifact.MANIFEST_FILE
    manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    path.write_bytes(msgspec.json.encode(sealed(msgspec.structs.replace(manifest, **changes))))


def test_it_scores_as_the_trainer_did_through_its_calibration(good: Path) -> None:
    matrix, _ = drawn(seed=1)
    served = load_model(good).score([tuple(map(float, row)) for row in matrix])
    raw = probabilities_of((good / artifact.MODEL_FILE).read_bytes(), matrix)
    assert served == pytest.approx(np.interp(raw, [0.0, 0.5, 1.0], [0.0, 0.4, 1.0]), abs=1e-6)
    assert min(served) < 0.1
    assert max(served) > 0.9


def test_the_size_of_a_batch_does_not_change_a_score(good: Path) -> None:
    model = load_model(good)
    rows = [tuple(map(float, row)) for row in drawn(seed=2)[0]]
    assert [model.score([row])[0] for row in rows[:50]] == model.score(rows)[:50]


def test_a_row_is_read_by_name(good: Path) -> None:
    model = load_model(good)
    features = calm(amount=70.0, amount_to_usual=1.5, spend_count_1d=3.0, merchant_new=1.0, place_rate_30d=0.25)
    assert model.row(features) == (70.0, 1.5, 3.0, 1.0, 0.25)


def test_a_feature_more_in_the_catalogue_changes_no_model() -> None:
    names = FEATURE_NAMES[:5]
    assert feature_set_of(names) == feature_set_of(list(names))
    assert feature_set_of(names) != feature_set_of(names[::-1])
    with pytest.raises(KeyError, match="nobody"):
        feature_set_of(["nobody"])


Damage = Callable[[Path], object]


def _other_order(folder: Path) -> None:
    again(folder, features=FEATURES_READ[::-1])


def _unknown_feature(folder: Path) -> None:
    again(folder, features=("phase_of_the_moon", *FEATURES_READ[1:]))


def _narrow(folder: Path) -> None:
    names = FEATURES_READ[1:]
    again(folder, features=names, feature_set=feature_set_of(names), usual=(0.0,) * len(names))


def _edited(folder: Path) -> None:
    path = folder / artifact.MANIFEST_FILE
    path.write_text(path.read_text().replace('"review": 0.5', '"review": 0.9'))


def _half(folder: Path) -> None:
    path = folder / artifact.MODEL_FILE
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _no_network(folder: Path) -> None:
    import hashlib

    (folder / artifact.MODEL_FILE).write_bytes(b"not a network")
    again(folder, onnx_sha256=hashlib.sha256(b"not a network").hexdigest())


def _other_answers(folder: Path) -> None:
    import hashlib

    path = folder / artifact.PARITY_FILE
    told = json.loads(path.read_text())
    told["probabilities"][0] += 0.01
    path.write_text(json.dumps(told))
    again(folder, parity_sha256=hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize(
    ("damage", "reason", "says"),
    [
        (shutil.rmtree, "missing", "manifest.json cannot be read"),
        (lambda folder: (folder / "model.onnx").unlink(), "missing", "model.onnx cannot be read"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "corrupt", "not a manifest"),
        (lambda folder: again(folder, format=2), "corrupt", "format 2"),
        (_edited, "corrupt", "was changed after"),
        (_half, "corrupt", "checksum"),
        (_no_network, "corrupt", "cannot load"),
        (_other_answers, "corrupt", "answers otherwise"),
        (_other_order, "wrong_features", "another order"),
        (_unknown_feature, "wrong_features", "phase_of_the_moon"),
        (_narrow, "wrong_features", "5 columns"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(model: Path, damage: Damage, reason: str, says: str) -> None:
    damage(model)
    with pytest.raises(ModelError, match=says) as caught:
        load_model(model)
    assert caught.value.reason == reason
    assert str(model) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_id_is_the_content(good: Path, tmp_path: Path) -> None:
    """Training again alike gives the same model under the same id; another seed gives another."""
    assert small_model(tmp_path / "same").name == good.name
    assert small_model(tmp_path / "other", seed=5).name != good.name
    assert read_artifact(good).manifest.model_id == good.name
