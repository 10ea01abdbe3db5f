"""How long does a level last, when is it told again, and how does the case of an attack grow and close?

Shared by the detectors. A level rises at once and falls only by expiry; it is told again when less than half of its
time is left, so a long attack costs a few records and not one per attempt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import msgspec

from streams.contracts.actions import ActionKind, ActionRequested, Scope
from streams.contracts.base import from_ms
from streams.contracts.cases import CaseVersion, Entities, Evidence, Finding, Queue, Status
from streams.contracts.signals import CaseActed, EntityKind, EntityObserved, EntityRisk
from streams.core.entities import handling
from streams.core.entities.context import EntityContext, EntityEffect, reference
from streams.core.entities.handling import Work
from streams.core.entities.notices import may_act, notice
from streams.core.entities.policies import AttackPolicy
from streams.core.ids import action_id, exposure_origin, incident_id
from streams.core.policy import Policy
from streams.core.risk import SITE_KIND

if TYPE_CHECKING:
    from streams.core.entities.state import EntityState

Level = Literal["normal", "elevated", "attack"]
LEVELS: tuple[Level, ...] = ("normal", "elevated", "attack")
NORMAL, ELEVATED, ATTACK = range(3)
# Nobody else is told of an attack: the owner of an account whose password was given correctly (F26), and the merchant
# at whom cards are tried out (F30).
EXPOSED = "credential_attack.exposed"
ATTACKED_SHOP = "card_testing.merchant"

# Accounts whose credential was given correctly by an attacker. Above this the case says how many more there are: the
# list is for people, and the accounts themselves are protected by the risk of the entity.
VICTIMS_MAX = 32
_STILL_S = 600  # without an attempt, before people may say that it is over
ACTIONS_MAX = 16


class AttackKind(NamedTuple):
    """The words of one kind of attack."""

    typology: str
    case_type: str
    flow: str
    rule: str
    section: str  # of `entities` in the policy
    scope: Scope
    members: str  # what the attacker goes through: usernames, cards
    exposes: bool = False  # a success of the attacker is the right password of an account
    joins: bool = False  # its entities can be part of an attack on something wider
    queue: Queue = "security"
    priority: int = 1
    attempts: str = "attempts"  # what the counters of a case call them
    attempt: str = "attempt"  # what does not come any more when it closes
    refused: str = "refused"
    is_risk: bool = True  # False: whoever has to do with the entity is not doubted for it
    closes_open: bool = False  # people may close it while it goes on: what it has told of opens no other


class Sighting(NamedTuple):
    """What a detector saw when it had counted one signal."""

    level: int
    score: float
    text: str  # how the timeline of a case begins
    members: int  # these three are of the window: what a case starts with
    attempts: int
    refused: int
    new_member: bool
    failed: bool  # this attempt was refused
    attempted: bool = True  # False: the refusal of an attempt that was counted before
    guests: Sequence[tuple[int, str, str]] = ()  # successes before the attack was recognised: when, account, event
    told: Sequence[str] = ()  # those of their events that the owners have heard of
    spares: bool = False  # honest people share the entity: it is challenged, never blocked
    hold_s: int = 0  # how long the level lasts; 0: expires_s


class Look(NamedTuple):
    """What one of several detectors of an entity made of a signal."""

    attack: AttackKind
    settings: AttackPolicy
    seen: Sighting | None


class AttackCase(msgspec.Struct, array_like=True):
    """One open case about an attack; bounded by VICTIMS_MAX, ACTIONS_MAX and the policy's evidence_max."""

    case_id: str
    opened_ms: int
    last_ms: int  # newest attempt
    close_due_ms: int  # when to look whether it is quiet; moved only when looked at, so attempts cost no timer
    version: int = 0
    members: int = 0
    attempts: int = 0
    refused: int = 0
    victims: list[str] = []
    victims_more: int = 0
    told: int = 0  # attempts in the newest version; the next one comes when they have doubled
    contained_until_ms: int = 0
    actions: list[str] = []
    evidence: list[Evidence] = []
    evidence_dropped: int = 0
    joined: bool = False  # the case is another entity's: this one is contained for it and tells no versions
    typology: str = ""  # of the detector that opened it; what others see at the same entity belongs to it
    rule: str = ""
    work: Work = msgspec.field(default_factory=Work)  # what people do about it


class Threat(msgspec.Struct, array_like=True):
    """What one detector has said about one entity."""

    level: int = NORMAL
    since_ms: int = 0
    expires_ms: int = 0
    case: AttackCase | None = None


def in_force(threat: Threat, at_ms: int) -> int:
    """The level that counts at `at_ms`."""
    return threat.level if at_ms < threat.expires_ms else NORMAL


def tell_level(
    threat: Threat,
    level: int,
    score: float,
    hold_s: int,
    kind: EntityKind,
    value: str,
    typology: str,
    version: int,
    at_ms: int,
    ctx: EntityContext,
    incident: str | None = None,
    *,
    shared: bool = False,
) -> EntityRisk | None:
    """Raises or prolongs the level of `threat`; the record to publish, or None if what was told still holds."""
    before = in_force(threat, at_ms)
    level = max(level, before)
    if level == NORMAL:
        return None
    hold_ms = hold_s * 1000
    if level == before and threat.expires_ms - at_ms >= hold_ms // 2:
        return None
    if before == NORMAL:
        threat.since_ms = at_ms
    effective_ms = ctx.effective_ms(at_ms)
    threat.level = level
    threat.expires_ms = max(threat.expires_ms, effective_ms + hold_ms)
    return EntityRisk(
        occurred_at=from_ms(at_ms),
        kind=kind,
        value=value,
        effective_at=from_ms(effective_ms),
        expires_at=from_ms(threat.expires_ms),
        level=LEVELS[level],
        typology=typology,
        score=round(min(1.0, score), 6),
        version=version,
        case_id=incident,
        shared=shared and level == ATTACK,
    )


def open_case(threat: Threat, attack: AttackKind, signal: EntityObserved, at_ms: int, quiet_s: int) -> AttackCase:
    """Starts the case; its first version is made by `tell_case` when the event has been counted."""
    subject = reference(signal.kind, signal.value)
    # An attack on something wider that is known already takes this entity in: one attack is one case.
    joined = _is_part(attack, signal)
    threat.case = AttackCase(
        case_id=(joined and signal.incident_id) or incident_id(attack.typology, subject, signal.event_id),
        opened_ms=at_ms,
        last_ms=at_ms,
        close_due_ms=at_ms + quiet_s * 1000,
        joined=joined,
        typology=attack.typology,
        rule=attack.rule,
    )
    return threat.case


def _is_part(attack: AttackKind, signal: EntityObserved) -> bool:
    return signal.incident_id is not None and attack.joins and signal.kind != SITE_KIND


def _merge(
    case: AttackCase, attack: AttackKind, signal: EntityObserved, at_ms: int, shadow: bool, policy: Policy
) -> CaseVersion:
    """An attack on something wider was recognised later: the case ends in that one, which goes on for it."""
    into = signal.incident_id or ""
    note(case, at_ms, "merged", signal.event_id, f"part of {into}", policy.cases.evidence_max)
    version = tell_case(
        case, attack, signal.kind, signal.value, ("status", "merged_into"), at_ms, "merged", shadow, policy, into
    )
    case.case_id, case.joined = into, True
    return version


class Noted(Protocol):
    """A case with a timeline."""

    evidence: list[Evidence]
    evidence_dropped: int


def note(case: Noted, at_ms: int, kind: str, event_id: str, text: str, limit: int) -> None:
    """Adds a line to the timeline. The first line says how it began, so the second one makes room."""
    case.evidence.append(Evidence(at=from_ms(at_ms), kind=kind, event_id=event_id, text=text[:256]))
    if len(case.evidence) > limit:
        del case.evidence[min(1, limit - 1)]
        case.evidence_dropped += 1


def expose(case: AttackCase, account_id: str, at_ms: int, event_id: str, limit: int) -> bool:
    """Lists an account that the attacker got into; False if it is known already. Victims are never locked."""
    if account_id in case.victims:
        return False
    if len(case.victims) >= VICTIMS_MAX:
        case.victims_more += 1
        return False
    case.victims.append(account_id)
    note(case, at_ms, "account_exposed", event_id, exposed_text(account_id), limit)
    return True


def exposed_text(account_id: str) -> str:
    """The line of a case about an account that the attacker got into."""
    return f"right password for {account_id}"


def contain(
    case: AttackCase,
    attack: AttackKind,
    action: ActionKind,
    duration_s: int,
    enforced: bool,
    signal: EntityObserved,
    at_ms: int,
    policy: Policy,
    ctx: EntityContext,
) -> ActionRequested | None:
    """Asks the payment system to challenge or block the entity for a while; asked again while the attack goes on."""
    if at_ms < case.contained_until_ms or not may_act(enforced, at_ms, policy, ctx):
        return None
    entity = reference(signal.kind, signal.value)
    case.contained_until_ms = at_ms + duration_s * 1000
    action_key = action_id(case.case_id, entity, signal.event_id, action)
    case.actions.append(action_key)
    del case.actions[:-ACTIONS_MAX]
    note(case, at_ms, "containment", signal.event_id, f"{action} {entity}", policy.cases.evidence_max)
    return ActionRequested(
        occurred_at=from_ms(at_ms),
        action_id=action_key,
        account_id=entity,
        action=action,
        scope=attack.scope,
        expires_at=from_ms(case.contained_until_ms),
        reason_class=attack.typology,
        rule=attack.rule,
        case_id=case.case_id,
        entity=entity,
    )


def tell_case(
    case: AttackCase,
    attack: AttackKind,
    kind: EntityKind,
    value: str,
    changed: tuple[str, ...],
    at_ms: int,
    status: Status,
    shadow: bool,
    policy: Policy,
    merged_into: str | None = None,
    resolution: str | None = None,
    finding: Finding = "unset",
) -> CaseVersion:
    """The next version of the case, whole."""
    case.version += 1
    case.told = case.attempts
    promise = policy.cases.priority(f"P{attack.priority}")
    return CaseVersion(
        occurred_at=from_ms(at_ms),
        case_id=case.case_id,
        version=case.version,
        changed=changed,
        case_type=attack.case_type,
        flow=attack.flow,
        cause_family=case.typology or attack.typology,
        owner="entity",
        shadow=shadow,
        queue=attack.queue,
        priority=f"P{attack.priority}",  # type: ignore[arg-type]
        status="assigned" if status == "classified" and case.work.assignee else status,
        category=attack.queue,
        confidence=1.0,  # counted, not guessed
        subject=reference(kind, value),
        entities=_entities(kind, value),
        rules=(case.rule or attack.rule,),
        evidence=tuple(case.evidence),
        evidence_dropped=case.evidence_dropped,
        counters={
            attack.members: case.members,
            attack.attempts: case.attempts,
            attack.refused: case.refused,
            "accounts_exposed": len(case.victims) + case.victims_more,
        },
        actions=tuple(case.actions),
        sla=handling.sla_of(promise, case.opened_ms, at_ms, responded=case.work.acted or status == "closed"),
        messages=case.work.statement(),
        assignee=case.work.assignee or None,
        root_cause=case.work.root_cause or None,
        finding=finding,
        merged_into=merged_into,
        incident_id=merged_into,
        resolution_code=resolution or ("quiet" if status == "closed" else None),
        created_at=from_ms(case.opened_ms),
        detected_at=from_ms(case.opened_ms),
    )


def follow(
    state: EntityState,
    threat: Threat,
    attack: AttackKind,
    seen: Sighting,
    signal: EntityObserved,
    at_ms: int,
    settings: AttackPolicy,
    policy: Policy,
    ctx: EntityContext,
) -> list[EntityEffect]:
    """What follows from a sighting: the level is told, a case opens or grows, the entity is contained."""
    effects: list[EntityEffect] = []
    case = threat.case
    opened = case is None and seen.level == ATTACK
    if opened:
        case = open_case(threat, attack, signal, at_ms, settings.quiet_s)
    elif case is not None and not case.joined and _is_part(attack, signal):
        effects.append(_merge(case, attack, signal, at_ms, not settings.enforced(policy.mode), policy))
    if attack.is_risk:
        risk = tell_level(
            threat,
            seen.level,
            seen.score,
            seen.hold_s or settings.expires_s,
            signal.kind,
            signal.value,
            attack.typology,
            state.risk_version + 1,
            at_ms,
            ctx,
            case.case_id if case is not None else None,
            shared=seen.spares,  # whoever is asked there by the payment system must not be blocked by us
        )
        if risk is not None:
            state.risk_version += 1
            effects.append(risk)
    if case is None:
        return effects

    limit = policy.cases.evidence_max
    enforced = settings.enforced(policy.mode)
    exposed: list[tuple[int, str]] = []  # whom to tell: when, account
    changed: list[str] = []
    if opened:
        kind = "attack" if attack.is_risk else attack.case_type
        note(case, at_ms, kind, signal.event_id, seen.text, limit)
        case.members, case.attempts, case.refused = seen.members, seen.attempts, seen.refused
        for guest_ms, account_id, event_id in seen.guests:
            if expose(case, account_id, guest_ms, event_id, limit) and event_id not in seen.told:
                exposed.append((guest_ms, account_id))
        changed.append("opened")
    else:
        case.attempts += seen.attempted
        case.refused += seen.failed
        case.members += seen.new_member
        case.last_ms = at_ms
        if attack.exposes and not seen.failed and _is_right_password(signal):
            if signal.account_id not in case.victims and not is_told(signal):
                exposed.append((at_ms, signal.account_id))
            if expose(case, signal.account_id, at_ms, signal.event_id, limit):
                changed.append("accounts_exposed")
        if case.attempts >= 2 * case.told:
            changed.append("counters")
    if settings.containment != "none":
        action: ActionKind = "step_up" if seen.spares else settings.containment
        request = contain(case, attack, action, settings.containment_s, enforced, signal, at_ms, policy, ctx)
        if request is not None:
            effects.append(request)
            changed.append("actions")
            if attack.scope == "all" and signal.kind == "merchant" and len(case.actions) == 1:
                shop = reference(signal.kind, signal.value)
                effects.append(notice(ATTACKED_SHOP, shop, case.case_id, case.case_id, at_ms, policy, ctx))
    effects += [
        notice(EXPOSED, account_id, case.case_id, exposure_origin(exposed_ms), at_ms, policy, ctx)
        for exposed_ms, account_id in exposed
        if may_act(enforced, at_ms, policy, ctx)
    ]
    if changed and not case.joined:
        version = tell_case(
            case, attack, signal.kind, signal.value, tuple(changed), at_ms, "classified", not enforced, policy
        )
        effects.append(version)
    return effects


def follow_strongest(
    state: EntityState,
    threat: Threat,
    looks: Sequence[Look],
    signal: EntityObserved,
    at_ms: int,
    policy: Policy,
    ctx: EntityContext,
    *,
    shared: bool = False,
) -> list[EntityEffect]:
    """What follows where several detectors look at one entity: they share its threat, so one attack is one case.

    `shared`: honest people are at home there.
    """
    seen = [(each, each.seen) for each in looks if each.seen is not None]
    if not seen:
        return _come_later(threat, looks, signal, at_ms, policy, ctx, shared=shared)
    strongest, sighting = max(seen, key=lambda pair: pair[1].level)
    return follow(state, threat, strongest.attack, sighting, signal, at_ms, strongest.settings, policy, ctx)


def _come_later(
    threat: Threat,
    looks: Sequence[Look],
    signal: EntityObserved,
    at_ms: int,
    policy: Policy,
    ctx: EntityContext,
    *,
    shared: bool,
) -> list[EntityEffect]:
    """A right password while the case is open, when the wrong ones have left their windows: it belongs to the attack.

    From the attacker's address or device always, where others are at home while it is held for one; of what is wider
    only whose owner was told of this attack.
    """
    case = threat.case
    if case is None or not looks or signal.what != "login_succeeded" or not _is_right_password(signal):
        return []
    attack, settings, _ = next((each for each in looks if each.attack.typology == case.typology), looks[0])
    place = signal.kind in ("ip", "device")
    if in_force(threat, at_ms) == NORMAL and (shared or not place):
        return []
    if not place and not signal.told:
        return []
    effects: list[EntityEffect] = []
    enforced, limit = settings.enforced(policy.mode), policy.cases.evidence_max
    if not case.joined and _is_part(attack, signal):
        effects.append(_merge(case, attack, signal, at_ms, not enforced, policy))
    case.attempts += 1
    if place and not shared:
        case.last_ms = at_ms
    if signal.account_id not in case.victims and not is_told(signal) and may_act(enforced, at_ms, policy, ctx):
        origin = exposure_origin(at_ms)
        effects.append(notice(EXPOSED, signal.account_id, case.case_id, origin, at_ms, policy, ctx))
    if expose(case, signal.account_id, at_ms, signal.event_id, limit) and not case.joined:
        changed = ("accounts_exposed",)
        shadow = not enforced
        effects.append(tell_case(case, attack, signal.kind, signal.value, changed, at_ms, "classified", shadow, policy))
    return effects


def is_told(signal: EntityObserved) -> bool:
    """Whether the owner hears of this right password from the account, now or when no second factor has come."""
    return signal.told or signal.answerable


def _is_right_password(signal: EntityObserved) -> bool:
    """Of a success: somebody gave it whom the account does not know."""
    return signal.known and not signal.familiar


def close_if_quiet(
    threat: Threat, attack: AttackKind, kind: EntityKind, value: str, due_ms: int, policy: Policy
) -> list[EntityEffect]:
    """At the case's timer: close it, or look again when it can be quiet at the earliest."""
    case = threat.case
    if case is None or case.close_due_ms > due_ms:
        return []
    settings: AttackPolicy = getattr(policy.entities, attack.section)
    quiet_ms = case.last_ms + settings.quiet_s * 1000
    if quiet_ms > due_ms:
        case.close_due_ms = quiet_ms
        return []
    note(
        case, due_ms, "closed", case.case_id, f"no {attack.attempt} for {settings.quiet_s} s", policy.cases.evidence_max
    )
    threat.case = None
    if case.joined:
        return []
    shadow = not settings.enforced(policy.mode)
    return [tell_case(case, attack, kind, value, ("status",), due_ms, "closed", shadow, policy)]


def act_on_attack(
    threat: Threat, attack: AttackKind, signal: CaseActed, entity: str, at_ms: int, policy: Policy
) -> list[EntityEffect]:
    """What a person does to the case of an attack. While attempts come that is not over, whatever people say."""
    case = threat.case
    if case is None:
        raise AssertionError("an action without a case was let through")
    if signal.event_id in case.work.asked:
        return []
    settings: AttackPolicy = getattr(policy.entities, attack.section)
    refusal = handling.refusal_of(case.work, signal, case.version, is_over=False, finds=True)
    still_comes = not attack.closes_open and at_ms - case.last_ms < min(settings.quiet_s, _STILL_S) * 1000
    if refusal is None and signal.action == "close" and still_comes:
        refusal = "under_way", "attempts still come: a case that is closed now would be opened again by the next one"
    if refusal is not None:
        return handling.rejected(signal, entity, at_ms, *refusal)
    what = handling.apply(case.work, signal)
    note(case, at_ms, f"operator_{signal.action}", signal.event_id, handling.told(signal), policy.cases.evidence_max)
    shadow = not settings.enforced(policy.mode)
    kind, value = signal.kind, signal.value
    effects = handling.remark(signal, entity, at_ms)
    if signal.action != "close":
        return [*effects, tell_case(case, attack, kind, value, (what,), at_ms, "classified", shadow, policy)]
    threat.case = None
    changed = ("status", what) if signal.finding is None else ("status", what, f"finding {signal.finding}")
    version = tell_case(
        case, attack, kind, value, changed, at_ms, "closed", shadow, policy,
        resolution="closed_by_a_person", finding=signal.finding or "unset",
    )  # fmt: skip
    return [*effects, version]


def _entities(kind: EntityKind, value: str) -> Entities:
    entity = reference(kind, value)
    match kind:
        case "ip":
            return Entities(entity=entity, ip=value)
        case "device":
            return Entities(entity=entity, device_id=value)
        case "merchant":
            return Entities(entity=entity, merchant_id=value)
        case "terminal":
            return Entities(entity=entity, terminal_id=value)
        case _:
            return Entities(entity=entity)
