"""Is a scenario that cannot be played, or a file that cannot be written, refused in one sentence?"""

from __future__ import annotations

from pathlib import Path

from support.command import Ended, paywarden


def play(out: Path, *more: str) -> Ended:
    return paywarden("simulate", "repeat_failures", "--out", str(out), *more)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = play(tmp_path / "file" / "out.jsonl", "--set", "customers=3", "--set", "days=1")
    assert result.exit_code == 64
    assert "out.jsonl cannot be written: there is no folder" in result.stderr


def test_what_cannot_be_played_leaves_the_file_that_is_there(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("precious")
    assert play(out, "--format", "fdh").exit_code == 64
    assert play(out, "--set", "nothing=3").exit_code == 64
    assert out.read_text() == "precious"


def test_a_value_out_of_range_is_refused_with_the_range(tmp_path: Path) -> None:
    result = play(tmp_path / "out.jsonl", "--set", "attempts=-1")
    assert result.exit_code == 64
    assert result.stderr == "paywarden: repeat_failures: attempts must be between 0 and 1,000,000, not -1.\n"
