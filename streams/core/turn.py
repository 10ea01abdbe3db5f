"""What happens while one event or one timer has its turn at an account?

A turn collects effects. A case that changes several times in a turn is published once, with everything that changed,
and so is the list of locks: a reader of the topics never sees half a step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import msgspec

from streams.contracts.actions import Lock, LocksState
from streams.contracts.base import from_ms
from streams.core import ids
from streams.core.locks.account_states import state_of, state_of_lock
from streams.core.locks.tenure import Standing, standing
from streams.core.locks.transitions import RELEASED
from streams.core.obligations import Case, HeldLock, Obligations
from streams.core.policy import Policy
from streams.core.steps import DecideContext, Effect


class Turn(msgspec.Struct):
    """One event's or one timer's turn: where it happens, what it may do, what came of it so far."""

    obligations: Obligations
    policy: Policy
    ctx: DecideContext
    at_ms: int
    at: datetime
    cause: str  # event_id, or the name of the timer that fired
    origin: str  # the same with the event's source: what ids of new things hash
    acts: bool  # False: observing, or too old; decisions and cases are recorded, nothing is sent
    shadow: bool  # cases of this turn are shadows
    late: bool = False
    effects: list[Effect] = msgspec.field(default_factory=list)
    # what changed about which case, in order; the case itself because the account may have to forget it meanwhile
    changed: dict[str, tuple[Case, list[str]]] = msgspec.field(default_factory=dict)
    recalled: list[Case] = msgspec.field(default_factory=list)  # handed over, and looked at for this turn alone
    locks_changed: bool = False
    was: str = ""  # state of the account before its locks changed in this turn
    trigger: str = ""
    actor: str = ""
    stood: tuple[Standing, ...] = ()  # the locks before the turn
    established: bool = False  # the account has a history, so that what its owner asks for has a cap of its own
    device_since_ms: int = 0  # since when the account knows the device on which its owner speaks; 0: it does not
    at_home: bool = False  # of a second factor or a failed movement: nothing says that it was a stranger
    only_time: bool = False  # nothing has happened but that time has passed
    carried_out: bool = False  # nothing has happened but that a command was carried out

    def change(self, case: Case, what: str) -> None:
        """Notes that `case` changed; a version of it leaves at the end of the turn."""
        _, noted = self.changed.setdefault(case.case_id, (case, []))
        if what not in noted and len(noted) < 16:
            noted.append(what)

    def moves(self, trigger: str, actor: str) -> None:
        """Notes what is about to change the account's locks; the first reason of a turn is the one that is told."""
        if not self.was:
            self.was = state_of(self.obligations.locks, self.obligations.holder.closed)
            self.trigger, self.actor = trigger, actor

    def enforce(self) -> None:
        """Lets the turn act although the policy observes.

        Because the rule that spoke enforces; or because a lock or hold is there, which only enforcing can have made,
        and whoever is locked must find the way out whatever the policy says today.
        """
        self.shadow = False
        self.acts = self.is_fresh

    def stands(self, within_s: int) -> None:
        """Lets the turn act now on what stays true however late it is heard, up to this age."""
        self.acts = self.policy.mode == "enforce" and self.ctx.now_ms - self.at_ms <= within_s * 1000
        if self.acts:
            self.late = False
            if self.at_ms < self.ctx.clock_ms:  # deadlines and commands count from when it is heard
                self.at_ms, self.at = self.ctx.clock_ms, from_ms(self.ctx.clock_ms)

    @contextmanager
    def standing_for(self, within_s: int) -> Iterator[None]:
        """Meanwhile the turn `stands`; afterwards what happened is as late as it was."""
        before = self.acts, self.late, self.at_ms, self.at
        self.stands(within_s)
        yield
        self.acts, self.late, self.at_ms, self.at = before

    @contextmanager
    def as_heard(self) -> Iterator[None]:
        """Meanwhile what is told late happens when it is heard, as a timer would find it that was set for it now.

        Of the ledger's lines: one that stood still tells hours in a heap, and nobody is the less charged twice.
        """
        before = self.acts, self.late, self.at_ms, self.at
        if self.late:
            self.late, self.at_ms, self.at = False, self.ctx.clock_ms, from_ms(self.ctx.clock_ms)
            self.acts = self.policy.mode == "enforce" and self.is_fresh
        yield
        self.acts, self.late, self.at_ms, self.at = before

    def answer_ms(self, priority: int) -> int:
        """Until when people answer a case of this priority that is asked about now."""
        return self.at_ms + self.policy.cases.priority(f"P{priority}").resolution_s * 1000

    def may(self, effect: str) -> bool:
        """May this turn send an `effect` (action, notification, query)? Notes the ones that it may not."""
        if self.acts and not self.late:
            return True
        why = "too_old" if self.late or not self.is_fresh else "observe"
        self.ctx.withheld.append((effect, why))
        return False

    @property
    def is_fresh(self) -> bool:
        """What happened is young enough to act on."""
        return _fresh(self.policy, self.ctx, self.at_ms)


def turn_of(
    obligations: Obligations,
    policy: Policy,
    ctx: DecideContext,
    at_ms: int,
    cause: str,
    *,
    source: str = "",
    at: datetime | None = None,
) -> Turn:
    """A turn that acts if the policy enforces and what happened is not too old to act on. Timers have no `source`."""
    enforcing = policy.mode == "enforce"
    return Turn(
        obligations,
        policy,
        ctx,
        at_ms,
        at or from_ms(at_ms),
        cause,
        ids.origin_of(source, cause),
        enforcing and _fresh(policy, ctx, at_ms),
        not enforcing,
        stood=standing(obligations.locks) if obligations.locks else (),
    )


def _fresh(policy: Policy, ctx: DecideContext, at_ms: int) -> bool:
    """A backfill of last month locks nobody and writes to nobody."""
    return ctx.now_ms - at_ms <= policy.max_effect_age_s * 1000


def note_tenure(turn: Turn) -> None:
    """Counts which locks began and ended in this turn."""
    ctx = turn.ctx
    moved = ctx.tenure.note(turn.stood, standing(turn.obligations.locks), turn.trigger, turn.at_ms)
    ctx.begun += moved.begun
    ctx.ended += moved.ended


def locks_state(turn: Turn) -> LocksState:
    """All locks of the account and the state that they put it in, for the compacted topic."""
    obligations = turn.obligations
    state = state_of(obligations.locks, obligations.holder.closed)
    ends_ms = max((held.due_ms for held in obligations.locks if state_of_lock(held) == state), default=0)
    return LocksState(
        occurred_at=turn.at,
        account_id=turn.ctx.account_id,
        version=turn.obligations.locks_version,
        locks=tuple(
            _told(lock, turn.policy.locks.unfreeze_identity_s if obligations.asks_who_it_is(lock) else 0)
            for lock in turn.obligations.locks
            if lock.status != RELEASED
        ),
        state=state,
        was=turn.was or None,
        trigger=turn.trigger or None,
        actor=turn.actor or None,
        event_id=turn.cause,
        state_ends_at=from_ms(ends_ms) if ends_ms else None,
    )


def _told(held: HeldLock, within_s: int) -> Lock:
    """A lock as others read it; `within_s`: how long an identity check counts for the end of a freeze, 0: none does."""
    is_checked = held.action == "freeze" and within_s > 0
    passed = is_checked and held.proved_ms > 0
    return Lock(
        action_id=held.action_id,
        action=held.action,  # type: ignore[arg-type]
        scope=held.scope,  # type: ignore[arg-type]
        status=held.status,
        reason_class=held.reason_class,
        since=from_ms(held.since_ms),
        expires_at=from_ms(held.due_ms) if held.due_ms else None,
        applies_to=held.applies_to,
        check=("passed" if passed else "missing") if is_checked else None,
        check_until=from_ms(held.proved_ms + within_s * 1000) if passed else None,
    )
