"""By when does the law want an answer to this case?"""

from __future__ import annotations

from streams.core.money.business_days import ends_ms
from streams.core.obligations import Case
from streams.core.policy import LegalClock, Policy


def due_of(case: Case, policy: Policy) -> tuple[int, str]:
    """The earliest legal deadline and the clock's name; (0, "") where no clock concerns the case."""
    currency = case.currency or policy.money.home_currency
    dues = [
        (ends_ms(_since_ms(case, clock), clock.term, policy.money.calendar_of(clock.currency)), clock.name)
        for clock in policy.money.legal
        if clock.currency == currency
        and case.flow in clock.flows
        and (not clock.movements or (case.movement or "payment") in clock.movements)
    ]
    return min(dues, default=(0, ""))


def _since_ms(case: Case, clock: LegalClock) -> int:
    """The opening line stays on the timeline: it tells of the debit, or of the promise, at its own time."""
    moved_ms = case.lines[0].at_ms if case.lines else case.opened_ms
    return min(case.opened_ms, moved_ms) if clock.starts == "transaction" else case.opened_ms
