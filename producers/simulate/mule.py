"""Other people's money passes through an account that its owner has lent (F31)."""

from __future__ import annotations

from producers.durations import HOUR_MS, MINUTE_MS
from producers.simulate.stage import Stage


def play(stage: Stage) -> None:
    """`payers` people, unknown to each other, send money to a young account; nearly all of it goes on at once."""
    day = stage.warm_up()
    runner = stage.regular()._replace(account_id=f"{stage.tag}-runner")
    phone = stage.home(runner)._replace(device_id=stage.device(), ip=stage.address())
    at_ms = stage.day(day, 10.0)
    stage.login(runner.account_id, phone, at_ms - HOUR_MS)
    total_minor = 0
    for number in range(stage.number("payers")):
        at_ms += stage.rng.randrange(1, 4) * MINUTE_MS
        amount_minor = stage.rng.randrange(20_000, 60_000)
        total_minor += amount_minor
        stage.receive(runner.account_id, at_ms, amount_minor, f"{stage.tag}-payer-{number}")
    stage.transfer(runner, phone, at_ms + 5 * MINUTE_MS, total_minor * 19 // 20, f"{stage.tag}-boss")
