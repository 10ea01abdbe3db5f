"""Does the accounts agent count what could not be compared: fees with the reason, amounts with the currency?"""

from __future__ import annotations

from support.happenings import MINUTE, NOON, SECOND, event, paid
from support.scenes import Scene

from producers.feed import outgoing
from streams.contracts.payments import FeeCharged, PaymentRequested
from streams.core.obligations import FEES_MAX
from streams.metrics import FEES_UNJUDGED, UNRATED_AMOUNTS


def test_fees_that_nobody_could_judge_are_counted_by_reason() -> None:
    told = {"amount_minor": 999, "tariff_id": "wechat_pay_withdrawal"}
    fees = [{"fee_id": "f", "currency": "XOF", "base_minor": 1}]  # nobody has a rate
    fees += [{"fee_id": f"f{number}", "currency": "CNY", "payment_id": f"p{number}"} for number in range(FEES_MAX + 1)]
    feed = [
        outgoing("payments.transactions", event(FeeCharged, NOON + number * SECOND, number, **told, **fee))
        for number, fee in enumerate(fees)
    ]
    run = Scene(partitions=1, step_ms=MINUTE, responder=False).play(feed, MINUTE)
    counted = {labels: number for (each, labels), number in run.run.counts.items() if each is FEES_UNJUDGED}
    assert counted[("no_rate",)] == 1
    assert counted[("no_base",)] >= 1


def test_amounts_without_a_rate_are_counted_by_currency_and_unlisted_codes_as_one() -> None:
    feed = [
        outgoing("payments.transactions", paid(NOON, number, kind=PaymentRequested, currency=currency))
        for number, currency in enumerate(("SEK", "SEK", "QQX", "QQY", "CNY"))
    ]
    run = Scene(partitions=1, step_ms=MINUTE, responder=False).play(feed, MINUTE)
    counted = {labels: number for (each, labels), number in run.run.counts.items() if each is UNRATED_AMOUNTS}
    assert counted == {("SEK",): 2, ("other",): 2}
