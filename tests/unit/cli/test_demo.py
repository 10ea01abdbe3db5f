from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.waiting import wait_until

from streams.cli import demo


@pytest.mark.parametrize(("code", "runs"), [(70, 1 + demo.WORKER_RESTARTS), (64, 1)])
def test_a_worker_that_its_surroundings_end_starts_again_a_few_times(
    code: int, runs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under a supervisor. What a restart cannot mend ends the demo at once."""
    script = f"print('started', flush=True); raise SystemExit({code})"
    monkeypatch.setattr(demo, "_worker_command", lambda: [sys.executable, "-c", script])
    worker = demo.Worker(tmp_path, {})
    wait_until(lambda: worker.ended() == code, "the last end")
    assert worker.child.last_lines() == ["started"] * runs
