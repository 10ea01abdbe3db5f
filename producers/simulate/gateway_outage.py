"""One payment gateway breaks for a while; issuers, merchants and the other gateways are well."""

from __future__ import annotations

from itertools import cycle

from producers.durations import MINUTE_MS, SECOND_MS
from producers.simulate.stage import GATEWAYS, LOGS_IN, Stage
from streams.contracts.payments import Code, PaymentPending, PaymentRequested

BROKEN = GATEWAYS[1]


def play(stage: Stage) -> None:
    """A rush hour of `per_minute` payments; between the two marks most of those through one gateway fail or hang."""
    day = stage.warm_up()
    rng = stage.rng
    began_ms = stage.day(day, 17.0)
    from_minute, to_minute = stage.number("from_minute"), stage.number("to_minute")
    customers = list(stage.people)
    rng.shuffle(customers)
    turns = cycle(customers)  # so that nobody pays twice within minutes
    for minute in range(stage.number("minutes")):
        for _ in range(stage.number("per_minute")):
            at_ms = began_ms + minute * MINUTE_MS + rng.randrange(60) * SECOND_MS
            person = next(turns)
            context = stage.home(person)
            if rng.random() < LOGS_IN:
                stage.login(person.account_id, context, at_ms - 90 * SECOND_MS)
            amount_minor = rng.randrange(person.mean_minor // 2, person.mean_minor * 3 // 2)
            fields = stage.movement(person, context, amount_minor, rng.choice(person.terminals))
            broken = fields["gateway_id"] == BROKEN and from_minute <= minute < to_minute
            if not broken or rng.random() >= stage.parameters["failing_share"]:
                stage.pay(person, context, at_ms, fields, "51" if rng.random() < 0.03 else None)
            elif rng.random() < 0.8:
                stage.pay(person, context, at_ms, fields, "96")
            else:
                # A timeout: nobody knows the outcome, and the provider, when asked, says that nothing was captured.
                account_id = person.account_id
                stage.say("payments.transactions", PaymentRequested(**stage.envelope(account_id, at_ms), **fields))
                stage.say(
                    "payments.transactions",
                    PaymentPending(
                        **stage.envelope(account_id, at_ms + 30 * SECOND_MS),
                        **fields,
                        codes=(Code(source="iso8583_1987", code="68"),),
                    ),
                )
