"""An account that has been silent for months pays far more than ever before."""

from __future__ import annotations

from producers.durations import MINUTE_MS
from producers.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Ordinary days, `silent_days` without a sign of life, then one payment of `factor` times the usual amount."""
    day = stage.warm_up()
    person = stage.regular()
    context = stage.home(person)
    at_ms = stage.day(day + stage.number("silent_days"), 11.0)
    stage.login(person.account_id, context, at_ms)
    large_minor = int(person.mean_minor * stage.parameters["factor"])
    strange = stage.strange_terminal(person)
    stage.pay(person, context, at_ms + 2 * MINUTE_MS, stage.movement(person, context, large_minor, strange))
