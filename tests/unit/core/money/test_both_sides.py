"""A payout or bill that has arrived and is back as well: accounting has to know, in whatever order both are told."""

from __future__ import annotations

from itertools import count, permutations
from typing import Any

import pytest
from support.happenings import NOON, SECOND, event
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.payments import (
    BillpayDebited,
    BillpayFailed,
    BillpayPosted,
    BillpayRequested,
    PspStatus,
    RefundApproved,
    RefundCredited,
    RefundSent,
    WithdrawalCredited,
    WithdrawalFailed,
    WithdrawalRequested,
    WithdrawalReturned,
)

SUM: dict[str, Any] = {"payment_id": "m1", "amount_minor": 50_000, "currency": "CNY"}
MOVEMENT: dict[str, Any] = SUM | {"method": "bank_transfer"}
DONE = ("resolved", "withdrawn", "surveyed", "closed", "merged")


class Books:
    """Tells one movement, in seconds, and remembers what came of it."""

    def __init__(self) -> None:
        self.player, self.numbers = Player(policy("[unknown]\nsilent_s = 0\n")), count()
        self.effects: list[Any] = []

    def told(self, second: int, kind: type[Event], **fields: Any) -> Books:
        about = (SUM | {"entry_id": f"e{second}"} if kind is LedgerPosted else MOVEMENT) | fields
        self.effects += self.player.see(event(kind, NOON + second * SECOND, next(self.numbers), **about))
        return self

    def booked(self, second: int, direction: str, **fields: Any) -> Books:
        return self.told(second, LedgerPosted, direction=direction, **fields)

    def waited(self, second: int) -> Books:
        self.effects += self.player.see(event(Watermark, NOON + second * SECOND, next(self.numbers), account_id="-"))
        return self

    def begun(self, kind: type[Event]) -> Books:
        speed = {"speed": "real_time"} if kind is WithdrawalRequested else {}
        return self.told(0, kind, **speed).booked(1, "debit")

    @property
    def open(self) -> dict[str, int | None]:
        last = {each.case_id: each for each in self.effects if isinstance(each, CaseVersion)}
        return {each.cause_family: each.amount_minor for each in last.values() if each.status not in DONE}

    @property
    def said(self) -> list[str]:
        return [each.template for each in self.effects if isinstance(each, NotificationRequested)]


CREDITED, FAILED = "credited", "failed"
ENDS: dict[str, Any] = {
    FAILED: lambda books, second: books.told(second, WithdrawalFailed),
    CREDITED: lambda books, second: books.told(second, WithdrawalCredited),
    "back": lambda books, second: books.booked(second, "credit"),
}


@pytest.mark.parametrize("order", list(permutations(ENDS)))
def test_a_payout_that_has_arrived_and_is_back_is_a_double_benefit(order: tuple[str, ...]) -> None:
    """Unless it has failed after it arrived, which explains the money."""
    books = Books().begun(WithdrawalRequested)
    for place, end in enumerate(order, 1):
        ENDS[end](books, 300 * place)
    is_twice = order.index(CREDITED) > order.index(FAILED)
    assert books.waited(7_200).open == ({"double_benefit": 50_000} if is_twice else {})


@pytest.mark.parametrize("first", ["credited", "back"])
def test_a_payout_of_which_nobody_said_that_it_failed_is_one_as_well(first: str) -> None:
    books = Books().begun(WithdrawalRequested)
    ENDS[first](books, 300)
    ENDS["back" if first == CREDITED else CREDITED](books, 900)
    assert books.waited(7_200).open == {"double_benefit": 50_000}
    assert books.said == [], "nobody has told its customer anything else"
    assert books.told(7_300, WithdrawalReturned).open == {}, "the bank has sent it back after all"


def test_a_return_that_is_told_behind_its_line_is_no_case() -> None:
    books = Books().begun(WithdrawalRequested).told(300, WithdrawalCredited).booked(600, "credit")
    assert books.told(601, WithdrawalReturned).waited(7_200).open == {}
    assert "double_benefit" not in {each.cause_family for each in books.effects if isinstance(each, CaseVersion)}


def test_what_was_taken_again_is_nowhere_twice() -> None:
    books = Books().begun(WithdrawalRequested).told(300, WithdrawalFailed).booked(301, "credit")
    assert books.told(900, WithdrawalCredited).waited(1_200).open == {"double_benefit": 50_000}
    assert books.booked(2_000, "debit").waited(7_200).open == {}


def test_the_word_that_a_payout_failed_is_taken_back() -> None:
    books = Books().begun(WithdrawalRequested).told(300, WithdrawalFailed)
    assert books.told(600, WithdrawalCredited).told(700, WithdrawalCredited).said == ["after_all"]


@pytest.mark.parametrize("back_s", [301, 601])
def test_of_money_that_came_back_meanwhile_its_case_takes_the_word_back(back_s: int) -> None:
    books = Books().begun(WithdrawalRequested)
    ends = [(300, FAILED), (600, CREDITED), (back_s, "back")]
    for second, end in sorted(ends):
        ENDS[end](books, second)
    assert books.waited(1_200).said == (["after_all.returned"] if back_s < 600 else ["after_all"])


def test_the_word_of_a_case_is_taken_back_too() -> None:
    books = Books().begun(WithdrawalRequested).waited(1_900).told(2_000, PspStatus, status="failed")
    books.booked(2_600, "credit").told(3_200, WithdrawalCredited).waited(7_200)
    assert books.told(7_300, WithdrawalCredited).said[-2:] == ["withdrawal_delay.returned", "after_all.returned"]
    assert books.open == {"double_benefit": 50_000}


def bill() -> Books:
    return Books().begun(BillpayRequested).told(2, BillpayDebited)


@pytest.mark.parametrize("back_s", [200, 1_000])
def test_a_bill_that_failed_and_is_posted_after_all_is_one_as_well(back_s: int) -> None:
    steps: dict[int, Any] = {
        100: lambda books: books.told(100, BillpayFailed),
        900: lambda books: books.told(900, BillpayPosted),
        back_s: lambda books: books.booked(back_s, "credit"),
    }
    books = bill()
    for second in sorted(steps):
        steps[second](books)
    assert books.waited(7_200).open == {"double_benefit": 50_000}


def test_what_a_biller_refunds_of_a_posted_bill_is_no_double_benefit() -> None:
    books = bill().told(100, BillpayPosted)
    for second, kind in ((200, RefundApproved), (210, RefundSent), (230, RefundCredited)):
        books.told(second, kind, refund_id="r1")
    assert books.booked(229, "credit").told(300, BillpayPosted).waited(7_200).open == {}
    assert bill().told(100, BillpayPosted).booked(200, "credit").waited(7_200).open == {}
