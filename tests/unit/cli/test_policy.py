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


def doubts_of(write, text: str) -> list[tuple[str, str]]:
    told = json.loads(said(write("p.toml", text), "--json"))
    return [(doubt["where"], doubt["what"]) for doubt in told["doubts"]]


ALLOWED = """
[[list]]
name = "friends"
field = "{field}"
outcome = "allow"
mode = "enforce"
entries = [{{ value = "{value}", until = 2026-12-31T00:00:00Z }}]
"""
RULE = """
[[rule]]
name = "anything"
asks = "Is it anything?"
events = ["payment"]
when = ['{when}']
outcomes = ["notify"]
reasons = ["R17"]
mode = "{mode}"
"""


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        pytest.param(RULE.format(when="1 = 1", mode="observe"), "rule.anything.when", "holds", id="constant"),
        pytest.param(
            RULE.format(when="hour >= 0 or not known(amount)", mode="observe"),
            "rule.anything.when",
            "holds",
            id="bound",
        ),
        pytest.param(
            RULE.format(when="night = 1 or night = 0", mode="observe"), "rule.anything.when", "holds", id="flag"
        ),
        pytest.param(
            RULE.format(when="amount > 3 and amount < 2", mode="observe"), "rule.anything.when", "never", id="excluded"
        ),
        pytest.param(RULE.format(when="amount = -1", mode="observe"), "rule.anything.when", "never", id="negative"),
        pytest.param(
            RULE.format(when='mcc = "5947" and mcc = "5948"', mode="observe"),
            "rule.anything.when",
            "never",
            id="two values",
        ),
        pytest.param(
            RULE.format(when='country = "DE" or country != "DE"', mode="observe"),
            "rule.anything.when",
            "once its values are known",
            id="whatever is known",
        ),
        pytest.param(
            RULE.format(when="amount * 0 = 0", mode="observe"), "rule.anything.when", "once its", id="nothing left"
        ),
        pytest.param(
            RULE.format(when="place_rate_7d > 5", mode="observe"), "rule.anything.when", "never", id="percent for share"
        ),
        pytest.param(RULE.format(when="hour > 24", mode="observe"), "rule.anything.when", "never", id="no such hour"),
        pytest.param(
            RULE.format(when="amount > 200', 'amount > 100", mode="observe").replace('"notify"', '"notify", "block"'),
            "rule.anything.when",
            "whenever `amount > 200` holds, so does the stricter",
            id="a band that never answers",
        ),
        pytest.param(
            "".join(
                RULE.format(when=" or ".join(f"amount > {n}" for n in range(1, 31)), mode="observe").replace(
                    '"anything"', f'"r{rule}"'
                )
                for rule in range(21)
            ),
            "rule",
            "up to 630 times about one payment",
            id="expensive",
        ),
        pytest.param("effective_at = 2090-01-01T00:00:00Z", "effective_at", "before 2090-01-01", id="far away"),
        pytest.param(
            ALLOWED.format(field="ip", value="10.0.0.0/8").replace(
                "entries = [", "entries = [{ value = '11.0.0.0/8', until = 2026-12-31T00:00:00Z },"
            ),
            "list.friends",
            "together a great part",
            id="many networks",
        ),
        pytest.param(RULE.format(when="hour > 22", mode="off"), "rule.anything", "never asked", id="off"),
        pytest.param(ALLOWED.format(field="country", value="DE"), "list.friends", "for everybody", id="a country"),
        pytest.param(ALLOWED.format(field="user_agent", value="x"), "list.friends", "anybody can", id="user agent"),
        pytest.param(
            ALLOWED.format(field="account_id", value="a").replace("2026-12", "2099-12"),
            "list.friends",
            "until 2099",
            id="far",
        ),
        pytest.param(
            '[[snooze]]\nrule="velocity"\nfield="country"\nvalue="DE"\nuntil=2027-02-01T00:00:00Z\nwhy="w"',
            "snooze.velocity",
            "for everybody",
            id="snoozed country",
        ),
        pytest.param(LISTS.replace("2027", "2020"), "list.mules", "1 of 2 entries ended", id="ended entry"),
        pytest.param(
            LISTS.replace('"block"', '"allow"'), "list.mules", "1 entries silence every rule", id="endless allow"
        ),
        pytest.param(
            LISTS.replace("counterparty_id", "ip").replace("payee-1", "0.0.0.0/1").replace("payee-2", "203.0.113.5"),
            "list.mules",
            "0.0.0.0/1 is a great part",
            id="half of the internet",
        ),
        pytest.param('[model]\nchampion = "payments-00"', "model.champion", "no model payments-00", id="champion"),
        pytest.param(
            '[[snooze]]\nrule="velocity"\nfield="account_id"\nvalue="a"\nuntil=2026-01-01T00:00:00Z\nwhy="w"',
            "snooze.velocity",
            "it ended",
            id="snooze",
        ),
        ('[locks]\nsoft_lock_applies_to = "everyone"', "locks.soft_lock_applies_to", "the owner's own devices"),
        ("[locks]\nstrangers_failures = 104", "locks.strangers_failures", "fail 104 times"),
        ("[locks]\nverified_channels = []", "locks.verified_channels", "no report of a theft freezes"),
        ("[locks.caps]\nper_rule = 1000000\ntotal = 1000000", "locks.caps.per_rule", "1,000,000 accounts"),
    ],
)
def test_what_is_probably_a_mistake_is_told(write, text, where, words):
    found = doubts_of(write, text)
    assert [place for place, _ in found] == [where]
    assert words in found[0][1]


@pytest.mark.parametrize(
    "when",
    [
        "hour > 22",
        "known(amount)",
        "place_rate_7d > 0.05",
        "decline_share_1d >= 1",
        "hour_distance > 6 or terminal_level = 2",
        'ip = "203.0.113.4"',
        "known(amount) and night = 1",
        "hour = 23 and night = 1 and amount > 3.5 and amount < 4",
        'mcc = "5947" or amount_to_usual > 3',
        "amount * 2 - 1 = 99",
    ],
)
def test_what_is_meant_raises_no_doubt(write, when):
    assert doubts_of(write, RULE.format(when=when.replace("'", '"'), mode="observe") + LISTS) == []


def test_a_person_reads_doubts_too(write):
    assert "doubt: policy key rule.anything.when" in said(write("p.toml", RULE.format(when="1 = 1", mode="observe")))
