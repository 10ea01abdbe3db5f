"""When do a customer's refunds look like abuse, and who hears of it?"""

from __future__ import annotations

from typing import Any

from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts.accounts import CaseAction, LedgerPosted
from streams.contracts.actions import RefundIntended
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.payments import (
    PaymentFailed,
    PaymentSucceeded,
    PspStatus,
    RefundApproved,
    RefundFailed,
    RefundRequested,
    RefundSent,
)
from streams.core.steps import Effect

CNY = {"currency": "CNY", "merchant_id": "m1"}
CARD = {"card_token": "card-1"}


def bought(number: int, at_ms: int = NOON, **more: Any) -> Event:
    return paid(at_ms + number * MINUTE, number, 10_000, kind=PaymentSucceeded, **CNY | CARD | more)


def refund(number: int, at_ms: int = NOON + DAY, kind: Any = RefundRequested, **more: Any) -> Event:
    about = {"payment_id": f"p{number}", "refund_id": f"r{number}"} | CNY | more
    return paid(at_ms + number * MINUTE, f"{kind.__name__}-{number}-{at_ms}", 10_000, kind=kind, **about)


def told(*happenings: Event, player: Player | None = None) -> list[Effect]:
    player = player or Player(policy())
    return [effect for each in happenings for effect in player.see(each)]


def cases(effects: list[Effect]) -> list[CaseVersion]:
    return [each for each in effects if isinstance(each, CaseVersion) and each.case_type == "refund_abuse"]


def test_whoever_gives_most_of_it_back_is_looked_at_by_security() -> None:
    effects = told(*(bought(n) for n in range(8)), *(refund(n) for n in range(4)))
    case = cases(effects)[-1]
    assert (case.queue, case.priority, case.case_type, case.status) == ("security", "P3", "refund_abuse", "classified")
    assert case.evidence[0].text == "refunds of 4 out of 8 payments; 0 to another card; 0 without a sale"
    assert [each.template for each in effects if isinstance(each, NotificationRequested)].count("refund_checked") == 1


def test_a_few_refunds_among_many_purchases_are_nobody_s_business() -> None:
    assert cases(told(*(bought(n) for n in range(3)), *(refund(n) for n in range(3)))) == []
    assert cases(told(*(bought(n) for n in range(40)), *(refund(n) for n in range(9)))) == []


def test_refunds_of_long_ago_do_not_add_up() -> None:
    early = [step for n in range(3) for step in (bought(n), refund(n))]
    assert cases(told(*early, bought(5, NOON + 39 * DAY), refund(5, NOON + 40 * DAY))) == []


def test_however_often_a_refund_is_told_it_is_one_and_one_that_came_back_is_none() -> None:
    steps = [refund(1, NOON + DAY + n * SECOND, kind) for n, kind in enumerate((RefundRequested, RefundApproved))]
    steps += [refund(1, NOON + DAY + n * HOUR, RefundSent) for n in range(4)]
    assert cases(told(bought(1), *steps, refund(2, NOON + 2 * DAY, RefundFailed))) == []


def test_money_that_goes_to_another_card_than_the_one_that_paid_is_looked_at() -> None:
    effects = told(bought(1), refund(1, kind=RefundApproved, card_token="card-2"))
    assert "1 to another card" in cases(effects)[-1].evidence[0].text
    assert cases(told(bought(1), refund(1, kind=RefundApproved, **CARD))) == []
    assert cases(told(bought(1, card_token=None), refund(1, kind=RefundApproved, card_token="card-2"))) == []


def test_the_card_is_noticed_whichever_step_of_the_refund_names_it() -> None:
    effects = told(bought(1), refund(1), refund(1, NOON + DAY + HOUR, RefundSent, card_token="card-2"))
    assert len(cases(effects)) == 1


def test_refunds_of_what_nobody_sold_are_looked_at() -> None:
    unsold = [refund(n, kind=RefundApproved) for n in range(10, 13)]
    sold = [bought(n) for n in range(3)]
    assert cases(told(*sold, *unsold[:2])) == []
    assert "3 without a sale" in cases(told(*sold, *unsold))[-1].evidence[0].text


def test_whoever_has_bought_next_to_nothing_here_has_bought_before_anybody_listened() -> None:
    unsold = [refund(n, kind=RefundApproved) for n in range(10, 13)]
    assert cases(told(bought(1), *unsold)) == []


def test_a_refused_payment_is_no_sale_and_a_debit_is_one() -> None:
    refused = [paid(NOON, n, kind=PaymentFailed, **CNY) for n in range(3)]
    assert (
        len(
            cases(
                told(*(bought(n) for n in range(10, 13)), *refused, *(refund(n, kind=RefundApproved) for n in range(3)))
            )
        )
        == 1
    )
    lines = [
        event(
            LedgerPosted,
            NOON,
            n,
            entry_id=f"l{n}",
            direction="debit",
            amount_minor=10_000,
            currency="CNY",
            payment_id=f"p{n}",
        )
        for n in range(3)
    ]
    assert (
        cases(told(*(bought(n) for n in range(10, 23)), *lines, *(refund(n, kind=RefundApproved) for n in range(3))))
        == []
    )


def test_where_payments_have_been_forgotten_none_counts_as_never_sold() -> None:
    many = [bought(n) for n in range(100, 170)]
    assert cases(told(*many, *(refund(n, NOON + 2 * DAY, RefundApproved) for n in range(4)))) == []


def test_what_comes_after_the_case_was_opened_is_added_to_it() -> None:
    versions = cases(told(*(bought(n) for n in range(8)), *(refund(n, kind=RefundApproved) for n in range(6))))
    assert len({each.case_id for each in versions}) == 1
    assert "refunds of 6 out of 8 payments" in versions[-1].evidence[0].text


def test_what_an_analyst_has_ended_does_not_count_again() -> None:
    player = Player(policy())
    suspected = [*(bought(n) for n in range(8)), *(refund(n, kind=RefundApproved) for n in range(4))]
    case = cases(told(*suspected, player=player))[-1]
    about = {"case_id": case.case_id, "expected_version": case.version, "actor": "ann", "role": "analyst"}
    told(event(CaseAction, NOON + 2 * DAY, 1, action="resolve", **about), player=player)
    assert cases(told(refund(5, NOON + 3 * DAY), player=player)) == []


def test_while_it_is_looked_at_nothing_is_given_back_without_a_person() -> None:
    """A failed debit that would go back by itself waits for accounting."""
    debit = {"entry_id": "l9", "direction": "debit", "amount_minor": 10_000, "currency": "CNY", "payment_id": "p9"}
    failing = [
        event(LedgerPosted, NOON + 2 * DAY, "l9", **debit),
        paid(NOON + 2 * DAY + SECOND, 9, 10_000, kind=PaymentFailed, **CNY),
        event(Watermark, NOON + 2 * DAY + HOUR, "w", account_id="-"),
        paid(
            NOON + 2 * DAY + HOUR + SECOND, "9-status", 10_000, kind=PspStatus, payment_id="p9", status="failed", **CNY
        ),
    ]
    suspected = [*(bought(n) for n in range(8)), *(refund(n, kind=RefundApproved) for n in range(4))]
    assert any(isinstance(each, RefundIntended) for each in told(bought(1), *failing))
    effects = told(*suspected, *failing)
    assert not any(isinstance(each, RefundIntended) for each in effects)
    lines = [line.text for each in effects if isinstance(each, CaseVersion) for line in each.evidence]
    assert "for a person: suspected_abuse" in lines
