"""Does `paywarden bench` measure what it says, and leave nothing behind?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.cli import bench_core, bench_ingest
from streams.cli.bench import bench
from streams.contracts.registry import Refusal, read
from streams.ingest.documents import Documents
from streams.ingest.logic import Reader
from streams.ingest.mapping import Facts, Mapper
from streams.ingest.source import load_source


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


def test_what_is_remembered_of_money_is_bounded_and_let_go(tmp_path: Path) -> None:
    money = ran(tmp_path, "--only", "money", "--events", "1000")["money"]
    assert 0 < money["settled_bytes"] < money["tracked_bytes"] < 400
    assert money["good_us"] > 0
    assert money["failed_us"] > 0
    assert money["state_bytes_30_days"] < 1.25 * money["state_bytes_15_days"]
    assert money["state_bytes_60_days"] < 1.03 * money["state_bytes_30_days"], "it levels off"
    assert money["state_bytes_worst"] < 8_192


def test_a_model_is_measured_per_payment(tmp_path: Path) -> None:
    model = ran(tmp_path, "--only", "model", "--events", "1400")["model"]
    assert model["events"] == 600
    assert model["batch"] == 200
    assert model["cpu_us_per_event"] > 0


def test_an_unknown_stage_is_refused_with_its_name() -> None:
    result = CliRunner().invoke(bench, ["--only", "decode,speed"])
    assert result.exit_code == 2
    assert "'speed'" in result.output


@pytest.mark.embedded
@pytest.mark.timeout(240)
def test_the_whole_path_and_latency_are_measured_on_a_broker_of_their_own(tmp_path: Path) -> None:
    found = ran(tmp_path, "--events", "12000", "--only", "model,whole,latency", "--rate", "200", "--seconds", "5")
    # More than two full groups: the figure leaves out what the first one decided.
    assert found["bare"]["events"] == 12_000
    assert 0 < found["whole"]["events"] <= 12_000
    assert found["whole"]["speed_to_bare"] > 0
    assert found["whole_model"]["cpu_to_whole"] > 0
    latency = found["latency"]
    assert latency["decisions"] == 600
    assert 0 < latency["p50_ms"] <= latency["p95_ms"] <= latency["p99_ms"]


@pytest.mark.embedded
@pytest.mark.timeout(240)
def test_the_ingest_is_measured_beside_a_loop_that_copies() -> None:
    result = CliRunner().invoke(bench, ["ingest", "--events", "4000", "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [each["format"] for each in found] == ["json", "avro"]
    for each in found:
        assert each["copy"]["per_s"] > 0
        assert 0 < each["ingest"]["records"] <= 4_000
        assert each["speed_to_copy"] > 0
    assert found[1]["bytes_per_record"] < found[0]["bytes_per_record"]


@pytest.mark.parametrize("form", ["json", "avro"])
def test_what_the_ingest_is_measured_with_becomes_events(tmp_path: Path, form: str) -> None:
    """A feed of dead letters would be a fast one."""
    (tmp_path / "notification.avsc").write_text(json.dumps(bench_ingest.SCHEMA))
    file = tmp_path / "source.toml"
    file.write_text(bench_ingest.source_of(form, "feed", tmp_path / "notification.avsc"))
    source = load_source(file)
    reader = Reader(Documents(source, None), Mapper(source, "key"))
    for record in bench_ingest.notifications(form, 200):
        _, mapped = reader.read(Facts("feed", record.key, record.timestamp_ms, ()), record.value)
        assert not isinstance(mapped, Refusal), mapped
        (event,) = mapped
        assert event.topic == "payments.transactions"
