"""Of what came back beyond all debits nothing is said before every line has been heard that could explain it."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from support.happenings import HOUR, MINUTE, NOON, SECOND, event
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import RefundIntended
from streams.contracts.base import Watermark
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import (
    BillpayFailed,
    BillpayRequested,
    PaymentFailed,
    PaymentRequested,
    PaymentReversed,
    PaymentSucceeded,
    RefundCredited,
    RefundSent,
    TopupConfirmed,
    TopupCredited,
    TopupFailed,
    TopupRequested,
    TransferFailed,
    TransferRequested,
    WithdrawalRequested,
    WithdrawalReturned,
)

MONEY: dict[str, Any] = {"payment_id": "p1", "amount_minor": 10_000, "currency": "CNY", "method": "wallet_balance"}
# A fee beside its price, and both taken back; or a price in two parts.
LINES = {
    "fee": [("debit", 10_000), ("debit", 10), ("credit", 10), ("credit", 10_000)],
    "parts": [("debit", 6_000), ("debit", 4_000), ("credit", 4_000), ("credit", 6_000)],
}


@pytest.mark.parametrize("kinds", [(PaymentRequested, PaymentFailed), (TransferRequested, TransferFailed)])
@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
def test_lines_that_undo_each_other_are_nothing_in_whatever_order_they_come(
    kinds: tuple[Any, Any], lines: list[tuple[str, int]]
) -> None:
    requested, failed = kinds
    for order in permutations(range(4)):
        player, intents, cases = Player(policy()), 0, dict[str, CaseVersion]()
        heard = [event(requested, NOON, "asked", **MONEY), event(failed, NOON + SECOND, "failed", **MONEY)]
        for number in order:
            direction, minor = lines[number]
            line = {"payment_id": "p1", "currency": "CNY", "direction": direction, "amount_minor": minor}
            at_ms = NOON + (2 + number) * SECOND
            heard.append(event(LedgerPosted, at_ms, f"l{number}", entry_id=f"l{number}", **line))
        heard += [event(Watermark, NOON + each * 10 * MINUTE, f"w{each}", account_id="-") for each in range(1, 30)]
        for effect in (each for happening in heard for each in player.see(happening)):
            intents += isinstance(effect, RefundIntended)
            if isinstance(effect, CaseVersion):
                cases[effect.case_id] = effect
        still_open = [case.cause_family for case in cases.values() if case.status == "classified"]
        assert (intents, still_open) == (0, []), order


def test_a_debit_that_comes_within_the_minute_explains_a_credit_that_was_here_first() -> None:
    player, line = Player(policy()), {"payment_id": "p1", "currency": "CNY", "amount_minor": 10_000}
    found: list[str] = []
    for happening in (
        event(PaymentRequested, NOON, "asked", **MONEY),
        event(PaymentFailed, NOON + SECOND, "failed", **MONEY),
        event(LedgerPosted, NOON + 2 * SECOND, "d1", entry_id="d1", direction="debit", **line),
        event(LedgerPosted, NOON + 4 * SECOND, "c1", entry_id="c1", direction="credit", **line),
        event(LedgerPosted, NOON + 5 * SECOND, "c2", entry_id="c2", direction="credit", **line),
        event(LedgerPosted, NOON + 3 * SECOND, "d2", entry_id="d2", direction="debit", **line),
        *(event(Watermark, NOON + each * HOUR, f"w{each}", account_id="-") for each in range(1, 4)),
    ):
        found += [each.cause_family for each in player.see(happening) if isinstance(each, CaseVersion)]
    assert found == []


class Books:
    """One payment; steps are a second apart: a kind of event, or a direction of the ledger with its amount."""

    def __init__(self, overlay: str = "") -> None:
        self.player, self.at_ms, self.cases = Player(policy(overlay)), NOON, dict[str, CaseVersion]()
        self.intents = 0

    def play(self, *steps: Any, **about: Any) -> Books:
        for step in steps:
            self.at_ms += SECOND
            name = f"e{self.at_ms}"
            if isinstance(step, str):
                direction, _, minor = step.partition(" ")
                line = MONEY | about | {"entry_id": name, "direction": direction, "amount_minor": int(minor or 10_000)}
                line.pop("method")
                self.hear(event(LedgerPosted, self.at_ms, name, **line))
            else:
                self.hear(event(step, self.at_ms, name, **(MONEY | about)))
        return self

    def wait(self, hours: int = 3) -> Books:
        for _ in range(hours):
            self.at_ms += HOUR
            self.hear(event(Watermark, self.at_ms, f"w{self.at_ms}", account_id="-"))
        return self

    def hear(self, happening: Any) -> None:
        for effect in self.player.see(happening):
            self.intents += isinstance(effect, RefundIntended)
            if isinstance(effect, CaseVersion):
                self.cases[effect.case_id] = effect

    @property
    def twice(self) -> int | None:
        mine = [case for case in self.cases.values() if case.cause_family == "double_benefit"]
        return sum(case.amount_minor or 0 for case in mine if case.status == "classified") or None


GOOD = (PaymentRequested, "debit", PaymentSucceeded)


@pytest.mark.parametrize("minor", [11_000, 15_000, 100_000])
@pytest.mark.parametrize(
    "before",
    [
        GOOD,
        (*GOOD, PaymentReversed),
        (PaymentRequested, "debit", PaymentFailed),
        (TransferRequested, "debit", TransferFailed),
        (BillpayRequested, "debit", BillpayFailed),
        (WithdrawalRequested, "debit", WithdrawalReturned),
        (PaymentRequested, "debit 4000", "debit 6000", PaymentSucceeded),
    ],
)
def test_one_credit_of_more_than_was_debited_is_money_twice_until_it_is_taken_again(
    before: tuple[Any, ...], minor: int
) -> None:
    books = Books().play(*before, f"credit {minor}").wait()
    assert (books.twice, books.intents) == (minor - 10_000, 0)
    assert books.play("credit 5000").wait().twice == minor - 5_000, "and once more"
    assert books.play(f"debit {minor - 5_000}").wait().twice is None


def test_a_refund_that_is_told_of_explains_no_more_than_it_brings() -> None:
    books = Books().play(*GOOD).play(RefundSent, refund_id="r1").play("credit 15000")
    books.play(RefundCredited, refund_id="r1").wait()
    assert books.twice == 5_000


@pytest.mark.parametrize(
    ("overlay", "debit", "credit"),
    [
        ("", "debit", "credit 10500"),  # a gesture of goodwill
        ("[money]\nundercharges = false\n", "debit 9000", "credit 10000"),  # a coupon is given back as money
        ("", "debit 9000", "credit 10000"),  # a case asks for the rest already
    ],
)
def test_what_may_be_meant_is_no_money_twice(overlay: str, debit: str, credit: str) -> None:
    assert Books(overlay).play(PaymentRequested, debit, PaymentSucceeded).wait().play(credit).wait().twice is None


def test_a_refund_at_the_rate_of_another_day_is_no_money_twice() -> None:
    books = Books().play(PaymentRequested, currency="USD").play("debit 71500").play(PaymentSucceeded, currency="USD")
    assert books.play("credit 72500").wait().twice is None


def test_a_refund_of_an_order_may_name_one_of_its_payments() -> None:
    order, books = {"order_id": "o1", "order_amount_minor": 10_000}, Books()
    for name, minor in (("p1", 4_000), ("p2", 6_000)):
        books.play(PaymentRequested, payment_id=name, amount_minor=minor, **order)
        books.play(f"debit {minor}", payment_id=name)
        books.play(PaymentSucceeded, payment_id=name, amount_minor=minor, **order)
    assert books.play("credit 10000", payment_id="p2").wait().twice is None


@pytest.mark.parametrize("order", [{"order_id": "o1"}, {"order_id": "o1", "order_amount_minor": 10_000}])
@pytest.mark.parametrize("again", [("credit",), ("credit 4000", "credit 6000"), ("credit 20000",)])
def test_a_failed_attempt_that_comes_back_twice_is_money_twice_though_its_order_is_paid(
    order: dict[str, Any], again: tuple[str, ...]
) -> None:
    books = Books()
    for name, end in (("p1", PaymentFailed), ("p2", PaymentSucceeded)):
        books.play(PaymentRequested, payment_id=name, **order).play("debit", payment_id=name)
        books.play(end, payment_id=name, **order)
        if name == "p1":
            books.play("credit")
    assert books.wait().twice is None
    assert books.play(*again).wait().twice == sum(int(step.partition(" ")[2] or 10_000) for step in again)


@pytest.mark.parametrize(
    "before",
    [
        (PaymentRequested, PaymentFailed, "credit"),
        (PaymentRequested, "credit", PaymentFailed),
        (WithdrawalRequested, WithdrawalReturned, "credit"),
        (TopupRequested, TopupFailed, "credit"),
    ],
)
def test_what_is_credited_for_a_failure_that_took_nothing_is_money_for_nothing(before: tuple[Any, ...]) -> None:
    books = Books().play(*before).wait()
    assert books.twice == 10_000
    assert books.play("debit").wait().twice is None


@pytest.mark.parametrize("good", [TopupConfirmed, TopupCredited])
def test_a_topup_that_is_good_after_all_was_credited_rightly(good: Any) -> None:
    books = Books().play(TopupRequested, TopupFailed, "credit").wait()
    assert books.play(good).wait(200).twice is None
    assert {case.resolution_code for case in books.cases.values()} == {"charge_explained"}


def test_a_topup_whose_channel_had_the_money_is_credited_rightly_after_its_failure() -> None:
    assert Books().play(TopupRequested, TopupConfirmed, TopupFailed, "credit").wait().twice is None


@pytest.mark.parametrize(
    "steps",
    [
        (TopupRequested, TopupConfirmed, "credit 90000"),
        (TopupRequested, TopupConfirmed, TopupCredited, "credit 90000"),
        (TopupRequested, TopupConfirmed, "credit", TopupCredited, "credit 80000"),
        ("credit 90000", TopupRequested, TopupConfirmed),
    ],
)
def test_a_topup_of_far_more_than_was_asked_for_is_no_bonus(steps: tuple[Any, ...]) -> None:
    books = Books().play(*steps).wait()
    assert books.twice == 80_000
    assert books.play("debit 80000").wait().twice is None


def test_what_the_payment_system_says_of_too_much_is_not_what_was_asked_for() -> None:
    books = Books().play(TopupRequested, TopupConfirmed, "credit 90000").play(TopupCredited, amount_minor=90_000)
    assert books.wait().twice == 80_000
    assert Books().play(TopupRequested, TopupConfirmed, "credit 12000", TopupCredited).wait().twice is None, "a bonus"


_HERE = (TopupRequested, TopupConfirmed, "credit", TopupCredited)


@pytest.mark.parametrize("wait_h", [0, 3])
@pytest.mark.parametrize(
    ("before", "behind"),
    [
        ((TopupRequested, TopupConfirmed, "credit"), ("debit 100", TopupCredited)),  # its fee, in a line of its own
        ((TopupRequested, TopupConfirmed, "credit"), ("debit 3000", TopupCredited)),
        ((TopupRequested, TopupConfirmed, "credit 4000"), ("debit 100", "credit 6000", TopupCredited)),
        (_HERE, (RefundSent, "debit", RefundCredited)),  # back to its bank
        (_HERE, ("debit", RefundSent, RefundCredited)),
        (_HERE, ("debit 4000",)),
        ((TopupRequested, TopupConfirmed, "credit 1000"), ("debit 1000", "credit", TopupCredited)),  # a mistake
        ((TopupRequested, TopupConfirmed, "credit"), ("debit", "credit 9900", TopupCredited)),
        (_HERE, ("debit", "credit")),
        (
            (TopupRequested, TopupConfirmed, "debit", "credit", TopupCredited),
            ("debit 100",),
        ),  # the card's debit as well
    ],
)
def test_what_is_taken_under_the_id_of_a_topup_is_no_price_of_it(before: Any, behind: Any, wait_h: int) -> None:
    books = Books().play(*before, method="card").wait(wait_h)
    for step in behind:
        books.play(step, **({"refund_id": "r1", "method": "card"} if step in (RefundSent, RefundCredited) else {}))
    assert books.wait(30).twice is None


@pytest.mark.parametrize(
    ("steps", "minor"),
    [
        (("credit", TopupCredited, "debit 100", "credit"), 9_900),
        (("credit 90000", "debit 100", TopupCredited), 79_900),
        (("debit", "credit", TopupCredited, "credit"), 10_000),  # the ledger tells what was taken from the card
        (("debit", "credit 20000", TopupCredited), 10_000),
    ],
)
def test_beside_such_a_debit_a_topup_that_is_credited_twice_is_money_twice(steps: Any, minor: int) -> None:
    books = Books().play(TopupRequested, TopupConfirmed, *steps, method="card").wait()
    assert books.twice == minor
    assert books.play(f"debit {minor}").play(TopupCredited, method="card").wait().twice is None


def test_of_a_topup_of_far_too_much_the_rest_is_asked_for_whatever_is_said_of_it_later() -> None:
    books = Books().play(TopupRequested, TopupConfirmed, "credit 90000").wait()
    assert books.play("debit 40000", TopupCredited).wait().twice == 40_000
    assert books.play("debit 40000", TopupCredited).wait().twice is None
    books = Books().play(TopupRequested, TopupConfirmed, "credit 90000").wait().play("debit 90000", "credit")
    assert books.play(TopupCredited).wait().twice is None, "all of it was taken, and the right amount credited"


@pytest.mark.parametrize("back_first", [False, True])
@pytest.mark.parametrize("to", ["card", "wallet_balance"])
def test_a_failed_topup_that_goes_back_to_its_bank_and_is_credited_is_money_twice(to: str, back_first: bool) -> None:
    books = Books().play(TopupRequested, TopupConfirmed, TopupFailed, method="card")
    back = [RefundSent, RefundCredited]
    for step in [*back, "credit"] if back_first else ["credit", *back]:
        books.play(step, **({} if isinstance(step, str) else {"refund_id": "r1", "method": to}))
    assert books.wait().twice == (10_000 if to == "card" else None), "to the balance: its refund is the credit"


def test_a_refund_of_a_failed_topup_that_the_ledger_names_is_that_credit() -> None:
    for steps in ([RefundSent, "credit", RefundCredited], [RefundSent, RefundCredited, "credit"]):
        books = Books().play(TopupRequested, TopupConfirmed, TopupFailed, method="card")
        for step in steps:
            books.play(step, **({"reference": "r1"} if isinstance(step, str) else {"refund_id": "r1"}))
        assert books.wait().twice is None
