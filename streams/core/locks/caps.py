"""How many accounts of this partition were locked lately, and may one more be locked?

A bad rule or model must not lock everybody: beyond the cap a lock becomes a review, and one incident tells people.
The counters belong to a partition, not to an account; the agent keeps them as a state of their own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from streams.contracts.base import from_ms
from streams.contracts.cases import CaseVersion, Entities, Evidence
from streams.core.ids import incident_id
from streams.core.policy import LockCaps

TOTAL = "total"
# Locks that an owner has asked for, by report or by denying a payment. They have the cap of a rule, for a flood of
# reports is not many owners, but no part in the total: whoever makes rules lock many accounts keeps no theft unfrozen.
# Accounts with a history have that cap once more for themselves: whoever opens many accounts to report them stolen
# uses up what new accounts have.
OWNERS = frozenset({"reported_stolen", "customer_denied", "reported_unverified"})
_ESTABLISHED = "/established"
# A window is counted in 12 buckets: 5 minutes each for an hour, which is as exact as a cap needs to be.
BUCKETS = 12
# Commands of one partition and window that are not confirmed and have a case of their own. More are one outage of the
# payment system, and one incident: thousands of urgent cases would hide each other.
UNCONFIRMED_CASES = 5
UNCONFIRMED = "lock_not_confirmed"
# Rules that lock are named in code; 32 is several times what exists. More share the total's counter only.
RULES = 32


class Refused(NamedTuple):
    """One lock of a burst that became a review, or one command that is not confirmed: which burst, the how many-th."""

    window_ms: int
    rule: str
    number: int

    @property
    def version(self) -> int | None:
        """Of the burst's one incident, which tells of the 1st, 10th, 100th .. only; None for the others."""
        digits = len(str(self.number))
        return digits if self.number == 10 ** (digits - 1) else None

    def beyond(self, most: int) -> Refused:
        """Which one of those it is that come after the first `most`; 0 or less: it is one of the first."""
        return self._replace(number=self.number - most)


class PartitionLimits(msgspec.Struct, array_like=True):
    """Locks per rule and in total in the window that ends at the newest bucket. At most 39 rows of 12 counters."""

    newest: int = 0  # bucket number since 1970
    counts: dict[str, list[int]] = msgspec.field(default_factory=dict)
    reported: int = -1  # window number of `refused`
    # Rules, or `total`, that all partitions together have exhausted: (from, until) in ms of event time.
    stopped: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)
    # rule -> its locks that a cap made reviews; also commands that are not confirmed
    refused: dict[str, int] = msgspec.field(default_factory=dict)

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
        owners = is_owners(rule)
        known = rule in self.counts or owners or len(self.counts) <= RULES
        own = self._row(rule) if known else total
        if not owners and sum(total) >= caps.of_partition(caps.total, partitions):
            return False
        if sum(own) >= caps.of_partition(caps.per_rule, partitions):
            return False
        for row in [own] if own is total or owners else [own, total]:
            row[slot] += 1
        return True

    def refuse(self, rule: str, at_ms: int, caps: LockCaps) -> Refused:
        """Counts a lock that became a review, or a command without an answer, in the window of the newest one."""
        window = at_ms // (caps.window_s * 1000)
        if window > self.reported:
            self.reported, self.refused = window, {}
        name = rule if rule in self.refused or len(self.refused) < RULES else "others"
        number = self.refused[name] = self.refused.get(name, 0) + 1
        return Refused(self.reported * caps.window_s * 1000, name, number)

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


def is_owners(rule: str) -> bool:
    """Whether an owner asks for what `rule`, as caps count it, locks."""
    return rule.removesuffix(_ESTABLISHED) in OWNERS


def counted_as(rule: str, *, established: bool) -> str:
    """Whose cap a lock by `rule` uses up: of what owners ask for, accounts with a history have one of their own."""
    return rule + _ESTABLISHED if established and rule in OWNERS else rule


def _counted(rule: str) -> tuple[str, ...]:
    """The counters that a lock by `rule` is in."""
    return (rule,) if is_owners(rule) else (rule, TOTAL)


def capped_case(
    subject: str,
    window: str,
    rule: str,
    text: str,
    at: datetime,
    event_id: str,
    owner: Literal["account", "entity"] = "account",
    *,
    version: int = 1,
    number: int = 0,
    opened: datetime | None = None,
) -> CaseVersion:
    """The incident that says that locks have become reviews, `number` times so far where that is counted."""
    refused = Evidence(at=at, kind="lock_capped", event_id=event_id, text=text)
    case = _incident("locks_capped", subject, window, "security", refused, version, opened or at)
    return msgspec.structs.replace(case, owner=owner, rules=(rule,), counters={"refused": number} if number else {})


def unconfirmed_case(subject: str, burst: Refused, text: str, at: datetime, event_id: str) -> CaseVersion:
    """The incident that says that the payment system confirms no commands."""
    overdue = Evidence(at=at, kind="command_unconfirmed", event_id=event_id, text=text)
    opened = from_ms(burst.window_ms)
    case = _incident(UNCONFIRMED, subject, str(burst.window_ms), "technical", overdue, burst.version or 1, opened)
    return msgspec.structs.replace(case, counters={"refused": burst.number + UNCONFIRMED_CASES})


def _incident(
    kind: str,
    subject: str,
    window: str,
    queue: Literal["security", "technical"],
    line: Evidence,
    version: int,
    opened: datetime,
) -> CaseVersion:
    """One of many accounts, of one window; `line` is what its newest version tells."""
    return CaseVersion(
        occurred_at=line.at,
        case_id=incident_id(kind, subject, window),
        version=version,
        changed=("opened",) if version == 1 else ("counters",),
        case_type=kind,
        flow="F21",
        cause_family=kind,
        owner="account",
        queue=queue,
        priority="P1",
        subject=subject,
        entities=Entities(entity=subject),
        evidence=(line,),
        created_at=opened,
        detected_at=opened,
    )
