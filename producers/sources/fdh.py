"""Which payments and late labels does a transaction file in the handbook's format hold?"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

from producers.durations import DAY_MS, SECOND_MS
from producers.errors import BadInput, bad_line
from producers.feed import Outgoing, outgoing
from producers.sources.reading import text_of, wrong_columns
from streams.contracts.accounts import LabelRecorded
from streams.contracts.base import from_ms
from streams.contracts.payments import PaymentSucceeded

COLUMNS: Final = (
    "TRANSACTION_ID",
    "CUSTOMER_ID",
    "TERMINAL_ID",
    "TX_AMOUNT",
    "TX_TIME_SECONDS",
    "TX_FRAUD",
    "TX_FRAUD_SCENARIO",
)
EPOCH_MS: Final = 1_522_540_800_000  # 2018-04-01T00:00:00Z, the zero of TX_TIME_SECONDS
LABEL_DELAY_MS: Final = 7 * DAY_MS
CURRENCY: Final = "EUR"  # the file names none
Release = Literal["exact", "day-end"]


class Row(NamedTuple):
    """One payment by card at a terminal, with the truth about it."""

    transaction_id: str
    customer_id: str
    terminal_id: str
    amount_minor: int
    second: int  # since 2018-04-01
    fraud: bool
    scenario: int  # 0 none; never an input of a detector


def rows(path: Path) -> Iterator[Row]:
    """Reads a `.csv` or `.csv.xz` row by row and refuses the first line that does not fit."""
    with text_of(path) as lines:
        reader = csv.reader(lines)
        header = next(reader, None)
        if header is None or tuple(header) != COLUMNS:
            raise wrong_columns(path, header, COLUMNS)
        newest = 0
        for fields in reader:
            row = _row(path, reader.line_num, fields)
            if row.second < newest:
                problem = "column TX_TIME_SECONDS goes back in time"
                raise bad_line(path, reader.line_num, problem, "sort the file by TX_TIME_SECONDS")
            newest = row.second
            yield row


def records(
    payments: Iterable[Row],
    *,
    start_ms: int | None = None,
    end_ms: int | None = None,
    label_delay_ms: int = LABEL_DELAY_MS,
    release: Release = "exact",
) -> Iterator[Outgoing]:
    """A payment per row and, `label_delay_ms` later, its label; labels come before payments of the same time.

    `start_ms` (inclusive) and `end_ms` (exclusive) choose payments; a payment that is left out has no label either.
    """
    if label_delay_ms <= 0:
        raise BadInput("The label delay must be longer than zero; a label that comes with its payment is no label.")
    # Payments come in time order and the delay never shortens, so labels queue up in their own order.
    labels: deque[Outgoing] = deque()
    for row in payments:
        at_ms = EPOCH_MS + row.second * SECOND_MS
        if start_ms is not None and at_ms < start_ms:
            continue
        if end_ms is not None and at_ms >= end_ms:
            break
        while labels and labels[0].timestamp_ms <= at_ms:
            yield labels.popleft()
        yield payment_of(row, at_ms)
        labels.append(label_of(row, at_ms, released_ms(at_ms, label_delay_ms, release)))
    yield from labels


def released_ms(at_ms: int, delay_ms: int, release: Release) -> int:
    """When the truth about a payment of `at_ms` is known: exactly then, or when its UTC day is `delay_ms` over."""
    if release == "exact":
        return at_ms + delay_ms
    return (at_ms // DAY_MS + 1) * DAY_MS + delay_ms


def payment_of(row: Row, at_ms: int) -> Outgoing:
    return outgoing(
        "payments.transactions",
        PaymentSucceeded(
            event_id=f"fdh-{row.transaction_id}",
            source="fdh",
            occurred_at=from_ms(at_ms),
            account_id=row.customer_id,
            payment_id=row.transaction_id,
            amount_minor=row.amount_minor,
            currency=CURRENCY,
            terminal_id=row.terminal_id,
        ),
    )


def label_of(row: Row, at_ms: int, known_ms: int) -> Outgoing:
    return outgoing(
        "risk.labels",
        LabelRecorded(
            event_id=f"fdh-label-{row.transaction_id}",
            source="fdh",
            occurred_at=from_ms(known_ms),
            account_id=row.customer_id,
            subject_id=row.transaction_id,
            verdict="fraud" if row.fraud else "legit",
            label_source="fdh",
            subject_occurred_at=from_ms(at_ms),
            terminal_id=row.terminal_id,
            amount_minor=row.amount_minor,
        ),
    )


def write(path: Path, payments: Iterable[Row]) -> int:
    """Writes rows in the same format and returns their number; the inverse of `rows`."""
    count = 0
    with path.open("w", encoding="ascii", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(COLUMNS)
        for row in payments:
            amount = f"{row.amount_minor // 100}.{row.amount_minor % 100:02d}"
            out.writerow(
                (row.transaction_id, row.customer_id, row.terminal_id, amount, row.second, int(row.fraud), row.scenario)
            )
            count += 1
    return count


def _row(path: Path, line: int, fields: list[str]) -> Row:
    if len(fields) != len(COLUMNS):
        raise bad_line(path, line, f"{len(fields)} columns instead of {len(COLUMNS)}", "repair or remove the line")
    transaction, customer, terminal, amount, second, fraud, scenario = fields
    for name, text in zip(COLUMNS, fields, strict=True):
        if name != "TX_AMOUNT" and not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise bad_line(path, line, f"column {name} is not a whole number", "repair or remove the line")
    if fraud not in ("0", "1"):
        raise bad_line(path, line, "column TX_FRAUD is neither 0 nor 1", "repair or remove the line")
    minor = minor_units(amount)
    if minor is None:
        raise bad_line(path, line, "column TX_AMOUNT is not an amount with two decimals", "repair or remove the line")
    return Row(transaction, customer, terminal, minor, int(second), fraud == "1", int(scenario))


def minor_units(text: str) -> int | None:
    """`57.16` -> 5716 without floating point, in which 57.16 * 100 is 5715.999...

    The public file holds a thousand amounts such as `85.64999999999999`, products of a double; they are rounded to the
    minor unit that they miss by less than a millionth. Anything else is no amount.
    """
    whole, _, cents = text.partition(".")
    if not (
        whole and (whole + cents).isascii() and (whole + cents).isdigit() and len(whole) <= 13 and len(cents) <= 20
    ):
        return None
    if len(cents) <= 2:
        return int(whole) * 100 + int((cents + "00")[:2])
    scale = int("1" + "0" * (len(cents) - 2))
    minor, rest = divmod(int(whole + cents), scale)
    if rest * 1_000_000 < scale:
        return minor
    if (scale - rest) * 1_000_000 < scale:
        return minor + 1
    return None
