"""Does a backtest as its command line is by default show what a scenario promises?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.command import paywarden

SMALL = ("--set", "days=1", "--set", "customers=12")


class Shown:
    """What a scenario's file makes of an enforcing policy, on the settling time that `simulate` names."""

    def __init__(self, scenario: str, folder: Path) -> None:
        self.out = folder / "out"
        file, enforce = folder / "events.jsonl", folder / "enforce.toml"
        enforce.write_text('mode = "enforce"\n')
        made = paywarden("simulate", scenario, *SMALL, "--out", str(file))
        assert made.exit_code == 0
        (said,) = [line for line in made.stdout.splitlines() if line.startswith("to see it: paywarden ")]
        command = said.removeprefix("to see it: paywarden ").replace("FOLDER", str(self.out)).split()
        assert paywarden(*command, "--policy", str(enforce)).exit_code == 0

    def rows(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.out / name).read_text().splitlines()]

    def ends(self) -> list[tuple[str, str | None]]:
        """Of every case: what it is about, and how it ended."""
        last = {each["case_id"]: each for each in self.rows("cases.jsonl")}
        return sorted((each["case_type"], each.get("resolution_code") or "") for each in last.values())

    def told(self) -> dict[str, list[str]]:
        """When which message was sent, to the minute; advice left out."""
        found: dict[str, list[str]] = {}
        for each in self.rows("notifications.jsonl"):
            if not each["template"].startswith(("advice.", "case.")):
                found.setdefault(each["template"], []).append(each["occurred_at"][11:16])
        return found


def test_a_withdrawal_that_is_late_is_told_after_a_quarter_and_a_case_after_half_an_hour(tmp_path: Path) -> None:
    shown = Shown("withdrawal_late", tmp_path)
    late = ("withdrawal_delay", "withdrawal_delay.done"), ("withdrawal_delay", "withdrawal_delay.failed")
    assert shown.ends() == [*late]
    assert shown.told() == {
        "withdrawal_delay.slow": ["13:15", "13:15"],
        "withdrawal_delay": ["13:30", "13:30"],
        "withdrawal_delay.failed": ["14:00"],
        "withdrawal_delay.done": ["15:00"],
    }


def test_of_three_late_successes_one_is_money_twice(tmp_path: Path) -> None:
    ends = [(kind, end) for kind, end in Shown("late_success", tmp_path).ends() if kind != "suspected_fraud"]
    assert ends == [
        ("debited_not_confirmed", "debit_confirmed"),
        ("debited_not_confirmed", "debit_returned"),
        ("double_benefit", ""),
    ]


@pytest.mark.parametrize(("file_format", "step_s"), [("jsonl", 60), ("fdh", 86_400)])
def test_steps_are_minutes_of_events_and_days_of_what_models_learn_from(
    file_format: str, step_s: int, tmp_path: Path
) -> None:
    file, out = tmp_path / "file", tmp_path / "out"
    made = paywarden("simulate", "population", *SMALL, "--format", file_format, "--out", str(file))
    assert made.exit_code == 0
    ended = paywarden("backtest", str(file), "--format", file_format, "--out", str(out))
    assert ended.exit_code == 0
    assert json.loads((out / "summary.json").read_text())["barrier_s"] == step_s
