"""What does PayWarden say about one payment or login?"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from streams.contracts.base import Count, Currency, Id, Instant, Label, Minor, Output, Share, ShortText, Written

_OUTCOMES = ("allow", "notify", "step_up", "review", "hold", "block")
# In order: the strictest wins. A closed set on the wire, though a plain text for those who compute it.
OutcomeWord = Annotated[
    str, Meta(pattern=f"^({'|'.join(_OUTCOMES)})$", max_length=7, extra_json_schema={"enum": list(_OUTCOMES)})
]


class Hit(Written, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One rule that fired, in its band."""

    rule: Label  # for example velocity/02
    outcome: OutcomeWord
    reasons: Annotated[tuple[Label, ...], Meta(max_length=32)] = ()
    shadow: bool = False  # the rule observes: its outcome did not count
    evidence: Annotated[dict[Label, float], Meta(max_length=32)] = msgspec.field(default_factory=dict)
    silenced: bool = False  # an allow list or a snooze of the policy kept it from counting; it is then shadow as well


class Reason(Written, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Why a decision is above `allow`, in the fixed vocabulary R01 .., strongest first."""

    code: Label
    direction: Label  # raises, lowers
    observed: float | None = None
    usual: float | None = None


class Completeness(Written, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the decision had to do without."""

    feeds_missing: Annotated[tuple[Label, ...], Meta(max_length=32)] = ()
    entity_risk_age_s: Count | None = None


class DecisionMade(Output, frozen=True, kw_only=True, tag="decision.made.v1", tag_field="type"):
    """The verdict on one event; `decision_id` is derived from it (account, source, id) and embeds the partition."""

    decision_id: Id
    event_id: Id
    account_id: Id
    subject: Label  # payment, transfer, topup, withdrawal, login
    subject_id: Id
    outcome: OutcomeWord
    shadow: bool = False  # mode observe: what would have happened
    score: Share | None = None
    score_unavailable: Label | None = None
    hits: Annotated[tuple[Hit, ...], Meta(max_length=128)] = ()
    reasons: Annotated[tuple[Reason, ...], Meta(max_length=32)] = ()
    model_id: Label = "rules-only"  # always written
    policy: Label
    feature_set: Label
    feature_vector: Label | None = None  # digest of the values, for `explain` to compare with what it recomputes
    completeness: Completeness = Completeness()
    amount_minor: Minor | None = None
    currency: Currency | None = None
    expires_at: Instant | None = None  # of a hold or step-up
    expiry_outcome: OutcomeWord | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        # A decision says which model it is of even when there was none: equal to the default, but not the default.
        msgspec.structs.force_setattr(self, "model_id", self.model_id[:1] + self.model_id[1:])


class DecisionShadowed(Output, frozen=True, kw_only=True, tag="decision.shadowed.v1", tag_field="type"):
    """What another model would have made of the same event, beside the decision that counts; nobody acts on it."""

    decision_id: Id  # of the decision that counts
    event_id: Id
    account_id: Id
    subject: Label
    subject_id: Id
    model_id: Label  # of the shadow
    score: Share
    outcome: OutcomeWord  # with this score in the place of the champion's, and the same rules and thresholds
    decided: OutcomeWord
    policy: Label


class DecisionAmended(Output, frozen=True, kw_only=True, tag="decision.amended.v1", tag_field="type"):
    """A hold ended: released, confirmed, or expired by its stated default."""

    decision_id: Id
    account_id: Id
    subject_id: Id
    outcome: OutcomeWord
    cause: Label  # released, confirmed, expired
    note: ShortText | None = None
