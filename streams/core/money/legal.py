"""By when does the law want an answer to this case?"""

from __future__ import annotations

from streams.core.money.business_days import ends_ms
from streams.core.obligations import Case
from streams.core.policy import Policy


def due_of(case: Case, policy: Policy) -> tuple[int, str]:
    """The earliest legal deadline and the clock's name; (0, "") where no clock concerns the case."""
    currency = case.currency or policy.money.home_currency
    dues = [
        (ends_ms(case.opened_ms, clock.term, policy.money.calendar_of(clock.currency)), clock.name)
        for clock in policy.money.legal
        if clock.currency == currency and case.flow in clock.flows
    ]
    return min(dues, default=(0, ""))
