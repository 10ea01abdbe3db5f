"""Has a refund come in several lines of the ledger that do not name it (rule L8)?

No line says so. But once it has left no more of it can come than what stands of its payment, and what a few lines come
to together may be just as much as it. To be asked of a credit that is no refund of its own, and of a payment of which
no case asks for money.
"""

from __future__ import annotations

from streams.contracts.accounts import LedgerPosted
from streams.core.cases.book import add_line
from streams.core.flows import refund_requests
from streams.core.money import arrivals, expectations, given, remembered
from streams.core.obligations import Case, Expectation, Line, payment_key
from streams.core.turn import Turn

_Waits = dict[str, list[Expectation | Case]]  # by refund id


def credited(turn: Turn, event: LedgerPosted, payment_id: str) -> str:
    """The refund that a credit is a part of, the oldest of several; empty: of none, or it is more than that."""
    waits = _waits(turn, event, payment_id)
    debits = [each for each in remembered.debits_of(turn, payment_key(payment_id)) if not each.fee]
    if not waits or not debits or any(each.currency != event.currency for each in debits):
        return ""
    minors = {refund_id: _minor(mine) for refund_id, mine in waits.items()}
    came_minor = sum(minors.values()) - sum(each.amount_minor for each in debits)
    row = given.of(turn, payment_id, event.currency)
    before_minor = row.bank_minor
    is_more = came_minor < event.amount_minor  # than what of it can only be a refund
    if is_more and before_minor and list(minors.values()) == [before_minor + event.amount_minor]:
        is_more, came_minor = False, before_minor + event.amount_minor
        given.keep(turn, payment_id, event.currency, row._replace(bank_minor=0))  # it was the first part
    for refund_id, mine in waits.items():
        part_minor = max(0, min(came_minor, minors[refund_id]))
        came_minor -= part_minor
        if part_minor and part_minor == minors[refund_id]:
            _all_here(turn, event, payment_id, refund_id, mine)
        elif part_minor:
            _less(turn, event, payment_id, mine, part_minor)
    return "" if is_more else next(iter(waits))


def _waits(turn: Turn, event: LedgerPosted, payment_id: str) -> _Waits:
    """What waits for refunds of the merchant's that have left."""
    about, waits = (payment_id, event.currency), _Waits()
    for waiting in turn.obligations.expectations:
        if waiting.kind == "refund" and (waiting.payment_id, waiting.currency) == about:
            waits.setdefault(waiting.subject, []).append(waiting)
    families = (refund_requests.REQUEST, expectations.PROMISES["refund"].case_type)
    cases = [case for case in turn.obligations.cases if case.is_open and case.refund_id and case.family in families]
    for case in cases:
        if (case.payment_id, case.currency) == about:
            waits.setdefault(case.refund_id, []).append(case)
    promised = {each.refund_id for each in expectations.promised(turn, *about)}
    return {
        refund_id: mine
        for refund_id, mine in waits.items()
        if refund_id not in promised
        and given.is_counted(turn, payment_id, refund_id)
        and not given.is_ours(turn, payment_id, refund_id)
        and any(isinstance(each, Expectation) or each.family != refund_requests.REQUEST for each in mine)
    }


def _minor(mine: list[Expectation | Case]) -> int:
    return max(each.amount_minor or 0 for each in mine)


def _less(turn: Turn, event: LedgerPosted, payment_id: str, mine: list[Expectation | Case], part_minor: int) -> None:
    arrivals.note(turn, "part", payment_id, event.amount_minor, event.currency)
    for each in mine:
        each.amount_minor = (each.amount_minor or 0) - part_minor
        if isinstance(each, Case):
            add_line(turn, each, _line(turn, event, "a part of the money"))


def _all_here(turn: Turn, event: LedgerPosted, payment_id: str, refund_id: str, mine: list[Expectation | Case]) -> None:
    expectations.arrives(turn, event, payment_id, refund_id, _minor(mine))
    for each in mine:
        if isinstance(each, Case) and each.family == refund_requests.REQUEST:
            refund_requests.arrived(turn, each, _line(turn, event, "the ledger's credit"))


def _line(turn: Turn, event: LedgerPosted, text: str) -> Line:
    return Line(turn.at_ms, "ledger_credit", turn.cause, text, event.amount_minor, event.currency)
