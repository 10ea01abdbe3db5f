"""Does a transaction file become exactly its payments and labels, each at its time?"""

from __future__ import annotations

import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.durations import DAY_MS
from producers.errors import BadInput
from producers.sources import fdh
from streams.contracts.registry import decode, read

HEADER = ",".join(fdh.COLUMNS)
LINES = ("0,596,3156,57.16,31,0,0", "1,4961,3412,81.51,130,1,2", "2,2,1365,146.0,604831,0,0", "3,2,9,8,604832,0,0")


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def make(*lines: str, header: str = HEADER) -> Path:
        path = tmp_path / "transactions.csv"
        path.write_text("\n".join((header, *lines)) + "\n")
        return path

    return make


def test_one_payment_and_one_label_per_row_in_time_order(file: Callable[..., Path]) -> None:
    records = list(fdh.records(fdh.rows(file(*LINES))))
    assert [record.topic for record in records] == [
        "payments.transactions",
        "payments.transactions",
        "risk.labels",  # of row 0, exactly seven days later: the same second as row 2, and before it
        "payments.transactions",
        "payments.transactions",
        "risk.labels",
        "risk.labels",
        "risk.labels",
    ]
    assert [record.timestamp_ms for record in records] == sorted(record.timestamp_ms for record in records)
    events = [read(record.topic, record.key, record.value) for record in records]
    payment, label = events[1], events[5]
    assert (payment.account_id, payment.payment_id, payment.terminal_id) == ("4961", "1", "3412")
    assert (payment.amount_minor, payment.currency) == (8151, "EUR")
    assert (label.subject_id, label.verdict, label.terminal_id) == ("1", "fraud", "3412")
    assert label.subject_occurred_at == payment.occurred_at
    assert records[5].timestamp_ms - records[1].timestamp_ms == 7 * DAY_MS


def test_day_end_labels_come_at_midnight_after_the_delay(file: Callable[..., Path]) -> None:
    labels = [
        record for record in fdh.records(fdh.rows(file(*LINES)), release="day-end") if record.topic == "risk.labels"
    ]
    assert [(record.timestamp_ms - fdh.EPOCH_MS) / DAY_MS for record in labels] == [8.0, 8.0, 15.0, 15.0]


def test_a_chosen_period_has_no_payment_and_no_label_from_outside(file: Callable[..., Path]) -> None:
    start_ms, end_ms = fdh.EPOCH_MS + 100_000, fdh.EPOCH_MS + 604_832_000
    records = list(fdh.records(fdh.rows(file(*LINES)), start_ms=start_ms, end_ms=end_ms, label_delay_ms=1_000))
    events = [decode(record.topic, record.value) for record in records]
    assert [event.event_id for event in events] == ["fdh-1", "fdh-label-1", "fdh-2", "fdh-label-2"]


def test_xz_is_read_like_plain_text(file: Callable[..., Path], tmp_path: Path) -> None:
    plain = file(*LINES)
    packed = tmp_path / "transactions.csv.xz"
    packed.write_bytes(lzma.compress(plain.read_bytes()))
    assert list(fdh.rows(packed)) == list(fdh.rows(plain))


def test_written_rows_read_back(file: Callable[..., Path], tmp_path: Path) -> None:
    rows = list(fdh.rows(file(*LINES)))
    out = tmp_path / "out.csv"
    assert fdh.write(out, rows) == 4
    assert list(fdh.rows(out)) == rows


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("0,596,3156,57.16,31,0", "line 3: 6 columns instead of 7"),
        ("0,x,3156,57.16,31,0,0", "column CUSTOMER_ID is not a whole number"),
        ("0,596,3156,57.161,31,0,0", "column TX_AMOUNT"),
        ("0,596,3156,-5,31,0,0", "column TX_AMOUNT"),
        ("0,596,3156,5e3,31,0,0", "column TX_AMOUNT"),
        ("0,596,3156,57.16,30,0,0", "column TX_TIME_SECONDS goes back"),
        ("0,596,3156,57.16,31,2,0", "column TX_FRAUD is neither 0 nor 1"),
    ],
)
def test_a_bad_row_is_refused_with_its_place(file: Callable[..., Path], line: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        list(fdh.rows(file(LINES[0], line)))
    assert "transactions.csv, line 3" in str(refused.value)


def test_another_header_is_refused_with_the_expected_one(file: Callable[..., Path]) -> None:
    with pytest.raises(BadInput, match="expected TRANSACTION_ID,CUSTOMER_ID"):
        list(fdh.rows(file(header="ID,AMOUNT")))


def test_a_label_without_delay_is_refused() -> None:
    with pytest.raises(BadInput, match="longer than zero"):
        list(fdh.records([], label_delay_ms=0))


@given(st.integers(0, 10**12))
def test_amounts_are_exact_also_where_the_file_holds_a_double(minor: int) -> None:
    assert fdh.minor_units(f"{minor // 100}.{minor % 100:02d}") == minor
    if minor < 10**8:  # where a double has digits to spare
        assert fdh.minor_units(f"{minor * 0.01:.15f}".rstrip("0")) == minor


@pytest.mark.parametrize(
    ("text", "minor"), [("85.64999999999999", 8565), ("52.300000000000004", 5230), ("146.0", 14600)]
)
def test_amounts_of_the_public_file(text: str, minor: int) -> None:
    assert fdh.minor_units(text) == minor


@pytest.mark.parametrize("text", ["", ".", ".5", "1,5", "1.5.5", " 1", "٣", "nan", "1.005"])
def test_what_is_no_amount(text: str) -> None:
    assert fdh.minor_units(text) is None
