"""A payout or bill was debited twice and then fails: is each of its debits followed until it is back?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from support.happenings import HOUR, MINUTE, NOON, SECOND, event
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import RefundIntended
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import (
    BillpayDebited,
    BillpayFailed,
    BillpayRequested,
    RefundCredited,
    RefundSent,
    WithdrawalRequested,
    WithdrawalReturned,
    WithdrawalSent,
)

MONEY: dict[str, Any] = {"payment_id": "p1", "amount_minor": 10_000, "currency": "CNY"}
WALLET = MONEY | {"method": "wallet_balance"}
LINE = MONEY | {"direction": "debit"}
PAYOUT = (WithdrawalRequested, WithdrawalSent, WithdrawalReturned, "withdrawal_delay")
BILL = (BillpayRequested, BillpayDebited, BillpayFailed, "bill_not_posted")


@pytest.mark.parametrize("kinds", [PAYOUT, BILL], ids=["payout", "bill"])
@pytest.mark.parametrize("line_first", [True, False])
def test_the_refund_of_the_second_debit_does_not_end_the_wait_for_the_first(kinds: Any, line_first: bool) -> None:
    requested, goes, fails, family = kinds
    player, intents, cases = Player(policy()), list[RefundIntended](), dict[str, CaseVersion]()

    def hear(*happenings: Event) -> None:
        for effect in (each for happening in happenings for each in player.see(happening)):
            match effect:
                case RefundIntended():
                    intents.append(effect)
                case CaseVersion():
                    cases[effect.case_id] = effect
                case _:
                    pass

    def pass_time(from_ms: int, minutes: Iterable[int]) -> None:
        for each in minutes:
            hear(event(Watermark, from_ms + each * MINUTE, f"w{from_ms + each}", account_id="-"))

    hear(event(requested, NOON, "asked", **WALLET))
    hear(event(LedgerPosted, NOON + SECOND, "first", entry_id="l1", **LINE))
    hear(event(goes, NOON + 5 * SECOND, "goes", **WALLET))
    hear(event(LedgerPosted, NOON + MINUTE, "second", entry_id="l2", **LINE))
    pass_time(NOON, [1])
    (refund,) = intents
    about = WALLET | {"refund_id": refund.refund_id}
    hear(event(RefundSent, NOON + 70 * SECOND, "sent", **about))
    hear(event(fails, NOON + 110 * SECOND, "fails", **WALLET))
    back = {"entry_id": "l3", "reference": refund.refund_id} | LINE | {"direction": "credit"}
    arrived = [
        event(LedgerPosted, NOON + 130 * SECOND, "back", **back),
        event(RefundCredited, NOON + 131 * SECOND, "credited", **about),
    ]
    hear(*(arrived if line_first else reversed(arrived)))
    pass_time(NOON, range(3, 120))
    still_open = [(case.cause_family, case.amount_minor) for case in cases.values() if case.status == "classified"]
    assert still_open == [(family, 10_000)]
    hear(event(LedgerPosted, NOON + 3 * HOUR, "too", entry_id="l4", **LINE | {"direction": "credit"}))
    assert {case.status for case in cases.values()} <= {"resolved"}
