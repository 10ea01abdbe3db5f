"""Is this customer struggling to pay?"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import QUIET, Fired, RuleResult, band_of
from streams.core.sections import RuleSection


class RepeatedFailuresPolicy(RuleSection, frozen=True, kw_only=True):
    """Refusals within 30 minutes, per band."""

    attempts: tuple[int, ...]


def repeated_failures(_event: Movement, _at_ms: int, features: Features, policy: RepeatedFailuresPolicy) -> RuleResult:
    """Several refusals within half an hour (flow F09: one case instead of a silent struggle).

    Asks: how many movements were refused in the last 30 minutes, this one included?
    Fires when: the count reaches policy.attempts. Bands /01 /02 /03 by that count.
    Blind to: customers who give up earlier; retries of an impatient app look like attempts of a person.
    Costs: a running count of refusals per account.
    """
    declines = features.declines_30m
    if declines < policy.attempts[0]:
        return QUIET
    return Fired(band_of(declines, policy.attempts), ("R15",), {"declines_30m": declines})
