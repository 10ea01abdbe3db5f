"""What follows when a second factor fails again and again (F08)?

Codes that do not come and faces that are not known look like guessing from here. So nobody is locked: the next factor
is still asked for, the owner hears which other ways there are, and the case ends with the first factor that is right.
"""

from __future__ import annotations

from typing import Final

from streams.contracts.logins import ChallengeFailed
from streams.core.cases.book import Draft, open_or_join, set_status
from streams.core.flows import worn_down
from streams.core.flows.fraud_alert import ALERT
from streams.core.incidents import members
from streams.core.intake.topics import TOPICS
from streams.core.messages.notify import notify
from streams.core.obligations import Case, Line
from streams.core.steps import Prepared
from streams.core.turn import Turn

OTHER_FACTOR: Final = "verification.other_factor"  # message
_TOPIC: Final = TOPICS["F08"]
_ABUSE: Final = "challenge-abuse/"  # bands of the rule
_FAMILY: Final = f"said.{_TOPIC.case_type}"  # what the customer writes about it is the same case


def after_failed(turn: Turn, prepared: Prepared, event: ChallengeFailed) -> None:
    """Opens the case with the failure that the rule about second factors speaks of, and tells once.

    Unless the codes of everybody fail: that is an outage, and no ticket. Prompts for a strange device are another
    question: who is it that asks?
    """
    features = prepared.features
    if prepared.late or features is None or members.after_challenge(turn, event):
        return
    if features.challenge_failures_1h < turn.policy.rules.challenge_abuse.failed_1h[0]:
        return
    if prepared.nagged:
        worn_down.after_answer(turn, prepared, event)
        return
    case = open_or_join(
        turn,
        Draft(
            case_type=_TOPIC.case_type,
            flow=_TOPIC.flow,
            family=_FAMILY,
            queue=_TOPIC.queue,
            priority=_TOPIC.priority,
            lines=(Line(turn.at_ms, "challenge.failed", turn.cause, f"a second factor failed, from {event.ip}"),),
        ),
    )
    if case.version == 0 and notify(turn, OTHER_FACTOR, {"case_id": case.case_id}, case):
        set_status(turn, case, "auto_answered")


def after_passed(turn: Turn) -> None:
    """A factor was right: that is what the case waited for.

    Where somebody was worn down by prompts, and told so, nobody asks for a rating.
    """
    for case in turn.obligations.cases:
        if case.family == _FAMILY and case.is_open:
            case.surveyed = case.surveyed or _is_attacked(turn, case)
            set_status(turn, case, "resolved", "challenge_passed")


def _is_attacked(turn: Turn, case: Case) -> bool:
    """Whether the rule about second factors has spoken of an attack since the case began."""
    return any(
        other.family == ALERT
        and other.alerted_ms >= case.opened_ms
        and any(rule.startswith(_ABUSE) for rule in other.rules)
        for other in turn.obligations.cases
    )
