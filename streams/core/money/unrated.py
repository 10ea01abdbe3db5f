"""Who hears of amounts that cannot be weighed because the policy has no rate for their currency?

Without a rate an amount raises no priority, breaks no limit, is compared with nothing in another currency, and a refund
of it never goes by itself. That is counted for every movement, and whoever runs the integration has one example.
"""

from __future__ import annotations

from typing import Final

from streams.contracts.payments import FeeCharged, Movement
from streams.core.cases.samples import sample
from streams.core.currencies import WITH_MINOR_UNIT
from streams.core.obligations import Line
from streams.core.turn import Turn

UNRATED: Final = "integration.unrated_currency"
UNLISTED: Final = "other"  # codes that are no currency of ISO 4217 count as one: there is no end to them


def heard(turn: Turn, event: Movement | FeeCharged) -> None:
    """Counts the event if its currency has no rate; one case per currency, partition and week shows it."""
    if turn.policy.has_rate(event.currency, turn.at_ms):
        return
    listed = event.currency in WITH_MINOR_UNIT
    named = event.currency if listed else UNLISTED
    turn.ctx.unrated.append(named)
    remedy = "add it to money.rates" if listed else "ISO 4217 has no such currency: mend the producer"
    text = f"no rate for {event.currency}: weighed against no limit, raises no priority; {remedy}"
    # Not about this payment, whose own trouble is another case's.
    line = Line(turn.at_ms, "unrated_currency", turn.cause, text, event.amount_minor, event.currency)
    sample(turn, UNRATED, named, case_type=UNRATED, flow="F11", line=line)
