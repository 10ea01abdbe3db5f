"""Are refunds and sales of one merchant, to customers of every partition, one case of the merchant?"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from support.entities import START_MS
from support.scenes import Scene, enforcing

from producers.feed import outgoing
from streams.contracts.base import from_ms
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import Movement, PaymentFailed, PaymentSucceeded, RefundSent

MINUTE_MS = 60_000
DAY_MS = 86_400_000


def event(kind: type[Movement], customer: str, at_ms: int, shop: str, **fields: object) -> Movement:
    told = {
        "event_id": f"{kind.__name__}-{customer}-{at_ms}",
        "source": "test",
        "occurred_at": from_ms(START_MS + at_ms),
        "account_id": customer,
        "payment_id": f"pay-{customer}",
        "amount_minor": 5_000,
        "currency": "EUR",
        "method": "wallet_balance",
        "merchant_id": shop,
    }
    return msgspec.convert(told | fields, kind)


def shop_of(name: str, customers: int, *, refunded: int, begins_ms: int = 0) -> Iterator[Movement]:
    """A customer a minute pays; the first of them have their money back within the hour."""
    for number in range(customers):
        at_ms = begins_ms + number * MINUTE_MS
        yield event(PaymentSucceeded, f"{name}-{number}", at_ms, name)
        if number < refunded:
            yield event(RefundSent, f"{name}-{number}", at_ms + 30 * MINUTE_MS, name, refund_id=f"r-{name}-{number}")


def cases_of_merchants(events: list[Movement]) -> list[CaseVersion]:
    scene = Scene(enforcing(), partitions=3, step_ms=10 * MINUTE_MS, responder=False)
    ordered = sorted(events, key=lambda each: each.occurred_at)
    scene.play((outgoing("payments.transactions", each) for each in ordered), 0)
    return [each for each in scene.told() if isinstance(each, CaseVersion) and each.owner == "entity"]


def test_a_merchant_that_gives_back_what_it_sells_is_one_case_and_others_are_none() -> None:
    told = cases_of_merchants([*shop_of("back", 60, refunded=60), *shop_of("usual", 300, refunded=22)])
    assert {(each.subject, each.flow, each.case_type) for each in told} == {("merchant/back", "F33", "refund_abuse")}
    assert len({each.case_id for each in told}) == 1
    assert told[-1].counters["refunds"] >= 30


def test_refunds_told_twice_or_in_several_words_count_once() -> None:
    twice = [
        each
        for sold in shop_of("shop", 15, refunded=15)
        for each in ((sold, msgspec.structs.replace(sold, event_id=f"again-{sold.event_id}")))
    ]
    assert cases_of_merchants(twice) == []


def test_refunds_of_payments_that_failed_are_a_case_of_a_merchant_that_is_known() -> None:
    known = shop_of("shop", 400, refunded=2)
    later_ms = 31 * DAY_MS
    mules = [
        each
        for number in range(5)
        for each in (
            event(PaymentFailed, f"mule-{number}", later_ms + number * MINUTE_MS, "shop", failure_code="declined"),
            event(RefundSent, f"mule-{number}", later_ms + (30 + number) * MINUTE_MS, "shop", refund_id=f"r{number}"),
        )
    ]
    (case,) = cases_of_merchants([*known, *mules])
    assert (case.subject, case.counters["without_sale"]) == ("merchant/shop", 5)
