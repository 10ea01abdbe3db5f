"""The codes that one SMS provider sends do not come for a while."""

from __future__ import annotations

from itertools import cycle
from typing import Final

from producers.durations import MINUTE_MS, SECOND_MS
from producers.simulate.rush_hour import goes_wrong
from producers.simulate.stage import Stage

PROVIDERS: Final = ("sms-1", "sms-2")
BROKEN: Final = PROVIDERS[0]
_SLIPS: Final = 0.04  # share of codes that come too late or are forgotten on an ordinary day


def play(stage: Stage) -> None:
    """At noon many customers log in at home and are asked for a code; between the two marks one provider's expire."""
    rng = stage.rng
    began_ms = stage.day(stage.warm_up(), 12.0)
    customers = list(stage.people)
    rng.shuffle(customers)
    turns = cycle(customers)
    for minute in range(stage.number("minutes")):
        for _ in range(stage.number("per_minute")):
            person, provider = next(turns), rng.choice(PROVIDERS)
            at_ms = began_ms + minute * MINUTE_MS + rng.randrange(60) * SECOND_MS
            home = stage.home(person)
            stage.login(person.account_id, home, at_ms)
            stage.ask_code(person.account_id, home, at_ms + 2 * SECOND_MS, provider)
            is_lost = provider == BROKEN and goes_wrong(stage, minute)
            if is_lost or rng.random() < _SLIPS:
                stage.lose_code(person.account_id, home, at_ms + 62 * SECOND_MS, provider)
            else:
                stage.give_code(person.account_id, home, at_ms + 20 * SECOND_MS, provider)
