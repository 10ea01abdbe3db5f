"""Does a file of lines arrive as it is: good lines decoded for their time, bad ones untouched?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from producers.errors import BadInput
from producers.feed import Outgoing
from producers.sources import jsonl

LOGIN = (
    '{"type":"login.succeeded.v1","event_id":"e%d","source":"t","occurred_at":"%s","account_id":"a1","ip":"10.0.0.1"}'
)
AT = 1_767_614_400_000


def login(number: int, at: str = "2026-01-05T12:00:00Z") -> str:
    return LOGIN % (number, at)


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., list[Outgoing]]:
    def make(*texts: str | bytes, malformed: jsonl.Malformed = "send") -> list[Outgoing]:
        path = tmp_path / "events.jsonl"
        path.write_bytes(b"\n".join(text.encode() if isinstance(text, str) else text for text in texts) + b"\n")
        return list(jsonl.records(path, malformed=malformed))

    return make


def test_a_bare_event_goes_to_the_topic_of_its_type_with_its_bytes(lines: Callable[..., list[Outgoing]]) -> None:
    assert lines(login(1)) == [Outgoing("auth.logins", b"a1", login(1).encode(), AT)]


def test_the_wrapper_may_say_everything(lines: Callable[..., list[Outgoing]]) -> None:
    wrapped = f'{{"topic":"ledger.entries","key":"other","timestamp_ms":{AT + 5},"event":{login(1)}}}'
    assert lines(wrapped) == [Outgoing("ledger.entries", b"other", login(1).encode(), AT + 5)]


@pytest.mark.parametrize(
    "bad",
    [
        b'{"type":"login.succeeded.v1","acc',
        b"\xff\xfe",
        b"[1,2]",
        b'{"type":"login.succeeded.v9","account_id":"a1"}',
        b'{"amount":NaN}',
        b"[" * 5_000,
    ],
)
def test_a_malformed_line_is_sent_as_it_is_at_the_time_of_the_line_before(
    lines: Callable[..., list[Outgoing]], bad: bytes
) -> None:
    good, sent = lines(login(1), bad)
    assert (sent.value, sent.timestamp_ms) == (bad, good.timestamp_ms)
    with pytest.raises(BadInput, match=r"events\.jsonl, line 2"):
        lines(login(1), bad, malformed="stop")


def test_malformed_lines_at_the_start_wait_for_the_first_time(lines: Callable[..., list[Outgoing]]) -> None:
    assert [record.timestamp_ms for record in lines("?", "!", login(1), "x")] == [AT] * 4


def test_a_late_event_arrives_late_and_a_wrong_clock_moves_nothing(lines: Callable[..., list[Outgoing]]) -> None:
    records = lines(
        login(1), login(2, "2026-01-05T11:00:00Z"), login(3, "2099-01-01T00:00:00Z"), login(4, "2026-01-05T12:00:01Z")
    )
    assert [record.timestamp_ms for record in records] == [AT, AT, AT, AT + 1_000]


def test_a_line_for_no_input_is_refused(lines: Callable[..., list[Outgoing]]) -> None:
    with pytest.raises(BadInput, match=r"'fraud\.decisions' is not an input topic"):
        lines(f'{{"topic":"fraud.decisions","event":{login(1)}}}')


def test_what_is_dumped_reads_back(lines: Callable[..., list[Outgoing]]) -> None:
    record = Outgoing("auth.logins", b"a1", login(1).encode(), AT + 7)
    assert lines(jsonl.dump(record).rstrip()) == [record]
    assert msgspec.json.decode(jsonl.dump(record))["topic"] == "auth.logins"
