"""When are the deadlines of a case, and which of its clocks strikes next?

Four clocks: the first response, the next word to the customer, the resolution, and the answer that the law wants. Each
strikes at 50, 80 and 100 % of its time. They stand still only while the case waits for the customer (the law's goes
on), and none runs on a case that has ended, that is answered until somebody writes again, or that is a shadow.

A promise is what the priority says, and a resolution never falls due before the moment that the customer was told.
A case carries the few numbers that its deadlines follow from; `wind` brings them up to date at the end of each turn
that has changed the case, so whoever moves its status need not know of clocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, Literal, NamedTuple

from streams.contracts.base import from_ms, to_ms
from streams.contracts.cases import Sla
from streams.core.cases.business_time import WorkingHours, after_ms, between_ms
from streams.core.intake.topics import UNREAD
from streams.core.money import legal
from streams.core.money.business_days import ends_ms
from streams.core.obligations import Case
from streams.core.policy import CasesPolicy, Policy, PriorityPolicy

Clock = Literal["first_response", "next_update", "resolution", "legal"]
CLOCKS: tuple[Clock, ...] = ("first_response", "next_update", "resolution", "legal")
PERCENTS = (50, 80, 100)
WAITING = "waiting_customer"
_URGENT: Final = 2  # P1 and P2
ETA = "eta"  # the parameter of messages that says by when
_ANSWERED = "auto_answered"
# Of `Case.marks`: two bits for each clock in the order of CLOCKS, how many of PERCENTS have struck; then flags.
_STRUCK = 0b11
_LEGAL = _STRUCK << 2 * CLOCKS.index("legal")  # counts from the opening whatever happens
_RESPONDED = 1 << 8  # the first response is given
_PERSON = 1 << 9  # a person has acted on the case
_AT_REST = 1 << 10  # the clocks have stopped for good: they begin anew if the case lives again
_ESCALATED = 1 << 11  # it is with the supervisors


class Strike(NamedTuple):
    """A clock and how much of its time is over, in the order in which they strike."""

    due_ms: int
    clock: Clock
    percent: int


class Deadline(NamedTuple):
    """What became of a promise: for the shell to count."""

    clock: Clock
    queue: str
    result: Literal["kept", "missed"]


class Wound(NamedTuple):
    """What has come of it that the clocks were brought up to date: for the shell to count."""

    kept: list[Deadline]
    response_ms: int | None  # how long the first response took since its clock began; None: none was given now


def wind(case: Case, policy: Policy, at_ms: int) -> Wound:
    """Brings the clocks up to date after something has happened to the case."""
    kept: list[Deadline] = []
    response_ms: int | None = None
    if case.marks & _AT_REST and not _at_rest(case):
        case.told_ms = case.told_ms if case.told_ms == at_ms else 0  # a survey is no word about what is open again
        restart(case, at_ms)
    _pause(case, policy, at_ms)
    if not case.marks & _RESPONDED and _has_responded(case, policy):
        kept += _kept(case, "first_response")
        case.marks |= _RESPONDED
        response_ms = None if case.shadow else max(0, at_ms - case.clock_ms)
    if _at_rest(case):
        if case.status == "resolved" and not case.marks & _AT_REST:
            kept += _kept(case, "resolution")
        if not case.marks & _AT_REST:
            case.told_ms, case.marks = 0, _AT_REST | case.marks & _LEGAL
    if case.marks & (_RESPONDED | _AT_REST) and not case.answer_time_ms:
        due_ms = _due_ms(case, policy, "first_response", waited_ms=_waited_ms(case, policy, at_ms))
        case.answer_time_ms = due_ms - case.clock_ms
    case.due_ms = min((strike.due_ms for strike in _next(case, policy)), default=0)
    return Wound(kept, response_ms)


def restart(case: Case, at_ms: int) -> None:
    """All clocks begin at `at_ms`: the case has another priority, or lives again."""
    case.clock_ms, case.paused_ms, case.promised, case.updates, case.answer_time_ms = at_ms, 0, 0, 0, 0
    case.marks &= _PERSON | _ESCALATED | _LEGAL
    if case.waiting_ms:
        case.waiting_ms = at_ms


def told(case: Case, at_ms: int) -> None:
    """The customer has heard from us about this case."""
    case.told_ms = max(case.told_ms, at_ms)
    case.marks &= ~(_STRUCK << 2 * CLOCKS.index("next_update"))


def postpone_update(case: Case, policy: Policy, until_ms: int) -> bool:
    """The next word to the customer is due at `until_ms` instead. False where it counts hours of work alone."""
    if _hours(case, policy) is not None:
        return False
    case.told_ms = until_ms - _promise(case, policy.cases).next_update_s * 1000
    return True


def worked(case: Case) -> None:
    """A person has acted on the case."""
    case.marks |= _PERSON


def has_person(case: Case) -> bool:
    """Whether a person has acted on it since it was opened, or opened again."""
    return bool(case.marks & _PERSON)


def escalate(case: Case, escalated: bool = True) -> None:
    """Notes that the supervisors have the case, or no longer."""
    case.marks = case.marks | _ESCALATED if escalated else case.marks & ~_ESCALATED


def is_escalated(case: Case) -> bool:
    """Whether the supervisors have it."""
    return bool(case.marks & _ESCALATED)


def strikes(case: Case, policy: Policy, at_ms: int) -> list[Strike]:
    """What strikes at or before `at_ms`, at most one of each clock."""
    return sorted(strike for strike in _next(case, policy) if strike.due_ms <= at_ms)


def struck(case: Case, strike: Strike) -> None:
    """Notes that it has struck: the same will not strike again for this promise."""
    index = 2 * CLOCKS.index(strike.clock)
    case.marks = case.marks & ~(_STRUCK << index) | PERCENTS.index(strike.percent) + 1 << index


def sla_of(case: Case, policy: Policy, at_ms: int) -> Sla:
    """The deadlines that a version of the case shows, as they are if it goes on at `at_ms`."""
    waited_ms = _waited_ms(case, policy, at_ms)
    legal_ms, basis = legal.due_of(case, policy)
    first, update, resolution = (_due_ms(case, policy, clock, waited_ms=waited_ms) for clock in CLOCKS[:3])
    return Sla(
        first_response_due=from_ms(first),
        next_update_due=from_ms(update),
        resolution_due=from_ms(resolution),
        responded=bool(case.marks & (_RESPONDED | _AT_REST)),
        paused_s=(case.paused_ms + waited_ms) // 1000,
        legal_due=from_ms(legal_ms) if legal_ms else None,
        legal_basis=basis or None,
    )


def due_of(case: Case, policy: Policy, clock: Clock) -> int:
    """The deadline of a clock that does not stand still, in ms."""
    return _due_ms(case, policy, clock)


def eta_ms(case: Case) -> int:
    """The moment that the text on the case names to the customer; 0: none."""
    return to_ms(datetime.fromisoformat(case.parameters[ETA])) if ETA in case.parameters else 0


def _at_rest(case: Case) -> bool:
    return not case.is_open or case.status == _ANSWERED


def _pause(case: Case, policy: Policy, at_ms: int) -> None:
    if case.status == WAITING:
        case.waiting_ms = case.waiting_ms or at_ms
    elif case.waiting_ms:
        case.paused_ms += _measured(case.waiting_ms, at_ms, _hours(case, policy))
        case.waiting_ms = 0
        if case.told_ms:
            told(case, at_ms)  # they have spoken: the interval to the next word begins anew


def _has_responded(case: Case, policy: Policy) -> bool:
    by = _promise(case, policy.cases).first_response_by
    if case.case_type == UNREAD.case_type and case.priority <= _URGENT:
        by = "person"  # that nobody has understood it yet is no response to what may be a theft
    return bool(case.marks & _PERSON) or (by == "anyone" and case.told_ms > 0)


def _kept(case: Case, clock: Clock) -> list[Deadline]:
    missed = _struck_of(case, clock) == len(PERCENTS)  # and told when it struck
    return [] if case.shadow or missed else [Deadline(clock, case.queue, "kept")]


def _struck_of(case: Case, clock: Clock) -> int:
    return case.marks >> 2 * CLOCKS.index(clock) & _STRUCK


def _next(case: Case, policy: Policy) -> Iterator[Strike]:
    """The next strike of every clock that runs."""
    if case.shadow or _at_rest(case):
        return
    for clock in CLOCKS:
        number = _struck_of(case, clock)
        if number == len(PERCENTS) or not _runs(case, policy, clock):
            continue
        # As long as we write by ourselves in time, nobody has to be told how much of that time is over.
        by_itself = clock == "next_update" and case.updates < policy.cases.progress_messages_max
        percent = 100 if by_itself else PERCENTS[number]
        yield Strike(_due_ms(case, policy, clock, percent), clock, percent)


def _runs(case: Case, policy: Policy, clock: Clock) -> bool:
    match clock:
        case "first_response":
            return not case.waiting_ms and not case.marks & _RESPONDED
        case "next_update":
            # Who was never told of a case expects no word of it, and who was asked something is to speak next.
            return not case.waiting_ms and case.told_ms > case.asked_ms
        case "resolution":
            return not case.waiting_ms
        case "legal":
            return legal.due_of(case, policy)[0] > 0


def _due_ms(case: Case, policy: Policy, clock: Clock, percent: int = 100, waited_ms: int = 0) -> int:
    """When so much of the clock's time is over, pauses included: those so far and the last `waited_ms`."""
    promise, paused_ms = _promise(case, policy.cases), case.paused_ms + waited_ms
    match clock:
        case "legal":
            due_ms, _ = legal.due_of(case, policy)
            return case.opened_ms + max(0, due_ms - case.opened_ms) * percent // 100
        case "next_update":
            since_ms, length_s, paused_ms = max(case.told_ms, case.clock_ms), promise.next_update_s, 0
        case "first_response" if case.answer_time_ms:
            # Given: no later pause, calendar or currency moves what it was measured by.
            return case.clock_ms + case.answer_time_ms
        case "first_response":
            since_ms, length_s = case.clock_ms, promise.first_response_s
        case "resolution":
            since_ms, length_s = case.clock_ms, promise.resolution_s
    term = policy.cases.resolution_terms.get(case.flow) if clock == "resolution" else None
    hours, length_ms = _hours(case, policy), length_s * 10 * percent + paused_ms
    if term is not None:
        whole_ms = ends_ms(since_ms + paused_ms, term, _calendar(case, policy)) - since_ms
        due_ms = since_ms + whole_ms * percent // 100
    else:
        due_ms = since_ms + length_ms if hours is None else after_ms(since_ms, length_ms, hours)
    if clock == "resolution" and ETA in case.parameters:
        told_ms = since_ms + (eta_ms(case) - since_ms) * percent // 100 + paused_ms
        return max(due_ms, told_ms)
    return due_ms


def _promise(case: Case, policy: CasesPolicy) -> PriorityPolicy:
    return policy.priority(f"P{case.promised or case.priority}")


def _hours(case: Case, policy: Policy) -> WorkingHours | None:
    """When people work on it; None: around the clock."""
    if not _promise(case, policy.cases).business_time:
        return None
    hours = policy.cases.business_hours
    return WorkingHours(_calendar(case, policy), hours.opens_hour, min(24, hours.opens_hour + hours.hours_open))


def _calendar(case: Case, policy: Policy) -> str:
    """Whose business days count."""
    return policy.money.calendar_of(case.currency or policy.money.home_currency or "")


def _waited_ms(case: Case, policy: Policy, at_ms: int) -> int:
    """How long its present pause has lasted."""
    return _measured(case.waiting_ms or at_ms, at_ms, _hours(case, policy))


def _measured(since_ms: int, until_ms: int, hours: WorkingHours | None) -> int:
    if until_ms <= since_ms:
        return 0  # out of order: the customer's answer is older than the question's turn
    return until_ms - since_ms if hours is None else between_ms(since_ms, until_ms, hours)
