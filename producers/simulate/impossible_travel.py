"""The same account is at home and, minutes later, on the other side of the world."""

from __future__ import annotations

from producers.durations import MINUTE_MS
from producers.simulate.stage import Context, Stage


def play(stage: Stage) -> None:
    """A login at home, 25 minutes later one from Sydney on a new device, then a payment there."""
    day = stage.warm_up()
    person = stage.regular()
    at_ms = stage.day(day, 9.0)
    stage.login(person.account_id, stage.home(person), at_ms)
    far = Context(stage.device(), stage.address(), "AU", -33.87, 151.21)
    stage.login(person.account_id, far, at_ms + 25 * MINUTE_MS)
    fields = stage.movement(person, far, 3 * person.mean_minor, person.terminals[0])
    stage.pay(person, far, at_ms + 30 * MINUTE_MS, fields)
