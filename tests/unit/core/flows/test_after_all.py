"""Who was told that nothing was charged, and then pays after all, hears so once."""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import NOON, SECOND, event, paid
from support.play import play, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import NotificationRequested
from streams.contracts.payments import (
    Code,
    PaymentFailed,
    PaymentPending,
    PaymentRequested,
    PaymentSucceeded,
    PspStatus,
)
from streams.contracts.triage import PaymentTriaged

SURE = policy("[unknown]\nsilent_s = 0\n")
ABOUT = {"method": "card", "currency": "CNY", "amount_minor": 10_000, "payment_id": "p1"}
NO_MONEY = (Code(source="iso8583_1987", code="51"),)


def told(kind: type[Event], second: int, **fields: Any) -> Event:
    return paid(NOON + second * SECOND, f"{kind.__name__}{second}", kind=kind, **ABOUT | fields)


def booked(second: int, direction: str = "debit", payment_id: str | None = "p1") -> Event:
    line = {"entry_id": f"l{second}", "direction": direction, "amount_minor": 10_000, "currency": "CNY"}
    return event(LedgerPosted, NOON + second * SECOND, f"l{second}", payment_id=payment_id, **line)


BEGIN = [told(PaymentRequested, 0), booked(1, payment_id=None), told(PaymentFailed, 5, codes=NO_MONEY)]
SUCCEEDED, DEBITED = told(PaymentSucceeded, 120), booked(100)


def said(*happenings: Event) -> list[str]:
    effects = play([*BEGIN, *happenings], SURE)
    (first, *_) = [each.text.template for each in effects if isinstance(each, PaymentTriaged)]
    assert first == "payment_failure.not_charged"
    return [each.template for each in effects if isinstance(each, NotificationRequested)]


@pytest.mark.parametrize(
    "later",
    [[DEBITED, SUCCEEDED], [SUCCEEDED, booked(130)], [DEBITED, told(PspStatus, 120, status="succeeded")]],
    ids=["debited before", "debited behind", "the provider says so"],
)
def test_who_was_not_charged_and_is_hears_that_the_payment_is_good(later: list[Event]) -> None:
    again = told(PaymentSucceeded, 140)
    assert said(*later, again) == ["payment_unknown.succeeded"]


def mark(second: int) -> Event:
    return event(Watermark, NOON + second * SECOND, f"mark{second}", account_id="-")


@pytest.mark.parametrize(
    ("meanwhile", "words"),
    [
        ([told(PaymentPending, 10), mark(80)], ["payment_unknown", "payment_unknown.succeeded"]),
        ([booked(20), mark(1_900)], ["debited_not_confirmed", "debit_confirmed"]),
    ],
    ids=["told to wait", "told of the debit"],
)
def test_what_is_said_elsewhere_is_said_once(meanwhile: list[Event], words: list[str]) -> None:
    assert said(*meanwhile, told(PaymentSucceeded, 2_000)) == words


def test_who_tries_the_payment_once_more_was_told_nothing_about_that() -> None:
    assert said(told(PaymentRequested, 60), DEBITED, SUCCEEDED) == []
