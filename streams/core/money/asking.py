"""How is the provider asked what became of a payment that a money case is about?"""

from __future__ import annotations

from streams.contracts.actions import PspQuery
from streams.core import ids
from streams.core.obligations import Case
from streams.core.turn import Turn


def ask(turn: Turn, case: Case, payment_id: str, entry: str, amount_minor: int, currency: str) -> bool:
    """Asks, if the turn may. `entry` is what is asked about; the same of one case is one question."""
    if not turn.may("query"):
        return False
    turn.effects.append(
        PspQuery(
            occurred_at=turn.at,
            query_id=ids.query_id(turn.ctx.account_id, payment_id, entry, case.case_id),
            account_id=turn.ctx.account_id,
            payment_id=payment_id,
            amount_minor=amount_minor,
            currency=currency,
        )
    )
    return True
