from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.happenings import MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import RefundCancelled, RefundIntended
from streams.contracts.base import Event, Watermark, from_ms
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.payments import (
    BillpayPosted,
    BillpayRequested,
    FeeCharged,
    PaymentFailed,
    PaymentRequested,
    PaymentSucceeded,
    PspStatus,
    WithdrawalCredited,
    WithdrawalFailed,
    WithdrawalRequested,
)
from streams.core import ids
from streams.core.library import packaged_library, read_library
from streams.core.money.tariffs import Tariff
from streams.core.steps import Effect
from streams.core.tables import TableError

TARIFF = "wechat_pay_withdrawal"


def fee(amount_minor: int, number: int | str = 1, **more: Any) -> Event:
    known = {"fee_id": f"f{number}", "amount_minor": amount_minor, "currency": "CNY", "tariff_id": TARIFF}
    return event(FeeCharged, NOON + MINUTE, number, **known | more)


def told(*happenings: Event) -> list[Effect]:
    player = Player(policy())
    return [effect for happening in happenings for effect in player.see(happening)]


def excess(effects: list[Effect]) -> list[int | None]:
    return [each.amount_minor for each in effects if isinstance(each, RefundIntended)]


def test_what_is_above_the_tariff_goes_back_and_its_credit_ends_the_case() -> None:
    withdrawal = paid(NOON, 1, 200_000, kind=WithdrawalRequested, currency="CNY", method="wechat_pay")
    effects = told(withdrawal, fee(250, payment_id="p1"), ledger(61, "debit", 250), ledger(120, "credit", 50))
    assert excess(effects) == [50]
    cases = [each for each in effects if isinstance(each, CaseVersion) and each.case_type == "fee_issue"]
    assert (cases[0].flow, cases[0].amount_minor) == ("F46", 50)
    assert cases[-1].status == "resolved"


@pytest.mark.parametrize(
    "fine",
    [
        fee(200, base_minor=200_000),
        fee(10, base_minor=1),  # the least that the tariff takes
        fee(0, base_minor=200_000),
        fee(999, payment_id="p9"),  # of a payment that nobody remembers: not judged
        fee(999, base_minor=1, tariff_id=None),
    ],
)
def test_a_fee_within_its_tariff_or_without_one_says_nothing(fine: Event) -> None:
    cases = {each.case_type for each in told(fine, mark(3)) if isinstance(each, CaseVersion)}
    assert cases <= {"integration.unrated_currency"}


@pytest.mark.parametrize("tariff", ["wechat_pay_withdrawal", None])
def test_a_fee_in_a_currency_without_a_rate_is_not_judged_and_the_currency_is_shown(tariff: str | None) -> None:
    effects = told(fee(999, base_minor=1, currency="XOF", tariff_id=tariff))
    assert [each.case_type for each in effects if isinstance(each, CaseVersion)] == ["integration.unrated_currency"]
    assert len(effects) == 1


def test_a_tariff_that_nobody_knows_is_one_example_for_the_integration() -> None:
    effects = told(*(fee(9, number, tariff_id="new") for number in range(5)))
    assert [each.case_type for each in effects if isinstance(each, CaseVersion)] == ["integration.unknown_tariff"]


def test_a_fee_that_is_told_twice_goes_back_once() -> None:
    twice = event(
        FeeCharged,
        NOON + MINUTE + SECOND,
        1,
        fee_id="f1",
        amount_minor=250,
        currency="CNY",
        tariff_id=TARIFF,
        base_minor=1,
    )
    again = msgspec.structs.replace(twice, event_id="told again")
    effects = told(twice, again, ledger(70, "debit", 250, "fee:f1"))
    assert len(excess(effects)) == 1
    assert {each.amount_minor for each in effects if isinstance(each, CaseVersion)} == {240}


def ledger(second: int, direction: str, amount_minor: int, payment_id: str = "p1", **more: Any) -> Event:
    line = {"direction": direction, "amount_minor": amount_minor, "currency": "CNY", "payment_id": payment_id} | more
    return event(LedgerPosted, NOON + second * SECOND, f"{direction}{second}", entry_id=f"l{second}", **line)


def mark(minutes: int) -> Event:
    return event(Watermark, NOON + minutes * MINUTE, minutes, account_id="-")


def money_back(effects: list[Effect]) -> int:
    """What goes back by itself in the end."""
    stopped = {each.refund_id for each in effects if isinstance(each, RefundCancelled)}
    return sum(
        each.amount_minor for each in effects if isinstance(each, RefundIntended) and each.refund_id not in stopped
    )


def open_cases(effects: list[Effect]) -> set[str]:
    last = {each.case_id: each for each in effects if isinstance(each, CaseVersion)}
    return {each.case_type for each in last.values() if each.status not in ("resolved", "closed", "withdrawn")}


def ending(happenings: Sequence[Event], *more: Event, minutes: int = 3) -> list[Effect]:
    player = Player(policy("[unknown]\nsilent_s = 0\n"))
    effects = [effect for each in happenings for effect in player.see(each)]
    clock = event(Watermark, NOON + minutes * MINUTE, "end", account_id="-")
    return effects + [effect for each in (clock, *more) for effect in player.see(each)]


ORDER = {"method": "wechat_pay", "currency": "CNY", "order_id": "o1", "order_amount_minor": 200_000}


@pytest.mark.parametrize(("charged", "goes_back"), [(250, 50), (200, 0)])
def test_a_fee_booked_under_its_payment_goes_back_above_the_tariff_and_no_further(charged: int, goes_back: int) -> None:
    """Whatever order the ledger's lines, the payment and the fee are heard in."""
    happenings = (
        paid(NOON, 1, 200_000, kind=PaymentRequested, **ORDER),
        ledger(1, "debit", 200_000),
        paid(NOON + 2 * SECOND, 1, 200_000, **ORDER),
        fee(charged, payment_id="p1"),
        ledger(4, "debit", charged),
    )
    answer = paid(NOON + 4 * MINUTE, 1, 200_000, kind=PspStatus, currency="CNY", status="succeeded")
    for order in permutations(happenings):
        effects = ending(order, answer)
        assert money_back(effects) == goes_back, [each.event_id for each in order]
        assert open_cases(effects) == ({"fee_issue"} if goes_back else set()), [each.event_id for each in order]


@pytest.mark.parametrize("was_good", [False, True])
def test_of_a_payment_that_failed_the_fee_is_missing_as_well_and_no_part_of_it_twice(was_good: bool) -> None:
    """Whatever is heard first: what people look for is both debits, less what goes back by itself.

    The customer hears of one payment, and nothing of a debit of 2.00 that they have never made.
    """
    happenings = (
        paid(NOON, 1, 200_000, kind=PaymentRequested, **ORDER),
        ledger(1, "debit", 200_000),
        fee(250, payment_id="p1"),
        ledger(4, "debit", 250),
        paid(NOON + 5 * SECOND, 1, 200_000, kind=PaymentFailed, **ORDER),
    )
    good = (paid(NOON + 2 * SECOND, 1, 200_000, **ORDER),)
    for order in permutations(happenings):
        effects = ending((*good, *order) if was_good else order, minutes=40)
        last = {each.case_type: each.amount_minor for each in effects if isinstance(each, CaseVersion)}
        assert last == {"fee_issue": 50, "debited_not_confirmed": 200_200}, [each.event_id for each in order]
        assert money_back(effects) == 50
        amounts = [
            each.parameters["amount"]
            for each in effects
            if isinstance(each, NotificationRequested) and each.template == "debited_not_confirmed"
        ]
        assert amounts == ["CNY 2,002.00"], [each.event_id for each in order]


def test_the_debit_of_a_fee_of_no_payment_explains_itself() -> None:
    own = fee(250, 77, fee_id="77", base_minor=200_000)
    effects = ending((own, ledger(70, "debit", 250, "fee:77")), ledger(41 * 60, "credit", 50, "fee:77"), minutes=40)
    assert (money_back(effects), open_cases(effects)) == (0, set())
    assert {each.case_type for each in effects if isinstance(each, CaseVersion)} == {"fee_issue"}


def test_a_fee_inside_the_payments_debit_is_not_charged_too_much() -> None:
    happenings = (
        paid(NOON, 1, 200_000, kind=PaymentRequested, **ORDER),
        ledger(1, "debit", 200_200),
        paid(NOON + 2 * SECOND, 1, 200_000, **ORDER),
    )
    within = fee(200, payment_id="p1")
    assert open_cases(ending((*happenings, within))) == set()
    assert open_cases(ending(happenings)) == {"amount_mismatch"}


def test_the_fee_is_told_after_its_line_was_found_too_much() -> None:
    """It is told a minute and more after the ledger: what people were to look at is explained, and nothing is sent."""
    happenings = (
        paid(NOON, 1, 200_000, kind=PaymentRequested, **ORDER),
        ledger(1, "debit", 200_000),
        paid(NOON + 2 * SECOND, 1, 200_000, **ORDER),
        ledger(4, "debit", 250),
    )
    late = msgspec.structs.replace(fee(250, payment_id="p1"), occurred_at=from_ms(NOON + 3 * MINUTE + SECOND))
    effects = ending(happenings, late)
    assert open_cases(effects) == {"fee_issue"}
    assert money_back(effects) == 50


@pytest.mark.parametrize(("again", "too_much"), [(100_100, None), (100_140, 40)])
@pytest.mark.parametrize(
    ("asked", "done"),
    [
        (PaymentRequested, PaymentSucceeded),
        (WithdrawalRequested, WithdrawalCredited),
        (BillpayRequested, BillpayPosted),
    ],
)
def test_price_and_fee_taken_back_and_booked_again_as_one_line_are_not_charged_too_much(
    asked: Any, done: Any, again: int, too_much: int | None
) -> None:
    about = {"payment_id": "p1", "currency": "CNY", "method": "wechat_pay"}
    effects = told(
        paid(NOON, 1, 100_000, kind=asked, **about),
        ledger(1, "debit", 100_000),
        paid(NOON + 2 * SECOND, 2, 100_000, kind=done, **about),
        fee(100, payment_id="p1"),
        ledger(61, "debit", 100),
        ledger(120, "credit", 100_000),
        ledger(121, "credit", 100),
        ledger(122, "debit", again),
        event(Watermark, NOON + 60 * MINUTE, "end", account_id="-"),
    )
    cases = {each.case_id: each for each in effects if isinstance(each, CaseVersion)}
    assert [each.amount_minor for each in cases.values()] == ([] if too_much is None else [too_much])


def test_each_credit_ends_the_refund_of_its_own_fee() -> None:
    happenings = (
        paid(NOON, 1, 200_000, kind=WithdrawalRequested, currency="CNY", method="wechat_pay"),
        fee(250, payment_id="p1"),
        fee(260, 2, payment_id="p1"),
        ledger(61, "debit", 250),
        ledger(62, "debit", 260),
    )
    both = ending(happenings)
    cases = [each for each in both if isinstance(each, CaseVersion)]
    assert [each.amount_minor for each in cases] == [50, 110]
    one = ending(happenings, ledger(240, "credit", 60))
    assert (money_back(one), open_cases(one)) == (50, {"fee_issue"})
    all_back = ending(happenings, ledger(240, "credit", 60), ledger(250, "credit", 50))
    assert (money_back(all_back), open_cases(all_back)) == (0, set())
    at_once = ending(happenings, ledger(240, "credit", 110))
    assert (money_back(at_once), open_cases(at_once)) == (0, set())
    later = msgspec.structs.replace(fee(270, 3, payment_id="p1"), occurred_at=from_ms(NOON + 5 * MINUTE))
    again = ending(happenings, ledger(240, "credit", 110), later, ledger(301, "debit", 270))
    assert [each.amount_minor for each in again if isinstance(each, CaseVersion)][-1] == 70


def test_what_was_taken_too_much_goes_back_whatever_order_it_is_told_in() -> None:
    """Where it came back before anybody asked, nobody is asked for it once more. Its fee has no line of its own."""
    happenings = (
        paid(NOON, 1, 200_000, kind=WithdrawalRequested, currency="CNY", method="wechat_pay"),
        fee(250, payment_id="p1"),
        paid(NOON + 2 * SECOND, 1, 200_000, kind=WithdrawalCredited, currency="CNY", method="wechat_pay"),
        ledger(1, "debit", 200_000),
        ledger(60, "credit", 50),
    )
    for order in permutations(happenings):
        effects = ending(order)
        assert (money_back(effects), open_cases(effects)) == (0, set()), [each.event_id for each in order]
    for order in permutations(happenings[:4]):
        effects = ending(order)
        assert (money_back(effects), open_cases(effects)) == (50, {"fee_issue"}), [each.event_id for each in order]


@pytest.mark.parametrize("kind", [WithdrawalCredited, WithdrawalFailed])
def test_a_fee_that_the_ledger_has_not_booked_goes_back_only_when_it_is(kind: Any) -> None:
    """Until then nothing is said, as of a movement that was never debited."""
    happenings = (
        paid(NOON, 1, 200_000, kind=WithdrawalRequested, currency="CNY", method="wechat_pay"),
        fee(250, payment_id="p1"),
        paid(NOON + 2 * SECOND, 1, 200_000, kind=kind, currency="CNY", method="wechat_pay"),
    )
    for order in permutations(happenings):
        effects = ending(order)
        fees = open_cases(effects) & {"fee_issue"}
        assert (money_back(effects), fees) == (0, set()), [each.event_id for each in order]
        later = ending(order, ledger(240, "debit", 250))
        assert money_back(later) == 50, [each.event_id for each in order]
        assert open_cases(ending(order, ledger(240, "debit", 250), ledger(300, "credit", 50))) & {"fee_issue"} == set()


def test_a_fee_on_another_currency_is_compared_at_the_policys_rate() -> None:
    """A hundredth more than the tariff is within what rates differ by; three times as much is not."""
    request = paid(NOON, 1, 200_000, kind=WithdrawalRequested, currency="JPY", method="wechat_pay")
    base_minor = policy().to_home(200_000, "JPY", "CNY", NOON)
    assert base_minor is not None
    most_minor = -(-base_minor // 1000)
    near_minor = most_minor + most_minor // 100
    assert excess(told(request, fee(near_minor, payment_id="p1"), ledger(61, "debit", near_minor))) == []
    three = told(request, fee(3 * most_minor, payment_id="p1"), ledger(61, "debit", 3 * most_minor))
    assert excess(three) == [2 * most_minor]


def test_a_fee_in_another_currency_than_its_tariff_is_compared_at_the_policys_rate() -> None:
    request = paid(NOON, 1, 200_000, kind=WithdrawalRequested, currency="CNY", method="wechat_pay")
    most_minor = policy().to_home(200, "CNY", "USD", NOON)
    assert most_minor is not None
    for more_minor, goes_back in ((0, []), (90, [90])):
        minor = most_minor + more_minor
        booked = ledger(61, "debit", minor, currency="USD")
        assert excess(told(request, fee(minor, payment_id="p1", currency="USD"), booked)) == goes_back


def test_a_fee_of_no_payment_is_not_taken_for_the_payment_that_bears_its_id() -> None:
    effects = told(fee(250, 77, fee_id="77", base_minor=200_000), ledger(61, "debit", 250, "fee:77"))
    refund = next(each for each in effects if isinstance(each, RefundIntended))
    assert refund.payment_id == "fee:77"
    own = f"fee:{ids.digest('fee', '7' * 128)}"
    longest = told(fee(250, 77, fee_id="7" * 128, base_minor=200_000), ledger(61, "debit", 250, own))
    refund = next(each for each in longest if isinstance(each, RefundIntended))
    assert msgspec.json.decode(msgspec.json.encode(refund), type=RefundIntended) == refund


@given(base_minor=st.integers(0, 10**12), more=st.integers(0, 10**9), rate_bp=st.integers(0, 10_000))
def test_the_most_is_never_below_the_exact_share_and_rises_with_the_base(
    base_minor: int, more: int, rate_bp: int
) -> None:
    tariff = Tariff(tariff="t", name_zh="t", name_en="t", currency="CNY", rate_bp=rate_bp, source="test")
    most = tariff.most_minor(base_minor)
    assert most is not None
    assert 0 <= most * 10_000 - base_minor * rate_bp < 10_000
    assert most <= (tariff.most_minor(base_minor + more) or 0)


HEAD = "tariff,name_zh,name_en,currency,rate_bp,min_minor,max_minor,source\n"


def test_an_overlay_adds_and_replaces_tariffs() -> None:
    library = read_library(
        {"tariffs.csv": f"{HEAD}{TARIFF},提现,Withdrawals,CNY,20,,,ours\nmine,我的,Mine,EUR,,,9,ours\n"}
    )
    assert library.tariffs[TARIFF].rate_bp == 20
    assert {"mine", "alipay_withdrawal"} < library.tariffs.keys()
    assert library.messages.words["tariff.mine"].zh == "我的"
    assert library.digest != packaged_library().digest


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tariff,colour\n", "tariffs.csv line 1: there is no column 'colour'"),
        (
            f"{HEAD}a,a,a,CNY,ten,,,x\n",
            "tariffs.csv line 2: column rate_bp: it should be a whole number, and is a text",
        ),
        (f"{HEAD}a,a,a,CNY,1,9,3,x\n", "tariffs.csv line 2: max_minor is below min_minor"),
        (f"{HEAD}a,a,a,CNY,1,,,x\na,a,a,CNY,1,,,x\n", "tariffs.csv line 3: tariff a is also on line 2"),
        (f"{HEAD}a,a\n", "tariffs.csv line 2: this row has another number of cells"),
        (f'{HEAD}a,a,a,CNY,1,,,"x\n', "this is not CSV"),
    ],
)
def test_a_wrong_tariff_is_told_with_its_line(text: str, says: str) -> None:
    with pytest.raises(TableError) as told_of:
        read_library({"tariffs.csv": text})
    assert says in str(told_of.value)


def test_a_fee_that_waits_is_small_however_long_its_ids_are() -> None:
    request = paid(NOON, 1, 200_000, kind=WithdrawalRequested, currency="CNY", method="wechat_pay")
    waiting = [
        fee(250, "e" * 100 + str(number), fee_id="f" * 120 + str(number), payment_id="p1") for number in range(2)
    ]
    player = Player(policy())
    for each in waiting:
        assert player.see(each) == []
    assert len(player.obligations["a1"].fees) >= 1
    assert player.stored() < 600
    kept = len(player.obligations["a1"].fees)
    lines = [ledger(61 + number, "debit", 250) for number in range(kept)]
    assert money_back([effect for each in (request, *lines) for effect in player.see(each)]) == 50 * kept
