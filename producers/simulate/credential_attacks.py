"""Attacks on passwords and codes that are more, or other, than one address trying many names."""

from __future__ import annotations

from producers.durations import MINUTE_MS, SECOND_MS
from producers.simulate.stage import Context, Stage

ROBOT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) HeadlessChrome/120.0.0.0"
HOSTER_ASN = 64499  # kept for documentation (RFC 5398)


def brute_force(stage: Stage) -> None:
    """`guesses` different passwords for one customer from one device, a few seconds apart; the last one is right."""
    day = stage.warm_up()
    victim = stage.regular()
    attacker = _robot(stage)
    at_ms = stage.day(day, 3.0)
    for number in range(stage.number("guesses")):
        at_ms += stage.rng.randrange(4, 12) * SECOND_MS
        stage.login(victim.account_id, attacker, at_ms, "wrong_password", f"guess-{number}")
    stage.login(victim.account_id, attacker, at_ms + 5 * SECOND_MS)


def credential_burst(stage: Stage) -> None:
    """One device enters `accounts` accounts within the hour with passwords that were stolen elsewhere, all right."""
    day = stage.warm_up()
    attacker = _robot(stage)
    at_ms = stage.day(day, 3.0)
    for person in stage.people[: stage.number("accounts")]:
        at_ms += stage.rng.randrange(60, 200) * SECOND_MS
        stage.login(person.account_id, attacker, at_ms)


def otp_abuse(stage: Stage) -> None:
    """One device has `codes` codes sent to the phones of `accounts` customers within the hour."""
    day = stage.warm_up()
    attacker = _robot(stage)
    at_ms = stage.day(day, 3.0)
    victims = stage.people[: stage.number("accounts")]
    for number in range(stage.number("codes")):
        at_ms += stage.rng.randrange(30, 70) * SECOND_MS
        stage.ask_code(victims[number % len(victims)].account_id, attacker, at_ms)


def one_network(stage: Stage) -> None:
    """A name a minute, each from another address and device of one hoster's network; the same program everywhere."""
    day = stage.warm_up()
    at_ms = stage.day(day, 3.0)
    for number in range(stage.number("names")):
        at_ms += MINUTE_MS
        robot = Context(stage.device(), f"203.0.113.{1 + number % 250}", "NL", 52.37, 4.90, HOSTER_ASN, ROBOT)
        victim = stage.people[number % len(stage.people)]
        stage.login(victim.account_id, robot, at_ms, "wrong_password", f"guess-{number}")


def _robot(stage: Stage) -> Context:
    return Context(stage.device(), stage.address(), "NL", 52.37, 4.90, HOSTER_ASN, ROBOT)
