"""Does a command that writes a file at its end say at once that it cannot, instead of after all its work?"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streams.cli.main import main

# What each would otherwise need minutes, a broker, another person or an extra package for. `{}` is the place.
COMMANDS = [
    "demo --seconds 60 --plain --summary {}",
    "bench --events 1000000 --out {}",
    "features nothing.csv.xz --format fdh --out {}",
    "simulate account_takeover --out {}",
    "policy history --bootstrap 127.0.0.1:1 --out {}",
    "erase a1 --actor mei --role supervisor --second jo --why x --bootstrap 127.0.0.1:1 --out {}",
    "train nothing.csv.xz --format fdh --out {}",
    "retrain nothing.csv.xz --format fdh --champion x --models {}",
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.split(" -")[0])
def test_it_ends_at_once_with_one_sentence(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / "x.jsonl"  # what is no folder has no files in it, for root neither
    with pytest.raises(SystemExit) as ended:
        main(command.format(place).split())
    told = capsys.readouterr()
    assert ended.value.code == 64, told
    assert told.err.count("\n") == 1
    assert f"{place} cannot be written: " in told.err
    assert not told.out


@pytest.mark.parametrize("command", COMMANDS[:-2], ids=lambda command: command.split(" -")[0])
def test_a_folder_that_is_missing_is_named(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(command.format(tmp_path / "nowhere" / "x.jsonl").split())
    assert ended.value.code == 64
    assert f"there is no folder {tmp_path / 'nowhere'}" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(SystemExit):
        main(COMMANDS[0].format(tmp_path / "x.json").split())
    assert "Permission denied" in capsys.readouterr().err
