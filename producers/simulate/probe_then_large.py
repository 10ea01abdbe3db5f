"""A payment of a few cents to see whether the card works, then a large one."""

from __future__ import annotations

from producers.durations import MINUTE_MS
from producers.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Half a euro at a terminal that the customer never used, 20 minutes later many times the usual amount there."""
    day = stage.warm_up()
    person = stage.regular()
    context = stage.home(person)._replace(device_id=stage.device(), ip=stage.address())
    strange = stage.strange_terminal(person)
    at_ms = stage.day(day, 1.5)
    stage.pay(person, context, at_ms, stage.movement(person, context, 50, strange))
    large_minor = int(person.mean_minor * stage.parameters["factor"])
    large, large_ms = stage.movement(person, context, large_minor, strange), at_ms + 20 * MINUTE_MS
    if stage.number("honours_holds"):
        stage.ask_to_pay(person, large_ms, large)
    else:
        stage.pay(person, context, large_ms, large)
