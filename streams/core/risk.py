"""What does an account's decision know about the IP, device, card range, merchant or terminal of an event?

Only the words live here: `streams.core.entities` keeps the dated versions and answers for an event's time.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol, TypeAlias

import msgspec

from streams.contracts.logins import Login
from streams.contracts.payments import Movement
from streams.core.familiar import network_of
from streams.core.ids import digest

# Failed logins of the whole site meet in one place under this name, so that an attacker who changes addresses is seen.
SITE_KIND: Literal["health"] = "health"
SITE = "site"
# Locks of all partitions meet under this name, so that a rule which locks too many is seen.
LOCKS = "locks"
# A version of a program that gives everybody a new device is told under this and its name.
RELEASE = "release"

# What an entity can be held for. A place of fraud tests no cards, and an address that guesses passwords may be the
# office of honest payers: whoever asks says what about.
GUESSING = frozenset(
    {
        "password_spray",
        "site_spray",
        "slice_spray",
        "brute_force",
        "credential_burst",
        "otp_abuse",
        "credential_stuffing",
        "guess_spray",
        "low_and_slow",
    }
)
TESTING = frozenset({"card_testing"})
ABUSE = frozenset({"promo_abuse", "merchant_refunds"})
SOCIAL_TOPIC = "social_topic"  # public posts of many customers about one thing; nobody is held for it
LABELLED = frozenset({"risky_terminal"})
# What an incident of the security queue is about when it is somebody's attack.
ATTACKS = GUESSING | TESTING | ABUSE

# What an operator has blocked is told under a kind of its own, as kind/value: it is no measure of risk, so no feature
# that a model has learnt from moves by it.
BLOCK_KIND: Literal["block"] = "block"
BLOCKED = "blocked"  # its typology

# A feed that has stopped is told like the risk of an entity; rules about something's absence wait for it.
STALLED_FEED: Literal["health"] = "health"
FEED_STALLED = "feed_stalled"
_FEED = "feed/"


def feed_value(feed: str) -> str:
    """What a feed is called where entities have their value; `feed_of` is the way back."""
    return _FEED + feed


def stopped_rule(kind: str, value: str) -> str | None:
    """The rule, or `total`, whose locks this entity risk stops, or None."""
    prefix = f"{LOCKS}/"
    return value.removeprefix(prefix) if kind == SITE_KIND and value.startswith(prefix) else None


def feed_of(kind: str, value: str) -> str | None:
    """The feed that an entity risk is about, or None."""
    return value.removeprefix(_FEED) if kind == STALLED_FEED and value.startswith(_FEED) else None


class LabelHistory(msgspec.Struct, frozen=True, gc=False):
    """How the labels of a terminal or merchant follow each other, up to the label delay before an event.

    Times are seconds before the event, -1 where there was no such fraud. "Plain" frauds are those that their amount
    does not explain: they speak of the place, the others of a stolen card. Decayed counts halve every 7 days.
    """

    since_fraud_s: int = -1
    clean_after: int = 0  # legitimate labels after the latest fraud
    run: int = 0  # frauds in a row that end with the latest one, without a legitimate label between them
    run_s: int = -1  # since the first of them
    run_plain: int = 0
    plain_7d: int = 0
    plain_30d: int = 0
    since_plain_s: int = -1
    first_plain_s: int = -1
    frauds: float = 0.0
    plain: float = 0.0
    labels: float = 0.0


class RiskFact(msgspec.Struct, frozen=True, gc=False):
    """What was effective about one entity at the time of an event.

    Label counts are over the windows (t - 7 d - w, t - 7 d] of the labelled payment's own time: only labels that have
    had their 7 days to arrive count. A fact without labels has zeros.
    """

    level: int  # 0 normal, 1 elevated, 2 attack
    score: float = 0.0
    typology: str | None = None  # password_spray, card_testing, risky_terminal, ...
    age_s: int = 0  # event time since the fact became effective
    labels_1d: int = 0
    frauds_1d: int = 0
    labels_7d: int = 0
    frauds_7d: int = 0
    labels_30d: int = 0
    frauds_30d: int = 0
    # The level by what it is held for; `level` is the highest of all.
    guessing: int = 0  # passwords
    testing: int = 0  # cards
    labelled: int = 0  # proved frauds
    incident: str = ""  # case of the attack on logins that it belongs to
    history: LabelHistory | None = None  # None without a fraud among the labels
    testing_incident: str = ""  # case of the card testing that it belongs to
    incident_typology: str = ""  # of `incident`
    case_id: str = ""  # case of what `typology` says, whatever that is


class RiskView(Protocol):
    """Entity risk as of an event's time; None means nothing notable is known."""

    def __call__(self, kind: str, value: str, at_ms: int) -> RiskFact | None:
        """The fact about `value` of `kind` (ip, device, bin, merchant, terminal) that was effective at `at_ms`."""


_LONGEST_VALUE = 120


Slice: TypeAlias = Literal["network", "slice", "system", "agent", "fingerprint", "guess"]


def slices_of(login: Login) -> tuple[tuple[Slice, str], ...]:
    """The parts of all traffic that a login belongs to, the narrowest first, as (kind, value)."""
    found: list[tuple[Slice, str]] = [("network", network_of(login.ip))]
    agent = login.user_agent
    if agent is not None:
        # In words where words are harmless: whoever reads the case wants to recognise it.
        plain = len(agent) <= _LONGEST_VALUE and agent.isascii() and agent.isprintable()
        agent = agent if plain and agent else digest("user_agent", agent)
    if login.asn is not None:
        if agent is not None:
            short = agent if len(agent) <= _LONGEST_VALUE - len("4294967295 ") else digest("user_agent", agent)
            found.append(("slice", f"{login.asn} {short}"))
        found.append(("system", str(login.asn)))
    if agent is not None:
        found.append(("agent", agent))
    if login.ja3 is not None:
        found.append(("fingerprint", login.ja3))
    if login.guess_hash is not None:
        found.append(("guess", login.guess_hash))
    return tuple(found)


# An attack on something wider takes in those on what is narrower: from a single device up to the whole site.
# Whoever tries cards at a shop tries them at others: an attack there is a part of that by the device, address or range.
_NARROW_TO_WIDE = (
    *("merchant", "account", "device", "ip", "bin"),
    *("network", "slice", "system", "agent", "fingerprint", "guess", SITE_KIND),
)


def is_wider(kind: str, other: str) -> bool:
    """Whether an attack on `kind` takes in one on `other`."""
    return _NARROW_TO_WIDE.index(kind) > _NARROW_TO_WIDE.index(other)


class PartOf(NamedTuple):
    """The attack that an attempt is a part of; empty: of none."""

    case_id: str = ""
    kind: str = ""  # of the entity that is attacked
    typology: str = ""


NO_PART = PartOf()


def incident_of(look: RiskView, event: Login, at_ms: int) -> PartOf:
    """The widest attack that is known of where this attempt comes from."""
    places = [("account", event.account_id), ("device", event.device_id), ("ip", event.ip), *slices_of(event)]
    for kind, value in ((SITE_KIND, SITE), *reversed(places)):
        fact = None if value is None else look(kind, value, at_ms)
        if fact is not None and fact.incident:
            return PartOf(fact.incident, kind, fact.incident_typology)
    return NO_PART


def testing_incident_of(look: RiskView, event: Movement, at_ms: int) -> PartOf:
    """The same of a card payment; of its shop only where card range, address and device are none."""
    if event.method != "card":
        return NO_PART
    places = ("bin", event.bin), ("ip", event.ip), ("device", event.device_id), ("merchant", event.merchant_id)
    for kind, value in places:
        fact = None if value is None else look(kind, value, at_ms)
        if fact is not None and fact.testing_incident:
            return PartOf(fact.testing_incident, kind, "card_testing")
    return NO_PART


def no_risk(kind: str, value: str, at_ms: int) -> RiskFact | None:
    """A view that knows nothing: before the entities agent has spoken, and in tests."""
    return None
