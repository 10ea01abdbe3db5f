"""What do the steps of the core hand to each other: prepared events, the moment of a decision, effects?"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import msgspec

from streams.contracts.actions import (
    ActionRequested,
    LocksState,
    PspCancel,
    PspQuery,
    RefundCancelled,
    RefundIntended,
    RefundRetry,
)
from streams.contracts.base import Event
from streams.contracts.cases import (
    AccountErased,
    ActionRejected,
    AttachmentRecorded,
    CaseVersion,
    NotificationRequested,
    RemarkRecorded,
)
from streams.contracts.decisions import DecisionAmended, DecisionMade, DecisionShadowed, Hit
from streams.contracts.triage import PaymentTriaged
from streams.core.attacked_places import AttackedPlaces
from streams.core.cases.clocks import Deadline
from streams.core.cases.shelf import SnapshotDropped
from streams.core.declines.samples import Samples
from streams.core.entities.health import HealthBuckets
from streams.core.incidents.outages import Outages
from streams.core.intake.topics import Topic
from streams.core.library import Library, packaged_library
from streams.core.locks.caps import PartitionLimits
from streams.core.locks.tenure import EndedLock, Tenure
from streams.core.observations import Whence
from streams.core.ranking import Ranking

if TYPE_CHECKING:
    from streams.core.features import Features

Trade: TypeAlias = Literal["sale", "refund", "refund_without_sale"]


class MerchantsFault(NamedTuple):
    """Why a payment failed that only its merchant can mend."""

    cause: str
    code: str  # that says so, as people look it up


class LocksForgotten(msgspec.Struct, frozen=True, gc=False):
    """The effect: a tombstone for the locks of this account."""

    occurred_at: datetime
    account_id: str


# What the accounts side may answer with; the shell turns each into one record.
Effect = (
    DecisionMade
    | DecisionAmended
    | DecisionShadowed
    | PaymentTriaged
    | ActionRequested
    | LocksState
    | CaseVersion
    | ActionRejected
    | AttachmentRecorded
    | RemarkRecorded
    | NotificationRequested
    | PspQuery
    | PspCancel
    | RefundIntended
    | RefundRetry
    | RefundCancelled
    | SnapshotDropped
    | LocksForgotten
    | AccountErased
)


class Prepared(msgspec.Struct, frozen=True, gc=False):
    """One event with everything that was known before it. Batches of these are scored in one call."""

    event: Event
    at_ms: int
    late: bool = False  # older than the clock by more than the lateness bound: counted, shown, not acted on
    subject: str = ""  # payment, transfer, topup, withdrawal, bill, login ..; empty: nothing to decide about
    features: Features | None = None  # None: this event is not scored; a movement is scored at its first event only
    hits: tuple[Hit, ...] = ()
    risk_age_s: int | None = None  # age of the oldest entity risk that the features used
    incident: str = ""  # case of the attack on logins, or of the card testing, that this event is a part of
    times_usual: float | None = None  # of a fraud label: the amount of its subject over the account's median
    established: bool = False  # of what an owner reports: the account is old enough and has paid often enough
    release: str = ""  # version of a program that gives its users new devices, as this login shows
    device_since_ms: int = 0  # since when the account knows the device that a customer\'s answer names; 0: it does not
    guesses: int = 0  # of a failed login: failures of its side of the door since anything cleared them, however old
    incident_kind: str = ""  # of the entity that is attacked: ip, network, health for the whole site ..
    is_proved: bool = False  # of a login: its second factor was told of just before
    whence: Whence = Whence.UNTOLD  # of a movement
    incident_typology: str = ""  # of that attack: password_spray, card_testing ..
    at_home: bool = False  # of a second factor or of a movement's end: nothing says that it was a stranger
    network_since_ms: int = 0  # of a movement or change: since when the network is known that stands for a device
    login_network_ms: int = 0  # of a movement or change: since when its network is one that logins came from; 0: no
    by_stranger: bool = False  # of a card that was added or removed: from where nobody ever came in
    about: Topic | None = None  # of a public post: what it tells of; `incident` is then the case of all such posts
    # Of a second factor: of one prompt too many for a device that the account does not know, or from a stolen one.
    nagged: bool = False
    lost: bool = False  # its device may be the one that was stolen


class DecideContext(msgspec.Struct, gc=False):
    """Where and when a decision is made; everything that is neither the account's state nor the event."""

    account_id: str
    partition: int
    partitions: int
    now_ms: int  # only for the age of effects
    clock_ms: int
    feeds: dict[str, int]  # newest event time per input topic; a missing topic has told nothing yet
    limits: PartitionLimits = msgspec.field(default_factory=PartitionLimits)
    barrier_s: int | None = None  # replay in steps: the payment system answers a step only when it has ended
    # Effects that were wanted and not sent, as (effect, why): for the shell to count.
    withheld: list[tuple[str, str]] = msgspec.field(default_factory=list)
    samples: Samples = msgspec.field(default_factory=Samples)
    library: Library = msgspec.field(default_factory=packaged_library)
    # Feeds that the entities agent has called stalled: (from, until) in ms of event time.
    stalled: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)
    # Rules that locked the account just now, and which cap kept others from it: for the shell to tell and to count.
    locked: list[str] = msgspec.field(default_factory=list)
    capped: list[str] = msgspec.field(default_factory=list)
    # Why fees were not compared with their tariffs: for the shell to count.
    unjudged: list[str] = msgspec.field(default_factory=list)
    # Currencies of amounts that no rate weighs: for the shell to count.
    unrated: list[str] = msgspec.field(default_factory=list)

    def is_stalled(self, feed: str, at_ms: int) -> bool:
        """Whether the feed has stopped while others go on, so that its silence proves nothing.

        To the very end: what prolongs it is effective at that moment, and timers of a moment come before its events.
        """
        since_ms, until_ms = self.stalled.get(feed, (0, 0))
        return since_ms <= at_ms <= until_ms

    # Labels of payments that were scored, as (band of the score, verdict): for the shell to count.
    foretold: list[tuple[int, str]] = msgspec.field(default_factory=list)
    attacked: AttackedPlaces = msgspec.field(default_factory=AttackedPlaces)
    # Confirmed frauds, as (outcome that the movement had, value in US cents): for the shell to count.
    frauds: list[tuple[str, int]] = msgspec.field(default_factory=list)
    outages: Outages = msgspec.field(default_factory=Outages)
    health: HealthBuckets = msgspec.field(default_factory=HealthBuckets)
    ranking: Ranking = msgspec.field(default_factory=Ranking)
    # Locks that stand in this partition; what this event or timer did to them, and to owners who waited: to count.
    tenure: Tenure = msgspec.field(default_factory=Tenure)
    begun: list[str] = msgspec.field(default_factory=list)
    ended: list[EndedLock] = msgspec.field(default_factory=list)
    let_in: list[int] = msgspec.field(default_factory=list)  # how long an owner waited who had asked, ms
    unlisted: int = 0  # reports and answers through a channel that the policy does not list
    unread: list[str] = msgspec.field(default_factory=list)  # where answers came from that nobody here understands
    handed_over: list[str] = msgspec.field(default_factory=list)  # queues of cases that people alone follow from now on
    deadlines: list[Deadline] = msgspec.field(default_factory=list)  # promises of cases that were kept or missed
    responses: list[tuple[str, int]] = msgspec.field(default_factory=list)  # first ones: queue, and how long it took

    dialogue: list[str] = msgspec.field(default_factory=list)  # steps of `cases.dialogue`: for the shell to count
    ratings: list[int] = msgspec.field(default_factory=list)  # what customers gave their cases, 1 .. 5
    readers: list[str] = msgspec.field(default_factory=list)  # who understood a customer's text: rule, model, person
    answered: int = 0  # texts that were answered at once
    questions: list[str] = msgspec.field(default_factory=list)  # what became of general questions: to count
    unanswered: list[str] = msgspec.field(default_factory=list)  # themes of those that no article answers

    trade: Trade | None = None  # what a movement was for its merchant: for the shell to tell
    fault: MerchantsFault | None = None  # likewise, of one that failed
    post_case: str = ""  # case of a public post that many read: for the shell to tell its topic

    told_right: bool = False  # the owner was told that a stranger gave the right password: no attack tells it again
    answerable: bool = False  # ... or will be, if no second factor comes

    # What was decided and the account has to learn from: for `pipeline.learn`.
    # Since when a thief may have been in: what the account has learned from then on is forgotten.
    forgets_ms: int | None = None
    # Whose failed logins so far are no guesses: a person has let them in (known_devices, unknown_devices, everyone).
    pardoned: list[str] = msgspec.field(default_factory=list)
    released: list[str] = msgspec.field(default_factory=list)  # held movements that somebody known has let go
    vouched_ms: list[int] = msgspec.field(default_factory=list)  # when logins came that were the owner's, as was said
    owners_ms: int = 0  # until when changes of credentials were the owner's, as a person has found; 0: nobody has

    # Since when an account was frozen that two people have just given back to whoever passed the check; 0: none was.
    stolen_ms: int = 0
    explained_ms: int = 0  # until when what came in is no mule's money, as a person has found; 0: nobody has

    def heard_ms(self, at_ms: int) -> int:
        """From when on what is said at `at_ms` can be answered: at once, or at the end of its step of a replay."""
        if self.barrier_s is None:
            return at_ms
        step_ms = self.barrier_s * 1000
        return (at_ms // step_ms + 1) * step_ms
