"""Has more come back of a payment that is not good than the ledger has debited for it (rule L3)?

A credit may be told before its debit, and a fee's beside the price's: nothing is said until the ledger and the payment
system have told everything up to a minute behind it.
"""

from __future__ import annotations

from typing import Final

from streams.core.money import balance, expectations, over_refunds, refunds, set_off
from streams.core.money.completeness import postponed
from streams.core.obligations import Expectation, Owed, PaymentState, payment_key
from streams.core.turn import Turn

BEYOND: Final = "beyond"  # the kind of an expectation


def due(turn: Turn, waiting: Expectation) -> None:
    """A minute later: what still waits for a debit is money twice. Of a good payment others have seen to it."""
    if postponed(turn, waiting, expectations.NEEDS):
        return
    turn.obligations.expectations.remove(waiting)
    payment_id, currency = waiting.payment_id, waiting.currency
    state = turn.obligations.recall(payment_key(payment_id))
    minor = set_off.early_minor(turn, payment_id, currency)
    minor -= balance.asked_minor(turn, payment_id, currency, refunds.DOUBLE_BENEFIT)
    if state is None or state.status == PaymentState.SUCCEEDED or minor <= 0 or over_refunds.is_open(turn, payment_id):
        return
    both = Owed(payment_id, waiting.entry, minor, currency, turn.at_ms, refunds.DOUBLE_BENEFIT)
    refunds.double_benefit(turn, both, "credited although all that was debited is back")
    set_off.not_early(turn, payment_id)
