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
    profile: str = ""  # whose limit it is, where a profile states it
    stated: Limit | None = None


def reached(turn: Turn, event: Movement, resolved: Resolved) -> Reached | None:
    """The limit that this failure speaks of; None for other failures, and where nobody can say which it was."""
    if resolved.cause.cause not in (AMOUNT, COUNT, TIER):
        return None
    profile = _profile(turn, event)
    limits = _limits(profile, event, turn.obligations.holder.tier)
    per, stated = _which(event, resolved, limits)
    if per is None:
        return None
    whose = profile.id if profile is not None and stated is not None else ""
    if per == "payment" or per == "life":
        return Reached(per, 0, whose, stated)
    return Reached(per, next_period_ms(turn.at_ms, per, turn.policy.money.calendar_of(event.currency)), whose, stated)


def _which(event: Movement, resolved: Resolved, limits: list[Limit]) -> tuple[Per | None, Limit | None]:
    """Which period, and which of the profile's limits if it can be one only."""
    cause = resolved.cause.cause
    if cause == COUNT:
        return (resolved.entry.limit_per if resolved.entry is not None else None) or "day", None  # amounts say nothing
    told = resolved.entry.limit_per if resolved.entry is not None else None
    if told is not None:
        fits = [limit for limit in limits if limit.per == told]
        return told, fits[0] if len(fits) == 1 else None
    if cause == TIER:
        of_tier = [limit for limit in limits if limit.tier is not None]
        return (of_tier[0].per, of_tier[0]) if of_tier else (None, None)
    # What is above a limit by itself would be above it tomorrow too.
    above = [limit for limit in limits if event.amount_minor > limit.amount * 10 ** exponent_of(limit.currency)]
    if above:
        return "payment", min(above, key=lambda limit: limit.amount)
    # A way of paying that has one limit of its own was refused because of that one.
    own = [limit for limit in limits if limit.channel is not None]
    return (own[0].per, own[0]) if len(own) == 1 else (None, None)


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
