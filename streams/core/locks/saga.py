"""How does a wish to lock become a lock that the payment system carries out, and how does it end?

A command keeps its `action_id` however often it is sent. It is sent again until it is acknowledged, also when the
payment system has refused it: then later each time, and at once when somebody with a say asks again. An acknowledgement
is an answer, however late it comes: it ends the waiting, and the case that the waiting opened.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from streams.contracts.accounts import ActionAcknowledged
from streams.contracts.actions import ActionRequested
from streams.contracts.base import from_ms
from streams.core import ids
from streams.core.cases.book import Draft, add_action, add_line, open_or_join, set_status
from streams.core.cases.clocks import has_person, is_escalated
from streams.core.cases.dialogue import has_written
from streams.core.cases.escalation import hand_to_supervisors, rest
from streams.core.locks.account_states import (
    ACTIVE,
    CHALLENGED,
    CLOSED,
    ENTRY_OF,
    EVERYTHING,
    FROZEN,
    RECOVERING,
    RESTRICTED,
    STATES,
    covers,
    is_frozen,
    keeps_out,
    stands,
    state_of,
    state_of_lock,
    uncovered,
)
from streams.core.locks.caps import UNCONFIRMED, UNCONFIRMED_CASES, capped_case, counted_as, unconfirmed_case
from streams.core.locks.transitions import ABSENT, RELEASED, Transition, step
from streams.core.messages.notify import notify
from streams.core.messages.render import instant
from streams.core.obligations import LOCKS_MAX, OUTBOX_MAX, REASONS_MAX, Case, Command, HeldLock, Line, Reason
from streams.core.turn import Turn


class About(NamedTuple):
    """Whom else than the account a command is about, and how much."""

    entity: str  # kind/value
    amount_minor: int = 0
    currency: str = ""


NOBODY_ELSE: Final = About("")
_STOPS_THEFT = frozenset({"freeze", "end_sessions", "stop_payouts"})
APPEAL = "unlock"  # family of the cases of customers who want their account back
LADDER = "ladder"  # family of the cases of guessed passwords (F20)
# Once its case is open, a command waits as long again as it has waited so far, but never longer than this.
SLOWEST_RESEND_MS = 3_600_000
_UNREVIEWED_MAX, _CONFIRMED_MAX = 2, 6
LOCK_CAPPED = "lock_capped"  # line of a case
PAUSE_OVER = "pause_over"  # line of a suspected mule's case
_NEVER_MS = 1 << 62
_JOINED = "lock_joined"  # line of a case


def lock(
    turn: Turn,
    action: str,
    *,
    scope: str,
    applies_to: str,
    lasts_s: int | None,
    reason_class: str,
    rule: str,
    case: Case | None = None,
    capped: bool = True,
    actor: str = "rules",
    apart: bool = False,
) -> bool:
    """Wants a lock. False: nothing was commanded, because the turn may not act, a cap is reached, or it is there.

    A longer lock takes the place of a shorter one of the same kind, which is held for the cases of both from then on; a
    freeze makes every other lock superfluous. `apart`: for a reason of its own, whatever its case has locked before.
    """
    if turn.obligations.holder.closed or not turn.may("action"):
        return False
    expires_ms = turn.at_ms + lasts_s * 1000 if lasts_s is not None else 0
    standing = _standing(turn, action, scope, applies_to)
    is_person = actor == "analyst"
    own = Reason(case.case_id if case is not None else "", reason_class, turn.at_ms, expires_ms, by_person=is_person)
    widens = standing is not None and scope == EVERYTHING != standing.scope
    is_enough = standing is not None and stands(standing) and not widens
    if standing is not None and is_enough and not _outlasts(expires_ms, standing, 0 if apart else lasts_s):
        _join(turn, standing, own, lasts_s, apart)
        # An owner or a person who says it once more has it commanded once more; the guesses of an attack have not.
        if action == "freeze" or actor != "rules":
            urge(turn, standing, f"wanted again ({rule})")
        return False
    if is_frozen(turn.obligations.locks) and not widens:
        return False
    policy = turn.policy.locks
    # A longer lock of an account that is locked already is no further account.
    limits = turn.ctx.limits
    if capped and standing is None:
        counted = counted_as(rule, established=turn.established)
        stopped = limits.is_stopped(counted, turn.at_ms)
        if stopped or not limits.take(counted, turn.at_ms, policy.caps, turn.ctx.partitions):
            turn.ctx.withheld.append(("action", "capped"))
            turn.ctx.capped.append("total" if stopped else "partition")
            _report_cap(turn, counted, case, stopped)
            return False
        turn.ctx.locked.append(counted)
    status = standing.status if standing is not None else ABSENT
    transition = _step(turn, status, "wanted")
    if transition is None:
        return False
    wanted = HeldLock(
        action_id=ids.action_id(case.case_id if case is not None else rule, turn.ctx.account_id, turn.origin, action),
        action=action,
        scope=scope,
        applies_to=applies_to,
        status=transition.to,
        reason_class=reason_class,
        since_ms=turn.at_ms,
        due_ms=expires_ms,
        case_id=case.case_id if case is not None else "",
        by_person=is_person,
    )
    turn.moves(ENTRY_OF[state_of_lock(wanted)], actor)
    if standing is not None:
        if stands(standing):  # what is being lifted is held for nothing any more
            wanted.hold_for([own, *_others(turn, standing, own, apart)])
        _drop_commands(turn, standing.action_id)
        turn.obligations.locks.remove(standing)
    elif len(turn.obligations.locks) >= LOCKS_MAX:
        return False
    for held in turn.obligations.locks:
        overtaken = step(held.status, "overtaken") if covers(wanted, held) else None
        if overtaken is not None:
            _drop_commands(turn, held.action_id)
            held.status, held.tells = overtaken.to, ""
            reviewed_by = turn.obligations.case(held.case_id)
            if case is not None and not held.due_ms and (reviewed_by is None or not reviewed_by.is_open):
                held.case_id = case.case_id  # else nobody would end it
    turn.obligations.locks.append(wanted)
    _crowd(turn)
    publish(turn)
    _command(turn, wanted.action_id, wanted, rule)
    if case is not None:
        add_action(turn, case, wanted.action_id, action)
        if not wanted.due_ms and case.status == "auto_answered":
            set_status(turn, case, "classified")  # what has no end of its own is a person's work
    return True


def errand(
    turn: Turn, action: str, *, reason_class: str, rule: str, case: Case, until_ms: int = 0, about: About = NOBODY_ELSE
) -> bool:
    """A command without a lock: end sessions, stop payouts. Sent again until acknowledged, like every command.

    One with an end (`until_ms`) is not sent again behind it. False: the turn may not act.
    """
    if not turn.may("action"):
        return False
    _send_errand(turn, action, reason_class, rule, case, turn.at_ms, until_ms, about)
    return True


def undo_errand(
    turn: Turn, undone: str, action: str, *, reason_class: str, rule: str, case: Case, until_ms: int, about: About
) -> None:
    """Ends what an errand of this case has done, whatever the policy says today and however late its end is heard.

    The errand is not sent again. Where the turn may not act its end is sent once the outbox is looked at next.
    """
    outbox = turn.obligations.outbox
    turn.obligations.outbox = [each for each in outbox if (each.action, each.case_id) != (undone, case.case_id)]
    turn.enforce()
    heard_ms = max(turn.at_ms, turn.ctx.clock_ms)
    _send_errand(turn, action, reason_class, rule, case, heard_ms, until_ms, about)


def _send_errand(
    turn: Turn, action: str, reason_class: str, rule: str, case: Case, first_ms: int, until_ms: int, about: About
) -> None:
    action_id = ids.action_id(case.case_id, turn.ctx.account_id, turn.origin, action)
    _send(
        turn,
        Command(
            action_id,
            action,
            "all",
            "everyone",
            reason_class,
            rule,
            case.case_id,
            until_ms,
            first_ms,
            due_ms=0,
            attempt=0,
            overdue=False,
            lock="",
            entity=about.entity,
            amount_minor=about.amount_minor,
            currency=about.currency,
        ),
    )
    add_action(turn, case, action_id, action)


def lift(
    turn: Turn,
    ends: Callable[[HeldLock, Reason], bool],
    why: str,
    trigger: str,
    actor: str,
    *,
    tells: str,
    cools_s: int = 0,
) -> list[HeldLock]:
    """Ends locks before their time; those that were lifted. None: a stricter one covers them, or it is too late to act.

    `ends` says for what a lock is not to be held any longer; one that is held for something else stands on.

    Whoever is let in by it has lower limits for `cools_s` where a lock was strict: a thief who passed the check too
    takes less. The owner is told by the message `tells`, or its variant for what is left, once the payment system has
    released what was lifted: it may refuse.
    """
    locks = turn.obligations.locks
    left = [(held, [reason for reason in held.reasons if not ends(held, reason)]) for held in locks]
    found = uncovered(locks, [held for held, reasons in left if not reasons])
    lessened = [
        (held, reasons)
        for held, reasons in left
        if stands(held) and 0 < len(reasons) <= len(held.also) and held in uncovered(locks, [*found, held])
    ]
    if not found and not lessened:
        return []
    turn.enforce()
    if not turn.may("action"):
        return []
    for held, reasons in lessened:
        turn.moves(trigger, actor)
        for reason in held.reasons:
            if reason not in reasons:
                _note(turn, reason.case_id, "unlock", f"{held.action} goes on, and not for this case any more: {why}")
        _hold_for(turn, held, reasons, why)
    _rest_waits(turn)
    lifted: list[HeldLock] = []
    for held in found:
        transition = _step(turn, held.status, "lifted")
        if transition is None:
            continue
        turn.moves(trigger, actor)
        _drop_commands(turn, held.action_id)
        if held.action == "freeze":  # its sessions and payouts are the owner's again
            outbox = turn.obligations.outbox
            turn.obligations.outbox = [each for each in outbox if each.lock or each.case_id != held.case_id]
        held.status, held.tells = transition.to, tells
        publish(turn)
        _command_unlock(turn, held, why)
        for case_id in dict.fromkeys(reason.case_id for reason in held.reasons):
            _note(turn, case_id, "unlock", f"{held.action} lifted: {why}")
        lifted.append(held)
    gone = _take_released(turn)
    strict = [held for held in lifted if STATES.index(state_of_lock(held)) >= STATES.index(RESTRICTED)]
    if strict and cools_s:
        lock(
            turn,
            "limit",
            scope="money_out",
            applies_to="everyone",
            lasts_s=cools_s,
            reason_class="account_protection",
            rule="recovery",
            case=turn.obligations.case(strict[0].case_id),
            capped=False,  # it follows from an unlock and keeps nobody out
            apart=True,  # the limits after a freeze end by themselves, whatever else lowers them
        )
    _let_in(turn, gone)
    return lifted


def urge(turn: Turn, held: HeldLock, why: str) -> bool:
    """Sends the command of a lock again now, which the payment system has refused or not answered.

    False: there is nothing to urge, or the reason is too old to act on.
    """
    turn.enforce()
    if not turn.may("action"):
        return False
    transition = _step(turn, held.status, "urged")
    if transition is None:
        return False
    waiting = next((command for command in turn.obligations.outbox if command.lock == held.action_id), None)
    if waiting is not None:
        _again(turn, waiting)
    elif held.status == "lifting":
        _command_unlock(turn, held, why)
    else:
        _command(turn, held.action_id, held, why)
    what = "unlock" if held.status == "lifting" else held.action
    _note(turn, held.case_id, "commanded_again", f"{what} commanded again: {why}")
    if transition.to != held.status:
        _drop_commands(turn, held.action_id)
        held.status = transition.to
        publish(turn)
        _let_in(turn, _take_released(turn))
    return True


def acknowledge(turn: Turn, event: ActionAcknowledged) -> None:
    """The payment system answered a command."""
    outbox = turn.obligations.outbox
    command = next((command for command in outbox if command.action_id == event.action_id), None)
    done = event.result == "done"
    if command is None:  # a second answer, or an answer to a command that time has overtaken
        if done:
            _confirmed(turn, event.action_id, again=True)
        return
    held = _held_by(turn, command)
    transition = step(held.status, "acknowledged" if done else "refused") if held is not None else None
    if held is not None and transition is not None and transition.to != held.status:
        held.status = transition.to
        publish(turn)
    if not done:
        _refused(turn, command, event.result)
        return
    outbox.remove(command)
    turn.carried_out = True
    if command.overdue:
        _confirmed(turn, command.action_id)
    if not outbox:
        _all_confirmed(turn)
    _note(turn, command.case_id, "acknowledged", f"{command.action}: {event.result}")
    _let_in(turn, _take_released(turn))


def _refused(turn: Turn, command: Command, result: str) -> None:
    """A no may be an outage: the command goes on waiting. People are told once, the payment system is asked again."""
    if not command.refused:
        command.refused = command.overdue = True
        _problem(turn, command, f"the payment system answered {result}", "command_refused")
        _note(turn, command.case_id, "acknowledged", f"{command.action}: {result}")
    command.due_ms = _next_ms(turn, command)


def expire(turn: Turn, held: HeldLock) -> None:
    """The lock's own end has come; the payment system knows it too, so nothing is commanded.

    Unless it is held for something else, or for a case that nobody has decided about: see `_prolonged`.
    """
    over = [reason for reason in held.reasons if 0 < reason.due_ms <= turn.at_ms]
    left = [reason for reason in held.reasons if reason not in over]
    if held.action == "restrict" and held.status != "lifting":
        left += [longer for reason in over if (longer := _prolonged(turn, held, reason)) is not None]
    if left:
        _hold_for(turn, held, left, "unreviewed")
        _rest_waits(turn)
        return
    turn.moves("expired", "time")
    held.status = RELEASED
    unanswered = {command.action_id for command in turn.obligations.outbox if command.lock == held.action_id}
    _drop_commands(turn, held.action_id)
    _needs_no_answer(turn, unanswered, "lock_expired", f"{held.action} ended by itself", "lock_over")
    publish(turn)
    for case_id in dict.fromkeys(reason.case_id for reason in over):
        _note(turn, case_id, "lock_expired", f"{held.action} ended by itself")
    _let_in(turn, _take_released(turn))


def _prolonged(turn: Turn, held: HeldLock, reason: Reason) -> Reason | None:
    """Once more as long, with the case at the supervisors: twice while nobody decides, six times if it is fraud.

    Bounded, for an owner must not stay locked because nobody reads cases; the case says when it ended all the same.
    """
    case = turn.obligations.case(reason.case_id) if reason.case_id else None
    if case is None or not case.is_open or case.finding == "false_alarm":
        return None
    most = _CONFIRMED_MAX if case.finding == "confirmed_fraud" else _UNREVIEWED_MAX
    until_ms = turn.at_ms + turn.policy.locks.restrict_s * 1000
    if case.payouts_paused_ms:
        until_ms = min(until_ms, case.payouts_paused_ms + turn.policy.locks.mule_pause_s * 1000)
    if reason.prolonged >= most or until_ms <= turn.at_ms:
        _note(turn, case.case_id, "lock_unreviewed", f"{held.action} ends although its case is open")
        return None
    if not turn.may("action"):
        return None
    turn.moves("unreviewed", "time")
    text = f"{held.action} goes on until {instant(until_ms)}: its case is open"
    _note(turn, case.case_id, "lock_prolonged", text)
    if not is_escalated(case):
        hand_to_supervisors(turn, case, "its restriction would have ended unreviewed")
    return msgspec.structs.replace(reason, due_ms=until_ms, prolonged=reason.prolonged + 1)


def _hold_for(turn: Turn, held: HeldLock, reasons: list[Reason], why: str) -> None:
    """Holds a lock for these reasons alone; the payment system is told where its end is another one by that."""
    ended_ms = held.due_ms
    held.hold_for(reasons)
    transition = _step(turn, held.status, "wanted") if held.due_ms != ended_ms and stands(held) else None
    if transition is None:
        return
    _drop_commands(turn, held.action_id)
    # A command of its own: who counts commands by their id would take the same one for a repetition.
    held.action_id = ids.action_id(held.case_id or why, turn.ctx.account_id, turn.origin, held.action)
    held.status = transition.to
    publish(turn)
    _command(turn, held.action_id, held, why)
    case = turn.obligations.case(held.case_id) if held.case_id else None
    if case is not None:
        add_action(turn, case, held.action_id, held.action)


def pass_on(turn: Turn, case: Case, into: Case) -> None:
    """What was locked for a case that ends in another one is held for that one, up to the same end."""
    for held in turn.obligations.locks:
        if not held.is_for(case.case_id):
            continue
        if held.case_id == case.case_id:
            held.case_id = into.case_id
        held.also = [
            msgspec.structs.replace(reason, case_id=into.case_id) if reason.case_id == case.case_id else reason
            for reason in held.also
        ]
        publish(turn)


def _join(turn: Turn, held: HeldLock, own: Reason, lasts_s: int | None, apart: bool) -> None:
    """Holds a lock that stands for one more case, or longer for one of its cases, and never beyond its own end.

    Nothing for a rule without a case, about which nobody can decide, nor for a freeze, which ends in one way only.
    """
    if held.action == "freeze" or not (own.case_id or apart):
        return
    if held.due_ms:
        own.due_ms = min(own.due_ms or held.due_ms, held.due_ms)
    known = next((reason for reason in held.reasons if _is_same(turn, held, reason, own, apart)), None)
    if known is None:
        _note(turn, own.case_id, _JOINED, f"{held.action} stands already, and is held for this case too")
    elif not _outlasts(own.due_ms, known, lasts_s):
        return
    held.hold_for([*(reason for reason in held.reasons if reason != known), own])
    _crowd(turn)


def _others(turn: Turn, standing: HeldLock, own: Reason, apart: bool) -> list[Reason]:
    """For what a lock is held besides `own` that takes its place; a rule without a case has no way out of its own."""
    return [
        reason
        for reason in standing.reasons
        if not _is_same(turn, standing, reason, own, apart)
        and (reason.case_id or is_after_freeze(turn, standing, reason))
    ]


def _is_same(turn: Turn, held: HeldLock, reason: Reason, own: Reason, apart: bool) -> bool:
    """Whether `own` only says once more what the same case has asked for, and a rule or a person both times."""
    again = reason.case_id == own.case_id and reason.by_person == own.by_person
    return not apart and again and not is_after_freeze(turn, held, reason)


def is_after_freeze(turn: Turn, held: HeldLock, reason: Reason) -> bool:
    """Whether these are the lower limits that two people agreed on when they lifted a freeze."""
    unfrozen_ms = turn.obligations.unfrozen_ms
    return unfrozen_ms > 0 and held.action == "limit" and reason.since_ms == unfrozen_ms


def _crowd(turn: Turn) -> None:
    """Beyond the bound the reason goes that ends first: what holds longest is what protects."""
    locks = turn.obligations.locks
    while sum(len(held.also) for held in locks) > REASONS_MAX:
        held = min((held for held in locks if held.also), key=lambda held: held.also[-1].due_ms or _NEVER_MS)
        held.also = held.also[:-1]


def close(turn: Turn) -> None:
    """The payment system closed the account, so its locks and commands have nothing left to protect.

    Except a freeze: whoever has stolen an account can have it closed, and two people lift what an owner asked for.
    """
    turn.moves("closed", "profile")
    obligations = turn.obligations
    obligations.holder.closed = True
    for held in obligations.locks:
        if held.action != "freeze":
            held.status = RELEASED
            _drop_commands(turn, held.action_id)
    obligations.outbox = [command for command in obligations.outbox if command.lock or command.entity]
    publish(turn)
    _let_in(turn, _take_released(turn))


def reopen(turn: Turn) -> None:
    """A newer profile knows of no closing: the account is in the state that its locks say."""
    turn.moves("reopened", "profile")
    turn.obligations.holder.closed = False
    publish(turn)


def send_again(turn: Turn, command: Command) -> None:
    """No acknowledgement yet: the same command with the same id, and a P1 case once it takes too long."""
    policy = turn.policy.locks
    if not command.lock and 0 < command.expires_ms <= turn.at_ms:
        turn.obligations.outbox.remove(command)  # what it asks for is over by itself
        return
    waited_ms = turn.at_ms - turn.ctx.heard_ms(command.first_ms)
    if not command.overdue and waited_ms >= policy.ack_timeout_s * 1000:
        command.overdue = True
        held = _held_by(turn, command)
        transition = step(held.status, "overdue") if held is not None else None
        if held is not None and transition is not None and transition.to != held.status:
            held.status = transition.to
            publish(turn)
        _problem(turn, command, f"not acknowledged for {policy.ack_timeout_s} s")
    _again(turn, command)


def _again(turn: Turn, command: Command) -> None:
    command.due_ms = _next_ms(turn, command)
    if turn.acts:
        command.attempt += 1
        turn.effects.append(_request(turn, command))
        if turn.policy.locks.ack == "assumed" and not command.lock:
            turn.obligations.outbox.remove(command)  # it waited for a turn that may act, and for nothing else


def _next_ms(turn: Turn, command: Command) -> int:
    """When it is sent again. An answer may be dated before our clock, and must not be answered at once for that."""
    at_ms = max(turn.at_ms, turn.ctx.clock_ms)
    pause_ms = turn.policy.locks.resend_s * 1000
    if command.overdue:  # people know by now, and an outage of a day must not be answered by a storm
        pause_ms = min(max(at_ms - turn.ctx.heard_ms(command.first_ms), pause_ms), SLOWEST_RESEND_MS)
    return turn.ctx.heard_ms(at_ms) + pause_ms


def _step(turn: Turn, status: str, on: str) -> Transition | None:
    """The transition; where nobody acknowledges (locks.ack = assumed) a command counts as carried out."""
    return step(status, on + "_unheard" if turn.policy.locks.ack == "assumed" else on)


def _standing(turn: Turn, action: str, scope: str, applies_to: str) -> HeldLock | None:
    for held in turn.obligations.locks:
        if held.action != action or held.applies_to != applies_to:
            continue
        if held.scope == scope or action == "freeze":  # of which an account has one, however wide
            return held
    return None


def is_held_for(turn: Turn, case: Case, action: str, scope: str, applies_to: str) -> bool:
    """Whether such a lock stands, and for this case too."""
    standing = _standing(turn, action, scope, applies_to)
    return standing is not None and stands(standing) and standing.is_for(case.case_id)


def stands_as_long(turn: Turn, case: Case, action: str, scope: str, applies_to: str, lasts_s: int) -> bool:
    """Whether such a lock stands for this case, as far as the payment system says, and would end at about that time."""
    standing = _standing(turn, action, scope, applies_to)
    if standing is None or standing.status in ("lifting", "unconfirmed"):
        return False
    own = [reason for reason in standing.reasons if reason.case_id == case.case_id]
    return any(not _outlasts(turn.at_ms + lasts_s * 1000, reason, lasts_s) for reason in own)


def _outlasts(expires_ms: int, standing: HeldLock | Reason, lasts_s: int | None) -> bool:
    """Whether the new end is later, by at least half of the new lock.

    Every guess of a long attack wants the lock of an hour again; a command per guess would be a storm of its own.
    """
    if standing.due_ms == 0 or lasts_s is None:
        return standing.due_ms != 0
    return expires_ms > standing.due_ms and expires_ms - standing.due_ms >= lasts_s * 500


def _command(turn: Turn, action_id: str, held: HeldLock, rule: str, action: str = "") -> None:
    _send(
        turn,
        Command(
            action_id,
            action or held.action,
            held.scope,
            held.applies_to,
            held.reason_class,
            rule,
            held.case_id,
            0 if action == "unlock" else held.due_ms,
            turn.at_ms,
            0,
            0,
            False,
            held.action_id,
        ),
    )


def _command_unlock(turn: Turn, held: HeldLock, why: str) -> None:
    # After the lock, not after its case: several locks of one case may end in one turn, each by a command of its own.
    action_id = ids.action_id(held.action_id, turn.ctx.account_id, turn.origin, "unlock")
    _command(turn, action_id, held, why, action="unlock")


def _send(turn: Turn, command: Command) -> None:
    if turn.acts:
        command.attempt = 1
        turn.effects.append(_request(turn, command))
    if turn.policy.locks.ack == "required" or not command.attempt:
        command.due_ms = turn.ctx.heard_ms(command.first_ms) + turn.policy.locks.resend_s * 1000
        outbox = turn.obligations.outbox
        outbox.append(command)
        if len(outbox) > OUTBOX_MAX:  # the oldest errand goes before any lock's command
            outbox.remove(min(outbox, key=lambda waiting: (waiting.lock != "", waiting.first_ms)))


def _request(turn: Turn, command: Command) -> ActionRequested:
    return ActionRequested(
        occurred_at=turn.at,
        action_id=command.action_id,
        account_id=turn.ctx.account_id,
        action=command.action,  # type: ignore[arg-type]
        scope=command.scope,  # type: ignore[arg-type]
        applies_to=command.applies_to,
        expires_at=from_ms(command.expires_ms) if command.expires_ms else None,
        reason_class=command.reason_class,
        rule=command.rule or None,
        case_id=command.case_id or None,
        entity=command.entity or None,
        attempt=command.attempt,
        amount_minor=command.amount_minor or None,
        currency=command.currency or None,
    )


def _held_by(turn: Turn, command: Command) -> HeldLock | None:
    return next((held for held in turn.obligations.locks if held.action_id == command.lock), None)


def _drop_commands(turn: Turn, lock_id: str) -> None:
    turn.obligations.outbox = [command for command in turn.obligations.outbox if command.lock != lock_id]


def _take_released(turn: Turn) -> list[HeldLock]:
    """Takes the locks that are over out of the account's."""
    locks = turn.obligations.locks
    turn.obligations.locks = [held for held in locks if held.status != RELEASED]
    return [held for held in locks if held.status == RELEASED]


def _let_in(turn: Turn, gone: list[HeldLock]) -> None:
    """What follows when locks are over: the owner is told, and a wait or an appeal has reached its end."""
    if gone:
        _rest_waits(turn)
    told = next((held for held in gone if held.tells), None)
    if told is not None:
        _tell_released(turn, told)
    left = turn.obligations.locks
    if any(keeps_out(held) for held in left) or (left and not any(keeps_out(held) for held in gone)):
        return  # who asks while there are lower limits alone asks for the end of these
    appeal = open_appeal(turn)
    if appeal is not None:
        set_status(turn, appeal, "resolved", "unlocked")
        turn.ctx.let_in.append(turn.at_ms - appeal.opened_ms)


def _rest_waits(turn: Turn) -> None:
    """Where wrong passwords keep nobody out any more nobody has anything to decide (domain F20).

    The case rests, and closes after a quiet day: at once it would be opened again by each guess of one who goes on.
    What a cap kept from being locked, what a person has taken up, and what its customer asks about, is people's.
    """
    for case in turn.obligations.cases:
        if case.family != LADDER or not case.is_open or has_person(case) or has_written(case):
            continue
        is_locked = any(keeps_out(held) and held.is_for(case.case_id) for held in turn.obligations.locks)
        if not is_locked and not is_capped(case):
            rest(turn, case)


def is_capped(case: Case) -> bool:
    """Whether a cap kept from locking what the case is about, so that a person has to decide."""
    return any(line.kind == LOCK_CAPPED for line in case.lines)


def _tell_released(turn: Turn, told: HeldLock) -> None:
    """Tells the owner what is open now and what is not; nothing while a freeze stands or more is about to open."""
    locks = turn.obligations.locks
    if any(not stands(held) and keeps_out(held) for held in locks):
        return  # the payment system still keeps it: the last one tells
    turn.enforce()  # whatever the policy says today
    turn.obligations.forget_waits()
    state = state_of(locks, turn.obligations.holder.closed)
    case = open_appeal(turn) or turn.obligations.case(told.case_id)
    if state in (ACTIVE, CHALLENGED):
        notify(turn, told.tells, {}, case)
    elif state == RECOVERING:
        until_ms = max(held.due_ms for held in locks if held.action == "limit")
        notify(turn, f"{told.tells}.limited", {"until": instant(until_ms)}, case)
    elif state not in (FROZEN, CLOSED):
        notify(turn, "unlocked.partly", {"left": f"left.{state}"}, case)


def open_appeal(turn: Turn) -> Case | None:
    """The case of an owner who waits for the account."""
    return next((case for case in turn.obligations.cases if case.family == APPEAL and case.is_open), None)


def publish(turn: Turn) -> None:
    """The list of locks is told anew at the end of this turn: something in it has changed."""
    if not turn.locks_changed:
        turn.locks_changed = True
        turn.obligations.locks_version += 1


def _note(turn: Turn, case_id: str, kind: str, text: str) -> None:
    case = turn.obligations.case(case_id) if case_id else None
    if case is not None:
        add_line(turn, case, Line(turn.at_ms, kind, turn.cause, text))


def _problem(turn: Turn, command: Command, what: str, kind: str = "command_unconfirmed") -> None:
    """A lock that may not exist is worse than no lock: people believe in it. Hence P1.

    Where the payment system confirms nothing at all that is one incident, and a line on the case that locked. What
    stops a theft is no part of that: it has its own case whatever else goes on.
    """
    if command.action not in _STOPS_THEFT and _is_part_of_outage(turn):
        _note(turn, command.case_id, kind, f"{command.action}: {what}")
        return
    open_or_join(
        turn,
        Draft(
            case_type=UNCONFIRMED,
            flow="F21",
            family=UNCONFIRMED,
            queue="technical",
            priority=1,
            lines=(Line(turn.at_ms, kind, command.action_id, f"{command.action}: {what}"),),
        ),
    )


def _is_part_of_outage(turn: Turn) -> bool:
    """Counts a command that is not confirmed; beyond the first ones of a window the partition's incident tells."""
    counted = turn.ctx.limits.refuse(UNCONFIRMED, turn.at_ms, turn.policy.locks.caps)
    burst = counted.beyond(UNCONFIRMED_CASES)
    if burst.number <= 0:
        return False
    if burst.version is not None:
        text = (
            f"the payment system has not confirmed {counted.number} commands so far: each is sent again until it does"
        )
        turn.effects.append(unconfirmed_case(f"partition/{turn.ctx.partition}", burst, text, turn.at, turn.cause))
    return True


def _confirmed(turn: Turn, action_id: str, *, again: bool = False) -> None:
    """The answer came after all; `again`: nobody waits for it any more."""
    _needs_no_answer(turn, {action_id}, "acknowledged", "acknowledged after all", "acknowledged_late", again=again)


def _all_confirmed(turn: Turn) -> None:
    """Nothing waits for an answer: none is missed any more of a lock that was lifted or replaced unconfirmed."""
    for case in turn.obligations.cases:
        if case.family == UNCONFIRMED and case.is_open:
            text = "all that was commanded since is confirmed"
            add_line(turn, case, Line(turn.at_ms, "acknowledged", turn.cause, text))
            set_status(turn, case, "resolved", "lock_over")


def _needs_no_answer(
    turn: Turn, action_ids: set[str], kind: str, text: str, resolution: str, *, again: bool = False
) -> None:
    """The case about an absent answer says why none is missed any more, and is resolved unless another one is.

    A payment system that was away may answer every repetition of a command, so `again` says nothing but the end.
    """
    is_over = not any(command.overdue for command in turn.obligations.outbox)
    for case in turn.obligations.cases:
        if case.family != UNCONFIRMED or not case.is_open or (again and not is_over):
            continue
        if any(line.event_id in action_ids for line in case.lines):
            add_line(turn, case, Line(turn.at_ms, kind, turn.cause, text))
            if is_over:
                set_status(turn, case, "resolved", resolution)


def _report_cap(turn: Turn, rule: str, case: Case | None, stopped: bool) -> None:
    """One incident per partition, rule and window; the account's own case says once that a person must decide."""
    caps = turn.policy.locks.caps
    if case is not None and not is_capped(case):
        add_line(turn, case, Line(turn.at_ms, LOCK_CAPPED, turn.cause, "too many locks lately: review by a person"))
    if stopped:
        return  # what all partitions together have reached has its incident where they are counted
    refused = turn.ctx.limits.refuse(rule, turn.at_ms, caps)
    version = refused.version
    if version is None:
        return
    turn.effects.append(
        capped_case(
            f"partition/{turn.ctx.partition}",
            f"{refused.window_ms}/{refused.rule}",
            refused.rule,
            f"rule {refused.rule} reached a cap: refused {refused.number} times so far",
            turn.at,
            turn.cause,
            version=version,
            number=refused.number,
            opened=from_ms(refused.window_ms),
        )
    )
