"""What follows when prompts for a strange device do not stop, and what when one too many is approved (F24)?

Whoever approves the seventh prompt wants to be left alone, or takes it for their own: that does not say who is at the
door. So the approval vouches for nobody, and the account learns nothing from it. Its owner is told and asked: a "no"
stops whoever is in, a "yes" from where people are known makes the device the owner's, and so does any other factor.
"""

from __future__ import annotations

from typing import Final

from streams.contracts.logins import ChallengeFailed, ChallengePassed
from streams.core.cases.book import Draft, open_or_join, set_status
from streams.core.cases.timeline import kind_of
from streams.core.flows import trail
from streams.core.flows.fraud_alert import ALERT, PROMPTS, join_signs, may_ask
from streams.core.messages.notify import notify
from streams.core.messages.render import instant
from streams.core.obligations import Line
from streams.core.steps import Prepared
from streams.core.turn import Turn

APPROVED: Final = "fraud_alert.approved"  # message
ON_STOLEN: Final = "fraud_alert.stolen_code"  # message


def after_answer(turn: Turn, prepared: Prepared, event: ChallengePassed | ChallengeFailed) -> None:
    """The case that asks who it was, with whoever came in; an approval is news even to whoever was just warned."""
    if prepared.late:
        return
    template, what = PROMPTS, "failed"
    if isinstance(event, ChallengePassed):
        trail.let_in(turn, event)
        template, what = ON_STOLEN if prepared.lost else APPROVED, "was approved"
    text = f"a prompt {what} after too many, from {event.ip}"
    if prepared.lost:
        text = f"a second factor on a device that may be stolen, from {event.ip}"
    case = open_or_join(
        turn,
        Draft(
            case_type=ALERT,
            flow="F24",
            family=ALERT,
            queue="security",
            priority=2,
            lines=(*trail.lines(turn), Line(turn.at_ms, kind_of(event), turn.cause, text)),
            rules=tuple(hit.rule for hit in prepared.hits if not hit.shadow),
            reasons=("R19",),
            incident_id=prepared.incident,
        ),
    )
    join_signs(turn, case, event)
    if case.status == "auto_answered":
        set_status(turn, case, "classified")
    is_news = template != PROMPTS and template != case.template
    if may_ask(turn, case) or is_news:
        case.asked_ms = turn.at_ms
        notify(turn, template, {"time": instant(turn.at_ms)}, case)
