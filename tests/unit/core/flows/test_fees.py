from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.happenings import MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import RefundIntended
from streams.contracts.base import Event
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import FeeCharged, WithdrawalRequested
from streams.core.declines.table import TableError
from streams.core.library import packaged_library, read_library
from streams.core.money.tariffs import Tariff
from streams.core.steps import Effect

TARIFF = "wechat_pay_withdrawal"


def fee(amount_minor: int, number: int = 1, **more: Any) -> Event:
    known = {"fee_id": f"f{number}", "amount_minor": amount_minor, "currency": "CNY", "tariff_id": TARIFF}
    return event(FeeCharged, NOON + MINUTE, number, **known | more)


def told(*happenings: Event) -> list[Effect]:
    player = Player(policy())
    return [effect for happening in happenings for effect in player.see(happening)]


def excess(effects: list[Effect]) -> list[int | None]:
    return [each.amount_minor for each in effects if isinstance(each, RefundIntended)]


def test_what_is_above_the_tariff_goes_back_and_its_credit_ends_the_case() -> None:
    withdrawal = paid(NOON, 1, 200_000, kind=WithdrawalRequested, currency="CNY", method="wechat_pay")
    back = {"entry_id": "l1", "direction": "credit", "amount_minor": 50, "currency": "CNY", "payment_id": "p1"}
    effects = told(withdrawal, fee(250, payment_id="p1"), event(LedgerPosted, NOON + 2 * MINUTE, 1, **back))
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
        fee(999, base_minor=1, currency="USD"),
    ],
)
def test_a_fee_within_its_tariff_or_without_one_says_nothing(fine: Event) -> None:
    assert told(fine) == []


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
    assert len(excess(told(twice, twice))) == 1


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
        {"tariffs.csv": f"{HEAD}{TARIFF},提现,Withdrawals,CNY,20,,,ours\nmine,我的,Mine,EUR,,,,ours\n"}
    )
    assert library.tariffs[TARIFF].rate_bp == 20
    assert {"mine", "alipay_withdrawal"} < library.tariffs.keys()
    assert library.messages.words["tariff.mine"].zh == "我的"
    assert library.digest != packaged_library().digest


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tariff,colour\n", "tariffs.csv line 1: there is no column 'colour'"),
        (f"{HEAD}a,a,a,CNY,ten,,,x\n", "tariffs.csv line 2: column rate_bp: expected `int`"),
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
