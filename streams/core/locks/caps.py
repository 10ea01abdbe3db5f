"""How many accounts of this partition were locked lately, and may one more be locked?

A bad rule or model must not lock everybody: beyond the cap a lock becomes a review, and one incident tells people.
The counters belong to a partition, not to an account; the agent keeps them as a state of their own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from streams.contracts.cases import CaseVersion, Entities, Evidence
from streams.core.ids import incident_id
from streams.core.policy import LockCaps

TOTAL = "total"
# Locks that an owner has asked for, by report or by denying a payment. They have the cap of a rule, for a flood of
# reports is not many owners, but no part in the total: whoever makes rules lock many accounts keeps no theft unfrozen.
OWNERS = frozenset({"reported_stolen", "customer_denied"})
# A window is counted in 12 buckets: 5 minutes each for an hour, which is as exact as a cap needs to be.
BUCKETS = 12
# Rules that lock are named in code; 32 is several times what exists. More share the total's counter only.
RULES = 32


class PartitionLimits(msgspec.Struct, array_like=True):
    """Locks per rule and in total in the window that ends at the newest bucket. At most 35 rows of 12 counters."""

    newest: int = 0  # bucket number since 1970
    counts: dict[str, list[int]] = msgspec.field(default_factory=dict)
    reported: int = -1  # window number that already has its incident
    # Rules, or `total`, that all partitions together have exhausted: (from, until) in ms of event time.
    stopped: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)

    def stop(self, name: str, from_ms: int, until_ms: int) -> None:
        """All partitions together have reached the cap of a rule, or of everything."""
        self.stopped = {rule: span for rule, span in self.stopped.items() if span[1] > from_ms}
        self.stopped[name] = (from_ms, until_ms)

    def is_stopped(self, rule: str, at_ms: int) -> bool:
        """Whether a lock by `rule` must become a review because of what others have locked."""
        spans = (self.stopped.get(name) for name in _counted(rule)) if self.stopped else ()
        return any(span is not None and span[0] <= at_ms < span[1] for span in spans)

    def reached(self, rule: str, caps: LockCaps) -> list[str]:
        """Which caps are used up in this window: of the rule, of everything."""
        most = {rule: caps.per_rule, TOTAL: caps.total}
        return [name for name in _counted(rule) if sum(self.counts.get(name, ())) >= most[name]]

    def take(self, rule: str, at_ms: int, caps: LockCaps, partitions: int) -> bool:
        """Counts one lock by `rule` and returns True, or returns False because a cap is reached."""
        slot = self._advance(at_ms, caps.window_s)
        total = self._row(TOTAL)
        known = rule in self.counts or rule in OWNERS or len(self.counts) <= RULES
        own = self._row(rule) if known else total
        if rule not in OWNERS and sum(total) >= caps.of_partition(caps.total, partitions):
            return False
        if sum(own) >= caps.of_partition(caps.per_rule, partitions):
            return False
        for row in [own] if own is total or rule in OWNERS else [own, total]:
            row[slot] += 1
        return True

    def report(self, at_ms: int, caps: LockCaps) -> int | None:
        """The start of the window in which the cap was reached, the first time it is asked for; then None."""
        window = at_ms // (caps.window_s * 1000)
        if window <= self.reported:
            return None
        self.reported = window
        return window * caps.window_s * 1000

    def _row(self, name: str) -> list[int]:
        row = self.counts.get(name)
        if row is None:
            row = self.counts[name] = [0] * BUCKETS
        return row

    def _advance(self, at_ms: int, window_s: int) -> int:
        """Empties the buckets that time has left behind; a late lock counts in the newest bucket."""
        bucket = at_ms * BUCKETS // (window_s * 1000)
        steps = min(bucket - self.newest, BUCKETS)
        for step in range(steps):
            for row in self.counts.values():
                row[(bucket - step) % BUCKETS] = 0
        self.newest = max(self.newest, bucket)
        return self.newest % BUCKETS


def _counted(rule: str) -> tuple[str, ...]:
    """The counters that a lock by `rule` is in."""
    return (rule,) if rule in OWNERS else (rule, TOTAL)


def capped_case(
    subject: str,
    window: str,
    rule: str,
    text: str,
    at: datetime,
    event_id: str,
    owner: Literal["account", "entity"] = "account",
) -> CaseVersion:
    """The incident that says that locks have become reviews."""
    return CaseVersion(
        occurred_at=at,
        case_id=incident_id("locks_capped", subject, window),
        version=1,
        changed=("opened",),
        case_type="locks_capped",
        flow="F21",
        cause_family="locks_capped",
        owner=owner,
        queue="security",
        priority="P1",
        subject=subject,
        entities=Entities(entity=subject),
        rules=(rule,),
        evidence=(Evidence(at=at, kind="lock_capped", event_id=event_id, text=text),),
        created_at=at,
        detected_at=at,
    )
