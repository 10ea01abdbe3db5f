"""What is a model on disk, and is this folder one that may be trusted?

A folder named like the model holds `model.onnx`, `manifest.json` (what it is, from what, how good), `parity.json`
(rows with the probabilities of the trainer, which every reader of the model computes again) and `card.md`. Nothing in
it is code: ONNX and JSON only. The model's id ends with the digest of its manifest, which holds the checksums of the
other two, and the folder bears that id: neither a changed file nor another model in its place passes for the model that
was approved.
"""

from __future__ import annotations

import hashlib
import os
import stat
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from models.network import network_problem
from streams.core.features import feature_set_of

FORMAT = 1
MODEL_FILE, MANIFEST_FILE, PARITY_FILE, CARD_FILE = "model.onnx", "manifest.json", "parity.json", "card.md"
# Models that come with the package; `make model` builds them.
SHIPPED = Path(__file__).parent / "registry"
# Of one file. The largest model that was ever useful here had 2 MiB; what is far above is not one of ours.
LARGEST_BYTES = 64 * 2**20
# Of the digest in an id: 128 bits, so that nobody finds two models with one id. Ids of earlier releases had 40, enough
# against accidents and not against forgers; their models are still read.
_DIGEST_BYTES, _EARLIER_DIGEST_BYTES = 16, 5
NAME = r"^[a-z0-9][a-z0-9-]{0,30}$"  # with the digest at most the 64 characters that a decision has for a model's id

# Why rules decide alone; the values are those of the label `cause` of paywarden_score_unavailable_total.
Unusable = Literal["missing", "corrupt", "wrong_features"]


class ModelError(Exception):
    """The folder holds no model that may be used: `reason` is the metric's label, the message says what to do."""

    def __init__(self, reason: Unusable, folder: Path, problem: str, remedy: str) -> None:
        super().__init__(f"model {folder}: {problem}; {remedy}.")
        self.reason: Unusable = reason


class Trained(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """From what a model was made. Times are those of payments, `until` is excluded; labels came later."""

    data: str  # what the history is called
    data_sha256: str  # of the training matrix and its labels
    since: datetime
    until: datetime
    payments: int
    frauds: int
    label_delay_s: int  # younger payments had no part in it, whatever was known about them
    seed: int
    parameters: dict[str, str]
    unlabelled: Literal["legit", "skip"] | None = None  # what older payments without label count as; None: older model


class Spread(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How one number was spread over the payments that a model was made from."""

    edges: tuple[float, ...]  # a value belongs to the first edge that it does not exceed; the last bin has none
    shares: tuple[float, ...]  # of the payments, one more than there are edges
    low: float | None = None  # smallest and largest value that was not missing; None: there was none, or an older model
    high: float | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about a model that a machine has to know."""

    format: int = FORMAT
    model_id: Annotated[str, Meta(max_length=64)] = ""  # name and digest of the rest
    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]  # 40 characters in earlier releases, 31 since
    family: str
    subjects: tuple[str, ...]  # what it scores: payment, transfer, ...
    features: tuple[str, ...]  # in the order of the input's columns
    feature_set: str
    usual: tuple[float, ...]  # per feature its median among legitimate payments: what a reason compares with
    onnx_sha256: str
    parity_sha256: str
    parity_difference: float  # largest, of the trainer's probabilities and those of ONNX
    # Raw probability -> calibrated, both rising; linear in between.
    calibration: tuple[tuple[float, float], ...]
    thresholds: dict[str, float]  # smallest score of an outcome, as chosen when it was trained
    trained: Trained
    metrics: dict[str, float]
    libraries: dict[str, str]
    spreads: dict[str, Spread] = msgspec.field(default_factory=dict)  # by feature, and of the score


class Parity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows of the model's input and the trainer's raw probabilities for them."""

    rows: tuple[tuple[float, ...], ...]
    probabilities: tuple[float, ...]


class Artifact(NamedTuple):
    """A folder that was read and checked: whatever is wrong with it later is the model's behaviour, not its file."""

    manifest: Manifest
    onnx: bytes
    parity: Parity


def folder_of(name: Path, home: Path | None = None) -> Path:
    """The folder that is meant: a path as it is, and a bare id below `home` or among the shipped models."""
    if len(name.parts) == 1 and not name.exists():
        found = folder_of_id(name.name, home)
        return found if found.is_dir() else name
    return name


def folder_of_id(model_id: str, home: Path | None = None) -> Path:
    """Where this model is or belongs: below `home`, else among the shipped ones; never where a worker was started."""
    places = [parent / model_id for parent in (home, SHIPPED) if parent is not None]
    return next((place for place in places if place.is_dir()), places[0])


def sealed(manifest: Manifest) -> Manifest:
    """The manifest with the id that its content gives it."""
    return _sealed(manifest, _DIGEST_BYTES)


def _sealed(manifest: Manifest, size: int) -> Manifest:
    content = msgspec.json.encode(msgspec.structs.replace(manifest, model_id=""), order="sorted")
    digest = hashlib.blake2b(content, digest_size=size).hexdigest()
    return msgspec.structs.replace(manifest, model_id=f"{manifest.name}-{digest}")


def write_artifact(folder: Path, manifest: Manifest, onnx: bytes, parity: Parity, card: str) -> Path:
    """Writes the model below `folder`, under its id; returns where. Checksums and id are filled in here."""
    parity_json = msgspec.json.encode(parity)
    manifest = sealed(
        msgspec.structs.replace(
            manifest,
            onnx_sha256=hashlib.sha256(onnx).hexdigest(),
            parity_sha256=hashlib.sha256(parity_json).hexdigest(),
        )
    )
    home = folder / manifest.model_id
    home.mkdir(parents=True, exist_ok=True)
    (home / MODEL_FILE).write_bytes(onnx)
    (home / PARITY_FILE).write_bytes(parity_json)
    (home / MANIFEST_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    (home / CARD_FILE).write_text(card.replace("{model_id}", manifest.model_id), encoding="utf-8")
    return home


def read_artifact(folder: Path) -> Artifact:
    """The model in `folder`. Raises ModelError with one sentence and the reason that the metric shows."""
    raw = _read(folder, MANIFEST_FILE)
    try:
        manifest = msgspec.json.decode(raw, type=Manifest)
    except msgspec.DecodeError as error:
        raise _corrupt(folder, f"{MANIFEST_FILE} is not a manifest of format {FORMAT} ({error})") from None
    if manifest.format != FORMAT:
        raise _corrupt(folder, f"{MANIFEST_FILE} has format {manifest.format} and this release reads {FORMAT}")
    if manifest not in (sealed(manifest), _sealed(manifest, _EARLIER_DIGEST_BYTES)):
        raise _corrupt(folder, f"{MANIFEST_FILE} was changed after {manifest.model_id} was made")
    if manifest.model_id != Path(os.path.abspath(folder)).name:
        raise _corrupt(folder, f"it holds another model, {manifest.model_id}, than its name says")
    onnx, parity_json = _read(folder, MODEL_FILE), _read(folder, PARITY_FILE)
    for name, content, wanted in (
        (MODEL_FILE, onnx, manifest.onnx_sha256),
        (PARITY_FILE, parity_json, manifest.parity_sha256),
    ):
        if hashlib.sha256(content).hexdigest() != wanted:
            raise _corrupt(folder, f"{name} does not have the checksum of the manifest")
    if (problem := network_problem(onnx)) is not None:
        raise _corrupt(folder, f"{MODEL_FILE} is none that this release trains: {problem}")
    try:
        parity = msgspec.json.decode(parity_json, type=Parity)
    except msgspec.DecodeError as error:
        raise _corrupt(folder, f"{PARITY_FILE} cannot be read ({error})") from None
    _check_features(folder, manifest)
    _check_numbers(folder, manifest, parity)
    return Artifact(manifest, onnx, parity)


def _check_features(folder: Path, manifest: Manifest) -> None:
    train = "train the model again with this release, or name one that was"
    if len(manifest.features) < 2:
        raise _corrupt(folder, "it reads fewer than two features, and nothing is decided by one")
    try:
        feature_set = feature_set_of(manifest.features)
    except KeyError as error:
        raise ModelError("wrong_features", folder, f"it reads a feature {error} that is not computed", train) from None
    if feature_set != manifest.feature_set:
        problem = f"its features have other meanings or another order (set {manifest.feature_set}, here {feature_set})"
        raise ModelError("wrong_features", folder, problem, train)
    if len(manifest.usual) != len(manifest.features):
        raise _corrupt(folder, f"{len(manifest.features)} features, but usual values of {len(manifest.usual)}")


def _check_numbers(folder: Path, manifest: Manifest, parity: Parity) -> None:
    raw, calibrated = [knot[0] for knot in manifest.calibration], [knot[1] for knot in manifest.calibration]
    if raw != sorted(set(raw)) or calibrated != sorted(calibrated):
        raise _corrupt(folder, "its calibration does not rise, so a more suspicious payment could get a lower score")
    if not all(0.0 <= value <= 1.0 for value in (*raw, *calibrated)):
        raise _corrupt(folder, "its calibration leads out of 0 to 1, where no probability is")
    if not parity.rows or len(parity.rows) != len(parity.probabilities):
        problem = (
            f"{PARITY_FILE} has {len(parity.rows)} rows and {len(parity.probabilities)} probabilities of a trainer"
        )
        raise _corrupt(folder, problem)


def _read(folder: Path, name: str) -> bytes:
    path = folder / name
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # reading a pipe or a device might never end
            raise _corrupt(folder, f"{name} is not a file")
        if found.st_size > LARGEST_BYTES:
            raise _corrupt(folder, f"{name} is larger than {LARGEST_BYTES >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        problem = f"{name} cannot be read ({error.strerror or error})"
        raise ModelError("missing", folder, problem, "name the folder of a model (docs/models.md)") from None


def _corrupt(folder: Path, problem: str) -> ModelError:
    return ModelError("corrupt", folder, problem, "restore the folder from where it was approved")
