"""Does one debit too many go back once, where the ledger's currency is not the payment's?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import HOUR, MINUTE, NOON, SECOND, event
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import RefundIntended
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import PaymentFailed, PaymentRequested, PaymentSucceeded, RefundSent

PRICE = {"payment_id": "p1", "amount_minor": 1_000, "currency": "USD", "method": "card"}
DEBITED = {"payment_id": "p1", "amount_minor": 7_150, "currency": "CNY", "direction": "debit"}


@pytest.mark.parametrize("second_ms", [30 * SECOND, MINUTE, HOUR])
@pytest.mark.parametrize("ordered", [{}, {"order_id": "o1", "order_amount_minor": 1_000}])
def test_a_second_debit_goes_back_in_its_own_currency_and_not_once_more_in_that_of_the_price(
    second_ms: int, ordered: dict[str, Any]
) -> None:
    """A card's refund takes days: as long as it is under way nothing else is too much."""
    player, intents, cases = Player(policy()), list[RefundIntended](), dict[str, CaseVersion]()

    def hear(happening: Event) -> None:
        for effect in player.see(happening):
            match effect:
                case RefundIntended():
                    intents.append(effect)
                case CaseVersion():
                    cases[effect.case_id] = effect
                case _:
                    pass

    hear(event(PaymentRequested, NOON, "asked", **PRICE, **ordered))
    hear(event(LedgerPosted, NOON + SECOND, "first", entry_id="l1", **DEBITED))
    hear(event(PaymentSucceeded, NOON + 2 * SECOND, "good", **PRICE, **ordered))
    hear(event(LedgerPosted, NOON + second_ms, "second", entry_id="l2", **DEBITED))
    for minutes in range(1, 5):
        hear(event(Watermark, NOON + second_ms + minutes * MINUTE, f"w{minutes}", account_id="-"))
    (refund,) = intents
    assert (refund.amount_minor, refund.currency) == (7_150, "CNY")
    about = {"payment_id": "p1", "amount_minor": 7_150, "currency": "CNY", "refund_id": refund.refund_id}
    at_ms = NOON + second_ms + 6 * MINUTE
    hear(event(RefundSent, at_ms, "sent", method="card", **about))
    hear(event(LedgerPosted, at_ms + HOUR, "back", entry_id="l3", **DEBITED | {"direction": "credit"}))
    hear(event(Watermark, at_ms + 4 * HOUR, "end", account_id="-"))
    assert [(case.cause_family, case.status) for case in cases.values()] == [("duplicate_charge", "resolved")]


@pytest.mark.parametrize(("back_minor", "families"), [(7_130, []), (6_500, ["debited_not_confirmed"])])
def test_what_comes_back_at_the_rate_of_another_day_is_back(back_minor: int, families: list[str]) -> None:
    """As much as `money.fx_tolerance` allows; no customer is told of a payment of CNY 0.20."""
    player, found = Player(policy()), list[str]()
    failed = event(PaymentFailed, NOON + 2 * SECOND, "failed", **PRICE)
    line = DEBITED | {"direction": "credit", "amount_minor": back_minor}
    for happening in (
        event(PaymentRequested, NOON, "asked", **PRICE),
        event(LedgerPosted, NOON + SECOND, "first", entry_id="l1", **DEBITED),
        failed,
        event(LedgerPosted, NOON + 2 * MINUTE, "back", entry_id="l2", **line),
        *(event(Watermark, NOON + each * HOUR, f"w{each}", account_id="-") for each in range(1, 4)),
    ):
        found += [each.cause_family for each in player.see(happening) if isinstance(each, CaseVersion)]
    assert sorted(set(found)) == families
