"""Does `paywarden bench` measure what it says, and leave nothing behind?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.cli import bench_core
from streams.cli.bench import bench
from streams.contracts.registry import Refusal, read


@pytest.fixture(autouse=True)
def _collector_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command tunes its own process; here it is a guest in pytest's."""
    monkeypatch.setattr("streams.cli.bench.look_rarely", lambda: None)


def ran(tmp_path: Path, *args: str) -> dict[str, dict[str, float]]:
    out = tmp_path / "bench.json"
    result = CliRunner().invoke(bench, [*args, "--json", "--out", str(out)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: dict[str, dict[str, float]] = json.loads(out.read_bytes())
    assert json.loads(result.stdout) == found
    return found


def test_every_generated_record_is_understood_and_most_accounts_are_known() -> None:
    records = bench_core.records_of(bench_core.traffic(1_400, 200, 200))
    events = [read(record.topic, record.key, record.value) for record in records]
    assert not any(isinstance(event, Refusal) for event in events)
    assert len({event.event_id for event in events}) == 1_400
    assert len({event.account_id for event in events}) == 200
    assert sum(record.topic == "auth.logins" for record in records) == 200


@pytest.mark.parametrize("events", [1, 2, 6, 7, 8, 700, 1_403])
def test_it_knows_how_many_decisions_its_traffic_brings(events: int) -> None:
    undecided = b'"payment.succeeded.v1"'
    records = bench_core.records_of(bench_core.traffic(events, 200, 200))
    assert sum(undecided not in record.value for record in records if record.value) == bench_core.decisions_of(events)


def test_stages_in_memory_report_rates_and_only_what_was_asked_for(tmp_path: Path) -> None:
    found = ran(tmp_path, "--events", "1000", "--only", "decode,core")
    assert set(found) == {"machine", "events", "decode", "core"}
    assert 0 < found["decode"]["cpu_us_per_event"] < found["core"]["cpu_us_per_event"]


def test_the_state_of_an_account_with_a_habit_is_small(tmp_path: Path) -> None:
    memory = ran(tmp_path, "--only", "memory")["memory"]
    assert 500 < memory["state_bytes"] <= memory["state_bytes_worst"] <= 4_096
    assert memory["recovered_per_s"] > 0


def test_an_unknown_stage_is_refused_with_its_name() -> None:
    result = CliRunner().invoke(bench, ["--only", "decode,speed"])
    assert result.exit_code == 2
    assert "'speed'" in result.output


@pytest.mark.embedded
@pytest.mark.timeout(240)
def test_the_whole_path_and_latency_are_measured_on_a_broker_of_their_own(tmp_path: Path) -> None:
    found = ran(tmp_path, "--events", "12000", "--only", "whole,latency", "--rate", "200", "--seconds", "5")
    # More than two full groups: the figure leaves out what the first one decided.
    assert found["bare"]["events"] == 12_000
    assert 0 < found["whole"]["events"] <= 12_000
    assert found["whole"]["speed_to_bare"] > 0
    latency = found["latency"]
    assert latency["decisions"] == 600
    assert 0 < latency["p50_ms"] <= latency["p95_ms"] <= latency["p99_ms"]
