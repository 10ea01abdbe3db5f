"""Is a case that says how it ended believed only where the books, or refunds of ours, do not say otherwise?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import HOUR, MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts.accounts import CaseAction, ContactTaken, LedgerPosted
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import ActionRejected, CaseVersion
from streams.contracts.payments import PaymentFailed, PaymentRequested, RefundCredited, RefundFailed, RefundSent
from streams.core.cases.endings import shows_refund

MONEY: dict[str, Any] = {"payment_id": "p1", "amount_minor": 10_000, "currency": "CNY"}
WALLET = MONEY | {"method": "wallet_balance"}
REFUND = MONEY | {"refund_id": "r1"}


class Desk:
    """Somebody calls about a payment, and the case ends as an analyst says."""

    def __init__(self) -> None:
        self.player = Player(policy("[unknown]\nsilent_s = 0\n"))
        self.number = 0
        self.cases: dict[str, CaseVersion] = {}

    def hears(self, kind: type[Event], at_ms: int, **fields: Any) -> CaseVersion | ActionRejected | None:
        self.number += 1
        effects = self.player.see(event(kind, at_ms, self.number, **fields))
        told = [each for each in effects if isinstance(each, CaseVersion | ActionRejected)]
        self.cases |= {each.case_type: each for each in told if isinstance(each, CaseVersion)}
        return told[-1] if told else None

    def calls(self, at_ms: int, **fields: Any) -> CaseVersion:
        given = {"channel": "phone", "actor": "mei", "role": "analyst", "disposition": "follow_up"}
        found = self.hears(ContactTaken, at_ms, **given | fields)
        assert isinstance(found, CaseVersion)
        return found

    def acts(self, case: CaseVersion, at_ms: int, action: str, **fields: Any) -> CaseVersion | ActionRejected | None:
        newest = self.cases[case.case_type]
        who = {"actor": "mei", "role": "analyst", "case_id": case.case_id, "expected_version": newest.version}
        return self.hears(CaseAction, at_ms, action=action, **who | fields)

    def resolves(self, case: CaseVersion, at_ms: int, resolution: str) -> str | None:
        """The code with which the case has ended, or why it has not."""
        found = self.acts(case, at_ms, "resolve", resolution=resolution)
        return found.cause if isinstance(found, ActionRejected) else found and found.resolution_code


def test_nothing_was_given_back_so_nobody_says_refunded() -> None:
    desk = Desk()
    desk.player.see(paid(NOON, 1))
    case = desk.calls(NOON + MINUTE, flow="F12", payment_id="p1")
    assert desk.resolves(case, NOON + 2 * MINUTE, "refunded") == "not_refunded"
    assert desk.resolves(case, NOON + 3 * MINUTE, "explained") == "explained"


@pytest.mark.parametrize(
    ("happened", "ends"),
    [
        ([(RefundSent, REFUND)], "refunded"),
        ([(RefundCredited, REFUND)], "refunded"),
        ([(RefundSent, REFUND), (RefundFailed, REFUND)], "not_refunded"),
        (
            [
                (LedgerPosted, MONEY | {"entry_id": "l1", "direction": "debit"}),
                (LedgerPosted, MONEY | {"entry_id": "l2", "direction": "credit"}),
            ],
            "refunded",
        ),
        ([(LedgerPosted, MONEY | {"entry_id": "l1", "direction": "debit"})], "not_refunded"),
    ],
    ids=["sent", "arrived", "failed", "in the books", "only debited"],
)
def test_what_the_books_or_the_payment_system_say_bears_it_out(happened: Any, ends: str) -> None:
    desk = Desk()
    desk.player.see(paid(NOON, 1))
    case = desk.calls(NOON + MINUTE, flow="F12", payment_id="p1")
    for number, (kind, fields) in enumerate(happened):
        desk.hears(kind, NOON + 2 * MINUTE + number * SECOND, **fields)
    assert desk.resolves(case, NOON + HOUR, "refunded") == ends


def owing(desk: Desk) -> CaseVersion:
    """A debit of a payment that has failed waits for people to give it back."""
    desk.hears(PaymentRequested, NOON, **WALLET)
    desk.hears(LedgerPosted, NOON + SECOND, **MONEY, entry_id="l1", direction="debit")
    desk.hears(PaymentFailed, NOON + 2 * SECOND, **WALLET)
    desk.hears(Watermark, NOON + 5 * MINUTE, account_id="-")
    return desk.cases["debited_not_confirmed"]


def test_a_refund_that_names_another_payment_is_refused() -> None:
    desk = Desk()
    case = owing(desk)
    refused = desk.acts(case, NOON + 4 * HOUR, "refund", payment_id="p_of_others")
    assert isinstance(refused, ActionRejected)
    assert refused.cause == "other_payment"
    taken = desk.acts(case, NOON + 4 * HOUR + SECOND, "refund", payment_id=case.entities.payment_id)
    assert not isinstance(taken, ActionRejected)


def test_a_debit_that_waits_is_no_case_without_work_and_its_refund_is_one() -> None:
    desk = Desk()
    case = owing(desk)
    assert case.money_state == "moved"
    assert desk.resolves(case, NOON + 3 * HOUR, "no_action") == "still_owed"
    assert desk.resolves(case, NOON + 3 * HOUR + SECOND, "reversed") == "not_reversed"
    assert desk.resolves(case, NOON + 3 * HOUR + 2 * SECOND, "refunded") == "not_refunded"
    called = desk.calls(NOON + 3 * HOUR + MINUTE, flow="F01")
    assert desk.resolves(called, NOON + 3 * HOUR + 2 * MINUTE, "refunded") == "not_refunded"
    desk.acts(case, NOON + 4 * HOUR, "refund")
    assert desk.resolves(called, NOON + 4 * HOUR + SECOND, "refunded") == "not_refunded"
    desk.acts(called, NOON + 4 * HOUR + 2 * SECOND, "link", other_case_id=case.case_id)
    assert desk.resolves(called, NOON + 4 * HOUR + 3 * SECOND, "refunded") == "refunded"
    assert desk.resolves(case, NOON + 4 * HOUR + 4 * SECOND, "refunded") == "refunded"


def test_a_refund_that_was_cancelled_is_none() -> None:
    assert shows_refund(None, ["refund_intended"])
    assert not shows_refund("moved", ["refund_intended", "refund_cancelled"])
    assert shows_refund("returned", [])
    assert not shows_refund("arrived", ["opened"])
