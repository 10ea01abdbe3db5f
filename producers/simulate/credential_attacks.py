"""Attacks on passwords and codes that are more, or other, than one address trying many names."""

from __future__ import annotations

from producers.durations import DAY_MS, MINUTE_MS, SECOND_MS
from producers.simulate.stage import Context, Stage
from producers.sources.logins import DEMO_KEY, pseudonym

ROBOT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) HeadlessChrome/120.0.0.0"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
HOSTER_ASN, HOME_ASN = 64499, 64500  # kept for documentation (RFC 5398)


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


def credential_burst_spread(stage: Stage) -> None:
    """`accounts` accounts within the hour, all passwords right, each from another device and network; one program."""
    day = stage.warm_up()
    at_ms = stage.day(day, 3.0)
    for number in range(stage.number("accounts")):
        person = stage.regular(number)
        at_ms += stage.rng.randrange(60, 130) * SECOND_MS
        stage.login(person.account_id, _anywhere(stage)._replace(user_agent=ROBOT), at_ms)


def otp_abuse(stage: Stage) -> None:
    """One device has `codes` codes sent to the phones of `accounts` customers within the hour."""
    day = stage.warm_up()
    attacker = _robot(stage)
    at_ms = stage.day(day, 3.0)
    victims = stage.people[: stage.number("accounts")]
    for number in range(stage.number("codes")):
        at_ms += stage.rng.randrange(30, 70) * SECOND_MS
        stage.ask_code(victims[number % len(victims)].account_id, attacker, at_ms)


def stolen_session(stage: Stage) -> None:
    """A customer's session is used at home for days, and then `uses` times by a program somewhere else."""
    day = stage.warm_up()
    victim = stage.regular()
    home = stage.home(victim)._replace(asn=HOME_ASN, user_agent=BROWSER)
    session = f"{stage.tag}-session"
    for before in range(day, 0, -1):
        at_ms = stage.day(day - before, 20.0)
        stage.login(victim.account_id, home, at_ms)
        stage.use_session(victim.account_id, home, at_ms + MINUTE_MS, session)
    at_ms = stage.day(day, 3.0)
    thief = _robot(stage)
    for _ in range(stage.number("uses")):
        at_ms += stage.rng.randrange(2, 9) * SECOND_MS
        stage.use_session(victim.account_id, thief, at_ms, session)


def one_network(stage: Stage) -> None:
    """A name a minute, each from another address and device of one hoster's network; the same program everywhere."""
    day = stage.warm_up()
    at_ms = stage.day(day, 3.0)
    for number in range(stage.number("names")):
        at_ms += MINUTE_MS
        robot = Context(stage.device(), f"203.0.113.{1 + number % 250}", "NL", 52.37, 4.90, HOSTER_ASN, ROBOT)
        victim = stage.people[number % len(stage.people)]
        stage.login(victim.account_id, robot, at_ms, "wrong_password", f"guess-{number}")


def stuffing(stage: Stage) -> None:
    """A list of `names` names from another site, two thirds of them nobody's, from ever new addresses everywhere."""
    day = stage.warm_up()
    for before in range(day):  # somebody on a new phone mistypes every day: the site knows what strangers usually do
        stage.login(stage.regular(before).account_id, _anywhere(stage), stage.day(before, 12.0), "wrong_password")
    at_ms = stage.day(day, 3.0)
    for number in range(stage.number("names")):
        at_ms += stage.rng.randrange(2, 8) * SECOND_MS
        if number % 3:
            nobody = pseudonym(f"{stage.tag}-nobody-{number}", DEMO_KEY)
            stage.login(nobody, _anywhere(stage), at_ms, "wrong_username", f"guess-{number}")
            continue
        victim = stage.people[number // 3 % len(stage.people)]
        stage.login(victim.account_id, _anywhere(stage), at_ms, "wrong_password", f"guess-{number}")


def one_guess(stage: Stage) -> None:
    """One password on `names` accounts, one about every minute, from ever new addresses everywhere."""
    day = stage.warm_up()
    at_ms = stage.day(day, 3.0)
    for person in stage.people[: stage.number("names")]:
        at_ms += stage.rng.randrange(40, 80) * SECOND_MS
        stage.login(person.account_id, _anywhere(stage), at_ms, "wrong_password", "spring-2026")


def low_and_slow(stage: Stage) -> None:
    """`names` names in `attack_days` days, each once, from one hoster and with one program, while life goes on."""
    day = stage.warm_up()
    days, names = stage.number("attack_days"), stage.number("names")
    stage.live(day, days)
    for number in range(names):
        at_ms = stage.day(day) + number * days * DAY_MS // names + stage.rng.randrange(MINUTE_MS)
        robot = _anywhere(stage)._replace(asn=HOSTER_ASN, user_agent=ROBOT)
        known = stage.people[number // 4 % len(stage.people)].account_id
        nobody = pseudonym(f"{stage.tag}-nobody-{number}", DEMO_KEY)
        account_id, reason = (nobody, "wrong_username") if number % 4 else (known, "wrong_password")
        stage.login(account_id, robot, at_ms, reason, f"guess-{number}")


def _anywhere(stage: Stage) -> Context:
    """A device that nobody knows, in some network of some autonomous system."""
    dice = stage.rng
    ip = f"10.{dice.randrange(256)}.{dice.randrange(256)}.{dice.randrange(1, 255)}"
    return Context(stage.device(), ip, "NL", 52.37, 4.90, 65536 + dice.randrange(16), f"Agent/{dice.randrange(999)}")


def _robot(stage: Stage) -> Context:
    return Context(stage.device(), stage.address(), "NL", 52.37, 4.90, HOSTER_ASN, ROBOT)
