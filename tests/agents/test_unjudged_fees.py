"""Is a fee that could not be compared with its tariff counted by the accounts agent, with the reason?"""

from __future__ import annotations

from support.happenings import MINUTE, NOON, SECOND, event
from support.scenes import Scene

from producers.feed import outgoing
from streams.contracts.payments import FeeCharged
from streams.core.obligations import FEES_MAX
from streams.metrics import FEES_UNJUDGED


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
