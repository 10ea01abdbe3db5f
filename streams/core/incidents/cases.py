"""How does an incident become one case, who is told of it, and when is a new version worth telling?"""

from __future__ import annotations

from typing import NamedTuple

from streams.contracts.base import from_ms
from streams.contracts.cases import CaseVersion, Entities, Priority, Queue, Status
from streams.contracts.signals import CaseActed, EntityRisk
from streams.core.entities import handling
from streams.core.entities.context import EntityContext, EntityEffect, reference
from streams.core.entities.policies import HealthPolicy
from streams.core.incidents import detector, merchants
from streams.core.incidents.detector import platform_share
from streams.core.incidents.keys import CHALLENGE, dimension_of, group_of
from streams.core.incidents.state import HealthCounters, Incident
from streams.core.incidents.transitions import CLOSED, DOWN, FLUCTUATING, HEALTHY, step
from streams.core.policy import Policy
from streams.core.roles import SUPERVISORS

TYPOLOGY = "outage"
# Told again long before it expires; it ends by being told to be over, so this only cleans up after a lost worker.
_TOLD_FOR_S = 86_400


class Kind(NamedTuple):
    """What a spike in one group is, and who looks at it."""

    case_type: str
    flow: str
    queue: Queue
    priority: int
    joins: bool  # failed payments belong to it, and their customers are told


_CHANNEL = Kind("incident.channel", "F35", "technical", 2, joins=True)
_MERCHANT = Kind("incident.merchant", "F34", "technical", 2, joins=True)
KINDS: dict[str, Kind | None] = {
    "": _CHANNEL,
    "authentication": Kind("incident.channel", "F35", "technical", 2, joins=False),
    "refusal": Kind("incident.issuer_rules", "F35", "policy", 3, joins=False),
    "fraud": Kind("incident.fraud_refusals", "F35", "security", 3, joins=False),
    "funds": None,  # payday: nobody's work
}
_OUT_OF_SERVICE = step(DOWN, "retired").ending
_TRUE = ("recovered", "joined_incident", _OUT_OF_SERVICE)  # endings of what was no false alarm
# Whoever is paged wants to know how many are hit; the members are counted only after the incident was told.
FIRST_COUNT_S = 30


def kind_of(root: str) -> Kind | None:
    """What an incident with this root is; None: nothing that anybody has to know."""
    if merchants.is_merchants(root):
        return _MERCHANT
    if dimension_of(root) == CHALLENGE:
        return _CHANNEL  # who waits for a code is known by the event, as who fails at a gateway is
    return KINDS[group_of(root)]


def tell(
    health: HealthCounters, at_ms: int, policy: Policy, ctx: EntityContext, next_version: int
) -> tuple[list[EntityEffect], int]:
    """The effects of what changed, and how many records of entity risk are among them."""
    settings = policy.entities.health
    effects: list[EntityEffect] = []
    told = 0
    for incident in list(health.incidents.values()):
        kind = kind_of(incident.root)
        if kind is not None:
            if _raise(health, incident, kind, at_ms, settings):
                incident.changed.append(f"priority P{incident.priority}")
            version = _version(incident, kind, at_ms, policy)
            if version is not None:
                effects.append(version)
            if kind.joins and (risk := _risk(incident, at_ms, ctx, next_version + told)) is not None:
                effects.append(risk)
                told += 1
            if (message := merchants.tell(incident, at_ms, policy, ctx)) is not None:
                effects.append(message)
        incident.changed = []
        if incident.state == HEALTHY:
            del health.incidents[incident.root]
    return effects, told


def act(
    health: HealthCounters,
    signal: CaseActed,
    entity: str,
    at_ms: int,
    policy: Policy,
    ctx: EntityContext,
    next_version: int,
) -> tuple[list[EntityEffect], int] | None:
    """What a person does to the case of an outage, as `tell` answers; None if there is no such case."""
    incident = next((each for each in health.incidents.values() if each.incident_id == signal.case_id), None)
    kind = None if incident is None else kind_of(incident.root)
    if incident is None or kind is None or not incident.opened_ms:
        return None
    if signal.event_id in incident.work.asked:
        return [], 0
    is_over = incident.state in (CLOSED, HEALTHY)
    refusal = handling.refusal_of(incident.work, signal, incident.version, is_over=is_over)
    if refusal is not None:
        return handling.rejected(signal, entity, at_ms, *refusal), 0
    what, said = handling.apply(incident.work, signal), handling.told(signal)
    limit = policy.cases.evidence_max
    if signal.action == "close":
        if signal.role in SUPERVISORS and detector.retire(health, incident):
            detector.move(incident, "retired", at_ms, said, limit)
        else:
            detector.move(incident, "ended_by_people", at_ms, said, limit)
        detector.calm(health, incident)
    incident.changed.append(what)
    detector.note(incident, f"operator_{signal.action}", signal.event_id, at_ms, said, limit)
    effects = handling.remark(signal, entity, at_ms)
    version = _version(incident, kind, at_ms, policy)
    if version is not None:
        effects.append(version)
    risk = _risk(incident, at_ms, ctx, next_version) if kind.joins and signal.action == "close" else None
    if risk is not None:
        effects.append(risk)
    if (message := merchants.tell(incident, at_ms, policy, ctx)) is not None:
        effects.append(message)
    incident.changed = []
    if incident.state == HEALTHY:
        del health.incidents[incident.root]
    return effects, int(risk is not None)


def _raise(health: HealthCounters, incident: Incident, kind: Kind, at_ms: int, settings: HealthPolicy) -> bool:
    """P1 for many customers or much of the platform; a priority never falls while the incident lasts."""
    if incident.state != DOWN:
        return False
    loud = kind.joins and (
        incident.users >= settings.page_users
        or platform_share(health, incident, at_ms, settings) >= settings.page_share
    )
    priority = 1 if loud else kind.priority
    before = incident.priority if incident.opened_ms else kind.priority
    incident.priority = min(before, priority)
    return incident.opened_ms != 0 and incident.priority < before


def _version(incident: Incident, kind: Kind, at_ms: int, policy: Policy) -> CaseVersion | None:
    """A version if the state or priority changed, or now and then if more failures were found to belong to it."""
    settings = policy.entities.health
    if not incident.opened_ms:
        degraded = "opened" in incident.changed
        if incident.state != DOWN and not degraded:
            return None
        incident.opened_ms = at_ms
        incident.shadow = not settings.enforced(policy.mode)
        if degraded:
            incident.priority = 3
        changed = ["opened"]
    elif incident.changed:
        changed = list(dict.fromkeys(incident.changed))
    elif incident.failures > incident.told_failures and at_ms - incident.told_ms >= 1000 * (
        settings.update_s if incident.told_failures else min(FIRST_COUNT_S, settings.update_s)
    ):
        changed = ["counters"]
    else:
        return None
    incident.version += 1
    incident.told_ms, incident.told_failures = at_ms, incident.failures
    return _case(incident, kind, tuple(changed), at_ms, policy)


def _case(incident: Incident, kind: Kind, changed: tuple[str, ...], at_ms: int, policy: Policy) -> CaseVersion:
    over = incident.state in (CLOSED, HEALTHY)
    priority: Priority = f"P{incident.priority}"  # type: ignore[assignment]
    promise = policy.cases.priority(priority)
    codes = sorted(incident.codes, key=lambda code: (-incident.codes[code], code))
    merchant = merchants.parts(incident.root)[0] if merchants.is_merchants(incident.root) else None
    work = incident.work
    status: Status = "reopened" if incident.reopened else "assigned" if work.assignee else "classified"
    if over:
        status = "closed"
    return CaseVersion(
        occurred_at=from_ms(at_ms),
        case_id=incident.incident_id,
        version=incident.version,
        changed=changed,
        case_type=kind.case_type,
        flow=kind.flow,
        cause_family=TYPOLOGY,
        owner="entity",
        shadow=incident.shadow,
        queue=kind.queue,
        priority=priority,
        status=status,
        sub_status=incident.state,
        finding=("outage" if incident.ending in _TRUE else "false_alarm") if over else "unset",
        category=kind.queue,
        confidence=1.0,  # counted, not guessed
        subject=incident.root,
        entities=Entities(entity=reference("health", incident.root), merchant_id=merchant),
        codes=tuple(codes),
        evidence=tuple(incident.evidence),
        evidence_dropped=incident.evidence_dropped,
        counters={
            "users": incident.users,
            "failures": incident.failures,
            "root_attempts": incident.attempts,
            "root_failures": incident.failed,
            "reopened": incident.reopened,
            **{f"amount_minor_{currency}": incident.amounts[currency] for currency in sorted(incident.amounts)},
        },
        sla=handling.sla_of(promise, incident.opened_ms, at_ms, responded=work.acted or over),
        messages=work.statement(),
        assignee=work.assignee or None,
        incident_id=incident.part_of or None,
        merged_into=incident.part_of or None,
        resolution_code=incident.ending or None,
        root_cause=work.root_cause or f"{incident.cause} of {dimension_of(incident.root)}",
        created_at=from_ms(incident.since_ms),
        detected_at=from_ms(incident.opened_ms),
    )


def _risk(incident: Incident, at_ms: int, ctx: EntityContext, version: int) -> EntityRisk | None:
    """What the accounts side is told: an outage began, still is, recovers, or is over."""
    over = incident.state in (CLOSED, HEALTHY)
    if not incident.opened_ms or incident.state == FLUCTUATING:
        return None
    if over:
        if not incident.expires_ms:
            return None  # they were never told, or have heard it
        incident.expires_ms = 0
    else:
        moved = f"state {incident.state}" in incident.changed
        if not moved and incident.expires_ms - at_ms > _TOLD_FOR_S * 500:
            return None
        incident.expires_ms = ctx.effective_ms(at_ms) + _TOLD_FOR_S * 1000
    effective_ms = ctx.effective_ms(at_ms)
    return EntityRisk(
        occurred_at=from_ms(at_ms),
        kind="health",
        value=incident.root,
        effective_at=from_ms(effective_ms),
        expires_at=from_ms(effective_ms + _TOLD_FOR_S * 1000),
        level="elevated" if incident.state == DOWN else "normal",
        typology=TYPOLOGY,
        version=version,
        case_id=incident.incident_id,
        since=from_ms(incident.since_ms),
        closed=over,
        retired=over and incident.ending == _OUT_OF_SERVICE,
    )
