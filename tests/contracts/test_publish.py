"""Does `paywarden contracts publish` bring every type that others read or write to a schema registry, and only once?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.schema_registry import Registry, registry

from streams.cli.main import paywarden
from streams.contracts.registry import TOPICS_OF_TYPE
from streams.contracts.topics import TOPICS


@pytest.fixture
def known() -> Iterator[Registry]:
    with registry() as opened:
        yield opened


def run(url: str, *words: str, **environment: str) -> Result:
    given = {"PAYWARDEN_SCHEMA_REGISTRY_URL": url, **environment}
    return CliRunner().invoke(paywarden, ["contracts", "publish", *words], env=given)


def published(url: str, *words: str, exit_code: int = 0) -> Any:
    result = run(url, *words, "--json")
    assert result.exit_code == exit_code, (result.output, result.exception)
    return json.loads(result.stdout)


def test_every_type_of_the_outside_becomes_a_subject_once(known: Registry) -> None:
    outside = {
        tag for tag, topics in TOPICS_OF_TYPE.items() if any(TOPICS[each].direction != "internal" for each in topics)
    }
    first = published(known.url)
    assert set(first["published"]) == known.versions.keys() == outside
    assert {"decision.made.v1", "case.version.v1", "payment.failed.v1"} <= outside
    again = published(known.url)
    assert (again["published"], again["unchanged"]) == ([], len(outside))
    assert all(len(versions) == 1 for versions in known.versions.values())
    schema = json.loads(known.versions["decision.made.v1"][0])
    assert schema["properties"]["type"]["const"] == "decision.made.v1"


def test_subjects_can_carry_the_topic(known: Registry) -> None:
    published(known.url, "--subjects", "topic-record")
    assert "fraud.decisions-decision.made.v1" in known.versions
    assert {"support.cases-case.version.v1", "support.cases.snapshot-case.version.v1"} <= known.versions.keys()


def test_a_dry_run_writes_nothing(known: Registry) -> None:
    would = published(known.url, "--dry-run", "--compatibility", "FORWARD")
    assert len(would["published"]) > 50
    assert not would["written"]
    assert known.versions == known.levels == {}


def test_one_refusal_keeps_everything_back(known: Registry) -> None:
    known.versions = {"decision.made.v1": ['{"$schema":"an older one"}']}
    known.incompatible = {"decision.made.v1"}
    refused = published(known.url, exit_code=1)
    assert refused["refused"] == {"decision.made.v1": ["a field was taken away"]}
    assert refused["published"] == []
    assert len(known.versions) == 1
    shown = run(known.url)
    assert "refused: decision.made.v1: a field was taken away" in shown.output
    assert "were there already" not in shown.output
    assert published(known.url, "--compatibility", "NONE")["written"]
    assert len(known.versions["decision.made.v1"]) == 2
    assert set(known.levels.values()) == {"NONE"}


def test_a_registry_that_restarts_is_asked_again(known: Registry) -> None:
    known.failures = 2
    assert published(known.url)["written"]


@pytest.mark.parametrize(
    ("url", "exit_code", "sentence"),
    [("", 78, "is not set"), ("http://127.0.0.1:9", 70, "does not answer")],
    ids=["none", "away"],
)
def test_without_a_registry_one_sentence_says_so(url: str, exit_code: int, sentence: str) -> None:
    result = run(url)
    assert result.exit_code == exit_code
    assert sentence in result.output
    assert len(result.output.splitlines()) == 1


def test_the_password_comes_from_a_file_and_is_never_shown(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    user = {"PAYWARDEN_SCHEMA_REGISTRY_USERNAME": "mei"}
    with registry(("mei", "s3cret")) as guarded:
        assert run(guarded.url, PAYWARDEN_SCHEMA_REGISTRY_PASSWORD_FILE=str(secret), **user).exit_code == 0
        refused = run(guarded.url, PAYWARDEN_SCHEMA_REGISTRY_PASSWORD="an0ther", **user)
    assert refused.exit_code == 70
    assert "answered 401 (Unauthorized)" in refused.output
    assert "an0ther" not in refused.output
