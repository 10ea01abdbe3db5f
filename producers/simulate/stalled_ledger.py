"""The ledger's feed stops for a while and then tells everything in a heap; payments and logins go on."""

from __future__ import annotations

from itertools import cycle

from producers.durations import MINUTE_MS, SECOND_MS
from producers.simulate.stage import LOGS_IN, Stage
from streams.contracts.payments import Code, PaymentFailed, PaymentRequested


def play(stage: Stage) -> None:
    """An evening of `per_minute` payments; some fail and are credited back, which the ledger tells hours late."""
    day = stage.warm_up()
    rng = stage.rng
    began_ms = stage.day(day, 17.0)
    stops_ms = began_ms + stage.number("from_minute") * MINUTE_MS
    resumes_ms = began_ms + stage.number("to_minute") * MINUTE_MS
    stage.stalls("ledger.entries", stops_ms, resumes_ms)
    customers = list(stage.people)
    rng.shuffle(customers)
    turns = cycle(customers)
    for minute in range(stage.number("minutes")):
        for _ in range(stage.number("per_minute")):
            at_ms = began_ms + minute * MINUTE_MS + rng.randrange(60) * SECOND_MS
            person = next(turns)
            amount_minor = round(person.mean_minor * rng.uniform(0.5, 1.5))  # twice the same would be charged twice
            fields = stage.movement(person, stage.home(person), amount_minor, rng.choice(person.terminals))
            if rng.random() < LOGS_IN:
                stage.login(person.account_id, stage.home(person), at_ms - 30 * SECOND_MS)
            if rng.random() >= stage.parameters["failing_share"]:
                stage.pay(person, stage.home(person), at_ms, fields)
                continue
            account_id = person.account_id
            stage.say("payments.transactions", PaymentRequested(**stage.envelope(account_id, at_ms), **fields))
            stage.post(account_id, at_ms + SECOND_MS, "debit", fields)
            stage.say(
                "payments.transactions",
                PaymentFailed(
                    **stage.envelope(account_id, at_ms + 8 * SECOND_MS),
                    **fields,
                    codes=(Code(source="iso8583_1987", code="96"),),
                ),
            )
            stage.post(account_id, at_ms + 10 * MINUTE_MS, "credit", fields)
