"""What does a support case look like, in each of its versions?"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from streams.contracts.base import (
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

Queue = Literal["technical", "accounting", "policy", "security", "self_service"]
Priority = Literal["P1", "P2", "P3", "P4"]
Status = Literal[
    "received",
    "recorded",
    "classified",
    "auto_answered",
    "assigned",
    "in_progress",
    "waiting_customer",
    "waiting_third_party",
    "resolved",
    "surveyed",
    "closed",
    "reopened",
    "merged",
    "withdrawn",
]
FoundAttack = Literal["confirmed_fraud", "false_alarm"]
Finding = Literal["unset", "confirmed_fraud", "valuable_alert", "customer_error", "outage", "false_alarm"]
# What whoever resolves a case may choose; a case that ends by itself has words of its own.
ResolutionCode = Literal[
    "fixed", "refunded", "explained", "secured", "reversed", "recovered", "passed_on", "not_reproduced", "no_action"
]
RootCause = Literal["customer", "merchant", "issuer", "provider", "platform", "fraudster", "policy", "unknown"]


# A case stays below 256 KiB, so its lists are bounded; the core counts what it leaves out.
Labels = Annotated[tuple[Label, ...], Meta(max_length=64)]


Locales = Annotated[dict[Label, Text], Meta(max_length=8)]  # by BCP 47 tag


class Sla(Written, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Deadlines by priority; the clock pauses only while waiting for the customer."""

    first_response_due: Instant
    next_update_due: Instant
    resolution_due: Instant
    responded: bool = False  # the first response is given: its deadline counts no longer
    paused_s: Count = 0
    legal_due: Instant | None = None  # an answer that the law wants by then
    legal_basis: Label | None = None


class Evidence(Written, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One line of the timeline: what happened, when, and which event says so."""

    at: Instant
    kind: Label
    event_id: Id
    text: ShortText
    amount_minor: Minor | None = None
    currency: Currency | None = None


class Entities(Written, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Everything the case is about, by reference."""

    account_id: Id | None = None
    payment_id: Id | None = None
    order_id: Id | None = None
    merchant_id: Id | None = None
    terminal_id: Id | None = None
    card_token: Id | None = None
    device_id: Id | None = None
    ip: Ip | None = None
    entity: Id | None = None  # kind/value for cases that the entities agent owns
    payee_id: Id | None = None  # whom the money went to, as somebody has said it


class CustomerText(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What may be told to the customer, in both languages, rendered from one template."""

    template: Label
    zh: Text
    en: Text
    texts: Locales = msgspec.field(default_factory=dict)  # in the customer's language too, where the deployment has it


class CaseVersion(Output, frozen=True, kw_only=True, tag="case.version.v1", tag_field="type"):
    """One version of a case: what changed, and the whole case after the change."""

    case_id: Id
    version: Count
    changed: Annotated[tuple[ShortText, ...], Meta(max_length=64)]
    case_type: Label  # area.kind, for example payment_failure.repeat
    flow: Label  # F01 .. F46
    cause_family: Label
    owner: Literal["account", "entity"] = "account"
    shadow: bool = False
    queue: Queue
    priority: Priority
    status: Status = "classified"
    sub_status: Label | None = None
    finding: Finding = "unset"
    category: Label | None = None
    confidence: Share | None = None
    subject: ShortText
    entities: Entities = Entities()
    amount_minor: Minor | None = None
    currency: Currency | None = None
    money_state: Label | None = None
    region: Label | None = None
    language: Label | None = None
    channel: Label | None = None
    rules: Labels = ()
    codes: Labels = ()
    reason_codes: Labels = ()
    evidence: Annotated[tuple[Evidence, ...], Meta(max_length=200)] = ()
    evidence_dropped: Count = 0  # the timeline is bounded; older lines are counted
    counters: Annotated[dict[Label, Count], Meta(max_length=64)] = msgspec.field(
        default_factory=dict
    )  # users, attempts, events joined
    actions: Annotated[tuple[Id, ...], Meta(max_length=64)] = ()
    messages: Annotated[tuple[CustomerText, ...], Meta(max_length=8)] = ()
    incident_id: Id | None = None
    parent_id: Id | None = None
    merged_into: Id | None = None
    assignee: Id | None = None
    sla: Sla | None = None
    resolution_code: Label | None = None
    root_cause: Label | None = None
    csat: Annotated[int, Meta(ge=1, le=5)] | None = None
    created_at: Instant
    detected_at: Instant
    audit_hash_prev: Label | None = None
    happened_at: Instant | None = None  # when what it is about was, as somebody has said it


class ActionRejected(Output, frozen=True, kw_only=True, tag="action.rejected.v1", tag_field="type"):
    """An operator's action that the core refused, and why."""

    event_id: Id
    account_id: Id
    case_id: Id | None = None
    action: Label
    cause: Label
    text: ShortText


class AttachmentRecorded(Output, frozen=True, kw_only=True, tag="attachment.recorded.v1", tag_field="type"):
    """A case has a file, which stays where it is: its reference, its digest and whose word that is."""

    event_id: Id  # that brought it
    account_id: Id
    case_id: Id
    reference: ShortText
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
    kind: Label
    media_type: Label | None = None
    size_bytes: Count | None = None
    actor: Id  # an operator, or `customer`
    role: Label


class RemarkRecorded(Output, frozen=True, kw_only=True, tag="remark.recorded.v1", tag_field="type"):
    """What somebody has said about a case, with what must not be kept masked: a note, a question, a customer's words.

    Of an operator's action only what was carried out has one.
    """

    event_id: Id  # that brought it
    account_id: Id
    case_id: Id
    action: Label  # note, ask, resolve, ...; contact: as an operator heard it; message: as the customer wrote it
    actor: Id  # an operator, or `customer`
    role: Label
    text: Text
    hidden: Labels = ()  # kinds of what was masked


class AccountErased(Output, frozen=True, kw_only=True, tag="account.erased.v1", tag_field="type"):
    """The receipt of an erasure: what was forgotten of the account. Whoever keeps its cases drops them now."""

    event_id: Id  # of the request
    account_id: Id
    actor: Id
    second_actor: Id
    case_ids: Annotated[tuple[Id, ...], Meta(max_length=64)] = ()  # snapshots that went
    forgotten: Annotated[dict[Label, Count], Meta(max_length=16)] = msgspec.field(default_factory=dict)  # how many


class NotificationRequested(Output, frozen=True, kw_only=True, tag="notification.requested.v1", tag_field="type"):
    """A message to the customer: template, typed parameters and both texts; never an internal reason."""

    notification_id: Id
    account_id: Id
    template: Label
    parameters: Annotated[dict[Label, ShortText], Meta(max_length=32)] = msgspec.field(default_factory=dict)
    zh: Text
    en: Text
    channel: Label = "in_app"
    not_after: Instant
    case_id: Id | None = None
    texts: Locales = msgspec.field(default_factory=dict)  # in the customer's language too, where the deployment has it
