"""May a refund that a customer asks for be approved under the policy, and what would have to be known to say so (F15)?

Nothing here approves or refuses: the payment system and people do, and they are told what was found.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from streams.contracts.base import from_ms, to_ms
from streams.contracts.payments import RefundRequested
from streams.core.messages.render import money
from streams.core.money import over_refunds, remembered, times
from streams.core.obligations import PaymentState, payment_key
from streams.core.turn import Turn

# Unified causes of a request that is outside the policy.
NO_SALE: Final = "order_not_found"
NOT_ALLOWED: Final = "refund_not_allowed"
TOO_LATE: Final = "refund_window_expired"
WRONG_AMOUNT: Final = "refund_amount_invalid"
_NOTHING_BACK: Final = "0d"
_EVIDENCE: Final = ("ask.documents",)  # what may let people decide otherwise


class Check(NamedTuple):
    """What was found about one request."""

    cause: str  # why it is outside the policy, as a unified cause; empty: it is not
    text: str  # for the timeline: each thing that was looked at, and what follows
    asks: tuple[str, ...]  # words for what its customer has to add before anybody can decide


def check(turn: Turn, event: RefundRequested) -> Check:
    """Looks at the sale, the merchant's rule, the window, the amount and the evidence, in this order."""
    state = turn.obligations.recall(payment_key(event.payment_id)) or PaymentState(PaymentState.SEEN)
    found = state.is_sale
    paid_ms = _paid_ms(turn, event)
    windows = turn.policy.money.refund_window
    window = windows.get(event.merchant_id or "", windows["other"])
    left_minor = over_refunds.left_minor(turn, event)
    has_ended = bool(paid_ms) and turn.at_ms > times.within(turn, window, event.currency).ends_ms(paid_ms)
    is_bad = state.status in (PaymentState.FAILED, PaymentState.REVERSED)
    causes = (
        (WRONG_AMOUNT, "no amount is asked for", not event.amount_minor),
        (NOT_ALLOWED, "nothing to refund", is_bad or window == _NOTHING_BACK),
        (NO_SALE, "no such sale", not found),
        (WRONG_AMOUNT, "another currency than the payment's", _is_foreign(turn, event)),
        (TOO_LATE, "too late", has_ended),
        (WRONG_AMOUNT, "too much", left_minor is not None and event.amount_minor > left_minor),
    )
    cause, why = next(((name, why) for name, why, holds in causes if holds), ("", ""))
    is_sure = bool(paid_ms) and left_minor is not None
    said = (
        _sale(state, found=found),
        f"paid on {from_ms(paid_ms):%Y-%m-%d}" if paid_ms else "date of payment unknown",
        f"refundable for {window}",
        "amount paid unknown" if left_minor is None else f"{money(left_minor, event.currency)} refundable",
        f"evidence: {len(event.evidence)}" if event.evidence else "no evidence",
        f"outside the policy: {why}" if cause else "within the policy" if is_sure else "to be looked up",
    )
    return Check(cause, "; ".join(said), () if is_bad else _asks(event, cause))


def _sale(state: PaymentState, *, found: bool) -> str:
    if state.status == PaymentState.REVERSED:
        return "payment reversed"
    if state.status == PaymentState.FAILED:
        return "payment failed"
    return "payment found" if found else "no such payment"


def _is_foreign(turn: Turn, event: RefundRequested) -> bool:
    """Whether neither the payment nor a debit of it, as far as is remembered, is in the request's currency."""
    about = remembered.about_of(turn, event.payment_id)
    known = {each.currency for each in remembered.debits_of(turn, payment_key(event.payment_id))}
    known |= {about.currency} if about is not None else set()
    return bool(known) and event.currency not in known


def _asks(event: RefundRequested, cause: str) -> tuple[str, ...]:
    if event.evidence or cause in ("", WRONG_AMOUNT):
        return ()
    if cause != NO_SALE:
        return _EVIDENCE
    return _EVIDENCE if event.order_id is not None else ("ask.order", "ask.time", "ask.screenshot")


def _paid_ms(turn: Turn, event: RefundRequested) -> int:
    """When it was paid, as far as the request says or anybody remembers; 0: nobody does."""
    if event.paid_at is not None:
        return to_ms(event.paid_at)
    key = payment_key(event.payment_id)
    about = remembered.about_of(turn, event.payment_id)
    told = [about.at_ms] if about is not None else []
    told += [each.at_ms for each in remembered.debits_of(turn, key)]
    return min(told) if told else turn.obligations.said_ms(key)
