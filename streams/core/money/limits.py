"""Which limit stopped a payment, and when does it let the next one through (F02)?

The code says which, where its source tells limits apart; otherwise the profile of the wallet, if the amount alone is
more than its limit, or the customer's verification tier. A limit that nobody can name has no reset time. Periods begin
at midnight of the currency's region, where wallets and banks count them.
"""

from __future__ import annotations

from typing import NamedTuple

from streams.contracts.payments import Movement
from streams.core.currencies import exponent_of
from streams.core.declines.profiles import Limit, Profile
from streams.core.declines.resolve import Resolved
from streams.core.declines.table import Per
from streams.core.money.business_days import next_period_ms
from streams.core.turn import Turn

AMOUNT, COUNT, TIER = "limit_amount_exceeded", "limit_count_exceeded", "account_tier_limit"


class Reached(NamedTuple):
    """A limit that was reached; `resets_ms` is 0 for one that time alone does not lift."""

    per: Per
    resets_ms: int


def reached(turn: Turn, event: Movement, resolved: Resolved) -> Reached | None:
    """The limit that this failure speaks of; None for other failures, and where nobody can say which it was."""
    per = _per(turn, event, resolved)
    if per is None:
        return None
    if per == "payment" or per == "life":
        return Reached(per, 0)
    return Reached(per, next_period_ms(turn.at_ms, per, turn.policy.money.calendar_of(event.currency)))


def _per(turn: Turn, event: Movement, resolved: Resolved) -> Per | None:
    cause = resolved.cause.cause
    if cause not in (AMOUNT, COUNT, TIER):
        return None
    if resolved.entry is not None and resolved.entry.limit_per is not None:
        return resolved.entry.limit_per
    tier = turn.obligations.holder.tier
    limits = _limits(_profile(turn, event), event, tier)
    if cause == COUNT:
        return "day"
    if cause == TIER:
        return next((limit.per for limit in limits if limit.tier is not None), None)
    # What is above a limit by itself would be above it tomorrow too.
    alone = any(event.amount_minor > limit.amount * 10 ** exponent_of(limit.currency) for limit in limits)
    return "payment" if alone else None


def _profile(turn: Turn, event: Movement) -> Profile | None:
    profiles = turn.ctx.library.profiles
    return (
        profiles.by_method.get(event.method)
        or profiles.by_network.get(event.network or "")
        or profiles.by_gateway.get(event.gateway_id or "")
    )


def _limits(profile: Profile | None, event: Movement, tier: str) -> list[Limit]:
    if profile is None:
        return []
    return [
        limit
        for limit in profile.limits
        if limit.currency == event.currency
        and limit.tier in (None, tier)
        and (limit.channel is None or limit.channel == event.channel)
    ]
