"""Which published policy is in force at which event time?

The records of `paywarden.policies`, read in order, are the whole truth: every worker and every replay that reads them
makes the same schedule of them. A record that breaks a rule changes nothing, and everybody sees why.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeAlias

import msgspec

from streams.contracts.base import EPOCH, to_ms
from streams.contracts.policies import PolicyApproved, PolicyProposed, PolicyRolledBack
from streams.core.policy import Policy, PolicyError, PolicySchedule
from streams.core.two_people import is_somebody_else

Said: TypeAlias = PolicyProposed | PolicyApproved | PolicyRolledBack
# Between a record and its effect every worker must have read it. A worker that has not seen the end of the topic for
# half of this ends itself (agents.policy_feed), so none decides by an older policy without knowing.
LEAD = timedelta(seconds=30)
# A change that is further away than this is a mistake, and would keep every other change waiting.
AHEAD_MAX = timedelta(days=30)
PROPOSERS = frozenset({"analyst", "supervisor", "admin"})
APPROVERS = frozenset({"supervisor", "admin"})

# (text of a policy file, from when on it is in force) -> policy; raises PolicyError.
Parse: TypeAlias = Callable[[str, datetime], Policy]


class Change(msgspec.Struct, frozen=True):
    """One entry of the history that counts."""

    effective_at: datetime
    proposal_id: str  # in force from then on; empty: the policies that workers were started with
    policy: Policy | None  # None with an empty proposal_id
    actor: str
    why: str
    takes_back: str = ""  # the proposal that a roll-back ends


class PolicyHistory:
    """Folds records; asks nobody and forgets nothing."""

    def __init__(self, parse: Parse) -> None:
        self._parse = parse
        self.proposals: dict[str, PolicyProposed] = {}
        self.changes: list[Change] = []  # in the order of the log, which is also the order of effective_at
        self.withdrawn: list[Change] = []  # taken back before they were in force: they never are
        self.refused: list[tuple[Said, str]] = []

    def tell(self, record: Said) -> str | None:
        """Takes in the next record; the sentence is why it does not count, None if it does."""
        why = self._proposed(record) if isinstance(record, PolicyProposed) else self._changed(record)
        if why is not None:
            self.refused.append((record, why))
        return why

    def _proposed(self, record: PolicyProposed) -> str | None:
        if record.role not in PROPOSERS:
            return f"role {record.role} may not propose a policy; {_one_of(PROPOSERS)} may"
        if record.proposal_id in self.proposals:
            return f"{record.proposal_id} was proposed before"
        self.proposals[record.proposal_id] = record
        return None

    def _changed(self, record: PolicyApproved | PolicyRolledBack) -> str | None:
        if record.role not in APPROVERS:
            return f"role {record.role} may not put a policy in force; {_one_of(APPROVERS)} may"
        proposal = self.proposals.get(record.proposal_id)
        if proposal is None:
            return f"{record.proposal_id} was never proposed"
        ahead = record.effective_at - record.occurred_at
        if ahead < LEAD:
            return f"it would be in force less than {LEAD.seconds} s after it was said, before every worker knows"
        if ahead > AHEAD_MAX:
            return f"it would be in force more than {AHEAD_MAX.days} days after it was said; say it nearer to the time"
        if isinstance(record, PolicyRolledBack):
            return self._rolled_back(record)
        if self.changes and not _is_before(self.changes[-1], record.effective_at):
            return (
                f"a later change is in force from {self.changes[-1].effective_at.isoformat()} on; "
                "a roll-back before then withdraws it"
            )
        if not is_somebody_else(record.actor, proposal.actor):
            return "a second person must approve a proposal"
        if any(change.proposal_id == record.proposal_id for change in (*self.changes, *self.withdrawn)):
            return f"{record.proposal_id} was approved before; propose the file again"
        policy = self._read(proposal, record.effective_at)
        if isinstance(policy, str):
            return policy
        self.changes.append(
            Change(record.effective_at, record.proposal_id, policy, f"{proposal.actor}, {record.actor}", record.why)
        )
        return None

    def _rolled_back(self, record: PolicyRolledBack) -> str | None:
        ended = self._ended(record.proposal_id, record.effective_at, record.actor, record.why)
        if isinstance(ended, str):
            return ended
        self.changes, withdrawn = ended
        self.withdrawn += withdrawn
        return None

    def _ended(self, name: str, at: datetime, actor: str, why: str) -> tuple[list[Change], list[Change]] | str:
        """(changes that are left, changes withdrawn) when `name` ends at `at`, or why it cannot.

        A policy that is in force by then ends, one that is not never is.
        """
        kept: list[Change] = list(self.changes)
        withdrawn: list[Change] = []
        while kept and not _is_before(kept[-1], at) and name in (kept[-1].takes_back or kept[-1].proposal_id,):
            withdrawn.append(kept.pop())
            if not withdrawn[-1].takes_back:  # it was still to come, and with it gone nothing is left to end
                return kept, withdrawn
        if not kept or kept[-1].proposal_id != name:
            return f"{name} is not the newest policy"
        if not _is_before(kept[-1], at):
            return f"a later change is in force from {kept[-1].effective_at.isoformat()} on"
        before = self._before(name)
        policy = None
        if before.policy is not None:
            read = self._read(self.proposals[before.proposal_id], at)
            if isinstance(read, str):
                return read
            policy = read
        return [*kept, Change(at, before.proposal_id, policy, actor, why, takes_back=name)], withdrawn

    def newest(self, at: datetime) -> str:
        """The proposal that a roll-back in force from `at` on would end or withdraw; empty if there is none."""
        if not self.changes:
            return ""
        last = self.changes[-1]
        planned = last.takes_back and not _is_before(last, at)
        return last.takes_back if planned else last.proposal_id

    def rolled_back(self, at: datetime) -> list[Change]:
        """The changes as a roll-back in force from `at` on would leave them; nothing is rolled back by asking."""
        name = self.newest(at)
        ended = self._ended(name, at, "", "") if name else ""
        return self.changes if isinstance(ended, str) else ended[0]

    def _read(self, proposal: PolicyProposed, effective_at: datetime) -> Policy | str:
        """The policy, or why it cannot be one. Whatever is wrong with a text must not end those who read it."""
        try:
            return self._parse(proposal.text, effective_at)
        except PolicyError as error:
            return f"this release cannot read the proposal: {error}"
        except Exception as error:
            return f"this release cannot read the proposal ({type(error).__name__}: {str(error)[:200]})"

    def _before(self, proposal_id: str) -> Change:
        """What was in force when `proposal_id` first came into force."""
        first = next(n for n, change in enumerate(self.changes) if change.proposal_id == proposal_id)
        return self.changes[first - 1] if first else _STARTED_WITH

    def waiting(self) -> list[PolicyProposed]:
        """Proposals that nobody approved, oldest first."""
        done = {change.proposal_id for change in (*self.changes, *self.withdrawn)}
        return [proposal for proposal in self.proposals.values() if proposal.proposal_id not in done]

    def over(self, base: PolicySchedule) -> PolicySchedule:
        """The schedule of `base` with every change over it."""
        policies = [policy for policy in base.policies if self._precedes(policy.effective_at)]
        for number, change in enumerate(self.changes):
            until = self.changes[number + 1].effective_at if number + 1 < len(self.changes) else None
            if change.policy is not None:
                policies.append(change.policy)
            else:
                policies += _restored(base, change.effective_at, until)
        return PolicySchedule.of(tuple(policies))

    def _precedes(self, effective_at: datetime) -> bool:
        return not self.changes or to_ms(effective_at) < to_ms(self.changes[0].effective_at)


def _is_before(change: Change, at: datetime) -> bool:
    """Whether the change comes first: by the millisecond, because that is what an event's time selects by."""
    return to_ms(change.effective_at) < to_ms(at)


_STARTED_WITH = Change(EPOCH, "", None, "", "")


def _restored(base: PolicySchedule, start: datetime, until: datetime | None) -> list[Policy]:
    """The policies of `base` that are in force in [start, until), the first of them from `start` on."""
    known = [policy for policy in base.policies if until is None or policy.effective_at < until]
    later = [policy for policy in known if policy.effective_at > start]
    now = [policy for policy in known if policy.effective_at <= start][-1:]
    return [msgspec.structs.replace(policy, effective_at=start) for policy in now] + later


def _one_of(roles: frozenset[str]) -> str:
    return ", ".join(sorted(roles))
