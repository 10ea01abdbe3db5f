"""Which topics are there, what do they carry, who writes them, and how are they kept?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

from streams.contracts import accounts, actions, cases, decisions, logins, payments, policies, signals, triage
from streams.contracts.base import Watermark

Direction = Literal["input", "output", "internal"]
KeyField = Literal["account_id", "case_id", "entity", "cause", "state", "policy"]
Agent = Literal["accounts", "entities"]

_DAY_S: Final = 86_400
# Without it what a tombstone or a newer record replaced may stay for ever in a quiet segment.
ERASED_WITHIN_S: Final = 7 * _DAY_S
_NOT_A_NAME = re.compile(r"[^a-zA-Z0-9._-]")
_LONGEST_NAME: Final = 249  # Kafka's limit: the name plus a partition number must fit a file name


class Topic(NamedTuple):
    """One row of the table: everything that creating, reading, guarding and documenting a topic needs."""

    name: str  # logical; `physical` adds the deployment's prefix
    direction: Direction
    key: KeyField
    types: tuple[type, ...]
    owner: str  # who writes it: the principal that an ACL would name
    about: str
    rank: int | None = None  # place in the merge: of equal record times the lower rank goes first; None = not merged
    required: bool = False  # a worker cannot do its main job without this feed
    privileged: bool = False  # its types are refused on any other topic
    compacted: bool = False
    retention_s: int | None = None  # None with compaction: the newest record of a key stays
    settings: Mapping[str, str] = MappingProxyType({})

    @property
    def configs(self) -> dict[str, str]:
        """Kafka's topic configuration, as it is created."""
        if self.compacted:
            keeping = {"cleanup.policy": "compact", "max.compaction.lag.ms": str(ERASED_WITHIN_S * 1000)}
        else:
            kept_ms = -1 if self.retention_s is None else self.retention_s * 1000
            keeping = {"cleanup.policy": "delete", "retention.ms": str(kept_ms)}
        return {**keeping, "message.timestamp.type": "CreateTime", **self.settings}

    @property
    def replay_configs(self) -> dict[str, str]:
        """The same for history: record times lie years back, and retention must not eat them on arrival."""
        return self.configs if self.compacted else {**self.configs, "retention.ms": "-1"}


# Eight times the decoder's limit: an oversized record then becomes a dead letter with a name, not an error in a
# producer that nobody here sees.
_INPUT: Final = MappingProxyType({"max.message.bytes": str(8 * 1024 * 1024)})
# Small segments and a low dirty ratio keep few stale rows, so recovery reads little more than the live state.
_CHANGELOG: Final = MappingProxyType(
    {
        "segment.bytes": str(64 * 1024 * 1024),
        "min.cleanable.dirty.ratio": "0.1",
        "compression.type": "lz4",
    }
)
_PAYMENT_TYPES: Final = (
    payments.PaymentRequested,
    payments.PaymentAuthorized,
    payments.PaymentCaptured,
    payments.PaymentSucceeded,
    payments.PaymentFailed,
    payments.PaymentPending,
    payments.PaymentReversed,
    payments.PspStatus,
    payments.TransferRequested,
    payments.TransferSucceeded,
    payments.TransferFailed,
    payments.TransferReversed,
    payments.TopupRequested,
    payments.TopupConfirmed,
    payments.TopupCredited,
    payments.TopupFailed,
    payments.WithdrawalRequested,
    payments.WithdrawalSent,
    payments.WithdrawalCredited,
    payments.WithdrawalReturned,
    payments.WithdrawalFailed,
    payments.RefundRequested,
    payments.RefundApproved,
    payments.RefundPromised,
    payments.RefundSent,
    payments.RefundCredited,
    payments.RefundFailed,
    payments.BillpayRequested,
    payments.BillpayDebited,
    payments.BillpayPosted,
    payments.BillpayFailed,
    payments.CardBound,
    payments.CardUnbound,
    payments.PromoGranted,
    payments.PromoClaimed,
    payments.FeeCharged,
    payments.MerchantReplied,
)
_LOGIN_TYPES: Final = (
    logins.LoginSucceeded,
    logins.LoginFailed,
    logins.ChallengeSent,
    logins.ChallengePassed,
    logins.ChallengeFailed,
    logins.CredentialChanged,
    logins.PasswordResetRequested,
    logins.DeviceBound,
    logins.SessionUsed,
)
_SUPPORT_TYPES: Final = (
    accounts.UserMessage,
    accounts.UserReport,
    accounts.UnlockRequested,
    accounts.CustomerConfirmed,
    accounts.SurveyAnswered,
    accounts.SocialMention,
    accounts.MerchantApplication,
)

_ROWS: Final = (
    Topic(
        name="risk.labels",
        direction="input",
        key="account_id",
        types=(accounts.LabelRecorded, Watermark),
        owner="risk operations",
        about="The truth about earlier payments and logins, late.",
        rank=0,
        retention_s=90 * _DAY_S,
        settings=_INPUT,
    ),
    Topic(
        name="account.profiles",
        direction="input",
        key="account_id",
        types=(accounts.AccountProfile, Watermark),
        owner="account service",
        about="What is known about the holder of an account.",
        rank=1,
        compacted=True,
        settings=_INPUT,
    ),
    Topic(
        name="identity.results",
        direction="input",
        key="account_id",
        types=(accounts.IdentityVerified, Watermark),
        owner="identity service",
        about="Results of identity checks.",
        rank=2,
        privileged=True,
        retention_s=30 * _DAY_S,
        settings=_INPUT,
    ),
    Topic(
        name="operator.actions",
        direction="input",
        key="account_id",
        types=(
            accounts.CaseAction,
            accounts.AccountErasure,
            accounts.ContactTaken,
            accounts.EntityBlock,
            accounts.IncidentAction,
            Watermark,
        ),
        owner="console",
        about="What operators do to cases, accounts and entities, and whom they have talked to.",
        rank=3,
        privileged=True,
        retention_s=30 * _DAY_S,
        settings=_INPUT,
    ),
    Topic(
        name="account.action-acks",
        direction="input",
        key="account_id",
        types=(accounts.ActionAcknowledged, Watermark),
        owner="payment system",
        about="Answers of the payment system to account.actions.",
        rank=4,
        retention_s=30 * _DAY_S,
        settings=_INPUT,
    ),
    Topic(
        name="auth.logins",
        direction="input",
        key="account_id",
        types=(*_LOGIN_TYPES, Watermark),
        owner="authentication service",
        about="Logins, second factors, credential changes, sessions.",
        rank=5,
        required=True,
        retention_s=30 * _DAY_S,
        settings=_INPUT,
    ),
    Topic(
        name="payments.transactions",
        direction="input",
        key="account_id",
        types=(*_PAYMENT_TYPES, Watermark),
        owner="payment system",
        about="Every step of every movement of money.",
        rank=6,
        required=True,
        retention_s=30 * _DAY_S,
        settings=_INPUT,
    ),
    Topic(
        name="ledger.entries",
        direction="input",
        key="account_id",
        types=(accounts.LedgerPosted, accounts.ProjectionLagged, Watermark),
        owner="ledger",
        about="The lines of the double-entry ledger that touch customers.",
        rank=7,
        retention_s=30 * _DAY_S,
        settings=_INPUT,
    ),
    Topic(
        name="support.requests",
        direction="input",
        key="account_id",
        types=(*_SUPPORT_TYPES, Watermark),
        owner="support channels",
        about="What customers and channels tell us.",
        rank=8,
        retention_s=30 * _DAY_S,
        settings=_INPUT,
    ),
    Topic(
        name="fraud.decisions",
        direction="output",
        key="account_id",
        types=(
            decisions.DecisionMade,
            decisions.DecisionAmended,
            decisions.DecisionShadowed,
            triage.PaymentTriaged,
        ),
        owner="accounts agent",
        about="The verdict on every payment and login, what became of holds, and why payments failed.",
        retention_s=7 * _DAY_S,
    ),
    Topic(
        name="account.actions",
        direction="output",
        key="account_id",
        types=(actions.ActionRequested,),
        owner="accounts agent, entities agent",
        about="Commands to the payment system, sent again until acknowledged.",
        retention_s=7 * _DAY_S,
    ),
    Topic(
        name="account.locks",
        direction="output",
        key="account_id",
        types=(actions.LocksState,),
        owner="accounts agent",
        about="All locks of an account; the newest record is the truth.",
        compacted=True,
    ),
    Topic(
        name="support.cases",
        direction="output",
        key="case_id",
        types=(
            cases.CaseVersion,
            cases.ActionRejected,
            cases.AttachmentRecorded,
            cases.RemarkRecorded,
            cases.AccountErased,
        ),
        owner="accounts agent, entities agent",
        about="Every version of every case, what was said about it, refused actions, receipts of erasures.",
        retention_s=30 * _DAY_S,
    ),
    Topic(
        name="support.cases.snapshot",
        direction="output",
        key="case_id",
        types=(cases.CaseVersion,),
        owner="accounts agent, entities agent",
        about="The newest version of each case; a tombstone 90 days after it closed.",
        compacted=True,
    ),
    Topic(
        name="customer.notifications",
        direction="output",
        key="account_id",
        types=(cases.NotificationRequested,),
        owner="accounts agent",
        about="Messages to customers, rendered in both languages.",
        retention_s=7 * _DAY_S,
    ),
    Topic(
        name="psp.commands",
        direction="output",
        key="account_id",
        types=(
            actions.PspQuery,
            actions.PspCancel,
            actions.RefundIntended,
            actions.RefundRetry,
            actions.RefundCancelled,
        ),
        owner="accounts agent",
        about="Status queries and refund intents for the payment service provider: an outbox.",
        retention_s=7 * _DAY_S,
    ),
    Topic(
        name="paywarden.signals",
        direction="internal",
        key="entity",
        types=(
            signals.EntityObserved,
            signals.EntityBlockAsked,
            signals.CaseActed,
            signals.HealthBucket,
            signals.ClockTold,
            signals.FeedsTold,
            signals.AccountForgotten,
        ),
        owner="accounts agent",
        about="What the accounts agent tells the entities agent.",
        rank=0,
        required=True,
        retention_s=7 * _DAY_S,
    ),
    Topic(
        name="paywarden.entity-risk",
        direction="internal",
        key="entity",
        types=(signals.EntityRisk,),
        owner="entities agent",
        about="Risk of notable entities, written to every partition.",
        retention_s=7 * _DAY_S,
    ),
    Topic(
        name="paywarden.dead-letters",
        direction="output",
        key="cause",
        types=(signals.DeadLetter,),
        owner="accounts agent, entities agent",
        about="Records that were set aside, with the reason and enough to feed them again.",
        retention_s=30 * _DAY_S,
    ),
    Topic(
        name="paywarden.policies",
        direction="internal",
        key="policy",
        types=(policies.PolicyProposed, policies.PolicyApproved, policies.PolicyRolledBack),
        owner="console",
        about="Policies published while workers run: proposals, approvals, roll-backs. Guard it with an ACL.",
        privileged=True,
    ),
    Topic(
        name="paywarden.accounts.changelog",
        direction="internal",
        key="state",
        types=(),
        owner="accounts agent",
        about="State rows and positions of the accounts agent.",
        compacted=True,
        settings=_CHANGELOG,
    ),
    Topic(
        name="paywarden.entities.changelog",
        direction="internal",
        key="state",
        types=(),
        owner="entities agent",
        about="State rows and positions of the entities agent.",
        compacted=True,
        settings=_CHANGELOG,
    ),
)

TOPICS: Final[Mapping[str, Topic]] = MappingProxyType({row.name: row for row in _ROWS})
MERGED: Final[tuple[Topic, ...]] = tuple(
    sorted((row for row in _ROWS if row.direction == "input" and row.rank is not None), key=lambda row: row.rank or 0)
)
ENTITY_RISK: Final = TOPICS["paywarden.entity-risk"]
LOCKS: Final = TOPICS["account.locks"]
CASES_SNAPSHOT: Final = TOPICS["support.cases.snapshot"]
SIGNALS: Final = TOPICS["paywarden.signals"]
DEAD_LETTERS: Final = TOPICS["paywarden.dead-letters"]
POLICIES: Final = TOPICS["paywarden.policies"]


def inputs_of(agent: Agent) -> tuple[Topic, ...]:
    """The topics that an agent reads, in merge order; those without a rank come last and are not waited for."""
    match agent:
        case "accounts":
            return (*MERGED, ENTITY_RISK)
        case "entities":
            return (SIGNALS,)


INGEST: Final = "paywarden.ingest."


def ingest_changelog(source: str) -> Topic:
    """The topic that holds how far the source of this name was read; it has as many partitions as what is read."""
    return Topic(
        name=f"{INGEST}{source}.changelog",
        direction="internal",
        key="state",
        types=(),
        owner=f"ingest of {source}",
        about=f"Positions of the ingest of {source}.",
        compacted=True,
        settings=_CHANGELOG,
    )


def changelog_of(agent: Agent) -> Topic:
    """The topic that holds the state of an agent."""
    return TOPICS[f"paywarden.{agent}.changelog"]


class Names(NamedTuple):
    """How a deployment calls its topics: `own` names for some of them, the prefix before all others."""

    prefix: str = ""
    own: Mapping[str, str] = MappingProxyType({})  # logical name -> name in the cluster, taken as it is


Naming: TypeAlias = str | Names  # a text is a prefix

# Before the logical name of a topic that is not ours: it has no prefix, and no topic of Kafka can be called so.
FOREIGN: Final = "foreign/"


def physical(names: Naming, name: str) -> str:
    """The name of a topic in the cluster: its own, or the deployment's prefix (for example `demo.`) before it."""
    if name.startswith(FOREIGN):
        return name[len(FOREIGN) :]
    prefix, own = (names, {}) if isinstance(names, str) else names
    full = own.get(name) or prefix + name
    if not full or len(full) > _LONGEST_NAME or full in (".", "..") or _NOT_A_NAME.search(full):
        raise ValueError(f"not a topic name for Kafka: {full!r}; use letters, digits, dot, dash and underscore")
    return full


def logical(names: Naming, name: str) -> str:
    """The inverse of `physical`."""
    prefix, own = (names, {}) if isinstance(names, str) else names
    for ours, theirs in own.items():
        if theirs == name:
            return ours
    if not name.startswith(prefix):
        raise ValueError(f"topic {name!r} does not start with the prefix {prefix!r}")
    return name[len(prefix) :]
