"""Are the files that code generates what the code says today? `pytest --update-generated` (make docs) rewrites them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.flows_page import flows_page

from dashboards import build as dashboards
from streams.adapters.case_store.store import CaseStore
from streams.adapters.clock import SystemClock
from streams.adapters.policy_file import load_policy
from streams.console.api.document import rendered
from streams.console.api.service import build_api
from streams.console.references import References
from streams.contracts.accounts import CaseAction, EntityBlock
from streams.contracts.contract_docs import render_docs
from streams.core.entities.page import entities_page
from streams.core.features.page import render_features
from streams.core.incidents.page import incidents_page
from streams.core.locks.page import locks_page
from streams.core.rules.page import rules_page
from streams.settings import render_configuration

ROOT = Path(__file__).parents[2]


def openapi() -> str:
    """The document of the interface for other services; it asks neither a store nor a broker."""
    store = CaseStore("sqlite://")

    async def nowhere(_: CaseAction | EntityBlock, at_ms: int) -> None:
        raise AssertionError(at_ms)

    return rendered(build_api(store, nowhere, SystemClock(), lambda: References(b"")))


GENERATED: dict[str, Callable[[], str]] = {
    "docs/configuration.md": render_configuration,
    "docs/contracts.md": render_docs,
    "docs/entities.md": lambda: entities_page(load_policy()),
    "docs/features.md": render_features,
    "docs/flows.md": flows_page,
    "docs/incidents.md": lambda: incidents_page(load_policy()),
    "docs/openapi.json": openapi,
    "docs/locks.md": locks_page,
    "docs/rules.md": lambda: rules_page(load_policy()),
    **dashboards.FILES,
}


@pytest.mark.parametrize("name", GENERATED)
def test_file_is_current(name: str, request: pytest.FixtureRequest) -> None:
    path, wanted = ROOT / name, GENERATED[name]()
    if request.config.getoption("--update-generated"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted, encoding="utf-8")
    assert path.exists(), f"{name} is missing: make docs"
    assert path.read_text(encoding="utf-8") == wanted, f"{name} is not what the code says: make docs"


@pytest.mark.parametrize("name", GENERATED)
def test_generating_twice_gives_the_same(name: str) -> None:
    assert GENERATED[name]() == GENERATED[name]()
