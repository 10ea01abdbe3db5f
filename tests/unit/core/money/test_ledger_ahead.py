"""Is a payment judged alike when the ledger's line comes before the payment's own first event?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts import payments
from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import PspQuery, RefundIntended
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import CaseVersion
from streams.core.steps import Effect

ABOUT = {"payment_id": "p1", "currency": "CNY", "method": "wallet_balance"}


def line(direction: str, at_ms: int, amount_minor: int, **fields: Any) -> Event:
    told = {"entry_id": f"e{at_ms}", "direction": direction, "amount_minor": amount_minor, "payment_id": "p1"}
    return event(LedgerPosted, at_ms, at_ms, **told | {"currency": "CNY"} | fields)


def step(kind: Any, at_ms: int, amount_minor: int = 3000, **fields: Any) -> Event:
    return paid(at_ms, at_ms, amount_minor, kind=kind, **ABOUT, **fields)


def mark(at_ms: int) -> Event:
    return event(Watermark, at_ms, at_ms, account_id="-")


def left(*script: Event) -> tuple[list[tuple[str, int | None]], list[Effect]]:
    """Cases that are open in the end, with their amounts, and everything that was answered."""
    player = Player(policy())
    effects = [effect for each in script for effect in player.see(each)]
    last = {each.case_id: each for each in effects if isinstance(each, CaseVersion)}
    over = ("resolved", "withdrawn")
    return sorted((each.cause_family, each.amount_minor) for each in last.values() if each.status not in over), effects


DEBIT, ASKED, GOOD = "debit", payments.PaymentRequested, payments.PaymentSucceeded


@pytest.mark.parametrize("order", [(DEBIT, ASKED, GOOD), (ASKED, DEBIT, GOOD), (GOOD, DEBIT, ASKED), (DEBIT, GOOD)])
@pytest.mark.parametrize(("taken", "case"), [(3500, ("amount_mismatch", 500)), (500, ("undercharge", 2500))])
def test_a_debit_of_another_amount_is_found_in_any_order(
    order: tuple[Any, ...], taken: int, case: tuple[str, int]
) -> None:
    times = [NOON + number * SECOND for number in range(len(order))]
    script = [
        line("debit", at_ms, taken) if each is DEBIT else step(each, at_ms)
        for each, at_ms in zip(order, times, strict=True)
    ]
    found, _ = left(*script, mark(NOON + 2 * MINUTE))
    assert found == [case]


@pytest.mark.parametrize("order", [(DEBIT, ASKED, GOOD), (DEBIT, GOOD), (ASKED, DEBIT, GOOD)])
@pytest.mark.parametrize("kind", [payments.PaymentFailed, payments.PaymentReversed])
def test_a_payment_that_fails_after_all_is_looked_into_in_any_order(order: tuple[Any, ...], kind: Any) -> None:
    script = [
        line("debit", NOON, 3000) if each is DEBIT else step(each, NOON + number * SECOND)
        for number, each in enumerate(order)
    ]
    found, effects = left(*script, step(kind, NOON + 40 * SECOND), mark(NOON + HOUR))
    assert found == [("debited_not_confirmed", 3000)]
    assert any(isinstance(each, PspQuery) for each in effects)


FAILED = (step(ASKED, NOON), step(payments.PaymentFailed, NOON + 5 * SECOND), line("debit", NOON + 6 * SECOND, 3500))
ANSWER = step(payments.PspStatus, NOON + 185 * SECOND, status="failed")


def test_of_a_failed_payment_nothing_is_too_much_all_of_it_goes_back() -> None:
    back = line("credit", NOON + 5 * MINUTE, 3500)
    found, effects = left(*FAILED, mark(NOON + 3 * MINUTE), ANSWER, back, mark(NOON + DAY))
    assert [each.amount_minor for each in effects if isinstance(each, RefundIntended)] == [3500]
    assert found == []
    assert "amount_mismatch" not in {each.cause_family for each in effects if isinstance(each, CaseVersion)}


def test_what_was_too_much_of_a_payment_ends_when_it_fails_or_all_of_it_is_back() -> None:
    too_much = (step(ASKED, NOON), line("debit", NOON + SECOND, 3500), mark(NOON + 90 * SECOND))
    assert left(*too_much)[0] == [("amount_mismatch", 500)]
    failed = step(payments.PaymentFailed, NOON + 100 * SECOND)
    assert left(*too_much, failed, mark(NOON + HOUR))[0] == [("debited_not_confirmed", 3500)]
    assert left(*too_much, failed, line("credit", NOON + 110 * SECOND, 3500), mark(NOON + HOUR))[0] == []
    good = step(GOOD, NOON + 4 * HOUR)
    assert left(*too_much, failed, mark(NOON + HOUR), good, mark(NOON + 5 * HOUR))[0] == [("amount_mismatch", 500)]


def test_a_topup_that_is_credited_before_it_is_asked_for_is_not_looked_for() -> None:
    request = step(payments.TopupRequested, NOON)
    assert left(line("credit", NOON + SECOND, 3000), request, mark(NOON + DAY))[0] == []
    assert left(line("credit", NOON + SECOND, 2000), request, mark(NOON + DAY))[0] == [("topup_not_credited", 1000)]
