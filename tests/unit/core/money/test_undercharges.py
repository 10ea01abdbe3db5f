"""Is a debit below its payment's amount told once, when it is certain, and over when the rest is there?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import MINUTE, NOON, SECOND, event
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.base import Watermark
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.payments import (
    PaymentCaptured,
    PaymentFailed,
    PaymentRequested,
    PaymentReversed,
    PaymentSucceeded,
    WithdrawalCredited,
    WithdrawalRequested,
)
from streams.core.obligations import SPENT_MAX
from streams.core.steps import Effect

KINDS: dict[str, Any] = {
    "request": PaymentRequested,
    "capture": PaymentCaptured,
    "succeed": PaymentSucceeded,
    "fail": PaymentFailed,
    "reverse": PaymentReversed,
}


def play(*script: str, overrides: str = "", player: Player | None = None) -> list[Effect]:
    """A line: minute, what, amount of it (100.00 yuan where none is given), payment (p1)."""
    player = player or Player(policy("[unknown]\nsilent_s = 0\n", overrides))
    effects: list[Effect] = []
    for number, each in enumerate(script):
        minute, what, *more = each.split()
        at_ms = NOON + int(minute) * MINUTE + number * SECOND
        payment_id = more[1] if more[1:] else "p1"
        money = {"payment_id": payment_id, "amount_minor": int(more[0]) if more else 10_000, "currency": "CNY"}
        name = f"{what}{number}/{minute}"
        if what in ("debit", "credit"):
            happening: Any = event(LedgerPosted, at_ms, name, entry_id=f"l{name}", direction=what, **money)
        elif what == "wait":
            happening = event(Watermark, at_ms, name, account_id="-")
        else:
            happening = event(KINDS[what], at_ms, name, merchant_id="m1", method="wallet_balance", **money)
        effects += player.see(happening)
    return effects


def told(effects: list[Effect]) -> list[tuple[str, int | None, str | None]]:
    return [
        (each.status, each.amount_minor, each.resolution_code)
        for each in effects
        if isinstance(each, CaseVersion) and each.cause_family == "undercharge"
    ]


SHORT = ("0 request", "0 debit 8000", "0 succeed", "2 wait")


@pytest.mark.parametrize(
    "script",
    [
        SHORT,
        ("0 request", "0 succeed", "0 debit 8000", "2 wait"),
        ("0 request", "0 debit 3000", "0 succeed", "0 debit 5000", "2 wait"),
    ],
)
def test_too_little_is_a_case_for_accounting_and_no_word_to_the_customer(script: tuple[str, ...]) -> None:
    effects = play(*script)
    (case,) = [each for each in effects if isinstance(each, CaseVersion)]
    assert (case.case_type, case.flow, case.queue, case.priority) == ("amount_mismatch", "F11", "accounting", "P3")
    assert (case.amount_minor, case.evidence[0].text) == (
        2_000,
        "charged CNY 80.00 for a payment of CNY 100.00: too little",
    )
    assert not [each for each in effects if isinstance(each, NotificationRequested)]


@pytest.mark.parametrize(
    "script",
    [
        ("0 request", "0 debit", "0 succeed", "2 wait"),
        ("0 request", "0 debit 6000", "0 succeed", "0 debit 4000", "2 wait"),  # in two parts
        ("0 request", "0 capture 8000", "0 debit 8000", "2 wait"),  # no more than that was captured
        ("0 request", "0 debit 8000", "0 capture 8000", "2 wait"),
        ("0 request", "0 capture 4000", "0 debit 4000", "5 capture 6000", "5 debit 6000", "9 wait"),
        ("0 request", "0 debit", "0 succeed", "0 credit 3000", "2 wait"),  # a part was refunded
        ("0 request", "0 credit 3000", "0 debit", "0 succeed", "2 wait"),  # and told before the debit
        ("0 request", "0 debit 8000", "0 succeed", "0 credit 8000", "2 wait"),
        ("0 request", "0 debit 8000", "0 fail", "0 credit 8000", "2 wait"),
        ("0 request", "0 succeed", "2 wait"),  # nobody tells of its debit: perhaps another ledger does
    ],
)
def test_what_is_no_less_than_the_payment_says_nothing(script: tuple[str, ...]) -> None:
    assert told(play(*script)) == []


@pytest.mark.parametrize(
    ("then", "last"),
    [
        (("5 debit 2000",), ("resolved", 2_000, "charged_rest")),
        (("5 debit 500", "6 debit 1500"), ("resolved", 1_500, "charged_rest")),
        (("5 capture 8000",), ("withdrawn", 2_000, "charge_explained")),
        (("5 credit 8000",), ("resolved", 2_000, "charge_undone")),
        (("5 reverse",), ("resolved", 2_000, "charge_undone")),
        (("5 debit 500",), ("classified", 1_500, None)),
    ],
)
def test_it_is_over_when_the_rest_is_there_or_nothing_is_missing(then: tuple[str, ...], last: Any) -> None:
    assert told(play(*SHORT, *then))[-1] == last


def test_where_coupons_pay_a_part_nothing_is_told() -> None:
    assert told(play(*SHORT, overrides="[money]\nundercharges = false\n")) == []


def test_what_is_remembered_in_part_is_not_judged() -> None:
    """The first part of a debit may have made room for the debits of others."""
    others = [f"0 debit 100 other{number}" for number in range(SPENT_MAX)]
    assert told(play("0 request", "0 debit 6000", *others, "1 succeed", "1 debit 4000", "9 wait")) == []


def test_other_movements_than_payments_have_rules_of_their_own() -> None:
    player = Player(policy("[unknown]\nsilent_s = 0\n"))
    about = {"payment_id": "p1", "amount_minor": 10_000, "currency": "CNY", "counterparty_id": "me"}
    for number, kind in enumerate((WithdrawalRequested, WithdrawalCredited)):
        player.see(event(kind, NOON + number * SECOND, number, **about))
    assert told(play("1 debit 8000", "9 wait", player=player)) == []
