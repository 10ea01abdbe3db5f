"""What does a support case look like, in each of its versions?"""

from __future__ import annotations

from typing import Literal

import msgspec

from streams.contracts.base import Currency, Id, Instant, Label, Minor, Output, ShortText, Text

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
Finding = Literal["unset", "confirmed_fraud", "valuable_alert", "customer_error", "outage", "false_alarm"]


class Sla(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Deadlines by priority (domain 1.3); pauses only while waiting for the customer."""

    first_response_due: Instant
    next_update_due: Instant
    resolution_due: Instant
    paused_s: int = 0


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One line of the timeline: what happened, when, and which event says so."""

    at: Instant
    kind: Label
    event_id: Id
    text: ShortText
    amount_minor: Minor | None = None
    currency: Currency | None = None


class Entities(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Everything the case is about, by reference."""

    account_id: Id | None = None
    payment_id: Id | None = None
    order_id: Id | None = None
    merchant_id: Id | None = None
    terminal_id: Id | None = None
    card_token: Id | None = None
    device_id: Id | None = None
    ip: ShortText | None = None
    entity: Id | None = None  # kind/value for cases that the entities agent owns


class CustomerText(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What may be told to the customer, in both languages, rendered from one template."""

    template: Label
    zh: Text
    en: Text


class CaseVersion(Output, frozen=True, kw_only=True, tag="case.version.v1", tag_field="type"):
    """One version of a case: what changed, and the whole case after the change (domain section 7)."""

    case_id: Id
    version: int
    changed: tuple[ShortText, ...]
    case_type: Label  # domain 1.3, for example payment_failure.repeat
    flow: Label  # F01 .. F46
    cause_family: Label
    owner: Literal["account", "entity"] = "account"
    shadow: bool = False
    queue: Queue
    priority: Priority
    status: Status = "classified"
    finding: Finding = "unset"
    category: Label | None = None
    confidence: float | None = None
    subject: ShortText
    entities: Entities = Entities()
    amount_minor: Minor | None = None
    currency: Currency | None = None
    money_state: Label | None = None
    region: Label | None = None
    language: Label | None = None
    channel: Label | None = None
    rules: tuple[Label, ...] = ()
    codes: tuple[Label, ...] = ()
    reason_codes: tuple[Label, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    evidence_dropped: int = 0  # the timeline is bounded; older lines are counted
    counters: dict[str, int] = msgspec.field(default_factory=dict)  # users, attempts, events joined
    actions: tuple[Id, ...] = ()
    messages: tuple[CustomerText, ...] = ()
    incident_id: Id | None = None
    parent_id: Id | None = None
    merged_into: Id | None = None
    assignee: Id | None = None
    sla: Sla | None = None
    resolution_code: Label | None = None
    root_cause: Label | None = None
    csat: int | None = None
    created_at: Instant
    detected_at: Instant
    audit_hash_prev: Label | None = None


class ActionRejected(Output, frozen=True, kw_only=True, tag="action.rejected.v1", tag_field="type"):
    """An operator's action that the core refused, and why."""

    event_id: Id
    account_id: Id
    case_id: Id | None = None
    action: Label
    cause: Label
    text: ShortText


class NotificationRequested(Output, frozen=True, kw_only=True, tag="notification.requested.v1", tag_field="type"):
    """A message to the customer: template, typed parameters and both texts; never an internal reason."""

    notification_id: Id
    account_id: Id
    template: Label
    parameters: dict[str, str] = msgspec.field(default_factory=dict)
    zh: Text
    en: Text
    channel: Label = "in_app"
    not_after: Instant
    case_id: Id | None = None
