"""Has the promotion that a customer claimed been granted in time (F32)?

A claim that names the payment it was earned with qualifies if that payment was good: whether a welcome bonus without
one is due, nobody tells. Who claims too often on one device is the business of `streams.core.entities.promo_abuse`.
"""

from __future__ import annotations

from typing import Final

from streams.contracts.payments import Promo, PromoClaimed, PromoGranted
from streams.core.cases.book import Draft, add_line, open_or_join, set_status
from streams.core.messages.notify import notify
from streams.core.messages.render import instant
from streams.core.money import arrivals, times
from streams.core.money.completeness import postponed
from streams.core.obligations import (
    Case,
    Expectation,
    Line,
    payment_key,
)
from streams.core.turn import Turn

GRANT: Final = "promo_grant"  # kind of the expectation
FAMILY: Final = "promo_issue"
NEEDS: Final = ("payments.transactions",)
_WAITING_MAX: Final = 4


def claimed(turn: Turn, event: PromoClaimed) -> None:
    """Waits for the grant, unless it was here first."""
    payment_id = event.payment_id
    if payment_id is None or arrivals.knows(turn, GRANT, event.promo_id, payment_id):
        return
    waiting = [each for each in turn.obligations.expectations if each.kind == GRANT]
    about = (event.promo_id, payment_id)
    if len(waiting) >= _WAITING_MAX or any((each.subject, each.payment_id) == about for each in waiting):
        return  # of one claim more its customer has to write
    currency = event.currency or ""
    owed_ms = times.within(turn, turn.policy.money.promo_grant, currency).ends_ms(turn.at_ms)
    amount_minor = (event.amount_minor or 0) if currency else 0
    turn.obligations.expect(
        Expectation(GRANT, *about, turn.cause, turn.at_ms, owed_ms, owed_ms, amount_minor, currency)
    )


def granted(turn: Turn, event: PromoGranted) -> None:
    """Ends what waits for it, however late it is told."""
    if event.payment_id is not None:
        arrivals.note(turn, GRANT, event.promo_id, event.payment_id)
    turn.obligations.expectations = [
        each for each in turn.obligations.expectations if each.kind != GRANT or not _is_of(event, each)
    ]
    for case in turn.obligations.cases:
        if case.family == FAMILY and case.is_open and case.payment_id == event.payment_id:
            add_line(turn, case, Line(turn.at_ms, "promo.granted", turn.cause, f"promotion {event.promo_id[:48]}"))
            notify(turn, "promo_issue.done", {"case_id": case.case_id}, case)
            set_status(turn, case, "resolved", "granted")


def due(turn: Turn, waiting: Expectation) -> None:
    """The term is over: a case to grant it, if the payment that it was claimed for was good."""
    if postponed(turn, waiting, NEEDS):
        return
    turn.obligations.expectations.remove(waiting)
    if not turn.obligations.is_good(payment_key(waiting.payment_id)):
        return
    case = _opened(turn, waiting)
    notify(turn, "promo_issue", {"case_id": case.case_id, "eta": instant(turn.answer_ms(case.priority))}, case)


def _opened(turn: Turn, waiting: Expectation) -> Case:
    text = f"promotion {waiting.subject[:48]} was claimed for a good payment and is not granted in time"
    amount_minor, currency = (waiting.amount_minor, waiting.currency) if waiting.currency else (None, None)
    return open_or_join(
        turn,
        Draft(
            case_type="promo_issue",
            flow="F32",
            family=FAMILY,
            queue="policy",
            priority=4,
            lines=(Line(waiting.since_ms, "promo.claimed", waiting.entry, text, amount_minor, currency),),
            payment_id=waiting.payment_id,
            by_payment=True,
            amount_minor=amount_minor,
            currency=currency,
        ),
    )


def _is_of(event: Promo, waiting: Expectation) -> bool:
    """A grant that names no payment is that of any claim of its promotion."""
    return waiting.subject == event.promo_id and event.payment_id in (None, waiting.payment_id)
