"""Does the guide for a new rule work: do its rule, table and golden files fit together, do its commands exist?"""

from __future__ import annotations

import inspect
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
from support.features import calm, nothing_known

from streams.contracts.payments import PaymentRequested
from streams.core.features import Features
from streams.core.reasons import REASONS
from streams.core.rules.base import Fired, NotApplicable

ROOT = Path(__file__).parents[4]
GUIDE = (ROOT / "docs/guides/adding-a-rule.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def rule(monkeypatch):
    (code,) = blocks("python")
    module = ModuleType("round_amounts")
    monkeypatch.setitem(sys.modules, "round_amounts", module)
    exec(compile(code, "round_amounts.py", "exec"), module.__dict__)
    return module


@pytest.fixture
def table(rule):
    (text,) = blocks("toml")
    section = msgspec.convert(tomllib.loads(text)["rules"]["round_amounts"], rule.RoundAmountsPolicy)
    assert list(section.problems()) == []
    return msgspec.structs.replace(section, min_minor=section.min_minor | {"EUR": 10_000})


@pytest.mark.parametrize("index", [0, 1], ids=["hit", "miss"])
def test_its_golden_files_hold(rule, table, index):
    golden = msgspec.json.decode(blocks("json")[index])
    event = msgspec.convert(golden["event"], PaymentRequested)
    answer = rule.round_amounts(event, 0, calm(**golden["features"]), table)
    found = f"round-amounts/{answer.band:02d}" if isinstance(answer, Fired) else None
    assert found == golden["expect"]
    if isinstance(answer, Fired):
        assert set(answer.reasons) <= set(REASONS)
    assert isinstance(rule.round_amounts(event, 0, nothing_known(), table), NotApplicable)


def test_it_is_documented_as_the_suite_wants(rule):
    text = inspect.getdoc(rule.round_amounts)
    assert [line for line in ("Asks", "Fires when", "Blind to", "Costs") if f"\n{line}: " not in text] == []
    assert set(re.findall(r"features\.(\w+)", blocks("python")[0])) <= set(Features.__struct_fields__)


def test_files_and_commands_that_it_names_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in "".join(blocks("sh")).splitlines():
        if line.startswith("make "):
            assert re.search(rf"^{line.split()[1]}:", makefile, re.MULTILINE), line
    mentioned = re.findall(r"`?((?:streams|tests|docs)/[\w/.-]+)", GUIDE)
    missing = {name for name in mentioned if "round" not in name and not (ROOT / name.rstrip(".")).exists()}
    assert missing == set()
