"""What is known about a wallet, scheme or gateway: its codes, limits, times, retry caps and how to reach its support?

One file is one profile; adding one is adding a file. A device wallet (Apple Pay, Google Pay) has no codes of its own:
what comes back is the card network's.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from streams.contracts.base import Currency, Label, ShortText
from streams.core.currencies import WITH_MINOR_UNIT
from streams.core.declines.table import DeclineTable, Per, packaged, spelled
from streams.core.money.business_days import Calendar
from streams.core.money.term import Term
from streams.core.refused import wrong
from streams.core.tables import TableError

# Card networks count attempts of at most a month; what an account remembers of an instrument is bounded by this.
CAP_MOST = 40
CAP_WINDOW_MOST_S = 31 * 86_400


# No control characters, none that turn the writing around: customers read these names.
_VISIBLE = "^[^\\x00-\\x1f\\x7f-\\x9f\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]+\\Z"
# A host that a customer can read, without a user name before it, and a path.
_PAGE = r"^https://[a-zA-Z0-9.-]+(/[!-~]*)?\Z"


# What the keys of a profile's terms may be, beside the `methods` that any profile names. `other` is read of refunds.
_FUNDING = frozenset({"card", "bank_card", "debit_card", "credit_card", "bank_transfer", "wallet_balance", "qr"})
_PLACES = (_FUNDING - {"card", "wallet_balance"}) | {"balance", "cross_border", "other"}
_SPEEDS = frozenset({"real_time", "ordinary", "next_day"})


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Words(_Part, frozen=True, kw_only=True):
    """A name in both languages."""

    zh: Annotated[str, Meta(min_length=1, max_length=60, pattern=_VISIBLE)]
    en: Annotated[str, Meta(min_length=1, max_length=60, pattern=_VISIBLE)]


class Cap(_Part, frozen=True, kw_only=True):
    """At most `attempts` declined attempts with one instrument in `window_s`; further ones cost fees or are refused."""

    attempts: Annotated[int, Meta(ge=1, le=CAP_MOST)]
    window_s: Annotated[int, Meta(ge=60, le=CAP_WINDOW_MOST_S)]
    counts: Literal["declines", "reattempts"] = "declines"  # whether the first attempt counts


class Limit(_Part, frozen=True, kw_only=True):
    """One limit that customers meet. Amounts in major units, as the source publishes them."""

    name: Words
    per: Per
    currency: Currency
    amount: Annotated[int, Meta(ge=1, le=10**12)]
    tier: Label | None = None  # of accounts with this `tier` only
    channel: Label | None = None  # of movements with this `channel` only


class Support(_Part, frozen=True, kw_only=True):
    """The official contact: the only one that a message may name."""

    page: Annotated[str, Meta(pattern=_PAGE, max_length=200)]
    phone: Annotated[str, Meta(pattern=r"^\+?[0-9-]{3,20}$")] | None = None


class Profile(_Part, frozen=True, kw_only=True):
    """One file of `profiles/`; its name is the profile's id."""

    id: Label = ""  # set from the file's name
    kind: Literal["wallet", "scheme", "gateway", "device_wallet"]
    name: Words
    methods: tuple[Label, ...] = ()  # values of a movement's `method`
    networks: tuple[Label, ...] = ()  # values of a movement's `network`
    gateways: tuple[Label, ...] = ()  # values of a movement's `gateway_id`
    advice: tuple[Label, ...] = ()  # sources of network advice: these speak first
    codes: tuple[Label, ...] = ()  # sources of the gateway's or wallet's own codes
    iso8583: Label | None = None  # the source that says what this network's ISO 8583 codes mean
    passes_through: bool = False
    retry: tuple[Cap, ...] = ()
    limits: tuple[Limit, ...] = ()
    refund: Mapping[Label, Term] = {}  # by where it goes: balance, debit_card, credit_card, other
    topup: Mapping[Label, Term] = {}  # by funding method
    withdrawal: Mapping[Label, Term] = {}  # by speed
    calendar: Calendar | None = None  # whose days these terms count; none: those of the money's currency
    support: Support
    source: ShortText  # where these facts are published


class Profiles(msgspec.Struct, frozen=True):
    """All profiles, and which of them speaks for a method, network, gateway or code source."""

    by_id: Mapping[str, Profile]
    by_method: Mapping[str, Profile]
    by_network: Mapping[str, Profile]
    by_gateway: Mapping[str, Profile]
    by_source: Mapping[str, Profile]
    advice: frozenset[str]
    iso8583: frozenset[str]  # sources that are a network's own reading of ISO 8583


def read_profiles(texts: Iterable[tuple[str, str]], table: DeclineTable, base: Profiles | None = None) -> Profiles:
    """Profiles from (file name, TOML text); one with the id of a `base` profile takes its place. Raises TableError."""
    found = dict(base.by_id) if base is not None else {}
    fresh: list[tuple[str, Profile]] = []
    for name, text in texts:
        profile = _read(name, text)
        if missing := [each for each in _sources(profile) if each not in table.sources]:
            raise TableError(f"no code row has the source {missing[0]!r}", name, "add its rows to codes.csv")
        found[profile.id] = profile
        fresh.append((name, profile))
    methods = {method for profile in found.values() for method in profile.methods}
    for name, profile in fresh:
        _check_keys(name, profile, methods)
    return Profiles(
        by_id=found,
        by_method=_index(found, "methods"),
        by_network=_index(found, "networks"),
        by_gateway=_index(found, "gateways"),
        by_source={source: profile for profile in found.values() for source in _sources(profile)},
        advice=frozenset(spelled(source) for profile in found.values() for source in profile.advice),
        iso8583=frozenset(spelled(each.iso8583) for each in found.values() if each.iso8583 is not None),
    )


@cache
def packaged_profiles() -> Profiles:
    """The profiles as they are shipped."""
    folder = files(__package__).joinpath("profiles")
    shipped = sorted((each for each in folder.iterdir() if each.name.endswith(".toml")), key=lambda each: each.name)
    return read_profiles([(each.name, each.read_text(encoding="utf-8")) for each in shipped], packaged())


def _read(name: str, text: str) -> Profile:
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        remedy = "correct that line (docs/declines.md shows a profile)"
        raise TableError(f"this is not TOML: {error}", name, remedy) from None
    try:
        profile = msgspec.convert(raw, Profile)
    except msgspec.ValidationError as error:
        remedy = "correct that key (docs/declines.md shows a profile)"
        raise TableError(wrong(error, raw, Profile), name, remedy) from None
    if profile.id:
        raise TableError("the id is the name of the file", name, "remove the key id")
    foreign = [limit.currency for limit in profile.limits if limit.currency not in WITH_MINOR_UNIT]
    if foreign:
        raise TableError(f"ISO 4217 has no currency {foreign[0]}", name, "use its code in that limit")
    if profile.passes_through and (profile.codes or profile.advice or profile.iso8583):
        raise TableError("it passes codes through and has codes of its own", name, "remove one of the two")
    told = [(limit.per, limit.currency, limit.tier, limit.channel) for limit in profile.limits]
    if twice := next((limit for limit in told if told.count(limit) > 1), None):
        per, currency, *_ = twice
        raise TableError(f"two limits per {per} in {currency} hold for the same movements", name, "keep one of them")
    return msgspec.structs.replace(profile, id=name.rpartition("/")[2].removesuffix(".toml"))


def _check_keys(name: str, profile: Profile, methods: set[str]) -> None:
    """A term under a key that nobody asks for would silently be none."""
    tables = (
        ("refund", profile.refund, _PLACES | methods),
        ("topup", profile.topup, _FUNDING | methods),
        ("withdrawal", profile.withdrawal, _SPEEDS),
    )
    for table, terms, known in tables:
        for key in terms:
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                use = f"write {close[0]}" if close else f"use one of {', '.join(sorted(known))}"
                raise TableError(f"[{table}] has the key {key!r}, which nothing asks for", name, use)


def _sources(profile: Profile) -> tuple[str, ...]:
    own = (profile.iso8583,) if profile.iso8583 is not None else ()
    return tuple(spelled(source) for source in (*profile.advice, *profile.codes, *own))


def _index(profiles: Mapping[str, Profile], kind: str) -> dict[str, Profile]:
    found: dict[str, Profile] = {}
    for profile in profiles.values():
        for value in getattr(profile, kind):
            if value in found:
                raise TableError(
                    f"{kind} {value!r} is also claimed by {found[value].id}",
                    f"profiles/{profile.id}.toml",
                    "name it in one file",
                )
            found[value] = profile
    return found
