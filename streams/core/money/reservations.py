"""Is money of a failed payment still reserved?

A hold is no debit: nothing is given back of it, it is released. While it stands its customer may see it, and one that
stands on after its payment has failed is accounting's to find out about.
"""

from __future__ import annotations

from streams.contracts.accounts import LedgerPosted
from streams.contracts.payments import Movement
from streams.core.cases.book import Draft, open_or_join, set_status
from streams.core.money import references, remembered, times
from streams.core.money.completeness import postponed
from streams.core.obligations import RESERVED_BYTES, RESERVED_MAX, Line, PaymentState, Reserved, crowded, payment_key
from streams.core.turn import Turn

FAMILY = "hold_not_released"
NEEDS = ("ledger.entries",)
_OVER = (PaymentState.FAILED, PaymentState.REVERSED)


def posted(turn: Turn, event: LedgerPosted) -> None:
    """A hold, its release, or the debit that it becomes."""
    payment_id = remembered.joined(turn, event) or ""
    if event.kind == "hold":
        state = turn.obligations.recall(payment_key(payment_id)) if payment_id else None
        if turn.obligations.booked(references.hashed(f"hold {references.line_of(event)}")):
            return  # told once more, perhaps behind its release; its debit may have the same entry id
        if state is not None and state.status == PaymentState.SUCCEEDED:
            return
        held = turn.obligations.reserved
        due_ms = _due_ms(turn, event.currency)
        order = references.hashed(event.order_id)
        about = (event.amount_minor, event.currency)
        over = state is not None and state.status in _OVER
        held.append(Reserved(payment_id, event.event_id, order, turn.at_ms, due_ms, due_ms, *about, over))
        while crowded(held, RESERVED_MAX, RESERVED_BYTES):
            held.remove(min(held, key=lambda each: (each.due_ms, each.entry)))
    elif event.kind == "release" or event.direction == "debit":
        order = references.hashed(event.order_id)
        found = [each for each in turn.obligations.reserved if _is_of(each, payment_id, order)]
        same = [each for each in found if (each.amount_minor, each.currency) == (event.amount_minor, event.currency)]
        for each in (same or found)[:1]:
            turn.obligations.reserved.remove(each)
        if payment_id and not any(_is_of(each, payment_id, order) for each in turn.obligations.reserved):
            _ends(turn, payment_id, "hold_released" if event.kind == "release" else "hold_debited")


def moved(turn: Turn, event: Movement, state: PaymentState) -> None:
    """A success makes the hold a payment; after a failure it has its term to be released."""
    order = references.hashed(event.order_id)
    for each in tuple(turn.obligations.reserved):
        if not _is_of(each, event.payment_id, order):
            continue
        each.payment_id = event.payment_id
        if state.status == PaymentState.SUCCEEDED:
            turn.obligations.reserved.remove(each)
        elif state.status in _OVER and not each.over:
            each.over = True
            each.owed_ms = each.due_ms = max(_due_ms(turn, each.currency), turn.ctx.clock_ms)
    if state.status == PaymentState.SUCCEEDED:
        _ends(turn, event.payment_id, "hold_debited")


def stands(turn: Turn, event: Movement) -> bool:
    """Whether money of this payment is reserved."""
    order = references.hashed(event.order_id)
    return any(_is_of(each, event.payment_id, order) for each in turn.obligations.reserved)


def due(turn: Turn, held: Reserved) -> None:
    """The term is over. A payment that goes on may hold its money for longer; then it is forgotten."""
    if postponed(turn, held, NEEDS):
        return
    turn.obligations.reserved.remove(held)
    if not held.over:
        return
    text = "reserved for a payment that has failed, and not released"
    line = Line(held.at_ms, "ledger_hold", held.entry, text, held.amount_minor, held.currency)
    open_or_join(
        turn,
        Draft(
            case_type=FAMILY,
            flow="F10",
            family=FAMILY,
            queue="accounting",
            priority=3,
            lines=(line,),
            payment_id=held.payment_id,
            by_payment=True,
            amount_minor=held.amount_minor,
            currency=held.currency,
            money_state="held",
        ),
    )


def _due_ms(turn: Turn, currency: str) -> int:
    return times.within(turn, turn.policy.money.hold, currency).ends_ms(turn.at_ms)


def _is_of(each: Reserved, payment_id: str, order: int) -> bool:
    if each.payment_id:
        return each.payment_id == payment_id
    return order != 0 and each.order == order


def _ends(turn: Turn, payment_id: str, resolution: str) -> None:
    for case in turn.obligations.cases:
        if case.family == FAMILY and case.payment_id == payment_id and case.is_open:
            case.money_state = "not_captured" if resolution == "hold_released" else "moved"
            set_status(turn, case, "resolved", resolution)
