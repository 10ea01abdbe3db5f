"""The text model's two files: small, checked, and the same probabilities everywhere."""

from __future__ import annotations

from importlib.resources import files

import msgspec
import pytest

from streams.core.intake.grams import READ_MAX, places_of
from streams.core.intake.text_model import MANIFEST, WEIGHTS, TextModelError, packaged_text_model, parse_text_model

HOME = files("streams.core.intake").joinpath("model")
RAW, BYTES = HOME.joinpath(MANIFEST).read_bytes(), HOME.joinpath(WEIGHTS).read_bytes()


def changed(**fields: object) -> bytes:
    return msgspec.json.encode({**msgspec.json.decode(RAW), **fields})


def test_the_model_is_small() -> None:
    assert len(RAW) + len(BYTES) <= 2 * 1024 * 1024


def test_probabilities_are_whole_and_sorted() -> None:
    told = packaged_text_model().guess("where is my refund?")
    assert list(told) == sorted(told, key=lambda flow: (-told[flow], flow))
    assert abs(sum(told.values()) - 1) < 1e-4
    assert told == packaged_text_model().guess("where is my refund?")
    assert next(iter(told)) == "F15"


def test_a_text_without_letters_says_nothing_and_a_long_one_is_read_to_a_bound() -> None:
    assert packaged_text_model().guess("?! …") == {}
    assert places_of("x" * READ_MAX + "refund") == places_of("x" * READ_MAX)


@pytest.mark.parametrize(
    ("manifest", "weights", "sentence"),
    [
        (b"{", BYTES, "not readable"),
        (changed(grams=99), BYTES, "made for other features"),
        (changed(scales=[1.0]), BYTES, "do not match"),
        (RAW, BYTES[:-1], "instead of"),
        (RAW, bytes(len(BYTES)), "SHA-256"),
    ],
)
def test_files_that_do_not_fit_are_refused_with_a_sentence(manifest: bytes, weights: bytes, sentence: str) -> None:
    with pytest.raises(TextModelError, match=sentence):
        parse_text_model(manifest, weights)
