"""What is explained, refunded, doubled or told in parts only behind a case: do the cases agree with the books?

Stories of one account, in seconds; at the end of each stands what is still open, and for how much.
"""

from __future__ import annotations

from itertools import count, permutations
from typing import Any

import pytest
from support.happenings import NOON, SECOND, event
from support.play import Player, policy

from streams.contracts import payments
from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import PspQuery, RefundCancelled, RefundIntended
from streams.contracts.base import Watermark, to_ms
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.core.messages.render import instant

DONE = ("resolved", "withdrawn", "surveyed", "closed", "merged")
PAYMENT: dict[str, Any] = {"payment_id": "p1", "amount_minor": 3_000, "currency": "CNY", "method": "wallet_balance"}
TOPUP: dict[str, Any] = {"payment_id": "p1", "amount_minor": 10_000, "method": "bank_transfer"}


class Account:
    """Tells one story and remembers what came of it."""

    def __init__(self, toml: str = "[unknown]\nsilent_s = 0\n") -> None:
        self.player, self.numbers = Player(policy(toml)), count()
        self.effects: list[Any] = []

    def told(self, kind: Any, second: int, at: int | None = None, **fields: Any) -> Account:
        about = PAYMENT | fields if kind is not LedgerPosted else fields
        at_ms = NOON + (second if at is None else at) * SECOND
        self.effects += self.player.see(event(kind, at_ms, next(self.numbers), **about))
        return self

    def booked(self, second: int, direction: str, amount_minor: int, **fields: Any) -> Account:
        line: dict[str, Any] = {
            "entry_id": f"e{next(self.numbers)}",
            "direction": direction,
            "amount_minor": amount_minor,
        }
        return self.told(LedgerPosted, second, **line | {"payment_id": "p1", "currency": "CNY"} | fields)

    def fee(self, second: int, amount_minor: int = 50, number: int = 1) -> Account:
        """Its tariff allows 10."""
        about = {"fee_id": f"f{number}", "amount_minor": amount_minor, "tariff_id": "alipay_withdrawal"}
        line = {"payment_id": "p1", "currency": "CNY"} | about
        self.effects += self.player.see(event(payments.FeeCharged, NOON + second * SECOND, next(self.numbers), **line))
        return self

    def waited(self, second: int) -> Account:
        self.effects += self.player.see(event(Watermark, NOON + second * SECOND, next(self.numbers), account_id="-"))
        return self

    def answered(self, second: int, status: str) -> Account:
        query = [each for each in self.effects if isinstance(each, PspQuery)][-1]
        return self.told(payments.PspStatus, second, status=status, query_id=query.query_id)

    def left(self, second: int, kind: Any = payments.RefundSent) -> Account:
        refund = self.leaving[-1]
        return self.told(kind, second, amount_minor=refund.amount_minor, refund_id=refund.refund_id)

    @property
    def leaving(self) -> list[RefundIntended]:
        stopped = {each.refund_id for each in self.effects if isinstance(each, RefundCancelled)}
        return [each for each in self.effects if isinstance(each, RefundIntended) and each.refund_id not in stopped]

    @property
    def open(self) -> dict[str, int | None]:
        last = {each.case_id: each for each in self.effects if isinstance(each, CaseVersion)}
        return {
            each.cause_family: each.amount_minor
            for each in last.values()
            if each.amount_minor and each.status not in DONE
        }

    def said(self, template: str) -> list[dict[str, str]]:
        return [
            dict(each.parameters)
            for each in self.effects
            if isinstance(each, NotificationRequested) and each.template == template
        ]


def lost(debited_minor: int = 3_000) -> Account:
    """A payment of 30.00 that failed, was debited, and whose refund has left."""
    account = Account().told(payments.PaymentRequested, 0).booked(1, "debit", debited_minor)
    return account.told(payments.PaymentFailed, 5).waited(180).answered(185, "failed").left(200)


def bought(*debits: int) -> Account:
    account = Account().told(payments.PaymentRequested, 0)
    for second, minor in enumerate(debits, 1):
        account.booked(second, "debit", minor)
    return account.told(payments.PaymentSucceeded, 5)


@pytest.mark.parametrize("debited_minor", [3_500, 2_500, 3_000])
def test_what_the_customer_of_a_late_success_has_twice_is_what_the_payment_costs(debited_minor: int) -> None:
    account = lost(debited_minor).told(payments.PaymentSucceeded, 220).booked(240, "credit", debited_minor).waited(900)
    assert account.open == {"double_benefit": 3_000}
    assert [each["amount"] for each in account.said("debit_confirmed.refunded")] == ["CNY 30.00"]
    assert account.booked(2_000, "debit", 3_000).waited(3_000).open == {}


def test_a_success_from_before_the_failure_makes_nobody_a_debtor_of_a_refund_that_has_left() -> None:
    account = lost().told(payments.PaymentSucceeded, 220, at=3).booked(240, "credit", 3_000).waited(900)
    assert account.open == {}
    assert account.said("debit_confirmed.refunded") == []
    assert [each["amount"] for each in account.said("debit_returned")] == ["CNY 30.00"]


def test_a_success_from_before_the_failure_stops_a_refund_that_has_not_left() -> None:
    account = failed(3_000).told(payments.PaymentSucceeded, 190, at=3).waited(900)
    assert (account.leaving, account.open) == ([], {})


def test_what_is_confirmed_beside_a_refund_is_the_payment_at_its_price() -> None:
    account = Account().told(payments.PaymentRequested, 0).booked(1, "debit", 3_010).fee(3, 10)
    account.told(payments.PaymentFailed, 5).waited(180).answered(185, "failed").left(200)
    account.told(payments.PaymentSucceeded, 220)
    assert account.open == {"double_benefit": 3_010}
    assert [each["amount"] for each in account.said("debit_confirmed.refunded")] == ["CNY 30.00"]


def failed(*debits: int) -> Account:
    """A payment of 30.00 that failed and was debited, and whose refunds are intended."""
    account = Account().told(payments.PaymentRequested, 0)
    for minor in debits:
        account.booked(1, "debit", minor)
    return account.told(payments.PaymentFailed, 5).waited(180).answered(185, "failed")


LEFT = [
    order
    for extra in (("booked",), ("sent", "booked"), ("booked", "credited"), ("sent", "booked", "credited"))
    for order in permutations(("good", *extra))
]


@pytest.mark.parametrize("order", LEFT, ids="-".join)
def test_a_refund_that_left_beside_a_late_success_is_twice_whatever_tells_of_it(order: tuple[str, ...]) -> None:
    account = failed(3_000)
    (intent,) = account.leaving
    refund: dict[str, Any] = {"amount_minor": intent.amount_minor, "refund_id": intent.refund_id}
    for second, what in enumerate(order, 200):
        if what == "good":
            account.told(payments.PaymentSucceeded, second, at=198)
        elif what == "booked":
            account.booked(second, "credit", intent.amount_minor, reference=intent.refund_id)
        else:
            kind = payments.RefundSent if what == "sent" else payments.RefundCredited
            account.told(kind, second, at=199, **refund)
    assert account.waited(4_000).open == {"double_benefit": 3_000}
    assert account.booked(5_000, "debit", 3_000).waited(9_000).open == {}


@pytest.mark.parametrize("told_s", [1_490, 1_520], ids=["told first", "booked first"])
@pytest.mark.parametrize("part_minor", [3_000, 1_500])
def test_the_merchants_refund_of_what_was_bought_is_not_twice(part_minor: int, told_s: int) -> None:
    account = lost().booked(230, "credit", 3_000).told(payments.PaymentSucceeded, 1_200)
    refund: dict[str, Any] = {"amount_minor": part_minor, "refund_id": "mr1"}
    account.told(payments.RefundApproved, 1_400, **refund).told(payments.RefundSent, 1_460, **refund)
    if told_s < 1_500:
        account.told(payments.RefundCredited, told_s, **refund)
    account.booked(1_500, "credit", part_minor, reference="mr1")
    if told_s > 1_500:
        account.told(payments.RefundCredited, told_s, **refund)
    assert account.waited(2_000).open == {"double_benefit": 3_000}
    assert account.booked(2_100, "debit", 3_000).waited(9_000).open == {}


def test_of_a_debit_that_went_back_whole_no_fee_goes_back_again() -> None:
    account = Account().told(payments.PaymentRequested, 0).fee(3).booked(5, "debit", 3_050)
    account.told(payments.PaymentFailed, 6).waited(180).answered(185, "failed").left(188)
    (intent,) = account.leaving
    account.told(payments.PaymentSucceeded, 195).booked(200, "credit", 3_050, reference=intent.refund_id).waited(1_000)
    assert (account.leaving, account.open) == ([intent], {"double_benefit": 3_010})


def test_the_money_of_one_refund_is_not_taken_for_that_of_a_fee() -> None:
    account = Account().told(payments.PaymentRequested, 0).booked(1, "debit", 3_000).booked(3, "debit", 50).fee(4)
    account.told(payments.PaymentFailed, 5).waited(180).answered(185, "failed")
    of_fee, of_debit = account.leaving
    refund: dict[str, Any] = {"amount_minor": of_debit.amount_minor, "refund_id": of_debit.refund_id}
    account.told(payments.RefundSent, 188, **refund).told(payments.PaymentSucceeded, 195)
    account.booked(200, "credit", of_debit.amount_minor, reference=of_debit.refund_id).waited(1_000)
    assert of_fee in account.leaving
    assert account.open == {"fee_issue": 40, "double_benefit": 3_010}


def test_a_debit_in_its_grace_hides_nothing_of_what_is_twice() -> None:
    account = lost().booked(220, "credit", 3_000).booked(230, "debit", 10).fee(231, 10)
    assert account.told(payments.PaymentSucceeded, 260).waited(2_000).open == {"double_benefit": 3_000}


def test_a_payment_that_fails_after_all_lacks_nothing() -> None:
    account = bought(2_500).waited(600)
    assert account.open == {"undercharge": 500}
    account.told(payments.PaymentFailed, 1_200).waited(2_000)
    assert account.open == {"debited_not_confirmed": 2_500}


@pytest.mark.parametrize("ahead", [False, True])
def test_of_two_refunds_the_one_that_arrived_ends_whichever_feed_is_ahead(ahead: bool) -> None:
    account = failed(1_000, 2_000)
    first, second = account.leaving
    refund: dict[str, Any] = {"amount_minor": 1_000, "refund_id": first.refund_id}
    account.told(payments.RefundSent, 188, **refund)
    for what in (True, False) if ahead else (False, True):
        if what:
            account.told(payments.RefundCredited, 190, **refund)
        else:
            account.booked(191, "credit", 1_000, reference=first.refund_id)
    assert second in account.leaving


def test_a_refund_says_nothing_about_what_its_payment_costs() -> None:
    refund: dict[str, Any] = {"amount_minor": 800, "refund_id": "mr1"}
    account = Account().booked(1, "debit", 3_000).told(payments.RefundApproved, 60, **refund, order_id="o1")
    account.told(payments.PaymentRequested, 180, at=0).told(payments.PaymentSucceeded, 181, at=3).waited(600)
    assert "amount_mismatch" not in account.open


def test_more_than_was_twice_is_debited_again() -> None:
    account = lost().told(payments.PaymentSucceeded, 220).booked(240, "credit", 3_000).booked(300, "debit", 3_500)
    assert account.waited(900).open == {"amount_mismatch": 500}


def test_a_refund_that_fails_after_a_late_success_leaves_what_was_too_much() -> None:
    account = lost(3_500).told(payments.PaymentSucceeded, 220).waited(900)
    assert account.left(1_000, payments.RefundFailed).waited(2_000).open == {"amount_mismatch": 500}


def test_every_further_credit_is_money_that_has_to_come_back() -> None:
    account = (
        lost().booked(230, "credit", 3_000, reference="").booked(350, "credit", 3_000).booked(370, "credit", 3_000)
    )
    assert account.open == {"double_benefit": 6_000}
    assert account.booked(540, "debit", 3_000).open == {"double_benefit": 3_000}
    assert account.booked(550, "debit", 3_000).open == {}


@pytest.mark.parametrize("debited_minor", [3_500, 500])
def test_nobody_hears_that_nothing_is_to_be_done_about_another_amount(debited_minor: int) -> None:
    account = Account().told(payments.PaymentRequested, 0).booked(1, "debit", debited_minor)
    account.told(payments.PaymentFailed, 5).waited(300).told(payments.PaymentSucceeded, 600)
    assert account.said("debit_confirmed") == []
    (told,) = account.said("debit_confirmed.differs")
    assert (told["amount"], told["debited"]) == ("CNY 30.00", f"CNY {debited_minor / 100:.2f}")


@pytest.mark.parametrize(
    ("fee_minor", "back_minor", "stays"), [(50, [40], {"fee_issue": 40}), (10, [], {"amount_mismatch": 40})]
)
def test_a_fee_inside_the_debit_explains_what_was_too_much(
    fee_minor: int, back_minor: list[int], stays: dict[str, int]
) -> None:
    account = bought(3_050).waited(300)
    assert account.open == {"amount_mismatch": 50}
    account.fee(310, fee_minor).waited(600)
    assert ([each.amount_minor for each in account.leaving], account.open) == (back_minor, stays)


def test_what_has_gone_back_as_too_much_is_no_fee_that_goes_back() -> None:
    account = bought(3_050).waited(300).booked(305, "credit", 50).fee(310).waited(900)
    assert (account.leaving, account.open) == ([], {})


@pytest.mark.parametrize("sent", [False, True])
def test_two_equal_fees_that_are_told_behind_their_lines(sent: bool) -> None:
    """The second line looked like a second charge of the first one."""
    account = bought(3_000, 50, 50)
    assert account.open == {"duplicate_charge": 50}
    if sent:
        account.left(5)
    account.fee(6).fee(7, number=2).waited(100)
    assert sorted(each.amount_minor for each in account.leaving) == ([40, 50] if sent else [40, 40])
    assert account.open == ({"duplicate_charge": 50, "fee_issue": 40} if sent else {"fee_issue": 80})


@pytest.mark.parametrize("fee_s", [3, 2_000])
def test_a_failed_withdrawal_and_its_fee_ask_for_no_money_twice(fee_s: int) -> None:
    account = (
        Account().told(payments.WithdrawalRequested, 0, **TOPUP).booked(1, "debit", 10_000).booked(2, "debit", 100)
    )
    steps: dict[int, Any] = {
        fee_s: lambda: account.fee(fee_s, 100),
        60: lambda: account.told(payments.WithdrawalFailed, 60, **TOPUP),
        70: lambda: account.booked(70, "credit", 10_000),
        1_900: lambda: account.waited(1_900),
    }
    for second in sorted(steps):
        steps[second]()
    assert account.open == {"fee_issue": 90, "withdrawal_delay": 10}
    assert account.booked(2_100, "credit", 90).open == {"withdrawal_delay": 10}
    assert account.booked(3_000, "credit", 10).open == {}
    assert [each["amount"] for each in account.said("withdrawal_delay.returned")] == ["CNY 100.00"]


def credit(account: Account, second: int, minor: int, **more: Any) -> None:
    account.booked(second, "credit", minor, **more)


@pytest.mark.parametrize("asked_s", [0, 30, 90])
@pytest.mark.parametrize("told", [False, True])
def test_a_topup_in_two_parts_has_arrived(asked_s: int, told: bool) -> None:
    """Before it is asked for, and behind that; the payment system may tell of the parts as well."""
    steps: list[tuple[int, Any]] = [
        (asked_s, lambda a: a.told(payments.TopupRequested, asked_s, at=0, **TOPUP)),
        (20, lambda a: credit(a, 20, 9_000)),
        (80, lambda a: credit(a, 80, 1_000)),
    ]
    if told and not asked_s:
        steps.append((10, lambda a: a.told(payments.TopupCredited, 10, **TOPUP | {"amount_minor": 9_000})))
    account = Account()
    for _, step in sorted(steps, key=lambda each: each[0]):
        step(account)
    assert account.waited(10_000).open == {}


def test_of_a_topup_that_has_arrived_in_part_the_rest_is_looked_for() -> None:
    account = Account().told(payments.TopupRequested, 0, **TOPUP).booked(5, "credit", 9_000).waited(10_000)
    assert account.open == {"topup_not_credited": 1_000}
    assert [each["amount"] for each in account.said("topup_not_credited.part")] == ["CNY 10.00"]
    assert account.booked(11_000, "credit", 1_000).open == {}
    assert [each["amount"] for each in account.said("topup_not_credited.done")] == ["CNY 100.00"]


@pytest.mark.parametrize("told_s", [1, 9])
def test_of_a_topup_that_is_said_to_be_here_the_ledger_tells_what_is(told_s: int) -> None:
    """Whichever comes first, the word or the credit; also where somebody has mistaken the currency."""
    for minor, currency, rest_minor in ((4_000, "CNY", 6_000), (1, "CNY", 9_999), (100, "JPY", 9_527)):
        account = Account().told(payments.TopupRequested, 0, **TOPUP)
        steps: dict[int, Any] = {
            told_s: lambda a: a.told(payments.TopupCredited, told_s, **TOPUP),
            5: lambda a, minor=minor, currency=currency: credit(a, 5, minor, currency=currency),
        }
        for second in sorted(steps):
            steps[second](account)
        account.waited(10_000).waited(100_000)
        assert account.open == {"topup_not_credited": rest_minor}
        assert account.booked(200_000, "credit", rest_minor).open == {}


@pytest.mark.parametrize("told_s", [1, 9])
def test_a_fee_of_a_topup_is_no_part_that_is_missing(told_s: int) -> None:
    account = Account().told(payments.TopupRequested, 0, **TOPUP).fee(0, 500)
    for second, step in sorted({told_s: "told", 5: "credit"}.items()):
        if step == "told":
            account.told(payments.TopupCredited, second, **TOPUP)
        else:
            account.booked(second, "credit", 9_500)
    assert account.waited(10_000).waited(100_000).open == {}


_CREDITED = payments.TopupCredited


@pytest.mark.parametrize("word_s", [4, 6, 20_000])
@pytest.mark.parametrize(
    ("asked", "ledger", "said"),
    [
        ((10_000, "CNY"), (9_700, "CNY"), (9_700, "CNY")),  # its provider keeps a fee
        ((10_300, "CNY"), (10_000, "CNY"), (10_000, "CNY")),
        ((10_000, "USD"), (69_000, "CNY"), (69_000, "CNY")),  # 3.5 % off the table's rate
        ((10_000, "USD"), (69_000, "CNY"), (10_000, "USD")),
    ],
)
def test_where_ledger_and_payment_system_say_the_same_of_a_topup_nothing_lacks(
    asked: tuple[int, str], ledger: tuple[int, str], said: tuple[int, str], word_s: int
) -> None:
    def about(minor: int, currency: str) -> dict[str, Any]:
        return TOPUP | {"amount_minor": minor, "currency": currency}

    account = (
        Account().told(payments.TopupRequested, 0, **about(*asked)).told(payments.TopupConfirmed, 1, **about(*asked))
    )
    if word_s < 5:
        account.told(_CREDITED, word_s, **about(*said))
    account.booked(5, "credit", ledger[0], currency=ledger[1])
    if word_s > 5:
        account.waited(min(word_s, 10_000)).told(_CREDITED, word_s, **about(*said))
    account.waited(30_000).waited(100_000)
    assert account.open == {}
    assert word_s > 6 or not account.said("topup_not_credited.part")


@pytest.mark.parametrize("word_s", [None, 4, 6])
@pytest.mark.parametrize("fee_s", [7, 3_600, 100_100])
def test_a_fee_of_a_topup_may_be_told_behind_it(fee_s: int, word_s: int | None) -> None:
    account = Account().told(payments.TopupRequested, 0, **TOPUP).told(payments.TopupConfirmed, 1, **TOPUP)
    if word_s == 4:
        account.told(_CREDITED, word_s, **TOPUP)
    account.booked(5, "credit", 9_700)
    if word_s == 6:
        account.told(_CREDITED, word_s, **TOPUP)
    for second in (10_000, 90_000):
        account = account.waited(second) if second < fee_s else account
    account.fee(fee_s, 300).waited(200_000).waited(400_000)
    assert account.open == {}


def test_a_bonus_of_a_topup_whose_debit_is_in_the_ledger_is_no_part_of_it() -> None:
    account = Account().told(payments.TopupRequested, 0, **TOPUP).booked(4, "debit", 10_000).booked(5, "credit", 10_000)
    account.told(_CREDITED, 6, **TOPUP).booked(7, "credit", 500).waited(10_000).waited(100_000)
    assert account.open == {}


def test_what_comes_back_of_a_payout_in_another_currency_is_weighed_at_its_rate() -> None:
    account = Account().told(payments.WithdrawalRequested, 0, **TOPUP).booked(1, "debit", 10_000)
    account.told(payments.WithdrawalReturned, 60, **TOPUP).booked(70, "credit", 1_000, currency="JPY")
    account.waited(10_000).waited(400_000).waited(2_000_000)
    assert account.open == {"withdrawal_delay": 5_267}
    assert account.booked(2_000_100, "credit", 1_113, currency="JPY").open == {}


def test_a_topup_that_is_credited_twice_is_taken_back() -> None:
    account = Account().told(payments.TopupRequested, 0, **TOPUP).told(payments.TopupCredited, 4, **TOPUP)
    assert account.booked(5, "credit", 10_000).open == {}
    assert account.booked(9, "credit", 10_000).open == {"double_benefit": 10_000}
    assert account.booked(99, "debit", 10_000).open == {}


def test_a_topup_that_is_credited_in_parts_and_then_whole_is_taken_back() -> None:
    account = Account().told(payments.TopupRequested, 0, **TOPUP)
    account.booked(5, "credit", 3_000).booked(6, "credit", 3_000).booked(7, "credit", 4_000)
    assert account.waited(10_000).open == {}
    assert account.booked(11_000, "credit", 10_000).open == {"double_benefit": 10_000}


def test_the_whole_may_be_heard_before_the_last_part() -> None:
    account = Account().told(payments.TopupRequested, 0, **TOPUP)
    account.booked(5, "credit", 3_000).booked(6, "credit", 10_000).booked(7, "credit", 4_000)
    assert account.booked(8, "credit", 3_000).waited(10_000).open == {"double_benefit": 10_000}


def test_a_bonus_on_a_topup_is_no_mistake() -> None:
    account = Account().told(payments.TopupRequested, 0, **TOPUP).booked(5, "credit", 10_000)
    assert account.booked(6, "credit", 500).waited(10_000).open == {}


def test_a_topup_whose_credit_names_the_order_alone_may_be_asked_for_later() -> None:
    account = Account().booked(1, "credit", 10_000, payment_id=None, order_id="o1")
    assert account.told(payments.TopupRequested, 5, at=0, **TOPUP, order_id="o1").waited(10_000).open == {}


REFUND: dict[str, Any] = {"amount_minor": 1_500, "refund_id": "mr2"}


def test_a_credit_that_names_another_refund_is_not_one_that_was_approved_later() -> None:
    account = bought(3_000).booked(900, "credit", 1_500, reference="mr1")
    account.told(payments.RefundApproved, 920, **REFUND).told(payments.RefundSent, 930, **REFUND)
    assert account.waited(4_000).open == {"refund_late": 1_500}


def test_a_credit_with_a_reference_of_the_banks_is_the_refund_that_was_approved_before_it() -> None:
    account = bought(3_000).booked(900, "credit", 1_500, reference="BANK-7")
    account.told(payments.RefundApproved, 920, at=880, **REFUND).told(payments.RefundSent, 930, at=890, **REFUND)
    assert account.waited(4_000).open == {}


def test_a_refund_that_arrives_in_parts_has_arrived() -> None:
    whole: dict[str, Any] = {"refund_id": "mr1"}
    account = bought(3_000).told(payments.RefundRequested, 100, **whole).told(payments.RefundApproved, 200, **whole)
    account.told(payments.RefundSent, 210, **whole)
    account.booked(220, "credit", 1_000, reference="mr1").booked(230, "credit", 2_000, reference="mr1")
    assert account.waited(40 * 86_400).open == {}
    assert [each["amount"] for each in account.said("refund_request.done")] == ["CNY 30.00"]


def test_our_refund_that_arrives_in_parts_has_arrived() -> None:
    account = lost()
    refund_id = account.leaving[0].refund_id
    account.booked(230, "credit", 1_000, reference=refund_id).booked(350, "credit", 2_000, reference=refund_id)
    assert account.waited(10_000).open == {}


@pytest.mark.parametrize("credited", [False, True])
def test_of_a_promised_refund_the_rest_is_still_promised(credited: bool) -> None:
    account = bought(3_000).told(payments.RefundPromised, 100, refund_id="mr1")
    account.told(payments.RefundSent, 200, amount_minor=1_000, refund_id="mr1").booked(300, "credit", 1_000)
    if credited:
        account.told(payments.RefundCredited, 301, amount_minor=1_000, refund_id="mr1")
    assert account.waited(40 * 86_400).open == {"refund_dispute": 2_000}


@pytest.mark.parametrize("words", [(payments.RefundRequested,), (payments.RefundApproved,)])
@pytest.mark.parametrize("told_s", [3_790, 3_810])
def test_the_refund_of_a_purchase_is_not_its_second_charge(words: tuple[Any, ...], told_s: int) -> None:
    big: dict[str, Any] = {"amount_minor": 200_000}
    account = (
        Account().told(payments.PaymentRequested, 0, **big).booked(1, "debit", 200_000).booked(8, "debit", 200_000)
    )
    account.told(payments.PaymentSucceeded, 9, **big)
    for second, word in enumerate((*words, payments.RefundSent)):
        account.told(word, 1_000 + second, **big, refund_id="mr1")
    steps: dict[int, Any] = {
        3_800: lambda: account.booked(3_800, "credit", 200_000, reference="mr1"),
        told_s: lambda: account.told(payments.RefundCredited, told_s, **big, refund_id="mr1"),
    }
    for second in sorted(steps):
        steps[second]()
    assert account.waited(8_000).open == {"duplicate_charge": 200_000}
    assert account.said("charge_corrected") == []
    assert account.booked(9_000, "credit", 200_000).open == {}


@pytest.mark.parametrize("minor", [3_000, 1_500])
def test_what_the_merchant_is_refunding_is_not_refunded_by_us_as_well(minor: int) -> None:
    account = bought(3_000).told(payments.RefundApproved, 190, amount_minor=minor, refund_id="mr1")
    account.told(payments.PaymentFailed, 200).waited(400).answered(405, "failed")
    assert (account.leaving, account.open) == ([], {"debited_not_confirmed": 3_000})
    back = account.booked(500, "credit", minor, reference="mr1")
    assert back.open.keys() == (set() if minor == 3_000 else {"debited_not_confirmed"})


def test_a_merchants_refund_within_the_minute_hides_nothing_that_was_too_much() -> None:
    refund: dict[str, Any] = {"amount_minor": 1_000, "refund_id": "mr1"}
    happenings: list[Any] = [
        lambda a: a.told(payments.RefundApproved, 10, **refund),
        lambda a: a.told(payments.RefundSent, 11, at=10, **refund),
        lambda a: a.booked(11, "credit", 1_000),
    ]
    for order in permutations(happenings):
        account = bought(3_500)
        for each in order:
            each(account)
        assert account.waited(300).open == {"amount_mismatch": 500}
        assert account.booked(400, "credit", 500).waited(500).open == {}


def test_a_debit_whose_amount_is_told_behind_the_providers_answer_is_compared() -> None:
    account = Account().booked(24, "debit", 3_500).waited(390).answered(392, "succeeded")
    account.told(payments.PaymentRequested, 419, at=0).told(payments.PaymentSucceeded, 520, at=11)
    assert account.waited(1_000).open == {"amount_mismatch": 500}


def test_too_small_a_debit_is_told_behind_the_providers_answer() -> None:
    account = Account().told(payments.PaymentRequested, 0).booked(1, "debit", 500).waited(130)
    account.answered(132, "succeeded").told(payments.PaymentSucceeded, 140)
    assert account.waited(300).open == {"undercharge": 2_500}


def test_more_back_than_was_charged_ends_no_undercharge() -> None:
    account = bought(2_500).waited(100).told(payments.RefundSent, 200, refund_id="mr1").booked(210, "credit", 3_000)
    assert account.waited(400).open == {"undercharge": 500}
    assert account.booked(500, "debit", 500).open == {}


def test_a_reversal_behind_its_credit_is_no_news_however_many_there_are() -> None:
    account, names = Account(), ("p0", "p1", "p2")
    for number, name in enumerate(names):
        account.told(payments.PaymentRequested, number * 20, payment_id=name)
        account.booked(number * 20 + 2, "debit", 3_000, payment_id=name)
        account.told(payments.PaymentFailed, number * 20 + 5, payment_id=name)
    account.waited(300)
    for number, name in enumerate(("p1", "p2", "p0")):
        account.booked(400 + number * 100, "credit", 3_000, payment_id=name)
        account.told(payments.PaymentReversed, 406 + number * 100, payment_id=name)
    assert "debited_not_confirmed" not in account.waited(10_000).open


def test_a_merchants_refund_behind_a_fee_is_of_the_price() -> None:
    account = (
        bought(3_000, 10).fee(6, 10).waited(100).told(payments.RefundSent, 200, refund_id="mr1", amount_minor=1_500)
    )
    assert account.booked(300, "credit", 1_500).waited(900).open == {}


@pytest.mark.parametrize("heard_s", [60, 36_060], ids=["in time", "ten hours late"])
@pytest.mark.parametrize("is_twice", [True, False], ids=["F12", "F11"])
def test_what_was_charged_too_much_is_named_by_the_time_of_its_debit(is_twice: bool, heard_s: int) -> None:
    """By its refund, its case and the word that it is back, however late the ledger has told of it."""
    order: dict[str, Any] = {} if is_twice else {"order_id": "o1", "order_amount_minor": 2_000}
    account = Account().told(payments.PaymentRequested, 0, **order)
    if is_twice:
        account.booked(1, "debit", 3_000)
    account.told(payments.PaymentSucceeded, 5, **order).waited(heard_s - 10)
    line = {"entry_id": "above", "direction": "debit", "payment_id": "p1", "amount_minor": 3_000, "currency": "CNY"}
    account.told(LedgerPosted, heard_s, at=50, **line).waited(heard_s + 150)
    if not is_twice:
        account.answered(heard_s + 160, "succeeded")
    (intent,) = account.leaving
    account.booked(heard_s + 400, "credit", intent.amount_minor, reference=intent.refund_id)
    told = [each["time"] for template in ("refund_started", "charge_corrected") for each in account.said(template)]
    (case,) = {each.case_id: each for each in account.effects if isinstance(each, CaseVersion)}.values()
    assert [*told, instant(to_ms(case.evidence[0].at))] == [instant(NOON + 50 * SECOND)] * 3


@pytest.mark.parametrize("method", ["bank_transfer", "card", "wallet_balance"])
@pytest.mark.parametrize("what", ["second debit", "fee above its tariff"])
def test_what_was_taken_too_much_for_a_payout_goes_back_to_the_balance_it_was_taken_of(what: str, method: str) -> None:
    account = Account().told(payments.WithdrawalRequested, 0, method=method).booked(1, "debit", 3_000)
    if what == "second debit":
        account.booked(60, "debit", 3_000).told(payments.WithdrawalCredited, 70, method=method)
    else:
        account.told(payments.WithdrawalCredited, 50, method=method).booked(60, "debit", 50).fee(61)
    (intent,) = account.waited(200).leaving
    (told,) = account.said("refund_started")
    assert (intent.method, told["eta"] <= instant(NOON + 3_600 * SECOND)) == ("wallet_balance", True)
