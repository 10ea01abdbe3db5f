"""Which address, device, card, payee or merchant has an operator blocked, until when, and who had to agree?

A block is told like the risk of an entity, under a name of its own (`streams.core.risk.BLOCKED`), so every partition
hears of it and it ends by event time. What many accounts use is blocked by a supervisor and a second person only: it is
the widest thing that one hand could do here. How many accounts that are is counted by whoever asks, who can look at all
of them; like the role it is a word of the console, which alone may write to `operator.actions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streams.contracts.actions import ActionRequested
from streams.contracts.base import from_ms
from streams.contracts.cases import ActionRejected
from streams.contracts.signals import EntityBlockAsked, EntityRisk
from streams.core.addresses import is_address
from streams.core.entities.context import EntityContext, EntityEffect, reference
from streams.core.entities.policies import BlockPolicy
from streams.core.ids import action_id
from streams.core.policy import Policy
from streams.core.risk import BLOCK_KIND, BLOCKED
from streams.core.roles import ANALYSTS, SUPERVISORS
from streams.core.two_people import is_agreed

if TYPE_CHECKING:
    from streams.core.entities.state import EntityState

RULE = "operator"
_HOUR_S = 3_600
_ASKED_MAX = 8


class Block(msgspec.Struct, array_like=True):
    """The block that stands, or the last one until it would have ended."""

    since_ms: int
    until_ms: int
    ends_ms: int  # when it was to end before it was lifted
    actor: str
    second_actor: str
    reason: str
    asked: list[str]  # ids of the newest requests that were carried out: one that comes again changes nothing


def command_id(kind: str, value: str, event_id: str) -> str:
    """The id of the command that an operator's request makes: whoever sent it can look for the answer."""
    return action_id("entity_block", reference(kind, value), event_id, "block_entity")


def observe_block(
    state: EntityState, signal: EntityBlockAsked, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """The block or its end, or why not."""
    entity = reference(signal.kind, signal.value)
    known = [] if state.block is None else state.block.asked
    if signal.event_id in known:
        return []
    refusal = _refusal(state.block, signal, at_ms, policy, ctx)
    if refusal is not None:
        cause, text = refusal
        return [
            ActionRejected(
                occurred_at=from_ms(at_ms),
                event_id=signal.event_id,
                account_id=entity,
                case_id=signal.case_id,
                action=f"entity_{signal.wanted}",
                cause=cause,
                text=text,
            )
        ]
    standing = state.block
    lifts = signal.wanted == "lift"
    before_ms = 0 if standing is None else standing.ends_ms
    until_ms = at_ms if lifts else signal.until_ms
    state.block = Block(
        at_ms,
        until_ms,
        max(before_ms, until_ms),
        signal.actor,
        signal.second_actor or "",
        signal.reason,
        [*known, signal.event_id][-_ASKED_MAX:],
    )
    state.risk_version += 1
    effective_ms = ctx.effective_ms(at_ms)
    # A lift is told for as long as the block would have stood: until then the older word must not come back.
    expires_ms = max(state.block.ends_ms, effective_ms + 1) if lifts else until_ms
    state.risk_expires_ms = max(state.risk_expires_ms, expires_ms)
    return [
        EntityRisk(
            occurred_at=from_ms(at_ms),
            kind=BLOCK_KIND,
            value=entity,
            effective_at=from_ms(effective_ms),
            expires_at=from_ms(expires_ms),
            level="normal" if lifts else "attack",
            typology=BLOCKED,
            score=0.0 if lifts else 1.0,
            version=state.risk_version,
        ),
        ActionRequested(
            occurred_at=from_ms(at_ms),
            action_id=command_id(signal.kind, signal.value, signal.event_id),
            account_id=entity,
            action="block_entity",
            scope="all",
            applies_to="everyone",
            expires_at=from_ms(until_ms),
            reason_class=signal.reason,
            rule=RULE,
            case_id=signal.case_id,
            entity=entity,
        ),
    ]


def _refusal(
    standing: Block | None, signal: EntityBlockAsked, at_ms: int, policy: Policy, ctx: EntityContext
) -> tuple[str, str] | None:
    """(cause, sentence) if it must not happen."""
    if signal.role not in ANALYSTS:
        return "role", f"role {signal.role} may not {signal.wanted} an entity"[:256]
    if policy.mode == "observe":
        return "observing", "the policy observes: nothing is blocked"
    if ctx.now_ms - at_ms > policy.max_effect_age_s * 1000:
        return "too_old", "the request is older than the policy lets effects be"
    if signal.wanted == "lift":
        if standing is None or standing.until_ms <= at_ms:
            return "not_blocked", f"no operator's block of this {signal.kind} stands"
        return None
    if signal.kind == "ip" and not is_address(signal.value):
        return "no_address", "this is no address: of networks and patterns the policy's lists are the place"
    limits = policy.entities.block
    if signal.until_ms <= at_ms:
        return "expiry", "a block needs an end in the future"
    if signal.until_ms - at_ms > limits.longest_s * 1000:
        return (
            "expiry",
            f"a block lasts {limits.longest_s // _HOUR_S} h at most; use a list of the policy",
        )
    wide = _why_two(signal, at_ms, limits)
    if wide is not None and signal.role not in SUPERVISORS:
        return "role", f"{wide}: only a supervisor may block it"
    if wide is not None and not is_agreed(signal.second_actor, signal.second_role, signal.actor):
        return "second_person", f"{wide}: blocking it needs a second person"
    return None


def _why_two(signal: EntityBlockAsked, at_ms: int, limits: BlockPolicy) -> str | None:
    """Why one analyst must not do this alone."""
    if signal.accounts > limits.accounts_alone:
        return f"{signal.accounts} accounts used this {signal.kind} lately, more than {limits.accounts_alone}"
    if signal.kind in limits.kinds_with_two:
        return f"a {signal.kind} is nothing that one person blocks"
    if signal.until_ms - at_ms > limits.alone_s * 1000:
        return f"a block of more than {limits.alone_s // _HOUR_S} h is nothing for one person"
    return None
