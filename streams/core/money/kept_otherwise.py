"""Has a merchant kept its promise, or made a refund again that had failed, under another id (F16, F17)?

No id says so. But what is more than could still be given back of its payment will not come any more: it is here, or on
its way, as something else.
"""

from __future__ import annotations

from streams.contracts.accounts import LedgerPosted
from streams.contracts.payments import RefundCredited, RefundSent
from streams.core.cases.timeline import kind_of
from streams.core.flows import refund_requests
from streams.core.money import expectations, over_refunds
from streams.core.money.over_refunds import About
from streams.core.obligations import Line
from streams.core.turn import Turn


def moved(turn: Turn, event: RefundSent | RefundCredited) -> None:
    """A refund has left or is here; to be asked once it is counted."""
    kind = kind_of(event)
    line = Line(turn.at_ms, kind, turn.cause, f"refund {event.refund_id}"[:120], event.amount_minor, event.currency)
    _promises(turn, event.payment_id, line)
    if isinstance(event, RefundCredited):
        _failures(turn, event.payment_id, line)


def credited(turn: Turn, event: LedgerPosted, payment_id: str) -> None:
    """The same of a credit of the ledger, whatever it is."""
    line = Line(turn.at_ms, "ledger_credit", turn.cause, "money arrived", event.amount_minor, event.currency)
    _promises(turn, payment_id, line)
    _failures(turn, payment_id, line)


def _promises(turn: Turn, payment_id: str, line: Line) -> None:
    for promised in expectations.promised(turn, payment_id, line.currency or ""):
        about = About(payment_id, promised.refund_id, promised.amount_minor, line.currency or "")
        left_minor = over_refunds.left_minor(turn, about)
        if left_minor is not None and left_minor < about.amount_minor:
            expectations.no_more_than(turn, about.payment_id, about.refund_id, left_minor, line)


def _failures(turn: Turn, payment_id: str, line: Line) -> None:
    for case in refund_requests.failed(turn, payment_id, line.currency or ""):
        about = About(payment_id, case.refund_id, case.amount_minor or 0, line.currency or "")
        if over_refunds.left_minor(turn, about) == 0:
            refund_requests.arrived(turn, case, line)
