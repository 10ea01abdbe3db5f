"""What do the two agents tell each other, and how is a record set aside?"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from streams.contracts.accounts import BlockedKind, BlockReason, HandledBy
from streams.contracts.base import (
    AtMs,
    Count,
    Currency,
    Id,
    Instant,
    Ip,
    Label,
    Minor,
    Output,
    Share,
    ShortText,
    Text,
    Written,
)
from streams.contracts.cases import FoundAttack, RootCause

EntityKind = Literal[
    "ip",
    "device",
    "bin",
    "merchant",
    "terminal",
    "health",
    "network",
    "system",
    "agent",
    "account",  # as a target of guesses
    "slice",  # one user agent in one autonomous system
    "guess",  # one password, by its keyed hash
    "fingerprint",  # of a program's TLS handshake (JA3)
    "block",  # what an operator has blocked: the value is kind/value
    "topic",  # of public posts: the type of the cases that they are about, and the merchant whom they name
]

Refusal = Literal["bad_data", "excused"]  # the card's data were guessed or stolen; the card was not the reason


class Trial(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Attempts and failures of one health key in one bucket."""

    key: ShortText  # dimension:value, for example gateway:g1
    attempts: Count
    failures: Count  # of the channel; on keys of a merchant also its own
    users: Count
    failing: Count = 0  # a 63-bit map of hashed users with a failure: maps of buckets and partitions are or-ed
    groups: Annotated[tuple[Count, ...], Meta(max_length=8)] = ()  # refusals that are nobody's outage, by kind
    spans: Annotated[tuple[Count, ...], Meta(max_length=16)] = ()  # measured attempts by duration class


class Member(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Failures of one partition that belong to an open incident, since the last bucket."""

    incident_id: Id
    users: Count  # customers who had not been affected before
    failures: Count
    amounts: Annotated[dict[Currency, Minor], Meta(max_length=16)] = {}
    codes: Annotated[dict[Label, Count], Meta(max_length=16)] = {}


class Signal(Written, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag_field="type"):
    """Where a signal comes from; together the order in which the entities agent handles it."""

    at_ms: AtMs
    partition: Count  # of the accounts agent that sent it
    sequence: Count  # per source partition, without holes


class EntityObserved(Signal, frozen=True, kw_only=True, tag="entity.observed.v1"):
    """One event seen from the entity's side."""

    kind: EntityKind
    value: Id
    event_id: Id
    account_id: Id
    what: Literal[
        "login_succeeded",
        "login_failed",
        "payment",
        "payment_failed",
        "label",
        "lock",
        "challenge_sent",
        "challenge_passed",
        "devices_reset",
        "promo_claimed",
        "posted",
        "sale",
        "refund",
        "refund_without_sale",
        "merchants_fault",
    ]
    known: bool = True
    username: ShortText | None = None
    card_token: Id | None = None
    device_id: Id | None = None
    amount_minor: Minor | None = None
    currency: Label | None = None
    fraud: bool | None = None  # of a label
    subject_at_ms: AtMs | None = None  # of a label
    flagged: bool = False  # the decision was step_up or stricter
    ip: Ip | None = None  # of a login that is told to the whole site, of a success told to a network or user agent
    first: bool = True  # False: a later event of an attempt that was observed before
    familiar: bool = False  # of a login: the account was entered from this device or network before
    merchant_id: Id | None = None  # of a payment that is told to its card range; whom a post names
    rule: Label | None = None  # of a lock
    incident_id: Id | None = None  # the attack on something wider, up to the whole site, that the event is a part of
    times_usual: Annotated[float, Meta(ge=0)] | None = None  # of a label: its amount over the account's median
    origin: ShortText | None = None  # of a login: the narrower entity that it came through
    guess: Label | None = None  # of a login: keyed, truncated hash of the guess
    warm: bool = False  # of a login: the account was entered before, from wherever
    told: bool = False  # of a login: its owner has been told that the password was right
    strange: bool = False  # of a success: the account has a history, and never saw this network nor such a device
    refusal: Refusal | None = None  # of a refused card payment: what its codes say about the card
    reach: Count = 0  # of a post: how many people read it
    urgent: bool = False  # of a post: what it is about is P1 or P2 by itself
    case_id: Id | None = None  # of a post: the case that it is, or joined, at its account
    payment_id: Id | None = None  # that failed by its merchant
    cause: Label | None = None  # of that failure
    code: Label | None = None  # that decided it, as people look it up
    answerable: bool = False  # of a login: a second factor is asked for; without one the account itself tells its owner


class EntityBlockAsked(Signal, frozen=True, kw_only=True, tag="entity.block_asked.v1"):
    """An operator wants an entity blocked, or not any more (`entity.block.v1`)."""

    kind: BlockedKind
    value: Id
    event_id: Id
    wanted: Literal["block", "lift"]
    until_ms: AtMs = 0
    reason: BlockReason
    accounts: Count
    actor: Id
    role: Label
    second_actor: Id | None = None
    case_id: Id | None = None
    second_role: Label | None = None


class CaseActed(Signal, frozen=True, kw_only=True, tag="case.acted.v1"):
    """An operator acts on the case of an entity (`incident.action.v1`)."""

    kind: EntityKind
    value: Id
    event_id: Id
    case_id: Id
    action: HandledBy
    expected_version: Count
    actor: Id
    role: Label
    assignee: Id | None = None
    text: Text | None = None  # masked
    root_cause: RootCause | None = None
    zh: ShortText | None = None
    en: ShortText | None = None
    finding: FoundAttack | None = None


class HealthBucket(Signal, frozen=True, kw_only=True, tag="health.bucket.v1"):
    """Trials of all health keys of one source partition in one 5-second bucket of event time."""

    bucket_ms: AtMs
    trials: Annotated[tuple[Trial, ...], Meta(max_length=4096)]
    members: Annotated[tuple[Member, ...], Meta(max_length=64)] = ()


class ClockTold(Signal, frozen=True, kw_only=True, tag="clock.told.v1"):
    """The source partition's event-time clock: it will send nothing older."""


class FeedTally(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What one partition heard of one feed since it told last."""

    feed: Label  # logical name of the topic
    newest_ms: AtMs  # newest event time
    events: Count


class FeedsTold(Signal, frozen=True, kw_only=True, tag="feeds.told.v1"):
    """How the feeds come in at one source partition; routed like health, so that one place sees all partitions."""

    feeds: Annotated[tuple[FeedTally, ...], Meta(max_length=16)]


class AccountForgotten(Signal, frozen=True, kw_only=True, tag="account.forgotten.v1"):
    """An account was erased: every partition of the entities agent drops what its states remember of it."""

    account_id: Id


SignalEvent = EntityObserved | EntityBlockAsked | CaseActed | HealthBucket | ClockTold | FeedsTold | AccountForgotten


DaySecond = Annotated[int, Meta(ge=0, lt=86_400)]


class RiskPoint(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One dated entry of a terminal's or merchant's risk ring: labels of one UTC day.

    A day with few labels also says at which second of the day each subject happened, so that windows can be cut to
    the second; on a day with many labels both lists are empty and the day counts as a whole.
    """

    day: Count  # days since 1970-01-01 of the labelled subject
    frauds: Count
    labels: Count
    fraud_s: Annotated[tuple[DaySecond, ...], Meta(max_length=64)] = ()
    legit_s: Annotated[tuple[DaySecond, ...], Meta(max_length=64)] = ()
    plain: Count = 0  # frauds that their amount does not explain; of those, the seconds
    plain_s: Annotated[tuple[DaySecond, ...], Meta(max_length=64)] = ()


class EntityRisk(Output, frozen=True, kw_only=True, tag="entity.risk.v1", tag_field="type"):
    """What the entities agent knows about a notable entity, written to every partition of paywarden.entity-risk."""

    kind: EntityKind
    value: Id
    effective_at: Instant  # decisions of events before this do not use it
    expires_at: Instant
    level: Literal["normal", "elevated", "attack"]
    typology: Label | None = None  # password_spray, card_testing, risky_terminal, ...
    score: Share = 0.0
    ring: Annotated[tuple[RiskPoint, ...], Meta(max_length=128)] = ()
    label_delay_s: Count = 0  # windows over the ring end this long before the event they are counted for
    version: Count
    case_id: Id | None = None  # the incident that this level belongs to
    since: Instant | None = None  # of an outage: failures from here on belong to it
    closed: bool = False  # of an outage: it is over, and its customers may be told; normal and not closed: it recovers
    retired: bool = False  # of an outage that is closed: what was down is out of service, so nobody hears that it works
    shared: bool = False  # of an attack: honest people are at home there, so strangers are asked and nobody is blocked


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="dead.letter.v1", tag_field="type"):
    """A record that was set aside: enough to judge it and to feed it again."""

    reason: Label  # undecodable, unknown_type, key_mismatch, wrong_partition, future, too_large, raised, ...
    detail: ShortText
    topic: ShortText  # logical name; of a foreign topic `foreign/` and its name
    partition: Count
    offset: Count
    timestamp_ms: Annotated[int, Meta(ge=-1, le=2**63 - 1)]  # of the record; -1 = it had none
    sha256: Label  # of the value if `body` is all of it, else of what is kept of it; never of anything hidden
    size: Count  # of the value, in bytes
    key: ShortText | None = None  # an opaque id as it is, anything else as its kind and length: <text 17>
    # Base64 of at most 64 KiB: the value if all of it is harmless, else JSON with the kind and length of what is not
    # (docs/privacy.md). None if it was no JSON.
    body: Annotated[str, Meta(max_length=87_384)] | None = None
    path: ShortText | None = None  # the field that could not be decoded, for example $.amount_minor or $.codes[0].code
    begins: Label | None = None  # what a value that is no JSON looks like: gzip, UTF-16, markup, word, ...
