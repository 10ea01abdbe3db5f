"""Why did a refund come back?"""

from __future__ import annotations

from typing import Final

from streams.contracts.payments import RefundFailed
from streams.core.declines.resolve import Resolved, resolve
from streams.core.turn import Turn

NO_FUNDS: Final = "refund_merchant_funds"


def read(turn: Turn, event: RefundFailed) -> Resolved:
    """What its codes say."""
    library = turn.ctx.library
    return resolve(library.table, library.profiles, event.codes, event.network)


def lacks_funds(turn: Turn, event: RefundFailed) -> bool:
    """Whether only its merchant can mend it, by paying in."""
    return read(turn, event).cause.cause == NO_FUNDS
