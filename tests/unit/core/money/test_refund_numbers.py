"""Merchants number refunds each for themselves: are refunds of two payments under one number still two?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts import payments
from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import RefundCancelled
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.core.steps import Effect

ABOUT: dict[str, Any] = {"amount_minor": 3_000, "currency": "CNY"}


def step(kind: Any, payment_id: str, at_ms: int, **fields: Any) -> Event:
    fields = ABOUT | {"payment_id": payment_id, "method": "wallet_balance"} | fields
    return paid(NOON + at_ms, f"{kind.__name__}{payment_id}{at_ms}", kind=kind, **fields)


def booked(payment_id: str, direction: str, at_ms: int, **fields: Any) -> Event:
    name = f"{direction}{payment_id}{at_ms}"
    about = ABOUT | {"entry_id": name, "direction": direction, "payment_id": payment_id}
    return event(LedgerPosted, NOON + at_ms, name, **about | fields)


class Account:
    """Two good payments to two merchants; the refund of the first is here, under the number 1."""

    def __init__(self) -> None:
        self.player, self.effects = Player(policy()), list[Effect]()
        for at_ms, payment_id in ((0, "p1"), (DAY, "p2")):
            self.see(
                step(payments.PaymentRequested, payment_id, at_ms, merchant_id=f"of {payment_id}"),
                booked(payment_id, "debit", at_ms + SECOND),
                step(payments.PaymentSucceeded, payment_id, at_ms + 2 * SECOND, merchant_id=f"of {payment_id}"),
            )
        self.refunded("p1", "1", DAY + 10 * MINUTE)

    def see(self, *happenings: Event) -> Account:
        for each in happenings:
            self.effects += self.player.see(each)
        return self

    def refunded(self, payment_id: str, refund_id: str, at_ms: int) -> Account:
        return self.see(
            step(payments.RefundApproved, payment_id, at_ms, refund_id=refund_id),
            step(payments.RefundSent, payment_id, at_ms + SECOND, refund_id=refund_id),
            booked(payment_id, "credit", at_ms + 2 * SECOND, reference=refund_id),
            step(payments.RefundCredited, payment_id, at_ms + 3 * SECOND, refund_id=refund_id),
        )

    def waited(self, at_ms: int) -> Account:
        return self.see(event(Watermark, NOON + at_ms, at_ms, account_id="-"))

    def cases(self) -> list[tuple[str, str | None]]:
        last = {each.case_id: each for each in self.effects if isinstance(each, CaseVersion)}
        return sorted((each.case_type, each.entities.payment_id) for each in last.values())

    def messages(self) -> list[str]:
        return [each.template for each in self.effects if isinstance(each, NotificationRequested)]


@pytest.mark.parametrize("number", ["1", "2"])
def test_the_second_is_missed_like_any_other(number: str) -> None:
    account = Account().see(step(payments.RefundApproved, "p2", 2 * DAY, refund_id=number)).waited(30 * DAY)
    assert account.cases() == [("refund_dispute", "p2")]


@pytest.mark.parametrize("number", ["1", "2"])
def test_a_promise_is_reminded_and_broken_under_its_own_payment(number: str) -> None:
    account = Account().see(
        step(payments.RefundPromised, "p1", 2 * DAY, refund_id="7", amount_minor=500),
        step(payments.RefundPromised, "p2", 2 * DAY, refund_id="7" if number == "1" else "8"),
        step(payments.RefundSent, "p1", 3 * DAY, refund_id="7", amount_minor=500),
        step(payments.RefundCredited, "p1", 3 * DAY + SECOND, refund_id="7", amount_minor=500),
    )
    account.waited(5 * DAY).waited(30 * DAY)
    assert account.messages()[:2] == ["refund_dispute.waits", "refund_dispute"]
    assert ("refund_dispute", "p2") in account.cases()


@pytest.mark.parametrize("number", ["1", "2"])
def test_what_fails_of_one_is_not_the_other(number: str) -> None:
    account = Account().see(
        step(payments.RefundApproved, "p2", 2 * DAY, refund_id=number),
        step(payments.RefundFailed, "p1", 2 * DAY + SECOND, refund_id="1"),
    )
    assert ("refund_dispute", "p2") in account.waited(30 * DAY).cases()


@pytest.mark.parametrize("number", ["1", "2"])
def test_what_exceeds_its_payment_is_stopped_under_any_number(number: str) -> None:
    account = Account().refunded("p2", "3", 2 * DAY)
    account.see(step(payments.RefundApproved, "p2", 3 * DAY, refund_id=number))
    assert [each.payment_id for each in account.effects if isinstance(each, RefundCancelled)] == ["p2"]
    assert ("refund_exceeds_payment", "p2") in account.cases()
