"""How does what somebody does about an incident or an attack become an event?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

import msgspec

from streams.console.actions import NOT_ALLOWED, Refused
from streams.console.forms import filled_in, written
from streams.contracts.accounts import HandledBy, IncidentAction
from streams.contracts.base import from_ms
from streams.contracts.cases import CaseVersion, FoundAttack, RootCause
from streams.core.entities import device_resets
from streams.core.entities.handling import STATEMENT_MAX
from streams.core.ids import digest
from streams.core.messages import by_hand
from streams.core.obligations import FINISHED
from streams.core.risk import ATTACKS, SOCIAL_TOPIC
from streams.core.roles import ANALYSTS

ANONYMOUS: Final = "anonymous:"
ACTIONS: Final[tuple[str, ...]] = get_args(HandledBy)
FOUND: Final[tuple[str, ...]] = get_args(FoundAttack)
_WORKABLE: Final = ATTACKS | {"outage", device_resets.CASE_TYPE, SOCIAL_TOPIC}


def is_workable(case: CaseVersion) -> bool:
    """Whether people can work on it: an outage, attack, release or topic of posts that is told and not only watched."""
    return case.owner == "entity" and not case.shadow and case.cause_family in _WORKABLE


def may_find(case: CaseVersion) -> bool:
    """Whether whoever closes it may say what it turned out to be."""
    return case.cause_family in ATTACKS


def handling_of(
    case: CaseVersion,
    action: str,
    *,
    form: Mapping[str, str],
    actor: str,
    role: str,
    version: int,
    at_ms: int,
) -> IncidentAction:
    """The event. The same form sent twice is the same event. Raises Refused."""
    if role not in ANALYSTS:
        raise Refused(NOT_ALLOWED)
    if action not in ACTIONS or not is_workable(case) or case.entities.entity is None:
        raise Refused("refused.form")
    if case.status in FINISHED and action != "note":
        raise Refused("refused.status")
    text, cause = form.get("text", "").strip(), form.get("root_cause", "")
    zh, en = form.get("zh", "").strip(), form.get("en", "").strip()
    finding = form.get("finding", "") if action == "close" else ""  # the form is one for all actions
    if finding and (finding not in FOUND or not may_find(case)):
        raise Refused("refused.form")
    if action in ("note", "close") and not text:
        raise Refused("refused.handled.nothing")
    if action == "root_cause" and cause not in get_args(RootCause):
        raise Refused("refused.handled.cause")
    if action == "statement" and (not zh or not en or max(len(zh), len(en)) > STATEMENT_MAX):
        raise Refused("refused.handled.statement")
    if action == "statement":
        for said in (zh, en):
            if (refused := by_hand.refusal(said, "an official statement")) is not None:
                raise Refused(f"refused.handled.{refused[0]}")
    entity = case.entities.entity
    said = filled_in(form.get("form", ""), text, cause, zh, en, finding)
    name = digest("handling", actor, case.case_id, action, str(version), said)
    try:
        return msgspec.convert(
            {
                "type": "incident.action.v1",
                "event_id": "opr_" + name,
                "source": "paywarden-console",
                "occurred_at": from_ms(at_ms),
                "account_id": ANONYMOUS + digest("handling", entity),
                "known": False,
                "entity": entity,
                "case_id": case.case_id,
                "action": action,
                "expected_version": version,
                "actor": actor,
                "role": role,
                "text": written(text) or None,
                "root_cause": cause if action == "root_cause" else None,
                "zh": zh if action == "statement" else None,
                "en": en if action == "statement" else None,
                "finding": finding or None,
            },
            IncidentAction,
        )
    except msgspec.ValidationError:
        raise Refused("refused.form") from None
