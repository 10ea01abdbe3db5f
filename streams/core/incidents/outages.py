"""Which outages does an accounts partition know of, and does a failure belong to one of them?

What the entities agent found out comes as entity risk of the typology `outage` and counts from its effective time on;
failures since the outage began belong to it, also those that were handled before anybody knew.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from streams.contracts.base import to_ms
from streams.contracts.signals import EntityRisk
from streams.core.entities.recent import mark

# Above what the entities agent has open at once.
OUTAGES_MAX = 64
# How long an outage that is over is remembered: until every customer's account has looked and may have been told.
REMEMBERED_MS = 7_200_000


class Outage(msgspec.Struct, array_like=True):
    """One outage. `closed_ms` is from when on it is known to be over, `eased_ms` to recover; 0: it is not."""

    incident_id: str
    root: str
    root_mark: int
    since_ms: int
    effective_ms: int
    expires_ms: int
    version: int
    closed_ms: int = 0
    eased_ms: int = 0
    retired: bool = False  # it is over because what was down is out of service

    def is_known(self, clock_ms: int) -> bool:
        return self.effective_ms <= clock_ms < self.expires_ms

    def is_over(self, clock_ms: int) -> bool:
        return 0 < self.closed_ms <= clock_ms

    def is_down(self, clock_ms: int) -> bool:
        """Whether it is neither over nor recovering: a failure is its, and no ordinary one."""
        return not self.is_over(clock_ms) and not 0 < self.eased_ms <= clock_ms


class Outages(msgspec.Struct, array_like=True):
    """Outages by root, oldest first; part of the partition's state."""

    by_root: dict[str, Outage] = {}

    def apply(self, risk: EntityRisk) -> bool:
        """Takes over what the entities agent says; False for what is known already."""
        known = self.by_root.get(risk.value)
        if risk.case_id is None or risk.since is None or (known is not None and risk.version <= known.version):
            return False
        effective_ms, since_ms = to_ms(risk.effective_at), to_ms(risk.since)
        same = known is not None and known.incident_id == risk.case_id
        self.by_root.pop(risk.value, None)
        self.by_root[risk.value] = Outage(
            risk.case_id,
            risk.value,
            mark_of(risk.value),
            since_ms,
            known.effective_ms if known is not None and same else effective_ms,
            to_ms(risk.expires_at),
            risk.version,
            effective_ms if risk.closed else 0,
            effective_ms if risk.level == "normal" else 0,
            risk.retired,
        )
        self._forget(effective_ms)
        return True

    def find(self, marks: Iterable[int], at_ms: int, clock_ms: int) -> Outage | None:
        """The outage that a failure of `at_ms` on these keys belongs to, as far as it is known at `clock_ms`."""
        for outage in self.by_root.values():
            if (
                outage.since_ms <= at_ms
                and outage.is_known(clock_ms)
                and not outage.is_over(min(at_ms, clock_ms))
                and outage.root_mark in marks
            ):
                return outage
        return None

    def get(self, incident_id: str) -> Outage | None:
        for outage in self.by_root.values():
            if outage.incident_id == incident_id:
                return outage
        return None

    def _forget(self, now_ms: int) -> None:
        for root in [
            root
            for root, outage in self.by_root.items()
            if outage.expires_ms <= now_ms or (outage.closed_ms and outage.closed_ms + REMEMBERED_MS <= now_ms)
        ]:
            del self.by_root[root]
        while len(self.by_root) > OUTAGES_MAX:
            del self.by_root[next(iter(self.by_root))]


def mark_of(key: str) -> int:
    """32 bits that stand for a key: enough to tell apart the few outages that there are at once."""
    return mark(key) & 0xFFFFFFFF
