"""What follows when an account has to stand still for a court or because of money laundering (domain 5.4)?

Nobody doubts who the owner is, so nothing that the owner proves ends it: only a supervisor and a second person do, on
the case that has the order. A confirmed mule (F31) stands still like that too. Money in stays open for a court, and is
closed where it may be the proceeds of a crime.
"""

from __future__ import annotations

from typing import Final

from streams.contracts.accounts import CaseAction
from streams.core.cases.book import raise_to
from streams.core.flows.holds import end_hold
from streams.core.locks.account_states import EVERYTHING, is_frozen
from streams.core.locks.saga import errand, lock
from streams.core.messages.notify import notify
from streams.core.obligations import ORDERED, Case
from streams.core.roles import SUPERVISORS
from streams.core.turn import Turn
from streams.core.two_people import is_agreed

FROZEN: Final = "account_frozen"  # message
MONEY_LAUNDERING: Final = "money_laundering"
_REASON: Final = "account_protection"  # says nothing about the order: whoever is suspected must not be warned


def refusal(turn: Turn, case: Case, event: CaseAction) -> tuple[str, str] | None:
    """(cause, sentence) if this person may not freeze for an order."""
    if event.role not in SUPERVISORS:
        return "role", "only a supervisor may freeze for an order"
    if not is_agreed(event.second_actor, event.second_role, event.actor):
        return "second_person", "freezing for an order needs a second person"
    if not (event.text or "").strip():
        return "nothing_said", "say which order it is"
    if turn.obligations.holder.closed:
        return "closed", "the account is closed: there is nothing to lock"
    closes_in = event.order == MONEY_LAUNDERING
    if is_ordered(turn, case) and (not closes_in or _frozen(turn, EVERYTHING)):
        return "stands", "the account is frozen for this order already"
    return None


def freeze(turn: Turn, case: Case, rule: str, role: str, *, closes_money_in: bool) -> None:
    """Nothing leaves, and with `closes_money_in` nothing comes in; what is frozen already is held for this case too."""
    raise_to(turn, case, 1)
    was_frozen = is_frozen(turn.obligations.locks)
    frozen = lock(
        turn,
        "freeze",
        scope=EVERYTHING if closes_money_in else "all",
        applies_to="everyone",
        lasts_s=None,
        reason_class=_REASON,
        rule=rule,
        case=case,
        capped=False,  # people decided about one account
        actor=role,
    )
    if not frozen and not was_frozen:
        return
    case.counters[ORDERED] = 1
    if was_frozen:
        return
    errand(turn, "stop_payouts", reason_class=_REASON, rule=rule, case=case)
    notify(turn, FROZEN, {"case_id": case.case_id}, case)
    for hold in tuple(turn.obligations.holds):
        end_hold(turn, hold, "block", "confirmed", "the account is frozen")


def is_ordered(turn: Turn, case: Case) -> bool:
    """Whether an order that this case has keeps the account frozen."""
    return case.is_ordered and is_frozen(turn.obligations.locks)


def is_elsewhere(turn: Turn, case: Case) -> bool:
    """Whether another case has an order and this one has none: then this one ends no freeze."""
    return not is_ordered(turn, case) and any(is_ordered(turn, each) for each in turn.obligations.cases)


def ended(turn: Turn) -> None:
    """Two people have lifted the freeze: no order keeps the account any more."""
    for case in turn.obligations.cases:
        case.counters.pop(ORDERED, None)


def _frozen(turn: Turn, scope: str) -> bool:
    return any(held.action == "freeze" and held.scope == scope for held in turn.obligations.locks)
