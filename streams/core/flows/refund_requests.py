"""May the refund that a customer asks for be given (F15), how far is it, and what follows when it comes back (F17)?"""

from __future__ import annotations

from typing import Final

from streams.contracts.accounts import LedgerPosted
from streams.contracts.payments import Refund, RefundCredited, RefundFailed, RefundRequested, RefundSent
from streams.core.cases import dialogue
from streams.core.cases.book import Draft, add_line, open_or_join, put_line, set_status
from streams.core.cases.timeline import codes_of
from streams.core.messages.notify import notify
from streams.core.messages.render import instant, money
from streams.core.money import arrivals, expectations, failed_refunds, given, refund_check, refund_retries
from streams.core.obligations import Case, Line
from streams.core.turn import Turn

REQUEST, FAILED = "refund_request", "refund_failed"
_OF_REFUNDS: Final = frozenset(
    {
        failed_refunds.NO_FUNDS,
        "refund_payee_abnormal",
        "refund_not_allowed",
        "refund_amount_invalid",
        "refund_window_expired",
    }
)


def moved(turn: Turn, event: Refund) -> None:
    """A request opens its case, a credit ends every case about the refund, a refund that came back is accounting's."""
    if isinstance(event, RefundSent):
        refund_retries.left(turn, event)  # however late that is told
    match event:
        case RefundCredited():
            credited(turn, event, event.payment_id, event.refund_id)
        case _ if turn.late:
            pass
        case RefundRequested():
            _asked(turn, event)
        # Of ours its own case says it.
        case RefundFailed() if not given.is_ours(turn, event.payment_id, event.refund_id):
            _came_back(turn, event)
        case _:
            _goes_on(turn, event)
            if isinstance(event, RefundSent) and expectations.is_booked(turn, event):
                _was_here(turn, event)


def _asked(turn: Turn, event: RefundRequested) -> None:
    """What the policy says of it, for whoever decides; its customer is asked for what is missing for that."""
    text = f"refund {event.refund_id} asked for"[:120]
    case = _open(turn, event, REQUEST, "F15", "policy", 3, Line(turn.at_ms, "refund.requested", turn.cause, text))
    found = refund_check.check(turn, event)
    put_line(turn, case, Line(turn.at_ms, "refund.checked", turn.cause, found.text))
    case.cause = found.cause
    if found.asks:
        wanted = _about(event, turn.at_ms) | {"fields": ",".join(found.asks)}
        dialogue.ask(turn, case, "refund_request.ask", wanted)
    else:
        if event.amount_minor:  # a request for nothing is for whoever looks at it to answer
            notify(turn, REQUEST, _answered(turn, event, case), case)
        dialogue.heard(turn, case)


def _came_back(turn: Turn, event: RefundFailed) -> None:
    """Another account is asked for, unless it is the merchant who has to pay first: its customer can mend nothing.

    Then it is tried again, and whoever was told what it waits for hears nothing of each try that fails.
    """
    resolved = failed_refunds.read(turn, event)
    cause = resolved.cause.cause
    template = "refund_failed.funds" if cause == failed_refunds.NO_FUNDS else FAILED
    is_told = cause == failed_refunds.NO_FUNDS and any(
        (each.family, each.payment_id, each.refund_id, each.template)
        == (FAILED, event.payment_id, event.refund_id, template)
        for each in turn.obligations.cases
        if each.is_open
    )
    text = f"refund {event.refund_id} came back: {codes_of(event)}"[:160]
    case = _open(turn, event, FAILED, "F17", "accounting", 2, Line(turn.at_ms, "refund.failed", turn.cause, text))
    if cause in _OF_REFUNDS:
        case.cause = cause
    if cause == failed_refunds.NO_FUNDS:
        refund_retries.failed(turn, case, resolved)
    else:
        refund_retries.stop(case)
    if not is_told:
        notify(turn, template, _answered(turn, event, case), case)


def _goes_on(turn: Turn, event: Refund) -> None:
    """The merchant has decided: nothing is left to ask its customer for."""
    for case in turn.obligations.cases:
        waits = case.family == REQUEST and case.status == "waiting_customer"
        if waits and case.payment_id == event.payment_id and case.refund_id in ("", event.refund_id):
            set_status(turn, case, "in_progress")


def _open(turn: Turn, event: Refund, family: str, flow: str, queue: str, priority: int, line: Line) -> Case:
    line.amount_minor, line.currency = event.amount_minor, event.currency
    return open_or_join(
        turn,
        Draft(
            case_type=family,
            flow=flow,
            family=family,
            queue=queue,
            priority=priority,
            lines=(line,),
            payment=event,
            payment_id=event.payment_id,
            refund_id=event.refund_id,
            by_payment=True,
            amount_minor=event.amount_minor,
            currency=event.currency,
            money_state="in_transit",
        ),
    )


def _answered(turn: Turn, event: Refund, case: Case) -> dict[str, str]:
    return {**_about(event, turn.at_ms), "eta": instant(turn.answer_ms(case.priority))}


def credited(turn: Turn, event: RefundCredited | LedgerPosted, payment_id: str, refund_id: str = "") -> None:
    """The money is there: the payment system says so, or the ledger of exactly the amount that was asked for.

    `refund_id` is the refund that it is; empty where the ledger has told of one of which nothing was waited for. One
    that came back may be made again under another id: then as much money ends it.
    """
    told = isinstance(event, LedgerPosted)
    about = (payment_id, event.amount_minor, event.currency)
    cases = [case for case in turn.obligations.cases if case.family in (REQUEST, FAILED) and case.is_open]
    same = [case for case in cases if (case.payment_id, case.amount_minor, case.currency) == about]
    was_told = not told and arrivals.forget(turn, "again", *about)  # the ledger's credit has ended one already
    if told and not refund_id:
        if any(case.family == FAILED for case in same):
            arrivals.note(turn, "again", *about)
        refund_id = next((case.refund_id for case in same if case.refund_id), "")  # one credit is one refund
    mine = [
        case
        for case in (same if told else cases)
        if case.payment_id == payment_id and (not refund_id or case.refund_id in ("", refund_id))
    ]
    again = [case for case in same if case.family == FAILED and case not in mine]
    if was_told or any(case.family == FAILED for case in mine):
        again = []
    if again and refund_id and not arrivals.knows(turn, "again", payment_id, refund_id):
        arrivals.note(turn, "again", payment_id, refund_id)  # of the two feeds that tell of it one ends a case
        mine.append(again[0])
    text = "the ledger's credit" if isinstance(event, LedgerPosted) else f"refund {event.refund_id} arrived"[:120]
    for case in mine:
        whole_minor = max(event.amount_minor, (case.lines[0].amount_minor or 0) if told else 0)  # parts of it
        line = Line(turn.at_ms, "refund.credited", turn.cause, text, event.amount_minor, event.currency)
        _end(turn, case, line, whole_minor)


def failed(turn: Turn, payment_id: str, currency: str) -> list[Case]:
    """Open cases about refunds of a payment that came back."""
    about = (FAILED, payment_id, currency)
    cases = [case for case in turn.obligations.cases if case.is_open]
    return [case for case in cases if (case.family, case.payment_id, case.currency) == about]


def _was_here(turn: Turn, event: RefundSent) -> None:
    """The ledger has booked it in several lines before anybody told what they are."""
    asked = (REQUEST, event.payment_id, event.refund_id)
    for case in tuple(turn.obligations.cases):
        if case.is_open and (case.family, case.payment_id, case.refund_id) == asked:
            text = f"refund {event.refund_id} is here"[:120]
            arrived(
                turn, case, Line(turn.at_ms, "refund.credited", turn.cause, text, event.amount_minor, event.currency)
            )


def arrived(turn: Turn, case: Case, line: Line) -> None:
    """What came back was given under another id, as a part of more."""
    _end(turn, case, line, case.lines[0].amount_minor or case.amount_minor or 0)


def _end(turn: Turn, case: Case, line: Line, amount_minor: int) -> None:
    add_line(turn, case, line)
    case.money_state = "arrived"
    refund_retries.stop(case)
    about = {"amount": money(amount_minor, line.currency or ""), "time": instant(case.lines[0].at_ms)}
    notify(turn, f"{case.family}.done", about, case)
    set_status(turn, case, "resolved", f"{case.family}.done")


def _about(event: Refund | LedgerPosted, at_ms: int) -> dict[str, str]:
    return {"amount": money(event.amount_minor, event.currency), "time": instant(at_ms)}
