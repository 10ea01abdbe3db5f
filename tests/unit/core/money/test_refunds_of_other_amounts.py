"""What arrives of a refund is less than it was for, or more, or comes twice: who hears of the difference?"""

from __future__ import annotations

from itertools import permutations

import pytest
from support.happenings import DAY, MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts import payments
from streams.contracts.accounts import LedgerPosted
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.core.steps import Effect

ABOUT = {"payment_id": "p1", "currency": "CNY"}


def step(kind: type[Event], at_ms: int, amount_minor: int, **fields: str) -> Event:
    method = {"method": "wallet_balance"}
    return paid(NOON + at_ms, f"{kind.__name__}{at_ms}", amount_minor, kind=kind, **ABOUT, **method, **fields)


def booked(direction: str, at_ms: int, amount_minor: int, **fields: str) -> Event:
    about = ABOUT | {"entry_id": f"{direction}{at_ms}", "direction": direction, "amount_minor": amount_minor}
    return event(LedgerPosted, NOON + at_ms, f"{direction}{at_ms}", **about, **fields)


def told(at_ms: int, amount_minor: int) -> Event:
    return step(payments.RefundCredited, at_ms, amount_minor, refund_id="A")


def credit(at_ms: int, amount_minor: int) -> Event:
    return booked("credit", at_ms, amount_minor, reference="A")


class Account:
    """A good payment of 128.00, of which its merchant refunds `refund_minor` as refund A."""

    def __init__(self, refund_minor: int) -> None:
        self.player, self.effects = Player(policy()), list[Effect]()
        self.see(
            step(payments.PaymentRequested, 0, 12_800),
            booked("debit", SECOND, 12_800),
            step(payments.PaymentSucceeded, 2 * SECOND, 12_800),
            step(payments.RefundApproved, MINUTE, refund_minor, refund_id="A"),
            step(payments.RefundSent, MINUTE + SECOND, refund_minor, refund_id="A"),
        )

    def see(self, *happenings: Event) -> Account:
        for each in happenings:
            self.effects += self.player.see(each)
        return self

    def waited(self, at_ms: int) -> Account:
        return self.see(event(Watermark, NOON + at_ms, at_ms, account_id="-"))

    def open(self) -> dict[str, int | None]:
        last = {each.case_id: each for each in self.effects if isinstance(each, CaseVersion)}
        return {
            each.case_type: each.amount_minor
            for each in last.values()
            if each.status not in ("resolved", "withdrawn", "surveyed", "closed")
        }

    def messages(self) -> list[str]:
        return [each.template for each in self.effects if isinstance(each, NotificationRequested)]


PART = (told(2 * MINUTE, 500), credit(2 * MINUTE, 500))
REST = (told(3 * MINUTE, 4_500), credit(3 * MINUTE, 4_500))


@pytest.mark.parametrize(
    "part", [PART, PART[::-1], PART[:1], PART[1:]], ids=["told first", "booked first", "told", "booked"]
)
def test_of_a_refund_that_is_here_in_part_the_rest_is_missed(part: tuple[Event, ...]) -> None:
    account = Account(5_000).see(*part).waited(2 * DAY)
    assert account.open() == {"refund_late": 4_500}
    assert account.see(credit(3 * DAY, 4_500)).open() == {}


@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_parts_that_come_to_all_of_it_are_all_of_it(order: tuple[int, ...]) -> None:
    happenings = (*PART, *REST)
    account = Account(5_000).see(*(happenings[each] for each in order)).waited(2 * DAY)
    assert (account.open(), account.messages()) == ({}, [])


def test_a_case_goes_on_about_the_rest() -> None:
    account = Account(5_000).waited(2 * DAY).see(told(3 * DAY, 500), credit(3 * DAY + SECOND, 500))
    assert account.open() == {"refund_late": 4_500}


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 1, 3), (2, 3, 0, 1), (2, 0, 3, 1)])
def test_nor_are_equal_parts_of_it_too_much(order: tuple[int, ...]) -> None:
    happenings = (
        told(2 * MINUTE, 2_500),
        told(3 * MINUTE, 2_500),
        credit(2 * MINUTE, 2_500),
        credit(3 * MINUTE, 2_500),
    )
    account = Account(5_000).see(*(happenings[each] for each in order)).waited(2 * DAY)
    assert (account.open(), account.messages()) == ({}, [])


def test_what_is_credited_beyond_it_is_accountings() -> None:
    account = Account(5_000).see(credit(2 * MINUTE, 12_000), told(3 * MINUTE, 5_000)).waited(2 * DAY)
    assert (account.open(), account.messages()) == ({"double_benefit": 7_000}, [])
    assert account.see(booked("debit", 3 * DAY, 7_000)).open() == {}


@pytest.mark.parametrize("tells", [[], [0], [1], [2]], ids=["never", "before", "between", "after"])
def test_what_is_credited_once_more_is_accountings(tells: list[int]) -> None:
    lines = [credit(2 * MINUTE, 6_400), credit(4 * MINUTE, 6_400)]
    for at in tells:
        lines.insert(at, told((1 + 2 * at) * MINUTE, 6_400))
    account = Account(6_400).see(*lines).waited(2 * DAY)
    assert (account.open(), account.messages()) == ({"double_benefit": 6_400}, [])
