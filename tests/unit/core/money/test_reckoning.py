"""An hour after the last word about a payment: do its cases together ask for what its account lacks?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import MINUTE, NOON, SECOND, event
from support.play import Player, policy

from streams.contracts.accounts import CaseAction, LedgerPosted
from streams.contracts.actions import RefundIntended
from streams.contracts.base import Watermark
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.payments import (
    FeeCharged,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentRequested,
    PaymentSucceeded,
    PspStatus,
    RefundApproved,
    RefundCredited,
    RefundFailed,
    RefundRequested,
    RefundSent,
)

KINDS: dict[str, Any] = {
    "request": PaymentRequested,
    "authorize": PaymentAuthorized,
    "capture": PaymentCaptured,
    "succeed": PaymentSucceeded,
    "fail": PaymentFailed,
}
REFUNDS: dict[str, Any] = {
    "asked": RefundRequested,
    "approved": RefundApproved,
    "sent": RefundSent,
    "arrived": RefundCredited,
}
OURS: dict[str, Any] = {"sent_back": RefundFailed, "ours_sent": RefundSent, "ours_arrived": RefundCredited}
OVER = ("resolved", "withdrawn", "surveyed", "closed")


class Account:
    """Plays lines `minute what amount [payment]`.

    A credit of `refund` names the merchant's refund of the payment, one of `ours` the refund that was intended last;
    what else is told of ours is of the first one.
    """

    def __init__(self, *script: str, method: str = "wallet_balance", money: str = "") -> None:
        self.method = method
        self.player = Player(policy(f"[money]\n{money}\n[unknown]\nsilent_s = 0\n"))
        self.cases: dict[str, CaseVersion] = {}
        self.said: list[str] = []
        self.minute, self.number = 0, 0
        self.first = self.intended = ""  # refunds of ours
        self.play(*script)

    def play(self, *script: str) -> Account:
        for each in script:
            minute, what, *more = each.split()
            self.minute, self.number = int(minute), self.number + 1
            self.hear(self.read(what, int(more[0]) if more else 10_000, more[1] if more[1:] else "p1"))
        return self

    def read(self, what: str, minor: int, payment_id: str) -> Any:
        at_ms = NOON + self.minute * MINUTE + self.number * SECOND
        name = f"{what}{self.number}"
        money = {"payment_id": payment_id, "amount_minor": minor, "currency": "CNY"}
        if what in ("debit", "credit", "refund", "ours"):
            direction = "debit" if what == "debit" else "credit"
            reference = {"refund": f"r{payment_id}", "ours": self.intended}.get(what)
            return event(LedgerPosted, at_ms, name, entry_id=name, direction=direction, reference=reference, **money)
        if what == "fee":
            return event(FeeCharged, at_ms, name, fee_id="f1", tariff_id="alipay_withdrawal", **money)
        if what in OURS:
            return event(OURS[what], at_ms, name, refund_id=self.first, **money)
        if what == "failed":
            return event(PspStatus, at_ms, name, status="failed", **money)
        if what in REFUNDS:
            return event(REFUNDS[what], at_ms, name, refund_id=f"r{payment_id}", **money)
        if what == "wait":
            return event(Watermark, at_ms, name, account_id="-")
        return event(KINDS[what], at_ms, name, merchant_id="m1", method=self.method, **money)

    def hear(self, happening: Any) -> None:
        for effect in self.player.see(happening):
            if isinstance(effect, CaseVersion):
                self.cases[effect.case_id] = effect
            elif isinstance(effect, NotificationRequested):
                self.said.append(effect.template)
            elif isinstance(effect, RefundIntended):
                self.intended = effect.refund_id
                self.first = self.first or effect.refund_id

    @property
    def asks(self) -> dict[str, int]:
        """What open money cases still ask for, by their kind."""
        return {
            case.cause_family: (case.amount_minor or 0) - case.counters.get("returned_minor", 0)
            for case in self.cases.values()
            if case.status not in OVER and case.cause_family not in ("refund_request", "payment_failure")
        }


SHORT = ("0 request", "0 debit 8000", "0 succeed", "2 wait")


@pytest.mark.parametrize(
    ("then", "asks"),
    [
        # The customer has paid 80 of 100, and the merchant gave back half of the purchase: 30 of 50 are left.
        (("5 approved 5000", "5 sent 5000", "6 refund 5000"), {"undercharge": 2_000}),
        # All that was paid is back: the rest was a coupon's, or nobody's, and the customer has nothing that is not his.
        (("5 approved 8000", "5 sent 8000", "6 refund 8000"), {}),
        (("5 approved", "5 sent", "6 arrived", "7 refund 8000"), {}),
        (("5 approved 8000", "5 sent 8000", "6 credit 3000", "7 refund 5000", "8 arrived 8000"), {}),
        # More than was paid is back.
        (("5 approved", "5 sent", "6 refund"), {"undercharge": 2_000}),
        (("5 debit 2000",), {}),
    ],
)
def test_what_is_missing_of_a_payment_stays_missing_when_its_merchant_refunds_it(
    then: tuple[str, ...], asks: dict[str, int]
) -> None:
    assert Account(*SHORT, *then, "90 wait").asks == asks


@pytest.mark.parametrize("said", [5, 7, 9])
def test_more_than_was_paid_comes_back_in_parts_whenever_it_is_said_to_be_here(said: int) -> None:
    parts = sorted(["6 refund 5000", "8 refund 5000", f"{said} arrived"])
    account = Account(*SHORT, "4 approved", "4 sent", *parts, "90 wait")
    assert sum(account.asks.values()) == 2_000


@pytest.mark.parametrize("money", ["", "undercharges = false"], ids=["no coupons", "coupons"])
@pytest.mark.parametrize("told", [9_000, 10_000])
@pytest.mark.parametrize("first", ["booked", "said"])
def test_what_a_coupon_has_paid_is_not_twice_once_the_purchase_is_refunded(money: str, told: int, first: str) -> None:
    """The books agree: 90.00 were taken and are back, whatever the merchant calls it."""
    here = [f"6 arrived {told}", "7 refund 9000"] if first == "said" else ["6 refund 9000", f"7 arrived {told}"]
    account = Account("0 request", "0 debit 9000", "0 succeed", "2 wait", money=money)
    account.play(f"5 approved {told}", f"5 sent {told}", *here, "90 wait", "200 wait")
    assert account.asks == {}


def test_of_a_refund_of_all_that_was_paid_a_fee_of_its_own_is_no_part() -> None:
    account = Account("0 request", "0 debit 8000", "0 succeed", "1 debit 10", "1 fee 10", "2 wait")
    account.play("5 approved 8000", "5 sent 8000", "6 refund 8000", "90 wait")
    assert account.asks == {}


def test_a_fee_that_is_told_after_its_line_is_no_part_of_the_price() -> None:
    account = Account("0 request", "0 debit 8000", "0 succeed", "1 debit 10", "2 wait")
    assert account.asks == {"undercharge": 1_990}
    assert account.play("3 fee 10", "30 wait").asks == {"undercharge": 1_990}
    assert account.play("70 wait").asks == {"undercharge": 2_000}


def test_a_fee_inside_a_debit_that_was_too_little_is_missing_as_well() -> None:
    assert Account("0 request", "0 debit 8000", "0 succeed", "0 fee 10", "2 wait").asks == {"undercharge": 2_010}


def test_nothing_is_reckoned_up_where_people_have_decided() -> None:
    account = Account(*SHORT)
    (case,) = account.cases.values()
    at_ms = NOON + 3 * MINUTE
    whose: Any = {"case_id": case.case_id, "expected_version": case.version, "actor": "lee", "role": "supervisor"}
    account.hear(event(CaseAction, at_ms, "resolve", action="resolve", resolution="written_off", **whose))
    assert account.asks == {}
    assert account.play("5 approved 8000", "5 sent 8000", "6 refund 8000", "90 wait").asks == {}


def test_a_refund_in_parts_of_the_purchase_is_not_what_was_charged_too_much() -> None:
    """Whatever its parts are equal to, and also where it was said to have arrived before the ledger told of it."""
    over = ("0 request", "0 debit 15000", "0 succeed", "2 wait")
    in_parts = ("5 approved", "5 sent", "6 refund 5000", "7 refund 5000", "7 arrived")
    said_first = ("5 approved", "5 sent", "6 arrived", "6 refund 5000", "7 refund 5000")
    for refund in (in_parts, said_first):
        account = Account(*over, *refund, "90 wait")
        assert account.asks == {"amount_mismatch": 5_000}
        assert "charge_corrected" not in account.said


def test_a_refund_of_the_whole_price_that_was_asked_for_is_of_the_purchase() -> None:
    twice = ("0 request", "0 debit 20000", "0 succeed", "2 wait")
    assert Account(*twice, "5 asked", "5 sent", "6 refund", "90 wait").asks == {"amount_mismatch": 10_000}
    assert Account(*twice, "5 sent", "6 refund", "90 wait").asks == {}  # the merchant has corrected it


def test_a_refund_that_is_told_to_have_arrived_before_the_ledger_tells_is_no_overcharge() -> None:
    """Nor where as much was one too many before, and is corrected."""
    account = Account("0 request", "0 debit", "0 succeed", "1 debit", "2 credit", "3 wait")
    assert account.asks == {}
    assert account.play("5 sent 3000", "6 arrived 3000", "8 wait", "9 refund 3000", "90 wait").asks == {}


def test_what_the_bank_gave_back_of_a_failed_payment_is_not_looked_for_as_well() -> None:
    """A part of it ended the case that the payment was charged too much: it was the money of the whole debit."""
    account = Account("0 request", "0 debit 15000", "2 wait", method="bank_transfer")
    assert account.asks == {"amount_mismatch": 5_000}
    account.play("3 fail", "8 credit 7500", "9 credit 7500", "50 wait", "120 wait")
    assert account.asks == {}
    assert "debited_not_confirmed" not in account.said


def test_of_what_coupons_have_paid_a_part_of_nothing_is_missing() -> None:
    account = Account("0 request", "0 debit 5050", "0 succeed", "1 fee 50", "3 credit 40", money="undercharges = false")
    assert account.play("90 wait").asks == {}


@pytest.mark.parametrize("back", [("6 credit", "8 refund"), ("6 arrived", "7 refund", "8 refund")])
def test_what_is_back_twice_is_so_whichever_came_first(back: tuple[str, ...]) -> None:
    """A chargeback while the refund is on its way; a refund that the ledger books twice."""
    account = Account("0 request", "0 debit", "0 succeed", "2 wait", "5 approved", "5 sent", *back, "90 wait")
    assert account.asks == {"double_benefit": 10_000}


def test_a_refund_that_is_on_its_way_and_was_forgotten_is_no_overcharge() -> None:
    """Our refund of the duplicate was taken for the customer's, of as much: nothing is charged too much."""
    account = Account("0 request", "0 debit", "0 succeed", "1 debit", "2 asked", "2 approved", "3 sent", "4 credit")
    assert "amount_mismatch" not in account.play("90 wait").asks


@pytest.mark.parametrize(
    "script",
    [
        (*SHORT, "5 capture 8000"),  # no more was captured than was taken
        ("0 authorize", "0 capture 8000", "0 debit 8000", "1 debit 50", "1 fee 50", "5 credit 40"),
        (
            "0 authorize",
            "0 capture 6000",
            "0 debit 6000",
            "1 debit 50",
            "1 fee 50",
            "5 credit 40",
            "90 wait",
            "95 wait",
        ),
    ],
)
def test_what_was_captured_is_what_it_costs(script: tuple[str, ...]) -> None:
    assert Account(*script, "200 wait").asks == {}


def test_a_refund_whose_credit_is_hours_behind_its_word_is_nothing_twice() -> None:
    account = Account("0 request", "0 debit", "0 succeed", "1 debit", "2 credit", "3 wait")
    assert account.play("5 approved 5000", "5 sent 5000", "6 arrived 5000", "100 wait").asks == {}
    assert account.play("200 refund 5000", "300 wait").asks == {}


@pytest.mark.parametrize(
    "script",
    [
        ("0 debit", "0 succeed", "1 debit", "2 fee 50"),  # one of two debits is a duplicate
        ("0 debit", "0 fail", "3 credit", "4 debit", "5 succeed", "6 fee 50"),  # the first of them was undone
    ],
)
def test_a_fee_inside_a_debit_is_none_of_another_debit_that_is_back(script: tuple[str, ...]) -> None:
    account = Account("0 request", *script)
    if account.intended:
        account.play("7 ours")
    account.play("10 wait")
    assert account.asks == {"fee_issue": 40}
    assert account.play("11 ours 40", "90 wait", "180 wait").asks == {}


def test_of_a_payment_that_nobody_has_debited_nothing_is_twice() -> None:
    """Its fee alone was: what the ledger does not tell of is the merchant's to look for."""
    account = Account("0 request", "0 fee 50", "1 debit 50", "1 succeed", "2 ours 40", "90 wait")
    assert account.asks == {}


def test_a_fee_takes_nothing_of_what_was_given_twice() -> None:
    account = Account("0 request", "0 debit", "0 fail", "3 credit", "4 succeed", "5 debit 50")
    assert account.asks == {"double_benefit": 9_950}
    assert account.play("6 fee 50").asks == {"double_benefit": 10_000, "fee_issue": 40}


def test_a_refund_that_another_one_was_cancelled_for_is_nothing_twice() -> None:
    """Two debits of a failed payment, the refund of the first has left, and then it succeeds: one debit stands."""
    account = Account("0 request", "0 debit", "1 fail", "3 wait", "4 failed", "5 ours_sent", "6 debit", "7 succeed")
    assert account.asks == {"duplicate_charge": 10_000, "double_benefit": 10_000}
    account.play("8 credit", "8 ours_arrived", "30 wait")
    assert account.asks == {"double_benefit": 10_000}
    assert account.play("90 wait").asks == {}


def test_what_the_bank_and_we_have_both_given_back_stays_twice() -> None:
    account = Account("0 request", "0 debit", "1 fail", "3 wait", "4 failed", "5 ours_sent", "6 credit", "7 credit")
    assert account.play("7 ours_arrived", "90 wait").asks == {"double_benefit": 10_000}


def test_what_was_twice_and_more_is_taken_again_in_one_debit() -> None:
    """The bank and we gave it back, then it succeeded: 200.00 are missing, and no debit of as much is too much."""
    account = Account("0 request", "0 debit", "1 fail", "3 wait", "4 failed", "5 ours_sent", "6 credit", "7 credit")
    account.play("7 ours_arrived", "8 succeed")
    assert account.asks == {"double_benefit": 20_000}
    assert account.play("9 debit 20000", "90 wait").asks == {}


def test_a_refund_of_ours_that_the_ledger_names_first_ends_no_refund_of_the_customer_s() -> None:
    """Both are as much: the one that is named is here, and the other one is not, whatever was told so far."""
    account = Account("0 request", "0 debit", "0 succeed", "1 debit", "2 asked", "2 approved", "3 sent", "4 ours")
    assert not [template for template in account.said if template.startswith("refund_request.done")]
    waits = {case.cause_family for case in account.cases.values() if case.status not in OVER}
    assert waits == {"refund_request"}
    account.play("5 refund")
    assert "refund_request.done" in account.said


def test_what_a_customer_was_promised_is_not_set_off() -> None:
    """Its refund came back, and another account was asked for: that something else is missing is not its business."""
    account = Account("0 request", "0 debit 8000", "0 succeed", "1 debit 50", "1 fee 50", "2 wait", "3 sent_back 40")
    assert account.play("90 wait").asks == {"undercharge": 2_000, "fee_issue": 40}


def test_an_account_reckons_up_without_room_for_its_promises() -> None:
    account = Account()
    for number in range(8):
        name = f"q{number}"
        account.play(f"{number} request 10000 {name}", f"{number} debit 8000 {name}", f"{number} succeed 10000 {name}")
    account.play("12 wait")
    assert not account.player.obligations["a1"].expectations
