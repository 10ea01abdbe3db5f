"""What follows when a customer reports a theft, an unauthorised payment or a wrong transfer (F23, F25, F41)?"""

from __future__ import annotations

from typing import Final

from streams.contracts.accounts import UserReport
from streams.contracts.base import to_ms
from streams.contracts.payments import Movement
from streams.core.cases.book import Draft, add_line, open_or_join, set_status
from streams.core.flows import owners_word, paused_cards, trail
from streams.core.flows.fraud_alert import (
    SETTINGS_FAMILY,
    TAKEOVER_CASE,
    TAKEOVER_FAMILY,
    UNAUTHORISED,
    freeze,
    is_takeover,
)
from streams.core.flows.holds import end_hold
from streams.core.messages.notify import notify
from streams.core.money import prices, refunds, remembered, standing
from streams.core.money.completeness import ledger_is_heard
from streams.core.obligations import Case, Lately, Line, PaymentState, Spent, payment_key
from streams.core.turn import Turn

WRONG = "wrong_transfer"
_UNDONE: Final = (PaymentState.FAILED, PaymentState.REVERSED)
_NOT_SENT: Final = "not_captured"  # money state of a case that ended because nothing had been taken
REPORTED: Final = "reported_payments"  # counter of a case: a long timeline loses its oldest lines


def reported(turn: Turn, event: UserReport) -> None:
    """A stolen account is frozen at once; the other reports open a case and wait for a person."""
    owners_word.note_channel(turn, event)
    payment_id = event.payment_id or ""
    match event.kind:
        case "stolen":
            _stolen(turn, event, payment_id)
        case "unauthorised":
            case = open_or_join(turn, _draft(turn, "unauthorised_txn", "F25", UNAUTHORISED, "security", 1, payment_id))
            case.counters[REPORTED] = case.counters.get(REPORTED, 0) + 1
            if case.amount_minor is None:  # it began about another payment, or about none
                case.amount_minor, currency = _known_amount(turn, payment_id)
                # The law's clock follows from the currency: of a payment that was never seen, the account's own.
                case.currency = currency or case.currency or _last_currency(turn)
            trail.lay(turn, case)
            is_paused = paused_cards.pause(turn, case, event)
            if owners_word.tells(turn, case, event):
                notify(turn, f"unauthorised.{'paused' if is_paused else 'received'}", {"case_id": case.case_id}, case)
        case "wrong_transfer":
            _wrong_transfer(turn, payment_id)


def _stolen(turn: Turn, event: UserReport, payment_id: str) -> None:
    """Frozen at once, however late the report comes, unless two people have given the account back since.

    What anybody can say without being known (outside of `locks.verified_channels`) freezes only with other evidence.
    """
    recovered = to_ms(event.occurred_at) <= turn.obligations.unfrozen_ms
    if not recovered:
        turn.stands(owners_word.STANDS_S)
    believed = owners_word.is_believed(turn, event)
    if not recovered:
        _take_changes(turn)
    case = open_or_join(turn, _draft(turn, TAKEOVER_CASE, "F23", TAKEOVER_FAMILY, "security", 1, payment_id))
    is_takeover(turn, case)
    if recovered:
        add_line(turn, case, Line(turn.at_ms, owners_word.NOT_FROZEN, turn.cause, owners_word.GIVEN_BACK))
        return
    if not believed:
        owners_word.wait_for_owner(turn, case, event)
        return
    freeze(turn, case, "reported_stolen")


def _take_changes(turn: Turn) -> None:
    """Where no suspicious login says how it began, the phone was taken: its changes are in the case of the theft."""
    if trail.lines(turn):
        return
    for case in turn.obligations.cases:
        if case.family == SETTINGS_FAMILY and case.shadow == turn.shadow and trail.tells_of_changes(turn, case):
            is_takeover(turn, case)


def came_back(turn: Turn, payment_id: str, amount_minor: int) -> None:
    """The ledger has credited so much of a transfer: where it went wrong it is mended when all of it is back."""
    debits = remembered.debits_of(turn, payment_key(payment_id))
    all_back = bool(debits) and not any(debit.amount_minor for debit in debits)
    for case in _wrong(turn, payment_id):
        if case.is_open and (all_back or case.amount_minor is None or amount_minor >= case.amount_minor):
            _mended(turn, case, "returned")


def moved(turn: Turn, event: Movement, status: int, state: PaymentState) -> None:
    """What the payment system says of a transfer that went wrong. `status` is of the event, `state` what follows."""
    if state.status == PaymentState.SUCCEEDED:
        _went_through(turn, event.payment_id)
    elif status in _UNDONE:
        _not_sent(turn, event)


def _not_sent(turn: Turn, event: Movement) -> None:
    """It is mended if nothing was taken for it.

    What was debited, or may be while the ledger is not heard, is the customer's again when the ledger says so.
    """
    nothing_taken = ledger_is_heard(turn) and standing.books_of(turn, event, failed=True) == standing.NOTHING
    for case in _wrong(turn, event.payment_id):
        if case.is_open and nothing_taken:
            _mended(turn, case, _NOT_SENT)
        elif case.is_open:
            case.money_state = refunds.REVERSED


def _went_through(turn: Turn, payment_id: str) -> None:
    """If it was said to have failed, it is to be mended after all."""
    for case in _wrong(turn, payment_id):
        if case.is_open and case.money_state == refunds.REVERSED:
            case.money_state = "moved"
        elif not case.is_open and case.money_state == _NOT_SENT:
            case.money_state = "moved"
            set_status(turn, case, "reopened")
            notify(turn, WRONG, {"case_id": case.case_id}, case)


def _wrong(turn: Turn, payment_id: str) -> list[Case]:
    return [case for case in turn.obligations.cases if case.family == WRONG and case.payment_id == payment_id]


def _mended(turn: Turn, case: Case, money_state: str) -> None:
    case.money_state = money_state
    set_status(turn, case, "resolved", f"{WRONG}.returned")
    notify(turn, f"{WRONG}.returned", {"case_id": case.case_id}, case)


def _wrong_transfer(turn: Turn, payment_id: str) -> None:
    """What still waits is stopped; what has arrived is the payee's to give back, and people ask them."""
    case = open_or_join(turn, _draft(turn, WRONG, "F41", WRONG, "policy", 3, payment_id))
    case.amount_minor = case.amount_minor or prices.amount_of(turn, payment_id)
    hold = turn.obligations.hold(payment_id)
    if hold is None:
        state = turn.obligations.recall(payment_key(payment_id))
        has_failed = state is not None and state.status in _UNDONE
        if has_failed and case.payment_id == payment_id:
            case.money_state = refunds.REVERSED
        notify(turn, WRONG, {"case_id": case.case_id}, case)
        return
    case.amount_minor, case.currency = hold.amount_minor, hold.currency
    end_hold(turn, hold, "block", "confirmed", "the customer has sent it to the wrong person")
    if case.payment_id == payment_id and remembered.paid(turn, payment_id) is None:
        _mended(turn, case, _NOT_SENT)


def _draft(turn: Turn, case_type: str, flow: str, family: str, queue: str, priority: int, payment_id: str) -> Draft:
    began = () if family == WRONG else trail.lines(turn)
    text = f"reported by the customer: {case_type}"
    if payment_id and family == UNAUTHORISED:  # short, because a thief leaves many, and each must be seen
        text = f"not mine: {payment_id}"[:200]
    amount_minor, currency = _known_amount(turn, payment_id)
    return Draft(
        case_type=case_type,
        flow=flow,
        family=family,
        queue=queue,
        priority=priority,
        lines=(*began, Line(turn.at_ms, "user_report", turn.cause, text)),
        payment_id=payment_id,
        amount_minor=amount_minor,
        currency=currency,
    )


def _last_currency(turn: Turn) -> str | None:
    """What the account has paid in lately."""
    paid: tuple[Spent | Lately, ...] = (*turn.obligations.spent, *turn.obligations.lately)
    return max(paid, key=lambda each: each.at_ms).currency if paid else None


def _known_amount(turn: Turn, payment_id: str) -> tuple[int | None, str | None]:
    """What is remembered of the payment: the law's clock follows from its currency."""
    known = (turn.obligations.hold(payment_id), remembered.about_of(turn, payment_id)) if payment_id else ()
    cases = (case for case in turn.obligations.cases if payment_id and case.payment_id == payment_id)
    return next(
        ((each.amount_minor, each.currency) for each in (*known, *cases) if each and each.currency), (None, None)
    )
