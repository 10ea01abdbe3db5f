"""The channel has the money and the wallet does not show it."""

from __future__ import annotations

from producers.durations import MINUTE_MS, SECOND_MS
from producers.simulate.stage import GOES_WELL, Stage
from streams.contracts.payments import TopupConfirmed, TopupCredited, TopupRequested


def play(stage: Stage) -> None:
    """Three customers load their wallet: one is credited at once, one after two hours, one never."""
    day = stage.warm_up()
    at_ms = stage.day(day, 13.0)
    for number, after_ms in enumerate((20 * SECOND_MS, 120 * MINUTE_MS, None)):
        person = stage.regular(number)
        fields = stage.movement(person, stage.home(person), 5 * person.mean_minor, person.terminals[0])
        fields["method"] = "quick_pay"
        fields["payment_id"] += GOES_WELL  # the channel has the money
        account_id = person.account_id
        for kind, delay_ms in ((TopupRequested, 0), (TopupConfirmed, 8 * SECOND_MS), (TopupCredited, after_ms)):
            if delay_ms is not None:
                stage.say("payments.transactions", kind(**stage.envelope(account_id, at_ms + delay_ms), **fields))
    stage.goes_on(at_ms, at_ms + 150 * MINUTE_MS)
