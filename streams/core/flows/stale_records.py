"""Does a customer see records that are older than the ledger (F18)?"""

from __future__ import annotations

from streams.contracts.accounts import ProjectionLagged
from streams.contracts.base import to_ms
from streams.core.cases.book import Draft, add_line, open_or_join, set_status
from streams.core.messages.notify import notify
from streams.core.messages.render import instant
from streams.core.obligations import Line
from streams.core.turn import Turn

FAMILY = "stale_record"
TOLERATED_S = 60  # rule L11


def lagged(turn: Turn, event: ProjectionLagged) -> None:
    """Above a minute one case and one word to the customer; once it has caught up the case ends by itself."""
    case = next((each for each in turn.obligations.cases if each.family == FAMILY and each.is_open), None)
    line = Line(turn.at_ms, "projection_lag", turn.cause, f"records are {event.lag_s} s behind the ledger"[:120])
    if event.lag_s <= TOLERATED_S:
        if case is not None:
            add_line(turn, case, line)
            set_status(turn, case, "resolved", "caught_up")
        return
    if case is not None:
        return  # said already; a version per second of lag would help nobody
    case = open_or_join(
        turn,
        Draft(case_type=FAMILY, flow="F18", family=FAMILY, queue="technical", priority=3, lines=(line,)),
    )
    notify(turn, FAMILY, {"as_of": instant(to_ms(event.as_of))}, case)
