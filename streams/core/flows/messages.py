"""What follows when a customer writes: which case does it join or open, what is answered, what is asked?

The words decide where a message goes and never more: no lock, no refund, no label comes of a text. What is kept of it
are the details that `streams.core.intake.details` lets through; the text stays in its event.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from streams.contracts.accounts import Support, UserMessage
from streams.contracts.base import from_ms
from streams.core.cases import dialogue, timeline
from streams.core.cases.book import Draft, add_line, open_or_join, raise_to, raised, set_status
from streams.core.flows import fraud_alert
from streams.core.intake import graver
from streams.core.intake.grams import plain
from streams.core.intake.reading import Reading, folded, read
from streams.core.intake.topics import DISOWNED, TOPICS, Topic
from streams.core.knowledge.answers import INQUIRY, LookedUp, look_up, sureness, topic_of
from streams.core.knowledge.articles import Article
from streams.core.local_time import is_zone
from streams.core.messages.notify import notify, zone_of
from streams.core.messages.render import ARTICLE
from streams.core.money import refunds, remembered
from streams.core.obligations import DECORATION_MAX, Case, Line, payment_key
from streams.core.turn import Turn

SAID = "said."  # family of the cases that a message has opened
ASKED = "contact.asked"
TAKEN_BACK = "contact.withdrawn"  # line of a case, and what its customer is told if it ends with it
PERHAPS_TAKEN_BACK = "contact.perhaps_withdrawn"  # line of a case
# About money that should be here: a top-up, a payout, a refund, a bill that was debited, whatever the words are. Who
# only wishes for a refund misses none yet.
_AWAITED = frozenset({"F13", "F14", "F15", "F36"})
_URGENT = 2  # P1 and P2
_STOLEN = TOPICS["F23"].family
ANSWER_MAX = 24  # characters, numbers counting as one


def wrote(turn: Turn, event: UserMessage) -> None:
    """Reads the message and puts it where it belongs."""
    timeline.attach(turn, event)
    reading = None
    if event.text and event.text.strip():
        reading = read(event.text, local_time(turn), turn.policy.intake, event.language)
    named = [each for each in turn.obligations.cases if each.is_open and _names(event, each)]
    if reading is None or reading.withdraws is False:
        _goes_where_it_belongs(turn, event, reading, named)
        return
    meant = _meant(turn, event, named)
    if reading.withdraws and _takes_back(turn, event, meant):
        return
    _goes_where_it_belongs(turn, event, reading, named)
    if reading.withdraws is None and meant is not None:
        text = f"from {event.channel[:32]}; says more, so nothing has ended"
        add_line(turn, meant, Line(turn.at_ms, PERHAPS_TAKEN_BACK, turn.cause, text))


def _goes_where_it_belongs(turn: Turn, event: UserMessage, reading: Reading | None, named: list[Case]) -> None:
    for each in named:
        dialogue.heard(turn, each)
    if named:
        return
    if reading is not None:
        turn.ctx.readers.append(reading.by.partition(" ")[0])
    if _goes_on(turn, event, reading) or reading is None:
        return
    looked_up = _looked_up(turn, event, reading)
    case = belongs_to(turn, reading)
    if case is None:
        case = _ended_about(turn, event, reading)
        if case is not None:
            dialogue.take_up(turn, case)
    if case is None or _asks_something_else(case, looked_up):
        _open(turn, event, reading, looked_up)
        return
    add_line(turn, case, _line(turn, event, reading))
    _to_take_down(turn, case, reading)
    fill(turn, case, reading)
    if reading.understood:
        raise_to(turn, case, raised(turn, reading.topic.priority, case.amount_minor, case.currency))
    if reading.topic == DISOWNED and case.case_type == DISOWNED.case_type:
        _is_stolen(turn, case)  # the change that this case was about so far
    dialogue.heard(turn, case)


def _meant(turn: Turn, event: UserMessage, named: list[Case]) -> Case | None:
    """The open case that may be taken back: the one that is named, or the customer's only one."""
    names_one = event.case_id is not None or event.payment_id is not None
    cases = [each for each in turn.obligations.cases if each.is_open and each.shadow == turn.shadow]
    cases = named if named or names_one else cases
    return cases[0] if len(cases) == 1 and cases[0].opened_ms <= turn.at_ms else None


def _takes_back(turn: Turn, event: UserMessage, case: Case | None) -> bool:
    """Ends the case that the customer has no more use for, as the whole message says; of an ended one it is no news.

    Only what they have asked for themselves, and no case of security, which is what a thief would ask to be ended.
    """
    if case is None:
        ended = turn.obligations.case(event.case_id) if event.case_id is not None else None
        return ended is not None and not ended.is_open
    add_line(turn, case, Line(turn.at_ms, TAKEN_BACK, turn.cause, f"from {event.channel[:32]}"))
    is_theirs = case.family.startswith(SAID) and case.queue != "security"
    if not is_theirs or refunds.owed_on(turn, case) or turn.obligations.frozen_by(case.case_id):
        dialogue.heard(turn, case)
        return True
    set_status(turn, case, "withdrawn", dialogue.BY_CUSTOMER)
    notify(turn, TAKEN_BACK, {"case_id": case.case_id}, case)
    return True


def _goes_on(turn: Turn, event: UserMessage, reading: Reading | None) -> bool:
    """Whether it is taken for the answer of the only case that waits for one, or opens an ended case again.

    A screenshot alone is an answer too. Thanks open nothing.
    """
    if event.case_id is not None:
        case = turn.obligations.case(event.case_id)
        thanks = reading is not None and _thanks(reading)
        if case is None or case.is_open or thanks or not dialogue.may_take_up(turn, case):
            return False
        dialogue.take_up(turn, case)
    else:
        waiting = dialogue.waiting(turn, turn.at_ms)
        if event.payment_id is not None or len(waiting) != 1 or not _answers(event, waiting[0], reading):
            return False
        case = waiting[0]
        dialogue.heard(turn, case)
    if reading is None:
        add_line(turn, case, Line(turn.at_ms, dialogue.WRITTEN, turn.cause, f"from {event.channel[:32]}"))
    else:
        add_line(turn, case, _line(turn, event, reading))
        fill(turn, case, reading)
    return True


def _thanks(reading: Reading) -> bool:
    """Whether it is praise or blame alone: who says beside it that it is not over wants more than to be heard."""
    return reading.understood and reading.topic.flow == "F44" and not graver.is_not_over(folded(reading.said))


def _answers(event: UserMessage, case: Case, reading: Reading | None) -> bool:
    """Whether it may be what the case waits for: what is surely about something else is a case of its own."""
    if reading is None:
        return bool(event.attachments)
    if reading.details.order and case.order_id and reading.details.order != case.order_id:
        return False
    if not reading.understood:
        return reading.topic.queue != "security"
    if reading.topic.flow == case.flow or _is_asked_for(case, reading):
        return True
    tells = any(reading.details.has(name) for name in dialogue.asked_for(case))
    return tells and reading.by == "model" and reading.topic.queue != "security"


def _names(event: UserMessage, case: Case) -> bool:
    return case.case_id == event.case_id or (event.payment_id is not None and case.payment_id == event.payment_id)


def belongs_to(turn: Turn, reading: Reading) -> Case | None:
    """The open case that the message goes on about: of its order, of its flow, or the one that has asked for this."""
    since_ms = turn.at_ms - turn.policy.cases.dedupe_window_s * 1000
    cases = [
        case
        for case in reversed(turn.obligations.cases)
        if case.is_open and case.shadow == turn.shadow and case.updated_ms >= since_ms
    ]
    order = reading.details.order
    for case in cases:
        if (order and case.order_id == order) or _is_asked_for(case, reading):
            return case
    if reading.understood:
        flow, family = reading.topic.flow, reading.topic.family
        same = [each for each in cases if each.flow == flow or (family and each.family == family)]
        same = [each for each in same if each.case_type != "inquiry.unread"]
        # Another order is another matter, even if it is the same kind of trouble.
        return next((case for case in same if not (order and case.order_id)), None)
    # Which of several waiting cases it answers is for a person to say.
    others = [case for case in cases if case.family.startswith(SAID) and case.status != "waiting_customer"]
    return next(iter(others), None)


def _ended_about(turn: Turn, event: UserMessage, reading: Reading) -> Case | None:
    """The ended case of the order that the message names, if the customer's word still reopens it.

    Thanks reopen nothing. Who reports a fraud begins anew with the people who look at that, and what they have decided
    is not undone by who asks for money; otherwise the kind of trouble is another word for what is not over.
    """
    topic, order = reading.topic, reading.details.order
    if not order or _thanks(reading):
        return None
    for case in reversed(turn.obligations.cases):
        if case.order_id != order or case.is_open or case.shadow != turn.shadow:
            continue
        if event.payment_id not in (None, case.payment_id) or (case.queue == "security") != (topic.queue == "security"):
            continue
        if dialogue.may_take_up(turn, case):
            return case
    return None


def _is_asked_for(case: Case, reading: Reading) -> bool:
    """Whether little more is said than what the case has asked for: that is an answer, whatever the words look like."""
    if len(plain(reading.text)) > ANSWER_MAX or (
        reading.details.order and case.order_id not in ("", reading.details.order)
    ):
        return False
    if case.status != "waiting_customer" and reading.topic.queue == "security" != case.queue:
        return False  # nobody was kept waiting for it, so it may as well be a new alarm
    return any(reading.details.has(name) for name in dialogue.asked_for(case))


def _looked_up(turn: Turn, event: UserMessage, reading: Reading) -> LookedUp | None:
    """What the knowledge base says to a general question; a message about a payment or with a picture is none."""
    if event.payment_id is not None or event.case_id is not None or event.attachments:
        return None
    return look_up(reading, turn.ctx.library.knowledge, local_time(turn).date(), turn.policy.intake.article_from)


def _asks_something_else(case: Case, looked_up: LookedUp | None) -> bool:
    """Whether another article answers this question than the case, which nobody works on, was answered with."""
    if looked_up is None or looked_up.article is None or case.template != ARTICLE:
        return False
    is_inquiry = case.status == "auto_answered" and case.flow == INQUIRY.flow
    return is_inquiry and case.parameters["article"] != looked_up.article.ref


def opened(turn: Turn, event: Support, reading: Reading, line: Line, looked_up: LookedUp | None = None) -> Case:
    """The case that this is about, opened or joined as its subject and family say; `line` tells of it."""
    topic, details = topic_of(looked_up, reading), reading.details
    article = looked_up.article if looked_up is not None else None
    payment_id = event.payment_id or ""
    amount_minor, currency = details.amount_minor, details.currency or None
    about = remembered.about_of(turn, payment_id) if payment_id else None
    if about is not None:
        amount_minor, currency = about.amount_minor, about.currency  # surer than what is said
    case = open_or_join(
        turn,
        Draft(
            case_type=topic.case_type,
            flow=topic.flow,
            family=topic.family or f"{SAID}{topic.case_type}" + _of_what(details.order, topic, article),
            queue=topic.queue,
            priority=topic.priority,
            lines=(line,),
            payment_id=payment_id,
            amount_minor=amount_minor,
            currency=currency,
            reasons=_reasons(reading, looked_up),
        ),
    )
    if case.version == 0:
        case.channel = event.channel if len(event.channel) <= DECORATION_MAX else ""
        case.sure = round(sureness(looked_up, reading) * 1000)
    fill(turn, case, reading)
    return case


def _open(turn: Turn, event: UserMessage, reading: Reading, looked_up: LookedUp | None) -> None:
    topic, article = topic_of(looked_up, reading), looked_up.article if looked_up is not None else None
    case = opened(turn, event, reading, _line(turn, event, reading, looked_up), looked_up)
    _count(turn, looked_up)
    _to_take_down(turn, case, reading)
    # A second question of the same kind says that the answer to the first one was none.
    if case.version == 0 and (article is not None or reading.answer):
        if article is not None:
            sent = notify(turn, ARTICLE, {"case_id": case.case_id, "article": article.ref}, case)
        else:
            sent = notify(turn, reading.answer, {"case_id": case.case_id}, case)
        turn.ctx.answered += sent
        # What is urgent is answered too, and still somebody's to look at: a false site has to be taken down.
        if (turn.shadow or turn.acts) and topic.priority > _URGENT:
            set_status(turn, case, "auto_answered")
        return
    if not reading.understood:
        set_status(turn, case, "recorded")
        notify(turn, "contact.person", {"case_id": case.case_id}, case)
    elif topic.family == _STOLEN:
        _is_stolen(turn, case)
    elif missing := _missing(turn, event, reading):
        fields = ",".join(f"ask.{name}" for name in missing)
        parameters = {"case_id": case.case_id, "topic": topic.word, "fields": fields}
        if topic.queue == "security" or case.priority <= _URGENT or topic.at_once or not turn.acts:
            notify(turn, ASKED, parameters, case)  # people begin with what is known; and who was not asked says nothing
        else:
            line = folded(reading.said)
            is_awaited = topic.flow in _AWAITED and not graver.only_wishes(line)
            is_missed = is_awaited or graver.tells_of_missing_money(line)
            if is_missed and dialogue.MISSING not in case.reasons:
                case.reasons = [*case.reasons, dialogue.MISSING]
            dialogue.ask(turn, case, ASKED, parameters)
    else:
        notify(turn, "contact.received", {"case_id": case.case_id, "topic": topic.word}, case)


def _is_stolen(turn: Turn, case: Case) -> None:
    """A case of a takeover, whose customer is told how to freeze the account at once."""
    fraud_alert.is_takeover(turn, case)
    notify(turn, "contact.stolen", {"case_id": case.case_id}, case)


def _missing(turn: Turn, event: UserMessage, reading: Reading) -> tuple[str, ...]:
    """What its customer has to be asked for: nothing that a payment which they name, and we remember, says itself."""
    is_known = event.payment_id is not None and turn.obligations.recall(payment_key(event.payment_id)) is not None
    return () if is_known else reading.missing


def _to_take_down(turn: Turn, case: Case, reading: Reading) -> None:
    """Tells security what to do about a page: nothing here can block one, its host and the browsers' lists can."""
    if reading.details.page and case.queue == "security":
        text = f"look at {reading.details.page} and, if it is false, have it taken down"
        add_line(turn, case, Line(turn.at_ms, "page.reported", turn.cause, text))


def _of_what(order: str, topic: Topic, article: Article | None) -> str:
    """The end of a case's family: each order and each question that is nothing but one is a matter of its own."""
    if article is not None and topic == INQUIRY:
        return f".{article.front.id}"
    return f".{order}" if order else ""


def _reasons(reading: Reading, looked_up: LookedUp | None) -> tuple[str, ...]:
    """What made the case what it is: the flows that it may be about, what its question is about."""
    asked = looked_up.reasons if looked_up is not None else ()
    if reading.understood or (looked_up is not None and looked_up.article is not None):
        return asked
    return (*(f"perhaps_{flow}" for flow, _ in reading.guesses), *asked)


def _count(turn: Turn, looked_up: LookedUp | None) -> None:
    if looked_up is None:
        return
    if looked_up.article is not None:
        turn.ctx.questions.append("answered")
    elif looked_up.themes:
        turn.ctx.questions.append("unanswered")
        turn.ctx.unanswered += looked_up.themes


def fill(turn: Turn, case: Case, reading: Reading) -> None:
    """What the case did not know yet; what it knows from events is surer than what somebody says."""
    details = reading.details
    if details.order and not case.order_id and len(details.order) <= DECORATION_MAX:
        case.order_id = details.order
        turn.change(case, "order")
    if details.amount_minor is not None and case.amount_minor is None:
        case.amount_minor, case.currency = details.amount_minor, details.currency
        turn.change(case, "amount")


def _line(turn: Turn, event: UserMessage, reading: Reading, looked_up: LookedUp | None = None) -> Line:
    details = reading.details
    told = [f"from {event.channel[:32]}", reading.topic.case_type, f"by {reading.by} {reading.confidence:.2f}"]
    if looked_up is not None and looked_up.article is not None:
        told.append(f"answered with {looked_up.article.ref} {looked_up.score:.2f}")
    for name in ("order", "time", "payee", "last4"):
        value = getattr(details, name)
        if value:
            told.append(f"{name} {value}")
    if reading.masked:
        told.append(f"hidden: {', '.join(reading.masked)}")
    if details.page:
        told.append(f"page {details.page}")
    text = "; ".join(told)[:200]
    return Line(turn.at_ms, dialogue.WRITTEN, turn.cause, text, details.amount_minor, details.currency or None)


def local_time(turn: Turn) -> datetime:
    """The customer's wall clock."""
    zone = zone_of(turn)
    return from_ms(turn.at_ms).astimezone(ZoneInfo(zone if is_zone(zone) else "UTC"))
