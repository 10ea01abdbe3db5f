"""Which other inputs describe an account: ledger, support, identity, operators, profile, labels, acknowledgements?"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from streams.contracts.actions import Scope
from streams.contracts.base import Count, Currency, Event, Id, Instant, Label, Minor, ShortText, Text
from streams.contracts.cases import Finding, FoundAttack, Queue, ResolutionCode, RootCause


class LedgerPosted(Event, frozen=True, kw_only=True, tag="ledger.posted.v1", tag_field="type"):
    """One line of the double-entry ledger that touches the customer."""

    entry_id: Id
    direction: Literal["debit", "credit"]
    kind: Literal["posting", "hold", "release"] = "posting"
    amount_minor: Minor
    currency: Currency
    payment_id: Id | None = None
    order_id: Id | None = None
    counterparty_id: Id | None = None
    reference: ShortText | None = None


class ProjectionLagged(Event, frozen=True, kw_only=True, tag="projection.lagged.v1", tag_field="type"):
    """The read model that customers see is behind the ledger."""

    as_of: Instant
    lag_s: Count


class Attachment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A file that stays where it is; we hold its reference and digest."""

    reference: ShortText
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
    kind: Label
    media_type: Label | None = None  # RFC 6838, without parameters
    size_bytes: Count | None = None


class Support(Event, frozen=True, kw_only=True, tag_field="type"):
    """Something a customer or a channel told us."""

    channel: Label
    text: Text | None = None
    language: Label | None = None  # BCP 47
    payment_id: Id | None = None
    case_id: Id | None = None
    attachments: Annotated[tuple[Attachment, ...], Meta(max_length=20)] = ()


class UserMessage(Support, frozen=True, kw_only=True, tag="user.message.v1", tag_field="type"):
    """Free text from a customer."""


class UserReport(Support, frozen=True, kw_only=True, tag="user.report.v1", tag_field="type"):
    """The customer reports a theft, an unauthorised payment or a transfer to the wrong payee."""

    kind: Literal["stolen", "unauthorised", "wrong_transfer"]


class UnlockRequested(Support, frozen=True, kw_only=True, tag="unlock.requested.v1", tag_field="type"):
    """The customer wants the account back."""


class CustomerConfirmed(Support, frozen=True, kw_only=True, tag="customer.confirmed.v1", tag_field="type"):
    """Was it you? The customer's answer about `payment_id` or `case_id`."""

    answer: Literal["yes", "no"]
    device_id: Id | None = None  # where it was said, as logins and payments name it


class SurveyAnswered(Support, frozen=True, kw_only=True, tag="survey.answered.v1", tag_field="type"):
    """Satisfaction after a case."""

    score: Annotated[int, Meta(ge=1, le=5)]


class SocialMention(Support, frozen=True, kw_only=True, tag="social.mention.v1", tag_field="type"):
    """A public post about us."""

    reach: Count
    merchant_id: Id | None = None  # whom it tells of, if it names a merchant


MerchantDocument = Literal["business_licence", "tax_registration", "owner_identity", "bank_account"]


class MerchantApplication(Support, frozen=True, kw_only=True, tag="merchant.application.v1", tag_field="type"):
    """A merchant asks to be accepted."""

    merchant_id: Id
    status: Label
    # what still lacks or has expired; none named: a licence or tax document
    missing: Annotated[tuple[MerchantDocument, ...], Meta(max_length=4)] = ()


class IdentityVerified(Event, frozen=True, kw_only=True, tag="identity.verified.v1", tag_field="type"):
    """The identity service looked at a person. Privileged: only accepted on identity.results."""

    method: Label  # otp, face, document, face_and_document
    level: Annotated[int, Meta(ge=1, le=4)]
    passed: bool
    actor: Id
    role: Label
    case_id: Id | None = None
    device_id: Id | None = None  # on which the person was looked at, if that is known


AskedFor = Literal[
    "order", "amount", "time", "payee", "screenshot", "account", "documents", "funds", "device", "answer"
]


class CaseAction(Event, frozen=True, kw_only=True, tag="case.action.v1", tag_field="type"):
    """An operator acts on a case or account. Privileged: only accepted on operator.actions."""

    action: Literal[
        "assign",
        "note",
        "ask",
        "confirm_fraud",
        "confirm_legit",
        "lock",
        "unlock",
        "release",
        "block",
        "refund",
        "merge",
        "link",
        "resolve",
        "reopen",
        "open",
        "escalate",
        "put_back",
        "attach",
        "query",
    ]
    case_id: Id | None = None
    owner: Literal["account", "entity"] = "account"
    expected_version: Count
    actor: Id
    role: Label
    second_actor: Id | None = None
    payment_id: Id | None = None
    text: Text | None = None
    # ask: what the customer is asked for, in words that a message may use; none of them: an answer to a question that
    # the analyst asks through a channel of ours
    asks_for: Annotated[tuple[AskedFor, ...], Meta(max_length=10)] = ()
    assignee: Id | None = None  # assign: whom a supervisor gives the case to; absent: the actor takes it
    queue: Queue | None = None  # escalate: where it belongs, if not where it is
    attachment: Attachment | None = None  # attach
    if_unassigned: bool = False  # assign: only while nobody has the case, as whoever claims the next one wants it
    other_case_id: Id | None = None  # merge: into which; link: with which
    flow: Label | None = None  # open: what it is about, F01 .. F46
    scope: Scope | None = None  # lock, unlock: absent: money out, and every lock
    # lock: freezes the account for a court, or because of money laundering, which closes money in too
    order: Literal["court", "money_laundering"] | None = None
    lasts_s: Count | None = None  # lock: absent: as long as the policy restricts
    finding: Finding | None = None  # resolve: what it turned out to be
    resolution: ResolutionCode | None = None  # resolve: how it ended
    root_cause: RootCause | None = None  # resolve: whose it was
    # ask: the question in each language, in the place of `text`; one is enough for a customer known to read it
    zh: ShortText | None = None
    en: ShortText | None = None
    second_role: Label | None = None  # of the second person; absent: whoever sends the event has looked at it


class IdentityAnswer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What came of one question of the script. What the customer said has no field."""

    question: Label
    result: Literal["right", "wrong", "not_asked"]


Disposition = Literal["answered", "follow_up", "callback", "dropped"]


class ContactTaken(Support, frozen=True, kw_only=True, tag="contact.taken.v1", tag_field="type"):
    """An operator has talked to a customer, by telephone or chat. Privileged: only accepted on operator.actions."""

    actor: Id
    role: Label
    disposition: Disposition
    flow: Label | None = None  # what it is about, if the operator says so: F01 .. F46
    order_id: Id | None = None
    amount_minor: Minor | None = None
    currency: Currency | None = None
    checks: Annotated[tuple[IdentityAnswer, ...], Meta(max_length=10)] = ()
    happened_at: Instant | None = None  # when it was, as the caller remembers or the payment says
    merchant_id: Id | None = None
    counterparty_id: Id | None = None  # the payee of a transfer or payout
    device_id: Id | None = None  # what it was done with, as logins and payments name it


BlockedKind = Literal["ip", "device", "card", "payee", "merchant"]
BlockReason = Literal["fraud", "takeover", "card_testing", "credential_attack", "mule", "chargebacks", "legal", "other"]


class EntityBlock(Event, frozen=True, kw_only=True, tag="entity.block.v1", tag_field="type"):
    """An operator blocks an entity until an event time, or lifts that. Privileged: only accepted on operator.actions.

    It belongs to no account: `known` is false, and `account_id` is `anonymous:` and the same word for all events of one
    entity, so that they stay in order.
    """

    kind: BlockedKind
    value: Id
    wanted: Literal["block", "lift"] = "block"
    expires_at: Instant | None = None  # block: from then on it does not count any more
    reason: BlockReason
    accounts: Count  # that used it lately, as whoever asks has counted them
    actor: Id
    role: Label
    second_actor: Id | None = None
    case_id: Id | None = None
    second_role: Label | None = None  # of the second person; absent: whoever sends the event has looked at it


HandledBy = Literal["assign", "note", "root_cause", "statement", "close"]


class IncidentAction(Event, frozen=True, kw_only=True, tag="incident.action.v1", tag_field="type"):
    """An operator acts on the case of an incident or attack. Privileged: only accepted on operator.actions.

    It belongs to no account: `known` is false, and `account_id` is `anonymous:` and the same word for all events of one
    entity, so that they stay in order.
    """

    entity: Id  # kind/value, as the case has it
    case_id: Id
    action: HandledBy
    expected_version: Count
    actor: Id
    role: Label
    assignee: Id | None = None  # assign: to whom a supervisor gives it; absent: the actor takes it
    text: Text | None = None  # note, close: why
    root_cause: RootCause | None = None
    zh: ShortText | None = None  # statement: what customers may be told officially
    en: ShortText | None = None
    finding: FoundAttack | None = None  # close, of an attack: what it turned out to be


class AccountErasure(Event, frozen=True, kw_only=True, tag="account.erasure.v1", tag_field="type"):
    """A person's data has to go. Privileged: only accepted on operator.actions."""

    actor: Id
    role: Label
    second_actor: Id
    why: ShortText


class AccountProfile(Event, frozen=True, kw_only=True, tag="account.profile.v1", tag_field="type"):
    """What is known about the holder; contact channels are references, never addresses."""

    language: Label = "zh-Hans"
    time_zone: Label | None = None  # IANA name
    opened_at: Instant | None = None
    tier: Label | None = None
    two_factor: bool | None = None
    app_version: Label | None = None
    vulnerable: bool = False
    contact_channels: Annotated[tuple[Label, ...], Meta(max_length=20)] = ()
    home_currency: Currency | None = None
    closed_at: Instant | None = None  # the account is no more


class LabelRecorded(Event, frozen=True, kw_only=True, tag="label.recorded.v1", tag_field="type"):
    """The truth about an earlier payment or login, late."""

    subject_id: Id  # payment_id or event_id of the login
    verdict: Literal["fraud", "legit"]
    label_source: Label  # chargeback, analyst, customer, ...
    subject_occurred_at: Instant
    merchant_id: Id | None = None
    terminal_id: Id | None = None
    device_id: Id | None = None
    amount_minor: Minor | None = None
    currency: Currency | None = None  # of the amount; without it the amount is the one that is remembered


class ActionAcknowledged(Event, frozen=True, kw_only=True, tag="action.acknowledged.v1", tag_field="type"):
    """The payment system carried out, or could not carry out, an action we asked for."""

    action_id: Id
    effective_at: Instant
    result: Literal["done", "refused", "unknown_account"]
