"""`paywarden intake` and `train-text`: what they print, and how a user's mistake ends."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest
from support.command import paywarden

from streams.core.intake.text_model import MANIFEST, WEIGHTS

HOME = files("streams.core.intake").joinpath("model")


def told(*arguments: str) -> dict[str, object]:
    ended = paywarden("intake", *arguments, "--json")
    assert ended.exit_code == 0, ended.stderr
    found: dict[str, object] = json.loads(ended.stdout)
    return found


def test_a_report_is_read_with_its_details_and_shown_masked() -> None:
    found = told("钱扣了，订单显示失败，昨天128元，卡号4111111111111111", "--at", "2026-11-03")
    topic = found["topic"]
    assert isinstance(topic, dict)
    assert (topic["flow"], topic["queue"]) == ("F10", "accounting")
    assert found["masked"] == ["card"]
    assert "4111" not in json.dumps(found)
    assert found["details"] == {"amount_minor": 12_800, "currency": "CNY", "time": "2026-11-02"}


def test_the_table_says_what_is_answered_and_what_is_asked_for() -> None:
    assert "answered with" in paywarden("intake", "how many days does a refund take?").stdout
    shown = paywarden("intake", "how many days does a refund take?").stdout
    assert "refund-time@1" in shown
    assert "asked for" in paywarden("intake", "charged twice").stdout
    assert "a person has to read it" in paywarden("intake", "转人工").stdout


def test_another_model_reads_and_one_that_is_none_is_refused(tmp_path: Path) -> None:
    ended = paywarden("intake", "where is my refund", "--model", str(tmp_path))
    assert ended.exit_code == 64
    assert "holds no text model" in ended.stderr
    for name in (MANIFEST, WEIGHTS):
        (tmp_path / name).write_bytes(HOME.joinpath(name).read_bytes())
    assert told("where is my refund", "--model", str(tmp_path)) == told("where is my refund")
    (tmp_path / WEIGHTS).write_bytes(b"0")
    ended = paywarden("intake", "where is my refund", "--model", str(tmp_path))
    assert ended.exit_code == 64
    assert "copy it again" in ended.stderr


def test_train_text_writes_a_model_that_reads_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.training.texts import fit

    few = [each for each in fit.written(0) if each.flow in ("F01", "F10", "F15", "F23")]
    monkeypatch.setattr(fit, "written", lambda seed: few)
    monkeypatch.setattr(fit, "colloquial", list)
    by_hand = [each for each in fit.handwritten() if each.flow in ("F01", "F10", "F15", "F23")]
    monkeypatch.setattr(fit, "handwritten", lambda: by_hand)
    ended = paywarden("train-text", "--out", str(tmp_path / "model"))
    assert ended.exit_code == 0, ended.stderr
    assert "held_out.zh.queue" in ended.stderr
    topic = told("I want my money back, I returned the shoes", "--model", str(tmp_path / "model"))["topic"]
    assert isinstance(topic, dict)
    assert topic["flow"] == "F15"


def test_train_text_says_where_patterns_are_too_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.training.texts import writing

    monkeypatch.setattr(writing, "LEAST", 10_000)
    ended = paywarden("train-text", "--out", str(tmp_path / "model"))
    assert ended.exit_code == 64
    assert "add a pattern" in ended.stderr
