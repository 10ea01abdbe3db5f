"""What is remembered of every watched key and of every incident, in a size that no flood can exceed?

One state holds all keys, because the root of an outage can only be found where all of them are seen. It changes once
per bucket, not once per event: 2,000 keys are 0.9 MB of state every five seconds at most.
"""

from __future__ import annotations

import msgspec

from streams.contracts.cases import Evidence
from streams.core.entities.handling import Work
from streams.core.incidents.baseline import Learnt
from streams.core.incidents.slowness import Speed
from streams.core.incidents.transitions import FLUCTUATING

SLOTS = 10
RECENT_MAX = 60
INCIDENTS_MAX = 32
CODES_MAX = 8
CURRENCIES_MAX = 8
NEWCOMERS_MAX = 512


class KeyHealth(msgspec.Struct, array_like=True):
    """One key. Slots are (number, attempts, failures, map of users with a failure), oldest first."""

    slots: list[tuple[int, int, int, int]] = []
    learnt: Learnt = msgspec.field(default_factory=Learnt)
    cusum: float = 0.0
    onset_ms: int = 0  # when the statistic left zero: the likely begin of what it shows
    streak: int = 0  # failures in a row
    speed: Speed | None = None
    # (end, trials, failures) of the buckets since the key is suspicious: slots are too coarse to tell siblings apart.
    recent: list[tuple[int, int, int]] = []
    retired: bool = False  # people have ended its silence: it may be silent until it is heard as usual again


class Incident(msgspec.Struct, array_like=True):
    """One thing that is wrong, from the first suspicion to its end."""

    incident_id: str
    root: str
    cause: str  # failures, silence, slowness
    since_ms: int
    state: str = FLUCTUATING
    state_ms: int = 0  # since when it is in that state
    opened_ms: int = 0  # 0: no case yet
    version: int = 0
    priority: int = 2
    users: int = 0
    failures: int = 0  # that were found to belong to it
    amounts: dict[str, int] = {}
    codes: dict[str, int] = {}
    attempts: int = 0  # on the root while it was down; of what is not confirmed, since the alarm
    failed: int = 0
    clear: float = 0.0  # evidence that it is over
    clear_trials: int = 0
    tried_ms: int = 0  # newest attempt on the root
    told_ms: int = 0
    told_failures: int = 0
    changed: list[str] = []
    expires_ms: int = 0  # of what the accounts side was told
    evidence: list[Evidence] = []
    evidence_dropped: int = 0
    reopened: int = 0
    shadow: bool = False
    work: Work = msgspec.field(default_factory=Work)  # what people do about it
    clear_ms: int = 0  # newest time at which nothing spoke for its end
    told_began: bool = False  # the merchant, of an incident of its own
    told_over: bool = False
    ending: str = ""  # how it ended
    part_of: str = ""  # the incident that explains it


class HealthCounters(msgspec.Struct, array_like=True):
    """All keys and all incidents of the system."""

    keys: dict[str, KeyHealth] = {}
    fresh: dict[str, tuple[int, int]] = {}  # trials and failures since the last look
    hour: int = 0  # number of the hour whose normal is known
    incidents: dict[str, Incident] = {}  # by root
    newcomers: dict[str, int] = {}  # trials of keys for which there was no room, in this hour
    newest_ms: int = 0
    due_ms: int = 0  # when to look next; 0: nothing to look at
    minute_ms: int = 0  # newest minute that was looked at
    per_day: float = 0.0  # trials of all keys on a usual day
