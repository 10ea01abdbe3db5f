"""Does a login log become its attempts, without telling what nobody should know?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from producers.errors import BadInput
from producers.inputs import InputOptions, demo_logins, read_inputs
from producers.sources import logins
from streams.contracts.logins import LoginFailed, LoginSucceeded
from streams.contracts.registry import Refusal, read

HEADER = "datetime,source_ip,username,success,failure_reason"


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def make(*lines: str, header: str = HEADER) -> Path:
        path = tmp_path / "log.csv"
        path.write_text("\n".join((header, *lines)) + "\n")
        return path

    return make


def test_success_and_failure_of_a_known_name(file: Callable[..., Path]) -> None:
    path = file(
        "2018-11-01 00:36:52.617978,142.89.86.32,vkim,True,",
        "2018-11-01 01:31:50.779608,142.89.86.32,vkim,False,error_wrong_password",
        "2018-11-01 01:31:51,142.89.86.32,vkim,False,error_account_locked",
    )
    records = list(logins.records(path))
    good, wrong, locked = (read(record.topic, record.key, record.value) for record in records)
    assert isinstance(good, LoginSucceeded)
    assert (good.account_id, good.known, good.ip, good.event_id) == ("vkim", True, "142.89.86.32", "log-2")
    assert records[0].timestamp_ms == 1_541_032_612_617  # to the millisecond, rounded down, UTC
    assert isinstance(wrong, LoginFailed)
    assert (wrong.reason, locked.reason) == ("wrong_password", "account_locked")


def test_an_unknown_name_travels_only_as_a_keyed_hash(file: Callable[..., Path]) -> None:
    path = file("2018-11-01 00:36:52,142.89.86.32,hunter2,False,error_wrong_username")
    [record], [other] = list(logins.records(path)), list(logins.records(path, pseudonym_key="secret"))
    event = read(record.topic, record.key, record.value)
    assert (event.known, event.reason) == (False, "wrong_username")
    assert event.account_id.startswith("anonymous:")
    assert b"hunter2" not in record.value + record.key
    assert record.key != other.key


def test_attacks_are_the_truth_and_not_an_input(file: Callable[..., Path]) -> None:
    with pytest.raises(BadInput, match="must never be replayed"):
        list(logins.records(file(header="start,end,source_ip")))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("yesterday,1.2.3.4,a,True,", "column datetime is not an ISO 8601 time"),
        ("2018-11-01 00:00:00,,a,True,", "column source_ip"),
        ("2018-11-01 00:00:00,1.2.3.4,,True,", "column username"),
        ("2018-11-01 00:00:00,1.2.3.4,a,False,error_of_tomorrow", "do not fit together"),
        ("2018-11-01 00:00:00,1.2.3.4,a,True,error_wrong_password", "do not fit together"),
        ("2018-11-01 00:00:00,1.2.3.4,a,True", "4 columns instead of 5"),
    ],
)
def test_a_bad_line_is_refused_with_its_place(file: Callable[..., Path], line: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        list(logins.records(file(line)))
    assert "log.csv, line 2" in str(refused.value)


def test_the_shipped_logs_are_whole_and_merge_by_time() -> None:
    ch_08, ch_11 = demo_logins()
    count, newest = 0, 0
    for record in read_inputs([ch_11, ch_08], "logins", InputOptions()):
        assert record.timestamp_ms >= newest
        newest = record.timestamp_ms
        count += 1
    assert count == 12_836 + 38_700


def test_the_shipped_logs_keep_the_contracts() -> None:
    for path in demo_logins():
        assert not any(isinstance(read(*record[:3]), Refusal) for record in logins.records(path))
