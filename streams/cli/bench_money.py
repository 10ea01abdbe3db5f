"""What does a payment that fails cost, and what is remembered while money is looked for?

In memory, on the engine of one partition with the accounts agent, like the stage `core`. The account with a habit and
its failures is simulated for two months, because what must not grow shows only with time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from producers.feed import Outgoing, outgoing
from streams.cli.bench_core import RUN, START_MS, least, played, records_of
from streams.contracts.accounts import LedgerPosted
from streams.contracts.base import from_ms
from streams.contracts.payments import Code, PaymentFailed, PaymentRequested, PaymentReversed, PaymentSucceeded

DAY_MS, MINUTE_MS = 86_400_000, 60_000
TRACKED = 4  # debits of one account whose payments nobody has explained
DAYS = 60
REGULARS, PER_DAY = 40, 4


class Cost(msgspec.Struct, kw_only=True):
    """CPU per payment (request and end), bytes of an account's state."""

    failed_us: float
    good_us: float
    tracked_bytes: int  # of the changelog row, per debit that waits for its payment
    settled_bytes: int  # what is left of it when the payment is explained
    state_bytes_15_days: int  # average; four payments a day, one in four fails, one in twenty is debited all the same
    state_bytes_30_days: int
    state_bytes_60_days: int
    state_bytes_worst: int


def cost(payments: int) -> Cost:
    """Measures everything; `payments` of each kind for the CPU times."""
    accounts = max(1, payments // 5)
    failed = records_of(_ended(payments, accounts, PaymentFailed))
    good = records_of(_ended(payments, accounts, PaymentSucceeded))
    before, waiting, after = (_average(_tracked(stage)) for stage in range(3))
    after_15, after_30, after_60 = (
        [len(raw) for raw in played(records_of(_regulars(days))).values()] for days in (DAYS // 4, DAYS // 2, DAYS)
    )
    return Cost(
        failed_us=round(least(payments, lambda: played(failed)).cpu_us, 1),
        good_us=round(least(payments, lambda: played(good)).cpu_us, 1),
        tracked_bytes=(waiting - before) // TRACKED,
        settled_bytes=(after - before) // TRACKED,
        state_bytes_15_days=sum(after_15) // len(after_15),
        state_bytes_30_days=sum(after_30) // len(after_30),
        state_bytes_60_days=sum(after_60) // len(after_60),
        state_bytes_worst=max(after_60),
    )


def _average(feed: Iterator[Outgoing]) -> int:
    rows = played(records_of(feed))
    return sum(len(raw) for raw in rows.values()) // len(rows)


def _say(kind: Any, number: int, account: int, at_ms: int, **fields: Any) -> Outgoing:
    topic = "ledger.entries" if kind is LedgerPosted else "payments.transactions"
    known: dict[str, Any] = {
        "event_id": f"{RUN}-{kind.__name__}-{number}",
        "source": RUN,
        "occurred_at": from_ms(at_ms),
        "account_id": f"{RUN}-account-{account}",
        "payment_id": f"{RUN}-p{number}",
        "amount_minor": 500 + number * 7919 % 20_000,
        "currency": "EUR",
    }
    if kind is LedgerPosted:
        known |= {"entry_id": f"{RUN}-l{number}", "direction": "debit"}
    else:
        known |= {
            "merchant_id": f"merchant-{number * 31 % 3_000}",
            "card_token": f"card-{account}",
            "issuer_id": "issuer-north",
            "gateway_id": f"gateway-{number % 3 + 1}",
            "network": "visa",
        }
    if kind is PaymentFailed:
        known["codes"] = (Code(source="iso8583_1987", code=("51", "91", "05", "61")[number % 4]),)
    return outgoing(topic, kind(**known | fields))


def _ended(payments: int, accounts: int, end: Any) -> Iterator[Outgoing]:
    """Each payment has its end at once; an account pays about five times, an hour apart."""
    for number in range(payments):
        at_ms = START_MS + number * 3_600_000 // accounts
        yield _say(PaymentRequested, number, number % accounts, at_ms)
        yield _say(end, number, number % accounts, at_ms)


def _tracked(stage: int) -> Iterator[Outgoing]:
    """Accounts with payments of which nothing is heard: 0 not debited, 1 debited, 2 debited and undone."""
    kinds = (PaymentFailed,) if stage == 0 else (PaymentFailed, LedgerPosted)
    for account in range(50):
        for payment in range(TRACKED):
            number = account * TRACKED + payment
            at_ms = START_MS + number
            yield _say(PaymentRequested, number, account, at_ms)
            for kind in kinds:
                yield _say(kind, number, account, at_ms)
            if stage == 2:
                yield _say(PaymentReversed, number, account, at_ms)
                yield _say(LedgerPosted, number, account, at_ms, direction="credit", event_id=f"{RUN}-back-{number}")


def _regulars(days: int) -> Iterator[Outgoing]:
    """Four payments a day; one in four fails, one in twenty is debited all the same and given back an hour later."""
    number = 0
    waiting: list[Outgoing] = []
    for step in range(days * PER_DAY):
        for account in range(REGULARS):
            at_ms = START_MS + step * DAY_MS // PER_DAY + account * 1_000
            while waiting and waiting[0].timestamp_ms <= at_ms:
                yield waiting.pop(0)
            fails = (number * 7 + step) % 4 == 0
            yield _say(PaymentRequested, number, account, at_ms)
            if not fails or (number * 3 + step) % 5 == 0:
                yield _say(LedgerPosted, number, account, at_ms)
                if fails:
                    back = {"direction": "credit", "event_id": f"{RUN}-back-{number}"}
                    waiting.append(_say(LedgerPosted, number, account, at_ms + 60 * MINUTE_MS, **back))
            yield _say(PaymentFailed if fails else PaymentSucceeded, number, account, at_ms)
            number += 1
    yield from waiting
