"""A customer has the money twice: a refund and a late success, or a refund and a chargeback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from producers.durations import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from producers.simulate.stage import Stage
from streams.contracts.payments import (
    Code,
    PaymentFailed,
    PaymentRequested,
    PaymentSucceeded,
    RefundCredited,
    RefundSent,
)


def play(stage: Stage) -> None:
    """A success after the money was back; two chargebacks of refunded orders, one taken back; a refund in halves."""
    at_ms = stage.day(stage.warm_up(), 13.0)
    _late_success(stage, at_ms)
    for number, taken_back in ((1, False), (2, True)):
        account_id, fields = _bought(stage, number, at_ms)
        _refund(stage, account_id, at_ms + HOUR_MS, fields, fields["amount_minor"])
        stage.post(account_id, at_ms + DAY_MS, "credit", fields)  # the issuer's chargeback
        if taken_back:
            stage.post(account_id, at_ms + DAY_MS + 2 * HOUR_MS, "debit", fields)
    account_id, fields = _bought(stage, 3, at_ms)
    half_minor = fields["amount_minor"] // 2
    _refund(stage, account_id, at_ms + HOUR_MS, fields, half_minor)
    _refund(stage, account_id, at_ms + DAY_MS, fields, fields["amount_minor"] - half_minor)


def _late_success(stage: Stage, at_ms: int) -> None:
    person = stage.regular(0)
    fields = stage.movement(person, stage.home(person), person.mean_minor, person.terminals[0])
    fields["method"] = "wallet_balance"
    account_id = person.account_id
    stage.say("payments.transactions", PaymentRequested(**stage.envelope(account_id, at_ms), **fields))
    stage.post(account_id, at_ms + SECOND_MS, "debit", fields)
    codes = (Code(source="iso8583_1987", code="96"),)
    failed = PaymentFailed(**stage.envelope(account_id, at_ms + 8 * SECOND_MS), **fields, codes=codes)
    stage.say("payments.transactions", failed)
    stage.post(account_id, at_ms + 50 * MINUTE_MS, "credit", fields)
    succeeded = PaymentSucceeded(**stage.envelope(account_id, at_ms + 3 * HOUR_MS), **fields)
    stage.say("payments.transactions", succeeded)


def _bought(stage: Stage, number: int, at_ms: int) -> tuple[str, dict[str, Any]]:
    """A payment that went well: whose it is, and what it says."""
    person = stage.regular(number)
    context = stage.home(person)
    fields = stage.movement(person, context, person.mean_minor, person.terminals[0])
    stage.pay(person, context, at_ms, fields)
    return person.account_id, fields


def _refund(stage: Stage, account_id: str, at_ms: int, bought: Mapping[str, Any], amount_minor: int) -> None:
    """The merchant gives back (a part of) what was paid; the ledger books it an hour later."""
    fields = {**bought, "amount_minor": amount_minor}
    refund_id = f"{bought['payment_id']}-r{at_ms}"
    for kind, delay_ms in ((RefundSent, 0), (RefundCredited, HOUR_MS)):
        envelope = stage.envelope(account_id, at_ms + delay_ms)
        stage.say("payments.transactions", kind(**envelope, **fields, refund_id=refund_id))
    stage.post(account_id, at_ms + HOUR_MS + SECOND_MS, "credit", fields)
