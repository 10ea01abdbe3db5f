"""Is a merchant that gives back more than others, or what it never sold, a case, and an ordinary shop none?"""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from support.entities import START_MS, Entity, policy, refund, sale

from streams.contracts.cases import ActionRejected, CaseVersion
from streams.contracts.signals import CaseActed, EntityObserved
from streams.core.entities.context import EntityEffect
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
    shop.play(days(31, sold=1, back=0))
    shop.play(refund(31 * DAY_S + turn, f"mule-{turn}", sold=False) for turn in range(5))
    (case,) = shop.cases
    assert case.counters["without_sale"] == 5
    early = Entity(policy())
    early.play(days(10, sold=1, back=0))
    early.play(refund(10 * DAY_S + turn, f"a{turn}", sold=False) for turn in range(5))
    assert early.effects == [], "they may be of sales from before anybody listened"


def test_returns_of_what_was_sold_before_anybody_listened_are_no_case() -> None:
    """A season's returns in its first days: 15 a day beside 16 sales."""
    shop = Entity(policy())
    for day in range(10):
        shop.play(sale(day * DAY_S + turn) for turn in range(2))
        shop.play(refund(day * DAY_S + HOUR_S + turn, f"a{day}-{turn}", sold=False) for turn in range(15))
    assert shop.effects == []


def test_text_and_counters_agree_on_what_was_never_sold_when_a_case_is_of_the_first_days() -> None:
    shop = Entity(policy())
    shop.play(refund(turn, f"a{turn}", sold=turn % 2 == 0) for turn in range(100))
    assert "0 without a sale" in shop.cases[0].evidence[0].text
    assert {case.counters["without_sale"] for case in shop.cases} == {0}


def test_as_many_untold_successes_as_a_large_shop_has_are_no_case() -> None:
    """One refund in three days of a payment whose success nobody told, beside 40 sales a day: less than 1 %."""
    shop = Entity(policy())
    for day in range(130):
        shop.play(sale(day * DAY_S + turn) for turn in range(5))
        if day >= 35 and day % 3 == 0:
            shop.play([refund(day * DAY_S + HOUR_S, f"a{day}", sold=False)])
    assert shop.effects == []


def test_honest_refunds_do_not_join_what_was_never_sold() -> None:
    shop = Entity(policy())
    shop.play(days(31, sold=1, back=0))
    shop.play(refund(31 * DAY_S + turn, f"mule-{turn}", sold=False) for turn in range(5))
    shop.play(refund(31 * DAY_S + HOUR_S + turn, f"a{turn}") for turn in range(10))
    shop.wait(50 * DAY_S)
    assert shop.cases[-1].status == "closed"
    assert shop.cases[-1].counters["refunds"] == 5


def test_a_trickle_of_what_was_never_sold_opens_no_case_each_time() -> None:
    """One in eight days: what a case has told of does not open the next one."""
    shop = Entity(policy())
    shop.play(days(40, sold=1, back=0))
    shop.play(refund((40 + 8 * turn) * DAY_S, f"mule-{turn}", sold=False) for turn in range(20))
    assert 1 <= len({case.case_id for case in shop.cases}) <= 3


def test_refunds_and_accounts_are_counted_alike() -> None:
    """What is older counts less in both: there are never more customers than refunds to them."""
    shop = Entity(policy())
    shop.play(days(29, sold=0, back=1))
    shop.play(refund(29 * DAY_S + turn, f"b{turn}") for turn in range(40))
    refunds, accounts = shop.cases[0].counters["refunds"], shop.cases[0].counters["accounts"]
    assert accounts == refunds
    assert f"{refunds} refunds to {accounts} accounts" in shop.cases[0].evidence[0].text


def returns(first: int, number: int, rate: int = 50) -> Iterator[EntityObserved]:
    """Days of a shop of which `rate` of 100 sales come back, all through the day."""
    for day in range(first, first + number):
        for turn in range(4):
            at_s = day * DAY_S + turn * 6 * HOUR_S
            yield sale(at_s)
            yield from (refund(at_s + 600 + 60 * each, f"a{day}-{turn}-{each}") for each in range(rate * 8 // 100))


def closes(shop: Entity, at_s: float, finding: str | None = None) -> list[EntityEffect]:
    case = shop.cases[-1]
    return shop.play(
        [
            CaseActed(
                at_ms=START_MS + int(at_s * 1000), partition=0, sequence=10**9 + int(at_s), kind="merchant",
                value="shop", event_id=f"opr-{at_s}", case_id=case.case_id, action="close",
                expected_version=case.version, actor="ana", role="analyst", text="looked at", finding=finding,
            )
        ]
    )  # fmt: skip


def test_people_close_it_while_refunds_come_and_what_it_told_of_opens_no_other() -> None:
    shop = Entity(policy())
    shop.play(returns(0, 20))
    end_s = 20 * DAY_S - 5 * HOUR_S
    closes(shop, end_s)
    assert (shop.cases[-1].status, shop.cases[-1].resolution_code) == ("closed", "closed_by_a_person")
    told = len(shop.cases)
    shop.play([refund(end_s + HOUR_S + turn, f"b{turn}") for turn in range(19)])
    assert len(shop.cases) == told
    shop.play(returns(20, 60))
    assert shop.cases[-1].case_id != shop.cases[0].case_id, "it goes on, and nobody has said that it is honest"


def test_a_merchant_that_is_found_honest_rests_for_its_time_and_until_it_is_clearly_worse() -> None:
    shop = Entity(policy())
    shop.play(returns(0, 20))
    _, closed = closes(shop, 20 * DAY_S, "false_alarm")
    assert isinstance(closed, CaseVersion)
    assert (closed.status, closed.finding) == ("closed", "false_alarm")
    assert "finding false_alarm" in closed.changed
    told = len(shop.cases)
    shop.play(returns(20, 89))
    assert len(shop.cases) == told, "as it was"
    shop.play(returns(109, 10))
    assert shop.cases[-1].version == 1, "its rest of 90 days is over"


def test_a_merchant_that_rests_is_a_case_when_it_becomes_clearly_worse() -> None:
    shop = Entity(policy())
    shop.play(returns(0, 20))
    closes(shop, 20 * DAY_S, "false_alarm")
    told = len(shop.cases)
    shop.play(returns(20, 10, rate=50))
    assert len(shop.cases) == told
    shop.play(refund(30 * DAY_S + turn, f"c{turn}") for turn in range(600))
    assert len(shop.cases) > told


def test_only_who_closes_an_attack_says_what_it_was() -> None:
    shop = Entity(policy())
    shop.play(returns(0, 20))
    case = shop.cases[-1]
    (refused,) = shop.play(
        [
            CaseActed(
                at_ms=START_MS + 20 * DAY_S * 1000, partition=0, sequence=10**9, kind="merchant", value="shop",
                event_id="opr-1", case_id=case.case_id, action="note", expected_version=case.version, actor="ana",
                role="analyst", text="asked", finding="false_alarm",
            )
        ]
    )  # fmt: skip
    assert isinstance(refused, ActionRejected)
    assert refused.cause == "finding"


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
