"""Where do tests run that share a story? In one process, which plays it once."""

from __future__ import annotations

import pytest

from producers.simulate.catalog import scenarios

# Who only looks like an attacker: whole weeks of people whom the detectors must leave alone.
HONEST = frozenset(
    {
        "app_release",
        "carrier_nat",
        "family_device",
        "forgetful",
        "new_phone",
        "password_manager",
        "shared_office",
        "traveller",
    }
)


@pytest.hookimpl(tryfirst=True)  # before xdist looks, and before marks choose
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    names = sorted(scenarios(), key=len, reverse=True)
    for item in items:
        if not isinstance(item, pytest.Function) or item.path.name != "test_scenarios.py":
            continue
        asked = item.callspec.params.get("name") if hasattr(item, "callspec") else None
        told = asked or next((name for name in names if item.name.startswith(f"test_{name}")), None)
        if told is not None:
            item.add_marker(pytest.mark.xdist_group(f"scenario-{told}"))
        if told in HONEST:
            item.add_marker(pytest.mark.stress)
