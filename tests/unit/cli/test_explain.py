"""Does `explain` say of a backtest's decision what was published, and find the same by running it again?"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from rich.console import Console

from producers.inputs import InputOptions
from producers.simulate.catalog import scenario
from producers.sources import jsonl
from streams.adapters.policy_file import load_schedule
from streams.cli.backtest import run_backtest
from streams.cli.cluster import BadRequest
from streams.cli.explain import explain, partition_in, told_of
from streams.contracts.base import from_ms
from streams.contracts.decisions import DecisionAmended, DecisionMade
from streams.contracts.registry import encode
from streams.core.features import FEATURE_NAMES

DAY_MS = 86_400_000
ID = "dec_0002_" + "a" * 26


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The events of a takeover, and the decisions of a backtest over them."""
    folder = tmp_path_factory.mktemp("explain")
    events = folder / "events.jsonl"
    with events.open("wb") as file:
        for record in scenario("account_takeover").records(7, None, {}):
            file.write(jsonl.dump(record))
    run_backtest(
        (events,),
        "jsonl",
        InputOptions(),
        folder / "out",
        partitions=2,
        barrier_ms=DAY_MS,
        settle_ms=0,
        policies=load_schedule(()),
        responder=True,
        console=Console(),
        quiet=True,
    )
    return events, folder / "out" / "decisions.jsonl"


def strictest(decisions: Path) -> dict[str, object]:
    lines = [json.loads(line) for line in decisions.read_bytes().splitlines()]
    return next(line for line in lines if line["type"] == "decision.made.v1" and line.get("reasons"))


def explained(run: tuple[Path, Path], *more: str) -> str:
    events, decisions = run
    decision_id = str(strictest(decisions)["decision_id"])
    found = CliRunner().invoke(
        explain,
        [
            decision_id,
            "--file",
            str(decisions),
            "--input",
            str(events),
            "--format",
            "jsonl",
            "--partitions",
            "2",
            *more,
        ],
    )
    assert found.exit_code == 0, found.output
    return found.output


def test_running_it_again_finds_the_same_hits_and_all_features(run: tuple[Path, Path]) -> None:
    facts = msgspec.json.decode(explained(run, "--json"))
    assert facts["remarks"] == []
    fired = [each["hit"] for each in facts["recomputed"]["findings"] if each["verdict"] == "fired"]
    assert fired == facts["decision"]["hits"]
    assert {each["verdict"] for each in facts["recomputed"]["findings"]} >= {"fired", "quiet"}
    assert tuple(facts["recomputed"]["features"]) == FEATURE_NAMES
    assert set(facts["reasons"]) == {each["code"] for each in facts["decision"]["reasons"]}
    assert all(words["zh"] and words["en"] for words in facts["reasons"].values())


def test_a_person_sees_the_tree(run: tuple[Path, Path]) -> None:
    text = explained(run)
    decision = strictest(run[1])
    assert str(decision["decision_id"]) in text
    for hit in decision["hits"]:  # type: ignore[attr-defined]
        assert hit["rule"] in text
    assert "quiet:" in text
    assert "features before the event" in text


def test_with_another_policy_both_hashes_are_named_and_with_the_right_one_nothing_is_said(
    run: tuple[Path, Path], tmp_path: Path
) -> None:
    other = tmp_path / "other.toml"
    other.write_text('name = "other"\n[rules.takeover]\nenabled = false\n')
    facts = msgspec.json.decode(explained(run, "--json", "--policy", str(other)))
    used = facts["decision"]["policy"]
    (sentence,) = [each for each in facts["remarks"] if "recomputed with" in each]
    assert f"decided with policy {used} and is recomputed with {facts['recomputed']['policy']}" in sentence
    assert facts["recomputed"]["policy"] != used
    assert "--policy" in sentence


def test_what_is_missing_is_shown_as_missing_and_not_as_the_number_that_stands_for_it(run: tuple[Path, Path]) -> None:
    features = msgspec.json.decode(explained(run, "--json"))["recomputed"]["features"]
    missing = [name for name, each in features.items() if each["value"] is None]
    assert missing
    assert not [name for name, each in features.items() if each["value"] == -1.0]
    assert "missing" in explained(run)


def test_without_the_input_only_what_was_published_is_shown(run: tuple[Path, Path]) -> None:
    decision_id = str(strictest(run[1])["decision_id"])
    found = CliRunner().invoke(explain, [decision_id, "--file", str(run[1]), "--json"])
    facts = msgspec.json.decode(found.output)
    assert facts["recomputed"] is None
    assert "no longer" in facts["remarks"][0]


def test_a_decision_that_is_not_there(run: tuple[Path, Path]) -> None:
    found = CliRunner().invoke(explain, [ID, "--file", str(run[1])])
    assert found.exit_code == 64
    assert "there is no decision" in found.output


def test_the_id_names_the_partition() -> None:
    assert partition_in(ID) == 2
    with pytest.raises(BadRequest, match="not the id"):
        partition_in("case_" + "a" * 26)


def test_amendments_belong_to_their_decision() -> None:
    made = DecisionMade(
        occurred_at=from_ms(0),
        decision_id=ID,
        event_id="e",
        account_id="a",
        subject="payment",
        subject_id="p",
        outcome="hold",
        policy="x",
        feature_set="y",
    )
    ended = DecisionAmended(
        occurred_at=from_ms(1), decision_id=ID, account_id="a", subject_id="p", outcome="allow", cause="released"
    )
    other = msgspec.structs.replace(made, decision_id="dec_0002_" + "b" * 26)
    told = told_of(ID, [encode(other), None, encode(made), encode(ended)])
    assert told is not None
    assert (told.decision, told.amendments) == (made, [ended])
    assert told_of("dec_0002_" + "c" * 26, [encode(made)]) is None
