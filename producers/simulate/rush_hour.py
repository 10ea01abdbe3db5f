"""A rush hour: many customers pay once each, and the story says how each payment ends."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any, Final

from producers.durations import MINUTE_MS, SECOND_MS
from producers.simulate.stage import LOGS_IN, Context, Person, Stage
from streams.contracts.payments import Code, PaymentPending, PaymentRequested

LOST: Final = "lost"  # the provider has no answer after 30 seconds, and says so
SILENT: Final = "silent"  # nothing comes at all
_ORDINARY_DECLINES: Final = 0.03
_EMPTY: Final = "51"

# What a story makes of a payment in a minute of the hour: an ISO 8583 code, LOST, SILENT, or None for ordinary life.
Fate = Callable[[dict[str, Any], int], str | None]


def rush(stage: Stage, day: int, hour: float, fate: Fate, per_minute: int | None = None) -> None:
    """`minutes` of `per_minute` payments on `day` from `hour` on; `fate` may also dress the fields of a payment."""
    rng = stage.rng
    began_ms = stage.day(day, hour)
    customers = list(stage.people)
    rng.shuffle(customers)
    turns = cycle(customers)  # so that nobody pays twice within minutes
    for minute in range(stage.number("minutes")):
        for _ in range(stage.number("per_minute") if per_minute is None else per_minute):
            at_ms = began_ms + minute * MINUTE_MS + rng.randrange(60) * SECOND_MS
            person = next(turns)
            context = stage.home(person)
            if rng.random() < LOGS_IN:
                stage.login(person.account_id, context, at_ms - 10 * SECOND_MS)
            amount_minor = rng.randrange(person.mean_minor // 2, person.mean_minor * 3 // 2)
            fields = stage.movement(person, context, amount_minor, rng.choice(person.terminals))
            _end(stage, person, context, at_ms, fields, fate(fields, minute))


def goes_wrong(stage: Stage, minute: int) -> bool:
    """Whether this payment is among the `failing_share` that fail between the two marks."""
    inside = stage.number("from_minute") <= minute < stage.number("to_minute")
    return inside and stage.rng.random() < stage.parameters["failing_share"]


def _end(stage: Stage, person: Person, context: Context, at_ms: int, fields: dict[str, Any], end: str | None) -> None:
    if end is None:
        stage.pay(person, context, at_ms, fields, _EMPTY if stage.rng.random() < _ORDINARY_DECLINES else None)
        return
    if end not in (LOST, SILENT):
        stage.pay(person, context, at_ms, fields, end)
        return
    account_id = person.account_id
    stage.say("payments.transactions", PaymentRequested(**stage.envelope(account_id, at_ms), **fields))
    if end == LOST:
        # Nobody knows the outcome, and the provider, when asked, says that nothing was captured.
        stage.say(
            "payments.transactions",
            PaymentPending(
                **stage.envelope(account_id, at_ms + 30 * SECOND_MS),
                **fields,
                codes=(Code(source="iso8583_1987", code="68"),),
            ),
        )
