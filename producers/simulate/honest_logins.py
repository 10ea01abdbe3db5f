"""People whose logins look like an attack, and are none: who travels, shares a network, has a new phone, or forgets."""

from __future__ import annotations

from collections.abc import Sequence

from producers.durations import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from producers.simulate.stage import Context, Person, Stage

MOBILE_ASN, OFFICE_ASN = 64496, 64497  # kept for documentation (RFC 5398)
NEXT_APP = "PayWarden-Sim/2"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
MOBILE = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/142.0.0.0 Mobile Safari/537.36"


def traveller(stage: Stage) -> None:
    """A flight, then `trip_days` days abroad with the phone from home: other country, hotel and mobile networks."""
    day = stage.warm_up()
    person = stage.regular()
    home = stage.home(person)
    stage.login(person.account_id, home, stage.day(day, 7.5))
    hotel, roaming = stage.address(), stage.address()
    for trip in range(stage.number("trip_days")):
        for hour, ip, asn in ((20.0, hotel, OFFICE_ASN), (30.0, roaming, MOBILE_ASN)):
            at_ms = stage.day(day + trip, hour)
            away = Context(home.device_id, ip, "JP", 35.68, 139.69, asn)
            _mistyped(stage, person, away, at_ms, 0.2)
            stage.pay(person, away, at_ms + 5 * MINUTE_MS, _usual(stage, person, away))


def shared_office(stage: Stage) -> None:
    """`colleagues` people behind one address for `work_days` mornings, each with a computer of their own.

    On the first morning the computers are new, and everybody gives a code.
    """
    day = stage.warm_up()
    stage.live(day, stage.number("work_days"))
    ip = stage.address()
    staff = _some(stage, "colleagues")
    desks = [Context(stage.device(), ip, "DE", 50.11, 8.68, OFFICE_ASN, BROWSER) for _ in staff]
    for morning in range(stage.number("work_days")):
        for person, desk in zip(staff, desks, strict=True):
            at_ms = stage.day(day + morning, 8.5) + stage.rng.randrange(60 * MINUTE_MS)
            _mistyped(stage, person, desk, at_ms, stage.parameters["mistyped"])
            if morning == 0:
                _at_a_new_computer(stage, person, desk, at_ms)


def new_phone(stage: Stage) -> None:
    """A new phone at home: two wrong passwords, then in, bound, and used for an ordinary payment."""
    day = stage.warm_up()
    person = stage.regular()
    phone = stage.home(person)._replace(device_id=stage.device(), user_agent=MOBILE)
    at_ms = stage.day(day, 18.0)
    for number in range(stage.number("failures")):
        stage.login(person.account_id, phone, at_ms + number * 20 * SECOND_MS, "wrong_password")
    at_ms += 2 * MINUTE_MS
    stage.login(person.account_id, phone, at_ms)
    stage.bind_device(person.account_id, phone, at_ms + MINUTE_MS)
    stage.pay(person, phone, at_ms + HOUR_MS, _usual(stage, person, phone))


def family_device(stage: Stage) -> None:
    """`members` of a family take turns at one tablet, every evening of `evenings`; somebody always mistypes."""
    day = stage.warm_up()
    stage.live(day, stage.number("evenings"))
    family = _some(stage, "members")
    tablet = Context(stage.device(), stage.address(), "DE", 50.94, 6.96, None, MOBILE)
    for evening in range(stage.number("evenings")):
        at_ms = stage.day(day + evening, 19.0)
        for number, person in enumerate(family):
            at_ms += stage.rng.randrange(8, 25) * MINUTE_MS
            if number == evening % len(family):
                stage.login(person.account_id, tablet, at_ms - 30 * SECOND_MS, "wrong_password")
            stage.login(person.account_id, tablet, at_ms)


def carrier_nat(stage: Stage) -> None:
    """`subscribers` of a mobile carrier behind two addresses, each with the own phone, all day long."""
    day = stage.warm_up()
    stage.live(day, 1)
    addresses = [stage.address(), stage.address()]
    for person in _some(stage, "subscribers"):
        for _ in range(3):
            at_ms = stage.day(day, 6.0) + stage.rng.randrange(16 * HOUR_MS)
            phone = stage.home(person)._replace(ip=stage.rng.choice(addresses), asn=MOBILE_ASN, user_agent=MOBILE)
            _mistyped(stage, person, phone, at_ms, stage.parameters["mistyped"])


def forgetful(stage: Stage) -> None:
    """`failures` wrong passwords on the own phone, then a reset, a new password, and in."""
    day = stage.warm_up()
    person = stage.regular()
    home = stage.home(person)
    at_ms = stage.day(day, 21.0)
    for number in range(stage.number("failures")):
        stage.login(person.account_id, home, at_ms, "wrong_password")
        at_ms += (20 + 40 * number) * SECOND_MS
    stage.reset_password(person.account_id, home, at_ms)
    stage.change_credential(person.account_id, home, at_ms + 3 * MINUTE_MS, "password")
    stage.login(person.account_id, home, at_ms + 5 * MINUTE_MS)
    stage.pay(person, home, at_ms + DAY_MS, _usual(stage, person, home))


def app_release(stage: Stage) -> None:
    """A new version of the app in one afternoon: `users` log in again, `travelling` of them somewhere they never were.

    `phones` of them have a new phone too, at home.
    """
    day = stage.warm_up()
    stage.live(day, 1)
    phones, travelling = stage.number("phones"), stage.number("travelling")
    for number, person in enumerate(_some(stage, "users")):
        home = stage.home(person)._replace(user_agent=NEXT_APP)
        if number < phones:
            home = home._replace(device_id=stage.device())
        elif number < phones + travelling:
            home = home._replace(ip=stage.address())
        stage.login(person.account_id, home, stage.day(day, 12.0) + stage.rng.randrange(3 * HOUR_MS))


def password_manager(stage: Stage) -> None:
    """A firm hands a password manager to `colleagues` people in one morning: new passwords, logins close together."""
    day = stage.warm_up()
    stage.live(day, 1)
    ip = stage.address()
    staff = _some(stage, "colleagues")
    desks = [Context(stage.device(), ip, "DE", 48.14, 11.58, OFFICE_ASN, BROWSER) for _ in staff]
    for person, desk in zip(staff, desks, strict=True):  # they have worked there before
        for before in (2, 1):
            at_ms = stage.day(day - before, 9.0) + stage.rng.randrange(HOUR_MS)
            stage.login(person.account_id, desk, at_ms)
            if before == 2:
                _at_a_new_computer(stage, person, desk, at_ms)
    for person, desk in zip(staff, desks, strict=True):
        at_ms = stage.day(day, 10.0) + stage.rng.randrange(90 * MINUTE_MS)
        stage.change_credential(person.account_id, desk, at_ms, "password")
        _mistyped(stage, person, desk, at_ms + 2 * MINUTE_MS, stage.parameters["mistyped"])


def _some(stage: Stage, name: str) -> Sequence[Person]:
    return stage.people[: stage.number(name)]


def _mistyped(stage: Stage, person: Person, context: Context, at_ms: int, share: float) -> None:
    """A login, which that share of people needs a second try for."""
    if stage.rng.random() < share:
        stage.login(person.account_id, context, at_ms - 15 * SECOND_MS, "wrong_password")
    stage.login(person.account_id, context, at_ms)


def _at_a_new_computer(stage: Stage, person: Person, desk: Context, login_ms: int) -> None:
    """Whoever logs in where nobody knows them is asked for a code, and gives it."""
    stage.give_code(person.account_id, desk, login_ms + 20 * SECOND_MS)


def _usual(stage: Stage, person: Person, context: Context) -> dict[str, object]:
    return stage.movement(person, context, person.mean_minor, person.terminals[0])
