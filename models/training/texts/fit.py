"""How do written messages become the text model's two files, and how good is it on messages that it has not seen?"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec
import numpy as np
import sklearn
from scipy.sparse import csr_matrix
from sklearn.metrics import f1_score
from sklearn.svm import LinearSVC

from models.training.texts.writing import LANGUAGES, Written, colloquial, handwritten, written
from streams.core.intake.grams import GRAMS, PLACES, places_of, words_of
from streams.core.intake.reading import read
from streams.core.intake.text_model import FORMAT, MANIFEST, WEIGHTS, TextManifest, TextModel, parse_text_model
from streams.core.intake.topics import TOPICS
from streams.core.policy import IntakePolicy

PENALTY = 1.0  # chosen of 0.1 and 1 by cross-validation over whole patterns
COPIES = 3  # of a colloquial message: one of its kind stands against several of a pattern
FOLDS = 4
COMMON_FROM = 6  # flows whose messages use a word: from here on it tells no subject from another
_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)  # only details depend on it, and they are not measured here
TEMPERATURES = np.geomspace(0.05, 2.0, 60)


def make(folder: Path, policy: IntakePolicy, seed: int, told: Callable[[str], object]) -> TextModel:
    """Trains, measures and writes `manifest.json` and `weights.bin` into `folder`; returns the model as it reads back.

    `policy` draws the lines that the measured readings keep to. Margins become probabilities by a temperature that is
    chosen on folds of the training patterns. Nothing in here looks at held-out patterns or handwritten messages before
    it measures them; what people chose with those figures in sight is told in docs/intake.md.
    """
    made = written(seed)
    held_out = [each for each in made if each.part == "held_out"]
    train = [each for each in made if each.part == "train"] + colloquial() * COPIES
    flows = tuple(sorted({each.flow for each in train}))
    told(f"{len(train)} messages of {len(flows)} flows to learn from")
    rows, wanted = _matrix(train), np.array([flows.index(each.flow) for each in train])
    temperature = _temperature(rows, wanted, np.array([crc32(each.pattern.encode()) % FOLDS for each in train]))
    classifier = _fitted(rows, wanted)
    coefficients = classifier.coef_.T / temperature  # places x flows
    scales = np.abs(coefficients).max(axis=0) / 127
    weights = np.round(coefficients / scales).astype(np.int8).tobytes()
    manifest = TextManifest(
        format=FORMAT,
        grams=GRAMS,
        places=PLACES,
        flows=flows,
        scales=tuple(float(f"{scale:.9g}") for scale in scales),
        biases=tuple(float(f"{bias:.9g}") for bias in classifier.intercept_ / temperature),
        **_vocabulary(train),
        sha256=hashlib.sha256(weights).hexdigest(),
        trained={
            "seed": seed,
            "messages": len(train),
            "messages_sha256": hashlib.sha256("\n".join(each.text for each in train).encode()).hexdigest(),
            "temperature": round(float(temperature), 6),
            "scikit-learn": sklearn.__version__,
        },
        scores={},
    )
    model = parse_text_model(msgspec.json.encode(manifest), weights)
    scores = {
        f"{name}.{language}.{what}": value
        for name, texts in (("held_out", held_out), ("handwritten", handwritten()))
        for language in LANGUAGES
        for what, value in measured(model, [each for each in texts if each.language == language], policy).items()
    }
    for name, value in scores.items():
        told(f"{name} {value:.3f}")
    raw = msgspec.json.format(msgspec.json.encode(msgspec.structs.replace(manifest, scores=scores)))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).write_bytes(raw + b"\n")
    (folder / WEIGHTS).write_bytes(weights)
    return parse_text_model(raw, weights)


def measured(model: TextModel, texts: Sequence[Written], policy: IntakePolicy) -> dict[str, float]:
    """Share right and macro-F1 of flow and queue.

    First of the model's best guess for every text, whatever it is worth. Then, `read_..`, of the whole reading, rules
    and the policy's line included: over those texts that were not sent to a person, whose share is `person`.
    """
    guessed = [next(iter(model.guess(each.text)), "") for each in texts]
    wanted = [each.flow for each in texts]
    readings = [read(each.text, _NOON, policy, model=model) for each in texts]
    kept = [
        (each.flow, reading.topic.flow) for each, reading in zip(texts, readings, strict=True) if reading.understood
    ]
    return {
        "messages": float(len(texts)),
        **_scored(wanted, guessed, ""),
        "person": round(1 - len(kept) / max(1, len(texts)), 4),
        **_scored([flow for flow, _ in kept], [flow for _, flow in kept], "read_"),
    }


def _scored(wanted: Sequence[str], told: Sequence[str], begins: str) -> dict[str, float]:
    queues, answers = [_queue(flow) for flow in wanted], [_queue(flow) for flow in told]
    return {
        f"{begins}flow": _right(wanted, told),
        f"{begins}flow_macro_f1": _macro_f1(wanted, told),
        f"{begins}queue": _right(queues, answers),
        f"{begins}queue_macro_f1": _macro_f1(queues, answers),
    }


def _queue(flow: str) -> str:
    return TOPICS[flow].queue if flow in TOPICS else ""


def _right(wanted: Sequence[str], told: Sequence[str]) -> float:
    return round(sum(one == other for one, other in zip(wanted, told, strict=True)) / max(1, len(wanted)), 4)


def _macro_f1(wanted: Sequence[str], told: Sequence[str]) -> float:
    return round(float(f1_score(wanted, told, labels=sorted(set(wanted)), average="macro", zero_division=0)), 4)


def _fitted(rows: Any, wanted: np.ndarray) -> Any:
    return LinearSVC(C=PENALTY, random_state=0).fit(rows, wanted)


def _vocabulary(texts: Sequence[Written]) -> dict[str, Any]:
    """What messages about a flow with a general answer are made of, and what those about many flows are."""
    used: defaultdict[str, set[str]] = defaultdict(set)  # flows by word
    for each in texts:
        for word in words_of(each.text):
            used[word].add(each.flow)
    common = {word for word, flows in used.items() if len(flows) >= COMMON_FROM}
    own = {
        flow: " ".join(sorted(word for word, flows in used.items() if flow in flows and word not in common))
        for flow, topic in TOPICS.items()
        if topic.answer
    }
    return {"common": " ".join(sorted(common)), "own": own}


def _matrix(texts: Sequence[Written]) -> Any:
    found = [sorted(places_of(each.text)) for each in texts]
    starts = np.cumsum([0, *map(len, found)])
    values = np.concatenate([np.full(len(places), len(places) ** -0.5) for places in found])
    return csr_matrix((values, np.concatenate(found), starts), shape=(len(texts), PLACES))


def _temperature(rows: Any, wanted: np.ndarray, folds: np.ndarray) -> float:
    """The one with which margins say most truly how often they are right, on patterns left out of each fit."""
    margins = np.zeros((rows.shape[0], wanted.max() + 1))
    for fold in range(FOLDS):
        margins[folds == fold] = _fitted(rows[folds != fold], wanted[folds != fold]).decision_function(
            rows[folds == fold]
        )
    losses = []
    for temperature in TEMPERATURES:
        scaled = margins / temperature
        scaled -= scaled.max(axis=1, keepdims=True)
        logs = scaled[np.arange(len(wanted)), wanted] - np.log(np.exp(scaled).sum(axis=1))
        losses.append(-logs.mean())
    return float(TEMPERATURES[int(np.argmin(losses))])
