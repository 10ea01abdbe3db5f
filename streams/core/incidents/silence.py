"""Who should be heard and is not?

Detector C of domain 3.2: attempts of the last window against what this hour of the week usually brings. It is a rule
about something's absence, so it waits for the feed that would show the presence.
"""

from __future__ import annotations

import math
from typing import Final

from streams.core.entities.feeds import Standing
from streams.core.entities.policies import HealthPolicy
from streams.core.incidents import counting
from streams.core.incidents.baseline import HOUR_MS
from streams.core.incidents.keys import dimension_of, group_of
from streams.core.incidents.localise import Excess
from streams.core.incidents.state import HealthCounters, KeyHealth
from streams.core.incidents.statistics import poisson_tail

FEED: Final = "payments.transactions"
# Merchants close at night and releases are replaced: only what always has traffic can be missed.
ALWAYS_BUSY = frozenset({"platform", "gateway", "issuer", "network", "method", "region"})
# Nothing at all for this long is either the end of all payments or the end of what is heard of them.
_NOTHING_MS = 60_000


def is_proof(health: HealthCounters, at_ms: int, payments: Standing, policy: HealthPolicy) -> bool:
    """Whether it means something now that attempts are missing.

    In whole windows of one hour, because the normal is that hour's. Where nothing at all is heard, once it would be
    known that the feed has stopped.
    """
    silent_ms = at_ms - health.newest_ms
    may_have_stopped = _NOTHING_MS <= silent_ms < payments.known_after_ms
    return at_ms % HOUR_MS >= policy.window_s * 1000 and not payments.silent_from_ms and not may_have_stopped


def missing(health: HealthCounters, at_ms: int, policy: HealthPolicy) -> list[Excess]:
    """Keys that are silent now, retired ones too: what shares their traffic is silent with them."""
    found = []
    for key, entry in health.keys.items():
        usual = _usual(entry, policy)
        if usual < policy.silent_attempts or dimension_of(key) not in ALWAYS_BUSY or group_of(key):
            continue
        seen = _seen(entry, at_ms, policy)
        if seen >= usual / 2:
            entry.retired = False
        if seen <= policy.silent_share * usual and poisson_tail(usual, seen) < -policy.tail_log10 * math.log(10):
            found.append(Excess(key, usual, usual - seen))
    return found


def is_missed(key: str, entry: KeyHealth, at_ms: int, policy: HealthPolicy) -> bool:
    """Whether it is silent and would be missed: it has traffic at every time."""
    is_busy = dimension_of(key) in ALWAYS_BUSY and not group_of(key) and not entry.retired
    return is_busy and _usual(entry, policy) >= policy.silent_attempts and is_silent(entry, at_ms, policy)


def is_heard(entry: KeyHealth, at_ms: int, policy: HealthPolicy) -> bool:
    """Whether it has half of its usual attempts again; in an hour without usual traffic nobody can say."""
    usual = _usual(entry, policy)
    return usual > 0 and _seen(entry, at_ms, policy) >= usual / 2


def is_silent(entry: KeyHealth, at_ms: int, policy: HealthPolicy) -> bool:
    """Whether it has fallen silent again; in an hour without usual traffic nobody can say."""
    usual = _usual(entry, policy)
    return usual > 0 and _seen(entry, at_ms, policy) <= policy.silent_share * usual


def _usual(entry: KeyHealth, policy: HealthPolicy) -> float:
    return entry.learnt.expected * policy.window_s * 1000 / HOUR_MS


def _seen(entry: KeyHealth, at_ms: int, policy: HealthPolicy) -> int:
    seen, _, _ = counting.totals(entry, counting.slot_of(at_ms - policy.window_s * 1000, policy) + 1)
    return seen
