"""How does a test run `paywarden backtest` over a few payments of its own?"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from click.testing import CliRunner

from producers.sources import fdh
from streams.cli.backtest import backtest


def payments_file(folder: Path, lines: Iterable[str]) -> Path:
    """Lines in the handbook's format, with its header."""
    path = folder / "payments.csv"
    path.write_text("\n".join((",".join(fdh.COLUMNS), *lines)) + "\n")
    return path


def run(payments: Path, out: Path, *more: str) -> dict[str, object]:
    """The summary of a backtest that must succeed."""
    arguments = [str(payments), "--format", "fdh", "--partitions", "2", "--out", str(out), "--json", *more]
    result = CliRunner().invoke(backtest, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    summary: dict[str, object] = json.loads(result.stdout)
    return summary
