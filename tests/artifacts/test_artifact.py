"""Is a model that is damaged, foreign or of other features refused with its reason, and a good one served alike?"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from onnx import FunctionProto, NodeProto, TensorProto, helper, load_model_from_string, numpy_helper
from support.features import calm
from support.models import FEATURES_READ, drawn, small_model

from models import artifact
from models.artifact import Manifest, ModelError, read_artifact, sealed
from models.network import network_problem
from models.serving.model import load_model
from models.training.export import probabilities_of, to_onnx
from models.training.families import FAMILIES
from streams.core.features import FEATURE_NAMES, feature_set_of


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("models"))


@pytest.fixture
def model(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / good.name))


def again(folder: Path, **changes: object) -> Path:
    """Changes the manifest and seals it again under its new name: as if somebody had made it so on purpose."""
    path = folder / artifact.MANIFEST_FILE
    manifest = sealed(msgspec.structs.replace(msgspec.json.decode(path.read_bytes(), type=Manifest), **changes))
    path.write_bytes(msgspec.json.encode(manifest))
    return folder.rename(folder.with_name(manifest.model_id))


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
_ENDS = (("x", len(FEATURES_READ)), ("probabilities", 2))


def _other_order(folder: Path) -> Path:
    return again(folder, features=FEATURES_READ[::-1])


def _unknown_feature(folder: Path) -> Path:
    return again(folder, features=("phase_of_the_moon", *FEATURES_READ[1:]))


def _narrow(folder: Path) -> Path:
    names = FEATURES_READ[1:]
    return again(folder, features=names, feature_set=feature_set_of(names), usual=(0.0,) * len(names))


def _edited(folder: Path) -> None:
    path = folder / artifact.MANIFEST_FILE
    path.write_text(path.read_text().replace('"review": 0.5', '"review": 0.9'))


def _half(folder: Path) -> None:
    path = folder / artifact.MODEL_FILE
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _network(change: Callable[[bytes], bytes]) -> Damage:
    def damage(folder: Path) -> Path:
        path = folder / artifact.MODEL_FILE
        path.write_bytes(change(path.read_bytes()))
        return again(folder, onnx_sha256=hashlib.sha256(path.read_bytes()).hexdigest())

    return damage


def _newer(onnx: bytes) -> bytes:
    network = load_model_from_string(onnx)
    network.opset_import[0].version = 999
    return bytes(network.SerializeToString())


def _wired(*nodes: NodeProto, tensors: Sequence[TensorProto] = (), functions: Sequence[FunctionProto] = ()) -> Damage:
    """A network of these nodes from `x`, as many columns as the model reads, to `probabilities`."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, width]) for name, width in _ENDS]
    graph = helper.make_graph(nodes, "other", values[:1], values[1:], tensors)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3), helper.make_opsetid("ours", 1)]
    whole = helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=8)
    return _network(lambda _: bytes(whole.SerializeToString()))


def _for_ever() -> Damage:
    """Valid ONNX that goes round 2**62 times: whoever asks it waits until the end of the world."""
    told = [("step", TensorProto.INT64, []), ("on", TensorProto.BOOL, []), ("row", TensorProto.FLOAT, None)]
    step, on, row = (helper.make_tensor_value_info(*each) for each in told)
    still, same = (helper.make_tensor_value_info(f"{name}_", kind, shape) for name, kind, shape in (told[1], told[2]))
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["on_"]), helper.make_node("Identity", ["row"], ["row_"])],
        "round",
        [step, on, row],
        [still, same],
    )
    often = numpy_helper.from_array(np.array(2**62, dtype=np.int64))
    return _wired(
        helper.make_node("Constant", [], ["often"], value=often),
        helper.make_node("Loop", ["often", "", "x"], ["probabilities"], body=body),
    )


def _weights_elsewhere() -> TensorProto:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[5, 2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="weights.bin")
    return tensor


def _own_function() -> FunctionProto:
    body = [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)]
    return helper.make_function("ours", "Scaler", ["x"], ["y"], body, [helper.make_opsetid("", 17)])


def _no_features(folder: Path) -> Path:
    return again(folder, features=(), usual=(), feature_set=feature_set_of(()))


def _parity(rows: slice, probabilities: slice) -> Damage:
    def damage(folder: Path) -> Path:
        path = folder / artifact.PARITY_FILE
        told = json.loads(path.read_text())
        told = {"rows": told["rows"][rows], "probabilities": told["probabilities"][probabilities]}
        path.write_text(json.dumps(told))
        return again(folder, parity_sha256=hashlib.sha256(path.read_bytes()).hexdigest())

    return damage


def _pipe(folder: Path) -> None:
    """Whoever opens it waits for somebody who writes."""
    (folder / artifact.MANIFEST_FILE).unlink()
    os.mkfifo(folder / artifact.MANIFEST_FILE)


def _other_answers(folder: Path) -> Path:
    path = folder / artifact.PARITY_FILE
    told = json.loads(path.read_text())
    told["probabilities"][0] += 0.01
    path.write_text(json.dumps(told))
    return again(folder, parity_sha256=hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize(
    ("damage", "reason", "says"),
    [
        (shutil.rmtree, "missing", "manifest.json cannot be read"),
        (lambda folder: (folder / "model.onnx").unlink(), "missing", "model.onnx cannot be read"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "corrupt", "not a manifest"),
        (lambda folder: again(folder, format=2), "corrupt", "format 2"),
        (_edited, "corrupt", "was changed after"),
        (lambda folder: folder.rename(folder.with_name("approved-1")), "corrupt", "holds another model"),
        (_half, "corrupt", "checksum"),
        (_network(lambda _: b"not a network"), "corrupt", "it is no network"),
        (_network(lambda onnx: onnx[:-3]), "corrupt", "it is no network"),
        (_network(_newer), "corrupt", "onnxruntime cannot load"),
        (_for_ever(), "corrupt", "it uses the operator 'Constant'"),
        (_wired(helper.make_node("Loop", ["", "", "x"], ["probabilities"])), "corrupt", "operator 'Loop'"),
        (
            _wired(helper.make_node("Cast", ["x"], ["probabilities"], to=1), tensors=[_weights_elsewhere()]),
            "corrupt",
            "weights outside of its operators",
        ),
        (
            _wired(
                helper.make_node(
                    "TreeEnsembleClassifier",
                    ["x"],
                    ["class", "probabilities"],
                    base_values_as_tensor=_weights_elsewhere(),
                )
            ),
            "corrupt",
            "weights outside of its operators",
        ),
        (
            _wired(helper.make_node("Scaler", ["x"], ["probabilities"], domain="ours"), functions=[_own_function()]),
            "corrupt",
            "functions of its own",
        ),
        (_other_answers, "corrupt", "answers otherwise"),
        (_pipe, "corrupt", "manifest.json is not a file"),
        (_no_features, "corrupt", "fewer than two features"),
        (_parity(slice(None), slice(10)), "corrupt", "64 rows and 10 probabilities"),
        (_parity(slice(0), slice(0)), "corrupt", "0 rows and 0 probabilities"),
        (lambda folder: again(folder, calibration=((0.0, 7.0), (1.0, -3.0))), "corrupt", "does not rise"),
        (lambda folder: again(folder, calibration=((0.5, 0.1), (0.5, 0.9))), "corrupt", "does not rise"),
        (lambda folder: again(folder, calibration=((0.0, -1.0), (1.0, 7.0))), "corrupt", "leads out of 0 to 1"),
        (_other_order, "wrong_features", "another order"),
        (_unknown_feature, "wrong_features", "phase_of_the_moon"),
        (_narrow, "wrong_features", "5 columns"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(model: Path, damage: Damage, reason: str, says: str) -> None:
    moved = damage(model)
    folder = moved if isinstance(moved, Path) else model
    with pytest.raises(ModelError, match=says) as caught:
        load_model(folder)
    assert caught.value.reason == reason
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_every_family_needs_is_let_through(family: str) -> None:
    made = FAMILIES[family]
    classifier = made.make(0, **made.settings[-1]).fit(*drawn(rows=80))
    assert network_problem(to_onnx(classifier, len(FEATURES_READ))) is None


def test_an_id_is_the_content(good: Path, tmp_path: Path) -> None:
    """Training again alike gives the same model under the same id; another seed gives another."""
    assert small_model(tmp_path / "same").name == good.name
    assert small_model(tmp_path / "other", seed=5).name != good.name
    assert read_artifact(good).manifest.model_id == good.name


def test_an_id_of_an_earlier_release_is_still_read_and_a_new_one_cannot_be_forged(model: Path) -> None:
    """Two models with the same 40 bits are found in hours; every model since has 128."""
    path = model / artifact.MANIFEST_FILE
    manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    assert len(manifest.model_id.removeprefix("small-")) * 4 >= 128
    content = msgspec.json.encode(msgspec.structs.replace(manifest, model_id=""), order="sorted")
    earlier = f"small-{hashlib.blake2b(content, digest_size=5).hexdigest()}"
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, model_id=earlier)))
    assert load_model(model.rename(model.with_name(earlier))).manifest.model_id == earlier
    short = manifest.model_id[:-2]
    home = model.with_name(earlier)
    (home / artifact.MANIFEST_FILE).write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, model_id=short)))
    with pytest.raises(ModelError, match="was changed after"):
        load_model(home.rename(model.with_name(short)))


def test_a_damage_that_nobody_thought_of_is_the_models_and_not_the_workers_end(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def surprise(folder: Path) -> None:
        raise ZeroDivisionError("at\nnight")

    monkeypatch.setattr("models.serving.model.read_artifact", surprise)
    with pytest.raises(ModelError, match=r"cannot be used \(ZeroDivisionError: at\)") as caught:
        load_model(good)
    assert caught.value.reason == "corrupt"
