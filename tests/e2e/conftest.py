"""Where do tests run that share a story? In one process, which plays it once."""

from __future__ import annotations

import pytest


@pytest.hookimpl(tryfirst=True)  # before xdist looks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and item.path.name == "test_scenarios.py" and hasattr(item, "callspec"):
            name = item.callspec.params.get("name")
            if name is not None:
                item.add_marker(pytest.mark.xdist_group(f"scenario-{name}"))
