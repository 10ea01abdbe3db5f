"""An account with more promises or debits than it can follow: people get them, and nobody is told what is not so."""

from __future__ import annotations

from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.payments import (
    PaymentRequested,
    PaymentSucceeded,
    RefundApproved,
    RefundCredited,
    TopupCredited,
    TopupRequested,
)
from streams.core.obligations import EXPECTATIONS_BYTES, EXPECTATIONS_MAX, crowded
from streams.core.steps import Effect

CNY = {"currency": "CNY", "amount_minor": 10_000}


def mark(at_ms: int) -> Event:
    return event(Watermark, at_ms, at_ms, account_id="-")


def approved(number: int) -> Event:
    ids = {"payment_id": f"p{number}", "refund_id": f"r{number}"}
    return paid(NOON + number * SECOND, f"a{number}", kind=RefundApproved, method="card", **ids, **CNY)


def see(player: Player, *happenings: Event) -> list[Effect]:
    return [effect for happening in happenings for effect in player.see(happening)]


def cases(effects: list[Effect]) -> list[tuple[str, str | None, str]]:
    return [(each.flow, each.entities.payment_id, each.status) for each in effects if isinstance(each, CaseVersion)]


def said(effects: list[Effect]) -> list[str]:
    return [each.template for each in effects if isinstance(each, NotificationRequested)]


def test_a_paid_order_among_refunds_is_no_broken_promise() -> None:
    player = Player(policy())
    effects = see(player, *(approved(number) for number in range(3)))
    order = {"payment_id": "paid", "order_id": "o1", "order_amount_minor": 10_000, "method": "wallet_balance"} | CNY
    line = {"entry_id": "l1", "direction": "debit", "payment_id": "paid"} | CNY
    effects += see(
        player,
        paid(NOON + 10 * SECOND, "q", kind=PaymentRequested, **order),
        event(LedgerPosted, NOON + 11 * SECOND, "l1", **line),
        paid(NOON + 12 * SECOND, "s", kind=PaymentSucceeded, **order),
        *(approved(number) for number in range(13, 33)),
        mark(NOON + HOUR),
    )
    assert "paid" not in {payment_id for _, payment_id, _ in cases(effects)}
    assert said(effects) == []


def test_a_topup_among_refunds_keeps_its_own_rule_and_its_own_time() -> None:
    player = Player(policy())
    topup = {"payment_id": "t1", "method": "bank_transfer"} | CNY
    effects = see(player, paid(NOON, "t", kind=TopupRequested, **topup), *(approved(number) for number in range(1, 30)))
    assert said(effects) == []
    assert "t1" not in {payment_id for _, payment_id, _ in cases(effects)}
    assert "t1" not in {payment_id for _, payment_id, _ in cases(see(player, mark(NOON + 2 * HOUR - 1)))}
    assert ("F13", "t1", "classified") in cases(see(player, mark(NOON + 2 * HOUR)))


def test_four_refunds_and_a_topup_are_all_followed() -> None:
    player = Player(policy())
    topup = {"payment_id": "t1", "method": "bank_transfer"} | CNY
    effects = see(player, paid(NOON, "t", kind=TopupRequested, **topup), *(approved(number) for number in range(1, 6)))
    effects += see(player, paid(NOON + MINUTE, "c", kind=TopupCredited, **topup), mark(NOON + DAY))
    assert (cases(effects), said(effects)) == ([], [])


def test_what_is_one_too_many_is_peoples_in_silence_until_it_arrives() -> None:
    player = Player(policy())
    effects = see(player, *(approved(number) for number in range(10)))
    assert not crowded(player.obligations["a1"].expectations, EXPECTATIONS_MAX, EXPECTATIONS_BYTES)
    opened = {flow for flow, _, _ in cases(effects)}
    assert opened == {"F15"}, "the longest term goes first, and that is the card's"
    assert said(effects) == []
    (case, *_) = [each for each in effects if isinstance(each, CaseVersion)]
    assert (case.priority, case.queue, case.messages) == ("P3", "accounting", ())
    assert "one promise too many to follow" in case.evidence[0].text
    ids = {"payment_id": case.entities.payment_id, "refund_id": f"r{case.entities.payment_id[1:]}"}
    effects = see(player, paid(NOON + HOUR, "c", kind=RefundCredited, method="card", **ids, **CNY))
    assert cases(effects)[-1] == ("F15", case.entities.payment_id, "resolved")
    assert said(effects) == []


def test_a_debit_that_makes_room_is_told_to_people_and_not_to_the_customer() -> None:
    """Seven debits by card within seconds: the grace is thirty minutes for the first one as well."""
    player = Player(policy())
    effects: list[Effect] = []
    for number in range(8):
        at_ms, about = NOON + number * SECOND, {"payment_id": f"p{number}", "amount_minor": 1_000 + number}
        effects += see(
            player,
            paid(at_ms, f"q{number}", kind=PaymentRequested, method="card", currency="CNY", **about),
            event(LedgerPosted, at_ms, f"l{number}", entry_id=f"l{number}", direction="debit", currency="CNY", **about),
        )
    assert [(flow, payment_id) for flow, payment_id, _ in cases(effects)] == [("F10", "p0"), ("F10", "p1")]
    assert "debited_not_confirmed" not in said(effects)
    succeeded = {"payment_id": "p0", "amount_minor": 1_000, "currency": "CNY", "method": "card"}
    effects = see(player, paid(NOON + MINUTE, "s", kind=PaymentSucceeded, **succeeded))
    assert cases(effects) == [("F10", "p0", "withdrawn")]
    assert said(effects) == []
