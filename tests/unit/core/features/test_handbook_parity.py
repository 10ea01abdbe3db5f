"""Do streamed features equal the handbook's batch definition to 1e-9, payment by payment?

With PAYWARDEN_EVAL_DATA set, on real rows of its fdh/ folder; else on generated ones of the same shape.
"""

from __future__ import annotations

import csv
import lzma
import os
import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from support.happenings import Account, paid

EPOCH = datetime(2018, 4, 1, tzinfo=UTC)
DAY_S = 86_400
LAST_DAY = 45  # the 30-day windows are full from day 30 on


class Row(NamedTuple):
    number: int
    customer: str
    terminal: str
    cents: int
    second: int


def rows() -> Iterator[Row]:
    folder = os.environ.get("PAYWARDEN_EVAL_DATA")
    return generated() if folder is None else recorded(Path(folder))


def recorded(folder: Path) -> Iterator[Row]:
    """Every hundredth customer."""
    (path,) = (folder / "fdh").glob("*.csv.xz")
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            second = int(row["TX_TIME_SECONDS"])
            if second >= LAST_DAY * DAY_S:
                return
            if row["CUSTOMER_ID"].endswith("00"):
                cents = round(float(row["TX_AMOUNT"]) * 100)
                yield Row(int(row["TRANSACTION_ID"]), row["CUSTOMER_ID"], row["TERMINAL_ID"], cents, second)


def generated() -> Iterator[Row]:
    """20 customers with their own pace and amounts; some payments share a second."""
    chance = random.Random(2018)
    made = []
    for customer in range(20):
        second, pace, mean = 0, chance.uniform(0.2, 4.0) / DAY_S, chance.uniform(500, 10_000)
        while (second := second + chance.choice([0, 1, int(chance.expovariate(pace))])) < LAST_DAY * DAY_S:
            made.append((second, customer, int(abs(chance.gauss(mean, mean / 2)))))
    for number, (second, customer, cents) in enumerate(sorted(made, key=lambda one: one[0])):
        yield Row(number, str(customer), str(chance.randrange(100)), cents, second)


def test_the_handbooks_customer_and_time_features():
    accounts: dict[str, Account] = defaultdict(Account)
    history: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    seen = 0
    for row in rows():
        when = EPOCH + timedelta(seconds=row.second)
        happening = paid(int(when.timestamp()) * 1000, row.number, row.cents, terminal_id=row.terminal)
        features = accounts[row.customer].see(happening)
        seconds, amounts = history[row.customer]
        seconds.append(row.second)
        amounts.append(row.cents)
        for days in (1, 7, 30):
            first = bisect_right(seconds, row.second - days * DAY_S)
            mean = sum(amounts[first:]) / len(amounts[first:]) / 100
            assert getattr(features, f"spend_count_{days}d") == len(amounts) - first
            assert abs(getattr(features, f"spend_mean_{days}d") - mean) <= 1e-9
        assert features.amount == row.cents / 100
        assert features.weekend == float(when.weekday() >= 5)
        assert features.night == float(when.hour <= 6)
        assert features.spend_truncated == 0.0
        seen += 1
    assert seen > 1000
