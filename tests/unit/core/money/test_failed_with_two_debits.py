"""A failed payment that was debited twice, both given back from here: what else moves beside that has its case."""

from __future__ import annotations

from itertools import count
from typing import Any

from support.happenings import MINUTE, NOON, SECOND, event
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import PspQuery, RefundCancelled, RefundIntended
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import (
    PaymentFailed,
    PaymentRequested,
    PaymentReversed,
    PaymentSucceeded,
    PspStatus,
    RefundCredited,
    RefundSent,
)

PRICE = 10_000
DONE = ("resolved", "withdrawn", "surveyed", "closed", "merged")


class Story:
    """Payments of one customer, a second between any two events."""

    def __init__(self) -> None:
        self.player, self.numbers, self.now_ms = Player(policy()), count(), NOON
        self.effects: list[Any] = []

    def told(self, kind: type[Event], payment_id: str, at_ms: int = 0, **fields: Any) -> None:
        self.now_ms += SECOND
        about = {"payment_id": payment_id, "amount_minor": PRICE, "currency": "CNY"}
        about |= {"entry_id": f"e{self.now_ms}"} if kind is LedgerPosted else {"method": "wallet_balance"}
        self.effects += self.player.see(event(kind, at_ms or self.now_ms, next(self.numbers), **about | fields))

    def booked(self, payment_id: str, direction: str, minor: int = PRICE) -> None:
        self.told(LedgerPosted, payment_id, direction=direction, amount_minor=minor)

    def waited(self, minutes: int) -> None:
        self.now_ms += minutes * MINUTE
        self.effects += self.player.see(event(Watermark, self.now_ms, next(self.numbers), account_id="-"))

    def lost(self, payment_id: str) -> None:
        """Debited, failed, and the provider says so: a refund is intended."""
        self.told(PaymentRequested, payment_id)
        self.booked(payment_id, "debit")
        self.told(PaymentFailed, payment_id)
        self.waited(3)
        query = next(each for each in self.effects if isinstance(each, PspQuery) and each.payment_id == payment_id)
        self.told(PspStatus, payment_id, status="failed", query_id=query.query_id)

    def refunds_of(self, payment_id: str) -> list[str]:
        gone = {each.refund_id for each in self.effects if isinstance(each, RefundCancelled)}
        mine = [each for each in self.effects if isinstance(each, RefundIntended) and each.payment_id == payment_id]
        return [each.refund_id for each in mine if each.refund_id not in gone]

    def sent(self, payment_id: str) -> list[str]:
        for refund_id in self.refunds_of(payment_id):
            self.told(RefundSent, payment_id, refund_id=refund_id)
        return self.refunds_of(payment_id)

    def arrived(self, payment_id: str, refund_id: str) -> None:
        self.booked(payment_id, "credit")
        self.told(RefundCredited, payment_id, refund_id=refund_id)

    def open_of(self, payment_id: str) -> dict[str, int | None]:
        last = {each.case_id: each for each in self.effects if isinstance(each, CaseVersion)}
        mine = [each for each in last.values() if each.entities.payment_id == payment_id and each.status not in DONE]
        return {each.cause_family: each.amount_minor for each in mine}


def test_what_the_bank_reverses_and_we_give_back_as_well_is_there_twice_however_many_cases_the_account_has() -> None:
    story = Story()
    story.lost("p0")
    story.booked("p0", "debit")
    story.lost("p1")
    refunds = story.sent("p0")
    story.sent("p1")
    story.told(PaymentReversed, "p0")
    story.booked("p0", "credit", 2 * PRICE)
    story.waited(40)
    for refund_id in refunds:
        story.arrived("p0", refund_id)
    story.waited(120)
    assert len(refunds) == 2
    assert story.open_of("p0") == {"double_benefit": 2 * PRICE}


def test_a_refund_that_stood_for_the_one_of_a_second_debit_is_nobodys_once_the_books_agree() -> None:
    story = Story()
    story.lost("p0")
    (refund_id,) = story.sent("p0")
    story.booked("p0", "debit")
    story.lost("p1")
    story.told(PaymentSucceeded, "p0")
    assert story.open_of("p0") == {"duplicate_charge": PRICE, "double_benefit": PRICE}
    story.arrived("p0", refund_id)  # the ledger names nobody's refund: the second one is cancelled for it
    (other_id,) = story.sent("p1")
    story.arrived("p1", other_id)
    story.waited(240)
    assert story.refunds_of("p0") == [refund_id]
    assert story.open_of("p0") == {}


def test_a_reversal_that_is_told_again_behind_a_late_success_changes_nothing() -> None:
    story = Story()
    story.lost("p0")
    story.booked("p0", "debit")
    story.told(PaymentReversed, "p0")
    reversed_ms = story.now_ms
    story.booked("p0", "credit", 2 * PRICE)
    story.told(PaymentSucceeded, "p0")
    story.waited(40)
    story.told(PaymentReversed, "p0", reversed_ms)
    story.waited(240)
    assert story.open_of("p0") == {"double_benefit": PRICE}


def test_of_a_further_debit_only_what_was_not_back_before_it_goes_back() -> None:
    story = Story()
    story.lost("p0")
    (refund_id,) = story.sent("p0")
    story.booked("p0", "credit", PRICE // 2)
    story.arrived("p0", refund_id)
    assert story.open_of("p0") == {"double_benefit": PRICE // 2}
    story.booked("p0", "debit")
    story.waited(40)
    assert story.open_of("p0") == {"debited_not_confirmed": PRICE // 2}
