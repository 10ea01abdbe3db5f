"""How do the buckets of all partitions become the numbers of each key, and which keys are kept?"""

from __future__ import annotations

from streams.contracts.signals import HealthBucket
from streams.core.entities.policies import HealthPolicy
from streams.core.incidents.baseline import HOUR_MS, begin_hour, learn
from streams.core.incidents.causes import METERED
from streams.core.incidents.keys import PLATFORM, meter, parent_of
from streams.core.incidents.slowness import Speed, measure
from streams.core.incidents.state import (
    CODES_MAX,
    CURRENCIES_MAX,
    NEWCOMERS_MAX,
    SLOTS,
    HealthCounters,
    KeyHealth,
)

_DAY_HOURS = 24
_MOST = 2**60  # below what a 64-bit sum can hold
_WEIGHTLESS = 1.0  # decayed trials: a key that nobody used for months


def count_bucket(health: HealthCounters, bucket: HealthBucket, policy: HealthPolicy) -> None:
    """Adds one bucket of one partition."""
    slot = slot_of(bucket.bucket_ms, policy)
    fresh = health.fresh
    for trial in bucket.trials:
        _add(health, trial.key, slot, trial.attempts, trial.failures, trial.failing, policy)
        known = fresh.get(trial.key)
        if known is None:
            continue
        counts = trial.groups or (0,) * len(METERED)
        for group, count in zip(METERED, counts, strict=False):
            name = meter(group, trial.key)
            if count or name in health.keys:  # also without a refusal: its attempts are what refusals are compared with
                _add(health, name, slot, trial.attempts, count, 0, policy)
        if trial.spans:
            entry = health.keys[trial.key]
            if entry.speed is None:
                entry.speed = Speed()
            measure(entry.speed, trial.spans)
    for member in bucket.members:
        for incident in health.incidents.values():
            if incident.incident_id == member.incident_id:
                incident.users += member.users
                incident.failures += member.failures
                _merge(incident.amounts, member.amounts, CURRENCIES_MAX)
                _merge(incident.codes, member.codes, CODES_MAX)
    health.newest_ms = max(health.newest_ms, bucket.bucket_ms)


def _add(
    health: HealthCounters, key: str, slot: int, attempts: int, failures: int, failing: int, policy: HealthPolicy
) -> None:
    entry = health.keys.get(key)
    if entry is None:
        entry = _admit(health, key, attempts, policy)
        if entry is None:
            return
    slots = entry.slots
    if slots and slots[-1][0] == slot:
        _, n, f, users = slots[-1]
        slots[-1] = (slot, n + attempts, f + failures, users | failing)
    else:
        _add_elsewhere(slots, slot, attempts, failures, failing)
    n, f = health.fresh.get(key, (0, 0))
    health.fresh[key] = (n + attempts, f + failures)


def _add_elsewhere(slots: list[tuple[int, int, int, int]], slot: int, attempts: int, failures: int, users: int) -> None:
    """A new slot, or one that is not the newest: buckets of a slow partition come late."""
    for index, (number, n, f, seen) in enumerate(slots):
        if number == slot:
            slots[index] = (slot, n + attempts, f + failures, seen | users)
            return
    slots.append((slot, attempts, failures, users))
    slots.sort()
    newest = slots[-1][0]
    while slots[0][0] <= newest - SLOTS:
        del slots[0]


def _admit(health: HealthCounters, key: str, attempts: int, policy: HealthPolicy) -> KeyHealth | None:
    """A place for a new key; where there is none it has to be heavier than another one, at the end of the hour."""
    if len(health.keys) < policy.keys_max or key == PLATFORM:
        entry = health.keys[key] = KeyHealth()
        return entry
    known = health.newcomers.get(key)
    if known is not None or len(health.newcomers) < NEWCOMERS_MAX:
        health.newcomers[key] = (known or 0) + attempts
    return None


def totals(entry: KeyHealth, from_slot: int) -> tuple[int, int, int]:
    """(attempts, failures, map of users with a failure) in the slots from `from_slot` on."""
    n = f = users = 0
    for number, attempts, failures, failing in entry.slots:
        if number >= from_slot:
            n += attempts
            f += failures
            users |= failing
    return n, f, users


def slot_of(at_ms: int, policy: HealthPolicy) -> int:
    """The slot in which `at_ms` is."""
    return at_ms * SLOTS // (policy.window_s * 1000)


def roll_hours(health: HealthCounters, at_ms: int, policy: HealthPolicy) -> None:
    """Learns the hours that have ended and sets what is normal in the one of `at_ms`."""
    hour = at_ms // HOUR_MS
    if health.hour == hour:
        return
    if health.hour:
        _learn(health, hour, policy)
    health.hour = hour
    keys = health.keys
    # A parent's normal is set before that of its children.
    for key in sorted(keys, key=_depth):
        _begin(health, key, policy)
    health.per_day = sum(entry.learnt.per_day for entry in keys.values())


def begin(health: HealthCounters, key: str, policy: HealthPolicy) -> None:
    """Sets what is normal for a key that came within the hour."""
    _begin(health, key, policy)


def _learn(health: HealthCounters, hour: int, policy: HealthPolicy) -> None:
    # After a long silence the hours in between are empty; a week of them says everything about the others.
    passed = min(hour - health.hour, 168)
    for entry in health.keys.values():
        learnt = entry.learnt
        for number in range(hour - passed, hour):
            learn(
                learnt,
                number,
                profiled=learnt.per_day >= policy.profile_per_day,
                change_per_day=policy.change_per_day,
                warm_trials=policy.warm_trials,
            )
    _make_room(health, policy)


def _make_room(health: HealthCounters, policy: HealthPolicy) -> None:
    """Drops keys that nobody uses any more, and the lightest ones for heavier newcomers."""
    keys = health.keys
    yesterday = slot_of((health.hour - _DAY_HOURS) * HOUR_MS, policy)
    for key in [
        key
        for key, entry in keys.items()
        if entry.learnt.trials < _WEIGHTLESS and (not entry.slots or entry.slots[-1][0] < yesterday)
    ]:
        _drop(health, key)
    newcomers = sorted(health.newcomers.items(), key=lambda item: (-item[1], item[0]))
    health.newcomers = {}
    if not newcomers:
        return
    held = {incident.root for incident in health.incidents.values()} | {PLATFORM}
    lightest = sorted((entry.learnt.per_day, key) for key, entry in keys.items() if key not in held)
    leaving = iter(lightest)
    for key, trials in newcomers:
        if len(keys) >= policy.keys_max:
            per_day, victim = next(leaving, (float("inf"), ""))
            if per_day >= trials * _DAY_HOURS:
                return
            _drop(health, victim)
        keys[key] = KeyHealth()


def _drop(health: HealthCounters, key: str) -> None:
    if key not in {incident.root for incident in health.incidents.values()}:
        del health.keys[key]
        health.fresh.pop(key, None)


def _begin(health: HealthCounters, key: str, policy: HealthPolicy) -> None:
    name = parent_of(key)
    parent = None if name is None else health.keys.get(name)
    if parent is None and name is not None:
        parent = health.keys.get(PLATFORM)
    begin_hour(
        health.keys[key].learnt,
        health.hour,
        None if parent is None else parent.learnt,
        prior=policy.prior_share,
        weight=policy.prior_trials,
        floor=policy.floor_share,
        cold=policy.cold_share,
        warm_trials=policy.warm_trials,
    )


def _depth(key: str) -> int:
    name = parent_of(key)
    return 0 if name is None else 1 if name == PLATFORM else 2


def _merge(into: dict[str, int], more: dict[str, int], most: int) -> None:
    for name, count in more.items():
        if name in into or len(into) < most:
            into[name] = min(_MOST, into.get(name, 0) + count)
