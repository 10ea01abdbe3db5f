from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import RefundCancelled, RefundIntended
from streams.contracts.base import Event, Watermark, from_ms
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import (
    PaymentFailed,
    PaymentSucceeded,
    PspStatus,
    RefundApproved,
    RefundCredited,
    RefundFailed,
    RefundSent,
)
from streams.core.cases.timeline import kind_of
from streams.core.steps import Effect

CNY = {"currency": "CNY", "method": "wallet_balance"}


def bought(amount_minor: int = 10_000) -> Event:
    return paid(NOON, 1, amount_minor, kind=PaymentSucceeded, merchant_id="m1", **CNY)


def refund(number: int, amount_minor: int, kind: Any = RefundApproved, **more: Any) -> Event:
    about = {"payment_id": "p1", "refund_id": f"r{number}"} | CNY | more
    at_ms = NOON + HOUR + number * SECOND + (kind is RefundSent) * MINUTE
    return paid(at_ms, f"{number}{kind.__name__}", amount_minor, kind=kind, **about)


def told(*happenings: Event) -> list[Effect]:
    player = Player(policy("[money]\nrefund_promise = '90d'\n[money.refund]\nother='90d'\nbalance='90d'\n"))
    return [effect for happening in happenings for effect in player.see(happening)]


def cases(effects: list[Effect]) -> list[CaseVersion]:
    return [each for each in effects if isinstance(each, CaseVersion) and each.case_type == "refund_exceeds_payment"]


def booked(number: int, amount_minor: int, direction: str = "credit", at_ms: int = NOON + 2 * HOUR) -> Event:
    line = {"entry_id": f"l{number}", "direction": direction, "amount_minor": amount_minor, "currency": "CNY"}
    return event(LedgerPosted, at_ms, f"l{number}", payment_id="p1", **line)


@given(
    amounts=st.lists(st.integers(1, 9_000), min_size=1, max_size=6),
    kinds=st.sampled_from([(RefundApproved, RefundSent), (RefundSent, RefundCredited), (RefundCredited,)]),
)
def test_refunds_are_stopped_exactly_when_together_they_exceed_the_payment(
    amounts: list[int], kinds: tuple[Any, ...]
) -> None:
    """However many there are, however often each of them is told, and whatever is refunded of other payments."""
    steps = [refund(n, amount, kind) for n, amount in enumerate(amounts) for kind in kinds]
    others = [refund(n, 10_000, refund_id=f"o{n}", payment_id=f"o{n}") for n in range(10, 15)]
    found = cases(told(bought(), *sorted([*steps, *others], key=lambda each: each.occurred_at)))
    assert bool(found) == (sum(amounts) > 10_000)
    assert not found or found[-1].queue == "security"


def test_however_it_is_told_a_refund_counts_once() -> None:
    """By its events and the ledger's credit, in every order: half of the payment can be given back once more."""
    half = [refund(1, 5_000, kind) for kind in (RefundApproved, RefundSent, RefundCredited)]
    for order in permutations([booked(0, 10_000, "debit", NOON), *half, booked(1, 5_000, at_ms=NOON + HOUR)]):
        rest, more = refund(3_700, 5_000), refund(3_800, 1)
        before, after = told(bought(), *order, rest), told(bought(), *order, rest, more)
        assert cases(before) == [], [kind_of(each) for each in order]
        assert cases(after) != [], [kind_of(each) for each in order]


def test_what_the_bank_has_given_back_is_not_refunded_as_well() -> None:
    """A chargeback; its refund is refused, and nobody hears that a merchant breaks a promise."""
    player = Player(policy())
    debit, chargeback, refunded = booked(0, 10_000, "debit", NOON), booked(1, 10_000), refund(86_400, 10_000)
    effects = [effect for each in (bought(), debit, chargeback, refunded) for effect in player.see(each)]
    assert [each.refund_id for each in effects if isinstance(each, RefundCancelled)] == ["r86400"]
    effects = player.see(Watermark(event_id="w", source="t", occurred_at=from_ms(NOON + 40 * DAY), account_id="-"))
    assert not any(isinstance(each, CaseVersion) and each.case_type == "refund_dispute" for each in effects)


def test_a_merchant_who_gives_a_second_debit_back_may_refund_the_payment_as_well() -> None:
    twice = [booked(0, 10_000, "debit", NOON), bought(), booked(1, 10_000, "debit", NOON + SECOND)]
    approved, sent, arrived = (refund(1, 10_000, kind) for kind in (RefundApproved, RefundSent, RefundCredited))
    for order in permutations([sent, arrived, booked(2, 10_000, at_ms=NOON + HOUR)]):
        assert cases(told(*twice, approved, *order, refund(3_700, 10_000))) == [], [kind_of(each) for each in order]


def test_one_that_has_not_left_is_cancelled_and_its_end_ends_the_case() -> None:
    effects = told(bought(), refund(1, 8_000), refund(2, 5_000), refund(3, 5_000, RefundFailed, refund_id="r2"))
    assert [each.refund_id for each in effects if isinstance(each, RefundCancelled)] == ["r2"]
    assert [case.status for case in cases(effects)][-1] == "resolved"


def test_one_that_has_left_is_for_security() -> None:
    effects = told(bought(), refund(1, 8_000), refund(2, 5_000, RefundSent))
    assert not any(isinstance(each, RefundCancelled) for each in effects)
    assert cases(effects)[-1].status == "classified"


def test_a_payment_of_which_nothing_is_known_is_left_alone() -> None:
    dollars = {"currency": "USD"}
    assert cases(told(bought(), refund(1, 8_000, **dollars), refund(2, 5_000, **dollars))) == []
    assert cases(told(refund(1, 8_000))) == []


ORDER = {"order_id": "o1", "order_amount_minor": 30_000, "merchant_id": "m1"}


def part_of_order(number: int, amount_minor: int) -> list[Event]:
    about = {"payment_id": f"p{number}"} | CNY
    line = {"entry_id": f"o{number}", "direction": "debit", "amount_minor": amount_minor, "currency": "CNY"}
    at_ms = NOON + number * MINUTE
    return [
        event(LedgerPosted, at_ms, f"o{number}", payment_id=f"p{number}", **line),
        paid(at_ms + SECOND, number, amount_minor, kind=PaymentSucceeded, **about | ORDER),
    ]


@pytest.mark.parametrize("also_other", [False, True])
@pytest.mark.parametrize("more", [{}, ORDER], ids=["refund names no order", "refund names the order"])
def test_what_an_order_costs_is_no_limit_of_one_of_its_payments(more: dict[str, Any], also_other: bool) -> None:
    parts = [*part_of_order(1, 10_000), *(part_of_order(2, 20_000) if also_other else [])]
    assert cases(told(*parts, refund(1, 10_000, **more))) == []
    effects = told(*parts, refund(1, 10_000, **more), refund(2, 10_000, **more))
    assert [each.refund_id for each in effects if isinstance(each, RefundCancelled)] == ["r2"]


def test_what_was_debited_above_a_payment_that_is_its_order_and_is_back_is_no_part_of_it() -> None:
    order = ORDER | {"order_amount_minor": 10_000}
    about = {"payment_id": "p1"} | CNY
    over = [
        booked(1, 11_000, "debit", NOON),
        paid(NOON + SECOND, 1, 10_000, kind=PaymentSucceeded, **CNY | order),
        event(Watermark, NOON + 90 * SECOND, "w", account_id="-"),
        paid(NOON + 2 * MINUTE, 2, 10_000, kind=PspStatus, status="succeeded", **about),
    ]
    (intent,) = [each for each in told(*over) if isinstance(each, RefundIntended)]
    ours = [
        paid(NOON + at, at, 1_000, kind=kind, refund_id=intent.refund_id, **about)
        for at, kind in ((3 * MINUTE, RefundSent), (5 * MINUTE, RefundCredited))
    ]
    line = {"entry_id": "back", "direction": "credit", "amount_minor": 1_000, "currency": "CNY"}
    back = event(LedgerPosted, NOON + 4 * MINUTE, "back", reference=intent.refund_id, payment_id="p1", **line)
    over += [ours[0], back, ours[1]]
    assert cases(told(*over, refund(1, 10_000))) == []
    effects = told(*over, refund(1, 11_000))
    assert [each.refund_id for each in effects if isinstance(each, RefundCancelled)] == ["r1"]


def test_what_an_order_costs_is_the_limit_of_a_payment_that_nobody_remembers() -> None:
    costs = {"order_amount_minor": 12_000}
    assert cases(told(refund(1, 8_000, **costs), refund(2, 4_000, **costs))) == []
    assert cases(told(refund(1, 8_000, **costs), refund(2, 5_000, **costs))) != []


def test_no_refund_of_ours_leaves_while_the_case_is_open() -> None:
    line = {"entry_id": "l1", "direction": "debit", "amount_minor": 100, "currency": "CNY", "payment_id": "p2"}
    about = {"payment_id": "p2"} | CNY
    effects = told(
        bought(),
        refund(1, 8_000),
        refund(2, 5_000, RefundSent),
        paid(NOON + 2 * HOUR, 2, 100, kind=PaymentFailed, **about),
        event(LedgerPosted, NOON + 2 * HOUR, 1, **line),
        paid(NOON + 3 * HOUR, 3, 100, kind=PspStatus, status="failed", **about),
    )
    assert not any(isinstance(each, RefundIntended) for each in effects)
