"""One address tries the same few passwords on many accounts."""

from __future__ import annotations

from producers.durations import SECOND_MS
from producers.errors import BadInput
from producers.simulate.stage import Context, Stage
from producers.sources.logins import DEMO_KEY, pseudonym


def play(stage: Stage) -> None:
    """`names` names, two thirds of which exist, once each every few seconds; `successes` guesses are right."""
    names, successes = stage.number("names"), stage.number("successes")
    if successes > -(-names // 3):
        raise BadInput(f"Every third of {names} names can be guessed: {successes} successes are too many.")
    day = stage.warm_up()
    attacker = Context(stage.device(), stage.address(), "RO", 44.43, 26.10)
    at_ms = stage.day(day, 2.5)
    right = set(stage.rng.sample(range(0, names, 3), successes))
    for number in range(names):
        at_ms += stage.rng.randrange(2, 9) * SECOND_MS
        if number % 3 == 2:
            unknown = pseudonym(f"{stage.tag}-nobody-{number}", DEMO_KEY)
            stage.login(unknown, attacker, at_ms, "wrong_username")
            continue
        victim = stage.people[number % len(stage.people)]
        stage.login(victim.account_id, attacker, at_ms, None if number in right else "wrong_password")
