"""How many microseconds do the features and the folding of one event cost?

Run it: python tests/bench/bench_core_features.py. Accounts are warm, values come from small pools as a customer's do.
CPU time, so that neighbours on the machine count less.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time

from streams.contracts.base import Event, to_ms
from streams.contracts.logins import LoginFailed, LoginSucceeded
from streams.core.features import FEATURES, features_of
from streams.core.observations import Observations, decode, encode, fold
from streams.core.risk import RiskFact

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.happenings import DAY, NOON, login, paid

ACCOUNTS, PER_ACCOUNT, ROUNDS = 200, 120, 5
FACT = RiskFact(level=1, score=0.2, age_s=60, labels_30d=40, frauds_30d=2)


def risk(kind: str, value: str, at_ms: int) -> RiskFact | None:
    return FACT if kind == "terminal" else None


def traffic(kind: Callable[[random.Random, int, int], Event]) -> list[list[tuple[Event, int]]]:
    """Per account about two events a day for two months."""
    chance = random.Random(7)
    accounts = []
    for _ in range(ACCOUNTS):
        at, history = NOON, []
        for number in range(PER_ACCOUNT):
            at += int(chance.expovariate(2.0 / DAY))
            happening = kind(chance, number, at)
            history.append((happening, to_ms(happening.occurred_at)))
        accounts.append(history)
    return accounts


def bare_payment(chance: random.Random, number: int, at: int) -> Event:
    return paid(at, number, chance.randrange(100, 9000), terminal_id=f"t{chance.randrange(40)}")


def full_payment(chance: random.Random, number: int, at: int) -> Event:
    context = {"device_id": f"d{chance.randrange(2)}", "ip": f"198.51.100.{chance.randrange(9)}", "country": "DE"}
    place = {"latitude": 52.5, "longitude": 13.4, "card_token": "c1", "merchant_id": f"m{chance.randrange(40)}"}
    return paid(at, number, chance.randrange(100, 9000), terminal_id=f"t{chance.randrange(40)}", **context, **place)


def full_login(chance: random.Random, number: int, at: int) -> Event:
    context = {"device_id": f"d{chance.randrange(2)}", "ip": f"198.51.100.{chance.randrange(9)}", "country": "DE"}
    kind = LoginFailed if chance.random() < 0.1 else LoginSucceeded
    return login(at, number, kind, user_agent="Mozilla", asn=3320, latitude=52.5, longitude=13.4, **context)


def measure(name: str, accounts: list[list[tuple[Event, int]]]) -> None:
    events = ACCOUNTS * PER_ACCOUNT
    best = best_fold = best_store = float("inf")
    size = 0
    for _ in range(ROUNDS):
        states = [Observations() for _ in accounts]
        started = process_time()
        for state, history in zip(states, accounts, strict=True):
            for happening, at in history:
                features_of(state, happening, at, risk)
                fold(state, happening, at)
        best = min(best, process_time() - started)
        started = process_time()
        for state, history in zip([Observations() for _ in accounts], accounts, strict=True):
            for happening, at in history:
                fold(state, happening, at)
        best_fold = min(best_fold, process_time() - started)
        started = process_time()
        stored = [encode(state) for state in states]
        for raw in stored:
            decode(raw)
        best_store = min(best_store, process_time() - started)
        size = sum(map(len, stored)) // len(stored)
    whole, folding = best / events * 1e6, best_fold / events * 1e6
    store = best_store / ACCOUNTS * 1e6
    print(f"{name:14} {len(FEATURES)} features and fold {whole:5.1f} us, of that fold {folding:4.1f} us", end="   ")
    print(f"encode and decode a state {store:4.1f} us, {size} bytes")


if __name__ == "__main__":
    measure("bare payment", traffic(bare_payment))
    measure("full payment", traffic(full_payment))
    measure("full login", traffic(full_login))
