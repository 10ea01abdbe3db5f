"""Which cards stand still because their owner says that somebody else has paid with them (F25)?

Of the last card payments it is remembered with which card, as a hash. The card of one that its owner denies, where they
are known, pays nothing more while the case is open, and until somebody finds that it was the owner after all.
"""

from __future__ import annotations

from typing import Final

from streams.contracts.accounts import UserReport
from streams.contracts.payments import Movement, Refund
from streams.core.cases.book import add_line, put_line
from streams.core.flows import owners_word
from streams.core.flows.movements import status_after
from streams.core.money.references import hashed
from streams.core.obligations import Case, Line, PaymentState, payment_key
from streams.core.turn import Turn

PAUSED: Final = "card_paused"  # line of a case
STOPPED: Final = "paused_card_stopped"  # line and counter of a case
REASON: Final = "R29"


def paid_by(turn: Turn, event: Movement) -> None:
    """Remembers by which card; a refund names the card that it goes to."""
    if event.card_token is not None and not isinstance(event, Refund):
        turn.obligations.remember_card(payment_key(event.payment_id), hashed(event.card_token))


def pause(turn: Turn, case: Case, event: UserReport) -> bool:
    """Whether the card of the reported payment is paused by this case now."""
    card = turn.obligations.card_of(payment_key(event.payment_id)) if event.payment_id else 0
    if not card or not turn.acts or not owners_word.is_verified(turn.policy.locks, event.channel):
        return False
    if case.pauses(card):
        return True
    case.pause(card)
    turn.change(case, PAUSED)
    add_line(turn, case, Line(turn.at_ms, PAUSED, turn.cause, "the card that it was paid with is paused"))
    return True


def case_of(turn: Turn, event: object) -> Case | None:
    """The open case that has paused the card of a movement which has not happened yet."""
    if not isinstance(event, Movement) or event.card_token is None or status_after(event) != PaymentState.SEEN:
        return None
    card = hashed(event.card_token)
    return next(
        (
            each
            for each in turn.obligations.cases
            if each.pauses(card) and each.is_open and each.finding != "false_alarm"
        ),
        None,
    )


def noted(turn: Turn, event: Movement, case: Case) -> None:
    """The case says what came last, and how much has come."""
    put_line(
        turn, case, Line(turn.at_ms, STOPPED, turn.cause, f"payment {event.payment_id} is blocked: its card is paused")
    )
    case.counters[STOPPED] = case.counters.get(STOPPED, 0) + 1
    if case.counters[STOPPED] == 1:
        turn.change(case, STOPPED)
