"""How probable is each flow, given the text?

A linear softmax over hashed n-grams (`streams.core.intake.grams`): one small integer per place and flow, so that the
sum is exact and every machine gives the same probabilities. Two files make a model: `manifest.json` says what it is,
`weights.bin` holds PLACES x flows signed bytes, place by place. Reading foreign files is the edge's; here bytes become
a checked value.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection
from functools import cache
from importlib.resources import files
from operator import add
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from streams.core.intake.grams import GRAMS, PLACES, places_of, words_of

MANIFEST, WEIGHTS = "manifest.json", "weights.bin"
FORMAT: Final = 2
_FLOWS_MAX = 64
_Finite = Annotated[float, Meta(ge=-1e6, le=1e6)]


class TextModelError(Exception):
    """The text model's files are not what its manifest says.

    Operator action: take both files from one run of `paywarden train-text`, or leave the packaged ones in place.
    """


class TextManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a text model is: how it was made, what it may answer, and how good it was on texts it had not seen."""

    format: int
    grams: int
    places: int
    flows: Annotated[tuple[str, ...], Meta(min_length=2, max_length=_FLOWS_MAX)]
    scales: tuple[_Finite, ...]  # of a flow's bytes
    biases: tuple[_Finite, ...]
    common: str  # words and Chinese characters that messages about many flows use, with blanks between them
    own: dict[str, str]  # those of each flow that has a general answer
    sha256: str  # of weights.bin
    trained: dict[str, int | float | str]  # seed, texts, digest of the texts, versions
    scores: dict[str, float]  # share right and macro-F1, by set, language and what was asked


class TextModel:
    """A checked model; `guess` is a pure function of the text."""

    def __init__(self, manifest: TextManifest, weights: bytes) -> None:
        self.manifest = manifest
        self._weights = memoryview(weights).cast("b")
        common = frozenset(manifest.common.split(" "))
        self._known = {flow: common.union(words.split(" ")) for flow, words in manifest.own.items()}

    def guess(self, text: str) -> dict[str, float]:
        """Probability by flow, six decimals, the most probable first; equal ones by name. Nothing for no letters."""
        places = places_of(text)
        if not places:
            return {}
        manifest, many = self.manifest, len(self.manifest.flows)
        totals = [0] * many
        for place in places:
            totals = list(map(add, totals, self._weights[place * many : (place + 1) * many]))
        # In the sum of squares of the features every one counts alike, so a long message weighs no more than a short.
        norm = 1.0 / math.sqrt(len(places))
        logits = [
            total * scale * norm + bias
            for total, scale, bias in zip(totals, manifest.scales, manifest.biases, strict=True)
        ]
        top = max(logits)
        powers = [math.exp(logit - top) for logit in logits]
        whole = math.fsum(powers)
        shares = zip(manifest.flows, (round(power / whole, 6) for power in powers), strict=True)
        return dict(sorted(shares, key=lambda each: (-each[1], each[0])))

    @property
    def answered(self) -> Collection[str]:
        """The flows that have a general answer."""
        return self.manifest.own.keys()

    def strange_words(self, text: str, flow: str) -> tuple[str, ...]:
        """The words and Chinese characters that no message about `flow` used when the model learnt; all for others."""
        known = self._known.get(flow, frozenset())
        return tuple(word for word in words_of(text) if word not in known)


def parse_text_model(manifest: bytes, weights: bytes) -> TextModel:
    """Raises TextModelError with one sentence about what does not fit."""
    try:
        read = msgspec.json.decode(manifest, type=TextManifest)
    except msgspec.DecodeError as error:
        raise TextModelError(f"{MANIFEST} of the text model is not readable: {error}; train it again.") from None
    if (read.format, read.grams, read.places) != (FORMAT, GRAMS, PLACES):
        raise TextModelError(
            f"{MANIFEST}: the text model was made for other features (format {read.format}, grams {read.grams}, "
            f"{read.places} places; this version reads {FORMAT}, {GRAMS}, {PLACES}); train it again."
        )
    many = len(read.flows)
    if len(set(read.flows)) != many or (len(read.scales), len(read.biases)) != (many, many):
        raise TextModelError(f"{MANIFEST}: flows, scales and biases of the text model do not match; train it again.")
    if len(weights) != PLACES * many:
        raise TextModelError(f"{WEIGHTS} has {len(weights)} bytes instead of {PLACES * many}; copy it again.")
    if hashlib.sha256(weights).hexdigest() != read.sha256:
        raise TextModelError(f"{WEIGHTS} is not the file that {MANIFEST} was written for (SHA-256); copy both again.")
    return TextModel(read, weights)


@cache
def packaged_text_model() -> TextModel:
    """The model that is shipped; like a table in a module, it is part of the code."""
    home = files(__package__).joinpath("model")
    return parse_text_model(home.joinpath(MANIFEST).read_bytes(), home.joinpath(WEIGHTS).read_bytes())
