"""Does every detector say what it asks, when it fires, what it is blind to and what it costs?"""

from __future__ import annotations

import inspect

import pytest

from streams.adapters.policy_file import load_policy
from streams.core.entities.page import DETECTORS, Detector, entities_page
from streams.core.incidents.page import incidents_page


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.slug)
def test_every_detector_is_documented(detector: Detector):
    text = inspect.getdoc(detector.observe) or ""
    for line in ("Asks: ", "Fires when: ", "Blind to: ", "Costs: "):
        assert text.count(f"\n{line}") == 1
    assert (inspect.getdoc(inspect.getmodule(detector.observe)) or "").splitlines()[0].endswith("?")


def test_every_table_of_the_policy_is_on_the_page():
    policy = load_policy()
    pages = entities_page(policy) + incidents_page(policy)
    for name in policy.entities.__struct_fields__:
        if not name.startswith("forget"):
            assert f"[entities.{name}]" in pages
