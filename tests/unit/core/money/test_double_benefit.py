"""Has the customer the money twice, or is one of the debits still missing? Orders of events that once went wrong."""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import HOUR, MINUTE, NOON, SECOND, event
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import RefundCancelled, RefundIntended
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.payments import (
    PaymentFailed,
    PaymentRequested,
    PaymentReversed,
    PaymentSucceeded,
    PspStatus,
    RefundCredited,
    RefundFailed,
    RefundSent,
)

MONEY = {"payment_id": "p1", "amount_minor": 10_000, "currency": "CNY"}
KINDS: dict[str, Any] = {
    "request": PaymentRequested,
    "fail": PaymentFailed,
    "succeed": PaymentSucceeded,
    "reverse": PaymentReversed,
    "sent": RefundSent,
    "refund credited": RefundCredited,
    "refund failed": RefundFailed,
}


class Books:
    """One wallet payment; `play` says what happens in order, a second apart."""

    def __init__(self) -> None:
        self.player = Player(policy("[unknown]\nsilent_s = 0\n"))
        self.at_ms = NOON
        self.intents: list[RefundIntended] = []
        self.cancelled: list[str] = []
        self.cases: dict[str, CaseVersion] = {}
        self.told: dict[str, Event] = {}
        self.said: list[str] = []  # templates of the messages

    def play(self, *script: str) -> Books:
        for number, what in enumerate(script):
            self.at_ms += SECOND
            self.hear(self.happening(what, f"{number}"))
        return self

    def happening(self, what: str, number: str) -> Event:
        word, _, amount = what.partition(" ")
        if word == "ours":
            line = {**MONEY, "entry_id": f"l{number}", "direction": "credit", "reference": self.intents[-1].refund_id}
            return event(LedgerPosted, self.at_ms, f"{number} {len(self.told)}", **line)
        if word in ("debit", "credit"):
            line = {**MONEY, "entry_id": f"l{number}", "amount_minor": int(amount or 10_000), "direction": word}
            return event(LedgerPosted, self.at_ms, number, **line)
        if word == "again":
            return self.told[amount]
        if word == "wait":
            self.at_ms += int(amount) * MINUTE
            return event(Watermark, self.at_ms, number, account_id="-")
        about: dict[str, Any] = MONEY | {"method": "wallet_balance"}
        if word == "answer":
            return event(PspStatus, self.at_ms, number, status=amount, **about)
        if word in ("sent", "refund"):
            about |= {"refund_id": self.intents[-1].refund_id, "amount_minor": self.intents[-1].amount_minor}
        return event(KINDS[what], self.at_ms, number, **about)

    def hear(self, happening: Event) -> None:
        name = getattr(happening, "direction", type(happening).__name__)
        self.told.setdefault(name, happening)
        for effect in self.player.see(happening):
            match effect:
                case RefundIntended():
                    self.intents.append(effect)
                case RefundCancelled():
                    self.cancelled.append(effect.cause)
                case CaseVersion():
                    self.cases[effect.case_id] = effect
                case NotificationRequested():
                    self.said.append(effect.template)
                case _:
                    pass

    @property
    def open(self) -> dict[str, int | None]:
        """Open cases by family, with their amounts."""
        return {
            case.cause_family: case.amount_minor
            for case in self.cases.values()
            if case.status not in ("resolved", "withdrawn", "merged")
        }


LOST = ("request", "debit", "fail", "wait 3", "answer failed")  # a refund is intended


def test_a_refund_that_left_although_it_was_cancelled() -> None:
    books = Books().play(*LOST, "succeed", "sent")
    assert books.cancelled == ["late_success"]
    assert books.open == {"double_benefit": 10_000}
    assert books.play("debit").open == {}, "taken again"


def test_a_cancelled_refund_that_left_and_came_back_is_no_double_benefit() -> None:
    assert "double_benefit" not in Books().play(*LOST, "succeed", "sent", "refund failed").open


def test_of_two_refunds_that_left_too_early_the_one_that_came_back_is_twice_no_more() -> None:
    books = Books().play(
        "request", "debit 4000", "debit 6000", "fail", "wait 3", "answer failed", "credit 4000", "sent"
    )
    assert books.play("succeed").open == {"double_benefit": 10_000}
    assert books.play("refund failed", "wait 1").open == {"double_benefit": 4_000}
    books.at_ms += SECOND
    books.hear(books.happening("refund failed", "told once more"))
    assert books.open == {"double_benefit": 4_000}


def test_the_bank_gave_back_what_our_refund_gave_back_too() -> None:
    books = Books().play(*LOST, "sent", "reverse", "credit")
    assert books.open == {}
    assert books.play("credit", "refund credited").open == {"double_benefit": 10_000}
    assert books.play("debit 4000").open == {"double_benefit": 6_000}
    assert books.play("debit 6000", "wait 120").open == {}


def test_a_credit_that_a_reversal_announced_is_nothing_twice() -> None:
    assert Books().play("request", "debit", "fail", "wait 3", "reverse", "credit").open == {}


@pytest.mark.parametrize(("back", "twice"), [("credit 4000", 4_000), ("credit", 10_000)])
def test_success_after_money_came_back_within_the_grace(back: str, twice: int) -> None:
    books = Books().play("request", "debit", "fail", back, "succeed", "wait 120")
    assert books.open == {"double_benefit": twice}


@pytest.mark.parametrize(
    "script",
    [
        (*LOST, "sent", "credit", "refund credited", "succeed"),
        (*LOST, "sent", "succeed", "credit", "refund credited"),
        ("request", "debit", "fail", "credit", "succeed"),
        ("request", "debit", "wait 3", "credit", "succeed"),
    ],
    ids=["refunded", "refund on its way", "given back within the grace", "given back"],
)
def test_whose_money_was_back_hears_that_the_payment_is_good_after_all(script: tuple[str, ...]) -> None:
    said = Books().play(*script).said
    assert said.count("debit_confirmed.refunded") == 1
    assert said[-1] == "debit_confirmed.refunded", "nothing is left that is not so"


def test_a_second_debit_after_a_reversal_waits_for_its_own() -> None:
    books = Books().play("request", "debit", "fail", "reverse", "credit", "debit", "wait 3")
    assert books.open == {"debited_not_confirmed": 10_000}


@pytest.mark.parametrize("before", [(), ("fail",), ("succeed",)], ids=["open", "failed", "good"])
def test_a_reversal_that_is_heard_before_its_debit_is_a_promise_too(before: tuple[str, ...]) -> None:
    script = ("request", *before, "reverse", "debit")
    assert Books().play(*script, "wait 20", "credit", "wait 600").open == {}
    books = Books().play(*script, "wait 29")
    assert books.open == {}
    assert books.play("wait 2").open == {"debited_not_confirmed": 10_000}
    assert books.play("credit").open == {}


def test_a_debit_from_after_the_reversal_waits_for_its_own_explanation() -> None:
    script = ("request", "reverse", "wait 2", "debit", "wait 1")
    assert Books().play(*script, "credit", "wait 600").open == {}
    books = Books().play(*script)
    assert books.open == {}
    assert books.play("wait 2").open == {"debited_not_confirmed": 10_000}


def test_the_second_of_two_debits_has_one_case() -> None:
    books = Books().play("request", "debit", "wait 1", "debit", "wait 2")
    assert books.open == {"duplicate_charge": 10_000, "debited_not_confirmed": 10_000}
    books.play("fail", "answer failed", "credit", "credit", "wait 120")
    assert books.open == {}
    assert len(books.intents) == 2


def test_another_debit_while_the_case_is_open_is_added_to_it() -> None:
    books = Books().play("request", "debit", "fail", "wait 3", "debit 700")
    assert books.open == {"debited_not_confirmed": 10_700}
    books.play("answer failed")
    assert sorted(intent.amount_minor for intent in books.intents) == [700, 10_000]
    assert books.play("credit 700").open == {"debited_not_confirmed": 10_700}
    assert books.play("credit").open == {}


def test_lines_that_are_told_again_after_hours_change_nothing() -> None:
    books = Books().play("request", "debit", "fail", "credit", "wait 120")
    assert books.open == {}
    assert books.play("again debit", "again credit", "wait 120").open == {}
    assert books.intents == []


def test_two_debits_of_a_ledger_that_stood_still_are_one_too_many() -> None:
    books = Books().play("request")
    lines = [books.happening("debit", "a"), books.happening("debit", "b")]
    books.play("succeed", f"wait {2 * HOUR // MINUTE}")
    for line in lines:
        books.hear(line)
    assert books.open == {"duplicate_charge": 10_000}


def test_a_late_failure_undoes_no_success() -> None:
    books = Books().play("request", "fail")
    books.play("succeed", "wait 120", "again PaymentFailed", "debit", "wait 120")
    assert books.open == {}


def test_the_money_case_takes_in_the_case_about_the_unknown_outcome() -> None:
    books = Books()
    books.player = Player(policy())
    books.play("request", "wait 40")
    assert books.open == {"payment_unknown": 10_000}
    assert books.play("debit", "wait 120").open == {"debited_not_confirmed": 10_000}


def test_the_case_tells_what_came_back_within_the_grace() -> None:
    books = Books().play("request", "debit", "fail", "credit 2500", "wait 3")
    assert books.open == {"debited_not_confirmed": 7_500}
    assert books.play("succeed").open == {"double_benefit": 2_500}


def test_a_double_charge_is_one_although_a_part_of_the_first_came_back() -> None:
    books = Books().play("request", "fail", "debit", "credit 2500", "debit")
    assert books.open == {"duplicate_charge": 10_000}


def test_what_was_taken_again_is_the_first_of_two_debits() -> None:
    books = Books().play("request", "debit", "fail", "credit", "succeed", "debit")
    assert books.open == {}
    assert books.play("debit").open == {"duplicate_charge": 10_000}


def test_a_chargeback_of_what_was_refunded_is_money_twice() -> None:
    books = Books().play("request", "debit", "succeed", "credit", "wait 600")
    assert books.open == {}
    assert books.play("credit").open == {"double_benefit": 10_000}
    assert books.play("debit").open == {}, "accounting has taken it again"
    assert books.play("credit", "wait 600").open == {}, "and gives it back once"


def test_a_chargeback_after_a_part_was_refunded_is_that_part_twice() -> None:
    books = Books().play("request", "debit", "succeed", "credit 4000", "wait 600", "credit")
    assert books.open == {"double_benefit": 4_000}


@pytest.mark.parametrize("back", [("credit 4000", "credit 6000"), ("credit 10500",), ("credit",)])
def test_a_refund_in_parts_and_a_gesture_of_goodwill_are_nothing_twice(back: tuple[str, ...]) -> None:
    assert Books().play("request", "debit", "succeed", *back, "wait 600").open == {}


def test_a_refund_is_no_second_one_when_its_debit_is_long_ago() -> None:
    books = Books().play("request", "debit", "succeed")
    for number in range(20):
        books.at_ms += SECOND
        line = {"entry_id": f"other{number}", "amount_minor": 50 + number, "currency": "CNY", "direction": "debit"}
        books.hear(event(LedgerPosted, books.at_ms, f"other{number}", payment_id=f"q{number}", **line))
    assert "double_benefit" not in books.play("credit", "wait 600").open


@pytest.mark.parametrize("back", [("credit",), ("credit", "refund credited")], ids=", ".join)
@pytest.mark.parametrize("told", [(), ("refund credited",)], ids=["not told", "told"])
def test_our_refund_that_comes_after_the_bank_s_own_and_a_late_success_is_money_twice(
    told: tuple[str, ...], back: tuple[str, ...]
) -> None:
    """One of two debits is given back by the bank while our refund of the other is on its way."""
    books = Books().play("request", "debit", "debit", "fail", "sent", "credit", *told)
    assert books.play("succeed").open == {}
    assert books.play("wait 1", *back).open == {"double_benefit": 10_000}
    assert books.play("debit").open == {}


GOOD_TWICE = ("request", "debit", "succeed", "debit", "sent")
OURS_AND_THE_BANKS = (
    ("credit", "ours"),
    ("credit", "ours", "refund credited"),
    ("credit", "wait 25", "ours"),
    ("credit", "credit", "refund credited"),
    ("credit", "refund credited", "credit"),
    ("ours", "refund credited", "wait 5", "credit"),
    ("ours", "credit"),
)


@pytest.mark.parametrize("back", OURS_AND_THE_BANKS, ids=", ".join)
@pytest.mark.parametrize("twice", [GOOD_TWICE, ("request", "debit", "debit", "succeed", "sent")], ids=", ".join)
@pytest.mark.parametrize("end", ["debit", "fail"])
def test_both_debits_of_a_good_payment_are_back_by_our_refund_and_the_bank(
    twice: tuple[str, ...], back: tuple[str, ...], end: str
) -> None:
    books = Books().play(*twice)
    assert len(books.intents) == 1
    assert books.play(*back).open == {"double_benefit": 10_000}
    assert books.play(end, "wait 70").open == {}


@pytest.mark.parametrize("back", OURS_AND_THE_BANKS, ids=", ".join)
def test_what_turns_out_to_be_its_merchant_s_refund_is_none(back: tuple[str, ...]) -> None:
    books = Books().play(*GOOD_TWICE, *back)
    books.hear(event(RefundSent, books.at_ms + SECOND, "merchant", **MONEY, refund_id="m1", method="wallet_balance"))
    assert books.play("wait 70").open == {}


def test_what_is_given_back_long_after_our_refund_has_arrived_is_the_merchant_s() -> None:
    books = Books().play(*GOOD_TWICE, "ours", "refund credited", f"wait {8 * 24 * 60}", "credit")
    assert "double_benefit" not in books.open


def test_a_refund_that_left_too_late_is_the_money_that_another_one_was_cancelled_for() -> None:
    """The second debit's refund was cancelled because as much came back: by the first one's, as its word then says."""
    books = Books().play(*LOST, "debit", "succeed", "credit")
    assert books.cancelled == ["late_success", "money_back"]
    first = next(each for each in books.intents)
    books.hear(event(RefundSent, books.at_ms, "too late", **MONEY, refund_id=first.refund_id))
    assert books.open == {}
    assert books.play("credit").open == {"double_benefit": 10_000}, "and once more"


def test_a_late_success_of_money_that_was_back_twice() -> None:
    books = Books().play(*LOST, "reverse", "credit", "credit")
    assert books.open == {"double_benefit": 10_000}
    assert books.play("succeed").open == {"double_benefit": 20_000}
    assert books.play("fail").open == {"double_benefit": 10_000}, "it has failed after all"
    assert books.play("debit").open == {}


@pytest.mark.parametrize("ours", ["credit", "ours"])
@pytest.mark.parametrize("order", [("credit 5000", "sent"), ("sent", "credit 5000")])
def test_a_refund_of_a_good_payment_takes_out_also_what_its_customer_owes(ours: str, order: tuple[str, ...]) -> None:
    """It brings 100 where half of the price was back already: of 100 paid 150 are back."""
    books = Books().play(*LOST, *order, "succeed", ours, "refund credited")
    assert books.open == {"double_benefit": 15_000}
    assert books.play("debit 15000", "wait 120").open == {}


@pytest.mark.parametrize("bank", [("reverse", "credit"), ("credit",)])
def test_our_refund_comes_by_its_name_after_the_banks_own_was_taken_for_it_and_for_the_price(
    bank: tuple[str, ...],
) -> None:
    books = Books().play(*LOST, "sent", *bank, "succeed", "debit")
    assert books.open == {}, "paid again"
    assert books.play("ours", "refund credited", "wait 120").open == {"double_benefit": 10_000}


@pytest.mark.parametrize(
    "before",
    [
        ("request", "debit", "fail", "credit"),
        ("request", "debit", "succeed", "reverse", "credit"),
        ("request", "debit", "succeed", "credit", "reverse"),
    ],
)
@pytest.mark.parametrize("later", ["wait 1", "wait 180", "wait 1440"])
def test_what_comes_back_beyond_all_that_was_debited_is_money_twice(before: tuple[str, ...], later: str) -> None:
    """Whoever gave it: a bank twice, or a merchant's refund and a chargeback, in whatever order they are told."""
    books = Books().play(*before, later)
    assert books.open == {}
    assert books.play("credit", "wait 120").open == {"double_benefit": 10_000}
    assert books.play("debit", "wait 120").open == {}, "taken again"


def test_of_a_part_that_was_refunded_before_a_chargeback_of_the_whole_that_part_is_twice() -> None:
    books = Books().play("request", "debit", "succeed", "wait 1440", "credit 3000", "wait 1440", "reverse", "credit")
    assert books.play("wait 120").open == {"double_benefit": 3_000}
