"""How does a money case end that its account can follow no more?

Of a case about a payment's money that was handed over a few numbers are kept. When something is told of its payment the
case is made again from them, for one turn: every rule sees it as if it had stayed. What ends it is published as its
last version. Until then people alone work it, so nothing else of the turn is: their topic has what it says.
"""

from __future__ import annotations

from typing import NamedTuple

from streams.core.cases.book import HANDED_OVER
from streams.core.cases.shelf import Ended, Handed
from streams.core.flows import unknown_outcome
from streams.core.money import charges, orphans, refunds, reservations, returns, undercharges
from streams.core.obligations import Case, Line
from streams.core.turn import Turn


class Kind(NamedTuple):
    """What follows from the family of a money case."""

    family: str
    case_type: str
    flow: str
    template: str  # what its customer was told; empty: nothing
    queue: str = "accounting"


# Their places are stored: only ever add one at the end.
KINDS = (
    Kind(refunds.NOT_CAPTURED, "debited_not_confirmed", "F10", "debited_not_confirmed"),
    Kind(refunds.MISMATCH, "amount_mismatch", "F11", "amount_mismatch"),
    Kind(refunds.DUPLICATE, "duplicate_charge", "F12", "duplicate_charge.certain"),
    Kind(refunds.FEE, refunds.FEE, "F46", refunds.FEE),
    Kind(refunds.DOUBLE_BENEFIT, refunds.DOUBLE_BENEFIT, "F10", ""),
    Kind(orphans.CREDIT, orphans.CREDIT, "F10", ""),
    Kind(unknown_outcome.FAMILY, unknown_outcome.FAMILY, "F03", unknown_outcome.FAMILY, "technical"),
    Kind(undercharges.FAMILY, "amount_mismatch", "F11", ""),
    Kind(reservations.FAMILY, reservations.FAMILY, "F10", ""),
)
# A further debit of a payment ends these; of all others it is news, and has a case of its own.
ENDED_BY_DEBIT = frozenset({refunds.DOUBLE_BENEFIT, orphans.CREDIT, undercharges.FAMILY, reservations.FAMILY})
_SHADOW, _TOLD, _PRIORITY = 1, 2, 2


def kept_of(case: Case) -> Handed | None:
    """What is kept of a case that is being handed over; None if it is not about a payment's money."""
    kind = next((at for at, kind in enumerate(KINDS) if kind.family == case.family), None)
    if kind is None or not case.by_payment or case.amount_minor is None or case.currency is None:
        return None
    return Handed(
        case.payment_id,
        kind,
        case.opened_ms,
        case.version,
        len(case.lines) + case.dropped,
        case.amount_minor,
        case.currency,
        case.priority << _PRIORITY | bool(case.template) * _TOLD | case.shadow * _SHADOW,
        case.counters.get(charges.BACK, 0),
        case.counters.get(returns.BEFORE, 0),
    )


def recall(turn: Turn, payment_id: str, *, debit: bool = False) -> None:
    """Makes the cases about this payment's money again, until `let_go`."""
    for ended in turn.obligations.ended:
        money = ended.money
        if money is None or money.payment_id != payment_id:
            continue
        if not debit or KINDS[money.kind].family in ENDED_BY_DEBIT:
            case = _made_again(turn, ended.case_id, money)
            turn.recalled.append(case)
            turn.obligations.cases.append(case)


def let_go(turn: Turn) -> None:
    """Forgets them again. Of those that are still open the numbers stay and nothing is told."""
    for case in turn.recalled:
        turn.obligations.cases.remove(case)
        if case.is_open:
            turn.changed.pop(case.case_id, None)
            _note(turn.obligations.ended, case)


def _made_again(turn: Turn, case_id: str, money: Handed) -> Case:
    kind, priority = KINDS[money.kind], money.marks >> _PRIORITY
    text = "was handed over to people; earlier versions tell what happened before"
    return Case(
        case_id=case_id,
        case_type=kind.case_type,
        flow=kind.flow,
        family=kind.family,
        queue=kind.queue,
        priority=priority,
        payment_id=money.payment_id,
        by_payment=True,
        opened_ms=money.opened_ms,
        detected_ms=money.opened_ms,
        updated_ms=money.opened_ms,
        clock_ms=money.opened_ms,
        version=money.version,
        shadow=bool(money.marks & _SHADOW),
        amount_minor=money.amount_minor,
        currency=money.currency,
        template=kind.template if money.marks & _TOLD else "",
        counters={
            name: minor
            for name, minor in ((charges.BACK, money.back_minor), (returns.BEFORE, money.before_minor))
            if minor
        },
        lines=[Line(money.opened_ms, HANDED_OVER, turn.cause, text, money.amount_minor, money.currency)],
        dropped=money.lines,
    )


def _note(ended: list[Ended], case: Case) -> None:
    for each in ended:
        if each.case_id == case.case_id and each.money is not None:
            each.money.amount_minor = case.amount_minor or 0
            each.money.back_minor = case.counters.get(charges.BACK, 0)
            each.money.before_minor = case.counters.get(returns.BEFORE, 0)
