from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.waiting import wait_until

from streams.cli import demo
from streams.cli.demo_tally import Tally
from streams.cli.demo_view import counts

EXAMPLES = Path(__file__).parents[2] / "contracts" / "examples"


@pytest.mark.parametrize(("code", "runs"), [(70, 1 + demo.WORKER_RESTARTS), (64, 1)])
def test_a_worker_that_its_surroundings_end_starts_again_a_few_times(
    code: int, runs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under a supervisor. What a restart cannot mend ends the demo at once."""
    script = f"print('started', flush=True); raise SystemExit({code})"
    monkeypatch.setattr(demo, "_worker_command", lambda: [sys.executable, "-c", script])
    told: list[str] = []
    worker = demo.Worker(tmp_path, {}, told.append)
    wait_until(lambda: worker.ended() == code, "the last end")
    assert worker.child.last_lines() == ["started"] * runs
    assert told == [f"the worker ended with exit code {code} and is started again: started"] * (runs - 1)


def test_whoever_watches_is_told_that_nothing_is_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr("streams.cli.demo_tally.time.monotonic", lambda: now_s)
    tally = Tally()
    now_s = 300.0
    assert "NOTHING DECIDED" not in counts(tally)  # the history may take long
    tally.live_from_s = 300.0
    now_s = 340.0
    assert "NOTHING DECIDED" not in counts(tally)
    now_s = 360.0
    assert "NOTHING DECIDED FOR 60 s: the worker does not read" in counts(tally)
    tally.take("fraud.decisions", (EXAMPLES / "decision.made.v1" / "allow_list_silences_a_rule.json").read_bytes(), 0)
    assert "NOTHING DECIDED" not in counts(tally)
