"""Does the guide to rules, lists and snoozes as data show what a policy may hold, and name what exists?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from streams.adapters.policy_file import default_text
from streams.core.policy import parse_policy
from streams.core.rules.declared import Subject
from streams.core.rules.expression import WORDS
from streams.core.rules.lists import Listed

GUIDE = (Path(__file__).parents[4] / "docs/guides/rules-as-data.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```toml\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
PROSE = " ".join(GUIDE.split())


def test_its_tables_are_a_policy():
    policy = parse_policy(default_text(), "\n".join(BLOCKS))
    assert [len(policy.declared), len(policy.lists), len(policy.snoozes)] == [1, 2, 1]


@pytest.mark.parametrize("words", [WORDS, get_args(Subject)], ids=["fields", "events"])
def test_it_lists_everything(words):
    assert ", ".join(words) + "." in PROSE


def test_it_lists_every_field_of_a_list():
    assert ", ".join(get_args(Listed)).replace("ip,", "ip (addresses or networks),") + "." in PROSE
