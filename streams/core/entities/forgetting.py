"""What do addresses, devices and slices remember of an account, and how is it forgotten when the account is erased?

Names of accounts stand where people have to be told: who got in lately, whose password an attacker had. They go. What
else is counted of an account are hashes of 48 bits, which nobody reads back, and which leave with their windows.
"""

from __future__ import annotations

import msgspec

from streams.contracts.base import from_ms
from streams.contracts.cases import Evidence
from streams.core.cases.shelf import SnapshotDropped
from streams.core.entities import attacks
from streams.core.entities.context import EntityEffect
from streams.core.entities.policies import AttackPolicy
from streams.core.entities.state import EntityState
from streams.core.entities.threat import AttackCase, AttackKind, exposed_text, note, tell_case
from streams.core.policy import Policy

ERASED = "right password for an account that was erased"


def forget(state: EntityState, account_id: str, at_ms: int, policy: Policy) -> list[EntityEffect] | None:
    """Drops the account from the state; None if it is not there.

    The case of an attack tells a version without it, so that its snapshot does not name it either. An attack on the
    account alone ends with it.
    """
    if state.kind == "account" and state.value == account_id:
        return _all_of_it(state, at_ms, policy)
    found = False
    for place in (state.spray, state.burst):
        if place is not None and any(guest[1] == account_id for guest in place.guests):
            place.guests = [guest for guest in place.guests if guest[1] != account_id]
            found = True
    effects: list[EntityEffect] = []
    for part, otherwise in attacks.parts_of(state):
        case = part.threat.case if part is not None else None
        if case is None or not _forget_victim(case, account_id):
            continue
        found = True
        if not case.joined:
            attack = attacks.BY_TYPOLOGY.get(case.typology, otherwise)
            shadow = _is_shadow(attack, policy)
            effects.append(
                tell_case(
                    case, attack, state.kind, state.value, ("account_erased",), at_ms, "classified", shadow, policy
                )
            )
    return effects if found else None


def _forget_victim(case: AttackCase, account_id: str) -> bool:
    text = exposed_text(account_id)
    lines = [
        Evidence(at=line.at, kind=line.kind, event_id=case.case_id, text=ERASED) if line.text == text else line
        for line in case.evidence
    ]
    found = lines != case.evidence or account_id in case.victims
    case.evidence = lines
    if account_id in case.victims:
        case.victims = [victim for victim in case.victims if victim != account_id]
        case.victims_more += 1
    return found


def _all_of_it(state: EntityState, at_ms: int, policy: Policy) -> list[EntityEffect]:
    effects: list[EntityEffect] = []
    case = state.target.threat.case if state.target is not None else None
    gone = [ended.case_id for ended in state.ended]
    if case is not None and not case.joined:
        note(case, at_ms, "closed", case.case_id, "the account was erased", policy.cases.evidence_max)
        shadow = _is_shadow(attacks.BRUTE_FORCE, policy)
        effects.append(
            tell_case(case, attacks.BRUTE_FORCE, state.kind, state.value, ("status",), at_ms, "closed", shadow, policy)
        )
        gone.append(case.case_id)
    effects += [SnapshotDropped(from_ms(at_ms), case_id) for case_id in gone]
    empty = EntityState(forget_ms=at_ms)  # nothing waits: it goes at the lateness bound
    for field in msgspec.structs.fields(EntityState):
        setattr(state, field.name, getattr(empty, field.name))
    return effects


def _is_shadow(attack: AttackKind, policy: Policy) -> bool:
    settings: AttackPolicy = getattr(policy.entities, attack.section)
    return not settings.enforced(policy.mode)
