"""Which share of failures and which traffic are normal for a key in this hour of the week?

Domain section 3.2: shrinkage to the parent, p0 = (a * p_parent + f) / (a + n), in three steps from coarse to fine: the
key's own level, the hour of the day, the hour of the week. Weights halve in two weeks. A key without a history of its
own takes over how its parent's share moves over the hours.
"""

from __future__ import annotations

import math

import msgspec

HOUR_MS = 3_600_000
HOURS = 168
HALF_LIFE_WEEKS = 2.0
_HOURLY_DECAY = math.exp2(-1.0 / (HALF_LIFE_WEEKS * HOURS))
_WEEKLY_DECAY = math.exp2(-1.0 / HALF_LIFE_WEEKS)
_LIFE_HOURS = 1.0 / (1.0 - _HOURLY_DECAY)
_EMPTY = bytes(2 * HOURS)
# A cell keeps a count in one byte, eighths of an octave: within 4.5 % up to a billion. A key's hours are 336 bytes.
_CODES = [0.0, *(2.0 ** (code / 8) for code in range(255))]
_LARGEST = _CODES[-1]


class Learnt(msgspec.Struct, array_like=True):
    """What is known of one key; 336 bytes with a profile, 60 without."""

    trials: float = 0.0  # decayed
    failures: float = 0.0
    hours: int = 0  # since the key is known
    hour_trials: int = 0  # of the running hour: learnt when it ends
    hour_failures: int = 0
    profile: bytes = b""  # [trials, failures] of each hour of the week; empty for a key with too little traffic
    p0: float = 0.0  # of the running hour; 0: not known yet
    expected: float = 0.0  # trials in the running hour; 0: less than a week of history
    level: float = 0.0  # p0 as far as it is known: without what a key of little history is granted; 0: not known yet

    @property
    def likely(self) -> float:
        """The share to compare with other keys'; `p0`, which alarms are raised by, is more patient with a new key."""
        return self.level or self.p0

    @property
    def per_day(self) -> float:
        """Trials of a usual day."""
        if not self.hours:
            return 0.0
        lived = min(float(self.hours), _LIFE_HOURS * (1.0 - math.pow(_HOURLY_DECAY, self.hours)))
        return self.trials * 24.0 / max(1.0, lived)

    def share(self, prior: float, weight: float) -> float:
        """The key's own level of failures, drawn to `prior` while it has few trials."""
        return (weight * prior + self.failures) / (weight + self.trials)


def learn(learnt: Learnt, hour: int, *, profiled: bool, change_per_day: float, warm_trials: float) -> None:
    """Folds the hour that ended (number `hour` since 1970) into the level and the profile."""
    before = learnt.failures / learnt.trials if learnt.trials >= warm_trials else None
    learnt.trials = learnt.trials * _HOURLY_DECAY + learnt.hour_trials
    learnt.failures = learnt.failures * _HOURLY_DECAY + learnt.hour_failures
    if before:
        most = (1.0 + change_per_day) ** (1 / 24)
        share = min(max(learnt.failures / learnt.trials, before / most), before * most)
        learnt.failures = share * learnt.trials
    learnt.hours += 1
    if profiled and not learnt.profile:
        learnt.profile = _EMPTY
    if learnt.profile:
        cells = bytearray(learnt.profile)
        at = 2 * (hour % HOURS)
        cells[at] = _code(_CODES[cells[at]] * _WEEKLY_DECAY + learnt.hour_trials)
        cells[at + 1] = _code(_CODES[cells[at + 1]] * _WEEKLY_DECAY + learnt.hour_failures)
        learnt.profile = bytes(cells)
    learnt.hour_trials = learnt.hour_failures = 0


def begin_hour(
    learnt: Learnt,
    hour: int,
    parent: Learnt | None,
    *,
    prior: float,
    weight: float,
    floor: float,
    cold: float,
    warm_trials: float,
) -> None:
    """Sets what is normal in hour number `hour`; `prior` is the level assumed where there is no parent."""
    level = learnt.share(prior if parent is None else parent.share(prior, weight), weight)
    season = 1.0
    if parent is not None and parent.p0 and parent.trials >= warm_trials:
        season = min(4.0, max(0.5, parent.p0 / parent.share(prior, weight)))
    p0 = level * season
    learnt.expected = 0.0
    if learnt.profile:
        trials, failures = _same_hour_of_day(learnt.profile, hour)
        p0 = (weight * p0 + failures) / (weight + trials)
        at = 2 * (hour % HOURS)
        trials, failures = _CODES[learnt.profile[at]], _CODES[learnt.profile[at + 1]]
        p0 = (weight * p0 + failures) / (weight + trials)
        weeks = learnt.hours // HOURS
        if weeks:
            learnt.expected = trials * (1.0 - _WEEKLY_DECAY) / (1.0 - math.pow(_WEEKLY_DECAY, weeks))
    learnt.level = min(0.5, max(floor, p0))
    learnt.p0 = learnt.level if learnt.trials >= warm_trials else min(0.5, max(learnt.level, cold))


def _same_hour_of_day(profile: bytes, hour: int) -> tuple[float, float]:
    """Trials and failures of the seven cells of that hour of the day."""
    trials = failures = 0.0
    for cell in range(2 * (hour % 24), 2 * HOURS, 48):
        trials += _CODES[profile[cell]]
        failures += _CODES[profile[cell + 1]]
    return trials, failures


def _code(count: float) -> int:
    if count < 0.5:
        return 0
    return 1 + min(254, max(0, round(8.0 * math.log2(min(count, _LARGEST)))))
