"""Does a version of an app give everybody new device ids, and since when not any more?

The accounts partitions notice it, each for its own customers (`streams.core.login_risk.releases`), and tell it while it
goes on. So there is one case for all of them, and it ends by itself once no partition has told anything for a day: long
enough for a night, and for the customers who install the version the morning after.
"""

from __future__ import annotations

from typing import Final

import msgspec

from streams.contracts.base import from_ms
from streams.contracts.cases import CaseVersion, Entities, Evidence, Status
from streams.contracts.signals import CaseActed, EntityObserved
from streams.core.entities import handling
from streams.core.entities.context import EntityEffect, reference
from streams.core.flows.login_risk import LOGIN_RISK
from streams.core.ids import incident_id
from streams.core.policy import Policy
from streams.core.risk import RELEASE, SITE_KIND

CASE_TYPE: Final = "devices_reset"
STABLE: Final = "devices_stable"  # how the case ends by itself
STABLE_AFTER_MS: Final = 86_400_000


class Reset(msgspec.Struct, array_like=True):
    """The open case of one version."""

    case_id: str
    version_name: str  # wallet/6.0
    opened_ms: int
    newest_ms: int  # when it was last told
    shadow: bool = False
    version: int = 0
    over: bool = False
    evidence: list[Evidence] = []
    work: handling.Work = msgspec.field(default_factory=handling.Work)


def begin(signal: EntityObserved, at_ms: int, policy: Policy) -> tuple[Reset, CaseVersion]:
    """The first word of it opens the case."""
    name = signal.value.removeprefix(f"{RELEASE}/")
    entity = reference(signal.kind, signal.value)
    reset = Reset(incident_id(CASE_TYPE, entity, str(at_ms)), name, at_ms, at_ms, shadow=policy.mode != "enforce")
    days = policy.rules.login_risk.release_s // 86_400
    text = f"{name} gives customers at home new device ids: no second factor for that alone, for {days} days"
    _note(reset, at_ms, CASE_TYPE, signal.event_id, text, policy)
    return reset, _version(reset, "opened", at_ms, policy)


def goes_on(reset: Reset, at_ms: int) -> None:
    """Another hour of it, or another partition."""
    reset.newest_ms = at_ms


def due_ms(reset: Reset) -> int:
    """When device ids are stable again, if nothing is told until then."""
    return reset.newest_ms + STABLE_AFTER_MS


def end(reset: Reset, at_ms: int, policy: Policy) -> CaseVersion:
    """The last version: a day has passed without a word of it."""
    reset.over = True
    text = f"{reset.version_name}: who comes home has a known device again"
    _note(reset, at_ms, STABLE, reset.case_id, text, policy)
    return _version(reset, "status", at_ms, policy, STABLE)


def act(reset: Reset, signal: CaseActed, entity: str, at_ms: int, policy: Policy) -> list[EntityEffect]:
    """What a person does to the case. Closing it stops no counting: what is told afterwards opens another one."""
    if signal.event_id in reset.work.asked:
        return []
    refusal = handling.refusal_of(reset.work, signal, reset.version, is_over=False)
    if refusal is not None:
        return handling.rejected(signal, entity, at_ms, *refusal)
    changed = handling.apply(reset.work, signal)
    if signal.action == "close":
        reset.over, changed = True, "status"
    _note(reset, at_ms, f"operator_{signal.action}", signal.event_id, handling.told(signal), policy)
    version = _version(reset, changed, at_ms, policy, "recovered" if reset.over else None)
    return [*handling.remark(signal, entity, at_ms), version]


def _note(reset: Reset, at_ms: int, kind: str, event_id: str, text: str, policy: Policy) -> None:
    """A line more; where there are too many, the oldest but the first makes room."""
    reset.evidence.append(Evidence(at=from_ms(at_ms), kind=kind, event_id=event_id, text=text[:256]))
    if len(reset.evidence) > policy.cases.evidence_max:
        del reset.evidence[1]


def _version(reset: Reset, changed: str, at_ms: int, policy: Policy, ending: str | None = None) -> CaseVersion:
    reset.version += 1
    promise = policy.cases.P2
    entity = reference(SITE_KIND, f"{RELEASE}/{reset.version_name}")
    status: Status = "assigned" if reset.work.assignee else "classified"
    return CaseVersion(
        occurred_at=from_ms(at_ms),
        case_id=reset.case_id,
        version=reset.version,
        changed=(changed,),
        case_type=CASE_TYPE,
        flow="F35",
        cause_family=CASE_TYPE,
        shadow=reset.shadow,
        owner="entity",
        queue="technical",
        priority="P2",
        status="closed" if reset.over else status,
        category="technical",
        confidence=1.0,  # counted, not guessed
        root_cause=reset.work.root_cause or None,
        assignee=reset.work.assignee or None,
        subject=entity,
        entities=Entities(entity=entity),
        rules=(LOGIN_RISK,),
        evidence=tuple(reset.evidence),
        sla=handling.sla_of(promise, reset.opened_ms, at_ms, responded=reset.work.acted or reset.over),
        messages=reset.work.statement(),
        resolution_code=ending,
        created_at=from_ms(reset.opened_ms),
        detected_at=from_ms(reset.opened_ms),
    )
