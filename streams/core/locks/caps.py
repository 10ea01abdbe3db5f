"""How many accounts of this partition were locked lately, and may one more be locked?

A bad rule or model must not lock everybody: beyond the cap a lock becomes a review, and one incident tells people.
The counters belong to a partition, not to an account; the agent keeps them as a state of their own.
"""

from __future__ import annotations

import msgspec

from streams.core.policy import LockCaps

TOTAL = "total"
# A window is counted in 12 buckets: 5 minutes each for an hour, which is as exact as a cap needs to be.
BUCKETS = 12
# Rules that lock are named in code; 32 is several times what exists. More share the total's counter only.
RULES = 32


class PartitionLimits(msgspec.Struct, array_like=True):
    """Locks per rule and in total in the window that ends at the newest bucket. At most 33 rows of 12 counters."""

    newest: int = 0  # bucket number since 1970
    counts: dict[str, list[int]] = msgspec.field(default_factory=dict)
    reported: int = -1  # window number that already has its incident

    def take(self, rule: str, at_ms: int, caps: LockCaps, partitions: int) -> bool:
        """Counts one lock by `rule` and returns True, or returns False because a cap is reached."""
        slot = self._advance(at_ms, caps.window_s)
        total = self._row(TOTAL)
        own = self._row(rule) if rule in self.counts or len(self.counts) <= RULES else total
        if sum(total) >= caps.of_partition(caps.total, partitions):
            return False
        if sum(own) >= caps.of_partition(caps.per_rule, partitions):
            return False
        total[slot] += 1
        if own is not total:
            own[slot] += 1
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
