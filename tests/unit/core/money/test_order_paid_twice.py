"""Two payments of one order: is the second found however its news are ordered, and kept once the first is undone?"""

from __future__ import annotations

from itertools import count, permutations
from typing import Any, Literal

import pytest
from support.happenings import NOON, SECOND, event
from support.play import Player, policy

from streams.contracts import payments
from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import RefundCancelled, RefundIntended
from streams.contracts.base import Watermark
from streams.contracts.cases import CaseVersion, NotificationRequested

ORDER = {"order_id": "o1", "merchant_id": "m1"}
PAYEE = {"merchant_id": "m1"}
NO_NAMES: dict[str, str] = {}


ORDERS = [
    *permutations(("requested", "succeeded", "booked")),
    *permutations(("waits", "requested", "succeeded", "booked")),
]


class Story:
    """An account that has paid p1 and is about to pay p2."""

    def __init__(self, names: dict[str, str], amount_minor: int = 3_000) -> None:
        self.player, self.numbers = Player(policy("")), count()
        self.names, self.amount_minor = names, amount_minor
        self.effects: list[Any] = []
        self.requested("p1", 0).succeeded("p1", 2).booked("p1", 3)

    def told(self, kind: Any, payment_id: str | None, second: int, **fields: Any) -> Story:
        about = {"payment_id": payment_id, "amount_minor": self.amount_minor, "currency": "CNY"} | fields
        self.effects += self.player.see(event(kind, NOON + second * SECOND, next(self.numbers), **about))
        return self

    def requested(self, payment_id: str, second: int) -> Story:
        return self.told(payments.PaymentRequested, payment_id, second, method="wallet_balance", **self.names)

    def waits(self, payment_id: str, second: int) -> Story:
        """A word between request and end, which names nothing."""
        return self.told(payments.PaymentPending, payment_id, second, method="wallet_balance")

    def succeeded(self, payment_id: str, second: int, *, bare: bool = False) -> Story:
        return self.told(payments.PaymentSucceeded, payment_id, second, **(NO_NAMES if bare else self.names))

    def booked(
        self, payment_id: str, second: int, direction: Literal["debit", "credit"] = "debit", **fields: Any
    ) -> Story:
        about = {"entry_id": f"e{next(self.numbers)}", "direction": direction}
        return self.told(LedgerPosted, payment_id, second, **about, **fields)

    def waited(self, second: int) -> Story:
        self.effects += self.player.see(event(Watermark, NOON + second * SECOND, next(self.numbers), account_id="-"))
        return self

    def intents(self) -> list[RefundIntended]:
        return [each for each in self.effects if isinstance(each, RefundIntended)]

    def cancelled(self) -> list[str]:
        return [each.refund_id for each in self.effects if isinstance(each, RefundCancelled)]

    def messages(self) -> list[str]:
        return [each.template for each in self.effects if isinstance(each, NotificationRequested)]

    def open(self) -> dict[str, int | None]:
        """Amounts of the open cases by cause."""
        last = {each.case_id: each for each in self.effects if isinstance(each, CaseVersion)}
        return {
            str(each.cause_family): each.amount_minor
            for each in last.values()
            if each.status not in ("resolved", "withdrawn", "surveyed", "closed", "merged")
        }


def paid_twice(amount_minor: int = 3_000) -> Story:
    return Story(ORDER, amount_minor).requested("p2", 119).booked("p2", 120).succeeded("p2", 125)


def is_found_in_any_order(story: Story, certain: bool, order: tuple[str, ...], bare: bool) -> None:
    for second, what in enumerate(order, 120):
        if what == "waits":
            story.waits("p2", second)
        elif what == "requested":
            story.requested("p2", second)
        elif what == "succeeded":
            story.succeeded("p2", second, bare=bare)
        else:
            story.booked("p2", second)
    story.waited(600)
    assert [(each.payment_id, each.amount_minor) for each in story.intents()] == ([("p2", 3_000)] if certain else [])
    assert story.open() == {"duplicate_charge": 3_000}


@pytest.mark.parametrize("bare", [False, True], ids=["names", "bare"])
@pytest.mark.parametrize("order", ORDERS, ids="-".join)
@pytest.mark.parametrize(("names", "certain"), [(ORDER, True), (PAYEE, False)], ids=["order", "payee"])
def test_the_second_payment_is_found_in_any_order(
    names: dict[str, str], certain: bool, order: tuple[str, ...], bare: bool
) -> None:
    is_found_in_any_order(Story(names), certain, order, bare)


@pytest.mark.parametrize("undone", [payments.PaymentReversed, payments.PaymentFailed])
def test_it_stays_once_the_first_is_good_no_more(undone: type) -> None:
    story = paid_twice()
    (intent,) = story.intents()
    story.told(undone, "p1", 162).booked("p1", 163, "credit").waited(4_000)
    assert story.cancelled() == [intent.refund_id]
    assert story.open() == {}
    assert story.messages().count("duplicate_charge.stays") == 1


@pytest.mark.parametrize("undone", [payments.PaymentReversed, payments.PaymentFailed])
def test_people_are_not_left_with_it_either(undone: type) -> None:
    story = paid_twice(900_000)
    assert (story.intents(), story.open()) == ([], {"duplicate_charge": 900_000})
    story.told(undone, "p1", 162).booked("p1", 163, "credit").waited(4_000)
    assert story.open() == {}


@pytest.mark.parametrize("sent", [150, 170])
def test_what_has_left_by_then_is_the_customers_twice(sent: int) -> None:
    """Heard of before the reversal, or behind the cancelling that came too late."""
    story = paid_twice()
    refund = {"refund_id": story.intents()[0].refund_id}
    if sent < 162:
        story.told(payments.RefundSent, "p2", sent, **refund)
    story.told(payments.PaymentReversed, "p1", 162).booked("p1", 163, "credit")
    if sent > 162:
        story.told(payments.RefundSent, "p2", sent, **refund)
    story.booked("p2", 180, "credit", reference=refund["refund_id"]).waited(600)
    assert story.open() == {"double_benefit": 3_000}


@pytest.mark.parametrize("to", [{"merchant_id": "m2"}, {"counterparty_id": "bob"}])
def test_another_merchant_or_payee_numbers_orders_for_itself(to: dict[str, str]) -> None:
    story = Story(ORDER)
    story.names = {"order_id": "o1", **to}
    story.requested("p2", 60).succeeded("p2", 62).booked("p2", 63).waited(3_600)
    assert story.intents() == []
    assert not [each for each in story.effects if isinstance(each, CaseVersion)]


BEFORE_THE_PAYMENT: dict[str, tuple[type, type]] = {
    "payout": (payments.WithdrawalRequested, payments.WithdrawalCredited),
    "bill": (payments.BillpayRequested, payments.BillpayPosted),
    "transfer": (payments.TransferRequested, payments.TransferSucceeded),
}


@pytest.mark.parametrize("line_names", [NO_NAMES, {"order_id": "o1"}], ids=["bare line", "line with the order"])
@pytest.mark.parametrize("minor", [3_000, 50_000])
@pytest.mark.parametrize("kind", BEFORE_THE_PAYMENT)
@pytest.mark.parametrize("payment_first", [False, True])
def test_no_payment_shares_an_order_with_a_movement_of_another_kind(
    payment_first: bool, kind: str, minor: int, line_names: dict[str, str]
) -> None:
    asked, done = BEFORE_THE_PAYMENT[kind]
    story = Story(ORDER | {"order_amount_minor": 3_000} if payment_first else {"order_id": "of the payment"})
    story.told(asked, "w", 3_600, amount_minor=minor, order_id="o1")
    story.booked("w", 3_601, amount_minor=minor, **line_names)
    story.told(done, "w", 3_605, amount_minor=minor, order_id="o1")
    if not payment_first:
        story.names = ORDER | {"order_amount_minor": 3_000}
        story.requested("p2", 7_200).booked("p2", 7_201, **line_names).succeeded("p2", 7_202)
    story.waited(14_400)
    assert story.intents() == []
    assert not [each for each in story.effects if isinstance(each, CaseVersion)]


def test_a_line_that_names_only_the_order_belongs_to_a_payout_too() -> None:
    story = Story(NO_NAMES).told(payments.WithdrawalRequested, "w", 3_600, order_id="o1")
    story.told(LedgerPosted, None, 3_601, entry_id="w", direction="debit", order_id="o1")
    story.told(payments.WithdrawalFailed, "w", 3_605).waited(86_400 * 8)
    assert story.open() == {"withdrawal_delay": 3_000}


def test_of_three_the_second_still_goes_back() -> None:
    story = paid_twice().requested("p3", 139).booked("p3", 140).succeeded("p3", 141)
    assert [each.payment_id for each in story.intents()] == ["p2", "p3"]
    story.told(payments.PaymentReversed, "p1", 162).booked("p1", 163, "credit").waited(600)
    assert len(story.cancelled()) < 2, "two of three are good"
    assert sum(minor or 0 for minor in story.open().values()) == 3_000


def refunded(story: Story, payment_id: str, second: int, kind: type = payments.RefundSent) -> Story:
    """The merchant gives a payment back by itself."""
    return story.told(kind, payment_id, second, refund_id="by-merchant")


@pytest.mark.parametrize("told", ["approved", "sent", "ledger"])
def test_a_person_is_asked_while_the_first_is_refunded_as_well(told: str) -> None:
    story = paid_twice()
    (intent,) = story.intents()
    if told == "ledger":
        story.booked("p1", 200, "credit")
    else:
        refunded(story, "p1", 200, payments.RefundApproved if told == "approved" else payments.RefundSent)
    assert story.cancelled() == [intent.refund_id]
    assert story.messages()[-1] == "refund_checked"
    assert story.waited(4_000).open()["duplicate_charge"] == 3_000
    assert "duplicate_charge" not in story.booked("p2", 4_100, "credit").open()


def test_nor_does_it_leave_by_itself_where_the_refund_of_the_first_was_here_before() -> None:
    story = refunded(Story(ORDER), "p1", 60).requested("p2", 119).booked("p2", 120).succeeded("p2", 125)
    assert story.intents() == []
    assert story.open() == {"duplicate_charge": 3_000}


def test_a_small_refund_of_the_first_or_one_of_something_else_leaves_it_alone() -> None:
    story = paid_twice()
    story.told(payments.RefundSent, "p1", 200, refund_id="discount", amount_minor=500)
    story.names = ORDER | {"order_id": "o2"}
    refunded(story.requested("p3", 210).booked("p3", 211).succeeded("p3", 212), "p3", 220).waited(4_000)
    assert len(story.intents()) == 1
    assert story.cancelled() == []


def test_a_held_intent_that_had_left_all_the_same_ends_the_case_when_it_arrives() -> None:
    story = paid_twice()
    (intent,) = story.intents()
    refunded(story, "p1", 200)
    story.told(payments.RefundSent, "p2", 201, refund_id=intent.refund_id)
    story.booked("p2", 300, "credit", reference=intent.refund_id).waited(1_000)
    assert story.open() == {}


def given_back(here: bool = True) -> Story:
    """Paid twice; our refund of the second has left, and its money is here or on its way."""
    story = paid_twice()
    refund_id = story.intents()[0].refund_id
    story.told(payments.RefundSent, "p2", 150, refund_id=refund_id)
    return story.booked("p2", 180, "credit", reference=refund_id) if here else story


@pytest.mark.parametrize("here", [False, True], ids=["on its way", "here"])
@pytest.mark.parametrize("told", ["approved", "sent", "ledger"])
def test_once_it_has_left_accounting_hears_that_the_first_is_refunded_as_well(told: str, here: bool) -> None:
    story = given_back(here)
    if told == "approved":
        refunded(story, "p1", 200, payments.RefundApproved)
    if told != "ledger":
        refunded(story, "p1", 201)
    story.booked("p1", 210, "credit", **({} if told == "ledger" else {"reference": "by-merchant"}))
    if not here:
        story.booked("p2", 300, "credit", reference=story.intents()[0].refund_id)
    assert story.waited(4_000).open() == {"double_benefit": 3_000}
    assert (len(story.intents()), story.cancelled()) == (1, [])
    assert set(story.messages()) == {"refund_started", "charge_corrected"}, "the customer hears nothing of it"


def test_it_is_over_when_the_money_is_taken_again() -> None:
    story = refunded(given_back(), "p1", 200).booked("p1", 210, "credit", reference="by-merchant")
    assert story.booked("p2", 4_000, "debit").waited(8_000).open() == {}
    assert len(story.intents()) == 1


def test_or_when_the_merchants_refund_never_comes() -> None:
    story = refunded(given_back(), "p1", 200)
    assert story.open() == {"double_benefit": 3_000}
    assert refunded(story, "p1", 300, payments.RefundFailed).open().get("double_benefit") is None


def test_or_when_ours_comes_back() -> None:
    story = refunded(given_back(here=False), "p1", 200)
    story.told(payments.RefundFailed, "p2", 300, refund_id=story.intents()[0].refund_id)
    assert story.open() == {"duplicate_charge": 3_000}


def test_much_later_or_a_part_of_it_is_what_was_bought_coming_back() -> None:
    part = given_back().told(payments.RefundSent, "p1", 200, refund_id="discount", amount_minor=500)
    assert part.open() == {}
    assert refunded(given_back().waited(8 * 86_400), "p1", 8 * 86_400 + 60).open() == {}


@pytest.mark.parametrize("here", [False, True], ids=["on its way", "here"])
def test_what_was_given_back_here_is_not_refunded_by_the_merchant_as_well(here: bool) -> None:
    story = refunded(given_back(here), "p2", 5_000, payments.RefundApproved)
    assert story.cancelled() == ["by-merchant"]
    assert story.open()["refund_exceeds_payment"] == 3_000


def test_the_one_that_stays_can_be_refunded_once() -> None:
    story = refunded(given_back(), "p1", 8 * 86_400, payments.RefundApproved)
    assert story.cancelled() == []
    story.told(payments.RefundApproved, "p1", 8 * 86_400 + 60, refund_id="again")
    assert story.cancelled() == ["again"]


def test_a_payment_debited_twice_of_which_one_went_back_can_be_refunded_once() -> None:
    story = Story(ORDER).booked("p1", 60)
    (intent,) = story.intents()
    story.told(payments.RefundSent, "p1", 70, refund_id=intent.refund_id)
    story.booked("p1", 80, "credit", reference=intent.refund_id)
    assert refunded(story, "p1", 5_000, payments.RefundApproved).cancelled() == []
    story.told(payments.RefundApproved, "p1", 6_000, refund_id="again")
    assert story.cancelled() == ["again"]


UNDONE = pytest.mark.parametrize("undone", [payments.PaymentReversed, payments.PaymentFailed])


@UNDONE
@pytest.mark.parametrize("here", [False, True], ids=["on its way", "here"])
@pytest.mark.parametrize("credit", [699, 701, 1_282], ids=["before", "behind", "later"])
def test_it_is_the_customers_twice_once_the_first_is_undone_however_its_news_are_ordered(
    undone: type, here: bool, credit: int
) -> None:
    story = given_back(here)
    for second, what in sorted([(700, "word"), (credit, "credit")]):
        if what == "word":
            story.told(undone, "p1", second)
        else:
            story.booked("p1", second, "credit")
    if not here:
        story.booked("p2", 1_800, "credit", reference=story.intents()[0].refund_id)
    assert story.waited(30_000).open() == {"double_benefit": 3_000}
    assert len(story.intents()) == 1
    assert story.booked("p2", 31_000, "debit").waited(40_000).open() == {}


@UNDONE
def test_so_it_is_of_three_but_once(undone: type) -> None:
    story = paid_twice().requested("p3", 139).booked("p3", 140).succeeded("p3", 141)
    for second, intent in enumerate(story.intents(), 150):
        story.told(payments.RefundSent, intent.payment_id, second, refund_id=intent.refund_id)
        story.booked(intent.payment_id, second + 10, "credit", reference=intent.refund_id)
    story.told(undone, "p1", 700).booked("p1", 701, "credit").waited(30_000)
    assert story.open() == {"double_benefit": 3_000}


@pytest.mark.parametrize("here", [False, True], ids=["on its way", "here"])
def test_the_first_does_not_go_back_by_itself_once_the_second_has(here: bool) -> None:
    story = given_back(here).told(payments.PaymentFailed, "p1", 700).waited(4_000)
    story.told(payments.PspStatus, "p1", 4_001, status="failed").waited(5_000)
    if not here:
        story.booked("p2", 5_001, "credit", reference=story.intents()[0].refund_id)
    assert [each.payment_id for each in story.waited(8_000).intents()] == ["p2"]
    assert story.open() == {"double_benefit": 3_000, "debited_not_confirmed": 3_000}
    assert story.succeeded("p1", 8_001).waited(12_000).open() == {}, "the first pays for it after all"


@pytest.mark.parametrize("credit", [699, 701], ids=["before", "behind"])
@pytest.mark.parametrize("here", [False, True], ids=["on its way", "here"])
def test_nobody_has_anything_twice_once_the_second_is_undone_as_well(here: bool, credit: int) -> None:
    story = given_back(here)
    for second in sorted([700, credit]):
        if second == credit:
            story.booked("p1", second, "credit")
        else:
            story.told(payments.PaymentReversed, "p1", second)
    assert story.open()["double_benefit"] == 3_000
    if not here:
        story.booked("p2", 750, "credit", reference=story.intents()[0].refund_id)
    assert story.told(payments.PaymentFailed, "p2", 800).waited(30_000).open() == {}


@UNDONE
@pytest.mark.parametrize("of_first", [699, 701], ids=["first before", "first behind"])
@pytest.mark.parametrize("of_bank", [None, 729, 731], ids=["ours alone", "bank before", "bank behind"])
@pytest.mark.parametrize("of_ours", [715, 730, 740, 1_110])
def test_where_both_are_undone_what_the_bank_gives_back_beside_our_refund_is_twice(
    undone: type, of_first: int, of_bank: int | None, of_ours: int
) -> None:
    """However credits and words are ordered; where the bank gives back nothing more, our refund is that money."""
    story = given_back(here=False)
    intent = story.intents()[0]
    news = [(700, "p1", "word"), (of_first, "p1", "credit"), (730, "p2", "word"), (of_ours, "p2", "ours")]
    if of_bank is not None:
        news.append((of_bank, "p2", "credit"))
    for second, payment_id, what in sorted(news):
        if what == "word":
            story.told(undone, payment_id, second)
        elif what == "credit":
            story.booked(payment_id, second, "credit")
        else:
            story.booked(payment_id, second, "credit", reference=intent.refund_id)
            story.told(payments.RefundCredited, payment_id, second + 1, refund_id=intent.refund_id)
    assert story.waited(4_000).open() == ({"double_benefit": 3_000} if of_bank else {})
    assert story.told(payments.PspStatus, "p2", 4_001, status="failed").waited(30_000).intents() == [intent]


def test_two_debits_of_a_payment_beside_another_are_one_too_many_once_that_is_undone() -> None:
    story = Story(ORDER).requested("p2", 119).booked("p2", 120).booked("p2", 121).succeeded("p2", 125)
    assert [each.payment_id for each in story.intents()] == ["p2", "p2"]
    story.told(payments.PaymentReversed, "p1", 162).booked("p1", 163, "credit").waited(600)
    assert len(story.cancelled()) == 1
    assert story.open() == {"duplicate_charge": 3_000}


def test_what_its_merchant_refunds_much_later_is_no_second_benefit_when_it_is_called_reversed() -> None:
    story = refunded(given_back().waited(8 * 86_400), "p1", 8 * 86_400 + 60)
    story.booked("p1", 8 * 86_400 + 70, "credit", reference="by-merchant")
    assert story.told(payments.PaymentReversed, "p1", 8 * 86_400 + 80).waited(9 * 86_400).open() == {}


class Bill(Story):
    """The same of two bills. What follows a bill's request names no biller."""

    def requested(self, payment_id: str, second: int) -> Story:
        return self.told(payments.BillpayRequested, payment_id, second, method="wallet_balance", **self.names)

    def succeeded(self, payment_id: str, second: int, *, bare: bool = False) -> Story:
        return self.told(payments.BillpayPosted, payment_id, second, **(NO_NAMES if bare else self._order()))

    def waits(self, payment_id: str, second: int) -> Story:
        return self.told(payments.BillpayDebited, payment_id, second, method="wallet_balance")

    def failed(self, payment_id: str, second: int) -> Story:
        return self.told(payments.BillpayFailed, payment_id, second, **self._order())

    def _order(self) -> dict[str, str]:
        return {name: value for name, value in self.names.items() if name != "biller_id"}


OF_BILL = {"order_id": "b1", "biller_id": "water"}
BILLER = {"biller_id": "water"}


@pytest.mark.parametrize("bare", [False, True], ids=["names", "bare"])
@pytest.mark.parametrize("order", ORDERS, ids="-".join)
@pytest.mark.parametrize(("names", "certain"), [(OF_BILL, True), (BILLER, False)], ids=["order", "biller"])
def test_a_bill_paid_twice_is_found_in_any_order_too(
    names: dict[str, str], certain: bool, order: tuple[str, ...], bare: bool
) -> None:
    is_found_in_any_order(Bill(names), certain, order, bare)


def test_bills_of_two_billers_or_orders_or_far_apart_are_two() -> None:
    story = Bill(OF_BILL)
    story.names = {"order_id": "b1", "biller_id": "power"}
    story.requested("p2", 60).booked("p2", 61).succeeded("p2", 62)
    story.names = {"order_id": "b2", "biller_id": "water"}
    story.requested("p3", 4_000).booked("p3", 4_001).succeeded("p3", 4_002).waited(9_000)
    assert not [each for each in story.effects if isinstance(each, CaseVersion)]


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
@pytest.mark.parametrize("kind", [Story, Bill])
def test_two_orders_of_one_payee_and_amount_are_no_question_where_each_says_what_it_costs(
    kind: type[Story], order: tuple[str, ...]
) -> None:
    costs: dict[str, Any] = {"order_amount_minor": 3_000, **(BILLER if kind is Bill else PAYEE)}
    story = kind({"order_id": "o1", **costs})
    story.names = {"order_id": "o2", **costs}
    for second, what in enumerate(order, 60):
        getattr(story, what)("p2", second)
    story.waited(600)
    assert not [each for each in story.effects if isinstance(each, CaseVersion)]
    story.requested("p3", 630).booked("p3", 631).succeeded("p3", 632)
    assert [each.payment_id for each in story.intents()] == ["p3"], "it is paid once more"


@pytest.mark.parametrize("kind", [Story, Bill])
def test_two_orders_of_which_nobody_has_said_what_they_cost_are_a_question(kind: type[Story]) -> None:
    payee = BILLER if kind is Bill else PAYEE
    story = kind({"order_id": "o1", **payee})
    story.names = {"order_id": "o2", **payee}
    story.requested("p2", 60).booked("p2", 61).succeeded("p2", 62).waited(600)
    assert (story.intents(), story.open()) == ([], {"duplicate_charge": 3_000})


def test_a_bill_stays_once_the_other_has_failed_after_all() -> None:
    story = Bill(OF_BILL).requested("p2", 119).booked("p2", 120)
    story = story.succeeded("p2", 125)
    (intent,) = story.intents()
    story.told(payments.BillpayFailed, "p1", 162).booked("p1", 163, "credit").waited(4_000)
    assert story.cancelled() == [intent.refund_id]
    assert story.open() == {}
    assert story.messages().count("duplicate_charge.stays") == 1


def test_a_bill_that_is_posted_after_all_beside_another_that_paid_it_is_given_back_once() -> None:
    story = Bill(OF_BILL).requested("p2", 60).booked("p2", 61).waited(4 * 86_400)
    assert story.open() == {"bill_not_posted": 3_000}
    story.told(payments.PspStatus, "p2", 4 * 86_400 + 1, status="failed").waited(4 * 86_400 + 60)
    assert [each.payment_id for each in story.intents()] == ["p2"]
    story.succeeded("p2", 4 * 86_400 + 120).waited(4 * 86_400 + 9_000)
    assert (len(story.intents()), story.cancelled()) == (1, [])
    assert story.open() == {"duplicate_charge": 3_000}


@pytest.mark.parametrize("heard", [4 * 86_400 + 120, 5 * 86_400], ids=["in time", "late"])
@pytest.mark.parametrize("failed", [False, True])
def test_a_bill_that_its_provider_calls_paid_is_compared_once_it_is_posted(failed: bool, heard: int) -> None:
    story = Bill(OF_BILL).requested("p2", 60).booked("p2", 61)
    if failed:
        story.told(payments.BillpayFailed, "p2", 90, order_id="b1", method="wallet_balance")
    story.waited(4 * 86_400)
    assert story.open() == {"bill_not_posted": 3_000}
    story.told(payments.PspStatus, "p2", 4 * 86_400 + 1, status="succeeded")
    if heard > 5 * 86_400 - 1:
        story.waited(heard)
    story.succeeded("p2", 4 * 86_400 + 120).waited(heard + 9_000)
    assert [each.payment_id for each in story.intents()] == ["p2"]
    assert story.open() == {"duplicate_charge": 3_000}
    told = [each for each in story.messages() if not each.startswith("case.")]
    assert told == ["bill_not_posted", "bill_not_posted.done", "refund_started"]


PRICED = {**ORDER, "order_amount_minor": 3_000}
IN_PARTS = [(1_000, 2_000), (1_500, 1_500), (1_000, 1_000, 1_000)]


def in_parts(names: dict[str, Any], parts: tuple[int, ...]) -> Story:
    """A second payment whose debits are all here before anybody says that it is good."""
    story = Story(names)
    story.requested("p2", 119)
    for number, minor in enumerate(parts):
        story.booked("p2", 120 + number, amount_minor=minor)
    return story.succeeded("p2", 125).waited(600)


@pytest.mark.parametrize("parts", IN_PARTS)
@pytest.mark.parametrize("names", [PRICED, ORDER], ids=["price_told", "no_price"])
def test_all_debits_of_the_second_payment_go_back(names: dict[str, Any], parts: tuple[int, ...]) -> None:
    story = in_parts(names, parts)
    assert [each.amount_minor for each in story.intents()] == list(parts)
    assert story.open() == {"duplicate_charge": 3_000}


@pytest.mark.parametrize("parts", IN_PARTS)
def test_parts_of_a_payee_are_one_question(parts: tuple[int, ...]) -> None:
    story = in_parts(PAYEE, parts)
    assert story.intents() == []
    assert story.open() == {"duplicate_charge": 3_000}
    assert story.messages() == ["duplicate_charge.probable"]


def test_no_more_goes_back_than_is_above_the_price() -> None:
    story = in_parts({**ORDER, "order_amount_minor": 5_000}, (1_000, 2_000))
    assert [each.amount_minor for each in story.intents()] == [1_000]


def test_a_bill_paid_twice_in_parts_goes_back_once_each() -> None:
    story = Story(PRICED)
    story.told(payments.BillpayRequested, "b1", 100, method="wallet_balance", order_id="b")
    story.booked("b1", 101).told(payments.BillpayPosted, "b1", 102, order_id="b")
    story.told(payments.BillpayRequested, "b2", 200, method="wallet_balance", order_id="b", order_amount_minor=3_000)
    story.booked("b2", 201).booked("b2", 202).told(payments.BillpayPosted, "b2", 203, order_id="b").waited(600)
    assert [(each.payment_id, each.amount_minor) for each in story.intents()] == [("b2", 3_000), ("b2", 3_000)]


@pytest.mark.parametrize("parts", IN_PARTS)
def test_parts_stay_once_the_first_is_good_no_more(parts: tuple[int, ...]) -> None:
    story = in_parts(ORDER, parts)
    story.told(payments.PaymentReversed, "p1", 700).booked("p1", 701, "credit").waited(4_400)
    assert sorted(story.cancelled()) == sorted(each.refund_id for each in story.intents())
    assert story.open() == {}
