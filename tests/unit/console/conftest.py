"""The console over a store with some cases, for every test that asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.services import Service, filled


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with filled(tmp_path) as service:
        yield service
