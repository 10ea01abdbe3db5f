"""Who was told that it failed, and where the money is: do they hear that it has gone through after all?

A message that is not true any more is taken back, once. Where its customer has heard from a case about it that case
says so, and where the money was given back meanwhile `streams.core.money.both_sides` does.
"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.flows import attempts, unknown_outcome
from streams.core.flows.movements import SUBJECTS, WATCHED
from streams.core.messages.notify import notify
from streams.core.messages.render import money
from streams.core.money import both_sides, expectations
from streams.core.turn import Turn


def succeeded(turn: Turn, event: Movement) -> None:
    """It had failed, and is good now."""
    payment_id = event.payment_id
    cases = [case for case in turn.obligations.cases if case.payment_id == payment_id and case.is_open]
    if any(case.template for case in cases) or both_sides.is_back(turn, payment_id):
        return
    failed = expectations.said_to_fail(turn, payment_id)
    if failed is None and not attempts.take_back(turn, payment_id):
        return
    movement = expectations.ended_as(turn, payment_id) or SUBJECTS.get(type(event), "payment")
    if movement in WATCHED:
        unknown_outcome.taken_back(turn, event)
    else:
        about = {"what": f"movement.{movement}", "amount": money(event.amount_minor, event.currency)}
        notify(turn, "after_all", about, failed)
