"""What a merchant refunds of a payment: does it end what is asked back of the same payment for another reason?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts import payments
from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import RefundCancelled, RefundIntended
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import CaseVersion
from streams.core.steps import Effect

ABOUT = {"payment_id": "p1", "currency": "CNY", "method": "wallet_balance"}
DONE = ("resolved", "withdrawn", "surveyed", "closed")


def step(kind: Any, at_ms: int, amount_minor: int = 3_000, **fields: Any) -> Event:
    return paid(NOON + at_ms, f"{kind.__name__}{at_ms}", amount_minor, kind=kind, **ABOUT, **fields)


def line(direction: str, at_ms: int, amount_minor: int, **fields: Any) -> Event:
    told = {"entry_id": f"e{at_ms}", "direction": direction, "amount_minor": amount_minor, "payment_id": "p1"}
    return event(LedgerPosted, NOON + at_ms, f"{direction}{at_ms}", **told | {"currency": "CNY"} | fields)


def fee(at_ms: int) -> Event:
    about = {"fee_id": "f1", "amount_minor": 50, "currency": "CNY", "tariff_id": "alipay_withdrawal"}
    return event(payments.FeeCharged, NOON + at_ms, "fee", payment_id="p1", **about)


def mark(at_ms: int) -> Event:
    return event(Watermark, NOON + at_ms, at_ms, account_id="-")


class Account:
    """A good payment of 30.00 and what came of it."""

    def __init__(self, *debits: int) -> None:
        self.player, self.effects = Player(policy()), list[Effect]()
        self.see(step(payments.PaymentRequested, 0))
        self.see(step(payments.PaymentSucceeded, SECOND))
        for number, amount_minor in enumerate(debits):
            self.see(line("debit", (2 + number) * SECOND, amount_minor))

    def see(self, *happenings: Event) -> Account:
        for each in happenings:
            self.effects += self.player.see(each)
        return self

    def ours(self, kind: Any, at_ms: int) -> Event:
        intent = next(each for each in self.effects if isinstance(each, RefundIntended))
        return step(kind, at_ms, intent.amount_minor, refund_id=intent.refund_id)

    @property
    def open(self) -> dict[str, int | None]:
        last = {each.case_id: each for each in self.effects if isinstance(each, CaseVersion)}
        return {each.cause_family: each.amount_minor for each in last.values() if each.status not in DONE}


def charged_too_much() -> Account:
    return Account(3_500).see(mark(2 * MINUTE))


def fee_too_high() -> Account:
    return Account(3_000, 50).see(fee(8 * SECOND))


def fee_that_came_back() -> Account:
    account = fee_too_high()
    return account.see(account.ours(payments.RefundSent, MINUTE), account.ours(payments.RefundFailed, 2 * MINUTE))


def charged_twice() -> Account:
    account = Account(3_000, 3_000)
    return account.see(account.ours(payments.RefundSent, MINUTE))


ASKED = [
    (charged_too_much, "amount_mismatch", 500),
    (fee_too_high, "fee_issue", 40),
    (fee_that_came_back, "fee_issue", 40),
    (charged_twice, "duplicate_charge", 3_000),
]
MERCHANTS = (payments.RefundApproved, payments.RefundSent, payments.RefundCredited)


def told(amount_minor: int, **named: str) -> Iterator[tuple[Event, ...]]:
    """A refund of the merchant's, in every order in which it may be told."""
    words = [step(kind, HOUR + n * MINUTE, amount_minor, refund_id="mr1") for n, kind in enumerate(MERCHANTS)]
    credit = line("credit", HOUR + 2 * MINUTE, amount_minor, **named)
    yield from permutations((*words, credit))
    yield from permutations((*words[:2], credit))


@pytest.mark.parametrize(("begun", "family", "asked_minor"), ASKED)
@pytest.mark.parametrize("amount_minor", [1_500, 2_999])
def test_it_gives_back_what_nobody_disputes_first(begun: Any, family: str, asked_minor: int, amount_minor: int) -> None:
    """A credit that is told before everything else may be the bank's, and of no more than is asked back it is."""
    for named in ({"reference": "mr1"}, {}):
        for order in told(amount_minor, **named):
            if amount_minor <= asked_minor and isinstance(order[0], LedgerPosted):
                continue
            account = begun().see(*order, mark(40 * DAY))
            late = {"refund_late"} if family == "duplicate_charge" else set()  # ours, which has left and is not here
            assert account.open == {family: asked_minor} | dict.fromkeys(late, 3_000), names(order)
            assert not any(isinstance(each, RefundCancelled) for each in account.effects)


@pytest.mark.parametrize(("begun", "debited_minor"), [(charged_too_much, 3_500), (fee_that_came_back, 3_050)])
def test_with_all_that_was_debited_everything_is_back(begun: Any, debited_minor: int) -> None:
    for order in told(debited_minor):
        if isinstance(order[0], LedgerPosted):
            continue
        assert begun().see(*order, mark(40 * DAY)).open == {}, names(order)


@pytest.mark.parametrize(("begun", "asked_minor"), [(charged_too_much, 500), (fee_that_came_back, 40)])
def test_what_is_exactly_asked_back_is_what_was_asked(begun: Any, asked_minor: int) -> None:
    """People have it done by the merchant."""
    for named in ({"reference": "mr1"}, {}):
        for order in told(asked_minor, **named):
            assert begun().see(*order, mark(40 * DAY)).open == {}, names(order)


def names(order: tuple[Event, ...]) -> list[str]:
    return [type(each).__name__ for each in order]
