"""What went back from here as one debit too many cannot be refunded as well, however much is bought in between."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import RefundCancelled, RefundIntended
from streams.contracts.base import Event
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import (
    PaymentRequested,
    PaymentSucceeded,
    RefundApproved,
    RefundCredited,
    RefundFailed,
    RefundSent,
)
from streams.core.obligations import CORRECTIONS_MAX

PRICE = 12_800
CNY = {"currency": "CNY", "method": "wallet_balance"}
LATER = NOON + HOUR


class Books:
    """An account whose payment system and ledger tell of what it does."""

    def __init__(self, text: str = "") -> None:
        self.player, self.numbers = Player(policy(text)), count()
        self.effects: list[Any] = []

    def see(self, *happenings: Event) -> Books:
        for each in happenings:
            self.effects += self.player.see(each)
        return self

    def told(self, kind: Any, at_ms: int, payment_id: str, minor: int = PRICE, **more: Any) -> Books:
        about = {"payment_id": payment_id} | CNY | more
        return self.see(paid(at_ms, next(self.numbers), minor, kind=kind, **about))

    def booked(self, at_ms: int, payment_id: str, minor: int = PRICE, direction: str = "debit", **more: Any) -> Books:
        line = {"entry_id": f"l{next(self.numbers)}", "direction": direction, "amount_minor": minor, "currency": "CNY"}
        return self.see(event(LedgerPosted, at_ms, next(self.numbers), payment_id=payment_id, **line | more))

    def bought(self, at_ms: int, payment_id: str, minor: int = PRICE, **about: Any) -> Books:
        self.told(PaymentRequested, at_ms, payment_id, minor, **about)
        self.booked(at_ms + SECOND, payment_id, minor)
        return self.told(PaymentSucceeded, at_ms + 2 * SECOND, payment_id, minor, **about)

    def shopped(self, times: int) -> Books:
        """So many purchases at other shops."""
        for number in range(times):
            at_ms, order = NOON + (10 + number) * MINUTE, f"x{number}"
            self.bought(at_ms, f"x{number}", 5_000 + number * 10, order_id=order, merchant_id=f"s{number}")
        return self

    def corrected(self, at_ms: int = NOON + 3 * MINUTE) -> Books:
        """The newest refund that is intended here leaves and arrives."""
        last = self.intents[-1]
        about = (last.payment_id, last.amount_minor)
        refund: dict[str, Any] = {"refund_id": last.refund_id}
        self.told(RefundSent, at_ms, *about, **refund)
        self.booked(at_ms + MINUTE, *about, "credit", reference=last.refund_id)
        return self.told(RefundCredited, at_ms + MINUTE + SECOND, *about, **refund)

    @property
    def intents(self) -> list[RefundIntended]:
        return [each for each in self.effects if isinstance(each, RefundIntended)]

    @property
    def cancelled(self) -> list[str]:
        return [each.refund_id for each in self.effects if isinstance(each, RefundCancelled)]

    def cases(self) -> list[CaseVersion]:
        told = [each for each in self.effects if isinstance(each, CaseVersion)]
        return [each for each in told if each.case_type == "refund_exceeds_payment"]


def order_paid_twice() -> Books:
    order: dict[str, Any] = {"order_id": "o", "merchant_id": "m"}
    return Books().bought(NOON, "k0", **order).bought(NOON + MINUTE, "k1", **order)


def debited_twice() -> Books:
    order: dict[str, Any] = {"order_id": "o", "merchant_id": "m"}
    return Books().bought(NOON, "k1", **order).booked(NOON + MINUTE, "k1")


@pytest.mark.parametrize("purchases", [0, 6, 10, 20])
def test_what_went_back_from_here_is_not_refunded_by_the_merchant_as_well(purchases: int) -> None:
    books = order_paid_twice().corrected().shopped(purchases)
    books.told(RefundApproved, LATER, "k1", refund_id="r1")
    assert books.cancelled == ["r1"]
    assert [case.amount_minor for case in books.cases()][-1:] == [PRICE]


@pytest.mark.parametrize("purchases", [0, 6, 10, 20])
@pytest.mark.parametrize("told", [RefundSent, RefundCredited])
def test_one_that_nobody_approved_is_for_people(purchases: int, told: Any) -> None:
    books = order_paid_twice().corrected().shopped(purchases)
    books.told(told, LATER, "k1", refund_id="r1").booked(LATER + MINUTE, "k1", direction="credit", reference="r1")
    assert books.cancelled == []
    assert [(case.amount_minor, case.queue) for case in books.cases()][-1:] == [(PRICE, "security")]


@pytest.mark.parametrize("purchases", [0, 6, 20])
def test_what_is_left_of_the_payment_may_be_refunded(purchases: int) -> None:
    """Of two debits one went back: the other is the price, and can be refunded once."""
    books = debited_twice().corrected().shopped(purchases)
    books.told(RefundApproved, LATER, "k1", refund_id="r1")
    assert (books.cancelled, books.cases()) == ([], [])
    books.told(RefundApproved, LATER + SECOND, "k1", refund_id="r2")
    assert books.cancelled == ["r2"]


@pytest.mark.parametrize("purchases", [0, 6, 20])
def test_a_refund_of_ours_that_came_back_takes_nothing_away(purchases: int) -> None:
    """However late anybody says that it had left before."""
    books = order_paid_twice()
    refund: dict[str, Any] = {"refund_id": books.intents[-1].refund_id}
    books.told(RefundSent, NOON + 3 * MINUTE, "k1", **refund).told(RefundFailed, NOON + 5 * MINUTE, "k1", **refund)
    books.told(RefundSent, NOON + 3 * MINUTE, "k1", **refund)
    books.shopped(purchases).told(RefundApproved, LATER, "k1", refund_id="r1")
    assert (books.cancelled, books.cases()) == ([], [])


@pytest.mark.parametrize("purchases", [0, 6, 20])
def test_what_is_debited_again_may_be_refunded_again(purchases: int) -> None:
    books = order_paid_twice().corrected().shopped(purchases).booked(LATER, "k1")
    books.told(RefundApproved, LATER + MINUTE, "k1", refund_id="r1")
    assert (books.cancelled, books.cases()) == ([], [])


def test_the_last_corrections_of_an_account_are_known() -> None:
    """The oldest makes room; of that payment what the merchant gives back is all that is known."""
    books = Books("[money]\nauto_refunds_per_30d = 1000\n")
    for number in range(CORRECTIONS_MAX + 1):
        at_ms = NOON + number * HOUR
        order: dict[str, Any] = {"order_id": f"o{number}", "merchant_id": "m"}
        for leg in range(2):
            books.bought(at_ms + leg * MINUTE, f"k{number}-{leg}", **order)
        books.corrected(at_ms + 3 * MINUTE)
    last_ms = NOON + DAY
    for number in (0, 1, CORRECTIONS_MAX):
        books.told(RefundApproved, last_ms + number * MINUTE, f"k{number}-1", refund_id=f"r{number}")
    assert len(books.intents) == CORRECTIONS_MAX + 1
    assert books.cancelled == ["r1", f"r{CORRECTIONS_MAX}"]
