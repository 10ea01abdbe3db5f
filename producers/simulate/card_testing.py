"""Stolen cards are tried with tiny payments: by one device, or from everywhere through one card range."""

from __future__ import annotations

from producers.durations import SECOND_MS
from producers.simulate.stage import TERMINALS_OF_A_MERCHANT, Context, Stage


def play(stage: Stage) -> None:
    """`cards` cards of one issuer range, one try each at two merchants from three fresh accounts; most are declined."""
    day = stage.warm_up()
    rng = stage.rng
    attacker = Context(stage.device(), stage.address(), "US", 40.71, -74.01)
    mules = [person._replace(account_id=f"{stage.tag}-mule-{n}") for n, person in enumerate(stage.people[:3])]
    at_ms = stage.day(day, 4.0)
    for number in range(stage.number("cards")):
        at_ms += rng.randrange(4, 16) * SECOND_MS
        card = mules[number % len(mules)]._replace(card_token=f"card-{rng.getrandbits(64):016x}", bin="400099")
        fields = stage.movement(card, attacker, rng.randrange(50, 200), terminal=rng.choice((0, 4)))
        declined = rng.random() < stage.parameters["declined_share"]
        stage.pay(card, attacker, at_ms, fields, rng.choice(("14", "05", "54", "82")) if declined else None)


def bin_attack(stage: Stage) -> None:
    """`cards` made-up cards of one range, each tried by another device at one of `merchants`; most are declined."""
    day = stage.warm_up()
    rng = stage.rng
    at_ms = stage.day(day, 4.0)
    for number in range(stage.number("cards")):
        at_ms += rng.randrange(4, 16) * SECOND_MS
        buyer = stage.people[0]._replace(
            account_id=f"{stage.tag}-buyer-{number}", card_token=f"card-{rng.getrandbits(64):016x}", bin="400098"
        )
        robot = Context(stage.device(), stage.address(), "US", 40.71, -74.01)
        terminal = TERMINALS_OF_A_MERCHANT * (number % stage.number("merchants"))
        fields = stage.movement(buyer, robot, rng.randrange(50, 200), terminal)
        declined = rng.random() < stage.parameters["declined_share"]
        stage.pay(buyer, robot, at_ms, fields, rng.choice(("14", "14", "54")) if declined else None)
