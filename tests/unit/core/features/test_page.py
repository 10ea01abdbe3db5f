"""Does docs/features.md say what the catalogue says, and is the catalogue complete?"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import msgspec

from streams.core.features import FEATURE_NAMES, FEATURES, MISSING
from streams.core.features.page import render_features

PAGE = Path(__file__).parents[4] / "docs" / "features.md"


def test_the_page_is_what_the_code_says(pytestconfig):
    page = render_features()
    if pytestconfig.getoption("--update-generated"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page, "run `make docs`"


def test_every_feature_is_a_documented_row_of_one_contiguous_family():
    assert tuple(spec.name for spec in FEATURES) == FEATURE_NAMES
    assert all(spec.meaning and spec.unit for spec in FEATURES)
    assert {spec.missing for spec in FEATURES} == {None, MISSING}
    families = [family for family, _ in groupby(FEATURES, lambda spec: spec.family)]
    assert len(families) == len(set(families))


def test_many_features_are_documented_with_their_missing_value():
    """Sixty are asked for; the page names the value, or says that there always is one."""
    page = render_features()
    missing = [spec for spec in FEATURES if spec.missing is not None]
    assert len(missing) >= 60
    assert all(f"| `{spec.name}` | {spec.unit} | {spec.meaning} | -1 |" in page for spec in missing)
    assert page.count("| never |") == len(FEATURES) - len(missing)


def test_units_are_a_closed_set():
    assert {spec.unit for spec in FEATURES} <= {
        *("code", "flag", "home currency", "events", "days", "hours", "seconds", "share", "ratio", "deviations"),
        *(
            "merchants",
            "payees",
            "payers",
            "cards",
            "devices",
            "addresses",
            "countries",
            "km",
            "km/h",
            "level",
            "score",
        ),
    }


def test_the_page_shows_every_feature():
    page = render_features()
    assert all(f"| `{spec.name}` | {spec.unit} | {spec.meaning} |" in page for spec in FEATURES)
    assert msgspec.json.encode(page)
