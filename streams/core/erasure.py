"""When may an account be forgotten for good, who says so, and what is left of it then?

Two people ask, as for lifting a freeze: what is erased can no longer be investigated. Nothing that is open may be lost
with it, so an erasure waits for locks, cases and money to end; all of them do, by themselves or by an operator.
"""

from __future__ import annotations

from streams.contracts.accounts import AccountErasure
from streams.contracts.cases import AccountErased
from streams.core.cases.operator import reject
from streams.core.cases.shelf import SnapshotDropped
from streams.core.locks.transitions import RELEASED
from streams.core.obligations import Obligations
from streams.core.observations import Observations
from streams.core.roles import SUPERVISORS
from streams.core.steps import LocksForgotten
from streams.core.turn import Turn
from streams.core.two_people import is_somebody_else

# The receipt says how much there was of these, and never what.
_COUNTED = ("cases", "ended", "failures", "spent", "lately", "instruments", "contacts", "notices", "memberships")


def asked(turn: Turn, event: AccountErasure) -> None:
    """Answers an erasure: the receipt and tombstones for what others see, or why not.

    The states themselves are the caller's: after a receipt it puts `remains` in their place.
    """
    refusal = _refusal(turn.obligations, event)
    if refusal is not None:
        reject(turn, event.event_id, "erase", *refusal)
        return
    obligations = turn.obligations
    known = [case.case_id for case in obligations.cases] + [ended.case_id for ended in obligations.ended]
    case_ids = tuple(dict.fromkeys(known))
    turn.effects += [SnapshotDropped(turn.at, case_id) for case_id in case_ids]
    turn.effects.append(LocksForgotten(turn.at, turn.ctx.account_id))
    counts = {name: len(getattr(obligations, name)) for name in _COUNTED}
    counts["payments"] = obligations.payments_held
    turn.effects.append(
        AccountErased(
            occurred_at=turn.at,
            event_id=event.event_id,
            account_id=turn.ctx.account_id,
            actor=event.actor,
            second_actor=event.second_actor,
            case_ids=case_ids,
            forgotten={name: count for name, count in counts.items() if count},
        )
    )


def remains(obligations: Obligations, erased_ms: int) -> tuple[Observations, Obligations]:
    """What is kept: since when nothing is known, and the version of the locks, which may never run backwards."""
    return Observations(erased_ms=erased_ms, touched_ms=erased_ms), Obligations(locks_version=obligations.locks_version)


def _refusal(obligations: Obligations, event: AccountErasure) -> tuple[str, str] | None:
    if event.role not in SUPERVISORS:
        return "role", f"role {event.role} may not erase an account"[:256]
    if not is_somebody_else(event.second_actor, event.actor):
        return "second_person", "erasing an account needs a second person"
    standing = [held.action for held in obligations.locks if held.status != RELEASED]
    if standing or obligations.outbox:
        what = ", ".join(standing) or "a command that waits for its acknowledgement"
        return "locked", f"the account is not free of locks: {what}; unlock it first"[:256]
    if open_cases := [case.case_id for case in obligations.cases if case.is_open]:
        return "open_case", f"{len(open_cases)} cases are open: {', '.join(open_cases[:4])}; resolve them first"[:256]
    # What is owed has a case, which was open or is resolved.
    if obligations.holds or obligations.debits or obligations.unknowns or obligations.expectations:
        return "money", "money of this account is still on its way; it ends by itself or becomes a case"
    return None
