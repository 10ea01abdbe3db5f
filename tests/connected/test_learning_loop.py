"""From a history to another champion and back: does every command of the loop take what the one before it made?"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command import Ended, paywarden
from support.models import history, worse

Types = Callable[..., Ended]


@pytest.fixture
def types(bootstrap: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Types:
    """Types commands at a deployment of its own, whose policy names the worse of two models."""
    prefix = f"l{uuid.uuid4().hex[:8]}."
    start = tmp_path / "start.toml"
    start.write_text(f'[model]\nchampion = "{worse(tmp_path).name}"\n')
    for name, value in {
        "BOOTSTRAP": bootstrap,
        "TOPIC_PREFIX": prefix,
        "APP_ID": prefix[:-1],
        "PARTITIONS": "1",
        "MODELS_DIR": str(tmp_path),
        "POLICY_FILES": json.dumps([str(start)]),
    }.items():
        monkeypatch.setenv(f"PAYWARDEN_{name}", value)

    def typed(*words: str) -> Ended:
        ended = paywarden(*words)
        assert ended.exit_code == 0, ended
        return ended

    typed("topics", "create")
    return typed


MEI = ("--actor", "mei", "--role", "analyst", "--why", "better on the last week")
JO = ("--actor", "jo", "--role", "supervisor", "--why", "looked at it")


def test_a_candidate_becomes_champion_by_two_people_and_one_takes_it_back(types: Types, tmp_path: Path) -> None:
    (bad,) = tmp_path.glob("flat-*")
    told, start, wanted = history(tmp_path, days=56), str(tmp_path / "start.toml"), str(tmp_path / "next.toml")
    given = ("--history", told, "--weeks", "1")
    retrained = types("retrain", "--champion", bad.name, "--models", str(tmp_path), "--family", "logistic", *given)
    new = retrained.stdout.split()[-1].rsplit("/", 1)[-1]
    types("models", "promote", new, *given, "--over", start, "--out", wanted)
    proposal = types("policy", "publish", wanted, *MEI).stdout.split()[0]
    assert paywarden("policy", "approve", proposal, *MEI[:2], *JO[2:]).exit_code != 0, "by the same person"
    types("policy", "approve", proposal, *JO)
    (change,) = json.loads(types("policy", "history", "--json").stdout)["changes"]
    assert (change["proposal_id"], change["champion"]) == (proposal, new)
    types("models", "rollback", *JO)
    *_, back = json.loads(types("policy", "history", "--json").stdout)["changes"]
    assert (back["proposal_id"], back["champion"]) == (None, None), "as the workers were started"
    refused = paywarden("models", "rollback", *JO)
    assert refused.exit_code == 78
    assert "did not change the champion" in refused.stderr
