"""What does a case wait for from its customer, what is the customer told meanwhile, and how does it end without a word?

Four statuses wait, each for one thing and not for ever: `waiting_customer` for what we have asked (reminders, then the
case closes by itself, F45), `auto_answered` for a second question, `resolved` for its survey or the end of the time in
which it may be taken up again, and `surveyed` for the customer's rating (F44). Whoever changes a status need not think
of any of this: `settle` looks at every case that has changed, at the end of the turn, and sets its one timer.
"""

from __future__ import annotations

from streams.contracts.accounts import SurveyAnswered
from streams.core.cases.book import add_line, raise_to, set_status
from streams.core.cases.escalation import hand_to_supervisors
from streams.core.intake.details import NAMES
from streams.core.messages.notify import after_quiet_ms, notify
from streams.core.messages.render import ARTICLE, in_chinese, instant
from streams.core.obligations import Case, Line
from streams.core.turn import Turn

# What `Case.talk` may be: the status, as far as it waits for the customer, since `Case.talk_ms`.
SILENT, ASKED, ANSWERED, RESOLVED, SURVEYED, CLOSED, WITHDRAWN = range(7)
_TALKS = {
    "waiting_customer": ASKED,
    "auto_answered": ANSWERED,
    "resolved": RESOLVED,
    "surveyed": SURVEYED,
    "closed": CLOSED,
    "withdrawn": WITHDRAWN,
}
# Resolutions of cases that closed because nobody said anything.
NO_ANSWER, NO_FURTHER_QUESTION = "no_answer", "answered"
BY_CUSTOMER = "by_customer"  # resolution of a case that its customer has taken back
WRITTEN = "user.message"  # line of a case
QUESTION = "ask.answer"  # the word for what was asked where no template names it
MISSING = "money_missing"  # reason code of a case whose customer has said so
OWN_WORDS = "question"  # the parameter in which an operator's own question stands


def ask(turn: Turn, case: Case, template: str, parameters: dict[str, str]) -> None:
    """Asks the customer for the words in `parameters["fields"]`, and lets the case wait for the answer.

    Asked once more while it waits, the time for an answer begins again.
    """
    notify(turn, template, parameters, case)
    begin_anew(case)
    set_status(turn, case, "waiting_customer")
    turn.ctx.dialogue.append("asked")


def settle(turn: Turn, case: Case) -> None:
    """Sets the timer of a case whose status has begun to wait for something else."""
    talk = _TALKS.get(case.status, SILENT)
    if talk != case.talk:
        case.talk, case.talk_ms, case.reminders = talk, turn.at_ms, 0
        case.talk_due_ms = _due_ms(turn, case)


def begin_anew(case: Case) -> None:
    """The time for what a case that changes in this turn waits for begins again at its end."""
    case.talk = SILENT


def due(turn: Turn, case: Case) -> None:
    """The time of a case has come: a reminder, its survey, or its end."""
    policy = turn.policy.cases
    waited_ms = turn.at_ms - case.talk_ms
    if case.talk == ASKED and waited_ms < policy.waiting_close_s * 1000:
        _remind(turn, case)
        case.reminders += 1
        case.talk_due_ms = _due_ms(turn, case)
    elif case.talk == ASKED and turn.obligations.locked_for_good_by(case.case_id):
        # Whoever is locked out may have no way to answer, and nobody else would end the lock.
        add_line(turn, case, Line(turn.at_ms, "customer.silent", turn.cause, "no answer; the lock stands: people look"))
        set_status(turn, case, "in_progress")
        hand_to_supervisors(turn, case, "its customer does not answer, and the account stays locked")
    elif case.talk == ASKED and _goes_to_people(case):
        text = "no answer; money is said to be missing: people begin with what is known"
        add_line(turn, case, Line(turn.at_ms, "customer.silent", turn.cause, text))
        set_status(turn, case, "in_progress")
    elif case.talk == ASKED:
        set_status(turn, case, "closed", NO_ANSWER)
        if not case.shadow:
            notify(turn, "case.unanswered", {"case_id": case.case_id}, case)
        turn.ctx.dialogue.append("closed_unanswered")
    elif case.talk == ANSWERED:
        set_status(turn, case, "closed", NO_FURTHER_QUESTION)
    elif case.talk == RESOLVED and _survey(turn, case):
        pass  # the status has changed, and `settle` sets the next timer
    elif case.talk == RESOLVED and waited_ms < policy.reopen_window_s * 1000:
        case.talk_due_ms = case.talk_ms + policy.reopen_window_s * 1000
    else:
        set_status(turn, case, "closed")
        if case.talk == SURVEYED:
            turn.ctx.dialogue.append("survey_unanswered")


def asked_for(case: Case) -> tuple[str, ...]:
    """Of the details that a message may name (`streams.core.intake.details`) the ones that the case last asked for.

    Whether it waits for them or people have begun without.
    """
    words = case.parameters.get("fields", "") if case.is_open else ""
    return tuple(name for name in NAMES if f"ask.{name}" in words.split(","))


def waiting(turn: Turn, at_ms: int) -> list[Case]:
    """The cases that waited for an answer of the customer at `at_ms`."""
    return [
        case
        for case in turn.obligations.cases
        if case.status == "waiting_customer" and case.shadow == turn.shadow and case.talk_ms <= at_ms
    ]


def heard(turn: Turn, case: Case) -> None:
    """The customer has written about an open case: whoever waited for that goes on.

    What was written before the question, and only arrives after it, is no answer to it.
    """
    if case.status == "auto_answered":
        set_status(turn, case, "classified")  # the answer did not help
        if case.template == ARTICLE:
            turn.ctx.questions.append("not_helped")
    elif case.status == "waiting_customer" and turn.at_ms >= case.talk_ms:
        set_status(turn, case, "in_progress")
        turn.ctx.dialogue.append("answered")


def has_written(case: Case) -> bool:
    """Whether its customer has written about it, as far as its timeline goes back."""
    return any(line.kind == WRITTEN for line in case.lines)


def may_take_up(turn: Turn, case: Case) -> bool:
    """Whether the customer's word still reopens this case: it has ended, not long ago, and not too often."""
    policy = turn.policy.cases
    if case.talk == WITHDRAWN and case.resolution != BY_CUSTOMER:
        return False  # events have explained it
    if case.talk not in (RESOLVED, SURVEYED, CLOSED, WITHDRAWN) or case.reopens >= policy.reopens_max:
        return False
    if case.talk == CLOSED and case.resolution not in (NO_ANSWER, NO_FURTHER_QUESTION):
        return False  # it has had its time after it was resolved
    return case.talk_ms <= turn.at_ms < case.talk_ms + policy.reopen_window_s * 1000


def take_up(turn: Turn, case: Case) -> None:
    """Opens an ended case again because its customer says that it is not over."""
    set_status(turn, case, "reopened")
    case.resolution = ""
    case.reopens += 1
    turn.ctx.dialogue.append("taken_up_again")


def rated(turn: Turn, event: SurveyAnswered) -> None:
    """The customer's rating of the case that the event names, or of the one that was asked about.

    One rating per case counts. A low one opens the case again, once and for the supervisors, while it may be.
    """
    case = _rated_case(turn, event.case_id)
    if case is None or case.csat:
        return
    case.csat = event.score
    turn.change(case, f"satisfaction {event.score}")
    add_line(turn, case, Line(turn.at_ms, "survey.answered", turn.cause, f"rated {event.score} of 5"))
    turn.ctx.ratings.append(event.score)
    survey = turn.policy.cases.survey
    if event.score <= survey.low_score:
        if case.talk != CLOSED and case.reopens < turn.policy.cases.reopens_max:
            take_up(turn, case)
            raise_to(turn, case, max(1, case.priority - 1))
            hand_to_supervisors(turn, case, f"the customer rated it {event.score} of 5", survey.senior)
    elif case.status == "surveyed":
        set_status(turn, case, "closed")


def _rated_case(turn: Turn, case_id: str | None) -> Case | None:
    if case_id is not None:
        case = turn.obligations.case(case_id)
        return case if case is not None and case.talk in (RESOLVED, SURVEYED, CLOSED) else None
    asked = [case for case in turn.obligations.cases if case.status == "surveyed"]
    return asked[0] if len(asked) == 1 else None


def _goes_to_people(case: Case) -> bool:
    """Whether nobody has read yet that money is missing; what people themselves have asked may end in silence."""
    return MISSING in case.reasons and not case.assignee and OWN_WORDS not in case.parameters


def _due_ms(turn: Turn, case: Case) -> int:
    """When to look at it again, in no quiet hours of the customer; 0: it waits for nothing."""
    cases = turn.policy.cases
    after_s = {
        ANSWERED: cases.answered_close_s,
        RESOLVED: cases.survey.after_s,
        SURVEYED: cases.survey.closes_s,
    }.get(case.talk, 0)
    if case.talk == ASKED:
        reminders = cases.waiting_reminders_s
        later = [each for each in reminders[case.reminders :] if each < cases.waiting_close_s]
        after_s = later[0] if later else cases.waiting_close_s
    return after_quiet_ms(turn, case, case.talk_ms + after_s * 1000) if after_s else 0


def _remind(turn: Turn, case: Case) -> None:
    if case.shadow:
        return
    closes_ms = case.talk_ms + turn.policy.cases.waiting_close_s * 1000
    parameters = {"case_id": case.case_id, "deadline": instant(closes_ms)}
    text = f"reminder {case.reminders + 1}: the customer has not answered"
    add_line(turn, case, Line(turn.at_ms, "customer.reminded", turn.cause, text))
    own = (OWN_WORDS, in_chinese(OWN_WORDS))
    question = {name: case.parameters[name] for name in own if name in case.parameters}
    if not question:
        parameters["fields"] = case.parameters.get("fields", QUESTION)
        notify(turn, "case.reminder.missing" if _goes_to_people(case) else "case.reminder", parameters, case)
    else:  # aside: the case goes on saying what was asked
        notify(turn, "case.reminder.question", parameters | question, case, aside=True)
    turn.ctx.dialogue.append("reminded")


def _survey(turn: Turn, case: Case) -> bool:
    """Asks for a rating where one is due: once per case, and one customer not too often. False: none is."""
    survey, obligations = turn.policy.cases.survey, turn.obligations
    if case.surveyed or case.csat or case.shadow or obligations.holder.closed:
        return False
    if case.queue not in survey.queues or case.flow in survey.not_flows or not case.template:
        return False  # also who was never told of a case cannot rate it
    if obligations.surveyed_ms and turn.at_ms < obligations.surveyed_ms + survey.again_s * 1000:
        turn.ctx.withheld.append(("notification", "capped"))
        return False
    if not notify(turn, "case.survey", {"case_id": case.case_id}, case):
        return False
    case.surveyed, obligations.surveyed_ms = True, turn.at_ms
    set_status(turn, case, "surveyed")
    turn.ctx.dialogue.append("surveyed")
    return True
