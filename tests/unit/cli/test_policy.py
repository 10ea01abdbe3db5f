"""Does `policy check` say what a file changes, and refuse what a worker would refuse?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.cli.policy import policy
from streams.core.policy import PolicyError

LISTS = """
[[rule]]
name = "night-vouchers"
asks = "Is somebody buying vouchers at night?"
events = ["payment"]
when = ['mcc = "5947" and night = 1']
outcomes = ["review"]
reasons = ["R17"]
mode = "observe"
[[list]]
name = "mules"
field = "counterparty_id"
outcome = "block"
mode = "enforce"
entries = [{ value = "payee-1" }, { value = "payee-2", until = 2027-01-01T00:00:00Z }]
"""


@pytest.fixture
def write(tmp_path: Path):
    def written(name: str, text: str) -> str:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return written


def said(*args: str) -> str:
    result = CliRunner().invoke(policy, ["check", *args], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_it_says_what_changes(write):
    file = write("p.toml", 'name = "stricter"\n[rules.velocity]\nin_5m = [1, 2, 3]\n' + LISTS)
    told = json.loads(said(file, "--json"))
    assert [change["key"] for change in told["changes"]] == ["name", "rules.velocity.in_5m"]
    assert told["changes"][1]["to"] == [1, 2, 3]
    assert (told["rules"], told["lists"], told["snoozes"]) == (["night-vouchers"], {"mules": 2}, 0)


def test_the_table_shows_whole_conditions(write):
    output = said(write("p.toml", LISTS))
    assert "No key differs from the packaged default." in output
    assert "night-vouchers/01".replace("-", "") in output.replace("-", "").replace("\n", "")
    assert "2027-01-01" in output


def test_two_files_are_compared(write):
    one, other = write("a.toml", "max_effect_age_s = 60"), write("b.toml", "max_effect_age_s = 90")
    (change,) = json.loads(said(other, "--against", one, "--json"))["changes"]
    assert change == {"key": "max_effect_age_s", "from": 60, "to": 90}


def test_a_refused_file_is_refused_in_one_sentence(write):
    file = write("p.toml", LISTS.replace("night = 1", "nite = 1"))
    with pytest.raises(PolicyError, match=r"rule\.night-vouchers\.when.*neither a feature nor a field 'nite'"):
        said(file)
