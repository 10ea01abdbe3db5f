"""Does a backtest of a login log flag what the worker would have stopped?"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from click.testing import CliRunner

from producers.errors import BadInput
from streams.cli.backtest import backtest

SPRAY = [f"2018-11-01 10:00:{second:02d},203.0.113.9,name{second},False,error_wrong_username" for second in range(30)]
HONEST = ["2018-11-01 10:00:31,198.51.100.7,nobody,False,error_wrong_username"]


def test_names_that_do_not_exist_are_flagged_at_an_address_that_attacks(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("\n".join(["datetime,source_ip,username,success,failure_reason", *SPRAY, *HONEST]) + "\n")
    out = tmp_path / "out"
    arguments = [str(log), "--format", "logins", "--barrier", "1s", "--partitions", "2", "--out", str(out), "--json"]
    result = CliRunner().invoke(backtest, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    with (out / "flags.csv").open(newline="") as lines:
        flags = list(csv.DictReader(lines))
    assert {flag["source_ip"] for flag in flags} == {"203.0.113.9"}
    assert len(flags) >= 25
    assert (out / "decisions.jsonl").read_bytes() == b"", "a stranger gets signals, never a decision"


HEADER = "datetime,source_ip,username,success,failure_reason"


def run(log: Path, out: Path, *more: str) -> int:
    arguments = [str(log), "--format", "logins", "--out", str(out), "--json", *more]
    return CliRunner().invoke(backtest, arguments, catch_exceptions=False).exit_code


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.csv"
    path.write_text("\n".join([HEADER, *HONEST]) + "\n")
    return path


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Good at first: the folder is made before the fault is found."""
    path = tmp_path / "broken.csv"
    path.write_text("\n".join([HEADER, *SPRAY, "and then this"]) + "\n")
    return path


class TestAFailureLeavesAFolderThatCanBeUsed:
    def test_folders_that_it_made_are_gone(self, good: Path, broken: Path, tmp_path: Path) -> None:
        out = tmp_path / "new" / "out"
        with pytest.raises(BadInput, match="line 32"):
            run(broken, out)
        assert not out.parent.exists()
        assert run(good, out) == 0

    def test_a_folder_that_was_there_is_empty_again(self, good: Path, broken: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        out.mkdir()
        with pytest.raises(BadInput):
            run(broken, out)
        assert list(out.iterdir()) == []
        assert run(good, out) == 0

    def test_input_without_a_first_record_leaves_earlier_results(self, good: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        assert run(good, out) == 0
        before = (out / "summary.json").read_bytes()
        with pytest.raises(BadInput, match="No record of"):
            run(good, out, "--start", "2030-01-01")
        assert (out / "summary.json").read_bytes() == before


@pytest.mark.parametrize("inside", ["", "out"])
def test_a_folder_that_cannot_be_made_is_named(inside: str, good: Path, tmp_path: Path) -> None:
    parent = tmp_path / "file"
    parent.touch()
    if inside:
        with pytest.raises(BadInput, match="cannot be written: Not a directory"):
            run(good, parent / inside)
    else:
        assert run(good, parent) == 2  # click's own sentence
