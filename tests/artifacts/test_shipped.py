"""Does the model that comes with the package load, and does it say what it is?"""

from __future__ import annotations

import pytest
from support.features import calm

from models.artifact import CARD_FILE, SHIPPED, folder_of
from models.serving.drift import SCORE
from models.serving.model import load_model
from models.training.selection import FEATURES_READ
from streams.core.features import feature_set_of

(FOLDER,) = (each for each in SHIPPED.iterdir() if each.is_dir())
MODEL = load_model(FOLDER)  # checksums, the set of features and parity with its trainer are checked here


def test_it_is_small_and_found_by_its_name() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) <= 5 * 2**20
    assert folder_of(FOLDER.relative_to(SHIPPED)) == FOLDER
    assert MODEL.manifest.model_id == FOLDER.name


def test_it_reads_what_training_would_read_now() -> None:
    assert MODEL.manifest.features == FEATURES_READ
    assert MODEL.manifest.feature_set == feature_set_of(FEATURES_READ)
    assert set(MODEL.manifest.spreads) == {*FEATURES_READ, SCORE}


def test_its_card_says_from_what_it_was_made_and_what_it_cannot_do() -> None:
    card = (FOLDER / CARD_FILE).read_text(encoding="utf-8")
    for words in (FOLDER.name, MODEL.manifest.trained.data, "Cannot know", "[model.payment]", "measure it on your own"):
        assert words in card
    assert MODEL.manifest.trained.data == "population.npz", "never data without a licence"


@pytest.mark.parametrize(
    "alarming",
    [
        {"amount": 600.0, "amount_to_median": 6.0, "amount_to_usual": 6.0, "amount_deviations": 12.0, "amount_z": 4.0},
        {"place_rate_7d": 0.6, "place_fraud_run": 5.0, "place_clean_after": 0.0, "place_plain_run": 5.0},
    ],
    ids=["six times the usual amount", "a terminal with one fraud after another"],
)
def test_it_tells_the_alarming_from_the_ordinary(alarming: dict[str, float]) -> None:
    ordinary, strange = MODEL.score([MODEL.row(calm()), MODEL.row(calm(**alarming))])
    assert ordinary < strange
