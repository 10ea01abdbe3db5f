"""Does `paywarden contracts` say when code, files and the last release disagree, and put files right?"""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from streams.cli.contracts import contracts
from streams.contracts.schema_writer import render


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(contracts, arguments)
    return result.exit_code, result.output


def options(folder: Path) -> tuple[str, ...]:
    return ("--folder", str(folder), "--docs", str(folder / "docs" / "contracts.md"))


def test_the_checkout_is_up_to_date() -> None:
    assert run("check") == (0, "contracts agree with the code and with the last release\n")


def test_what_was_written_passes_the_check(tmp_path: Path) -> None:
    code, told = run("write", *options(tmp_path), "--release")
    assert code == 0
    assert "released/wrote payment.failed.v1.json" in told
    assert run("check", *options(tmp_path))[0] == 0
    assert run("write", *options(tmp_path)) == (0, "nothing changed\n")


def test_a_missing_file_and_a_stale_page_are_drift(tmp_path: Path) -> None:
    run("write", *options(tmp_path))
    (tmp_path / "payment.failed.v1.json").unlink()
    (tmp_path / "docs" / "contracts.md").write_text("old", encoding="utf-8")
    code, told = run("check", *options(tmp_path), "--json")
    assert code == 1
    assert json.loads(told) == {
        "drift": ["payment.failed.v1.json: missing", "contracts.md: out of date"],
        "breaking": [],
    }


def test_a_field_that_the_last_release_had_is_missed(tmp_path: Path) -> None:
    run("write", *options(tmp_path), "--release")
    schema = json.loads(render()["payment.failed.v1.json"])
    schema["properties"]["colour"] = {"type": "string", "default": ""}
    (tmp_path / "released" / "payment.failed.v1.json").write_text(json.dumps(schema), encoding="utf-8")
    code, told = run("check", *options(tmp_path))
    assert code == 1
    assert "breaking: payment.failed.v1.colour: the field was removed" in told
