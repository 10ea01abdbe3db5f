"""Is somebody guessing at this account's door?"""

from __future__ import annotations

from streams.contracts.logins import Login, LoginSucceeded
from streams.core.features import Features
from streams.core.rules.base import QUIET, Fired, RuleResult, band_of
from streams.core.sections import RuleSection


class LoginFailuresPolicy(RuleSection, frozen=True, kw_only=True):
    """Failures in a row per band; the waits themselves are locks.ladder."""

    failures: tuple[int, ...]
    addresses: tuple[int, ...]


def login_failures(event: Login, _at_ms: int, features: Features, policy: LoginFailuresPolicy) -> RuleResult:
    """Failures in a row from the same side of the door: known devices or strangers (domain 5.2).

    Asks: how often in a row did this side fail, and from how many addresses did strangers fail within an hour?
    Fires when: either reaches its band /01 /02 /03 of policy.failures or policy.addresses. A known device is judged one
        band milder: its owner mistypes, and the ladder makes it wait anyway. Whoever gives the right password from an
        unknown device is asked for the second factor /01, however many strangers failed before, and also when they
        failed as often as the first of policy.failures within a day and somebody proved to be the owner meanwhile;
        whoever is known by the network alone, when it failed as often as the second of them.
    Blind to: one guess per account from many addresses (password spray); a forgotten password looks like an attack.
    Costs: two counters and one bounded set of addresses per account.
    """
    if features.login_known == 1.0:
        row = features.failures_row_known
        if row < policy.failures[0]:
            return QUIET
        band = band_of(row, policy.failures) - 1
        if type(event) is LoginSucceeded:  # a device speaks for itself; a network has neighbours who guess
            band = 0 if event.device_id is not None else min(band, 1)
        return Fired(band, ("R11",), {"failures_row_known": row}) if band > 0 else QUIET
    row, addresses = features.failures_row_unknown, features.failing_ips_1h
    many = type(event) is LoginSucceeded and features.stranger_failures_1d >= policy.failures[0]
    if row < policy.failures[0] and addresses < policy.addresses[0] and not many:
        return QUIET
    band = max(band_of(row, policy.failures), band_of(addresses, policy.addresses))
    if type(event) is LoginSucceeded:
        band = 1  # strangers failed, and this may be the owner on a new phone: a second factor tells, a block would not
    return Fired(band, ("R11",), {"failures_row_unknown": row, "failing_ips_1h": addresses})
