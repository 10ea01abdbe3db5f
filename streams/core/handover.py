"""What of a history that nobody was told about is still true when PayWarden begins to speak?

What was learnt stays: habits, payments and their states, debits and promises whose time is still to come, what is known
of addresses and terminals. What only exists because it was said goes: cases that no subscriber has seen, holds that no
payment system waits for, incidents that were never opened. What goes on being wrong opens its case with its next event.
"""

from __future__ import annotations

from streams.core.entities import attacks, social_topic
from streams.core.entities.device_resets import CASE_TYPE
from streams.core.entities.pipeline import reschedule
from streams.core.entities.policies import EntitiesPolicy
from streams.core.entities.risk_state import RiskState
from streams.core.entities.state import EntityState
from streams.core.obligations import Obligations


def unsay(obligations: Obligations) -> list[str]:
    """Removes from an account what nobody was told; returns the types of the cases that were open."""
    was_open = [case.case_type for case in obligations.cases if case.is_open]
    obligations.cases, obligations.ended = [], []
    obligations.holds, obligations.locks, obligations.outbox = [], [], []
    obligations.notices, obligations.soft_locks, obligations.auto_refunds = [], [], []
    obligations.suspects, obligations.memberships, obligations.early = [], [], []
    obligations.right_passwords = []
    return was_open


def unsay_entity(state: EntityState, policy: EntitiesPolicy) -> list[str]:
    """Removes the cases and incidents of an entity that nobody was told of; returns what was open."""
    was_open: list[str] = []
    for part, _ in attacks.parts_of(state):
        if part is not None and part.threat.case is not None:
            part.threat.case = None
            was_open.append("attack")
    if state.health is not None:
        was_open += ["incident"] * sum(incident.opened_ms > 0 for incident in state.health.incidents.values())
        state.health.incidents = {}
    if state.feeds is not None:
        for feed in state.feeds.feeds.values():
            was_open += ["incident.feed"] * (feed.case is not None)
            feed.case = None
    if state.topic is not None and social_topic.forget_case(state.topic):
        was_open.append(social_topic.CASE_TYPE)
    if state.reset is not None:
        was_open.append(CASE_TYPE)
        state.reset = None
    state.ended = []
    reschedule(state, policy)
    return was_open


def unsay_risk(risk: RiskState) -> None:
    """What is known of an entity stays; the case that it names was never published."""
    for version in risk.versions:
        version.incident = ""
