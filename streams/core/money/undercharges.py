"""Was the customer charged less than the payment's amount (rule L5, flow F11)?

Asked of a payment that is good and has been debited, a minute after the one or the other, when the ledger has told
everything up to then. Accounting decides what becomes of the rest: nobody is debited again by itself, and the customer
hears nothing. A further debit of the rest ends the case, and so does a capture of no more than was taken, a reversal,
or that all of it is back.
"""

from __future__ import annotations

from streams.contracts.accounts import LedgerPosted
from streams.contracts.payments import Movement
from streams.core.cases.book import Draft, add_line, open_or_join, set_status
from streams.core.messages.render import money
from streams.core.money import balance, charges, completeness, fee_lines, prices, remembered
from streams.core.money.completeness import postponed
from streams.core.obligations import (
    Case,
    Expectation,
    Line,
    PaymentState,
    payment_key,
)
from streams.core.turn import Turn

FAMILY = "undercharge"
NEEDS = ("payments.transactions", "ledger.entries")


def look_later(turn: Turn, payment_id: str, amount_minor: int, currency: str) -> None:
    """Remembers to compare the debits of a good payment with its amount, if they come to less so far."""
    if not turn.policy.money.undercharges:
        return
    taken_minor = balance.charged_minor(turn, payment_id, currency)
    if taken_minor and taken_minor < amount_minor:
        completeness.look_later(turn, charges.UNDERCHARGE, payment_id, amount_minor, currency)


def debited(turn: Turn, event: LedgerPosted, payment_id: str, state: PaymentState | None) -> None:
    """One more debit: the rest of what was missing, or the first of what will be."""
    case = _case(turn, payment_id)
    if case is not None and case.currency == event.currency:
        left_minor = (case.amount_minor or 0) - event.amount_minor
        if left_minor > 0:
            case.amount_minor = left_minor
        text = "the rest was debited" if left_minor <= 0 else "a part of the rest was debited"
        add_line(turn, case, Line(turn.at_ms, "ledger_debit", turn.cause, text, event.amount_minor, event.currency))
        if left_minor <= 0:
            _end(turn, case, "charged_rest")
        return
    about = remembered.about_of(turn, payment_id)
    if about is not None and state is not None and state.status == PaymentState.SUCCEEDED and state.grace_s:
        look_later(turn, payment_id, about.good_minor, about.currency)


def confirmed(turn: Turn, event: Movement) -> None:
    """The payment is good, at this amount."""
    if type(event) not in prices.CAPTURES:
        return
    for waiting in turn.obligations.expectations:
        if waiting.kind == charges.UNDERCHARGE and waiting.payment_id == event.payment_id:
            waiting.amount_minor = event.amount_minor
    case = _case(turn, event.payment_id)
    if case is not None:
        taken_minor = balance.charged_minor(turn, event.payment_id, event.currency)
        if taken_minor is not None and taken_minor >= event.amount_minor:
            _end(turn, case, "charge_explained")
    elif not any(each.family == FAMILY and each.payment_id == event.payment_id for each in turn.obligations.cases):
        # Also of one that its provider has confirmed before, which says nothing about the amount.
        look_later(turn, event.payment_id, event.amount_minor, event.currency)


def undone(turn: Turn, payment_id: str, *, for_good: bool = False) -> None:
    """Money of the payment came back: with the last of it nothing is missing, nor once it failed or was reversed."""
    case = _case(turn, payment_id)
    if case is not None and (for_good or _is_all_back(turn, payment_id)):
        _end(turn, case, "charge_undone")


def due(turn: Turn, waiting: Expectation) -> None:
    """A minute later: have the debits of the payment come to its amount?"""
    if postponed(turn, waiting, NEEDS):
        return
    turn.obligations.expectations.remove(waiting)
    state = turn.obligations.recall(payment_key(waiting.payment_id))
    taken_minor = balance.charged_minor(turn, waiting.payment_id, waiting.currency)
    if not taken_minor or state is None or state.status != PaymentState.SUCCEEDED:
        return
    if _is_all_back(turn, waiting.payment_id):
        return
    missing_minor = waiting.amount_minor - taken_minor
    if missing_minor > 0:  # and of what was taken a part was its fee
        key = payment_key(waiting.payment_id)
        missing_minor += min(taken_minor, fee_lines.inside_minor(turn, key, waiting.currency))
    mine = remembered.debits_of(turn, payment_key(waiting.payment_id))
    foreign = any(each.currency != waiting.currency for each in mine)
    if missing_minor <= (int(waiting.amount_minor * turn.policy.money.fx_tolerance) if foreign else 0):
        return
    taken, whole = money(taken_minor, waiting.currency), money(waiting.amount_minor, waiting.currency)
    text = f"charged {taken} for a payment of {whole}: too little"
    open_or_join(
        turn,
        Draft(
            case_type="amount_mismatch",
            flow="F11",
            family=FAMILY,
            queue="accounting",
            priority=3,
            lines=(Line(turn.at_ms, FAMILY, waiting.entry, text[:160], missing_minor, waiting.currency),),
            payment_id=waiting.payment_id,
            by_payment=True,
            amount_minor=missing_minor,
            currency=waiting.currency,
            money_state="not_captured",
        ),
    )


def _is_all_back(turn: Turn, payment_id: str) -> bool:
    """Nothing of it stands, and no more than was debited has come back: a refund of the whole price may be more."""
    key = payment_key(payment_id)
    return remembered.paid(turn, payment_id) is None and not any(
        each.payment == key and each.amount_minor < 0 for each in turn.obligations.spent
    )


def _end(turn: Turn, case: Case, resolution: str) -> None:
    soon = turn.at_ms <= case.opened_ms + turn.policy.lateness_s * 1000
    case.money_state = "confirmed" if resolution != "charge_undone" else "returned"
    set_status(turn, case, "withdrawn" if soon and resolution == "charge_explained" else "resolved", resolution)


def _case(turn: Turn, payment_id: str) -> Case | None:
    for case in turn.obligations.cases:
        if case.family == FAMILY and case.payment_id == payment_id and case.is_open:
            return case
    return None
