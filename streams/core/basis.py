"""What does the policy in force at an event contribute to what is observed of an account?"""

from __future__ import annotations

from bisect import bisect_right

from streams.contracts.base import to_ms
from streams.core.observations import Basis
from streams.core.policy import Policy

# One basis per table of rates, by the identity of the policy, which each entry keeps alive. A worker holds a handful.
_MADE: dict[int, tuple[Policy, tuple[int, ...], tuple[Basis, ...]]] = {}
_MADE_MAX = 64


def basis_of(policy: Policy, at_ms: int) -> Basis:
    """The basis at `at_ms`, with the rates of that day; the same object until the rates change."""
    made = _MADE.get(id(policy))
    if made is None:
        made = _make(policy)
    _, starts_ms, bases = made
    if len(bases) == 1:
        return bases[0]
    return bases[max(0, bisect_right(starts_ms, at_ms) - 1)]


def _make(policy: Policy) -> tuple[Policy, tuple[int, ...], tuple[Basis, ...]]:
    tables = policy.money.rates
    bases = tuple(
        Basis(
            time_zone=policy.default_time_zone,
            home_currency=policy.money.home_currency,
            rates=rates,
            limits=policy.money.near_limits,
            ladder_forgets_s=policy.locks.ladder_forgets_s,
            lateness_s=policy.lateness_s,
            placeless_systems=frozenset(policy.rules.impossible_travel.placeless_systems),
        )
        for rates in tables
    )
    if len(_MADE) >= _MADE_MAX:
        _MADE.clear()
    made = _MADE[id(policy)] = (policy, tuple(to_ms(table.effective_at) for table in tables), bases)
    return made
