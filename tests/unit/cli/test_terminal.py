"""Can an id that a customer chose break a command, or do anything on the terminal of whoever runs it?"""

from __future__ import annotations

import ast
import inspect
import json
import os
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner
from rich.table import Table
from rich.tree import Tree

import streams.cli
from streams.cli import dead_letters, listings
from streams.cli.checkup import Check
from streams.cli.cluster import BadRequest, asking
from streams.cli.decline import decline
from streams.cli.doctor import _print
from streams.cli.explain import explain
from streams.cli.main import main
from streams.cli.terminal import harmless, say, say_json, terminal
from streams.contracts.base import from_ms
from streams.contracts.cases import CaseVersion
from streams.contracts.decisions import DecisionMade
from streams.contracts.registry import encode
from streams.contracts.signals import DeadLetter
from streams.core.cases.review import LOSS
from streams.runtime.options import RuntimeOptions
from streams.runtime.refeed import Letter
from streams.settings import Settings

HOSTILE = "[/red]x\x1b]0;own\x07"
NOW = from_ms(1_767_571_200_000)
WIDE = {"COLUMNS": "400"}


def is_shown_and_tame(told: str) -> None:
    assert "[/red]x" in told
    assert told == harmless(told)


def test_markup_is_never_read_and_nothing_reaches_the_terminal_that_steers_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console = terminal()
    table = Table(HOSTILE, title=HOSTILE, caption=HOSTILE)
    table.add_row(HOSTILE)
    tree = Tree(HOSTILE)
    tree.add(HOSTILE)
    for renderable in (HOSTILE, table, tree):
        console.print(renderable)
        is_shown_and_tame(capsys.readouterr().out)


@pytest.mark.parametrize("char", ["\x1b", "\x9b", "\x7f", "\r", "\x08", "\u202e", "\u2066", "\u200f", "\u2028"])
def test_what_is_shown_is_replaced_and_what_is_parsed_is_escaped(char: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert harmless(f"a{char}b\tc\nd") == "a\ufffdb\tc\nd"
    value = {"id": f"a{char}b", "zh": "密码"}
    say_json(msgspec.json.encode(value))
    told = capsys.readouterr().out
    assert char not in told
    assert json.loads(told) == value


CASE = CaseVersion(
    occurred_at=NOW,
    case_id="case_1",
    version=1,
    changed=(),
    case_type="payment_failure.repeat",
    flow="F09",
    cause_family="outage",
    queue="security",
    priority="P3",
    subject=HOSTILE,
    created_at=NOW,
    detected_at=NOW,
    codes=(HOSTILE,),
    reason_codes=(HOSTILE,),
    rules=(HOSTILE,),
    counters={LOSS: 100},
)


@pytest.mark.parametrize(
    ("command", "words"),
    [(listings.cases, []), (listings.cases, ["--by", "loss"]), (listings.cases, ["--json"]), (listings.incidents, [])],
)
def test_cases_and_incidents(command: Any, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async def newest(options: RuntimeOptions) -> list[CaseVersion]:
        return [CASE]

    monkeypatch.setattr(listings, "newest", newest)
    found = CliRunner().invoke(command, words, env=WIDE)
    assert found.exit_code == 0, found.exception
    is_shown_and_tame(found.output)


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_dead_letters(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    letter = DeadLetter(
        reason="raised", detail=HOSTILE, topic=HOSTILE, partition=0, offset=1, timestamp_ms=1, sha256="x", size=1
    )

    async def listing(*_: Any) -> dead_letters.Listing:
        return dead_letters.Listing([Letter(0, 0, b"", letter)], {("raised", HOSTILE): 1})

    monkeypatch.setattr(dead_letters, "listing", listing)
    found = CliRunner().invoke(dead_letters.list_, words, env=WIDE)
    assert found.exit_code == 0, found.exception
    is_shown_and_tame(found.output)


def test_dead_letters_are_told_in_full_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    detail = "payment.requested.v1: Object missing required field `amount_minor` in a record that is longer than a line"
    letter = DeadLetter(
        reason="raised", detail=detail, topic="t", partition=0, offset=1, timestamp_ms=1, sha256="x", size=1
    )

    async def listing(*_: Any) -> dead_letters.Listing:
        return dead_letters.Listing([Letter(0, 0, b"", letter)], {("raised", "t"): 1})

    monkeypatch.setattr(dead_letters, "listing", listing)
    assert detail in CliRunner().invoke(dead_letters.list_, [], env={"COLUMNS": "80"}).output


DECISION = DecisionMade(
    occurred_at=NOW,
    decision_id="dec_0002_" + "a" * 26,
    event_id=HOSTILE,
    account_id=HOSTILE,
    subject="payment",
    subject_id=HOSTILE,
    outcome="allow",
    score_unavailable=HOSTILE,
    policy=HOSTILE,
    feature_set="f",
)


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_explain(words: list[str], tmp_path: Path) -> None:
    file = tmp_path / "decisions.jsonl"
    file.write_bytes(encode(DECISION) + b"\n")
    arguments = [DECISION.decision_id, "--file", str(file), *words]
    found = CliRunner().invoke(explain, arguments, env=WIDE)
    assert found.exit_code == 0, found.exception
    is_shown_and_tame(found.output)


def test_doctor(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    _print([Check("ids", "warn", HOSTILE, HOSTILE)], [])
    is_shown_and_tame(capsys.readouterr().out)


def test_decline() -> None:
    found = CliRunner().invoke(decline, ["iso8583_1987", HOSTILE], env=WIDE)
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    assert found.output == harmless(found.output)


def test_sentences_of_errors(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuses(*_: Any) -> None:
        raise BadRequest(f"nothing is known of {HOSTILE}")

    monkeypatch.setattr(listings, "settings_of", refuses)
    with pytest.raises(SystemExit) as ended:
        main(["cases"])
    assert ended.value.code == 64
    is_shown_and_tame(capsys.readouterr().err)


def modules() -> list[Path]:
    return sorted(Path(inspect.getfile(streams.cli)).parent.glob("*.py"))


@pytest.mark.parametrize("module", modules(), ids=lambda path: path.stem)
def test_no_command_has_a_terminal_of_its_own_or_writes_markup(module: Path) -> None:
    if module.stem == "terminal":
        return
    for node in ast.walk(ast.parse(module.read_text())):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        keywords = {each.arg: each.value for each in node.keywords}
        where = f"line {node.lineno}: see streams/cli/terminal.py"
        assert called not in ("Console", "echo", "secho", "from_markup"), where
        assert called != "print" or isinstance(node.func, ast.Attribute), where
        markup = keywords.get("markup")
        assert not (isinstance(markup, ast.Constant) and markup.value), f"line {node.lineno}"
        assert called != "TextColumn" or markup is not None, (
            f"line {node.lineno}: its descriptions may be names of files"
        )


def test_a_reader_that_has_read_enough_ends_the_command_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """`paywarden topics tail ... | head -1`: 141 as the signal ends a filter, and not that a broker gives no answer."""
    with os.fdopen(_without_a_reader(), "w") as output:
        monkeypatch.setattr("sys.stdout", output)
        for speaks in (say, say_json):
            with pytest.raises(click.exceptions.Exit) as ended, asking(Settings()):
                speaks("1" * 10_000)
            assert ended.value.exit_code == 141
            os.dup2(_without_a_reader(), output.fileno())
        os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())


def _without_a_reader() -> int:
    reads, writes = os.pipe()
    os.close(reads)
    return writes
