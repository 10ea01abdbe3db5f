"""Is a merchant that gives back more than others, or what it never sold, a case, and an ordinary shop none?"""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from support.entities import Entity, policy, refund, sale

from streams.contracts.signals import EntityObserved
from streams.core.entities.merchant_refunds import SAMPLED

DAY_S = 86_400
HOUR_S = 3_600


def days(number: int, *, sold: int, back: int, first: int = 0) -> Iterator[EntityObserved]:
    """So many told sales and refunds a day, to ever other customers."""
    for day in range(first, first + number):
        begin_s = day * DAY_S
        yield from (sale(begin_s + turn) for turn in range(sold))
        yield from (refund(begin_s + HOUR_S + turn, f"a{day}-{turn}") for turn in range(back))


def test_a_shop_with_the_usual_share_of_refunds_is_left_alone() -> None:
    shop = Entity(policy())
    shop.play(days(60, sold=10, back=4))  # 4 of 80 a day
    assert shop.effects == []


def test_a_merchant_that_gives_back_most_of_what_it_sells_is_one_case_and_no_customer_is_doubted_for_it() -> None:
    shop = Entity(policy())
    shop.play(days(12, sold=2, back=10))  # 10 of 16 a day
    case = shop.cases[0]
    assert (case.case_type, case.flow, case.queue, case.priority) == ("refund_abuse", "F33", "security", "P3")
    assert (case.owner, case.subject, case.cause_family) == ("entity", "merchant/shop", "merchant_refunds")
    assert case.evidence[0].kind == "refund_abuse", "nobody is told of an attack"
    assert len({each.case_id for each in shop.cases}) == 1
    assert shop.cases[-1].counters["refunds"] >= 2 * case.counters["refunds"]
    assert (shop.actions, shop.risks, shop.notifications) == ([], [], [])


def test_few_refunds_are_no_habit() -> None:
    shop = Entity(policy())
    shop.play(refund(turn * HOUR_S, f"a{turn}") for turn in range(19))
    assert shop.effects == []


def test_chance_among_the_sales_that_are_told_is_no_abuse() -> None:
    """Of 160 sales 20 are told on average, of some shop only 9; 30 of them came back."""
    shop = Entity(policy())
    shop.play(sale(turn) for turn in range(9))
    shop.play(refund(HOUR_S + turn, f"a{turn}") for turn in range(30))
    assert 0.25 * SAMPLED * 9 < 30
    assert shop.effects == []


def test_refunds_of_what_was_never_sold_are_a_case_of_a_merchant_that_is_known_for_a_month() -> None:
    shop = Entity(policy())
    shop.play(days(31, sold=20, back=1))
    shop.play(refund(31 * DAY_S + turn, f"mule-{turn}", sold=False) for turn in range(5))
    (case,) = shop.cases
    assert case.counters["without_sale"] == 5
    early = Entity(policy())
    early.play(days(10, sold=20, back=1))
    early.play(refund(10 * DAY_S + turn, f"a{turn}", sold=False) for turn in range(5))
    assert early.effects == [], "they may be of sales from before anybody listened"


def test_the_case_closes_when_refunds_are_usual_again_and_old_ones_count_no_more() -> None:
    shop = Entity(policy())
    shop.play(days(12, sold=2, back=10))
    shop.play(days(120, sold=40, back=4, first=12))
    assert shop.cases[-1].status == "closed"
    assert len({each.case_id for each in shop.cases}) == 1


def test_an_observing_policy_opens_a_shadow() -> None:
    shop = Entity(policy('entities.merchant_refunds.mode = "observe"'))
    shop.play(days(4, sold=0, back=10))
    assert {each.shadow for each in shop.cases} == {True}


@given(
    st.lists(st.tuples(st.sampled_from(("sale", "sold", "unsold")), st.integers(0, 9), st.integers(0, 50)), max_size=60)
)
def test_whatever_comes_there_is_at_most_one_open_case_in_a_bounded_size(steps: list[tuple[str, int, int]]) -> None:
    shop = Entity(policy())
    at_s = 0.0
    for kind, hours, account in steps:
        at_s += hours * HOUR_S
        who = f"a{account}"
        shop.play([sale(at_s, who) if kind == "sale" else refund(at_s, who, sold=kind == "sold")])
    status = {each.case_id: each.status for each in shop.cases}
    assert sum(each != "closed" for each in status.values()) <= 1
    assert shop.size < 3_000


def test_a_flood_of_customers_is_remembered_in_a_bounded_size() -> None:
    shop = Entity(policy())
    shop.play(refund(turn, f"a{turn}") for turn in range(2_000))
    assert shop.size < 4_000
