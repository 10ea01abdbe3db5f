"""A failure from before the success, told behind it: nobody hears that it failed, and nothing waits for its money."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from support.happenings import NOON, SECOND, event
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.payments import (
    BillpayFailed,
    BillpayPosted,
    BillpayRequested,
    Code,
    PaymentFailed,
    PaymentRequested,
    PaymentSucceeded,
    TopupCredited,
    TopupFailed,
    TopupRequested,
    TransferFailed,
    TransferRequested,
    TransferSucceeded,
    WithdrawalCredited,
    WithdrawalFailed,
    WithdrawalRequested,
)
from streams.contracts.triage import PaymentTriaged

SUM: dict[str, Any] = {"payment_id": "m1", "amount_minor": 50_000, "currency": "CNY"}
NO_MONEY = (Code(source="alipay", code="ACQ.BUYER_BALANCE_NOT_ENOUGH"),)
DONE = ("resolved", "withdrawn", "surveyed", "closed", "merged")
KINDS: dict[str, tuple[type[Event], type[Event], type[Event]]] = {
    "payment": (PaymentRequested, PaymentSucceeded, PaymentFailed),
    "transfer": (TransferRequested, TransferSucceeded, TransferFailed),
    "withdrawal": (WithdrawalRequested, WithdrawalCredited, WithdrawalFailed),
    "bill": (BillpayRequested, BillpayPosted, BillpayFailed),
    "topup": (TopupRequested, TopupCredited, TopupFailed),
}


class Movement:
    """One movement that is told in any order; times are seconds."""

    def __init__(self, kind: str) -> None:
        self.player, self.numbers = Player(policy("[unknown]\nsilent_s = 0\n")), count()
        self.effects: list[Any] = []
        self.asked, self.good, self.bad = KINDS[kind]
        self.is_topup = kind == "topup"

    def told(self, second: int, kind: type[Event], **fields: Any) -> Movement:
        method = {} if kind in (LedgerPosted, Watermark) else {"method": "wallet_balance"}
        about = {"account_id": "-"} if kind is Watermark else SUM | method | fields
        self.effects += self.player.see(event(kind, NOON + second * SECOND, next(self.numbers), **about))
        return self

    def begun(self) -> Movement:
        return self.told(0, self.asked, **({"speed": "real_time"} if self.asked is WithdrawalRequested else {}))

    def booked(self, second: int, direction: str = "") -> Movement:
        own = "credit" if self.is_topup else "debit"
        return self.told(second, LedgerPosted, entry_id=f"e{second}", direction=direction or own)

    def failed(self, second: int) -> Movement:
        return self.told(second, self.bad, codes=NO_MONEY)

    def waited(self) -> Movement:
        return self.told(14_400, Watermark)

    @property
    def open(self) -> dict[str, int | None]:
        last = {each.case_id: each for each in self.effects if isinstance(each, CaseVersion)}
        return {each.cause_family: each.amount_minor for each in last.values() if each.status not in DONE}

    @property
    def said(self) -> list[str]:
        told = [each.template for each in self.effects if isinstance(each, NotificationRequested)]
        return told + [each.text.template for each in self.effects if isinstance(each, PaymentTriaged)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("booked_s", [1, 300])
@pytest.mark.parametrize("heard", ["a second later", "beyond the lateness bound"])
def test_a_failure_from_before_the_success_is_told_to_nobody(kind: str, booked_s: int, heard: str) -> None:
    movement = Movement(kind).begun()
    if booked_s == 1:
        movement.booked(1)
    movement.told(4, movement.good)
    if heard != "a second later":
        movement.told(1_200, Watermark)
    movement.failed(3)
    if booked_s > 1:
        movement.booked(booked_s)
    assert (movement.waited().open, movement.said) == ({}, [])


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_from_after_the_success_is_told(kind: str) -> None:
    movement = Movement(kind).begun().booked(1)
    movement.told(4, movement.good).failed(5)
    assert len(movement.said) == 1


@pytest.mark.parametrize("kind", ["withdrawal", "bill"])
def test_a_success_from_before_the_failure_ends_no_waiting_for_what_was_taken(kind: str) -> None:
    in_order, overtaken = Movement(kind).begun().booked(1), Movement(kind).begun().booked(1)
    in_order.told(4, in_order.good).failed(5)
    overtaken.failed(5).told(4, overtaken.good)
    assert in_order.waited().open == overtaken.waited().open != {}


@pytest.mark.parametrize("kind", ["withdrawal", "bill"])
@pytest.mark.parametrize("order", [("bad", "back", "good"), ("good", "bad", "back"), ("back", "good", "bad")])
def test_what_failed_was_given_back_and_went_through_is_twice_in_any_order(kind: str, order: tuple[str, ...]) -> None:
    movement = Movement(kind).begun().booked(1)
    ends: dict[str, Any] = {
        "bad": lambda: movement.failed(70),
        "back": lambda: movement.booked(75, "credit"),
        "good": lambda: movement.told(80, movement.good),
    }
    for end in order:
        ends[end]()
    assert movement.waited().open == {"double_benefit": 50_000}


@pytest.mark.parametrize("kind", ["withdrawal", "bill"])
def test_it_is_twice_also_where_its_debit_was_told_before_its_request(kind: str) -> None:
    movement = Movement(kind).booked(1).begun().booked(75, "credit")
    movement.told(80, movement.good).failed(70)
    assert movement.waited().open == {"double_benefit": 50_000}
