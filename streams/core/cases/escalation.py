"""What happens when a clock of a case strikes, and whom does an overdue case go to?

Each strike is told once, by a version of the case and a line on its timeline that takes the place of the clock's last
one. The next word to the customer is said by ourselves, so often as the policy allows. A missed response or resolution
raises the case and hands it to the supervisors of its queue with everything on it, and the deadlines stay as they were
promised.
"""

from __future__ import annotations

from streams.core.cases import clocks
from streams.core.cases.book import put_line, set_status
from streams.core.cases.clocks import Deadline, Strike
from streams.core.messages.notify import after_quiet_ms, notify
from streams.core.messages.render import instant
from streams.core.obligations import Case, Line
from streams.core.turn import Turn

ESCALATED = "escalated"  # line of a case


def strike(turn: Turn, case: Case) -> None:
    """Tells what strikes now; the next strikes have their own time."""
    turn.only_time = True
    for each in clocks.strikes(case, turn.policy, turn.at_ms):
        is_update = each.clock == "next_update" and each.percent == 100
        if is_update and (_waits_for_morning(turn, case) or _said_ourselves(turn, case)):
            continue
        due = instant(clocks.due_of(case, turn.policy, each.clock))
        clocks.struck(case, each)
        name = each.clock.replace("_", " ")
        turn.change(case, f"clock {each.clock} {each.percent}%")
        if each.percent < 100:
            _tell(turn, case, each, f"{name}: {each.percent} % of its time is over, it is due {due}")
            continue
        _tell(turn, case, each, f"{name}: missed, it was due {due}")
        turn.ctx.deadlines.append(Deadline(each.clock, case.queue, "missed"))
        if each.clock != "next_update" and not clocks.is_escalated(case):
            _raise(turn, case)
            hand_to_supervisors(turn, case, f"its {name} is overdue")


def hand_to_supervisors(turn: Turn, case: Case, why: str, receiver: str = "") -> None:
    """A warm handover: the case keeps its timeline, its texts and its deadlines, and says who has it now and why."""
    receiver = receiver or turn.policy.cases.supervisors[case.queue]  # type: ignore[index]
    giver, case.assignee = case.assignee or "nobody", receiver
    clocks.escalate(case)
    turn.change(case, ESCALATED)
    began = case.lines[0].text if case.lines else case.case_type
    text = f"to {receiver} from {giver[:48]}: {why}; it began with: {began}"[:200]
    put_line(turn, case, Line(turn.at_ms, ESCALATED, turn.cause, text))


def rest(turn: Turn, case: Case) -> None:
    """There is nothing left to decide: no clock runs, and the case closes after a quiet day.

    A priority that a missed promise has raised falls back, and the supervisors have it no longer.
    """
    set_status(turn, case, "auto_answered")
    if case.promised:
        turn.change(case, f"priority P{case.priority} to P{case.promised}")
        case.priority, case.promised = case.promised, 0
    if clocks.is_escalated(case):
        clocks.escalate(case, escalated=False)
        case.assignee = ""


def _raise(turn: Turn, case: Case) -> None:
    """One priority higher, and the promises remain those that were made."""
    if case.priority > 1:
        case.promised = case.promised or case.priority
        turn.change(case, f"priority P{case.priority} to P{case.priority - 1}")
        case.priority -= 1


def _waits_for_morning(turn: Turn, case: Case) -> bool:
    """Whether the customer sleeps: the word is due when the quiet hours end."""
    if case.updates >= turn.policy.cases.progress_messages_max:
        return False  # people have to say it, and they are told now
    until_ms = after_quiet_ms(turn, case, turn.at_ms)
    if until_ms <= turn.at_ms or not clocks.postpone_update(case, turn.policy, until_ms):
        return False
    turn.change(case, "next update after the quiet hours")
    return True


def _said_ourselves(turn: Turn, case: Case) -> bool:
    """Tells the customer that work goes on. False: it could not be said, or was said often enough."""
    policy = turn.policy
    if case.updates >= policy.cases.progress_messages_max:
        return False
    due_ms = clocks.due_of(case, policy, "resolution")
    template, parameters = "case.progress", {"case_id": case.case_id, "eta": instant(due_ms)}
    if due_ms <= turn.at_ms:
        template, parameters = "case.progress.overdue", {"case_id": case.case_id}
    if not notify(turn, template, parameters, case, aside=True):
        return False
    case.updates += 1
    turn.ctx.deadlines.append(Deadline("next_update", case.queue, "kept"))
    return True


def _tell(turn: Turn, case: Case, strike: Strike, text: str) -> None:
    put_line(turn, case, Line(turn.at_ms, f"clock.{strike.clock}", turn.cause, text))
