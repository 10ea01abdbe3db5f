"""Has a payout or a bill ended on both sides: at its bank or biller, and back with its customer (rule L3)?

Each side is told by somebody else, and in any order. So the question is asked a minute behind the later one, once the
ledger and the payment system have told everything up to then. A failure that is told meanwhile, or later, explains what
came back.
"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.flows import attempts
from streams.core.messages.notify import notify
from streams.core.messages.render import money
from streams.core.money import balance, expectations, refunds, remembered
from streams.core.money.completeness import postponed
from streams.core.obligations import (
    Case,
    Expectation,
    Owed,
    payment_key,
)
from streams.core.turn import Turn

BOTH_SIDES = "both_sides"  # the kind of an expectation
NEEDS = ("payments.transactions", "ledger.entries")


def succeeded(turn: Turn, payment_id: str) -> None:
    """The bank or biller has the money now, and had not before."""
    if expectations.ended_as(turn, payment_id) in ("withdrawal", "bill"):
        _look_later(turn, payment_id)


def booked(turn: Turn, payment_id: str) -> None:
    """A line of the ledger. What comes back of a bill that never failed is its biller's refund, and no second end."""
    movement = expectations.ended_as(turn, payment_id)
    by_failure = attempts.is_known(turn, payment_id) or expectations.said_to_fail(turn, payment_id) is not None
    if movement == "withdrawal" or (movement == "bill" and by_failure):
        _look_later(turn, payment_id)


def had_failed(turn: Turn, event: Movement) -> None:
    """A failure from before the success, told behind it: what came back for it its customer has twice.

    Of a bill it is then no refund of its biller's.
    """
    if expectations.ended_as(turn, event.payment_id) in ("withdrawal", "bill"):
        attempts.is_news(turn, event)
        _look_later(turn, event.payment_id)


def is_back(turn: Turn, payment_id: str) -> bool:
    """Whether the ledger has given anything back of what it has debited."""
    return any(each.back_minor for each in remembered.debits_of(turn, payment_key(payment_id)))


def due(turn: Turn, waiting: Expectation) -> None:
    """A minute later: is it good still, and how much of what it costs does not stand?"""
    if postponed(turn, waiting, NEEDS):
        return
    turn.obligations.expectations.remove(waiting)
    payment_id, currency = waiting.payment_id, waiting.currency
    twice_minor = _twice_minor(turn, payment_id, currency)
    if twice_minor <= 0 or not turn.obligations.is_good(payment_key(payment_id)):
        return
    both = Owed(payment_id, waiting.entry, twice_minor, currency, turn.at_ms, refunds.DOUBLE_BENEFIT)
    text = "it went through, and what was taken for it is back as well"
    refunds.double_benefit(turn, both, text, by_success=True)
    case = refunds.case_of(turn, both)
    if case is not None:
        _take_back(turn, case, twice_minor, currency)


def _take_back(turn: Turn, case: Case, twice_minor: int, currency: str) -> None:
    """Whoever was told that it had failed hears what is so; how accounting mends it is no news for a customer."""
    payment_id = case.payment_id
    failed = expectations.said_to_fail(turn, payment_id)
    if not attempts.take_back(turn, payment_id) and failed is None:
        return
    what = f"movement.{expectations.ended_as(turn, payment_id)}"
    about = {"what": what, "amount": money(twice_minor, currency), "case_id": case.case_id}
    notify(turn, "after_all.returned", about, failed)


def _look_later(turn: Turn, payment_id: str) -> None:
    waits = turn.obligations.expectations
    mine = [each for each in remembered.debits_of(turn, payment_key(payment_id)) if each.back_minor]
    is_waited_for = any(each.kind == BOTH_SIDES and each.payment_id == payment_id for each in waits)
    if not mine or is_waited_for or not turn.obligations.is_good(payment_key(payment_id)):
        return
    owed_ms = turn.at_ms + turn.policy.money.amount_check_s * 1000
    turn.obligations.expect(
        Expectation(BOTH_SIDES, "", payment_id, turn.cause, turn.at_ms, owed_ms, owed_ms, 0, mine[-1].currency)
    )


def _twice_minor(turn: Turn, payment_id: str, currency: str) -> int:
    """What its customer has twice and no case asks for."""
    lines = [each for each in remembered.debits_of(turn, payment_key(payment_id)) if each.currency == currency]
    back_minor = sum(each.back_minor for each in lines) - balance.corrected_minor(turn, payment_id, currency)
    if back_minor <= _fees_minor(turn, payment_id, currency):
        return 0  # of its fee
    twice_minor = min(back_minor, refunds.twice_minor(turn, payment_id, back_minor, currency))
    return twice_minor - balance.asked_minor(turn, payment_id, currency, refunds.DOUBLE_BENEFIT)


def _fees_minor(turn: Turn, payment_id: str, currency: str) -> int:
    mine = [fee for fee in turn.obligations.fees if fee.payment == payment_key(payment_id)]
    return sum(fee.amount_minor for fee in mine if fee.currency == currency)
