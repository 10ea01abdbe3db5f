"""How many accounts were locked in all partitions together, and must that stop?

Each partition has a hard cap of its own; a rule that is bad for everybody stays below it in each partition and still
locks too many. So every lock is told here, and a cap that is reached in total is told back: from then on locks of that
rule, or all locks, become reviews everywhere until the window has passed. This cap is soft: what is under way while the
word travels still locks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streams.contracts.base import from_ms
from streams.contracts.signals import EntityObserved, EntityRisk
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.locks.caps import TOTAL, PartitionLimits, capped_case
from streams.core.policy import Policy
from streams.core.risk import LOCKS, SITE_KIND

if TYPE_CHECKING:
    from streams.core.entities.state import EntityState

TYPOLOGY = "lock_cap"


class LockCounts(msgspec.Struct, array_like=True):
    """Locks of the last window by rule, as each partition counts its own; at most 33 rows of 12 counters."""

    limits: PartitionLimits = msgspec.field(default_factory=PartitionLimits)
    stopped_until_ms: dict[str, int] = {}


def observe_lock(
    state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """One account was locked somewhere."""
    if state.lock_counts is None:
        state.lock_counts = LockCounts()
    counts = state.lock_counts
    # Here a partition is all there is.
    caps = msgspec.structs.replace(policy.locks.caps, partition_share=1.0)
    rule = signal.rule or "unnamed"
    counts.limits.take(rule, at_ms, caps, 1)
    effects: list[EntityEffect] = []
    for name in counts.limits.reached(rule, caps):
        if at_ms < counts.stopped_until_ms.get(name, 0):
            continue
        effective_ms = ctx.effective_ms(at_ms)
        until_ms = effective_ms + caps.window_s * 1000
        counts.stopped_until_ms = {
            stopped: end_ms for stopped, end_ms in counts.stopped_until_ms.items() if end_ms > at_ms
        } | {name: until_ms}
        state.risk_version += 1
        state.risk_expires_ms = max(state.risk_expires_ms, until_ms)
        effects.append(
            EntityRisk(
                occurred_at=from_ms(at_ms),
                kind=SITE_KIND,
                value=f"{LOCKS}/{name}",
                effective_at=from_ms(effective_ms),
                expires_at=from_ms(until_ms),
                level="attack",
                typology=TYPOLOGY,
                score=1.0,
                version=state.risk_version,
            )
        )
        text = f"{name}: {caps.total if name == TOTAL else caps.per_rule} locks within {caps.window_s} s"
        effects.append(
            capped_case(f"{LOCKS}/{name}", str(at_ms), rule, text, from_ms(at_ms), signal.event_id, "entity")
        )
    return effects
