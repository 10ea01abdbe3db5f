"""A customer asks for money back: what does the case already say before anybody opens it?"""

from __future__ import annotations

from typing import Any

from support.happenings import DAY, HOUR, MINUTE, NOON, event, paid
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import RefundCancelled, RefundIntended
from streams.contracts.base import Event, from_ms
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.payments import (
    Code,
    PaymentFailed,
    PaymentSucceeded,
    RefundApproved,
    RefundFailed,
    RefundRequested,
)
from streams.core.steps import Effect

CNY = {"currency": "CNY", "method": "wallet_balance", "merchant_id": "m1"}


def bought(at_ms: int = NOON, kind: type[Event] = PaymentSucceeded) -> Event:
    return paid(at_ms, 1, 10_000, kind=kind, **CNY)


def asked(at_ms: int, minor: int = 10_000, number: int = 1, **more: Any) -> Event:
    about = {"payment_id": "p1", "refund_id": f"r{number}"} | CNY | more
    return paid(at_ms, f"ask-{at_ms}-{number}", minor, kind=RefundRequested, **about)


def approved(at_ms: int, minor: int = 10_000, number: int = 1) -> Event:
    return paid(at_ms, f"ok-{number}", minor, kind=RefundApproved, payment_id="p1", refund_id=f"r{number}", **CNY)


def told(*happenings: Event, rules: str = "") -> list[Effect]:
    player = Player(policy(rules))
    return [effect for each in happenings for effect in player.see(each)]


def request(effects: list[Effect]) -> CaseVersion:
    return [each for each in effects if isinstance(each, CaseVersion) and each.case_type == "refund_request"][-1]


def checked(effects: list[Effect]) -> str:
    return next(line.text for line in request(effects).evidence if line.kind == "refund.checked")


def messages(effects: list[Effect]) -> list[str]:
    return [each.template for each in effects if isinstance(each, NotificationRequested)]


def test_a_request_inside_the_policy_says_so_and_nothing_is_asked() -> None:
    effects = told(bought(), asked(NOON + 2 * DAY))
    assert checked(effects) == (
        "payment found; paid on 2026-04-01; refundable for 30d; CNY 100.00 refundable; no evidence; within the policy"
    )
    assert (request(effects).status, request(effects).root_cause) == ("classified", None)
    assert messages(effects) == ["refund_request"]


def test_nobody_approves_and_nothing_leaves_whatever_the_check_found() -> None:
    for at_ms in (NOON + HOUR, NOON + 90 * DAY):
        assert not [each for each in told(bought(), asked(at_ms)) if isinstance(each, RefundIntended | RefundCancelled)]


def test_after_its_window_the_customer_is_asked_for_what_speaks_for_it() -> None:
    effects = told(bought(), asked(NOON + 31 * DAY))
    assert checked(effects).endswith("no evidence; outside the policy: too late")
    assert (request(effects).root_cause, request(effects).status) == ("refund_window_expired", "waiting_customer")
    assert messages(effects) == ["refund_request.ask"]


def test_the_evidence_that_was_asked_for_lets_the_case_go_on() -> None:
    effects = told(bought(), asked(NOON + 31 * DAY), asked(NOON + 32 * DAY, evidence=("photo-1",)))
    assert "evidence: 1" in checked(effects)
    assert request(effects).status == "in_progress"


def test_a_merchant_may_have_a_window_of_its_own_or_give_nothing_back() -> None:
    week = "[money.refund_window]\nm1 = '7d'\n"
    assert request(told(bought(), asked(NOON + 8 * DAY), rules=week)).root_cause == "refund_window_expired"
    assert request(told(bought(), asked(NOON + 6 * DAY), rules=week)).root_cause is None
    none = "[money.refund_window]\nm1 = '0d'\n"
    assert request(told(bought(), asked(NOON + MINUTE), rules=none)).root_cause == "refund_not_allowed"


def test_a_sale_that_nobody_knows_is_asked_about_by_its_order() -> None:
    effects = told(asked(NOON, payment_id="nosale"))
    assert request(effects).root_cause == "order_not_found"
    assert checked(effects).startswith("no such payment; date of payment unknown")
    fields = [each.parameters["fields"] for each in effects if isinstance(each, NotificationRequested)]
    assert fields == ["ask.order,ask.time,ask.screenshot"]
    effects = told(asked(NOON, payment_id="nosale", order_id="o1"))
    assert [each.parameters["fields"] for each in effects if isinstance(each, NotificationRequested)] == [
        "ask.documents"
    ]


def test_the_second_request_for_one_refund_changes_what_was_found() -> None:
    effects = told(asked(NOON), bought(NOON + MINUTE), asked(NOON + HOUR))
    assert (request(effects).root_cause, request(effects).status) == (None, "in_progress")


def test_more_than_is_left_is_too_much_and_for_people_to_correct() -> None:
    effects = told(bought(), approved(NOON + HOUR, 6_000), asked(NOON + DAY, 5_000, number=2))
    assert "CNY 40.00 refundable" in checked(effects)
    assert (request(effects).root_cause, request(effects).status) == ("refund_amount_invalid", "classified")


def test_a_request_for_nothing_is_for_people_and_nobody_hears_that_it_is_received() -> None:
    effects = told(bought(), asked(NOON + DAY, 0))
    assert checked(effects).endswith("outside the policy: no amount is asked for")
    assert (request(effects).root_cause, request(effects).status) == ("refund_amount_invalid", "classified")
    assert messages(effects) == []


def test_a_request_in_another_currency_than_its_payment_is_outside_the_policy() -> None:
    effects = told(bought(), asked(NOON + DAY, currency="USD"))
    assert checked(effects).endswith("outside the policy: another currency than the payment's")
    assert (request(effects).root_cause, request(effects).status) == ("refund_amount_invalid", "classified")


def test_a_request_in_the_currency_that_was_debited_is_none_in_another_one() -> None:
    line = {"entry_id": "l1", "direction": "debit", "amount_minor": 1_400, "currency": "USD", "payment_id": "p1"}
    effects = told(bought(), event(LedgerPosted, NOON, "l1", **line), asked(NOON + HOUR, 1_400, currency="USD"))
    assert request(effects).root_cause is None


def test_its_own_approval_that_is_told_before_it_takes_nothing_away() -> None:
    assert request(told(bought(), approved(NOON + HOUR), asked(NOON + HOUR + MINUTE))).root_cause is None


def test_of_a_payment_that_failed_there_is_nothing_to_refund() -> None:
    effects = told(bought(kind=PaymentFailed), asked(NOON + HOUR))
    assert (request(effects).root_cause, request(effects).status) == ("refund_not_allowed", "classified")


def test_what_the_ledger_has_debited_is_a_sale() -> None:
    line = {"entry_id": "l1", "direction": "debit", "amount_minor": 10_000, "currency": "CNY", "payment_id": "p1"}
    effects = told(event(LedgerPosted, NOON, "l1", **line), asked(NOON + HOUR))
    assert checked(effects).startswith("payment found; paid on 2026-04-01")


def test_the_payment_system_knows_the_date_better_than_a_memory() -> None:
    effects = told(bought(), asked(NOON + DAY, paid_at=from_ms(NOON - 40 * DAY)))
    assert request(effects).root_cause == "refund_window_expired"


def test_once_the_merchant_has_approved_nothing_is_asked_any_more() -> None:
    effects = told(bought(), asked(NOON + 31 * DAY), approved(NOON + 32 * DAY))
    assert request(effects).status == "in_progress"


def came_back(*codes: str) -> tuple[str | None, list[str]]:
    """The cause on the case of a refund that came back with these codes, and what the customer was told."""
    named = tuple(Code(source="alipay", code=code) for code in codes)
    back = paid(NOON + DAY, "back", 10_000, kind=RefundFailed, payment_id="p1", refund_id="r1", codes=named, **CNY)
    effects = told(bought(), back)
    cases = [each for each in effects if isinstance(each, CaseVersion) and each.case_type == "refund_failed"]
    return cases[-1].root_cause, messages(effects)


def test_whose_merchant_has_no_funds_is_asked_for_no_other_account() -> None:
    assert came_back("ACQ.SELLER_BALANCE_NOT_ENOUGH") == ("refund_merchant_funds", ["refund_failed.funds"])


def test_a_refund_that_came_back_for_any_other_reason_needs_another_account() -> None:
    assert came_back() == (None, ["refund_failed"])
