"""What does PayWarden say about one payment or login?"""

from __future__ import annotations

import msgspec

from streams.contracts.base import Currency, Id, Instant, Label, Minor, Output, Share, ShortText


class Hit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One rule that fired, in its band."""

    rule: Label  # for example velocity/02
    outcome: Label
    reasons: tuple[Label, ...] = ()
    shadow: bool = False  # the rule observes: its outcome did not count
    evidence: dict[str, float] = msgspec.field(default_factory=dict)


class Reason(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Why a decision is above `allow`, in the fixed vocabulary R01 .. (domain 6.4), strongest first."""

    code: Label
    direction: Label  # raises, lowers
    observed: float | None = None
    usual: float | None = None


class Completeness(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the decision had to do without."""

    feeds_missing: tuple[Label, ...] = ()
    entity_risk_age_s: int | None = None


class DecisionMade(Output, frozen=True, kw_only=True, tag="decision.made.v1", tag_field="type"):
    """The verdict on one event; `decision_id` is derived from the event and embeds the partition."""

    decision_id: Id
    event_id: Id
    account_id: Id
    subject: Label  # payment, transfer, topup, withdrawal, login
    subject_id: Id
    outcome: Label  # allow < notify < step_up < review < hold < block
    shadow: bool = False  # mode observe: what would have happened
    score: Share | None = None
    score_unavailable: Label | None = None
    hits: tuple[Hit, ...] = ()
    reasons: tuple[Reason, ...] = ()
    model_id: Label = "rules-only"
    policy: Label
    feature_set: Label
    completeness: Completeness = Completeness()
    amount_minor: Minor | None = None
    currency: Currency | None = None
    expires_at: Instant | None = None  # of a hold or step-up
    expiry_outcome: Label | None = None


class DecisionAmended(Output, frozen=True, kw_only=True, tag="decision.amended.v1", tag_field="type"):
    """A hold ended: released, confirmed, or expired by its stated default."""

    decision_id: Id
    account_id: Id
    subject_id: Id
    outcome: Label
    cause: Label  # released, confirmed, expired
    note: ShortText | None = None
