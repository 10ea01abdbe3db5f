"""Is this customer struggling to pay (F09)? Then one case with all attempts, instead of silence."""

from __future__ import annotations

from collections import Counter

from streams.contracts.payments import Failure as FailedMovement
from streams.contracts.payments import Movement
from streams.core.cases.book import Draft, add_line, open_or_join, set_status
from streams.core.cases.timeline import codes_of, kind_of
from streams.core.incidents.outages import mark_of
from streams.core.library import name_word
from streams.core.messages.notify import notify
from streams.core.obligations import FAILURES_MAX, Case, Failure, Line, payment_key
from streams.core.turn import Turn

FAMILY = "payment_failure"


def succeeded(turn: Turn, event: Movement) -> None:
    """The customer has paid after all, where it had failed: nobody has to help any more."""
    case = next((each for each in turn.obligations.cases if each.family == FAMILY and each.is_open), None)
    if case is None or any(turn.at_ms <= failure.at_ms for failure in turn.obligations.failures):
        return
    if case.merchant_id and event.merchant_id and case.merchant_id != event.merchant_id:
        return
    line = Line(turn.at_ms, kind_of(event), turn.cause, "paid in the end", event.amount_minor, event.currency)
    add_line(turn, case, line)
    set_status(turn, case, "resolved", "paid")


def after_failure(turn: Turn, event: Movement, cause: str) -> Case | None:
    """Counts failed attempts in the window; from the third on they share one case, which is returned."""
    policy = turn.policy.repeat_failures
    since_ms = turn.at_ms - policy.window_s * 1000
    recent = [failure for failure in turn.obligations.failures if failure.at_ms > since_ms]
    text = f"{cause}: {codes_of(event)}" if isinstance(event, FailedMovement) else f"{cause}: failed"
    recent.append(
        Failure(
            turn.at_ms,
            kind_of(event),
            event.event_id,
            text[:96],
            event.amount_minor,
            event.currency,
            cause,
            payment_key(event.payment_id),
        )
    )
    recent.sort(key=lambda failure: failure.at_ms)
    turn.obligations.failures = recent = recent[-FAILURES_MAX:]
    if len(recent) < min(policy.count, FAILURES_MAX):
        return None
    with_people = _is_with_people(turn, recent)
    for failure in recent:
        failure.has_case = True
    return None if with_people else _worked(turn, event, recent)


def _is_with_people(turn: Turn, recent: list[Failure]) -> bool:
    """Whether the case of these attempts was handed over: whoever works it sees the account, and its customer knows."""
    obligations = turn.obligations
    return (
        any(failure.has_case for failure in recent)
        and any(each.handed_over for each in obligations.ended)
        and all(case.family != FAMILY for case in obligations.cases)
    )


def _worked(turn: Turn, event: Movement, recent: list[Failure]) -> Case:
    causes = Counter(failure.cause for failure in recent if failure.cause)
    main = max(causes, key=lambda each: (causes[each], each))
    case = open_or_join(
        turn,
        Draft(
            case_type="payment_failure.repeat",
            flow="F09",
            family=FAMILY,
            queue="technical",
            priority=3,
            lines=tuple(
                Line(
                    failure.at_ms,
                    failure.kind,
                    failure.event_id,
                    failure.text,
                    failure.amount_minor,
                    failure.currency,
                )
                for failure in recent
            ),
            payment=event,
            payment_id=event.payment_id,
            amount_minor=event.amount_minor,
            currency=event.currency,
            counters=(("attempts", len(recent)), ("causes", len(causes)), *_total(recent)),
            cause=main,
            codes=tuple(f"{code.source} {code.code}"[:64] for code in getattr(event, "codes", ())),
        ),
    )
    if not case.template:
        about = {"attempts": str(len(recent)), "cause": name_word(main), "case_id": case.case_id}
        notify(turn, "payment_failure.repeat", about, case)
    return case


def explained(turn: Turn, payment: int, mark: int, incident_id: str) -> None:
    """The failure with this mark, of this payment, belongs to an outage: it is no struggle of this customer's.

    Nor is it where somebody else told of it. A case that was opened before anybody knew of the outage is a part of it,
    and ends when too few attempts are left. One that has ended meanwhile is told to be a part of it.
    """
    obligations = turn.obligations
    since_ms = turn.at_ms - turn.policy.repeat_failures.window_s * 1000
    marks = {mark, *(mark_of(each.event_id) for each in obligations.failures if each.payment == payment)}
    obligations.failures = left = [each for each in obligations.failures if mark_of(each.event_id) not in marks]
    about = (each for each in obligations.cases if each.family == FAMILY)
    case = next((each for each in about if any(mark_of(line.event_id) in marks for line in each.lines)), None)
    if case is None:
        return
    if not case.is_open and not case.incident_id:
        case.incident_id = incident_id
        add_line(turn, case, Line(turn.at_ms, "joined_incident", turn.cause, f"part of {incident_id}"))
    if not case.is_open or sum(each.at_ms > since_ms for each in left) >= min(
        turn.policy.repeat_failures.count, FAILURES_MAX
    ):
        return
    case.incident_id = case.incident_id or incident_id
    set_status(turn, case, "withdrawn", "joined_incident")


def forget(turn: Turn) -> None:
    """Drops attempts that count no more, not even beside one that comes late."""
    since_ms = turn.at_ms - (turn.policy.repeat_failures.window_s + turn.policy.lateness_s) * 1000
    if turn.obligations.failures[0].at_ms <= since_ms:
        turn.obligations.failures = [failure for failure in turn.obligations.failures if failure.at_ms > since_ms]


def _total(recent: list[Failure]) -> tuple[tuple[str, int], ...]:
    """What the customer tried to pay, where it is one currency."""
    if len({failure.currency for failure in recent}) > 1:
        return ()
    return (("amount_minor", sum(failure.amount_minor for failure in recent)),)
