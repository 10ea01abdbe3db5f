"""Do policy files lie over the packaged default, and does an error name the file?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.adapters.policy_file import load_policy, load_schedule
from streams.contracts.base import to_ms
from streams.core.policy import PolicyError


@pytest.fixture
def file(tmp_path):
    def write(text, name="policy.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_file_needs_to_name_only_what_it_changes(file):
    default = load_policy()
    changed = load_policy(file("mode = 'enforce'"))
    assert changed.mode == "enforce"
    assert changed.locks == default.locks
    assert changed.policy_hash != default.policy_hash


def test_the_error_names_key_and_file(file):
    path = file("[locks]\nlader = []")
    with pytest.raises(PolicyError, match=r"locks\.lader.*policy\.toml"):
        load_policy(path)


def test_a_missing_file_is_a_policy_error(tmp_path):
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path / "none.toml")


def test_a_zone_that_the_system_does_not_know_is_refused(file):
    with pytest.raises(PolicyError, match="Asia/Nowhere"):
        load_policy(file("default_time_zone = 'Asia/Nowhere'"))


def test_a_schedule_of_two_files_is_ordered_by_date(file):
    later = file("effective_at = 2026-02-01T00:00:00Z", "b.toml")
    sooner = file("effective_at = 2026-01-01T00:00:00Z\nmode = 'enforce'", "a.toml")
    assert [policy.mode for policy in load_schedule([later, sooner]).policies] == ["observe", "enforce", "observe"]
    assert len(load_schedule().policies) == 1


def test_a_policy_of_next_month_is_not_in_force_today(tmp_path: Path) -> None:
    path = tmp_path / "enforce.toml"
    path.write_text('mode = "enforce"\neffective_at = 2030-01-01T00:00:00Z\n', encoding="utf-8")
    schedule = load_schedule([path])
    assert schedule.at(to_ms(datetime(2029, 12, 31, tzinfo=UTC))).mode == "observe"
    assert schedule.at(to_ms(datetime(2030, 1, 1, tzinfo=UTC))).mode == "enforce"
