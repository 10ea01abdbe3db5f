"""Does a money case that was handed over to people end when the books agree, and how much is kept for that?"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from support.happenings import DAY, HOUR, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts.accounts import CaseAction, LedgerPosted
from streams.contracts.actions import RefundIntended
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import ActionRejected, CaseVersion, NotificationRequested
from streams.contracts.payments import PaymentFailed, PaymentRequested, PaymentReversed, PaymentSucceeded, PspStatus
from streams.core.cases.shelf import HANDED_BYTES, Ended, Handed, SnapshotDropped, shelve
from streams.core.steps import Effect

WALLET = {"method": "wallet_balance", "currency": "CNY", "amount_minor": 10_000}
LINE = {"currency": "CNY", "amount_minor": 10_000}
BROKEN = 8  # an account follows about five
RETURNED = NOON + 3 * HOUR


def books(number: int, at_ms: int, direction: str, amount_minor: int = 10_000) -> Event:
    line = {"entry_id": f"{direction}{number}/{at_ms}", "direction": direction, "payment_id": f"p{number}"}
    return event(LedgerPosted, at_ms, f"{direction}{number}/{at_ms}", **LINE | line | {"amount_minor": amount_minor})


class Merchant:
    """Eight payments at one merchant, each debited and failed; the oldest cases have been handed over."""

    def __init__(self) -> None:
        self.player = Player(policy("[unknown]\nsilent_s = 0\n"))
        self.effects: list[Effect] = []
        for number in range(BROKEN):
            at_ms = NOON + number * 10 * SECOND
            self.see(paid(at_ms, number, kind=PaymentRequested, merchant_id="m1", **WALLET))
            self.see(books(number, at_ms + SECOND, "debit"))
            self.see(self.said(PaymentFailed, at_ms + 2 * SECOND, number))
        self.see(event(Watermark, NOON + HOUR, "w", account_id="-"))
        self.handed = sorted(case.entities.payment_id or "" for case in self.newest() if "handed over" in case.changed)

    def said(self, kind: Any, at_ms: int, number: int, **fields: Any) -> Event:
        return paid(at_ms, f"{kind.__name__}{number}", kind=kind, payment_id=f"p{number}", **WALLET | fields)

    def see(self, happening: Event) -> list[Effect]:
        found = self.player.see(happening)
        self.effects += found
        return found

    def newest(self) -> list[CaseVersion]:
        by_id = {each.case_id: each for each in self.effects if isinstance(each, CaseVersion)}
        return [each for each in by_id.values() if each.cause_family == "debited_not_confirmed"]

    def case(self, payment_id: str) -> CaseVersion:
        (found,) = [each for each in self.newest() if each.entities.payment_id == payment_id]
        return found


@pytest.fixture
def merchant() -> Merchant:
    return Merchant()


def test_the_credit_ends_a_case_that_was_handed_over(merchant: Merchant) -> None:
    assert merchant.handed, "otherwise this tests nothing"
    told = merchant.case("p0")
    assert told.status == "classified"
    found = merchant.see(books(0, RETURNED, "credit"))
    ended = merchant.case("p0")
    assert (ended.status, ended.resolution_code, ended.money_state) == ("resolved", "debit_returned", "returned")
    assert (ended.version, ended.created_at) == (told.version + 1, told.created_at)
    assert (ended.case_type, ended.flow, ended.queue, ended.priority) == (
        told.case_type,
        told.flow,
        told.queue,
        told.priority,
    )
    assert ended.evidence_dropped == len(told.evidence) + told.evidence_dropped, "earlier versions have the lines"
    assert [line.kind for line in ended.evidence] == ["handed_over", "ledger_credit"]
    # Whoever was told of it hears the end; of the first one, which made room for others, nobody was.
    said = [(each.template, each.case_id) for each in found if isinstance(each, NotificationRequested)]
    assert said == ([("debit_returned", ended.case_id)] if told.messages else [])


def test_when_all_of_it_is_back_no_money_case_is_open_and_their_snapshots_go_in_time(merchant: Merchant) -> None:
    owed = merchant.player.obligations["a1"]
    for number in range(BROKEN):
        merchant.see(books(number, RETURNED + number * SECOND, "credit"))
    assert {case.status for case in merchant.newest()} == {"resolved"}
    assert not any(each.money for each in owed.ended)
    gone = [each for each in merchant.player.pass_until(RETURNED + 91 * DAY) if isinstance(each, SnapshotDropped)]
    assert {each.case_id for each in gone} >= {merchant.case(each).case_id for each in merchant.handed}


def test_a_part_of_the_money_is_counted_and_says_nothing(merchant: Merchant) -> None:
    told = merchant.case("p0")
    found = merchant.see(books(0, RETURNED, "credit", 4_000))
    assert told.case_id not in {each.case_id for each in found if isinstance(each, CaseVersion)}
    assert merchant.see(books(0, RETURNED + SECOND, "credit", 6_000))
    assert merchant.case("p0").counters == {"returned_minor": 10_000}


def test_the_payment_s_success_ends_it(merchant: Merchant) -> None:
    merchant.see(merchant.said(PaymentSucceeded, RETURNED, 0))
    assert merchant.case("p0").resolution_code == "debit_confirmed"


def test_a_reversal_ends_it_once_the_ledger_says_so(merchant: Merchant) -> None:
    merchant.see(merchant.said(PaymentReversed, RETURNED, 0))
    assert merchant.case("p0").resolution_code is None
    merchant.see(books(0, RETURNED + SECOND, "credit"))
    assert merchant.case("p0").resolution_code == "debit_returned"


def test_a_late_success_after_a_part_is_back_is_a_double_benefit(merchant: Merchant) -> None:
    merchant.see(books(0, RETURNED, "credit", 4_000))
    found = merchant.see(merchant.said(PaymentSucceeded, RETURNED + SECOND, 0))
    (both,) = [each for each in found if isinstance(each, CaseVersion) and each.case_type == "double_benefit"]
    assert both.amount_minor == 4_000


def test_it_stays_with_people_until_then(merchant: Merchant) -> None:
    """What is told of its payment meanwhile makes no version of it, no refund and no second case."""
    before = merchant.case("p0")
    found = merchant.see(merchant.said(PspStatus, RETURNED, 0, status="failed"))
    assert not [each for each in found if isinstance(each, RefundIntended)]
    assert before.case_id not in {each.case_id for each in found if isinstance(each, CaseVersion)}
    act = {"case_id": before.case_id, "expected_version": before.version, "actor": "ana", "role": "analyst"}
    (refused,) = merchant.see(event(CaseAction, RETURNED + SECOND, 1, action="refund", **act))
    assert isinstance(refused, ActionRejected)
    assert refused.cause == "handed_over"


def test_one_more_debit_of_its_payment_is_news(merchant: Merchant) -> None:
    merchant.see(books(0, RETURNED, "debit"))
    opened = [each for each in merchant.effects if isinstance(each, CaseVersion) and each.version == 1]
    assert [each.entities.payment_id for each in opened].count("p0") == 2


@pytest.mark.parametrize("length", [2, 36, 128])
def test_what_is_kept_is_bounded_in_bytes_and_the_oldest_goes(length: int) -> None:
    ended: list[Ended] = []
    for number in range(40):
        money = Handed(f"{number:0{length}d}", 0, NOON, 9, 12, 10**15, "CNY", 5, 10**14, 10**14)
        shelve(ended, f"case{number}", NOON + number, finished=False, handed_over=True, money=money)
    kept = [each.money for each in ended if each.money is not None]
    assert len(msgspec.msgpack.encode(kept)) <= HANDED_BYTES
    assert kept[-1].payment_id == f"{39:0{length}d}"
    assert 3 <= len(kept) < len(ended)
