"""How does the system behave at a constant rate of payments?"""

from __future__ import annotations

import time
from typing import Final, NamedTuple

from producers.feed import Outgoing, outgoing
from producers.writer import KafkaWriter
from streams.contracts.base import from_ms
from streams.contracts.payments import PaymentRequested, PaymentSucceeded

SOURCE: Final = "load"
# A timer that wakes 500 times a second paces evenly enough for a latency measured in milliseconds.
_TICK_S: Final = 0.002


class Load(NamedTuple):
    """What was offered: payments `{run}-0`, `{run}-1`, ... up to `sent`, each dated when it was sent."""

    sent: int
    seconds: float
    late_s: float  # the most that the generator itself fell behind its plan


def payment(run: str, number: int, accounts: int, at_ms: int) -> Outgoing:
    """Payment `number` of a run; accounts take turns, so with `accounts` >= count every payment has its own."""
    account = number % accounts
    return outgoing(
        "payments.transactions",
        PaymentRequested(
            event_id=f"{run}-{number}",
            source=SOURCE,
            occurred_at=from_ms(at_ms),
            account_id=f"{run}-account-{account}",
            payment_id=f"{run}-p{number}",
            amount_minor=_amount_minor(number),
            currency="EUR",
            merchant_id=f"merchant-{number * 31 % 3_000}",
            terminal_id=f"terminal-{number * 31 % 9_000}",
            card_token=f"card-{run}-{account}",
            bin="400012",
            issuer_id="issuer-north",
            gateway_id=f"gateway-{number % 3 + 1}",
            device_id=f"device-{run}-{account}",
            ip=f"10.{account >> 16 & 255}.{account >> 8 & 255}.{account & 255}",
            country="DE",
        ),
    )


def success(run: str, number: int, accounts: int, at_ms: int) -> Outgoing:
    """The good end of payment `number` of a run."""
    return outgoing(
        "payments.transactions",
        PaymentSucceeded(
            event_id=f"{run}-{number}-done",
            source=SOURCE,
            occurred_at=from_ms(at_ms),
            account_id=f"{run}-account-{number % accounts}",
            payment_id=f"{run}-p{number}",
            amount_minor=_amount_minor(number),
            currency="EUR",
        ),
    )


def _amount_minor(number: int) -> int:
    return 500 + number * 7919 % 20_000


def run(writer: KafkaWriter, name: str, *, rate: float, seconds: float, accounts: int | None = None) -> Load:
    """Offers `rate` payments a second for `seconds`, whether or not anybody keeps up."""
    partitions = writer.partitions()
    count = int(rate * seconds)
    turns = count if accounts is None else accounts
    began_s = time.monotonic()
    late_s = 0.0
    sent = 0
    while sent < count:
        due = min(count, int((time.monotonic() - began_s) * rate) + 1)
        now_ms = time.time_ns() // 1_000_000
        while sent < due:
            writer.send_keyed(payment(name, sent, turns, now_ms), partitions)
            sent += 1
        late_s = max(late_s, time.monotonic() - began_s - sent / rate)
        time.sleep(_TICK_S)
    writer.flush()
    return Load(count, time.monotonic() - began_s, late_s)
