"""Is a top-up, a payout or a refund that failed told of as what it is, and is what is said of its money true?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import HOUR, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts import payments
from streams.contracts.accounts import LedgerPosted
from streams.contracts.base import Event
from streams.contracts.payments import Code
from streams.contracts.triage import PaymentTriaged
from streams.core.declines.table import packaged

CNY = {"currency": "CNY"}
DOWN = (Code(source="iso8583_1987", code="91"),)  # the issuer is not available
SILENT = (Code(source="stripe", code="fraudulent"),)  # of which nobody may say more than no


def triaged(*script: Event) -> PaymentTriaged:
    player = Player(policy())
    (*_, last) = [each for event in script for each in player.see(event) if isinstance(each, PaymentTriaged)]
    return last


def topup(at_ms: int, number: int, kind: type[Event], **fields: Any) -> Event:
    return paid(at_ms, number, kind=kind, payment_id="p1", method="bank_card", **CNY, **fields)


def posted(at_ms: int, number: int, **fields: Any) -> Event:
    return event(LedgerPosted, at_ms, number, **{"entry_id": f"l{number}", "amount_minor": 1000} | CNY | fields)


def said(found: PaymentTriaged) -> tuple[str, str]:
    return found.text.zh, found.text.en


def test_a_topup_that_failed_after_it_was_confirmed_says_that_its_money_goes_back() -> None:
    found = triaged(topup(NOON, 1, payments.TopupConfirmed), topup(NOON + SECOND, 2, payments.TopupFailed, codes=DOWN))
    assert said(found) == (
        "充值未成功：发卡行繁忙。已扣款项将退回原付款账户。",
        "Your top-up did not complete: bank unavailable. What was taken goes back to where it came from.",
    )


def test_a_topup_for_which_nothing_was_taken_says_so_only_when_the_ledger_is_heard() -> None:
    failed = topup(NOON + SECOND, 9, payments.TopupFailed, codes=DOWN)
    asked = topup(NOON, 1, payments.TopupRequested)
    assert said(triaged(asked, failed))[1] == "Your top-up did not complete: bank unavailable."
    other = posted(NOON, 2, direction="debit", payment_id="p9", account_id="bo")
    assert said(triaged(asked, other, failed))[1].endswith("unavailable. You were not charged.")


@pytest.mark.parametrize("kind", [payments.WithdrawalReturned, payments.WithdrawalFailed])
def test_a_withdrawal_that_failed_returns_to_the_balance(kind: type[Event]) -> None:
    asked = topup(NOON, 1, payments.WithdrawalRequested)
    taken = posted(NOON + SECOND, 2, direction="debit", payment_id="p1")
    found = triaged(asked, taken, topup(NOON + HOUR, 3, kind, codes=DOWN))
    assert said(found) == (
        "提现未成功：发卡行繁忙。款项将退回余额。",
        "Your withdrawal did not complete: bank unavailable. The money returns to your balance.",
    )


def test_what_is_back_already_is_not_said_to_come_back() -> None:
    asked = topup(NOON, 1, payments.WithdrawalRequested)
    taken = posted(NOON + SECOND, 2, direction="debit", payment_id="p1")
    back = posted(NOON + 2 * SECOND, 3, direction="credit", payment_id="p1")
    found = triaged(asked, taken, back, topup(NOON + HOUR, 4, payments.WithdrawalReturned, codes=DOWN))
    assert said(found)[1] == "Your withdrawal did not complete: bank unavailable."


def test_a_refund_that_failed_is_no_payment() -> None:
    failed = paid(NOON, 1, kind=payments.RefundFailed, refund_id="r1", codes=DOWN, **CNY)
    assert said(triaged(failed)) == (
        "退款未成功：发卡行繁忙。我们正在处理，并将通知您后续安排。",
        "The refund did not complete: bank unavailable. We are working on it and will tell you what happens next.",
    )
    closed = (Code(source="wechatpay_v3", code="USER_ACCOUNT_ABNORMAL"),)
    failed = paid(NOON, 1, kind=payments.RefundFailed, refund_id="r1", codes=closed, **CNY)
    assert said(triaged(failed))[1].startswith("The refund could not be credited to the original account.")


def test_what_may_not_be_said_of_a_payment_is_not_said_of_a_withdrawal() -> None:
    for codes in ((), SILENT):
        found = triaged(topup(NOON, 1, payments.WithdrawalFailed, codes=codes))
        assert said(found)[1] == "Your withdrawal did not complete. Contact customer service for details."


def test_the_providers_answer_speaks_of_what_it_was_asked_about() -> None:
    answer = topup(NOON + SECOND, 2, payments.PspStatus, status="failed", codes=DOWN)
    found = triaged(topup(NOON, 1, payments.TopupConfirmed), answer)
    assert (found.subject, found.text.zh.startswith("充值未成功")) == ("topup", True)
    assert triaged(topup(NOON, 1, payments.PaymentRequested), answer).subject == "payment"


@pytest.mark.parametrize("kind", [payments.TopupFailed, payments.WithdrawalFailed, payments.RefundFailed])
def test_no_cause_speaks_of_a_payment(kind: type[Event]) -> None:
    """One code of every cause that can fail a movement of this kind."""
    by_cause = {entry.cause.cause: (source, code) for (source, code), entry in packaged().entries.items()}
    no_failure = {"approved", "approved_partial", "approved_defective", "already_paid", "no_payment_method"}
    refunds = {"refund_id": "r1"} if kind is payments.RefundFailed else {}
    for cause, (source, name) in sorted(by_cause.items()):
        if cause in no_failure | {"payment_code_expired"} or cause.startswith("refund_"):
            continue
        zh, en = said(triaged(paid(NOON, 1, kind=kind, codes=(Code(source=source, code=name),), **CNY, **refunds)))
        assert "pay" not in en.lower().replace("payee", ""), (cause, en)
        assert "支付" not in zh, (cause, zh)
        assert "付款" not in zh.replace("原付款账户", ""), (cause, zh)
