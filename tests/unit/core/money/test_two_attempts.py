"""Is an order of two payments paid once, whatever was tried, given back and told late? Orders that once went wrong."""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import MINUTE, NOON, SECOND, event
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import RefundIntended
from streams.contracts.base import Watermark
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import (
    PaymentFailed,
    PaymentRequested,
    PaymentReversed,
    PaymentSucceeded,
    PspStatus,
    RefundFailed,
    RefundSent,
)

KINDS: dict[str, Any] = {
    "request": PaymentRequested,
    "fail": PaymentFailed,
    "succeed": PaymentSucceeded,
    "reverse": PaymentReversed,
}
OURS: dict[str, Any] = {"sent": RefundSent, "failed": RefundFailed}  # of the refund that was intended for the payment
AMOUNT = 10_000


def play(*script: str) -> tuple[dict[tuple[str, str], CaseVersion], list[RefundIntended]]:
    """Cases by family and payment, and intents. A line: second, what, payment, amount of a ledger line."""
    player = Player(policy("[unknown]\nsilent_s = 0\n"))
    cases: dict[tuple[str, str], CaseVersion] = {}
    intents: list[RefundIntended] = []
    for number, each in enumerate(script):
        second, what, *about = each.split()
        at_ms = NOON + int(second) * SECOND
        payment_id = about[0] if about else ""
        money = {"payment_id": payment_id, "amount_minor": AMOUNT, "currency": "CNY"}
        order = {"order_id": "o1", "merchant_id": "m1", "method": "wallet_balance"}
        if what in ("debit", "credit"):
            line = {"entry_id": f"l{number}", "direction": what, "amount_minor": int(about[1]) if about[1:] else AMOUNT}
            happening: Any = event(LedgerPosted, at_ms, number, **money | line)
        elif what in OURS:
            refund_id = next(each.refund_id for each in intents if each.payment_id == payment_id)
            happening = event(OURS[what], at_ms, number, refund_id=refund_id, **money)
        elif what == "wait":
            happening = event(Watermark, at_ms, f"w{number}", account_id="-")
        elif what == "answer":
            happening = event(PspStatus, at_ms, number, status="failed", **money, **order)
        else:
            happening = event(KINDS[what], at_ms, number, **money, **order)
        for effect in player.see(happening):
            if isinstance(effect, CaseVersion):
                cases[effect.cause_family, effect.entities.payment_id or ""] = effect
            elif isinstance(effect, RefundIntended):
                intents.append(effect)
    return cases, intents


def test_a_failure_that_success_has_overtaken_makes_no_good_payment_bad() -> None:
    """Otherwise the success of the second attempt finds nothing that it pays for twice."""
    cases, intents = play(
        "1 request p0",
        "2 debit p0",
        "4 succeed p0",
        "3 fail p0",
        "5 request p1",
        "6 debit p1",
        "7 succeed p1",
    )
    assert set(cases) == {("duplicate_charge", "p1")}
    assert [(each.payment_id, each.amount_minor) for each in intents] == [("p1", AMOUNT)]


def test_a_failure_after_a_success_is_news() -> None:
    cases, _ = play("1 request p0", "2 debit p0", "3 succeed p0", "4 fail p0", "5 debit p0")
    assert set(cases) == {("duplicate_charge", "p0")}
    cases, _ = play("1 request p0", "3 succeed p0", "4 fail p0", "5 debit p0", f"{5 * MINUTE // SECOND} wait")
    assert set(cases) == {("debited_not_confirmed", "p0")}


TWICE_UNDER_ONE_ID = ("0 request p0", "2 debit p0", "5 fail p0", "10 request p0", "11 debit p0", "12 succeed p0")
BY_A_LEDGER_BEHIND = ("0 request p0", "5 fail p0", "10 request p0", "12 succeed p0", "2 debit p0", "11 debit p0")
BY_ITS_LINES_TURNED = ("0 request p0", "5 fail p0", "10 request p0", "11 debit p0", "12 succeed p0", "2 debit p0")
told_in_any_order = pytest.mark.parametrize("story", [TWICE_UNDER_ONE_ID, BY_A_LEDGER_BEHIND, BY_ITS_LINES_TURNED])


@told_in_any_order
def test_what_a_failed_attempt_took_has_its_grace_also_if_the_same_id_is_tried_again(story: tuple[str, ...]) -> None:
    assert play(*story, "100 wait", "121 wait") == ({}, [])
    cases, intents = play(*story, "100 wait", "123 wait")
    assert set(cases) == {("duplicate_charge", "p0")}
    assert [(each.payment_id, each.amount_minor) for each in intents] == [("p0", AMOUNT)]


@told_in_any_order
def test_where_its_bank_gives_that_back_nothing_is_too_much(story: tuple[str, ...]) -> None:
    assert play(*story, "100 wait", "110 credit p0", "8000 wait") == ({}, [])


def test_where_both_attempts_fail_each_debit_waits_for_its_own_explanation() -> None:
    cases, intents = play(*TWICE_UNDER_ONE_ID[:5], "12 fail p0", "123 wait")
    assert [(key, case.amount_minor) for key, case in cases.items()] == [(("debited_not_confirmed", "p0"), AMOUNT)]
    assert not intents
    cases, _ = play(*TWICE_UNDER_ONE_ID[:5], "12 fail p0", "123 wait", "182 wait")
    assert [(key, case.amount_minor) for key, case in cases.items()] == [(("debited_not_confirmed", "p0"), 2 * AMOUNT)]


def test_what_is_debited_twice_by_one_attempt_or_long_after_the_first_is_one_too_many_at_once() -> None:
    for story in (
        ("0 request p0", "2 debit p0", "3 succeed p0", "4 debit p0"),
        (*BY_A_LEDGER_BEHIND[:5], "123 debit p0"),
    ):
        cases, intents = play(*story)
        assert set(cases) == {("duplicate_charge", "p0")}
        assert len(intents) == 1


def test_nobody_has_twice_what_the_other_attempt_has_paid() -> None:
    before = ("1 request p0", "2 debit p0", "3 fail p0", "4 reverse p0", "5 credit p0", "6 succeed p0", "7 request p1")
    cases, _ = play(*before)
    assert cases["double_benefit", "p0"].status == "classified"
    for paid in (("8 debit p1", "9 succeed p1"), ("8 succeed p1", "9 debit p1")):
        cases, intents = play(*before, *paid)
        assert cases["double_benefit", "p0"].resolution_code == "paid_otherwise"
        assert set(cases) == {("double_benefit", "p0")}
        assert not intents
    cases, _ = play(*before, "8 debit p1")
    assert cases["double_benefit", "p0"].status == "classified", "that attempt may still fail"


def test_what_was_credited_beyond_every_debit_is_twice_whoever_pays_the_order() -> None:
    lost = ("1 request p0", "2 debit p0", "3 fail p0", "183 wait", "184 answer p0", "185 reverse p0", "186 credit p0")
    cases, _ = play(*lost, "187 credit p0", "188 request p1", "189 debit p1", "190 succeed p1")
    assert cases["double_benefit", "p0"].status == "classified"


def test_a_payment_whose_money_is_leaving_pays_for_no_order() -> None:
    """Both attempts were lost, the refund of the first came back, that of the second has left, and both succeed."""
    lost = ("1 request p1", "2 debit p1", "3 fail p1", "183 wait", "184 answer p1", "185 sent p1")
    lost += ("186 request p0", "187 debit p0", "188 fail p0", "368 wait", "369 answer p0", "370 failed p1")
    cases, _ = play(*lost, "371 sent p0", "372 succeed p0", "373 succeed p1", "374 credit p0")
    assert cases["double_benefit", "p0"].resolution_code == "paid_otherwise"
    assert not [case for case in cases.values() if case.status == "classified"]


def test_what_is_left_of_a_debit_whose_refund_was_cancelled_is_one_too_many_too() -> None:
    """A part came back, so its intent was cancelled; then it was good after all, and the order is paid twice."""
    cases, intents = play(
        "1 request p0",
        "2 debit p0",
        "3 fail p0",
        "4 request p1",
        "5 debit p1",
        "6 succeed p1",
        "186 wait",
        "187 answer p0",
        "188 credit p0 5000",
        "189 succeed p0",
    )
    assert len(intents) == 1, "its key must not carry another amount"
    duplicate = cases["duplicate_charge", "p0"]
    assert (duplicate.amount_minor, duplicate.status) == (5_000, "classified")
    assert "refund_withheld" in [line.kind for line in duplicate.evidence]
    assert cases["debited_not_confirmed", "p0"].status == "resolved"
