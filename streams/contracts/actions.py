"""What does PayWarden ask the payment system to do, and which locks does an account have?"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from streams.contracts.base import Count, Currency, Id, Instant, Label, Minor, Output, ShortText, Written

ActionKind = Literal[
    "lock",
    "unlock",
    "restrict",
    "freeze",
    "step_up",
    "end_sessions",
    "stop_payouts",
    "recall",
    "block_entity",
    "hold_settlement",
    "release_settlement",
    "report",
    "limit",  # lower limits on money out while an account recovers
]
Scope = Literal["login", "money_out", "all"]
LockScope = Literal[Scope, "everything"]


class ActionRequested(
    Output, frozen=True, kw_only=True, omit_defaults=False, tag="action.requested.v1", tag_field="type"
):
    """A command; `action_id` is the idempotency key and stays the same when it is sent again.

    Every field is on the wire: a payment system that guessed an absent `applies_to` could shut out the owner.
    `step_up` asks whom it applies to for a second factor before the password counts, and lets in whoever gives it;
    `lock` keeps them out until it ends, or until `challenge.passed.v1` or `identity.verified.v1` lifts it. Money in
    stays open, except under a `freeze` with the scope `everything`.

    `hold_settlement` keeps `amount_minor` back of what is settled to the merchant `entity`, for the case and until
    `expires_at`; `release_settlement` ends before that what is held of this merchant for this case.
    """

    action_id: Id
    account_id: Id
    action: ActionKind
    scope: LockScope = "all"
    applies_to: Label = "unknown_devices"  # unknown_devices, known_devices, everyone
    expires_at: Instant | None = None
    reason_class: Label
    rule: Label | None = None
    case_id: Id | None = None
    entity: Id | None = None  # kind/value of a blocked entity, or of the merchant whose settlement it is about
    attempt: Count = 1
    amount_minor: Minor | None = None  # hold_settlement
    currency: Currency | None = None


class Lock(Written, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One lock and where its saga stands: commanded, effective, released."""

    action_id: Id
    action: ActionKind
    scope: LockScope
    status: Label
    reason_class: Label
    since: Instant
    expires_at: Instant | None = None
    applies_to: Label = "unknown_devices"
    # Of a freeze that ends only after the owner's identity check: missing, or passed and until when it counts.
    check: Label | None = None
    check_until: Instant | None = None


class LocksState(Output, frozen=True, kw_only=True, tag="locks.state.v1", tag_field="type"):
    """All locks of an account; the newest record of the key is the truth."""

    account_id: Id
    version: Count
    locks: Annotated[tuple[Lock, ...], Meta(max_length=64)] = ()
    state: Label = "active"  # the strictest of the locks: active, challenged, recovering, soft_lock, restricted, ...
    was: Label | None = None  # the state before this version
    trigger: Label | None = None  # what moved it, as the table of states calls it
    actor: Label | None = None  # who: rules, time, owner, identity service, or an operator's role
    event_id: Id | None = None  # the event or timer that shows it
    state_ends_at: Instant | None = None


class PspQuery(Output, frozen=True, kw_only=True, tag="psp.query.v1", tag_field="type"):
    """Ask the provider what became of a payment."""

    query_id: Id
    account_id: Id
    payment_id: Id
    amount_minor: Minor | None = None
    currency: Currency | None = None
    attempt: Count = 1


class PspCancel(Output, frozen=True, kw_only=True, tag="psp.cancel.v1", tag_field="type"):
    """Have the provider cancel a payment that it has not found so far, should it still arrive there."""

    cancel_id: Id
    account_id: Id
    payment_id: Id
    amount_minor: Minor | None = None
    currency: Currency | None = None


class RefundIntended(Output, frozen=True, kw_only=True, tag="refund.intended.v1", tag_field="type"):
    """An outbox row: money should go back, once per `idempotency_key`."""

    refund_id: Id
    account_id: Id
    payment_id: Id
    amount_minor: Minor
    currency: Currency
    idempotency_key: ShortText
    case_id: Id | None = None
    method: Label | None = None  # where the money goes, as the payment was made; absent: by card, or not known


class RefundRetry(Output, frozen=True, kw_only=True, tag="refund.retry.v1", tag_field="type"):
    """Have a refund made again that has failed because its merchant had no funds: the same refund, never another one.

    Each try has its `idempotency_key`. One that nobody has answered is sent again under the key that it has; the next
    one has another.
    """

    refund_id: Id
    account_id: Id
    payment_id: Id
    amount_minor: Minor
    currency: Currency
    attempt: Count
    idempotency_key: ShortText
    case_id: Id | None = None


class RefundCancelled(Output, frozen=True, kw_only=True, tag="refund.cancelled.v1", tag_field="type"):
    """A refund intent that is no longer right."""

    refund_id: Id
    account_id: Id
    payment_id: Id
    cause: Label
