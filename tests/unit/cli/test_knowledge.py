"""`paywarden knowledge` and `paywarden intake`: what they print, and how a user's mistake ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command import Ended, paywarden

from streams.core.library import packaged_library

OWN = """+++
id = "loans"
version = 3
flows = ["F42"]
languages = ["zh", "en"]
valid_from = 2026-01-01
links = ["limits"]
+++

# zh: 借款
我们的借款产品在“我的—借款”中查看。
? 可以借钱吗

# en: Loans
Our loans are under Me, Loans.
? do you offer loans
"""


def told(*arguments: str) -> object:
    ended = paywarden(*arguments, "--json")
    assert ended.exit_code == 0, ended.stderr
    return json.loads(ended.stdout)


def overlay(folder: Path, text: str = OWN, name: str = "loans.md") -> Path:
    (folder / "articles").mkdir(exist_ok=True)
    (folder / "articles" / name).write_text(text, encoding="utf-8")
    return folder


def test_list_has_every_article_and_those_of_a_flow() -> None:
    every, some = told("knowledge", "list"), told("knowledge", "list", "--flow", "f15")
    assert isinstance(every, list)
    assert isinstance(some, list)
    assert len(every) == len(packaged_library().knowledge.articles)
    assert {each["id"] for each in some} >= {"refund-time", "refund-how"}
    assert all("F15" in each["flows"] for each in some)


def test_show_prints_both_languages() -> None:
    shown = paywarden("knowledge", "show", "refund-time").stdout
    assert "refund-time@1" in shown
    assert "How long a refund takes" in shown
    assert "退款需要多久" in shown


def test_an_article_that_is_not_there_is_one_sentence() -> None:
    ended = paywarden("knowledge", "show", "refunds")
    assert ended.exit_code != 0
    assert "There is no article 'refunds'" in ended.stderr


def test_search_says_what_would_be_sent() -> None:
    assert told("knowledge", "search", "how many days does a refund take?") == {
        "found": [*_rows("how many days does a refund take?")],
        "question": True,
        "sent": "refund-time@1",
        "themes": ["time", "refund"],
    }
    assert "nothing is sent" in paywarden("knowledge", "search", "do you offer loans").stdout
    assert "no general question" in paywarden("knowledge", "search", "my refund has not arrived").stdout


def _rows(text: str) -> list[dict[str, object]]:
    from datetime import date

    found = packaged_library().knowledge.search(text, date(2026, 6, 1))
    return [{"article": each.article.ref, "score": each.score} for each in found]


def test_an_overlay_adds_an_article_that_answers(tmp_path: Path) -> None:
    folder = str(overlay(tmp_path))
    (tmp_path / "articles" / "README.md").write_text("for people", encoding="utf-8")
    assert "of the deployment" in paywarden("knowledge", "check", "--overlay", folder).stdout
    found = told("knowledge", "search", "do you offer loans", "--overlay", folder)
    assert isinstance(found, dict)
    assert found["sent"] == "loans@3+own"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("+++\nid", "---\nid", "two lines of \\+\\+\\+"),
        ('id = "loans"', 'id = "loan"', "its id is 'loan'"),
        ("version = 3", 'version = "3"', "cannot be read"),
        ("version = 3", "version = 3\ncolour = 1", "unknown field"),
        ('flows = ["F42"]', 'flows = ["F23"]', "no article may answer flow 'F23'"),
        ('["zh", "en"]', '["zh"]', "not written in 'en'"),
        ('["zh", "en"]', '["zh", "en", "fr"]', "says zh, en, fr"),
        ("2026-01-01", "2026-01-01\nvalid_until = 2026-01-01", "valid_until is not after"),
        ('links = ["limits"]', 'links = ["limit"]', "there is no other article 'limit'"),
        ("# en: Loans", "# Loans", "is no section"),
        ("? do you offer loans\n", "", "0 questions"),
        ("? do you offer loans\n", "? what is my daily limit\n", "is also a question of"),
        ("Our loans are under Me, Loans.", "", "it says nothing"),
        ("Our loans are under Me, Loans.", "x" * 601, "601 characters"),
        ("Our loans are under Me, Loans.", "Call 13812345678.", "number or address"),
        ("Our loans are under Me, Loans.", "We will refund you in full.", "promises money"),
        ("我们的借款产品在", "保证全额退款，", "promises money"),
        ("# zh: 借款", "stray\n# zh: 借款", "before the first section"),
        ("# en: Loans", "# zh: Loans", "two sections 'zh'"),
    ],
)
def test_a_mistake_in_an_article_is_one_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert old in OWN
    ended: Ended = paywarden("knowledge", "check", "--overlay", str(overlay(tmp_path, OWN.replace(old, new, 1))))
    assert ended.exit_code == 78
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "articles/loans.md" in ended.stderr or "limits.md" in ended.stderr
    import re

    assert re.search(sentence, ended.stderr), ended.stderr


def test_measure_counts_right_wrong_and_people(tmp_path: Path) -> None:
    file = tmp_path / "questions.txt"
    file.write_text(
        "refund-time en how many days does a refund take?\nrefund-how en what is my daily limit\n- zh 可以借钱吗\n",
        "utf-8",
    )
    assert told("knowledge", "measure", str(file)) == {
        "en": {"questions": 2, "right": 0.5, "wrong": 0.5, "person": 0.0},
        "zh": {"questions": 1, "right": 0.0, "wrong": 0.0, "person": 1.0},
    }
    assert "refund-how: told limits" in paywarden("knowledge", "measure", str(file), "--wrong").stdout
    file.write_text("refunds en x\n", "utf-8")
    ended = paywarden("knowledge", "measure", str(file))
    assert ended.exit_code == 64
    assert "line 1" in ended.stderr
