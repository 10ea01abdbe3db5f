"""May this operator do this to this case, and what does it change?"""

from __future__ import annotations

from streams.contracts.accounts import CaseAction
from streams.contracts.cases import ActionRejected
from streams.core.cases import attachments, clocks, dialogue
from streams.core.cases.book import HANDED_OVER, add_line, set_finding, set_status
from streams.core.cases.escalation import hand_to_supervisors
from streams.core.flows import mule, unknown_outcome
from streams.core.flows.fraud_alert import TAKEOVER_FAMILY, freeze
from streams.core.flows.holds import end_hold
from streams.core.locks.account_states import is_frozen
from streams.core.locks.saga import lift, lock
from streams.core.locks.unlock import is_proved, recover, undo_false_locks
from streams.core.messages.notify import notify
from streams.core.money import refunds
from streams.core.obligations import Case, HeldLock, Hold, Line, Owed
from streams.core.roles import ANALYSTS, SUPERVISORS
from streams.core.truth import learn_from
from streams.core.turn import Turn
from streams.core.two_people import is_somebody_else

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
}
_OPEN_ONLY = frozenset({"ask", "resolve", "escalate", "put_back", "query"})


def act(turn: Turn, event: CaseAction) -> None:
    """Carries the action out, or answers why not."""
    refusal = _refusal(turn, event)
    if refusal is not None:
        reject(turn, event.event_id, event.action, *refusal, case_id=event.case_id)
        return
    case = turn.obligations.case(event.case_id or "")
    if case is None:
        raise AssertionError("an action without a case was let through")
    who = f"{event.role} {event.actor}" + (f" with {event.second_actor}" if event.second_actor else "")
    done = event.action + (f" to {event.assignee}" if _gives_away(event) else "")
    if event.action == "attach" and event.attachment is not None:
        done = f"{done} {attachments.told(event.attachment)}"
    add_line(turn, case, Line(turn.at_ms, f"operator_{event.action}", turn.cause, f"{who}: {done}"[:200]))
    if event.action not in ("escalate", "put_back") and not _gives_away(event):
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
        case "note":
            pass  # the line says it; the text stays in the event, where the scanner guards it
        case "ask":
            _ask(turn, case, event)
        case "confirm_fraud":
            set_finding(turn, case, "confirmed_fraud")
            learn_from(turn, case)
            # Confirmed while it was frozen already, or after two people gave it back: nothing is left to stop.
            if case.family == TAKEOVER_FAMILY and case.is_open and turn.obligations.unfrozen_ms < case.opened_ms:
                freeze(turn, case, "confirmed_fraud", event.role)
        case "confirm_legit":
            set_finding(turn, case, "false_alarm")
            learn_from(turn, case)
            if undo_false_locks(turn, case, event.role):
                notify(turn, "unlocked.by_us", {}, case)
        case "lock":
            _restrict(turn, case)
        case "unlock":
            _unlock(turn, case, event)
        case "release":
            _end_holds(turn, case, event, "allow", "released")
        case "block":
            _end_holds(turn, case, event, "block", "confirmed")
        case "resolve":
            set_status(turn, case, "resolved", "operator")
        case "refund":
            for owed in _owed(turn, case):
                refunds.give_back(turn, owed, approved=True)
        case "reopen":
            set_status(turn, case, "reopened")
        case "query":
            unknown_outcome.ask_now(turn, case)
        case _:
            raise AssertionError(f"{event.action} was let through")


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
    # Whoever read the case before a clock struck has read all that has happened.
    if not (case.known or case.version) <= event.expected_version <= case.version:
        return "version_conflict", f"the case is at version {case.version}, not {event.expected_version}"
    if event.action == "unlock" and not turn.obligations.locks:
        return "no_lock", "the account has no lock"
    if event.action == "unlock" and not _liftable(turn):
        return "recovering", "only the lower limits after a freeze are left: they end by themselves"
    if event.action == "lock" and turn.policy.mode == "observe":
        return "observing", "the policy observes: nothing is locked"
    if event.action in ("lock", "unlock") and not turn.is_fresh:
        return "too_old", "the action is older than the policy lets effects be"
    if event.action == "unlock":
        frozen = next((held for held in turn.obligations.locks if held.action == "freeze"), None)
        if frozen is not None:
            return _unfreeze_refusal(turn, frozen, event)
    if event.action == "release" and is_frozen(turn.obligations.locks):
        return (
            "frozen",
            "the account is frozen, so no payment is released: a supervisor and a second person unlock it first",
        )
    if event.action == "resolve" and turn.obligations.frozen_by(case.case_id):
        return "frozen", "the account is frozen because of this case: a supervisor and a second person unlock it first"
    if event.action == "attach":
        return attachments.refusal(case, event.attachment)
    if event.action == "refund":
        return _refund_refusal(turn, case, event)
    if (event.action in _OPEN_ONLY or event.if_unassigned) and not case.is_open:
        return "status", "the case has ended: reopen it first"
    if event.action == "resolve":
        return mule.unfinished(case)
    if event.action in ("assign", "put_back"):
        return _holder_refusal(case, event)
    if event.action == "reopen" and case.is_open:
        return "status", "the case is open"
    if event.action == "query":
        return unknown_outcome.ask_refusal(turn, case)
    return None


def _holder_refusal(case: Case, event: CaseAction) -> tuple[str, str] | None:
    """Who has a case passes it on or puts it back; only a supervisor does so with a case of somebody else."""
    if event.if_unassigned and case.assignee not in ("", event.actor):
        return "taken", f"{case.assignee} has the case"
    passes_on = _gives_away(event) or event.action == "put_back"
    if passes_on and event.role not in SUPERVISORS and case.assignee != event.actor:
        return "role", "only a supervisor gives away a case that somebody else has"
    if event.action == "put_back" and not case.assignee:
        return "unassigned", "nobody has the case"
    return None


def _unfreeze_refusal(turn: Turn, frozen: HeldLock, event: CaseAction) -> tuple[str, str] | None:
    """A thief's best way into a frozen account is a friendly voice on the telephone (domain 5.4)."""
    if event.role not in SUPERVISORS:
        return "role", "only a supervisor may lift a freeze"
    if not is_somebody_else(event.second_actor, event.actor):
        return "second_person", "lifting a freeze needs a second person"
    if not is_proved(turn, frozen):
        hours = turn.policy.locks.unfreeze_identity_s // 3600
        return (
            "identity",
            f"the owner passed no check of face and document within {hours} h: ask for it first",
        )
    return None


def _refund_refusal(turn: Turn, case: Case, event: CaseAction) -> tuple[str, str] | None:
    """One person may give back up to a limit, a supervisor and a second person any amount (domain 4.2)."""
    owed = _owed(turn, case)
    if not owed:
        return "nothing_owed", "no debit of this case waits to be given back"
    limits = turn.policy.money.approved_refund_minor
    if any(each.amount_minor > limits.get(each.currency, 0) for each in owed):
        if event.role not in SUPERVISORS:
            return "role", "an amount above the limit needs a supervisor"
        if not is_somebody_else(event.second_actor, event.actor):
            return "second_person", "an amount above the limit needs a second person"
    return None


def _owed(turn: Turn, case: Case) -> list[Owed]:
    return [
        each
        for each in turn.obligations.owed
        if each.payment_id == case.payment_id and each.family == case.family and each.status == refunds.OWED
    ]


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
    fields = ",".join(f"ask.{name}" for name in dict.fromkeys(event.asks_for)) or dialogue.QUESTION
    dialogue.ask(turn, case, "case.question", {"case_id": case.case_id, "fields": fields})


def _restrict(turn: Turn, case: Case) -> None:
    lock(
        turn,
        "restrict",
        scope="money_out",
        applies_to="everyone",
        lasts_s=turn.policy.locks.restrict_s,
        reason_class="account_protection",
        rule="operator",
        case=case,
        capped=False,  # a person decided about one account
        actor="analyst",
    )


def _unlock(turn: Turn, case: Case, event: CaseAction) -> None:
    locks = _liftable(turn)
    frozen = any(held.action == "freeze" for held in locks)
    trigger = "supervisors" if frozen else "operator"
    lifted = [lift(turn, held, f"operator ({event.role})", trigger, event.role) for held in locks]
    if not any(lifted):
        return
    if frozen:
        turn.obligations.unfrozen_ms = turn.at_ms
        recover(turn, turn.policy.locks.cooling_s, "unlocked.limited", case)
    else:
        notify(turn, "unlocked.by_us", {}, case)


def _liftable(turn: Turn) -> tuple[HeldLock, ...]:
    """All locks but the lower limits that the end of a freeze began: one person must not undo what two agreed on."""
    unfrozen_ms = turn.obligations.unfrozen_ms
    return tuple(
        held
        for held in turn.obligations.locks
        if not (unfrozen_ms and held.action == "limit" and held.since_ms == unfrozen_ms)
    )


def _end_holds(turn: Turn, case: Case, event: CaseAction, outcome: str, cause: str) -> None:
    for hold in _meant(turn, case, event):
        end_hold(turn, hold, outcome, cause, f"by an operator ({event.role})"[:256])


def _meant(turn: Turn, case: Case, event: CaseAction) -> list[Hold]:
    if event.payment_id is not None:
        hold = turn.obligations.hold(event.payment_id)
        return [] if hold is None else [hold]
    return [hold for hold in turn.obligations.holds if hold.case_id == case.case_id]
