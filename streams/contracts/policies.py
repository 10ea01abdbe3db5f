"""How does a policy come into force while workers run: proposed by one person, approved by another, taken back?"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from streams.contracts.base import Count, Id, Instant, Label, Output, ShortText, Written

# Below the decoder's megabyte with its envelope: 10,000 entries of lists with dates and reasons.
PolicyText = Annotated[str, Meta(min_length=1, max_length=700_000)]


class PolicyRecord(Output, frozen=True, kw_only=True, tag_field="type"):
    """What all three have: who did it. `occurred_at` is when, by the clock of whoever wrote the record."""

    proposal_id: Id
    actor: Id
    role: Label  # analyst, supervisor, admin
    why: ShortText


class Trial(Written, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Two backtests of the same input, without the policy and with it: what would change for people.

    Counts by name, as `paywarden backtest --compare` prints them: `alerts`, `cases_opened`, `honest_stopped`, ...
    """

    inputs_sha256: Label  # of what both read
    changed: Count  # movements that get another outcome
    before: Annotated[dict[Label, Count], Meta(max_length=32)]
    after: Annotated[dict[Label, Count], Meta(max_length=32)]


class PolicyProposed(PolicyRecord, frozen=True, kw_only=True, tag="policy.proposed.v1", tag_field="type"):
    """Somebody wants this policy file to be in force."""

    name: Label
    policy_hash: Label  # as the proposer's release read it
    text: PolicyText  # the file as it was written, over the packaged default of whoever reads it
    trial: Trial | None = None


class PolicyApproved(PolicyRecord, frozen=True, kw_only=True, tag="policy.approved.v1", tag_field="type"):
    """A second person agrees: events from `effective_at` on are decided under the proposal."""

    effective_at: Instant


class PolicyRolledBack(PolicyRecord, frozen=True, kw_only=True, tag="policy.rolled_back.v1", tag_field="type"):
    """From `effective_at` on the policy that `proposal_id` replaced is in force again; one person may do that."""

    effective_at: Instant
