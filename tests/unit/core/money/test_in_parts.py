"""A refund that the ledger tells in several lines which do not name it is waited for until nothing of it can come."""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, HOUR, NOON, SECOND, event
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.base import Watermark
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import (
    PaymentRequested,
    PaymentSucceeded,
    RefundCredited,
    RefundPromised,
    RefundRequested,
    RefundSent,
)

MONEY: dict[str, Any] = {"payment_id": "p1", "amount_minor": 10_000, "currency": "CNY"}


class Books:
    """One good payment, debited in the lines that are given."""

    def __init__(self, *debits: int) -> None:
        self.player, self.at_ms, self.cases = Player(policy()), NOON, dict[str, CaseVersion]()
        self.told(PaymentRequested).lines("debit", *debits or (10_000,)).told(PaymentSucceeded)

    def told(self, kind: Any, **more: Any) -> Books:
        self.at_ms += SECOND
        more = more if kind is LedgerPosted else {"method": "wallet_balance"} | more
        return self.hear(event(kind, self.at_ms, f"e{self.at_ms}", **(MONEY | more)))

    def lines(self, direction: str, *minors: int, **more: Any) -> Books:
        for minor in minors:
            about = {"entry_id": f"l{self.at_ms}", "direction": direction, "amount_minor": minor}
            self.told(LedgerPosted, **(about | more))
        return self

    def wait(self, ms: int = 2 * HOUR) -> Books:
        for _ in range(4):
            self.at_ms += ms // 4
            self.hear(event(Watermark, self.at_ms, f"w{self.at_ms}", account_id="-"))
        return self

    def hear(self, happening: Any) -> Books:
        for effect in self.player.see(happening):
            if isinstance(effect, CaseVersion):
                self.cases[effect.case_id] = effect
        return self

    @property
    def open(self) -> dict[str, int | None]:
        mine = [
            case for case in self.cases.values() if case.status not in ("resolved", "withdrawn", "surveyed", "closed")
        ]
        return {case.cause_family: case.amount_minor for case in mine}


def refunded(books: Books, minor: int = 10_000, refund_id: str = "r1") -> Books:
    return books.told(RefundSent, refund_id=refund_id, amount_minor=minor)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("debits", [(10_000,), (4_000, 6_000)])
@pytest.mark.parametrize("parts", [(4_000, 6_000), (3_000, 3_000, 4_000), (9_999, 1)])
def test_a_refund_of_the_whole_in_parts_is_here_with_the_last_of_them(
    debits: tuple[int, ...], parts: tuple[int, ...], late: bool
) -> None:
    books = refunded(Books(*debits))
    if late:
        assert books.wait(DAY).open == {"refund_late": 10_000}
    books.lines("credit", *parts[:-1]).wait(DAY)
    assert books.open == {"refund_late": parts[-1]}, "only the rest of it is late"
    assert books.lines("credit", parts[-1]).wait(DAY).open == {}


def test_also_where_coupons_have_paid_a_part() -> None:
    for refund_minor in (10_000, 9_000):
        for parts in ((9_000,), (4_000, 5_000)):
            books = refunded(Books(9_000).wait(), refund_minor).lines("credit", *parts).wait(DAY)
            assert "refund_late" not in books.open


def test_who_has_asked_for_it_has_it() -> None:
    books = refunded(Books().told(RefundRequested, refund_id="r1"))
    assert books.wait(DAY).open == {"refund_request": 10_000, "refund_late": 10_000}
    assert books.lines("credit", 4_000).open == {"refund_request": 6_000, "refund_late": 6_000}
    assert books.lines("credit", 6_000).open == {}


def test_of_a_part_of_the_price_the_lines_that_come_to_it_are_it() -> None:
    books = refunded(Books(), 6_000).lines("credit", 2_000, 4_000).wait(DAY)
    assert books.open == {}
    assert refunded(books, 4_000, "r2").lines("credit", 4_000).wait(DAY).open == {}, "no more than was paid"


@pytest.mark.parametrize("told", [False, True])
def test_the_payment_system_may_tell_of_the_parts_as_well(told: bool) -> None:
    books = refunded(Books())
    for minor in (4_000, 6_000):
        books.lines("credit", minor)
        if told:
            books.told(RefundCredited, refund_id="r1", amount_minor=minor)
    assert books.wait(DAY).open == {}


def test_nothing_more_can_come_of_what_is_all_back() -> None:
    assert refunded(Books(), 4_000).lines("credit", 10_000).wait(DAY).open == {}
    both = refunded(refunded(Books(), 4_000), 6_000, "r2")
    assert both.lines("credit", 10_000).wait(DAY).open == {}, "two refunds in one line"


def test_a_part_that_is_less_than_can_come_leaves_a_refund_late() -> None:
    assert refunded(Books(), 4_000).lines("credit", 1_000).wait(DAY).open == {"refund_late": 4_000}


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("asked", [None, RefundRequested, RefundPromised])
@pytest.mark.parametrize("parts", [(4_000, 6_000), (2_000, 3_000, 5_000)])
def test_a_refund_may_be_told_of_behind_or_between_its_lines(parts: tuple[int, ...], asked: Any, named: bool) -> None:
    about: dict[str, Any] = {"reference": "r1"} if named else {}
    for before in range(1, len(parts) + 1):
        for told in (True,) if asked is not None and named else (False, True):
            books = Books() if asked is None else Books().told(asked, refund_id="r1")
            refunded(books.wait().lines("credit", *parts[:before], **about)).lines("credit", *parts[before:], **about)
            books = books.told(RefundCredited, refund_id="r1") if told else books
            assert books.wait(DAY).open == {}, (before, told)


def test_of_a_part_of_the_price_as_well() -> None:
    books = refunded(Books().lines("credit", 2_000, 3_000), 5_000)
    assert books.wait(DAY).open == {}
    assert refunded(books, 5_000, "r2").wait(DAY).open == {"refund_late": 5_000}, "that is another one"


def test_of_one_whose_first_line_is_here_the_rest_is_late_and_what_is_more_is_money_twice() -> None:
    assert refunded(Books().lines("credit", 4_000)).wait(DAY).open == {"refund_late": 6_000}
    books = refunded(Books().lines("credit", 4_000)).lines("credit", 10_000).wait(DAY)
    assert books.open == {"double_benefit": 4_000}


def test_what_was_booked_long_before_is_no_part_of_a_refund() -> None:
    books = refunded(Books().lines("credit", 4_000).wait())
    assert books.open == {"refund_exceeds_payment": 4_000}
