"""From where do many people log in over half a year, and from where would somebody who has their password?

A population made to measure login risk by; nothing in it is measured from a real site. What it assumes:

* **How often.** Logins of a person are Poisson; rates vary from person to person (log-normal, median one in ten days,
  mean 2.1 times that). Published: 31.3 million logins of 3.3 million users in a year, and a score that depends strongly
  on how often somebody comes (Wiefling et al. 2022).
* **Where.** 12 countries; in each some fixed-line and mobile networks with Zipf shares, and hosting networks. Of homes
  45 % keep their address, the others get a new one every 20 days on average. A mobile login has an address out of its
  carrier's pool, a new one nearly every time. 40 % also log in at an office of 5 to 200 people behind one address.
  Once in 20 months somebody is abroad for a week; 4 % use a VPN for a third of their logins, half of them through
  another country.
* **With what.** 55 % only use the app, 15 % only the web, 30 % both. Phones and browsers have models and versions with
  Zipf shares; app, system and browsers are updated every 30 to 60 days, each device with a delay of its own; a phone is
  replaced every 900 days, a computer every 1,500.
* **Device ids.** The app has one for life. On the web it is a cookie: 10 % of web users lose it after every visit
  (private windows), the others every 120 days on average.
* **Distance.** Round-trip times are the country's, the access network's (mobile twice and more), and noise.

Attackers, who all have the right password and none of the owner's devices (as Wiefling et al. 2021 tell them apart):

* **naive**: any address in the world, half of them of hosting networks, any common user agent;
* **vpn**: knows the country: a hosting network there (a fifth of them: a proxy in a home), a user agent common there;
* **targeted**: knows country and devices: a proxy in a home or phone of the owner's country, its network drawn by
  market share, so often the owner's own; the very user agent of the owner's latest login; a detour of 15 to 80 ms.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from itertools import accumulate
from random import Random
from typing import Final, Literal, NamedTuple

from producers.durations import DAY_MS

Who = Literal["owner", "naive", "vpn", "targeted"]
ATTACKERS: Final[tuple[Who, ...]] = ("naive", "vpn", "targeted")
# Country, share of the people, round-trip time to the site in ms.
_COUNTRIES: Final = (
    ("DE", 30, 18), ("FR", 14, 28), ("GB", 12, 32), ("IT", 9, 34), ("ES", 8, 40), ("PL", 8, 30),
    ("NL", 6, 20), ("AT", 4, 22), ("CH", 3, 22), ("US", 3, 105), ("RO", 2, 44), ("TR", 1, 60),
)  # fmt: skip
_ELSEWHERE: Final = (("RU", 75), ("BR", 200), ("IN", 150), ("VN", 210), ("ID", 190), ("NG", 120), ("CN", 180))
_PHONES: Final = (
    "iPhone",
    "SM-S921B",
    "SM-A546B",
    "Pixel 8",
    "SM-A155F",
    "2311DRK48G",
    "SM-S911B",
    "CPH2609",
    "XQ-DC54",
)
_BROWSERS: Final = (("chrome", 52), ("safari", 20), ("edge", 14), ("firefox", 12), ("opera", 2))
_DESKTOPS: Final = (
    ("Windows NT 10.0; Win64; x64", 72),
    ("Macintosh; Intel Mac OS X 10_15_7", 22),
    ("X11; Linux x86_64", 6),
)
_START_VERSION: Final = 120


class Attempt(NamedTuple):
    """A login with the right password, by the owner or by somebody else."""

    at_ms: int
    user: int
    who: Who
    ip: str
    asn: int
    country: str
    user_agent: str
    device_id: str | None
    rtt_ms: float


class _Draw:
    """Values by their weights."""

    def __init__(self, values: Sequence[tuple[object, float]]) -> None:
        self._values = [value for value, _ in values]
        self._sums = list(accumulate(weight for _, weight in values))

    def __call__(self, rng: Random) -> object:
        return self._values[bisect(self._sums, rng.random() * self._sums[-1])]


def _zipf(values: Sequence[object]) -> _Draw:
    return _Draw([(value, 1.0 / (rank + 1)) for rank, value in enumerate(values)])


class _Country:
    """The networks of one country; an AS number says which and what they are."""

    def __init__(self, number: int, code: str, rtt_ms: float) -> None:
        self.code, self.rtt_ms = code, rtt_ms
        base = 64_512 + number * 40
        self.fixed = _zipf(range(base, base + 9))
        self.mobile = _zipf(range(base + 10, base + 14))
        self.hosting = _zipf(range(base + 20, base + 32))


class _Device:
    """A phone with the app, or a browser."""

    def __init__(self, rng: Random, at_ms: int, app: bool) -> None:
        self.app = app
        self.lag_ms = rng.expovariate(1 / (12 * DAY_MS))  # how late updates reach it
        self.model = str(_MODELS(rng)) if app else str(_DESKTOP(rng))
        self.browser = str(_BROWSER(rng))
        if self.browser == "safari" and "Mac" not in self.model:
            self.browser = "chrome"
        self.key = f"{rng.getrandbits(64):016x}"
        life_days = 900 if app else 1_500
        self.replaced_ms = at_ms + rng.expovariate(1 / (life_days * DAY_MS))

    def user_agent(self, passed_ms: float) -> str:
        """As of so long after the beginning."""
        age_days = max(0.0, passed_ms - self.lag_ms) / DAY_MS
        if self.app:
            if self.model == "iPhone":
                system = f"iPhone; CPU iPhone OS 17_{int(age_days // 60)} like Mac OS X"
            else:
                system = f"Linux; Android {13 + int(self.lag_ms < 10 * DAY_MS)}; {self.model}"
            return (
                f"Mozilla/5.0 ({system}) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile Wallet/5.{int(age_days // 30)}"
            )
        return _browser_agent(self.browser, self.model, _START_VERSION + int(age_days // 30))


def _browser_agent(browser: str, system: str, version: int) -> str:
    head = f"Mozilla/5.0 ({system}"
    chrome = f"{head}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
    match browser:
        case "firefox":
            return f"{head}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
        case "safari":
            return f"{head}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.{(version - 120) // 2} Safari/605.1.15"
        case "edge":
            return f"{chrome} Edg/{version}.0.0.0"
        case "opera":
            return f"{chrome} OPR/{version - 14}.0.0.0"
        case _:
            return chrome


_MODELS: Final = _zipf(_PHONES)
_BROWSER: Final = _Draw(_BROWSERS)
_DESKTOP: Final = _Draw(_DESKTOPS)
_WORLD: Final = tuple(_Country(number, code, rtt) for number, (code, _, rtt) in enumerate(_COUNTRIES))
_FAR: Final = tuple(_Country(len(_WORLD) + number, code, rtt) for number, (code, rtt) in enumerate(_ELSEWHERE))
_HOME: Final = _Draw([(country, share) for country, (_, share, _) in zip(_WORLD, _COUNTRIES, strict=True)])


class _Person:
    """One customer and the places and devices that they use."""

    __slots__ = (
        "abroad", "abroad_until_ms", "app_share", "browser", "carrier", "cookie_until_ms", "country", "fixed",
        "forgets", "ip", "ip_until_ms", "keeps", "latest", "mobile_share", "office", "phone", "rate", "seen_ms", "vpn",
    )  # fmt: skip

    def __init__(self, rng: Random, start_ms: int, offices: Sequence[tuple[_Country, str, int]]) -> None:
        self.rate = min(8.0, rng.lognormvariate(-2.3, 1.2))  # logins a day
        self.country: _Country = _HOME(rng)  # type: ignore[assignment]
        self.fixed: int = self.country.fixed(rng)  # type: ignore[assignment]
        self.carrier: int = self.country.mobile(rng)  # type: ignore[assignment]
        self.keeps = rng.random() < 0.45
        self.ip, self.ip_until_ms = "", 0.0
        near = offices[rng.randrange(len(offices))] if rng.random() < 0.4 else None
        self.office = near if near is not None and near[0] is self.country else None
        kind = rng.random()
        self.app_share = 1.0 if kind < 0.55 else 0.0 if kind < 0.7 else rng.uniform(0.2, 0.8)
        self.mobile_share = rng.uniform(0.2, 0.7)
        self.phone = _Device(rng, start_ms, app=True)
        self.browser = _Device(rng, start_ms, app=False)
        self.forgets = rng.random() < 0.10
        self.cookie_until_ms = 0.0
        self.vpn = rng.random() < 0.04
        self.abroad: _Country | None = None
        self.abroad_until_ms = 0.0
        self.seen_ms = float(start_ms)
        self.latest: Attempt | None = None


def _address(rng: Random, asn: int) -> str:
    """An address of this network: every network has some blocks of its own, and nobody else's."""
    block = asn * 16 + rng.randrange(16)
    return f"{10 + (block >> 16) % 200}.{block >> 8 & 255}.{block & 255}.{rng.randrange(1, 255)}"


class LoginPopulation:
    """People and attackers; the same seed tells the same story."""

    def __init__(self, seed: int, *, users: int, days: int, start_ms: int) -> None:
        self._rng = rng = Random(f"logins/{seed}")
        self._start_ms, self._days = start_ms, days
        offices = []
        for _ in range(max(1, users // 60)):
            country: _Country = _HOME(rng)  # type: ignore[assignment]
            asn: int = country.fixed(rng)  # type: ignore[assignment]
            offices.append((country, _address(rng, asn), asn))
        self._people = [_Person(rng, start_ms, offices) for _ in range(users)]

    def attempts(self, attacks_per_kind: int = 0, attacks_from_day: int = 0) -> Iterator[Attempt]:
        """Everybody's logins in order of time; attacks on people who were there before are strewn in evenly."""
        rng, start_ms = self._rng, self._start_ms
        end_ms = start_ms + self._days * DAY_MS
        moments: list[tuple[int, int, int]] = []
        for user, person in enumerate(self._people):
            at_ms = start_ms + rng.expovariate(person.rate) * DAY_MS
            while at_ms < end_ms:
                moments.append((int(at_ms), user, -1))
                at_ms += 60_000 + rng.expovariate(person.rate) * DAY_MS
        from_ms = start_ms + attacks_from_day * DAY_MS
        for kind in range(len(ATTACKERS)):
            moments += [
                (rng.randrange(from_ms, end_ms), rng.randrange(len(self._people)), kind)
                for _ in range(attacks_per_kind)
            ]
        moments.sort()
        for at_ms, user, kind in moments:
            person = self._people[user]
            if kind < 0:
                person.latest = self._login(user, person, at_ms)
                yield person.latest
            elif person.latest is not None:
                yield self._attack(ATTACKERS[kind], person.latest, person, at_ms)

    def _login(self, user: int, person: _Person, at_ms: int) -> Attempt:
        rng = self._rng
        app = rng.random() < person.app_share
        if person.phone.replaced_ms <= at_ms:
            person.phone = _Device(rng, at_ms, app=True)
        if person.browser.replaced_ms <= at_ms:
            person.browser = _Device(rng, at_ms, app=False)
        device = person.phone if app else person.browser
        if not app and (person.forgets or person.cookie_until_ms <= at_ms):
            device.key = f"{rng.getrandbits(64):016x}"
            person.cookie_until_ms = at_ms + rng.expovariate(1 / (120 * DAY_MS))
        ip, asn, country, rtt_ms = self._place(person, at_ms, app)
        person.seen_ms = at_ms
        agent = device.user_agent(at_ms - self._start_ms)
        return Attempt(at_ms, user, "owner", ip, asn, country.code, agent, device.key, rtt_ms)

    def _place(self, person: _Person, at_ms: int, app: bool) -> tuple[str, int, _Country, float]:
        rng = self._rng
        if person.abroad_until_ms <= at_ms:
            person.abroad = None
            # A journey of a week, once in 20 months, that this login would fall into.
            if rng.random() < min(7.0, (at_ms - person.seen_ms) / DAY_MS) / 600:
                person.abroad = rng.choice(_WORLD)
                person.abroad_until_ms = at_ms + rng.uniform(1, 7) * DAY_MS
        country = person.abroad or person.country
        if person.vpn and rng.random() < 1 / 3:
            country = rng.choice(_WORLD) if rng.random() < 0.5 else person.country
            asn: int = country.hosting(rng)  # type: ignore[assignment]
            return _address(rng, asn), asn, country, _rtt(rng, person.country.rtt_ms + country.rtt_ms, 1.0)
        if person.abroad is not None:
            asn = (country.mobile if app else country.fixed)(rng)  # type: ignore[assignment]
            return _address(rng, asn), asn, country, _rtt(rng, country.rtt_ms, 2.0 if app else 1.0)
        if app and rng.random() < person.mobile_share:
            return _address(rng, person.carrier), person.carrier, country, _rtt(rng, country.rtt_ms, 2.2)
        if person.office is not None and rng.random() < 0.3:
            return person.office[1], person.office[2], country, _rtt(rng, country.rtt_ms, 1.0)
        if person.ip_until_ms <= at_ms:
            person.ip = _address(rng, person.fixed)
            kept_days = 5_000.0 if person.keeps else rng.expovariate(1 / 20)
            person.ip_until_ms = at_ms + kept_days * DAY_MS
        return person.ip, person.fixed, country, _rtt(rng, country.rtt_ms, 1.2)

    def _attack(self, who: Who, latest: Attempt, person: _Person, at_ms: int) -> Attempt:
        rng = self._rng
        passed_ms = at_ms - self._start_ms
        country, detour_ms = person.country, 0.0
        agent = _Device(rng, at_ms, app=rng.random() < 0.3).user_agent(passed_ms)
        if who == "naive":
            country = rng.choice(_FAR if rng.random() < 0.8 else _WORLD)
            asn: int = (country.hosting if rng.random() < 0.5 else country.fixed)(rng)  # type: ignore[assignment]
        elif who == "vpn":
            asn = (country.fixed if rng.random() < 0.2 else country.hosting)(rng)  # type: ignore[assignment]
            detour_ms = rng.uniform(15, 80)
        else:
            phone = "Mobile" in latest.user_agent and rng.random() < 0.5
            asn = (country.mobile if phone else country.fixed)(rng)  # type: ignore[assignment]
            agent, detour_ms = latest.user_agent, rng.uniform(15, 80)
        key = f"{rng.getrandbits(64):016x}"
        rtt_ms = _rtt(rng, country.rtt_ms + detour_ms, 1.2)
        return Attempt(at_ms, latest.user, who, _address(rng, asn), asn, country.code, agent, key, rtt_ms)


def _rtt(rng: Random, base_ms: float, access: float) -> float:
    return round(base_ms + access * 8.0 + rng.expovariate(1 / (access * 4.0)), 1)
