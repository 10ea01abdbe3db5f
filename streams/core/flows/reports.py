"""What follows when a customer reports a theft, an unauthorised payment or a wrong transfer (F23, F25, F41)?"""

from __future__ import annotations

from streams.contracts.accounts import UserReport
from streams.core.cases.book import Draft, open_or_join
from streams.core.flows.fraud_alert import freeze
from streams.core.obligations import Line
from streams.core.turn import Turn


def reported(turn: Turn, event: UserReport) -> None:
    """A stolen account is frozen at once; the other reports open a case and wait for a person."""
    payment_id = event.payment_id or ""
    match event.kind:
        case "stolen":
            case = open_or_join(turn, _draft(turn, "account_takeover", "F23", "takeover", "security", 1, payment_id))
            freeze(turn, case, "reported_stolen")
        case "unauthorised":
            open_or_join(turn, _draft(turn, "unauthorised_txn", "F25", "unauthorised", "security", 1, payment_id))
        case "wrong_transfer":
            open_or_join(turn, _draft(turn, "wrong_transfer", "F41", "wrong_transfer", "policy", 3, payment_id))


def _draft(turn: Turn, case_type: str, flow: str, family: str, queue: str, priority: int, payment_id: str) -> Draft:
    text = f"reported by the customer: {case_type}"
    return Draft(
        case_type=case_type,
        flow=flow,
        family=family,
        queue=queue,
        priority=priority,
        lines=(Line(turn.at_ms, "user_report", turn.cause, text),),
        payment_id=payment_id,
    )
