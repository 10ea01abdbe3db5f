"""A promotion was claimed for a payment: who hears of it if it is not granted in time?"""

from __future__ import annotations

from typing import Any

from support.happenings import DAY, HOUR, MINUTE, NOON, event, paid
from support.play import Player, policy

from streams.contracts.base import Event, Watermark
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.payments import PaymentFailed, PaymentRequested, PaymentSucceeded, PromoClaimed, PromoGranted
from streams.core.steps import Effect


def claim(at_ms: int, number: int = 9, **more: Any) -> Event:
    about = {"promo_id": "cashback", "payment_id": "p1", "amount_minor": 500, "currency": "CNY"}
    return event(PromoClaimed, at_ms, number, **about | more)


def granted(at_ms: int, **more: Any) -> Event:
    return event(PromoGranted, at_ms, 10, **{"promo_id": "cashback", "payment_id": "p1"} | more)


def player(kind: type[Event] = PaymentSucceeded) -> Player:
    found = Player(policy())
    found.see(paid(NOON, 1, kind=PaymentRequested, payment_id="p1"))
    found.see(paid(NOON + MINUTE, 2, kind=kind, payment_id="p1"))
    return found


def later(person: Player, at_ms: int) -> list[Effect]:
    """Time passes, and the feeds are heard meanwhile."""
    return [*person.see(event(Watermark, at_ms, at_ms, account_id="-")), *person.pass_until(at_ms)]


def cases(effects: list[Effect]) -> list[CaseVersion]:
    return [each for each in effects if isinstance(each, CaseVersion) and each.flow == "F32"]


def test_a_claim_for_a_good_payment_that_is_not_granted_is_a_case_to_grant_it() -> None:
    person = player()
    assert cases(person.see(claim(NOON + HOUR))) == []
    told = later(person, NOON + 5 * DAY)
    case = cases(told)[0]
    assert (case.queue, case.priority, case.amount_minor, case.entities.payment_id) == ("policy", "P4", 500, "p1")
    assert "promo_issue" in [each.template for each in told if isinstance(each, NotificationRequested)]
    told = person.see(granted(NOON + 5 * DAY))
    assert (cases(told)[-1].status, cases(told)[-1].resolution_code) == ("resolved", "granted")
    assert "promo_issue.done" in [each.template for each in told if isinstance(each, NotificationRequested)]


def test_what_was_granted_before_or_after_its_claim_is_nobody_s_case() -> None:
    for first, second in ((claim, granted), (granted, claim)):
        person = player()
        person.see(first(NOON + HOUR))
        person.see(second(NOON + 2 * HOUR))
        assert cases(later(person, NOON + 9 * DAY)) == []


def test_a_grant_without_a_payment_ends_the_claim_of_its_promotion_alone() -> None:
    person = player()
    person.see(claim(NOON + HOUR))
    person.see(claim(NOON + HOUR, 11, promo_id="points"))
    person.see(granted(NOON + 2 * HOUR, payment_id=None))
    assert "points" in cases(later(person, NOON + 9 * DAY))[0].evidence[0].text


def test_a_claim_for_a_payment_that_failed_or_that_nobody_knows_or_for_none_qualifies_for_nothing() -> None:
    refused = player(PaymentFailed)
    refused.see(claim(NOON + HOUR))
    assert cases(later(refused, NOON + 9 * DAY)) == []
    other = player()
    other.see(claim(NOON + HOUR, payment_id="p-unknown"))
    other.see(claim(NOON + HOUR, 12, payment_id=None))
    assert cases(later(other, NOON + 9 * DAY)) == []


def test_of_many_claims_few_are_waited_for() -> None:
    person = player()
    for number in range(50):
        person.see(claim(NOON + HOUR + number, 100 + number, promo_id=f"promo-{number}"))
    assert len(person.obligations["a1"].expectations) <= 4
