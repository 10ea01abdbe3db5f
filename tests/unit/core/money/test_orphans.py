from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import PspQuery
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.payments import PaymentRequested, PaymentSucceeded, RefundSent, WithdrawalRequested
from streams.core.steps import Effect

WALLET = {"method": "wallet_balance", "amount_minor": 1000, "currency": "CNY"}
SURE = "[unknown]\nsilent_s = 0\n"


def posted(at_ms: int, number: int, direction: str = "debit", amount_minor: int = 1000, **more: Any) -> Event:
    line = {"entry_id": f"l{number}", "direction": direction, "amount_minor": amount_minor, "currency": "CNY"}
    return event(LedgerPosted, at_ms, number, **line | more)


def mark(at_ms: int) -> Event:
    return event(Watermark, at_ms, at_ms, account_id="-")


def told(happenings: Iterable[Event], *overrides: str) -> list[Effect]:
    player = Player(policy(SURE, *overrides))
    effects = [effect for happening in happenings for effect in player.see(happening)]
    player.stored()
    return effects


def newest(effects: Iterable[Effect]) -> dict[str, str]:
    return {each.case_type: each.status for each in effects if isinstance(each, CaseVersion)}


def test_a_debit_of_a_payment_nobody_told_of_is_a_money_case_and_one_for_the_integration() -> None:
    effects = told([posted(NOON, 1, payment_id="p1"), mark(NOON + 5 * MINUTE)])
    assert newest(effects) == {"integration.orphan_line": "classified", "debited_not_confirmed": "classified"}
    assert [each.payment_id for each in effects if isinstance(each, PspQuery)] == ["p1"]
    again = told([posted(NOON + n * SECOND, n, payment_id=f"p{n}") for n in range(5)] + [mark(NOON + HOUR)])
    cases = [each for each in again if isinstance(each, CaseVersion)]
    assert len({each.case_id for each in cases if each.case_type.startswith("integration")}) == 1


@pytest.mark.parametrize("name", [{"order_id": "o1"}, {"counterparty_id": "shop"}])
def test_a_debit_that_names_no_payment_is_a_case_and_a_word_to_the_customer(name: dict[str, str]) -> None:
    effects = told([posted(NOON, 1, **name), mark(NOON + 5 * MINUTE)])
    assert newest(effects) == {"integration.orphan_line": "classified", "orphan_debit": "classified"}
    assert [each.template for each in effects if isinstance(each, NotificationRequested)] == ["debited_not_confirmed"]


def test_lines_that_name_nothing_and_money_from_somebody_are_ordinary() -> None:
    credit = posted(NOON, 2, "credit", payment_id="theirs", counterparty_id="friend")
    assert told([posted(NOON, 1), credit, posted(NOON, 3, "credit"), mark(NOON + DAY)]) == []


def test_a_ledger_that_tells_of_more_than_the_payments_can_be_left_alone() -> None:
    lines = [posted(NOON, 1, order_id="o1"), posted(NOON, 2, "credit", payment_id="p9"), mark(NOON + DAY)]
    assert told(lines, "[money]\norphan_s = 0\n") == []


def test_a_payment_that_comes_after_its_line_claims_it_by_order_and_its_own_grace_begins() -> None:
    line = posted(NOON, 1, order_id="o1")
    request = paid(NOON + 4 * MINUTE, 1, kind=PaymentRequested, order_id="o1", **WALLET)
    success = paid(NOON + 5 * MINUTE, 2, kind=PaymentSucceeded, payment_id="p1", **WALLET)
    assert newest(told([line, request, success, mark(NOON + DAY)])) == {}
    assert newest(told([line, request, mark(NOON + 6 * MINUTE - 1)])) == {}
    assert newest(told([line, request, mark(NOON + 6 * MINUTE)])) == {"debited_not_confirmed": "classified"}


def test_a_late_explanation_ends_the_case() -> None:
    events = [
        posted(NOON, 1, order_id="o1"),
        mark(NOON + HOUR),
        paid(NOON + HOUR, 1, kind=PaymentSucceeded, order_id="o1", **WALLET),
    ]
    effects = told(events)
    assert newest(effects)["orphan_debit"] == "resolved"
    assert effects[-2].template == "debit_confirmed" if isinstance(effects[-2], NotificationRequested) else False


def test_an_explanation_that_is_no_success_is_watched_like_any_debit() -> None:
    request = paid(NOON + HOUR, 1, kind=PaymentRequested, order_id="o1", **WALLET)
    effects = told([posted(NOON, 1, order_id="o1"), mark(NOON + HOUR), request, mark(NOON + 2 * HOUR)])
    assert newest(effects)["orphan_debit"] == "resolved"
    assert newest(effects)["debited_not_confirmed"] == "classified"


def test_a_line_before_its_withdrawal_is_none_of_ours() -> None:
    events = [
        posted(NOON, 1, payment_id="p1"),
        paid(NOON + MINUTE, 1, kind=WithdrawalRequested, **WALLET),
        mark(NOON + HOUR),
    ]
    assert newest(told(events)) == {}


def test_two_lines_of_one_order_that_come_before_their_payment_are_a_duplicate() -> None:
    events = [
        posted(NOON, 1, order_id="o1"),
        posted(NOON + SECOND, 2, order_id="o1"),
        paid(NOON + MINUTE, 1, kind=PaymentSucceeded, order_id="o1", **WALLET),
        mark(NOON + HOUR),
    ]
    assert newest(told(events)) == {"duplicate_charge": "classified"}


def test_an_unexplained_credit_is_accountings_and_not_told_to_the_customer() -> None:
    effects = told([posted(NOON, 1, "credit", payment_id="p1"), mark(NOON + 5 * MINUTE)])
    assert newest(effects) == {"orphan_credit": "classified"}
    assert not any(isinstance(each, NotificationRequested) for each in effects)


@pytest.mark.parametrize("minutes", [1, 60])
def test_a_credit_is_explained_by_its_refund_in_time_or_later(minutes: int) -> None:
    refund = paid(NOON + minutes * MINUTE, 2, kind=RefundSent, payment_id="p1", refund_id="r1", **WALLET)
    effects = told([posted(NOON, 1, "credit", payment_id="p1"), mark(NOON + minutes * MINUTE), refund])
    assert newest(effects).get("orphan_credit") == (None if minutes == 1 else "resolved")


def test_nothing_is_said_while_the_payments_feed_is_behind() -> None:
    player = Player(policy(SURE))
    player.stalled["payments.transactions"] = (NOON, NOON + HOUR)
    effects = player.see(posted(NOON, 1, order_id="o1")) + player.see(mark(NOON + HOUR - 1))
    assert newest(effects) == {}
    assert "orphan_debit" in newest(player.see(mark(NOON + 2 * HOUR)))
