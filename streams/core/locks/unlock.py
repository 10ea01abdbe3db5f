"""How does an owner get the account back: by a second factor, an identity check, or by asking (F22)?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from streams.contracts.accounts import IdentityVerified, UnlockRequested
from streams.contracts.logins import ChallengePassed
from streams.core.cases.book import Draft, add_line, open_or_join
from streams.core.cases.clocks import has_person
from streams.core.cases.dialogue import has_written
from streams.core.cases.escalation import rest
from streams.core.flows import trail
from streams.core.flows.mule import is_mule
from streams.core.flows.owners_word import RISK_FAMILY, STANDS_S
from streams.core.identity import OWNERS_LEVEL, level_shown
from streams.core.locks.account_states import SOFT_LOCK, state_of_lock
from streams.core.locks.saga import APPEAL, errand, is_after_freeze, lift, open_appeal, publish
from streams.core.locks.transitions import level_of
from streams.core.messages.notify import notify
from streams.core.money.references import hashed
from streams.core.obligations import Case, HeldLock, Line, Reason, Trace
from streams.core.turn import Turn

# More failed checks than honest people need: from then on a person looks (domain F22).
CHECKS_MAX = 3
# A proof that is older than the lock says nothing about who came since, however late or often its event is delivered.
# Clocks of two systems differ by seconds.
_CLOCKS_DIFFER_MS: Final = 5_000
_WORD: Final = re.compile(r"[A-Za-z0-9_.-]{1,40}")


def second_factor_passed(turn: Turn, event: ChallengePassed) -> None:
    """A soft lock keeps guesses of the password out; who has the second factor too is let in at once.

    Not out of what a stricter lock covers: under a freeze nothing is lifted, and its end says what is left.
    """
    # The word goes into a command: only a word, or none.
    factor = f" {event.reason}" if event.reason is not None and _WORD.fullmatch(event.reason) else ""
    shown_ms = turn.at_ms
    if not counts(turn):
        return

    def ends(held: HeldLock, reason: Reason) -> bool:
        # What an analyst has locked is no wait of the ladder: whoever is meant may hold the second factor too.
        return state_of_lock(held) == SOFT_LOCK and not reason.by_person and _is_since(reason, shown_ms)

    lift(turn, ends, f"second factor{factor}", "second_factor", "owner", tells="unlocked")


def identity_verified(turn: Turn, event: IdentityVerified) -> None:
    """Each lock has the level that lifts it; a freeze has none, and people see on its case that the check is done.

    Where somebody is doubted whom nobody vouches for, a restriction that it lifts ends all sessions, and the owner is
    told to set new credentials: else a thief would go on with what the owner has opened. So does a check without a
    restriction, if it is doubted who changed them.
    """
    shown_ms, level = turn.at_ms, level_shown(event)
    if not counts(turn):
        return
    result = "passed" if event.passed else "failed"
    how = "" if level else f" by {event.method}, which is no check of who somebody is"
    _tell_cases(turn, "identity", f"identity check level {level} {result}{how}"[:160])
    _remember_proof(turn, event, shown_ms)
    unvouched: list[Trace] = []
    if event.passed and level >= OWNERS_LEVEL:
        trail.checked(turn, shown_ms)
        unvouched = trail.unvouched_until(turn, shown_ms)
    changed = trail.case_of_changes(turn, unvouched)
    if not turn.obligations.locks:
        _renew(turn, changed)
        return
    appeal = open_appeal(turn)
    if not event.passed:
        failed = (appeal.counters.get("checks_failed", 0) if appeal is not None else 0) + 1
        line = Line(turn.at_ms, "identity", turn.cause, f"identity check level {level} failed")
        open_or_join(turn, _draft(line, checks_failed=failed))
        return
    if appeal is not None and appeal.counters.get("checks_failed", 0) >= CHECKS_MAX:
        return  # whoever failed that often is let in by a person only

    def ends(held: HeldLock, reason: Reason) -> bool:
        # Who one is says nothing about where money comes from.
        asks_more = is_mule(turn.obligations.case(reason.case_id))
        needed = level_of(held.action, reason.due_ms, by_person=reason.by_person)
        return 0 < needed <= level and _is_since(reason, shown_ms) and not asks_more

    why, cooloff_s = f"identity level {level}", turn.policy.locks.cooloff_s
    is_restricted = any(held.action == "restrict" for held in turn.obligations.locks)
    renews = changed is not None or (is_restricted and bool(unvouched))
    tells = "unlocked.renew" if renews else "unlocked"
    lifted = lift(turn, ends, why, "identity_proved", event.role, tells=tells, cools_s=cooloff_s)
    restricted = next((turn.obligations.case(held.case_id) for held in lifted if held.action == "restrict"), None)
    _rest_risks(turn, lifted)
    if not lifted:
        _renew(turn, changed)
    elif renews:
        _end_sessions(turn, restricted or changed)


def _rest_risks(turn: Turn, lifted: Iterable[HeldLock]) -> None:
    """Whoever proves to be the owner has answered a case of a risky account (F21): what comes later wakes it.

    Not where people are at it, where the owner has written, or where it is known to be fraud.
    """
    answered = {reason.case_id for held in lifted if held.action == "restrict" for reason in held.reasons}
    for case in turn.obligations.cases:
        is_answered = case.case_id in answered and case.family == RISK_FAMILY and case.is_open
        if is_answered and case.finding == "unset" and not has_person(case) and not has_written(case):
            rest(turn, case)


def _renew(turn: Turn, case: Case | None) -> None:
    """No lock ends by the check, but somebody unvouched has changed what this case tells of."""
    if case is not None and _end_sessions(turn, case):
        notify(turn, "identity.renew", {}, case)


def _end_sessions(turn: Turn, case: Case | None) -> bool:
    if case is None:
        return False
    return errand(turn, "end_sessions", reason_class="account_protection", rule="identity", case=case)


def unlock_requested(turn: Turn, event: UnlockRequested) -> None:
    """Asking lifts nothing; it opens the appeal, whose deadline is the promise, and tells the cases of the locks."""
    if not counts(turn):
        return
    text = f"the customer asks for the account, by {event.channel}"[:96]
    _tell_cases(turn, "unlock_requested", text)
    if turn.obligations.locks:
        open_or_join(turn, _draft(Line(turn.at_ms, "unlock_requested", turn.cause, text)))


def liftable(turn: Turn) -> tuple[HeldLock, ...]:
    """All locks but the lower limits that the end of a freeze began: one person must not undo what two agreed on."""
    return tuple(
        held
        for held in turn.obligations.locks
        if not all(is_after_freeze(turn, held, reason) for reason in held.reasons)
    )


def undo_false_locks(turn: Turn, case: Case, actor: str) -> None:
    """An analyst found that it was the owner: what this case locked is lifted, but no freeze and none of its limits."""

    def ends(held: HeldLock, reason: Reason) -> bool:
        is_own = reason.case_id == case.case_id and held.action != "freeze"
        return is_own and not is_after_freeze(turn, held, reason)

    pardon(turn, lift(turn, ends, "locked by mistake", "false_lock", actor, tells="unlocked.by_us"))


def pardon(turn: Turn, lifted: Iterable[HeldLock]) -> None:
    """What a person has lifted counts no failures from before any more: else one more slip would lock it again."""
    sides = [held.applies_to for held in lifted if held.action in ("lock", "step_up")]
    turn.ctx.pardoned += sides
    if any(side != "known_devices" for side in sides):
        turn.obligations.soft_locks.clear()


def is_proved(turn: Turn, held: HeldLock) -> bool:
    """Whether the owner of this freeze has lately shown who they are, where the policy asks for it."""
    within_s = turn.policy.locks.unfreeze_identity_s
    return not within_s or (held.proved_ms > 0 and turn.at_ms - held.proved_ms <= within_s * 1000)


def _remember_proof(turn: Turn, event: IdentityVerified, shown_ms: int) -> None:
    """The newest check counts: who fails after somebody passed may be the owner, or the thief.

    In whatever order they are delivered: a failed one is remembered by the negative of its time. Who passed the check
    that a freeze asks for is believed for a while against words of anybody (`owners_word`).
    """
    obligations, level = turn.obligations, level_shown(event)
    if shown_ms >= abs(obligations.proved_ms) and (level >= OWNERS_LEVEL or not event.passed):
        obligations.proved_ms = shown_ms if event.passed else -shown_ms
        obligations.proved_device = hashed(event.device_id)
        if not event.passed:
            obligations.settled_ms = 0
    for held in turn.obligations.locks:
        if held.action != "freeze" or not _is_since(held, shown_ms) or shown_ms < abs(held.proved_ms):
            continue
        if level >= OWNERS_LEVEL or not event.passed:
            was_proved = held.proved_ms > 0
            held.proved_ms = shown_ms if event.passed else -shown_ms
            if turn.policy.locks.unfreeze_identity_s and (event.passed or was_proved):
                publish(turn)  # whoever looks at the freeze sees whether it can be lifted


def counts(turn: Turn) -> bool:
    """What an owner did to get back in is no less true for being heard late; only years of history are just read."""
    if turn.late:
        turn.stands(STANDS_S)
    return not turn.late


def _is_since(held: HeldLock | Reason, shown_ms: int) -> bool:
    """Whether the owner showed it while the lock stood, or since this case has asked for it."""
    return shown_ms >= held.since_ms - _CLOCKS_DIFFER_MS


def _draft(line: Line, **counters: int) -> Draft:
    return Draft(
        case_type="unlock_request",
        flow="F22",
        family=APPEAL,
        queue="security",
        priority=2,
        lines=(line,),
        counters=tuple(counters.items()),
    )


def _tell_cases(turn: Turn, kind: str, text: str) -> None:
    for case_id in dict.fromkeys(reason.case_id for held in turn.obligations.locks for reason in held.reasons):
        case = turn.obligations.case(case_id)
        if case is not None and case.is_open:
            add_line(turn, case, Line(turn.at_ms, kind, turn.cause, text))
