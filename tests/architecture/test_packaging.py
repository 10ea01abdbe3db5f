"""Does the guard see a stranger that installs a package under one of our names?"""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.adapters.packaging import PACKAGES, collisions

HERE = Path("/srv/paywarden")
OURS = {name: HERE / name for name in PACKAGES}


def test_this_environment_is_ours_alone() -> None:
    assert collisions() == []


def test_our_own_distribution_may_claim_the_names() -> None:
    assert collisions(OURS, {name: ["PayWarden"] for name in PACKAGES}) == []


def test_a_stranger_is_named() -> None:
    (problem,) = collisions(OURS, {"models": ["paywarden", "tf-model-zoo"], "unrelated": ["other"]})
    assert "tf-model-zoo" in problem
    assert "'models'" in problem


def test_packages_from_different_folders_are_refused() -> None:
    (problem,) = collisions({**OURS, "producers": Path("/elsewhere/producers")}, {})
    assert "/elsewhere/producers" in problem


@pytest.mark.parametrize("name", PACKAGES)
def test_a_missing_package_is_named(name: str) -> None:
    (problem,) = collisions({**OURS, name: None}, {})
    assert name in problem
