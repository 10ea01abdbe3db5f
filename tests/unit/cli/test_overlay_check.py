"""Does `paywarden doctor` say in one sentence what is wrong in an overlay folder? No broker is needed for that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from streams.cli.doctor import doctor

FRENCH = 'instant = "{day} {month} {time}"\nmonths = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"]\n'


def checked(folder: Path) -> dict[str, Any]:
    environment = {"PAYWARDEN_OVERLAY": str(folder)}
    result = CliRunner().invoke(doctor, ["--bootstrap", "127.0.0.1:1", "--json"], env=environment)
    checks = msgspec.json.decode(result.stdout)["checks"]
    return next(check for check in checks if check["name"] == "tables")


def test_a_good_folder_is_counted(tmp_path: Path) -> None:
    (tmp_path / "locales").mkdir()
    (tmp_path / "locales/fr.toml").write_text(FRENCH + '[template]\nunlocked = "Fait."\n', encoding="utf-8")
    (tmp_path / "codes.csv").write_text("source,code,cause,meaning\nacme,E1,insufficient_funds,none\n", "utf-8")
    found = checked(tmp_path)
    assert found["status"] == "good"
    assert "782 codes" in found["says"]
    assert "fr: 1 of " in found["says"]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("codes.csv", b"source,code,cause,meaning\nacme,E1,nothing,x\n", "nothing"),
        ("causes.csv", b"cause\nx\n", "causes.csv"),
        ("tariffs.csv", b"tariff\nx\n", "tariffs.csv"),
        ("profiles/acme.toml", b"kind = 1\n", "profiles/acme.toml"),
        ("templates.toml", b"[template.x]\n", "templates.toml"),
        ("locales/fr.toml", b"instant = 1\n", "locales/fr.toml"),
        ("locales/fr.toml", b"\xff\xfe", "make it a readable UTF-8 file"),
        ("other.txt", b"", "there is no such file in an overlay"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_file(tmp_path: Path, name: str, content: bytes, complaint: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    found = checked(tmp_path)
    assert found["status"] == "bad"
    assert str(tmp_path) in found["says"]
    assert complaint in found["says"]
    assert found["next_step"] == "runbook: TableError"


def test_a_table_of_a_spreadsheet_may_begin_with_a_mark(tmp_path: Path) -> None:
    (tmp_path / "codes.csv").write_bytes(b"\xef\xbb\xbfsource,code,cause,meaning\r\nacme,E1,insufficient_funds,x\r\n")
    assert "782 codes" in checked(tmp_path)["says"]


def test_a_folder_in_the_place_of_a_file_is_no_empty_table(tmp_path: Path) -> None:
    (tmp_path / "codes.csv").mkdir()
    assert "this is a folder, and should be a file" in checked(tmp_path)["says"]


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    assert "this is not a folder" in checked(tmp_path / "nowhere")["says"]


@pytest.mark.parametrize(
    ("row", "doubt"),
    [
        ("iso8583_1987,5", "line 3: iso8583_1987 5 is no packaged code, and 05 is"),
        (
            "alipya,ACQ.SYSTEM_ERROR",
            "line 3: alipya ACQ.SYSTEM_ERROR is of a source that nothing else names: is alipay",
        ),
        ("iso8583_1987,05", ""),
        ("our_own_bank,5", ""),
    ],
)
def test_a_row_that_will_hardly_match_is_a_warning_with_its_line(tmp_path: Path, row: str, doubt: str) -> None:
    rows = f"source,code,cause,meaning\nacme,E1,insufficient_funds,x\n{row},insufficient_funds,x\n"
    (tmp_path / "codes.csv").write_text(rows, encoding="utf-8")
    found = checked(tmp_path)
    assert (found["status"], doubt in found["says"]) == ("warn" if doubt else "good", True)
