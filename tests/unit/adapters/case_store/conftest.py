"""Every test of the store runs on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.stores import postgres

from streams.adapters.case_store.store import CaseStore


@pytest.fixture(scope="session")
def sqlite_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('database')}/cases.db"


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[CaseStore]:
    """An empty store."""
    store = CaseStore(request.getfixturevalue(f"{request.param}_url"))
    store.migrate()
    store.clear()
    yield store
    store.close()
