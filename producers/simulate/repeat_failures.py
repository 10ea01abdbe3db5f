"""A customer tries to pay again and again, and nothing works."""

from __future__ import annotations

from producers.durations import MINUTE_MS
from producers.simulate.stage import Stage


def play(stage: Stage) -> None:
    """`attempts` declined payments by one customer at one merchant within half an hour."""
    day = stage.warm_up()
    person = stage.regular()
    context = stage.home(person)
    at_ms = stage.day(day, 18.0)
    attempts = stage.number("attempts")
    for number in range(attempts):
        fields = stage.movement(person, context, person.mean_minor, person.terminals[0])
        stage.pay(person, context, at_ms + number * 25 * MINUTE_MS // attempts, fields, ("51", "05", "61")[number % 3])
