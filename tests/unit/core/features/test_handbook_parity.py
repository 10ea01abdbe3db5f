"""Do streamed features equal the handbook's batch definition to 1e-9, payment by payment?

With PAYWARDEN_EVAL_DATA set, on real rows of its fdh/ folder; else on generated ones of the same shape.
"""

from __future__ import annotations

import csv
import lzma
import os
import random
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from support.happenings import Account, paid

from streams.adapters.policy_file import default_text
from streams.contracts.base import to_ms
from streams.contracts.signals import EntityObserved, EntityRisk
from streams.core.entities import pipeline
from streams.core.entities.context import EntityContext
from streams.core.entities.risk_state import RiskState
from streams.core.entities.state import EntityState
from streams.core.policy import parse_policy

EPOCH = datetime(2018, 4, 1, tzinfo=UTC)
DAY_S = 86_400
DELAY_S = 7 * DAY_S
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
    """20 customers with their own pace, up to four payments a day, and amounts; two of three follow another at once."""
    chance = random.Random(2018)
    made = []
    for customer in range(20):
        second, pace, mean = 0, chance.uniform(0.2, 4.0) / 3 / DAY_S, chance.uniform(500, 10_000)
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


def test_the_handbooks_terminal_features():
    """Windows (t - 7 d - w, t - 7 d] of labels that arrive exactly seven days late."""
    policy = parse_policy(default_text(), "[entities.risky_terminal]\nnotable_frauds = 0\n")
    chance = random.Random(7)
    made: list[tuple[int, str, bool]] = []
    second = 0
    while (second := second + chance.randrange(1, 2 * 3600)) < LAST_DAY * DAY_S:
        made.append((second, str(chance.randrange(6)), chance.random() < 0.15))
    states: dict[str, EntityState] = defaultdict(EntityState)
    risks: dict[str, RiskState] = defaultdict(RiskState)
    told: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    waiting = deque(made)
    compared = 0
    for second, terminal, _ in made:
        at_ms = to_ms(EPOCH) + second * 1000
        while waiting and waiting[0][0] + DELAY_S <= second:
            then, where, fraud = waiting.popleft()
            signal = EntityObserved(
                at_ms=to_ms(EPOCH) + (then + DELAY_S) * 1000,
                partition=0,
                sequence=1,
                kind="terminal",
                value=where,
                event_id=f"label-{then}",
                account_id="a",
                what="label",
                fraud=fraud,
                subject_at_ms=to_ms(EPOCH) + then * 1000,
            )
            for risk in pipeline.observe(states[where], signal, policy, EntityContext(0, 1, at_ms)):
                assert isinstance(risk, EntityRisk)
                risks[where].apply(risk)
            told[where].append((then, fraud))
        known = risks[terminal]
        features = Account(risk=lambda kind, value, at_ms, known=known: known.fact(at_ms)).look(
            paid(at_ms, second, 1000, terminal_id=terminal)
        )
        if not told[terminal]:
            continue
        compared += 1
        for days in (1, 7, 30):
            inside = [fraud for then, fraud in told[terminal] if then > second - DELAY_S - days * DAY_S]
            rate = sum(inside) / len(inside) if inside else 0.0
            assert getattr(features, f"terminal_labels_{days}d") == len(inside)
            assert abs(getattr(features, f"terminal_fraud_rate_{days}d") - rate) <= 1e-9
    assert compared > 500
