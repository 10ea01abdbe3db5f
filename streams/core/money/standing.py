"""What do the books still hold of a payment that is said to have failed?

Nobody may be told that nothing was charged while a debit stands that is, or may be, the payment's.
"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.money import charges, refunds, remembered, reservations, shared_ids
from streams.core.obligations import PaymentState, Spent, payment_key
from streams.core.turn import Turn

NOTHING = "nothing"  # as far as the ledger is heard
DEBITED = "debited"  # and somebody is finding out what for
RESERVED = "reserved"  # nothing was debited, and a hold stands
UNSURE = "unsure"  # a debit stands that explains itself, or whose payment nobody knows


def books_of(turn: Turn, event: Movement, *, failed: bool) -> str:
    """One of the words above. `failed`: the failure is the last word about the payment, not one that a success undid.

    To be asked once the ledger's lines have been joined to their payments.
    """
    obligations, key = turn.obligations, payment_key(event.payment_id)
    if any(debit.payment_id == event.payment_id for debit in obligations.debits) or _is_worked(turn, event.payment_id):
        return DEBITED
    state = obligations.recall(key)
    if shared_ids.is_shared(turn, event.payment_id):
        return UNSURE
    if remembered.paid(turn, event.payment_id) is not None:
        lost = failed and state is not None and state.status == PaymentState.FAILED and state.grace_s
        return DEBITED if lost else UNSURE
    nameless = any(not each.payment and each.amount_minor > 0 for each in obligations.spent)
    if nameless or _is_forgotten(turn, event.payment_id):
        return UNSURE
    if reservations.stands(turn, event):
        return RESERVED
    return UNSURE if any(not each.payment_id for each in obligations.reserved) else NOTHING


def left(turn: Turn, event: Movement) -> Spent | None:
    """What stands of the debits of a payment that was good, less what cases about its amount already ask back.

    A debit that so many others have followed that it is forgotten is taken to be the payment's amount.
    """
    key, obligations = payment_key(event.payment_id), turn.obligations
    largest = remembered.paid(turn, event.payment_id)
    if largest is None:
        forgotten = _is_forgotten(turn, event.payment_id)
        return Spent(key, 0, 0, 0, event.amount_minor, event.currency, turn.at_ms) if forgotten else None
    minor = sum(
        each.amount_minor for each in remembered.debits_of(turn, key) if each.currency == largest.currency
    ) - sum(
        (case.amount_minor or 0) - case.counters.get(charges.BACK, 0)
        for case in obligations.cases
        if case.is_open
        and case.family in (refunds.DUPLICATE, refunds.MISMATCH, refunds.FEE)
        and (case.payment_id, case.currency) == (event.payment_id, largest.currency)
    )
    return Spent(key, 0, 0, 0, minor, largest.currency, largest.at_ms, line=largest.line) if minor > 0 else None


def _is_forgotten(turn: Turn, payment_id: str) -> bool:
    """Whether a debit of this payment has made room for others while something of it stood."""
    obligations, key = turn.obligations, payment_key(payment_id)
    state = obligations.recall(key)
    if state is None or not state.is_debited or remembered.debits_of(turn, key):
        return False
    return not obligations.is_undone(key)


def _is_worked(turn: Turn, payment_id: str) -> bool:
    return any(
        case.is_open and case.family == refunds.NOT_CAPTURED and case.payment_id == payment_id
        for case in turn.obligations.cases
    )
