"""May this operator do this to this case, and what does it change?"""

from __future__ import annotations

from typing import Final

from streams.contracts.accounts import CaseAction
from streams.contracts.cases import ActionRejected
from streams.core.cases import attachments, clocks, dialogue, endings, joining, question, remarks
from streams.core.cases.book import HANDED_OVER, Draft, add_line, open_or_join, set_finding, set_status, shrink
from streams.core.cases.escalation import hand_to_supervisors, rest
from streams.core.flows import mule, ordered, social, trail, unknown_outcome
from streams.core.flows.fraud_alert import (
    SETTINGS_FAMILY,
    TAKEOVER_FAMILY,
    freeze,
    is_takeover,
    release_held,
    tell_end,
    was_owner,
)
from streams.core.flows.holds import end_hold, let_go
from streams.core.flows.owners_word import NOT_FROZEN, RISK_FAMILY
from streams.core.intake.topics import TOPICS
from streams.core.locks.account_states import is_frozen, is_over_money, stands, uncovered
from streams.core.locks.saga import is_after_freeze, lift, lock, stands_as_long, urge
from streams.core.locks.unlock import is_proved, liftable, pardon, undo_false_locks
from streams.core.messages.notify import notify
from streams.core.messages.render import instant
from streams.core.money import refunds, remembered
from streams.core.obligations import Case, HeldLock, Hold, Line, Reason
from streams.core.roles import ANALYSTS, SUPERVISORS
from streams.core.truth import learn_from
from streams.core.turn import Turn
from streams.core.two_people import is_agreed

# Cases that a confirmed fraud makes one of a takeover.
_TAKEOVERS: Final = frozenset({TAKEOVER_FAMILY, RISK_FAMILY, SETTINGS_FAMILY})
# Not policy, like the roles themselves.
PERMITTED = {
    "assign": ANALYSTS,
    "note": ANALYSTS,
    "ask": ANALYSTS,
    "confirm_fraud": ANALYSTS,
    "confirm_legit": ANALYSTS,
    "lock": ANALYSTS,
    "unlock": ANALYSTS,
    "release": ANALYSTS,
    "block": ANALYSTS,
    "resolve": ANALYSTS,
    "reopen": ANALYSTS,
    "escalate": ANALYSTS,
    "refund": ANALYSTS,
    "put_back": ANALYSTS,
    "attach": ANALYSTS,
    "query": ANALYSTS,
    "merge": ANALYSTS,
    "link": ANALYSTS,
    "open": ANALYSTS,
}
_OPEN_ONLY = frozenset({"ask", "resolve", "escalate", "put_back", "query", "merge"})
# What a person locks, and for how long at least and at most: below it is nothing, above it is a policy.
LASTS_S: Final = (900, 30 * 86_400)
_LOCK_OF: Final = {"money_out": "restrict", "all": "restrict", "login": "lock"}


def act(turn: Turn, event: CaseAction) -> None:
    """Carries the action out, or answers why not."""
    refusal = _open_refusal(turn, event) if event.action == "open" else _refusal(turn, event)
    if refusal is not None:
        reject(turn, event.event_id, event.action, *refusal, case_id=event.case_id)
        return
    case = _opened(turn, event) if event.action == "open" else turn.obligations.case(event.case_id or "")
    if case is None:
        raise AssertionError("an action without a case was let through")
    who = f"{event.role} {event.actor}" + (f" with {event.second_actor}" if event.second_actor else "")
    done = _told(event)
    add_line(turn, case, Line(turn.at_ms, f"operator_{event.action}", turn.cause, f"{who}: {done}"[:200]))
    remarks.keep(turn, case, event.action, event.actor, event.role, _said(event))
    if event.action not in ("escalate", "put_back", "open") and not _gives_away(event):
        clocks.worked(case)  # who only passes it on has not begun
    match event.action:
        case "assign":
            _assign(turn, case, event.assignee or event.actor)
        case "escalate":
            _escalate(turn, case, event)
        case "put_back":
            _put_back(turn, case)
        case "attach" if event.attachment is not None:
            attachments.keep(turn, case, event.attachment, event.actor, event.role)
            mule.attached(case, event.attachment)
        case "note" | "open":
            pass  # the line and the remark say it
        case "ask":
            _ask(turn, case, event)
        case "confirm_fraud":
            set_finding(turn, case, "confirmed_fraud")
            learn_from(turn, case)
            if case.family in _TAKEOVERS and case.is_open:  # domain F21: confirmed, it is F23
                _takeover_confirmed(turn, case, event.role)
            elif mule.is_mule(case) and case.is_open and _is_after_giving_back(turn, case):
                ordered.freeze(turn, case, "confirmed_fraud", event.role, closes_money_in=True)
        case "confirm_legit":
            set_finding(turn, case, "false_alarm")
            learn_from(turn, case)
            undo_false_locks(turn, case, event.role)
            was_owner(turn, case)
            release_held(turn, _by(event), case.case_id)
            mule.explained(turn, case)
            if (case.family == RISK_FAMILY or mule.is_mule(case)) and case.is_open and not dialogue.has_written(case):
                rest(turn, case)  # its question is answered; whoever wants to say more about it may
        case "lock" if event.order is not None:
            closes_money_in = event.order == ordered.MONEY_LAUNDERING
            ordered.freeze(turn, case, "operator", event.role, closes_money_in=closes_money_in)
        case "lock":
            _restrict(turn, case, event)
        case "unlock":
            restricting = _restricting(turn)
            _unlock(turn, event)
            mule.explained(turn, *(turn.obligations.case(each) for each in restricting - _restricting(turn)))
            if not _restricting(turn):
                release_held(turn, _by(event), case.case_id, *restricting)
        case "release":
            for hold in _meant(turn, case, event):
                let_go(turn, hold, _by(event))
                tell_end(turn, hold, "allow")
        case "block":
            for hold in _meant(turn, case, event):
                end_hold(turn, hold, "block", "confirmed", _by(event))
                tell_end(turn, hold, "block")
        case "resolve":
            _resolve(turn, case, event)
        case "merge":
            joining.merge(turn, case, event.other_case_id or "")
        case "link":
            joining.link(turn, case, event.other_case_id or "")
        case "refund":
            for owed in refunds.owed_on(turn, case):
                refunds.give_back(turn, owed, approved=True)
        case "reopen":
            set_status(turn, case, "reopened")
        case "query":
            unknown_outcome.ask_now(turn, case)
        case _:
            raise AssertionError(f"{event.action} was let through")


def _said(event: CaseAction) -> str | None:
    """What the operator has written: a note, or what the customer is asked."""
    return " / ".join(question.question_of(event).texts) if event.action == "ask" else event.text


def _refusal(turn: Turn, event: CaseAction) -> tuple[str, str] | None:
    """(cause, sentence) if the action must not happen."""
    permitted = PERMITTED.get(event.action)
    if permitted is None:
        return "not_supported", f"{event.action} is not carried out by this version"
    if event.role not in permitted:
        return "role", f"role {event.role} may not {event.action}"[:256]
    case = turn.obligations.case(event.case_id or "")
    if case is None:
        if any(each.case_id == event.case_id and each.handed_over for each in turn.obligations.ended):
            return HANDED_OVER, "people alone follow this case: end it where they keep it, and move its money there"
        return "unknown_case", "this account remembers no such case"
    if turn.late:
        return "late", "the action came later than the lateness bound allows"
    # Whoever read the case before a clock struck or a command was carried out has read all that has happened.
    if not (case.known or case.version) <= event.expected_version <= case.version:
        return "version_conflict", f"the case is at version {case.version}, not {event.expected_version}"
    if event.action == "unlock" and not turn.obligations.locks:
        return "no_lock", "the account has no lock"
    if event.action == "unlock" and not liftable(turn):
        return "recovering", "only the lower limits after a freeze are left: they end by themselves"
    if event.action == "lock" and turn.policy.mode == "observe":
        return "observing", "the policy observes: nothing is locked"
    if event.action == "lock" and (refused := _lock_refusal(turn, case, event)) is not None:
        return refused
    if event.action in ("lock", "unlock") and not turn.is_fresh:
        return "too_old", "the action is older than the policy lets effects be"
    if event.action == "unlock":
        frozen = next((held for held in turn.obligations.locks if held.action == "freeze" and stands(held)), None)
        if frozen is not None and (refused := _unfreeze_refusal(turn, case, frozen, event)) is not None:
            return refused
        meant = _meant_locks(turn, event)
        if not meant:
            return "no_lock", f"the account has no lock of {event.scope}"
        if not uncovered(turn.obligations.locks, meant):
            return "covered", "a stricter lock stands over the same: unlock that one, or all of them"
    if event.action == "release" and is_frozen(turn.obligations.locks):
        return (
            "frozen",
            "the account is frozen, so no payment is released: a supervisor and a second person unlock it first",
        )
    if event.action in ("release", "block") and not _meant(turn, case, event):
        return "no_hold", "there is no hold: what this case held has ended, or it never held a payment"
    is_ordered = ordered.is_ordered(turn, case)
    if event.action == "resolve" and (is_ordered or turn.obligations.locked_for_good_by(case.case_id)):
        if is_ordered or turn.obligations.frozen_by(case.case_id):
            what = "the account is frozen because of this case: a supervisor and a second person unlock it first"
            return "frozen", what
        return "locked", "the password is disabled because of this case, without an end: unlock it first"
    if event.action == "attach":
        return attachments.refusal(case, event.attachment)
    if event.action == "refund":
        return _refund_refusal(turn, case, event)
    if (event.action in _OPEN_ONLY or event.if_unassigned) and not case.is_open:
        return "status", "the case has ended: reopen it first"
    if event.action == "resolve":
        return (
            _unresolved(case, event)
            or mule.unfinished(case)
            or social.unanswered(case, event.text)
            or endings.contradicted(turn, case, event.resolution)
        )
    if event.action == "ask":
        return question.refusal(question.question_of(event), turn.obligations.holder.language)
    if event.action == "merge":
        return joining.merge_refusal(turn, case, event.other_case_id)
    if event.action == "link":
        return joining.link_refusal(case, event.other_case_id)
    if event.action in ("assign", "put_back"):
        return _holder_refusal(case, event)
    if event.action == "reopen" and case.is_open:
        return "status", "the case is open"
    if event.action == "query":
        return unknown_outcome.ask_refusal(turn, case)
    return None


def _holder_refusal(case: Case, event: CaseAction) -> tuple[str, str] | None:
    """Who has a case passes it on or puts it back; only a supervisor does so with a case of somebody else."""
    # What is with the supervisors nobody has yet: any of them may claim it.
    is_theirs = clocks.is_escalated(case) and event.role in SUPERVISORS
    if event.if_unassigned and case.assignee not in ("", event.actor) and not is_theirs:
        return "taken", f"{case.assignee} has the case"
    passes_on = _gives_away(event) or event.action == "put_back"
    if passes_on and event.role not in SUPERVISORS and case.assignee != event.actor:
        return "role", "only a supervisor gives away a case that somebody else has"
    if event.action == "put_back" and not case.assignee:
        return "unassigned", "nobody has the case"
    return None


def _unfreeze_refusal(turn: Turn, case: Case, frozen: HeldLock, event: CaseAction) -> tuple[str, str] | None:
    """A thief's best way into a frozen account is a friendly voice on the telephone (domain 5.4)."""
    if event.role not in SUPERVISORS:
        return "role", "only a supervisor may lift a freeze"
    if not is_agreed(event.second_actor, event.second_role, event.actor):
        return "second_person", "lifting a freeze needs a second person"
    if ordered.is_elsewhere(turn, case):
        return "ordered", "an order keeps the account frozen: unlock it on the case that has the order"
    if turn.obligations.asks_who_it_is(frozen) and not is_proved(turn, frozen):
        hours = turn.policy.locks.unfreeze_identity_s // 3600
        return (
            "identity",
            f"the owner passed no check of face and document within {hours} h: ask for it first",
        )
    return None


def _refund_refusal(turn: Turn, case: Case, event: CaseAction) -> tuple[str, str] | None:
    """One person may give back up to a limit, a supervisor and a second person any amount (domain 4.2)."""
    owed = refunds.owed_on(turn, case)
    if not owed:
        return "nothing_owed", "no debit of this case waits to be given back"
    if event.payment_id not in (None, *(each.payment_id for each in owed)):
        return "other_payment", "the case is about another payment than the action names: nothing is given back"
    limits = turn.policy.money.approved_refund_minor
    totals = {each.currency: refunds.together_minor(turn, case.payment_id, each.currency) for each in owed}
    if any(minor > limits.get(currency, 0) for currency, minor in totals.items()):
        if event.role not in SUPERVISORS:
            return "role", "an amount above the limit needs a supervisor"
        if not is_agreed(event.second_actor, event.second_role, event.actor):
            return "second_person", "an amount above the limit needs a second person"
    return None


def reject(turn: Turn, event_id: str, action: str, cause: str, text: str, *, case_id: str | None = None) -> None:
    """Answers an operator's request with why it is not carried out."""
    turn.effects.append(
        ActionRejected(
            occurred_at=turn.at,
            event_id=event_id,
            account_id=turn.ctx.account_id,
            case_id=case_id,
            action=action,
            cause=cause,
            text=text,
        )
    )


def _gives_away(event: CaseAction) -> bool:
    return event.action == "assign" and event.assignee not in (None, event.actor)


def _escalate(turn: Turn, case: Case, event: CaseAction) -> None:
    if event.queue is not None and event.queue != case.queue:
        turn.change(case, f"queue {case.queue} to {event.queue}")
        case.queue = event.queue
    hand_to_supervisors(turn, case, f"asked for by {event.role} {event.actor}"[:80])


def _takeover_confirmed(turn: Turn, case: Case, role: str) -> None:
    """Freezes, unless two people gave the account back and nothing has come since: then there is nothing to stop.

    The case may be older than the giving back, and about a second takeover all the same: what a rule has put on it
    since, or who has come in since, says so.
    """
    if _is_after_giving_back(turn, case) or trail.is_doubted_since(turn, turn.obligations.unfrozen_ms):
        is_takeover(turn, case)
        freeze(turn, case, "confirmed_fraud", role)
        return
    text = "not frozen: two people gave the account back, and nothing has come since; report the theft to freeze it"
    add_line(turn, case, Line(turn.at_ms, NOT_FROZEN, turn.cause, text))


def _is_after_giving_back(turn: Turn, case: Case) -> bool:
    """Whether the case, or what a rule has put on it, is newer than two people's word that ended the last freeze."""
    return turn.obligations.unfrozen_ms < max(case.opened_ms, case.alerted_ms)


def _assign(turn: Turn, case: Case, assignee: str) -> None:
    case.assignee = assignee
    clocks.escalate(case, False)  # somebody has it now; overdue once more, it goes back
    turn.change(case, "assignee")
    if case.status in ("received", "recorded", "classified", "auto_answered", "reopened"):
        set_status(turn, case, "assigned")


def _put_back(turn: Turn, case: Case) -> None:
    case.assignee = ""
    clocks.escalate(case, False)
    turn.change(case, "assignee")
    if case.status == "assigned":
        set_status(turn, case, "classified")


def _ask(turn: Turn, case: Case, event: CaseAction) -> None:
    dialogue.ask(turn, case, *question.message_of(case.case_id, event.asks_for, question.question_of(event)))
    shrink(turn)


def _resolve(turn: Turn, case: Case, event: CaseAction) -> None:
    if event.finding not in (None, "unset"):
        set_finding(turn, case, event.finding)
        learn_from(turn, case)  # a valuable alert is worth an analyst's time and proves nothing
    if event.root_cause is not None and case.cause != event.root_cause:
        case.cause = event.root_cause
        turn.change(case, f"root cause {event.root_cause}")
    set_status(turn, case, "resolved", event.resolution or "operator")


def _unresolved(case: Case, event: CaseAction) -> tuple[str, str] | None:
    """What has consequences of its own is said before the case ends, where they can be seen."""
    if event.finding == "confirmed_fraud" and case.finding != "confirmed_fraud":
        return "confirm_first", "confirm the fraud first: what follows from it is seen to while the case is open"
    if event.finding == "false_alarm" and case.finding != "false_alarm":
        return "confirm_first", "confirm that it was the owner first: what was locked by mistake is lifted by that"
    return None


def _lock_refusal(turn: Turn, case: Case, event: CaseAction) -> tuple[str, str] | None:
    if event.order is not None:
        return ordered.refusal(turn, case, event)
    obligations = turn.obligations
    if obligations.holder.closed:
        return "closed", "the account is closed: there is nothing to lock"
    if is_frozen(obligations.locks):
        return "frozen", "the account is frozen, which keeps in all that this lock would"
    if event.lasts_s is not None and not LASTS_S[0] <= event.lasts_s <= LASTS_S[1]:
        return "duration", f"a lock by a person lasts from {LASTS_S[0] // 60} min to {LASTS_S[1] // 86_400} d"
    scope = event.scope or "money_out"
    if stands_as_long(turn, case, _LOCK_OF[scope], scope, "everyone", _lasts_s(turn, event)):
        return "stands", f"a lock of {scope.replace('_', ' ')} stands for about as long already"
    return None


def _lasts_s(turn: Turn, event: CaseAction) -> int:
    return event.lasts_s or turn.policy.locks.restrict_s


def _open_refusal(turn: Turn, event: CaseAction) -> tuple[str, str] | None:
    if event.role not in PERMITTED["open"]:
        return "role", f"role {event.role} may not open a case"[:256]
    if turn.late:
        return "late", "the action came later than the lateness bound allows"
    if event.flow not in TOPICS:
        return "unknown_flow", "people open cases of no such flow"
    if not (event.text or "").strip():
        return "nothing_said", "whoever opens a case says why"
    return None


def _opened(turn: Turn, event: CaseAction) -> Case:
    """A case that somebody has opened by hand; one that is open about the same is joined."""
    topic, payment_id = TOPICS[event.flow or ""], event.payment_id or ""
    about = remembered.about_of(turn, payment_id) if payment_id else None
    text = f"{event.role} {event.actor}: opened by hand"[:200]
    return open_or_join(
        turn,
        Draft(
            case_type=topic.case_type,
            flow=topic.flow,
            family=topic.family or f"said.{topic.case_type}",
            queue=topic.queue,
            priority=topic.priority,
            lines=(Line(turn.at_ms, "opened_by_hand", turn.cause, text),),
            payment_id=payment_id,
            amount_minor=about.amount_minor if about is not None else None,
            currency=about.currency if about is not None else None,
        ),
    )


def _told(event: CaseAction) -> str:
    """What was done, for the timeline; free text has a remark of its own."""
    match event.action:
        case "assign" if _gives_away(event):
            return f"assign to {event.assignee}"
        case "attach" if event.attachment is not None:
            return f"attach {attachments.told(event.attachment)}"
        case "ask" if event.asks_for:
            return f"ask for {', '.join(dict.fromkeys(event.asks_for))}"
        case "merge" | "link":
            return f"{event.action} with {event.other_case_id}"
        case "lock" if event.order is not None:
            return f"freeze for {event.order.replace('_', ' ')}"
        case "lock":
            scope = event.scope or "money_out"
            lasts = f" for {event.lasts_s // 60} min" if event.lasts_s else ""
            return f"lock {scope.replace('_', ' ')}{lasts}"
        case "unlock" if event.scope is not None:
            return f"unlock {event.scope.replace('_', ' ')}"
        case "resolve":
            words = (event.finding, event.resolution, event.root_cause and f"cause {event.root_cause}")
            more = ", ".join(each.replace("_", " ") for each in words if each)
            return f"resolve: {more}" if more else "resolve"
        case _:
            return event.action


def _restrict(turn: Turn, case: Case, event: CaseAction) -> None:
    scope = event.scope or "money_out"
    locked = lock(
        turn,
        _LOCK_OF[scope],
        scope=scope,
        applies_to="everyone",
        lasts_s=_lasts_s(turn, event),
        reason_class="account_protection",
        rule="operator",
        case=case,
        capped=False,  # a person decided about one account
        actor="analyst",
    )
    if not locked:
        return
    if _LOCK_OF[scope] == "lock":
        until = instant(turn.at_ms + _lasts_s(turn, event) * 1000)
        notify(turn, "account_locked.login", {"reason": "account_protection", "until": until}, case)
    elif mule.is_mule(case):  # whose owner nobody doubts
        notify(turn, mule.CASE, {"case_id": case.case_id}, case)
    else:
        notify(turn, "account_locked.risk", {"reason": "account_protection"}, case)


def _unlock(turn: Turn, event: CaseAction) -> None:
    meant = _meant_locks(turn, event)
    for held in meant:
        if not stands(held):  # lifted already, and the payment system has not done so
            urge(turn, held, f"operator ({event.role})")
    locks = [held for held in meant if stands(held)]

    def ends(held: HeldLock, reason: Reason) -> bool:
        return any(held is each for each in locks) and not is_after_freeze(turn, held, reason)

    freeze = next((held for held in locks if held.action == "freeze"), None)
    if (
        event.scope != "money_out"
    ):  # whoever was let in by a person begins anew at the own door, whether it stood or not
        turn.ctx.pardoned.append("known_devices")
        turn.obligations.forget_waits()
    if freeze is None:
        pardon(turn, lift(turn, ends, f"operator ({event.role})", "operator", event.role, tells="unlocked.by_us"))
        return
    cooling_s = turn.policy.locks.cooling_s
    why = f"operator ({event.role})"
    lifted = lift(turn, ends, why, "supervisors", event.role, tells="unlocked", cools_s=cooling_s)
    pardon(turn, lifted)
    if lifted:
        # Who knew the password came in vain meanwhile, and must not have become familiar by it.
        turn.ctx.forgets_ms = freeze.since_ms
        if freeze.proved_ms > 0:
            turn.ctx.stolen_ms = freeze.since_ms
        turn.obligations.unfrozen_ms = turn.at_ms
        ordered.ended(turn)


def _meant_locks(turn: Turn, event: CaseAction) -> tuple[HeldLock, ...]:
    return tuple(held for held in liftable(turn) if event.scope in (None, held.scope))


def _restricting(turn: Turn) -> set[str]:
    """The cases for which money may not leave the account."""
    over_money = (held for held in turn.obligations.locks if is_over_money(held))
    return {reason.case_id for held in over_money for reason in held.reasons}


def _by(event: CaseAction) -> str:
    return f"by an operator ({event.role})"[:256]


def _meant(turn: Turn, case: Case, event: CaseAction) -> list[Hold]:
    if event.payment_id is not None:
        hold = turn.obligations.hold(event.payment_id)
        return [] if hold is None else [hold]
    return [hold for hold in turn.obligations.holds if hold.case_id == case.case_id]
