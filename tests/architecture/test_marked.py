"""Does make run every test that waits for a server, a browser or time? It names their files, for speed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mark", ["connected", "browser", "stress"])
def test_make_names_the_files_of_every_test_with_the_mark(mark: str) -> None:
    (command,) = re.findall(rf"pytest ((?:tests/\S+\s+(?:\\\s+)?)+)-m {mark} ", (ROOT / "Makefile").read_text())
    named = [ROOT / path for path in ("tests/support", *command.replace("\\", "").split())]
    marked = [page for page in (ROOT / "tests").rglob("*.py") if f"mark.{mark}" in page.read_text()]
    assert marked
    assert [page for page in marked if not any(page.is_relative_to(path) for path in named)] == []
